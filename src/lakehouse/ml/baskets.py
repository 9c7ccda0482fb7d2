"""What is bought together, and what sells best in a segment: the grounds of a recommendation."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

LEAST_LIFT = 1.5
# Chance makes pairs too, hundreds of them among a thousand products. The standard error of a count is its square root:
# a pair stays that has more orders than chance makes even when so many standard errors are taken away.
STANDARD_ERRORS = 2
BEST = 10
RECOMMENDED = 5


def bought_together(transactions: DataFrame) -> DataFrame:
    """Products that go into one order more often than chance would put them there.

    Columns: product_id, with_product_id, orders (that have both), support (their share of all orders), confidence
    (their share of the orders with product_id), lift (support / (share with the one x share with the other); 1 is
    chance). Key: product_id and with_product_id; each pair comes both ways. Left out are pairs with a lift below 1.5,
    and those that may well be chance: their orders less two standard errors are no more than it makes. Agrawal and
    Srikant, Fast Algorithms for Mining Association Rules, 1994.
    """
    orders = transactions.groupBy("order_id").agg(F.collect_set("product_id").alias("_products"))
    all_orders = orders.agg(F.count("*").alias("_all"))
    lines = orders.select("_products", F.explode("_products").alias("product_id"))
    sold = lines.groupBy("product_id").agg(F.count("*").alias("_sold"))
    pairs = lines.where(F.size("_products") > 1).select("product_id", F.explode("_products").alias("with_product_id"))
    counted = pairs.groupBy("product_id", "with_product_id").agg(F.count("*").alias("orders"))
    at_least = F.col("orders") - STANDARD_ERRORS * F.sqrt("orders")
    frequent = counted.where(at_least > 0).where("product_id <> with_product_id")
    other_sold = sold.select(F.col("product_id").alias("with_product_id"), F.col("_sold").alias("_other_sold"))
    rows = frequent.join(sold, "product_id").join(other_sold, "with_product_id").crossJoin(all_orders)
    by_chance = F.col("_sold") * F.col("_other_sold") / F.col("_all")
    return rows.where((at_least > by_chance) & (F.col("orders") >= LEAST_LIFT * by_chance)).select(
        "product_id",
        "with_product_id",
        "orders",
        (F.col("orders") / F.col("_all")).alias("support"),
        (F.col("orders") / F.col("_sold")).alias("confidence"),
        (F.col("orders") / by_chance).alias("lift"),
    )


def popular(transactions: DataFrame, customers: DataFrame) -> DataFrame:
    """The ten products that most orders of a segment have: what is shown to whom nothing is known about.

    Columns: segment, product_id, orders, rank (1 is the best; ties by product_id). Key: segment and product_id.
    """
    segments = customers.where("is_current AND segment IS NOT NULL").select("customer_id", "segment")
    sold = transactions.join(segments, "customer_id").groupBy("segment", "product_id")
    counted = sold.agg(F.count_distinct("order_id").alias("orders"))
    best = Window.partitionBy("segment").orderBy(F.desc("orders"), "product_id")
    return counted.withColumn("rank", F.row_number().over(best)).where(F.col("rank") <= BEST)


def recommendations(transactions: DataFrame, customers: DataFrame, together: DataFrame) -> DataFrame:
    """For each customer up to five products that go with what they bought, and that they have not bought yet.

    `together` is what `bought_together` returns. Columns: customer_id, rank (by lift, ties by product_id), product_id,
    because_of (the product that they bought), support, lift. Key: customer_id and product_id. Customers whose
    purchases go with nothing have no row, nor have those who were erased.
    """
    # A pair's place among all is one number: numbers are aggregated by hash, a struct would be sorted.
    by_lift = Window.orderBy(F.desc("lift"), "with_product_id", F.desc("support"), "product_id")
    places = F.broadcast(together.withColumn("_place", F.row_number().over(by_lift)))
    known = customers.where("is_current").select("customer_id")
    bought = transactions.groupBy("customer_id").agg(F.collect_set("product_id").alias("_bought"))
    bought = bought.join(known, "customer_id", "left_semi")
    lines = bought.select("customer_id", "_bought", F.explode("_bought").alias("product_id"))
    new = lines.join(places, "product_id").where(~F.array_contains("_bought", F.col("with_product_id")))
    best = new.groupBy("customer_id", "with_product_id").agg(F.min("_place").alias("_place"))
    ranked = best.withColumn("rank", F.row_number().over(Window.partitionBy("customer_id").orderBy("_place")))
    grounds = ranked.where(F.col("rank") <= RECOMMENDED).select("customer_id", "rank", "_place").join(places, "_place")
    product, because_of = F.col("with_product_id").alias("product_id"), F.col("product_id").alias("because_of")
    return grounds.select("customer_id", "rank", product, because_of, "support", "lift")

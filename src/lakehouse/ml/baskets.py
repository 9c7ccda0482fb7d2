"""What is bought together, and what sells best in a segment: the grounds of a recommendation."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

# A pair that so few orders have says nothing: chance makes such pairs too.
LEAST_ORDERS = 5
LEAST_LIFT = 1.5
BEST = 10
RECOMMENDED = 5


def bought_together(transactions: DataFrame) -> DataFrame:
    """Products that go into one order more often than chance would put them there.

    Columns: product_id, with_product_id, orders (that have both), support (their share of all orders), confidence
    (their share of the orders with product_id), lift (support / (share with the one x share with the other); 1 is
    chance). Key: product_id and with_product_id; each pair comes both ways. Pairs of fewer than 5 orders or a lift
    below 1.5 are left out. Agrawal and Srikant, Fast Algorithms for Mining Association Rules, 1994.
    """
    orders = transactions.groupBy("order_id").agg(F.collect_set("product_id").alias("_products"))
    all_orders = orders.agg(F.count("*").alias("_all"))
    lines = orders.select("_products", F.explode("_products").alias("product_id"))
    sold = lines.groupBy("product_id").agg(F.count("*").alias("_sold"))
    pairs = lines.where(F.size("_products") > 1).select("product_id", F.explode("_products").alias("with_product_id"))
    counted = pairs.groupBy("product_id", "with_product_id").agg(F.count("*").alias("orders"))
    frequent = counted.where(F.col("orders") >= LEAST_ORDERS).where("product_id <> with_product_id")
    other_sold = sold.select(F.col("product_id").alias("with_product_id"), F.col("_sold").alias("_other_sold"))
    rows = frequent.join(sold, "product_id").join(other_sold, "with_product_id").crossJoin(all_orders)
    measured = rows.select(
        "product_id",
        "with_product_id",
        "orders",
        (F.col("orders") / F.col("_all")).alias("support"),
        (F.col("orders") / F.col("_sold")).alias("confidence"),
        (F.col("orders") * F.col("_all") / (F.col("_sold") * F.col("_other_sold"))).alias("lift"),
    )
    return measured.where(F.col("lift") >= LEAST_LIFT)


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
    known = customers.where("is_current").select("customer_id")
    bought = transactions.groupBy("customer_id").agg(F.collect_set("product_id").alias("_bought"))
    bought = bought.join(known, "customer_id", "left_semi")
    lines = bought.select("customer_id", "_bought", F.explode("_bought").alias("product_id"))
    offered = lines.join(F.broadcast(together), "product_id").select(
        "customer_id",
        "_bought",
        F.col("with_product_id").alias("product_id"),
        F.struct("lift", "support", F.col("product_id").alias("because_of")).alias("_ground"),
    )
    new = offered.where(~F.array_contains("_bought", F.col("product_id")))
    grounds = new.groupBy("customer_id", "product_id").agg(F.max("_ground").alias("_ground"))
    best = Window.partitionBy("customer_id").orderBy(F.desc("_ground.lift"), "product_id")
    ranked = grounds.withColumn("rank", F.row_number().over(best)).where(F.col("rank") <= RECOMMENDED)
    return ranked.select("customer_id", "rank", "product_id", "_ground.because_of", "_ground.support", "_ground.lift")

"""Wrong answers that people really give to the exercises on transformations, and right ones written otherwise."""

from pyspark.sql import Window
from pyspark.sql import functions as F

from workbook.authoring.proofs import right, wrong


@wrong("without_orders", says="`NOT IN` is true for nobody")
def not_in(customers, orders):
    """Forgets the NULL in the list."""
    return customers.sparkSession.sql(
        "SELECT * FROM {customers} WHERE customer_id NOT IN (SELECT customer_id FROM {orders})",
        customers=customers,
        orders=orders,
    )


@wrong("without_orders", says="a semi join, or `IN`, keeps those who bought")
def semi_join(customers, orders):
    """Takes the wrong one of the two joins without columns."""
    return customers.join(orders, "customer_id", "left_semi")


@wrong("without_orders", says="a condition of inequality fits every order of somebody else")
def joined_by_inequality(customers, orders):
    """Turns the condition round instead of the kind of join."""
    return customers.join(orders, customers.customer_id != orders.customer_id).select(customers["*"])


@wrong("without_orders", says="The column `city` is missing")
def ids_only(customers, orders):
    """Subtracts the ids, and gives ids back."""
    return customers.select("customer_id").subtract(orders.select("customer_id"))


@wrong("without_orders", says="A customer is known by the id")
def one_a_city(customers, orders):
    """Leaves out what looks alike."""
    return customers.join(orders, "customer_id", "left_anti").dropDuplicates(["city"])


@right("without_orders")
def not_exists(customers, orders):
    return customers.sparkSession.sql(
        "SELECT * FROM {customers} AS c WHERE NOT EXISTS (SELECT 1 FROM {orders} AS o WHERE o.customer_id = "
        "c.customer_id)",
        customers=customers,
        orders=orders,
    )


@right("without_orders")
def left_join_and_null(customers, orders):
    joined = customers.join(orders, customers.customer_id == orders.customer_id, "left")
    return joined.where(orders.customer_id.isNull()).select(customers["*"])


@right("without_orders")
def not_in_without_null(customers, orders):
    return customers.sparkSession.sql(
        "SELECT * FROM {customers} WHERE customer_id NOT IN "
        "(SELECT customer_id FROM {orders} WHERE customer_id IS NOT NULL)",
        customers=customers,
        orders=orders,
    )


@wrong("paid_totals", says="drops the customers that it kept")
def filter_after_the_join(customers, orders):
    """Filters the right side after the left join."""
    each = customers.join(orders, "customer_id", "left").where("status = 'paid'").groupBy("customer_id")
    return each.agg(F.count("order_id").alias("orders"), F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total"))


@wrong("paid_totals", says="Filter the orders before")
def filter_that_allows_null(customers, orders):
    """Saves the unmatched rows, and forgets those that matched another status."""
    joined = customers.join(orders, "customer_id", "left").where("status = 'paid' OR status IS NULL")
    return joined.groupBy("customer_id").agg(
        F.count("order_id").alias("orders"), F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total")
    )


@wrong("paid_totals", says="`count(*)` counts rows")
def counts_rows(customers, orders):
    """Counts the row of NULLs that the left join made."""
    paid = orders.where("status = 'paid'")
    each = customers.join(paid, "customer_id", "left").groupBy("customer_id")
    return each.agg(F.count("*").alias("orders"), F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total"))


@wrong("paid_totals", says="the sum of nothing is NULL")
def null_totals(customers, orders):
    """Expects the sum of nothing to be 0."""
    paid = orders.where("status = 'paid'")
    each = customers.join(paid, "customer_id", "left").groupBy("customer_id")
    return each.agg(F.count("order_id").alias("orders"), F.sum("amount").alias("total"))


@wrong("paid_totals", says="equal amounts count each")
def distinct_amounts(customers, orders):
    """Fears the fan-out of the join, and makes the amounts distinct."""
    paid = orders.where("status = 'paid'")
    each = customers.join(paid, "customer_id", "left").groupBy("customer_id")
    return each.agg(
        F.count("order_id").alias("orders"), F.coalesce(F.sum_distinct("amount"), F.lit(0.0)).alias("total")
    )


@wrong("paid_totals", says="its amount is NULL")
def counts_amounts(customers, orders):
    """Counts a column that can be NULL in an order."""
    paid = orders.where("status = 'paid'")
    each = customers.join(paid, "customer_id", "left").groupBy("customer_id")
    return each.agg(F.count("amount").alias("orders"), F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total"))


@wrong("paid_totals", says="who is no customer")
def from_both_sides(customers, orders):
    """Keeps the orders too."""
    paid = orders.where("status = 'paid'")
    each = customers.join(paid, "customer_id", "full").groupBy("customer_id")
    return each.agg(F.count("order_id").alias("orders"), F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total"))


@right("paid_totals")
def condition_in_the_join(customers, orders):
    return customers.sparkSession.sql(
        "SELECT c.customer_id, count(o.order_id) AS orders, coalesce(sum(o.amount), 0D) AS total FROM {customers} AS c "
        "LEFT JOIN {orders} AS o ON o.customer_id = c.customer_id AND o.status = 'paid' GROUP BY c.customer_id",
        customers=customers,
        orders=orders,
    )


@right("paid_totals")
def conditional_aggregates(customers, orders):
    paid = F.col("status") == "paid"
    return (
        customers.join(orders, "customer_id", "left")
        .groupBy("customer_id")
        .agg(
            F.count_if(paid).alias("orders"),
            F.sum(F.when(paid, F.coalesce("amount", F.lit(0.0))).otherwise(0.0)).alias("total"),
        )
    )


@wrong("running_balance", says="`paid_on` alone leaves the two peers")
def order_by_day(payments):
    """Overlooks that the default frame takes all peers."""
    so_far = Window.partitionBy("customer_id").orderBy("paid_on")
    return payments.withColumn("balance", F.sum("amount").over(so_far))


@wrong("running_balance", says="it holds the 7.0 of C2 too")
def one_window_for_all(payments):
    """Forgets the partition."""
    return payments.withColumn("balance", F.sum("amount").over(Window.orderBy("paid_on", "payment_id")))


@wrong("running_balance", says="that is the whole total")
def without_order(payments):
    """Forgets the order, so that the frame is the whole partition."""
    return payments.withColumn("balance", F.sum("amount").over(Window.partitionBy("customer_id")))


@wrong("running_balance", says="your frame begins too late")
def sliding_frame(payments):
    """Takes a moving sum for a running one."""
    last_two = Window.partitionBy("customer_id").orderBy("paid_on", "payment_id").rowsBetween(-1, Window.currentRow)
    return payments.withColumn("balance", F.sum("amount").over(last_two))


@wrong("running_balance", says="The day comes first")
def by_id_alone(payments):
    """Takes the ids for the order of the days."""
    by_id = Window.partitionBy("customer_id").orderBy("payment_id")
    return payments.withColumn("balance", F.sum("amount").over(by_id))


@wrong("running_balance", says="does your window begin anew each day?")
def each_day_anew(payments):
    """Makes a partition of each day."""
    of_the_day = Window.partitionBy("customer_id", "paid_on").orderBy("payment_id")
    return payments.withColumn("balance", F.sum("amount").over(of_the_day))


@wrong("running_balance", says="your frame ends before the current row")
def balance_before(payments):
    """Gives the balance before a payment."""
    before = Window.partitionBy("customer_id").orderBy("paid_on", "payment_id").rowsBetween(-100, -1)
    return payments.withColumn("balance", F.sum("amount").over(before))


@wrong("running_balance", says="The balance after a payment includes it")
def balance_before_with_a_zero(payments):
    """Gives the balance before a payment, and 0.0 before the first."""
    before = Window.partitionBy("customer_id").orderBy("paid_on", "payment_id").rowsBetween(-100, -1)
    return payments.withColumn("balance", F.coalesce(F.sum("amount").over(before), F.lit(0.0)))


@wrong("running_balance", says="it holds those of C1 too")
def one_customer_after_the_other(payments):
    """Orders by the customer instead of beginning anew."""
    all_payments = Window.orderBy("customer_id", "paid_on", "payment_id")
    return payments.withColumn("balance", F.sum("amount").over(all_payments))


@wrong("running_balance", says="your order runs backwards")
def newest_first(payments):
    """Orders as a bank statement does."""
    backwards = Window.partitionBy("customer_id").orderBy(F.desc("paid_on"), F.desc("payment_id"))
    return payments.withColumn("balance", F.sum("amount").over(backwards))


@right("running_balance")
def joined_to_those_before(payments):
    return payments.sparkSession.sql(
        """
        SELECT p.payment_id, p.customer_id, p.paid_on, p.amount, sum(q.amount) AS balance
        FROM {payments} p JOIN {payments} q
            ON p.customer_id <=> q.customer_id
            AND (q.paid_on < p.paid_on OR q.paid_on = p.paid_on AND q.payment_id <= p.payment_id)
        GROUP BY ALL
        """,
        payments=payments,
    )


@right("running_balance")
def rows_in_sql(payments):
    return payments.sparkSession.sql(
        "SELECT *, sum(amount) OVER (PARTITION BY customer_id ORDER BY paid_on, payment_id "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS balance FROM {payments}",
        payments=payments,
    )


@right("running_balance")
def joined_to_itself(payments):
    earlier = payments.selectExpr("customer_id", "paid_on AS day", "payment_id AS id", "amount AS part")
    before = "day < paid_on OR (day = paid_on AND id <= payment_id)"
    keys = payments.columns
    return payments.join(earlier, "customer_id").where(before).groupBy(*keys).agg(F.sum("part").alias("balance"))


@wrong("best_sellers", says="`rank` gives equals the same number")
def ranked(products):
    """Uses rank, which has no ties to break."""
    best_first = Window.partitionBy("category").orderBy(F.desc("sold"))
    return products.withColumn("place", F.rank().over(best_first)).where("place <= 2").drop("place")


@wrong("best_sellers", says="does not say which of the two is first")
def numbered_without_tie(products):
    """Forgets the tie."""
    best_first = Window.partitionBy("category").orderBy(F.desc("sold"))
    return products.withColumn("place", F.row_number().over(best_first)).where("place <= 2").drop("place")


@wrong("best_sellers", says="is your `limit` for all categories together?")
def limit_of_all(products):
    """Takes the first rows of the whole."""
    return products.orderBy("category", F.desc("sold"), "product_id").limit(2)


@wrong("best_sellers", says="not two of all products")
def two_of_all(products):
    """Takes the two that sold most."""
    return products.orderBy(F.desc("sold"), "product_id").limit(2)


@wrong("best_sellers", says="two of each category are asked for")
def best_only(products):
    """Compares each product with the best of its category."""
    best = F.max("sold").over(Window.partitionBy("category"))
    return products.withColumn("best", best).where("sold = best").drop("best")


@wrong("best_sellers", says="NULL comes last")
def null_first(products):
    """Sorts as a database does that takes NULL for the largest value."""
    best_first = Window.partitionBy("category").orderBy(F.desc_nulls_first("sold"), "product_id")
    return products.withColumn("place", F.row_number().over(best_first)).where("place <= 2").drop("place")


@wrong("best_sellers", says="Sold NULL makes it the last, not absent")
def without_null(products):
    """Leaves out what was not sold."""
    best_first = Window.partitionBy("category").orderBy(F.desc("sold"), "product_id")
    sold = products.where("sold IS NOT NULL").withColumn("place", F.row_number().over(best_first))
    return sold.where("place <= 2").drop("place")


@wrong("best_sellers", says="NULL is not 0")
def null_is_nothing(products):
    """Puts 0 in the place of NULL, for the order."""
    best_first = Window.partitionBy("category").orderBy(F.desc(F.coalesce("sold", F.lit(0))), "product_id")
    return products.withColumn("place", F.row_number().over(best_first)).where("place <= 2").drop("place")


@right("best_sellers")
def best_sellers_in_sql(products):
    return products.sparkSession.sql(
        "SELECT product_id, category, sold FROM (SELECT *, row_number() OVER (PARTITION BY category "
        "ORDER BY sold DESC NULLS LAST, product_id) AS place FROM {products}) WHERE place < 3",
        products=products,
    )


@right("best_sellers")
def best_sellers_by_arrays(products):
    one = F.struct(F.coalesce(-F.col("sold"), F.lit(1)).alias("key"), "product_id", "sold")
    first = products.groupBy("category").agg(F.slice(F.array_sort(F.collect_list(one)), 1, 2).alias("best"))
    return first.select("category", F.inline("best")).select("product_id", "category", "sold")


@wrong("revenue_by_quarter", says="Give it the list")
def columns_of_the_data(sales):
    """Leaves the columns to the data."""
    return sales.groupBy("country").pivot("quarter").agg(F.sum("amount")).fillna(0.0)


@wrong("revenue_by_quarter", says="a cell without sales is NULL")
def empty_cells(sales):
    """Expects empty cells to be 0."""
    return sales.groupBy("country").pivot("quarter", ["Q1", "Q2", "Q3", "Q4"]).agg(F.sum("amount"))


@wrong("revenue_by_quarter", says="must add them, not choose one")
def first_of_a_cell(sales):
    """Pivots as a spreadsheet does that has one value a cell."""
    return sales.groupBy("country").pivot("quarter", ["Q1", "Q2", "Q3", "Q4"]).agg(F.first("amount")).fillna(0.0)


@wrong("revenue_by_quarter", says="took the country away with it")
def filtered_quarters(sales):
    """Cleans the sales first."""
    known = sales.where("quarter IS NOT NULL")
    return known.groupBy("country").pivot("quarter", ["Q1", "Q2", "Q3", "Q4"]).agg(F.sum("amount")).fillna(0.0)


@wrong("revenue_by_quarter", says="what is not known is a group too")
def known_countries(sales):
    """Leaves out the sales without a country."""
    quarters = ["Q1", "Q2", "Q3", "Q4"]
    known = sales.where("country IS NOT NULL")
    return known.groupBy("country").pivot("quarter", quarters).agg(F.sum("amount")).fillna(0.0, quarters)


@wrong("revenue_by_quarter", says="a join never finds NULL equal to NULL")
def joined_quarters(sales):
    """Joins one table a quarter."""
    result = sales.select("country").distinct()
    for quarter in ["Q1", "Q2", "Q3", "Q4"]:
        each = sales.where(F.col("quarter") == quarter).groupBy("country").agg(F.sum("amount").alias(quarter))
        result = result.join(each, "country", "left")
    return result.fillna(0.0)


@wrong("revenue_by_quarter", says="a country that is not known stays NULL")
def named_unknown(sales):
    """Gives the unknown country a name."""
    quarters = ["Q1", "Q2", "Q3", "Q4"]
    named = sales.fillna("?", ["country"])
    return named.groupBy("country").pivot("quarter", quarters).agg(F.sum("amount")).fillna(0.0, quarters)


@wrong("revenue_by_quarter", says="equal sales count each")
def different_sales(sales):
    """Takes equal sales for repeats."""
    quarters = ["Q1", "Q2", "Q3", "Q4"]
    return sales.distinct().groupBy("country").pivot("quarter", quarters).agg(F.sum("amount")).fillna(0.0, quarters)


@wrong("revenue_by_quarter", says="do not drop its row")
def full_rows(sales):
    """Drops the cells without sales, and the rows with them."""
    return sales.groupBy("country").pivot("quarter", ["Q1", "Q2", "Q3", "Q4"]).agg(F.sum("amount")).dropna()


@right("revenue_by_quarter")
def sums_with_a_condition(sales):
    cells = [
        F.sum(F.when(F.col("quarter") == q, F.col("amount")).otherwise(0.0)).alias(q) for q in ("Q1", "Q2", "Q3", "Q4")
    ]
    return sales.groupBy("country").agg(*cells)


@right("revenue_by_quarter")
def pivot_in_sql(sales):
    return sales.sparkSession.sql(
        "SELECT country, coalesce(Q1, 0) AS Q1, coalesce(Q2, 0) AS Q2, coalesce(Q3, 0) AS Q3, coalesce(Q4, 0) AS Q4 "
        "FROM {sales} PIVOT (sum(amount) FOR quarter IN ('Q1', 'Q2', 'Q3', 'Q4'))",
        sales=sales,
    )


@wrong("order_lines", says="O3, whose array is empty, is gone")
def plain_posexplode(orders):
    """Takes the generator that loses what is empty."""
    lines = orders.select("order_id", F.posexplode("items").alias("position", "item"))
    return lines.select("order_id", (F.col("position") + 1).alias("line"), "item.sku", "item.quantity")


@wrong("order_lines", says="positions of an array begin at 0")
def counted_from_zero(orders):
    """Takes the position for the number."""
    lines = orders.select("order_id", F.posexplode_outer("items").alias("line", "item"))
    return lines.select("order_id", "line", "item.sku", "item.quantity")


@wrong("order_lines", says="take the position while you explode")
def numbered_afterwards(orders):
    """Numbers the rows once they are exploded, in some order."""
    lines = orders.select("order_id", F.explode_outer("items").alias("item")).select("order_id", "item.*")
    line = F.row_number().over(Window.partitionBy("order_id").orderBy("sku"))
    return lines.withColumn("line", F.when(F.col("sku").isNotNull(), line))


@wrong("order_lines", says="O4, whose array is NULL, is gone")
def only_null_is_filtered(orders):
    """Thinks of the empty array, and filters NULL."""
    lines = orders.where("items IS NOT NULL").select("order_id", F.posexplode_outer("items").alias("position", "item"))
    return lines.select("order_id", (F.col("position") + 1).alias("line"), "item.sku", "item.quantity")


@wrong("order_lines", says="it has no line, so no first one either")
def a_first_line_of_nothing(orders):
    """Counts the row of an empty order as a line."""
    lines = orders.select("order_id", F.posexplode_outer("items").alias("position", "item"))
    number = F.coalesce("position", F.lit(0)) + 1
    return lines.select("order_id", number.alias("line"), "item.sku", "item.quantity")


@wrong("order_lines", says="equal lines are two lines")
def distinct_lines(orders):
    """Makes the lines distinct before numbering them."""
    unique = orders.withColumn("items", F.array_distinct("items"))
    lines = unique.select("order_id", F.posexplode_outer("items").alias("position", "item"))
    return lines.select("order_id", (F.col("position") + 1).alias("line"), "item.sku", "item.quantity")


@wrong("order_lines", says="It is line 1 all the same")
def numbered_where_known(orders):
    """Tells an order without lines by its sku."""
    lines = orders.select("order_id", F.posexplode_outer("items").alias("position", "item"))
    line = F.when(F.col("item.sku").isNotNull(), F.col("position") + 1)
    return lines.select("order_id", line.alias("line"), "item.sku", "item.quantity")


@right("order_lines")
def lateral_view(orders):
    return orders.sparkSession.sql(
        "SELECT order_id, position + 1 AS line, item.sku, item.quantity FROM {orders} "
        "LATERAL VIEW OUTER posexplode(items) AS position, item",
        orders=orders,
    )


@right("order_lines")
def numbered_inside_the_array(orders):
    numbered = F.transform(
        "items",
        lambda item, at: F.struct((at + 1).alias("line"), item.sku.alias("sku"), item.quantity.alias("quantity")),
    )
    return orders.select("order_id", F.inline_outer(numbered))


def _value(orders, kept, worth, start=0.0):
    lines = F.transform(F.filter("items", kept), worth)
    return F.coalesce(F.aggregate(lines, F.lit(start), lambda total, one: total + one), F.lit(0.0)).alias("value")


def _not_returned(item):
    return ~F.coalesce(item.returned, F.lit(False))


def _worth(item):
    return F.coalesce(item.price * item.quantity, F.lit(0.0))


@wrong("basket_values", says="which keeps nothing")
def not_null(orders):
    """Overlooks that NOT NULL is NULL."""
    return orders.select("order_id", _value(orders, lambda item: ~item.returned, _worth))


@wrong("basket_values", says="every function of a NULL array is NULL")
def null_array(orders):
    """Thinks of the empty array only."""
    lines = F.transform(F.filter("items", _not_returned), _worth)
    return orders.select("order_id", F.aggregate(lines, F.lit(0.0), lambda total, one: total + one).alias("value"))


@wrong("basket_values", says="one NULL makes the whole sum NULL")
def gift_without_price(orders):
    """Expects the addition to leave NULL out, as sum does."""
    return orders.select("order_id", _value(orders, _not_returned, lambda item: item.price * item.quantity))


@wrong("basket_values", says="must be of the type of its result")
def whole_number_to_start_with(orders):
    """Begins a sum of doubles with the integer 0."""
    lines = F.transform(F.filter(F.coalesce("items", F.array()), _not_returned), _worth)
    return orders.select("order_id", F.aggregate(lines, F.lit(0), lambda total, one: total + one).alias("value"))


@wrong("basket_values", says="nothing is left to group")
def exploded_and_grouped(orders):
    """Explodes, and so loses orders without lines."""
    lines = orders.select("order_id", F.explode("items").alias("item"))
    value = F.when(_not_returned(lines.item), _worth(lines.item)).otherwise(0.0)
    return lines.groupBy("order_id").agg(F.sum(value).alias("value"))


@wrong("basket_values", says="so the quantity counts")
def prices_only(orders):
    """Adds the prices."""
    return orders.select("order_id", _value(orders, _not_returned, lambda item: F.coalesce(item.price, F.lit(0.0))))


@wrong("basket_values", says="it is an order still")
def filter_of_rows(orders):
    """Explodes with care, and filters rows before it groups them."""
    lines = orders.select("order_id", F.explode_outer("items").alias("item")).where(_not_returned(F.col("item")))
    return lines.groupBy("order_id").agg(F.coalesce(F.sum(_worth(F.col("item"))), F.lit(0.0)).alias("value"))


@wrong("basket_values", says="they count each")
def different_lines(orders):
    """Takes equal lines for repeats."""
    return orders.selectExpr(
        "order_id",
        "coalesce(aggregate(array_distinct(filter(items, i -> NOT (i.returned <=> true))), 0D, "
        "(total, i) -> total + coalesce(i.price * i.quantity, 0D)), 0D) AS value",
    )


@wrong("basket_values", says="that is the line that was returned")
def what_came_back(orders):
    """Keeps the wrong lines."""
    return orders.selectExpr(
        "order_id",
        "coalesce(aggregate(filter(items, i -> i.returned), 0D, "
        "(total, i) -> total + coalesce(i.price * i.quantity, 0D)), 0D) AS value",
    )


@right("basket_values")
def basket_in_sql(orders):
    return orders.sparkSession.sql(
        "SELECT order_id, aggregate(filter(coalesce(items, array()), i -> i.returned IS NOT TRUE), 0D, "
        "(total, i) -> total + coalesce(i.price * i.quantity, 0)) AS value FROM {orders}",
        orders=orders,
    )


@right("basket_values")
def exploded_with_care(orders):
    lines = orders.select("order_id", F.explode_outer("items").alias("item"))
    value = F.when(_not_returned(lines.item), _worth(lines.item)).otherwise(0.0)
    return lines.groupBy("order_id").agg(F.sum(value).alias("value"))


EVENT = "event_id string, amount double"


@wrong("parse_events", says="that struct is not NULL")
def null_of_from_json(lines):
    """Expects from_json to be NULL for a broken line, as its documentation once said."""
    event = F.from_json("line", EVENT)
    return lines.select("line_no", event.alias("event"), F.when(event.isNull(), F.col("line")).alias("bad")).select(
        "line_no", "event.*", "bad"
    )


@wrong("parse_events", says="The record is not corrupt")
def corrupt_record(lines):
    """Takes every line of the corrupt-record column for broken."""
    event = F.from_json("line", EVENT + ", bad string", {"columnNameOfCorruptRecord": "bad"})
    rows = lines.select("line_no", "line", event.alias("event"))
    bad = F.when(F.col("event").isNull(), F.col("line")).otherwise(F.col("event.bad"))
    return rows.select("line_no", "event.event_id", "event.amount", bad.alias("bad"))


@wrong("parse_events", says="one bad line must not stop the others")
def strict_parse(lines):
    """Parses with the function that raises."""
    event = F.parse_json("line")
    amount = F.try_variant_get(event, "$.amount", "double").alias("amount")
    return lines.select(
        "line_no",
        F.variant_get(event, "$.event_id", "string").alias("event_id"),
        amount,
        F.when(event.isNull(), F.col("line")).alias("bad"),
    )


@wrong("parse_events", says="`variant_get` insists on the type")
def strict_get(lines):
    """Tries to parse, and insists on the type."""
    event = F.try_parse_json("line")
    amount = F.variant_get(event, "$.amount", "double").alias("amount")
    return lines.select(
        "line_no",
        F.variant_get(event, "$.event_id", "string").alias("event_id"),
        amount,
        F.when(event.isNull(), F.col("line")).alias("bad"),
    )


@wrong("parse_events", says="who drops bad lines cannot say later how many there were")
def drops_bad_lines(lines):
    """Goes on with the good lines."""
    return _read(lines).where("bad IS NULL")


@wrong("parse_events", says="an amount that is absent makes no line bad")
def null_amount_is_bad(lines):
    """Takes the amount for the sign of a good line."""
    return (
        _read(lines)
        .join(lines, "line_no")
        .selectExpr("line_no", "event_id", "amount", "CASE WHEN amount IS NULL THEN line END AS bad")
    )


def _read(lines):
    event = F.try_parse_json("line")
    return lines.select(
        "line_no",
        F.try_variant_get(event, "$.event_id", "string").alias("event_id"),
        F.try_variant_get(event, "$.amount", "double").alias("amount"),
        F.when(event.isNull(), F.col("line")).alias("bad"),
    )


@wrong("parse_events", says="not whether its fields are there")
def bad_without_fields(lines):
    """Takes a line without both fields for a bad one."""
    event = F.from_json("line", "event_id string, amount string")
    neither = event.event_id.isNull() & event.amount.isNull()
    return lines.select(
        "line_no",
        event.event_id.alias("event_id"),
        event.amount.try_cast("double").alias("amount"),
        F.when(neither, F.col("line")).alias("bad"),
    )


@wrong("parse_events", says="a pattern reads as far as it gets")
def read_by_pattern(lines):
    """Looks for the fields in the text."""
    return lines.selectExpr(
        "line_no",
        """nullif(regexp_extract(line, '"event_id": "(.*?)"'), '') AS event_id""",
        """try_cast(regexp_extract(line, '"amount": ([0-9.]+)') AS double) AS amount""",
        "if(try_parse_json(line) IS NULL, line, NULL) AS bad",
    )


@wrong("parse_events", says="a cast insists on the type")
def cast_amount(lines):
    """Reads by path, and casts."""
    event = F.try_parse_json("line")
    return lines.select(
        "line_no",
        F.try_variant_get(event, "$.event_id", "string").alias("event_id"),
        F.try_variant_get(event, "$.amount", "string").cast("double").alias("amount"),
        F.when(event.isNull(), F.col("line")).alias("bad"),
    )


@wrong("parse_events", says="a brace at either end makes no JSON")
def braces_make_json(lines):
    """Looks at the ends of a line."""
    event = F.from_json("line", "event_id string, amount string")
    bad = F.when(~F.col("line").rlike("^[{].*[}]$"), F.col("line"))
    amount = event.amount.try_cast("double")
    return lines.select("line_no", event.event_id.alias("event_id"), amount.alias("amount"), bad.alias("bad"))


@right("parse_events")
def read_by_path(lines):
    return lines.selectExpr(
        "line_no",
        "get_json_object(line, '$.event_id') AS event_id",
        "try_cast(get_json_object(line, '$.amount') AS double) AS amount",
        "if(try_parse_json(line) IS NULL, line, NULL) AS bad",
    )


@right("parse_events")
def variant_in_sql(lines):
    return lines.sparkSession.sql(
        "SELECT line_no, try_cast(event:event_id AS string) AS event_id, try_cast(event:amount AS double) AS amount, "
        "CASE WHEN event IS NULL THEN line END AS bad FROM (SELECT *, try_parse_json(line) AS event FROM {lines})",
        lines=lines,
    )


@right("parse_events")
def from_json_with_texts(lines):
    event = F.from_json(
        "line", "event_id string, amount string, broken string", {"columnNameOfCorruptRecord": "broken"}
    )
    rows = lines.select("line_no", "line", event.alias("event"))
    return rows.select(
        "line_no",
        "event.event_id",
        F.col("event.amount").try_cast("double").alias("amount"),
        F.when(F.col("event").isNull(), F.col("line")).otherwise(F.col("event.broken")).alias("bad"),
    )


@wrong("amounts_apart", says="in ANSI mode a cast refuses what it cannot read")
def plain_cast(lines):
    """Knows casts from before ANSI mode."""
    amount = F.col("amount").cast("decimal(10,2)")
    return lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="keep a bad value apart, do not drop its line")
def only_good_lines(lines):
    """Filters bad lines away."""
    amount = F.col("amount").try_cast("decimal(10,2)")
    apart = lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))
    return apart.where("bad IS NULL")


@wrong("amounts_apart", says="nobody can tell it from a real one")
def zero_for_bad(lines):
    """Fills in a number."""
    amount = F.col("amount").try_cast("decimal(10,2)")
    filled = F.coalesce(amount, F.lit(0).cast("decimal(10,2)"))
    return lines.select("line_id", filled.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="Absent and wrong are two things")
def absent_is_bad(lines):
    """Marks every amount that is NULL."""
    amount = F.col("amount").try_cast("decimal(10,2)")
    bad = F.when(amount.isNull(), F.coalesce("amount", F.lit("")))
    return lines.select("line_id", amount.alias("amount"), bad.alias("bad"))


@wrong("amounts_apart", says="Let the type decide, not a pattern of your own")
def own_pattern(lines):
    """Writes a pattern of what a number is."""
    good = F.col("amount").rlike(r"^\d{1,8}(\.\d+)?$")
    amount = F.when(good, F.col("amount").try_cast("decimal(10,2)"))
    return lines.select("line_id", amount.alias("amount"), F.when(~good, F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="the text that could not be read is lost")
def nothing_kept_apart(lines):
    """Lets NULL say that something was wrong."""
    amount = F.col("amount").try_cast("decimal(10,2)")
    return lines.select("line_id", amount.alias("amount"), F.lit(None).cast("string").alias("bad"))


@wrong("amounts_apart", says="has eight, and a cast refuses more")
def through_a_double(lines):
    """Tries the first cast, and not the second."""
    amount = F.col("amount").try_cast("double").cast("decimal(10,2)")
    return lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="a number without cents is a number")
def two_digits_wanted(lines):
    """Has a pattern for numbers, with a sign and two digits."""
    fits = F.col("amount").rlike(r"^-?\d+\.\d\d$")
    amount = F.when(fits, F.col("amount").try_cast("decimal(10,2)"))
    return lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="it is not for you to guess what counts")
def digits_alone(lines):
    """Keeps what could be of a number."""
    amount = F.regexp_replace("amount", "[^0-9.-]", "").try_cast("decimal(10,2)")
    return lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="who takes signs out of a text")
def without_the_sign(lines):
    """Keeps digits and the point."""
    amount = F.regexp_replace("amount", "[^0-9.]", "").try_cast("decimal(10,2)")
    return lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="`to_number` insists on its format")
def by_format(lines):
    """Reads by a format."""
    amount = F.to_number("amount", F.lit("S99999999.99")).cast("decimal(10,2)")
    return lines.select("line_id", amount.alias("amount"), F.when(amount.isNull(), F.col("amount")).alias("bad"))


@wrong("amounts_apart", says="`bad` is for what is no amount")
def both_columns(lines):
    """Keeps every text."""
    return lines.select("line_id", F.col("amount").try_cast("decimal(10,2)"), F.col("amount").alias("bad"))


@right("amounts_apart")
def try_cast_in_sql(lines):
    return lines.sparkSession.sql(
        "SELECT line_id, try_cast(amount AS decimal(10,2)) AS amount, "
        "CASE WHEN try_cast(amount AS decimal(10,2)) IS NULL THEN amount END AS bad FROM {lines}",
        lines=lines,
    )


@right("amounts_apart")
def bad_by_two_conditions(lines):
    amount = F.col("amount").try_cast("decimal(10,2)")
    bad = F.col("amount").isNotNull() & amount.isNull()
    return lines.withColumn("bad", F.when(bad, F.col("amount")).otherwise(None)).withColumn("amount", amount)


def _per_day(sales, local):
    return sales.groupBy(F.to_date(local).alias("day")).agg(F.sum("amount").alias("revenue"))


@wrong("revenue_per_day", says="This is the day in UTC")
def day_of_the_session(sales):
    """Takes the day of the session's zone."""
    return _per_day(sales, F.col("sold_at"))


@wrong("revenue_per_day", says="Name the region, not an offset")
def winter_all_year(sales):
    """Knows one offset of Berlin."""
    return _per_day(sales, F.from_utc_timestamp("sold_at", "+01:00"))


@wrong("revenue_per_day", says="Two hours hold in summer")
def summer_all_year(sales):
    """Knows the other one."""
    return _per_day(sales, F.col("sold_at") + F.expr("INTERVAL 2 HOURS"))


@wrong("revenue_per_day", says="the shift goes the wrong way")
def wrong_direction(sales):
    """Takes the twin of the function."""
    return _per_day(sales, F.to_utc_timestamp("sold_at", "Europe/Berlin"))


@wrong("revenue_per_day", says="not with the month")
def summer_by_month(sales):
    """Takes March to October for summer."""
    hours = F.when(F.month("sold_at").between(3, 10), 2).otherwise(1)
    day = F.to_date(F.timestamp_seconds(F.unix_timestamp("sold_at") + hours * 3600))
    return sales.groupBy(day.alias("day")).agg(F.sum("amount").alias("revenue"))


@wrong("revenue_per_day", says="all of them count")
def different_amounts(sales):
    """Takes equal amounts for repeats."""
    day = F.to_date(F.from_utc_timestamp("sold_at", "Europe/Berlin"))
    return sales.groupBy(day.alias("day")).agg(F.sum_distinct("amount").alias("revenue"))


@wrong("revenue_per_day", says="leave the session in UTC")
def session_in_berlin(sales):
    """Moves the whole session to Berlin."""
    sales.sparkSession.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    return sales.groupBy(F.to_date("sold_at").alias("day")).agg(F.sum("amount").alias("revenue"))


@right("revenue_per_day")
def converted_zone(sales):
    return sales.sparkSession.sql(
        "SELECT to_date(convert_timezone('UTC', 'Europe/Berlin', sold_at)) AS day, sum(amount) AS revenue FROM {sales} "
        "GROUP BY ALL",
        sales=sales,
    )


@right("revenue_per_day")
def formatted_and_cut(sales):
    local = F.from_utc_timestamp("sold_at", "Europe/Berlin").cast("string")
    return sales.groupBy(F.substring(local, 1, 10).cast("date").alias("day")).agg(F.sum("amount").alias("revenue"))


@wrong("keep_consenting", says="DELETE takes only rows for which the condition is true")
def differs_from_yes(spark, table):
    """Forgets that NULL does not differ."""
    spark.sql(f"DELETE FROM {table} WHERE consent <> 'yes'")


@wrong("keep_consenting", says="NULL is not the only answer that is not yes")
def only_null(spark, table):
    """Deletes those whom nobody asked."""
    spark.sql(f"DELETE FROM {table} WHERE consent IS NULL")


@wrong("keep_consenting", says="those who said yes were deleted")
def yes_deleted(spark, table):
    """Writes the condition of those who stay."""
    spark.sql(f"DELETE FROM {table} WHERE consent = 'yes'")


@wrong("keep_consenting", says="The table changes by a DELETE")
def a_frame_without_them(spark, table):
    """Filters a DataFrame, and leaves the table."""
    return spark.table(table).where("consent = 'yes'")


@wrong("keep_consenting", says="the table holds nobody")
def truncated(spark, table):
    """Forgets the condition."""
    spark.sql(f"DELETE FROM {table}")


@wrong("keep_consenting", says="an append adds rows")
def writes_the_rest(spark, table):
    """Writes those who said yes, and deletes nobody."""
    spark.table(table).where("consent = 'yes'").write.format("delta").mode("append").saveAsTable(table)


@right("keep_consenting")
def no_or_null(spark, table):
    spark.sql(f"DELETE FROM {table} WHERE consent <> 'yes' OR consent IS NULL")


@right("keep_consenting")
def consent_that_is_distinct(spark, table):
    spark.sql(f"DELETE FROM {table} WHERE consent IS DISTINCT FROM 'yes'")


@wrong("append_orders", says="Delta takes no column that a table has not")
def without_option(rows, table):
    """Expects a column to come by itself."""
    rows.select("order_id", "amount", "coupon").write.format("delta").mode("append").saveAsTable(table)


@wrong("append_orders", says="`mergeSchema` takes in whatever is new")
def everything_new(rows, table):
    """Lets in what comes."""
    rows.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(table)


@wrong("append_orders", says="the coupon of O2 is lost")
def columns_of_the_table(rows, table):
    """Fits the rows to the table."""
    rows.select("order_id", "amount").write.format("delta").mode("append").saveAsTable(table)


@wrong("append_orders", says="an overwrite replaces the rows")
def overwritten(rows, table):
    """Replaces the table with its schema."""
    wanted = rows.select("order_id", "amount", "coupon").write.format("delta")
    wanted.mode("overwrite").option("overwriteSchema", "true").saveAsTable(table)


@wrong("append_orders", says="tomorrow the column is there already")
def altered_every_day(rows, table):
    """Adds the column by a statement, which works once."""
    rows.sparkSession.sql(f"ALTER TABLE {table} ADD COLUMNS (coupon STRING)")
    rows.select("order_id", "amount", "coupon").write.format("delta").mode("append").saveAsTable(table)


@wrong("append_orders", says="an overwrite made it anew")
def overwrites_the_schema(rows, table):
    """Makes the table anew."""
    fresh = rows.drop("debug_id").write.format("delta").mode("overwrite")
    fresh.option("overwriteSchema", "true").saveAsTable(table)


@wrong("append_orders", says="an insert by position puts one column into another")
def inserted_by_position(rows, table):
    """Adds the column, and inserts the columns as they stand."""
    spark = rows.sparkSession
    if "coupon" not in spark.table(table).columns:
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS (coupon string)")
    rows.drop("debug_id").write.insertInto(table)


@wrong("append_orders", says="what should not come in is left out before the write")
def dropped_afterwards(rows, table):
    """Takes everything in, and drops the column."""
    rows.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(table)
    rows.sparkSession.sql(f"ALTER TABLE {table} DROP COLUMN debug_id")


@wrong("append_orders", says="write the new ones alone")
def old_and_new(rows, table):
    """Appends the old rows with the new."""
    both = rows.sparkSession.table(table).unionByName(rows.drop("debug_id"), allowMissingColumns=True)
    both.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(table)


@wrong("append_orders", says="an order without a coupon is an order")
def with_a_coupon(rows, table):
    """Leaves out orders without a coupon."""
    wanted = rows.drop("debug_id").where("coupon IS NOT NULL")
    wanted.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(table)


@wrong("append_orders", says="has NULL there, not the empty text")
def empty_coupon(rows, table):
    """Puts the empty text in the place of NULL."""
    wanted = rows.drop("debug_id").fillna("", ["coupon"])
    wanted.write.format("delta").mode("append").option("mergeSchema", "true").saveAsTable(table)


@right("append_orders")
def appended_by_name(rows, table):
    spark = rows.sparkSession
    if "coupon" not in spark.table(table).columns:
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS (coupon string)")
    spark.sql(f"INSERT INTO {table} BY NAME SELECT order_id, coupon, amount FROM {{rows}}", rows=rows)


@right("append_orders")
def altered_once(rows, table):
    spark = rows.sparkSession
    if "coupon" not in spark.table(table).columns:
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS (coupon STRING)")
    rows.select("order_id", "amount", "coupon").write.insertInto(table)


@right("append_orders")
def insert_with_evolution(rows, table):
    rows.drop("debug_id").createOrReplaceTempView("wanted")
    rows.sparkSession.sql(f"INSERT WITH SCHEMA EVOLUTION INTO {table} BY NAME SELECT * FROM wanted")


@wrong("version_before", says="is the table *after* its first commit")
def first_commit(history, load):
    """Takes a version for the table before its commit."""
    return history.where(F.col("userMetadata") == load).agg(F.min("version")).first()[0]


@wrong("version_before", says="that goes before its last commit")
def before_the_last_commit(history, load):
    """Expects one commit a load."""
    last = history.where(F.col("userMetadata") == load).agg(F.max("version")).first()[0]
    return None if last is None else last - 1


@wrong("version_before", says="that undoes the newest commit")
def newest_less_one(history, load):
    """Goes one version back, as one does right after the fault."""
    return history.agg(F.max("version")).first()[0] - 1


@wrong("version_before", says="the minimum of nothing is None")
def known_loads_only(history, load):
    """Expects the history to know the load."""
    return history.where(F.col("userMetadata") == load).agg(F.min("version")).first()[0] - 1


@wrong("version_before", says="that loses load 7 too")
def back_to_the_start(history, load):
    """Goes back to the beginning, to be safe."""
    return history.agg(F.min("version")).first()[0]


@wrong("version_before", says="Compare the whole name")
def part_of_the_name(history, load):
    """Looks for the name in the text."""
    first = history.where(F.col("userMetadata").contains(load)).agg(F.min("version")).first()[0]
    return None if first is None else first - 1


@wrong("version_before", says="a MERGE in version 3")
def writes_only(history, load):
    """Looks at the commits of one kind."""
    own = history.where((F.col("userMetadata") == load) & (F.col("operation") == "WRITE"))
    first = own.agg(F.min("version")).first()[0]
    return None if first is None else first - 1


@wrong("version_before", says="an OPTIMIZE, came between")
def the_load_before(history, load):
    """Looks for the newest load before."""
    first = history.where(F.col("userMetadata") == load).agg(F.min("version")).first()[0]
    loads = history.where((F.col("version") < first) & F.col("userMetadata").isNotNull())
    return loads.agg(F.max("version")).first()[0]


@wrong("version_before", says="Python takes 0 for false")
def zero_is_false(history, load):
    """Takes version 0 for none."""
    before = history.where(F.col("userMetadata") == load).agg(F.min("version") - 1).first()[0]
    return before or None


@wrong("version_before", says="whoever restores that undoes good loads")
def zero_for_none(history, load):
    """Restores the first version where nothing is known."""
    first = history.where(F.col("userMetadata") == load).agg(F.min("version")).first()[0]
    return 0 if first is None else first - 1


@wrong("version_before", says="take the value out")
def row_of_the_version(history, load):
    """Returns the row."""
    return history.where(F.col("userMetadata") == load).agg(F.min("version") - 1).first()


@right("version_before")
def version_in_sql(history, load):
    query = f"SELECT min(version) - 1 FROM {{history}} WHERE userMetadata = '{load}'"
    return history.sparkSession.sql(query, history=history).first()[0]


@right("version_before")
def by_sorting(history, load):
    first = history.where(F.col("userMetadata") == load).orderBy("version").first()
    return first.version - 1 if first else None


@right("version_before")
def by_sql(history, load):
    query = "SELECT min(version) - 1 FROM {history} WHERE userMetadata = {load}"
    return history.sparkSession.sql(query, load=load, history=history).first()[0]


@wrong("rows_lost", says="works on sets")
def subtracted_as_sets(spark, table, version):
    """Subtracts sets."""
    return spark.read.option("versionAsOf", version).table(table).subtract(spark.table(table))


@wrong("rows_lost", says="The other way round is asked for")
def the_other_way_round(spark, table, version):
    """Finds what came."""
    return spark.table(table).exceptAll(spark.read.option("versionAsOf", version).table(table))


@wrong("rows_lost", says="a join never finds NULL equal to NULL")
def anti_joined(spark, table, version):
    """Subtracts by a join on all columns."""
    before = spark.read.option("versionAsOf", version).table(table)
    return before.join(spark.table(table), ["sku", "place"], "left_anti")


@wrong("rows_lost", says="do you read the table as it was, or twice as it is?")
def twice_as_it_is(spark, table, version):
    """Reads the newest version twice."""
    return spark.table(table).exceptAll(spark.read.table(table))


@wrong("rows_lost", says="not a version on the way")
def lost_in_the_next(spark, table, version):
    """Compares with the version after."""
    before = spark.read.option("versionAsOf", version).table(table)
    return before.exceptAll(spark.read.option("versionAsOf", version + 1).table(table))


@wrong("rows_lost", says="it came and went later")
def lost_by_the_newest(spark, table, version):
    """Looks at the newest commit."""
    newest = spark.sql(f"DESCRIBE HISTORY {table}").agg(F.max("version")).first()[0]
    return spark.read.option("versionAsOf", newest - 1).table(table).exceptAll(spark.table(table))


@wrong("rows_lost", says="which only version 0 had")
def lost_since_the_first(spark, table, version):
    """Reads the first version, whatever is asked for."""
    return spark.read.option("versionAsOf", 0).table(table).exceptAll(spark.table(table))


@wrong("rows_lost", says="not its first column")
def anti_joined_by_sku(spark, table, version):
    """Takes the first column for a key."""
    before = spark.read.option("versionAsOf", version).table(table)
    return before.join(spark.table(table), "sku", "left_anti")


@right("rows_lost")
def except_all_in_sql(spark, table, version):
    return spark.sql(f"SELECT * FROM {table} VERSION AS OF {version} EXCEPT ALL SELECT * FROM {table}")


@right("rows_lost")
def difference_of_counts(spark, table, version):
    return spark.sql(
        f"SELECT sku, place FROM (SELECT sku, place, sum(n) AS n FROM (SELECT *, 1 AS n FROM {table} "
        f"VERSION AS OF {version} UNION ALL SELECT *, -1 FROM {table}) GROUP BY sku, place) "
        "LATERAL VIEW explode(CASE WHEN n > 0 THEN sequence(1, int(n)) END) AS one"
    )


def _feed(spark, table, start):
    return spark.read.option("readChangeFeed", "true").option("startingVersion", start).table(table)


@wrong("changes_by_kind", says="The starting version is included")
def from_the_version_seen(spark, table, seen):
    """Begins with the version that was read already."""
    kind = F.regexp_replace("_change_type", "_postimage", "").alias("kind")
    changes = _feed(spark, table, seen).where("_change_type <> 'update_preimage'")
    return changes.groupBy(kind).agg(F.count("*").alias("rows"))


@wrong("changes_by_kind", says="the feed shows each as it was and as it is")
def both_images(spark, table, seen):
    """Counts both images as updates."""
    kind = F.split("_change_type", "_")[0].alias("kind")
    return _feed(spark, table, seen + 1).groupBy(kind).agg(F.count("*").alias("rows"))


@wrong("changes_by_kind", says="before and after belong to one update")
def types_as_they_are(spark, table, seen):
    """Takes the four types for four kinds."""
    return _feed(spark, table, seen + 1).groupBy(F.col("_change_type").alias("kind")).agg(F.count("*").alias("rows"))


@wrong("changes_by_kind", says="an update is no insert")
def postimages_as_inserts(spark, table, seen):
    """Takes every new row for an insert, every old one for a delete."""
    kind = F.when(F.col("_change_type").isin("insert", "update_postimage"), "insert").otherwise("delete")
    return _feed(spark, table, seen + 1).groupBy(kind.alias("kind")).agg(F.count("*").alias("rows"))


@wrong("changes_by_kind", says="finds no row that is gone")
def keys_of_today(spark, table, seen):
    """Compares the table of today with the one that was seen, from today's side."""
    before = spark.read.option("versionAsOf", seen).table(table).withColumnRenamed("price", "old")
    both = spark.table(table).join(before, "id", "left")
    kind = F.when(F.col("old").isNull(), "insert").when(F.col("old") != F.col("price"), "update")
    return both.groupBy(kind.alias("kind")).agg(F.count("*").alias("rows")).where("kind IS NOT NULL")


def _kinds(feed):
    kind = F.regexp_replace("_change_type", "_postimage", "").alias("kind")
    return feed.where("_change_type <> 'update_preimage'").groupBy(kind).agg(F.count("*").alias("rows"))


def _feed(spark, table, start, end=None):
    reader = spark.read.option("readChangeFeed", "true").option("startingVersion", start)
    return (reader if end is None else reader.option("endingVersion", end)).table(table)


@wrong("changes_by_kind", says="All versions after `seen` count")
def next_version_only(spark, table, seen):
    """Reads one version."""
    return _kinds(_feed(spark, table, seen + 1, seen + 1))


@wrong("changes_by_kind", says="of the newest commit alone")
def newest_version_only(spark, table, seen):
    """Reads the newest version."""
    return _kinds(_feed(spark, table, spark.sql(f"DESCRIBE HISTORY {table}").agg(F.max("version")).first()[0]))


@wrong("changes_by_kind", says="only a kind that happened has a row")
def all_kinds(spark, table, seen):
    """Gives a row to what did not happen."""
    kinds = spark.createDataFrame([("insert",), ("update",), ("delete",)], "kind string")
    return kinds.join(_kinds(_feed(spark, table, seen + 1)), "kind", "left").fillna(0)


@wrong("changes_by_kind", says="that happened in version 1, or before")
def from_the_first(spark, table, seen):
    """Begins at version 1, whatever was seen."""
    return _kinds(_feed(spark, table, 1))


@right("changes_by_kind")
def filtered_by_version(spark, table, seen):
    return _kinds(_feed(spark, table, 0).where(F.col("_commit_version") > seen))


@right("changes_by_kind")
def table_changes(spark, table, seen):
    return spark.sql(
        "SELECT CASE _change_type WHEN 'update_postimage' THEN 'update' ELSE _change_type END AS kind, "
        f"count(*) AS rows FROM table_changes('{table}', {seen + 1}) "
        "WHERE _change_type != 'update_preimage' GROUP BY kind"
    )


@right("changes_by_kind")
def preimages_counted(spark, table, seen):
    kind = F.when(F.col("_change_type") == "update_preimage", "update").otherwise(F.col("_change_type"))
    changes = _feed(spark, table, seen + 1).where("_change_type <> 'update_postimage'")
    return changes.withColumn("kind", kind).groupBy("kind").count().withColumnRenamed("count", "rows")


@wrong("vacuumed", says="What counts is how long it is out of use")
def by_age(files, hours):
    """Takes the age of the file for the time out of use."""
    return files.where("state <> 'live'").where(F.col("written_hours_ago") > hours).select("path")


@wrong("vacuumed", says="which is live")
def whatever_is_old(files, hours):
    """Takes VACUUM for a deletion of old files."""
    return files.where(F.coalesce("removed_hours_ago", "written_hours_ago") > hours).select("path")


@wrong("vacuumed", says="no version knows it, so nobody misses it")
def removed_only(files, hours):
    """Forgets what no version knows."""
    return files.where("state = 'removed'").where(F.col("removed_hours_ago") > hours).select("path")


@wrong("vacuumed", says="a job may be writing it")
def all_unknown(files, hours):
    """Takes what the log does not know for waste."""
    return files.where((F.col("state") == "unknown") | (F.col("removed_hours_ago") > hours)).select("path")


@wrong("vacuumed", says="that is not more")
def the_hour_itself(files, hours):
    """Includes the bound."""
    unused = files.where("state <> 'live'")
    return unused.where(F.coalesce("removed_hours_ago", "written_hours_ago") >= hours).select("path")


@wrong("vacuumed", says="seven days are the default, not the rule")
def seven_days(files, hours):
    """Knows the default."""
    unused = files.where("state <> 'live'")
    return unused.where(F.coalesce("removed_hours_ago", "written_hours_ago") > 168).select("path")


@right("vacuumed")
def vacuumed_in_sql(files, hours):
    return files.sparkSession.sql(
        "SELECT path FROM {files} WHERE state = 'removed' AND removed_hours_ago > {hours} "
        "OR state = 'unknown' AND written_hours_ago > {hours}",
        hours=hours,
        files=files,
    )


@right("vacuumed")
def vacuumed_by_cases(files, hours):
    idle = F.when(files.state == "removed", files.removed_hours_ago).when(
        files.state == "unknown", files.written_hours_ago
    )
    return files.where(idle > hours).select("path")


@wrong("newest_per_customer", says="`dropDuplicates` keeps any row, not the newest")
def any_row(changes):
    """Expects dropDuplicates to know which row is wanted."""
    return changes.dropDuplicates(["customer_id"])


@wrong("newest_per_customer", says="Sorting before it promises nothing")
def sorted_first(changes):
    """Trusts that dropDuplicates keeps the first row of a sort."""
    return changes.orderBy(F.desc("changed_on"), F.desc("change_id")).dropDuplicates(["customer_id"])


@wrong("newest_per_customer", says="it changes from run to run which one you get")
def by_day_alone(changes):
    """Forgets the tie."""
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"))
    return changes.withColumn("place", F.row_number().over(newest_first)).where("place = 1").drop("place")


@wrong("newest_per_customer", says="`rank` gives equal rows the same number")
def ranked_changes(changes):
    """Uses rank, and trusts that no change comes twice."""
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"), F.desc("change_id"))
    return changes.withColumn("place", F.rank().over(newest_first)).where("place = 1").drop("place")


@wrong("newest_per_customer", says="Choose a row, not values")
def largest_of_each_column(changes):
    """Takes the maximum of each column."""
    return changes.groupBy("customer_id").agg(
        F.max("city").alias("city"), F.max("changed_on").alias("changed_on"), F.max("change_id").alias("change_id")
    )


@wrong("newest_per_customer", says="`change_id` decides only between equal days")
def by_change_alone(changes):
    """Takes the order of arrival for the order of time."""
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("change_id"))
    return changes.withColumn("place", F.row_number().over(newest_first)).where("place = 1").drop("place")


@wrong("newest_per_customer", says="The day decides first, the id next")
def city_before_the_id(changes):
    """Takes the largest struct, with the city before the id."""
    largest = F.max(F.struct("changed_on", "city", "change_id")).alias("row")
    return (
        changes.groupBy("customer_id")
        .agg(largest)
        .selectExpr("customer_id", "row.city", "row.changed_on", "row.change_id")
    )


@wrong("newest_per_customer", says="the newest day stands beside the largest id")
def newest_of_each(changes):
    """Takes each column by itself."""
    return changes.groupBy("customer_id").agg(
        F.max_by("city", "changed_on").alias("city"),
        F.max("changed_on").alias("changed_on"),
        F.max("change_id").alias("change_id"),
    )


@wrong("newest_per_customer", says="are of two rows")
def joined_to_the_largest(changes):
    """Looks for the row that has both maxima."""
    newest = F.max("changed_on").alias("changed_on"), F.max("change_id").alias("change_id")
    both = changes.groupBy("customer_id").agg(*newest)
    return changes.join(both, ["customer_id", "changed_on", "change_id"]).distinct().select(*changes.columns)


@wrong("newest_per_customer", says="the city of its newest row is NULL")
def known_cities(changes):
    """Leaves out a city that is not known, once the newest row is found."""
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"), F.desc("change_id"))
    placed = changes.withColumn("place", F.row_number().over(newest_first))
    return placed.where("place = 1 AND city IS NOT NULL").drop("place")


@wrong("newest_per_customer", says="NULL is a value of that row")
def newest_known_city(changes):
    """Leaves out rows without a city first."""
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"), F.desc("change_id"))
    placed = changes.where("city IS NOT NULL").withColumn("place", F.row_number().over(newest_first))
    return placed.where("place = 1").drop("place")


@right("newest_per_customer")
def first_of_a_window(changes):
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"), F.desc("change_id"))
    columns = [F.first(name).over(newest_first).alias(name) for name in ("city", "changed_on", "change_id")]
    return changes.select("customer_id", *columns).distinct()


@right("newest_per_customer")
def ranked_once(changes):
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("changed_on"), F.desc("change_id"))
    placed = changes.withColumn("place", F.rank().over(newest_first)).where("place = 1").drop("place")
    return placed.dropDuplicates(["customer_id"]).orderBy("customer_id")


@right("newest_per_customer")
def largest_struct(changes):
    newest = F.max(F.struct("changed_on", "change_id", "city")).alias("newest")
    return changes.groupBy("customer_id").agg(newest).select("customer_id", "newest.*")


@right("newest_per_customer")
def newest_in_sql(changes):
    return changes.sparkSession.sql(
        "SELECT customer_id, city, changed_on, change_id FROM (SELECT *, row_number() OVER "
        "(PARTITION BY customer_id ORDER BY changed_on DESC, change_id DESC) AS place FROM {changes}) WHERE place = 1",
        changes=changes,
    )


def _newest(changes):
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("change_id"))
    return changes.withColumn("place", F.row_number().over(newest_first)).where("place = 1")


@wrong("current_customers", says="leaves the deletes out first")
def deletes_left_out_first(changes):
    """Filters, then takes the newest."""
    return _newest(changes.where("op <> 'D'")).select("customer_id", "city")


@wrong("current_customers", says="Not every delete is the last word")
def once_deleted_is_gone(changes):
    """Takes everybody away who was ever deleted."""
    deleted = changes.where("op = 'D'")
    return _newest(changes.join(deleted, "customer_id", "left_anti")).select("customer_id", "city")


@wrong("current_customers", says="all that is known of C5 is a delete")
def tombstones_kept(changes):
    """Takes the newest change, whatever it is."""
    return _newest(changes).select("customer_id", "city")


@wrong("current_customers", says="The order of arrival says nothing")
def last_that_arrived(changes):
    """Takes the last row of the log for the newest."""
    last = changes.groupBy("customer_id").agg(F.last(F.struct("op", "city")).alias("last"))
    return last.where("last.op <> 'D'").select("customer_id", "last.city")


@wrong("current_customers", says="Only a whole row is safe to take")
def last_known_city(changes):
    """Looks for the newest city that is not NULL."""
    alive = _newest(changes).where("op <> 'D'").select("customer_id")
    known = changes.where("city IS NOT NULL").groupBy("customer_id").agg(F.max_by("city", "change_id").alias("city"))
    return alive.join(known, "customer_id")


@wrong("current_customers", says="Sorting before it promises nothing")
def sorted_then_any(changes):
    """Trusts the sort before dropDuplicates."""
    last = changes.orderBy(F.desc("change_id")).dropDuplicates(["customer_id"])
    return last.where("op <> 'D'").select("customer_id", "city")


@wrong("current_customers", says="whoever is updated is there")
def inserted_last(changes):
    """Keeps those whose last change is an insert."""
    last = changes.groupBy("customer_id").agg(F.max_by(F.struct("op", "city"), "change_id").alias("last"))
    return last.where("last.op = 'I'").select("customer_id", "last.city")


@wrong("current_customers", says="its city is not known, and it was never deleted")
def with_a_city(changes):
    """Takes an unknown city for a delete."""
    city = F.max_by(F.when(F.col("op") != "D", F.col("city")), "change_id").alias("city")
    return changes.groupBy("customer_id").agg(city).where("city IS NOT NULL")


@right("current_customers")
def current_by_window(changes):
    return _newest(changes).where("op <> 'D'").select("customer_id", "city")


@right("current_customers")
def current_in_sql(changes):
    return changes.sparkSession.sql(
        "SELECT customer_id, city FROM {changes} AS c WHERE op IN ('I', 'U') AND NOT EXISTS "
        "(SELECT 1 FROM {changes} AS later WHERE later.customer_id = c.customer_id AND later.change_id > c.change_id)",
        changes=changes,
    )


def _merge(rows, table, clauses, key="product_id"):
    rows.createOrReplaceTempView("merged_rows")
    rows.sparkSession.sql(f"MERGE INTO {table} AS t USING merged_rows AS s ON t.{key} = s.{key} {clauses}")


NEWER = "WHEN MATCHED AND s.change_id > t.change_id THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"


def _newest_price(updates):
    newest_first = Window.partitionBy("product_id").orderBy(F.desc("change_id"))
    return updates.withColumn("place", F.row_number().over(newest_first)).where("place = 1").drop("place")


@wrong("upsert_prices", says="Delta does not choose which of two rows")
def repeated_keys(updates, table):
    """Merges the batch as it is."""
    _merge(updates, table, NEWER)


@wrong("upsert_prices", says="an append adds")
def appended(updates, table):
    """Adds the batch."""
    updates.write.format("delta").mode("append").saveAsTable(table)


@wrong("upsert_prices", says="`dropDuplicates` happens to keep")
def any_price(updates, table):
    """Silences the error."""
    _merge(updates.dropDuplicates(["product_id"]), table, NEWER)


@wrong("upsert_prices", says="an older change must not win")
def whatever_comes(updates, table):
    """Takes the batch for newer than the table."""
    _merge(_newest_price(updates), table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")


@wrong("upsert_prices", says="the largest price stands beside the newest change")
def largest_price(updates, table):
    """Reduces the batch column by column."""
    batch = updates.groupBy("product_id").agg(F.max("price").alias("price"), F.max("change_id").alias("change_id"))
    _merge(batch, table, NEWER)


@wrong("upsert_prices", says="a new product matches nothing")
def updates_only(updates, table):
    """Forgets new products."""
    _merge(_newest_price(updates), table, "WHEN MATCHED AND s.change_id > t.change_id THEN UPDATE SET *")


@wrong("upsert_prices", says="P3 is gone")
def table_of_the_batch(updates, table):
    """Replaces the table by the batch."""
    clauses = NEWER + " WHEN NOT MATCHED BY SOURCE THEN DELETE"
    _merge(_newest_price(updates), table, clauses)


@wrong("upsert_prices", says="not the larger price")
def cheaper_is_older(updates, table):
    """Compares prices."""
    _merge(_newest_price(updates), table, NEWER.replace("change_id", "price"))


@wrong("upsert_prices", says="`change_id` still says 6")
def price_alone(updates, table):
    """Updates the price, and not the id."""
    _merge(_newest_price(updates), table, NEWER.replace("SET *", "SET price = s.price"))


@wrong("upsert_prices", says="the order in which rows arrive says nothing")
def last_price_to_arrive(updates, table):
    """Takes the last row of the batch for the newest."""
    last = updates.groupBy("product_id").agg(F.last("price").alias("price"), F.last("change_id").alias("change_id"))
    _merge(last, table, NEWER)


@right("upsert_prices")
def merged_by_window(updates, table):
    _merge(_newest_price(updates), table, NEWER)


@right("upsert_prices")
def compared_before_the_merge(updates, table):
    known = updates.sparkSession.table(table).selectExpr("product_id", "change_id AS known")
    newer = (
        _newest_price(updates).join(known, "product_id", "left").where("change_id > coalesce(known, -1)").drop("known")
    )
    _merge(newer, table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")


ADD = (
    "WHEN MATCHED THEN UPDATE SET stock = t.stock + s.stock, last_id = s.last_id "
    "WHEN NOT MATCHED THEN INSERT (product_id, stock, last_id) VALUES (s.product_id, s.stock, s.last_id)"
)


def _added(movements):
    return movements.groupBy("product_id").agg(F.sum("quantity").alias("stock"), F.max("movement_id").alias("last_id"))


def _uncounted(movements, table, condition="last_id IS NULL OR movement_id > last_id"):
    return movements.join(movements.sparkSession.table(table), "product_id", "left").where(condition)


@wrong("apply_movements", says="movement 5 was counted again, and movement 6 twice")
def adds_the_batch(movements, table):
    """Adds what comes."""
    _merge(_added(movements), table, ADD)


@wrong("apply_movements", says="The table had seen it, as `last_id` says")
def adds_the_batch_once(movements, table):
    """Cleans the batch, and does not ask the table."""
    _merge(_added(movements.dropDuplicates(["movement_id"])), table, ADD)


@wrong("apply_movements", says="movement 6 stands twice in the batch")
def repeated_in_the_batch(movements, table):
    """Asks the table, and does not clean the batch."""
    _merge(_added(_uncounted(movements, table)), table, ADD)


@wrong("apply_movements", says="A movement is known by its id")
def equal_quantities(movements, table):
    """Takes equal movements for repeated ones."""
    _merge(_added(_uncounted(movements, table).dropDuplicates(["product_id", "quantity"])), table, ADD)


@wrong("apply_movements", says="movement 5 is in that already")
def sets_the_sum_of_the_batch(movements, table):
    """Sets the sum of all that comes."""
    new = _added(movements.dropDuplicates())
    _merge(new, table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")


@wrong("apply_movements", says="they come on top of the stock of 10")
def sets_the_sum(movements, table):
    """Sets what should be added."""
    new = _uncounted(movements.dropDuplicates(), table)
    _merge(_added(new), table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")


@wrong("apply_movements", says="add the movements of a product first")
def one_by_one(movements, table):
    """Expects a MERGE to apply row after row."""
    new = _uncounted(movements.dropDuplicates(), table).selectExpr(
        "product_id", "quantity AS stock", "movement_id AS last_id"
    )
    _merge(new, table, ADD)


@wrong("apply_movements", says="no id is larger than NULL")
def known_products_only(movements, table):
    """Forgets that a new product has no last movement."""
    _merge(_added(_uncounted(movements.dropDuplicates(), table, "movement_id > last_id")), table, ADD)


@wrong("apply_movements", says="so the next run counts 6 and 7 again")
def last_id_forgotten(movements, table):
    """Adds, and does not write down how far."""
    new = _added(_uncounted(movements.dropDuplicates(), table))
    _merge(new, table, "WHEN MATCHED THEN UPDATE SET stock = t.stock + s.stock WHEN NOT MATCHED THEN INSERT *")


@wrong("apply_movements", says="though the table has counted 5 of P1")
def one_mark_for_all(movements, table):
    """Takes the largest `last_id` of the table for that of every product."""
    counted = movements.sparkSession.table(table).agg(F.max("last_id")).first()[0]
    _merge(_added(movements.dropDuplicates().where(F.col("movement_id") > counted)), table, ADD)


@wrong("apply_movements", says="Each product has its own.")
def mark_of_the_batch(movements, table):
    """Writes down the last movement of the batch."""
    new = _added(_uncounted(movements.dropDuplicates(), table))
    last = movements.agg(F.max("movement_id").alias("last_id"))
    _merge(new.drop("last_id").crossJoin(last), table, ADD)


@wrong("apply_movements", says="The sign counts")
def without_signs(movements, table):
    """Adds what moved, in or out."""
    moved = movements.dropDuplicates().withColumn("quantity", F.abs("quantity"))
    _merge(_added(_uncounted(moved, table)), table, ADD)


@wrong("apply_movements", says="brings nothing new of it")
def table_of_the_new(movements, table):
    """Writes the table anew, with the products that moved."""
    each = _uncounted(movements.dropDuplicates(), table).groupBy("product_id")
    stock = (F.sum("quantity") + F.coalesce(F.max("stock"), F.lit(0))).alias("stock")
    rows = each.agg(stock, F.max("movement_id").alias("last_id"))
    rows.write.format("delta").mode("overwrite").saveAsTable(table)


@right("apply_movements")
def stock_anew(movements, table):
    known = movements.sparkSession.table(table).withColumnRenamed("stock", "quantity")
    new = _uncounted(movements.dropDuplicates(), table).select("product_id", "quantity", "movement_id")
    both = known.select("product_id", "quantity", F.col("last_id").alias("movement_id")).unionByName(new)
    _added(both).write.format("delta").mode("overwrite").saveAsTable(table)


@right("apply_movements")
def all_in_the_source(movements, table):
    movements.createOrReplaceTempView("movements")
    movements.sparkSession.sql(f"""
        MERGE INTO {table} AS t
        USING (
            SELECT m.product_id, sum(m.quantity) AS stock, max(m.movement_id) AS last_id
            FROM (SELECT DISTINCT * FROM movements) AS m LEFT JOIN {table} AS known ON known.product_id = m.product_id
            WHERE m.movement_id > coalesce(known.last_id, 0)
            GROUP BY m.product_id
        ) AS s
        ON t.product_id = s.product_id
        {ADD}
    """)


@right("apply_movements")
def new_stock_computed_first(movements, table):
    new = _added(_uncounted(movements.dropDuplicates(["movement_id"]), table)).withColumnRenamed("stock", "more")
    old = movements.sparkSession.table(table).selectExpr("product_id", "stock AS before")
    rows = new.join(old, "product_id", "left").selectExpr(
        "product_id", "more + coalesce(before, 0) AS stock", "last_id"
    )
    _merge(rows, table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")


def _state_rows(changes):
    columns = "customer_id", "CASE WHEN op <> 'D' THEN city END AS city", "change_id", "op = 'D' AS deleted"
    return changes.selectExpr(*columns)


def _merge_customers(rows, table, clauses=NEWER):
    _merge(rows, table, clauses, key="customer_id")


@wrong("apply_changes", says="that comes tomorrow makes the customer anew")
def rows_deleted(changes, table):
    """Deletes what is deleted."""
    newer = "AND s.change_id > t.change_id"
    clauses = (
        f"WHEN MATCHED {newer} AND s.deleted THEN DELETE WHEN MATCHED {newer} THEN UPDATE SET * "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    _merge_customers(_state_rows(_newest(changes)), table, clauses)


@wrong("apply_changes", says="take every column of the table from the source")
def star_without_the_mark(changes, table):
    """Expects UPDATE SET * to leave alone what the source does not have."""
    last = _state_rows(_newest(changes)).drop("deleted")
    _merge_customers(last, table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")


@wrong("apply_changes", says="C3 came back to life")
def newest_of_the_batch_wins(changes, table):
    """Takes the batch for newer than the table."""
    _merge_customers(
        _state_rows(_newest(changes)), table, "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )


@wrong("apply_changes", says="a delete of somebody whom the table does not know")
def unknown_deletes_ignored(changes, table):
    """Sees nothing to delete."""
    clauses = NEWER.replace("NOT MATCHED", "NOT MATCHED AND NOT s.deleted")
    _merge_customers(_state_rows(_newest(changes)), table, clauses)


@wrong("apply_changes", says="the city must go with the customer")
def city_kept(changes, table):
    """Sets the mark, and keeps the data."""
    rows = _newest(changes).selectExpr("customer_id", "city", "change_id", "op = 'D' AS deleted")
    _merge_customers(rows, table)


@wrong("apply_changes", says="Newest means the largest id")
def last_of_the_batch(changes, table):
    """Takes the last row of the batch for the newest."""
    last = changes.groupBy("customer_id").agg(F.last(F.struct("op", "city", "change_id")).alias("last"))
    _merge_customers(_state_rows(last.select("customer_id", "last.*")), table)


@wrong("apply_changes", says="reduce it to the newest change of each customer first")
def batch_as_it_is(changes, table):
    """Merges every change."""
    _merge_customers(_state_rows(changes), table)


@wrong("apply_changes", says="the delete is change 29")
def deletes_always_win(changes, table):
    """Compares ids for updates, and believes every delete."""
    _merge_customers(_state_rows(_newest(changes)), table, "WHEN MATCHED AND s.deleted THEN UPDATE SET * " + NEWER)


@wrong("apply_changes", says="The newest change decides")
def any_delete_of_the_batch(changes, table):
    """Believes a delete, whatever comes after it."""
    deleted = F.max(F.col("op") == "D").alias("deleted")
    newest = F.max_by("city", "change_id").alias("city"), F.max("change_id").alias("change_id")
    rows = changes.groupBy("customer_id").agg(deleted, *newest)
    _merge_customers(rows.withColumn("city", F.expr("if(deleted, NULL, city)")), table)


@wrong("apply_changes", says="Only `op` says what is a delete")
def no_city_no_customer(changes, table):
    """Takes an unknown city for a delete."""
    rows = _state_rows(_newest(changes)).withColumn("deleted", F.col("city").isNull())
    _merge_customers(rows, table)


@wrong("apply_changes", says="NULL is what the row then holds")
def last_city_that_was_known(changes, table):
    """Keeps the city where the change has none."""
    city = "if(s.deleted, NULL, coalesce(s.city, t.city))"
    keeps = f"UPDATE SET city = {city}, change_id = s.change_id, deleted = s.deleted"
    _merge_customers(_state_rows(_newest(changes)), table, NEWER.replace("UPDATE SET *", keeps))


@wrong("apply_changes", says="the mark must hold the `change_id` of the delete")
def mark_without_its_id(changes, table):
    """Marks the row, and keeps the id of the change before."""
    marks = "WHEN MATCHED AND s.change_id > t.change_id AND s.deleted THEN UPDATE SET city = NULL, deleted = true "
    _merge_customers(_state_rows(_newest(changes)), table, marks + NEWER)


@wrong("apply_changes", says="who is back is not deleted any more")
def mark_left_there(changes, table):
    """Sets the mark, and never takes it back."""
    clauses = NEWER.replace("SET *", "SET city = s.city, change_id = s.change_id, deleted = t.deleted OR s.deleted")
    _merge_customers(_state_rows(_newest(changes)), table, clauses)


@wrong("apply_changes", says="Compare a change with the row of its own customer")
def newer_than_all(changes, table):
    """Takes the largest id of the table for that of every customer."""
    seen = changes.sparkSession.table(table).agg(F.max("change_id")).first()[0]
    _merge_customers(_state_rows(_newest(changes.where(F.col("change_id") > seen))), table)


@wrong("apply_changes", says="`dropDuplicates` keeps any of two changes")
def any_change(changes, table):
    """Silences the error."""
    _merge_customers(_state_rows(changes.dropDuplicates(["customer_id"])), table)


@wrong("apply_changes", says="Whoever is heard of gets a row")
def inserts_and_deletes(changes, table):
    """Makes a row of an insert, and leaves out an update of somebody unknown."""
    clauses = NEWER.replace("SET *", "SET city = s.city, change_id = s.change_id, deleted = s.deleted")
    clauses = clauses.replace("WHEN NOT MATCHED", "WHEN NOT MATCHED AND s.op <> 'U'").replace(
        "INSERT *",
        "INSERT (customer_id, city, change_id, deleted) VALUES (s.customer_id, s.city, s.change_id, s.deleted)",
    )
    rows = _newest(changes).withColumn("deleted", F.col("op") == "D")
    _merge_customers(rows.withColumn("city", F.expr("if(deleted, NULL, city)")), table, clauses)


@right("apply_changes")
def table_anew(changes, table):
    known = changes.sparkSession.table(table).unionByName(_state_rows(changes))
    _newest(known).drop("place").write.format("delta").mode("overwrite").saveAsTable(table)


@right("apply_changes")
def changes_by_window(changes, table):
    _merge_customers(_state_rows(_newest(changes)), table)


@right("apply_changes")
def two_clauses(changes, table):
    clauses = (
        "WHEN MATCHED AND s.change_id > t.change_id AND s.op = 'D' "
        "THEN UPDATE SET city = NULL, change_id = s.change_id, deleted = true "
        "WHEN MATCHED AND s.change_id > t.change_id "
        "THEN UPDATE SET city = s.city, change_id = s.change_id, deleted = false "
        "WHEN NOT MATCHED THEN INSERT (customer_id, city, change_id, deleted) "
        "VALUES (s.customer_id, if(s.op = 'D', NULL, s.city), s.change_id, s.op = 'D')"
    )
    _merge_customers(_newest(changes), table, clauses)


def _priced(sales, prices, condition, kind="left"):
    return (
        sales.alias("s")
        .join(prices.alias("p"), F.expr("s.product_id = p.product_id AND " + condition), kind)
        .select("sale_id", "price")
    )


OPEN = "(p.valid_to IS NULL OR s.sold_on < p.valid_to)"


@wrong("price_then", says="`BETWEEN` holds both ends")
def between(sales, prices):
    """Takes the end for a part of the interval."""
    return _priced(sales, prices, "s.sold_on BETWEEN p.valid_from AND coalesce(p.valid_to, DATE '9999-12-31')")


@wrong("price_then", says="no day is before NULL")
def end_is_never_null(sales, prices):
    """Forgets the open end."""
    return _priced(sales, prices, "s.sold_on >= p.valid_from AND s.sold_on < p.valid_to")


@wrong("price_then", says="that is the price of today")
def price_of_today(sales, prices):
    """Joins what holds now."""
    return _priced(sales, prices, "p.valid_to IS NULL")


@wrong("price_then", says="a sale without a price")
def priced_sales_only(sales, prices):
    """Joins with the default kind."""
    return _priced(sales, prices, "s.sold_on >= p.valid_from AND " + OPEN, "inner")


@wrong("price_then", says="the first day of a price belongs to it")
def begins_the_day_after(sales, prices):
    """Leaves out the first day, besides the last."""
    return _priced(sales, prices, "s.sold_on > p.valid_from AND " + OPEN)


@wrong("price_then", says="the price of B ended on that day")
def newest_that_had_begun(sales, prices):
    """Takes the newest price that had begun, and forgets that prices end."""
    begun = sales.join(prices, "product_id", "left").where("valid_from <= sold_on")
    newest = begun.groupBy("sale_id").agg(F.max_by("price", "valid_from").alias("price"))
    return sales.select("sale_id").join(newest, "sale_id", "left")


@wrong("price_then", says="Today is none")
def until_today(sales, prices):
    """Ends what holds now today."""
    return _priced(sales, prices, "s.sold_on >= p.valid_from AND s.sold_on < coalesce(p.valid_to, current_date())")


@wrong("price_then", says="the end is the other")
def begun_by_then(sales, prices):
    """Takes every price that had begun."""
    return _priced(sales, prices, "s.sold_on >= p.valid_from")


@wrong("price_then", says="Which kind of join keeps the left side alone?")
def both_sides(sales, prices):
    """Keeps the prices too."""
    return _priced(sales, prices, "s.sold_on >= p.valid_from AND " + OPEN, "full")


@wrong("price_then", says="0.0 would say that it was for free")
def for_free(sales, prices):
    """Puts 0 in the place of NULL."""
    return _priced(sales, prices, "s.sold_on >= p.valid_from AND " + OPEN).fillna(0.0)


@wrong("price_then", says="the product is part of the condition")
def any_product(sales, prices):
    """Joins by the days alone."""
    holds = "sold_on >= valid_from AND (valid_to IS NULL OR sold_on < valid_to)"
    return sales.join(prices, F.expr(holds), "left").select("sale_id", "price")


@wrong("price_then", says="also between these days")
def on_the_first_day(sales, prices):
    """Looks for a price that began on the day."""
    return _priced(sales, prices, "s.sold_on = p.valid_from")


@right("price_then")
def price_then_in_sql(sales, prices):
    return sales.sparkSession.sql(
        "SELECT s.sale_id, p.price FROM {sales} AS s LEFT JOIN {prices} AS p ON p.product_id = s.product_id "
        "AND s.sold_on >= p.valid_from AND s.sold_on < coalesce(p.valid_to, DATE '9999-12-31')",
        sales=sales,
        prices=prices,
    )


@right("price_then")
def newest_that_holds(sales, prices):
    joined = sales.join(prices, "product_id", "left")
    holds = (F.col("valid_from") <= F.col("sold_on")) & ~F.coalesce(F.col("valid_to") <= F.col("sold_on"), F.lit(False))
    return joined.groupBy("sale_id").agg(F.max(F.when(holds, F.col("price"))).alias("price"))


def _compared(before, after, changed, kind="outer"):
    both = before.alias("old").join(after.alias("new"), "customer_id", kind)
    what = (
        F.when(F.expr("old.customer_id IS NULL"), "new")
        .when(F.expr("new.customer_id IS NULL"), "gone")
        .when(F.expr(changed), "changed")
    )
    return both.select("customer_id", what.alias("what")).where("what IS NOT NULL")


NULL_SAFE = "NOT (old.landline <=> new.landline AND old.mobile <=> new.mobile)"


@wrong("changed_customers", says="A comparison with NULL is NULL")
def differs(before, after):
    """Compares as most tutorials do."""
    return _compared(before, after, "old.landline <> new.landline OR old.mobile <> new.mobile")


@wrong("changed_customers", says="`concat_ws` skips NULL")
def hashes_of_joined_text(before, after):
    """Compares a hash of all columns."""
    text = "md5(concat_ws('|', {0}.landline, {0}.mobile))"
    return _compared(before, after, f"{text.format('old')} <> {text.format('new')}")


@wrong("changed_customers", says="A stand-in for NULL must not be a value that occurs")
def empty_text_for_null(before, after):
    """Puts a text in the place of NULL."""
    pairs = [f"coalesce(old.{name}, '') <> coalesce(new.{name}, '')" for name in ("landline", "mobile")]
    return _compared(before, after, " OR ".join(pairs))


@wrong("changed_customers", says="a join that starts from today's, or an inner one, drops that side")
def inner_joined(before, after):
    """Compares those who are on both sides."""
    return _compared(before, after, NULL_SAFE, "inner")


@wrong("changed_customers", says="does not find anybody new")
def joined_from_yesterday(before, after):
    """Starts from yesterday's customers."""
    return _compared(before, after, NULL_SAFE, "left")


@wrong("changed_customers", says="Only a NULL-safe comparison finds NULL equal to NULL")
def equal_or_changed(before, after):
    """Takes all for changed that is not certainly equal."""
    return _compared(before, after, "NOT coalesce(old.landline = new.landline AND old.mobile = new.mobile, false)")


@wrong("changed_customers", says="each is compared")
def landlines_alone(before, after):
    """Compares one of two columns."""
    return _compared(before, after, "NOT (old.landline <=> new.landline)")


@wrong("changed_customers", says="only the landline of C2 changed")
def mobiles_alone(before, after):
    """Compares the other of two columns."""
    return _compared(before, after, "NOT (old.mobile <=> new.mobile)")


@wrong("changed_customers", says="To lose a number is a change too")
def numbers_that_came(before, after):
    """Adds the case of NULL in one direction."""
    came = "OR old.landline IS NULL AND new.landline IS NOT NULL OR old.mobile IS NULL AND new.mobile IS NOT NULL"
    return _compared(before, after, f"old.landline <> new.landline OR old.mobile <> new.mobile {came}")


@wrong("changed_customers", says="and is in both tables")
def told_by_the_numbers(before, after):
    """Looks at the numbers to see who is there."""
    both = before.alias("old").join(after.alias("new"), "customer_id", "outer")
    what = F.when(F.expr("old.landline IS NULL AND old.mobile IS NULL"), "new").when(
        F.expr("new.landline IS NULL AND new.mobile IS NULL"), "gone"
    )
    return both.select("customer_id", what.when(F.expr(NULL_SAFE), "changed").alias("what")).where("what IS NOT NULL")


@wrong("changed_customers", says="that a number is NULL does not say that a customer is absent")
def told_by_the_landline(before, after):
    """Looks at one number to see who is there."""
    both = before.alias("old").join(after.alias("new"), "customer_id", "outer")
    what = F.when(F.expr("old.landline IS NULL"), "new").when(F.expr("new.landline IS NULL"), "gone")
    return both.select("customer_id", what.when(F.expr(NULL_SAFE), "changed").alias("what")).where("what IS NOT NULL")


@wrong("changed_customers", says="Take the one that is there")
def id_of_yesterday(before, after):
    """Takes the id of one side."""
    old, new = before.alias("old"), after.alias("new")
    both = old.join(new, F.expr("old.customer_id = new.customer_id"), "outer")
    what = F.expr(
        "CASE WHEN old.customer_id IS NULL THEN 'new' WHEN new.customer_id IS NULL THEN 'gone' "
        f"WHEN {NULL_SAFE} THEN 'changed' END AS what"
    )
    return both.select("old.customer_id", what).where("what IS NOT NULL")


@wrong("changed_customers", says="so it is gone")
def turned_round(before, after):
    """Mixes up the two sides."""
    return _compared(after, before, NULL_SAFE)


@right("changed_customers")
def compared_as_structs(before, after):
    return _compared(before, after, "struct(old.landline, old.mobile) <> struct(new.landline, new.mobile)")


@right("changed_customers")
def counted_sides(before, after):
    state = "struct(landline, mobile) AS state"
    sides = before.selectExpr("customer_id", state, "'old' AS side").unionByName(
        after.selectExpr("customer_id", state, "'new' AS side")
    )
    each = sides.groupBy("customer_id").agg(
        F.count_if(F.col("side") == "old").alias("was"),
        F.count_if(F.col("side") == "new").alias("is"),
        F.count_distinct("state").alias("states"),
    )
    what = F.when(F.col("was") == 0, "new").when(F.col("is") == 0, "gone").when(F.col("states") > 1, "changed")
    return each.select("customer_id", what.alias("what")).where("what IS NOT NULL")


@right("changed_customers")
def changed_in_sql(before, after):
    return before.sparkSession.sql(
        "SELECT coalesce(o.customer_id, n.customer_id) AS customer_id, CASE WHEN o.customer_id IS NULL THEN 'new' "
        "WHEN n.customer_id IS NULL THEN 'gone' ELSE 'changed' END AS what FROM {before} AS o FULL JOIN {after} AS n "
        "ON o.customer_id = n.customer_id WHERE struct(o.*) IS DISTINCT FROM struct(n.*)",
        before=before,
        after=after,
    )


def _by_day():
    return Window.partitionBy("customer_id").orderBy("changed_on")


def _days(changes):
    newest_first = Window.partitionBy("customer_id", "changed_on").orderBy(F.desc("change_id"))
    return changes.withColumn("place", F.row_number().over(newest_first)).where("place = 1").drop("place")


def _turns(days, same="city <=> before_city AND op <> 'D' AND before_op <> 'D' OR op = 'D' AND before_op = 'D'"):
    with_before = days.withColumn("before_city", F.lag("city").over(_by_day())).withColumn(
        "before_op", F.lag("op").over(_by_day())
    )
    return with_before.where(f"before_op IS NULL OR NOT ({same})")


def _versions(turns, end="valid_to"):
    ended = turns.withColumn("valid_to", F.lead("changed_on").over(_by_day())).where("op <> 'D'")
    return ended.selectExpr(
        "customer_id", "city", "changed_on AS valid_from", f"{end} AS valid_to", "valid_to IS NULL AS is_current"
    )


@wrong("customer_history", says="on 1 February nothing changed")
def every_change_is_a_version(changes):
    """Makes a version of every change."""
    return _versions(_days(changes))


@wrong("customer_history", says="`<>` with NULL does not see it")
def changed_by_inequality(changes):
    """Compares with `<>`."""
    days = _days(changes)
    with_before = days.withColumn("before", F.lag("city").over(_by_day())).withColumn(
        "before_op", F.lag("op").over(_by_day())
    )
    turns = with_before.where("before_op IS NULL OR op = 'D' AND before_op <> 'D' OR before_op = 'D' OR city <> before")
    return _versions(turns.where("NOT (op = 'D' AND before_op <=> 'D')"))


@wrong("customer_history", says="It holds from 1 February until Bonn")
def by_order_of_arrival(changes):
    """Orders by the id."""
    arrived = Window.partitionBy("customer_id").orderBy("change_id")
    days = _days(changes)
    with_before = days.withColumn("before", F.lag(F.struct("city", F.col("op") == "D")).over(arrived))
    turns = with_before.where(~F.col("before").eqNullSafe(F.struct("city", F.col("op") == "D")))
    ended = turns.withColumn("valid_to", F.lead("changed_on").over(arrived)).where("op <> 'D'")
    return ended.selectExpr(
        "customer_id", "city", "changed_on AS valid_from", "valid_to", "valid_to IS NULL AS is_current"
    )


@wrong("customer_history", says="leave the deletes out only after they have ended")
def deletes_left_out(changes):
    """Leaves the deletes out first."""
    return _versions(_turns(_days(changes.where("op <> 'D'"))))


@wrong("customer_history", says="it ends one and begins none")
def delete_is_a_version(changes):
    """Makes a version of a delete."""
    ended = _turns(_days(changes)).withColumn("valid_to", F.lead("changed_on").over(_by_day()))
    return ended.selectExpr(
        "customer_id", "city", "changed_on AS valid_from", "valid_to", "valid_to IS NULL AS is_current"
    )


@wrong("customer_history", says="`valid_to` is the first day on which it does not hold any more")
def last_day_included(changes):
    """Ends a version on its last day."""
    return _versions(_turns(_days(changes)), end="date_sub(valid_to, 1)")


@wrong("customer_history", says="Current is what has no end")
def last_version_is_current(changes):
    """Takes the last version for the current one."""
    history = _versions(_turns(_days(changes)))
    last = F.max("valid_from").over(Window.partitionBy("customer_id"))
    return history.withColumn("is_current", F.col("valid_from") == last)


@wrong("customer_history", says="of several changes of a day only the last one counts")
def several_a_day(changes):
    """Expects one change a day."""
    by_change = Window.partitionBy("customer_id").orderBy("changed_on", "change_id")
    state = F.when(F.col("op") != "D", F.struct("city"))
    states = changes.dropDuplicates().withColumn("state", state).withColumn("before", F.lag("state").over(by_change))
    turns = states.where("NOT (state <=> before)").withColumn("valid_to", F.lead("changed_on").over(by_change))
    return turns.where("state IS NOT NULL").selectExpr(
        "customer_id", "city", "changed_on AS valid_from", "valid_to", "valid_to IS NULL AS is_current"
    )


@wrong("customer_history", says="A delete is a state too")
def city_alone(changes):
    """Compares cities, and not whether there is a customer."""
    days = _days(changes)
    with_before = days.withColumn("before", F.lag(F.struct("city")).over(_by_day()))
    return _versions(with_before.where("op = 'D' OR NOT (struct(city) <=> before)"))


def _reduced(rows):
    newest = F.max_by(F.struct("op", "city"), "change_id").alias("last")
    return rows.groupBy("customer_id", "changed_on").agg(newest).select("customer_id", "changed_on", "last.*")


@wrong("customer_history", says="a delete is not a change to the city NULL")
def deleted_is_no_city(changes):
    """Takes a delete for a change to the city NULL."""
    days = _days(changes).withColumn("city", F.expr("if(op = 'D', NULL, city)"))
    with_before = days.withColumn("before", F.lag("city").over(_by_day()))
    first = F.row_number().over(_by_day()) == 1
    return _versions(with_before.withColumn("first", first).where("first OR NOT (city <=> before)"))


@wrong("customer_history", says="the first city of C7 is NULL")
def null_before_the_first_version(changes):
    """Compares NULL-safe, and takes the NULL of no row for a city."""
    with_before = (
        _days(changes)
        .withColumn("before", F.lag("city").over(_by_day()))
        .withColumn("before_op", F.lag("op").over(_by_day()))
    )
    return _versions(with_before.where("op = 'D' OR before_op = 'D' OR NOT (city <=> before)"))


@wrong("customer_history", says="a delete before it does not")
def deletes_of_a_day_win(changes):
    """Believes a delete, whatever comes after it on that day."""
    deleted = F.max(F.col("op") == "D").alias("deleted")
    days = changes.groupBy("customer_id", "changed_on").agg(deleted, F.max_by("city", "change_id").alias("city"))
    return _versions(_turns(days.withColumn("op", F.expr("if(deleted, 'D', 'U')"))))


@wrong("customer_history", says="First one row a day, then leave out what did not change")
def unchanged_left_out_first(changes):
    """Leaves out what did not change, then takes the last change of each day."""
    by_change = Window.partitionBy("customer_id").orderBy("changed_on", "change_id")
    state = F.when(F.col("op") != "D", F.struct("city"))
    states = changes.dropDuplicates().withColumn("state", state).withColumn("before", F.lag("state").over(by_change))
    return _versions(_days(states.where("NOT (state <=> before)")))


@wrong("customer_history", says="an insert of somebody who is there")
def inserts_open_versions(changes):
    """Opens a version at every insert."""
    with_before = _days(changes).withColumn("before", F.lag(F.struct("city")).over(_by_day()))
    return _versions(with_before.where("op IN ('I', 'D') OR NOT (struct(city) <=> before)"))


@wrong("customer_history", says="`=` never finds NULL equal to NULL")
def unknown_is_never_the_same(changes):
    """Leaves out what is equal, and NULL is equal to nothing."""
    days = _days(changes)
    before = F.lag(F.struct("op", "city")).over(_by_day()).alias("before")
    same = "coalesce((op = 'D') = (before.op = 'D') AND (op = 'D' OR city = before.city), false)"
    return _versions(days.select("*", before).where(f"NOT {same}"))


@wrong("customer_history", says="nobody comes back to it")
def one_version_a_city(changes):
    """Groups by the city."""
    first = F.min("changed_on").alias("changed_on")
    return _versions(_days(changes).groupBy("customer_id", "city", F.expr("if(op = 'D', 'D', 'U') AS op")).agg(first))


@right("customer_history")
def history_by_islands(changes):
    states = _reduced(changes).withColumn("state", F.when(F.col("op") != "D", F.struct("city")))
    begins = F.when(F.col("state").eqNullSafe(F.lag("state").over(_by_day())), 0).otherwise(1)
    numbered = states.withColumn("begins", begins).withColumn("island", F.sum("begins").over(_by_day()))
    islands = numbered.groupBy("customer_id", "island").agg(
        F.min("changed_on").alias("changed_on"), F.min_by("op", "changed_on").alias("op"), F.min("city").alias("city")
    )
    return _versions(islands)


@right("customer_history")
def history_step_by_step(changes):
    return _versions(_turns(_days(changes)))


@right("customer_history")
def history_in_sql(changes):
    return changes.sparkSession.sql(
        """
        WITH days AS (
            SELECT customer_id, changed_on, max_by(if(op = 'D', NULL, struct(city)), change_id) AS state
            FROM {changes} GROUP BY ALL
        ), turns AS (
            SELECT *, lag(state) OVER (PARTITION BY customer_id ORDER BY changed_on) AS before FROM days
        ), versions AS (
            SELECT *, lead(changed_on) OVER (PARTITION BY customer_id ORDER BY changed_on) AS valid_to
            FROM turns WHERE state IS DISTINCT FROM before
        )
        SELECT customer_id, state.city, changed_on AS valid_from, valid_to, valid_to IS NULL AS is_current
        FROM versions WHERE state IS NOT NULL
        """,
        changes=changes,
    )


def _by_start():
    return Window.partitionBy("customer_id").orderBy("valid_from")


def _started(history, late):
    return history.drop("valid_to").unionByName(late.withColumnRenamed("changed_on", "valid_from"))


def _ended(turns):
    return turns.withColumn("valid_to", F.lead("valid_from").over(_by_start()))


@wrong("with_late_changes", says="as if it were current")
def closes_the_current(history, late):
    """Closes the current version and opens a new one, as most tutorials do."""
    new = late.dropDuplicates().selectExpr(
        "customer_id", "city", "changed_on AS valid_from", "CAST(NULL AS date) AS valid_to"
    )
    closing = late.groupBy("customer_id").agg(F.max("changed_on").alias("day"))
    closed = (
        history.join(closing, "customer_id", "left").withColumn("valid_to", F.coalesce("valid_to", "day")).drop("day")
    )
    return closed.unionByName(new)


@wrong("with_late_changes", says="must end there")
def end_of_the_cut_version(history, late):
    """Gives the late change its end, and forgets the version that it cuts."""
    ends = _ended(_started(history, late.dropDuplicates())).select("customer_id", "valid_from", "valid_to")
    new = late.dropDuplicates().withColumnRenamed("changed_on", "valid_from")
    added = new.join(ends.dropDuplicates(), ["customer_id", "valid_from"]).select(*history.columns)
    known = history.select("customer_id", "valid_from")
    return history.unionByName(added.join(known, ["customer_id", "valid_from"], "left_anti").select(*history.columns))


@wrong("with_late_changes", says="a change that comes for the second time makes no version")
def repeated_changes(history, late):
    """Expects every change once."""
    return _ended(_started(history, late))


@wrong("with_late_changes", says="so nothing changed")
def known_anyway(history, late):
    """Makes a version of every day on which something was said."""
    return _ended(_started(history, late).dropDuplicates())


@wrong("with_late_changes", says="two versions that follow each other never hold the same city")
def compared_with_the_one_before(history, late):
    """Leaves out late changes that say what was known, and keeps the versions that were there."""
    changes = _started(history.withColumn("was", F.lit(True)), late.withColumn("was", F.lit(False)).dropDuplicates())
    unique = changes.groupBy("customer_id", "valid_from", "city").agg(F.max("was").alias("was"))
    before = F.lag(F.struct("city")).over(_by_start())
    turns = unique.withColumn("before", before).where("was OR NOT (struct(city) <=> before)")
    return _ended(turns.select("customer_id", "city", "valid_from"))


@wrong("with_late_changes", says="from Pisa to NULL is a change")
def late_by_inequality(history, late):
    """Compares with `<>`."""
    turns = _started(history, late).withColumn("before", F.lag("city").over(_by_start()))
    first = turns.withColumn("number", F.row_number().over(_by_start())).where("number = 1 OR city <> before")
    return _ended(first.select("customer_id", "city", "valid_from"))


@wrong("with_late_changes", says="`=` never finds NULL equal to NULL")
def late_by_equality(history, late):
    """Leaves out what is equal, and NULL is equal to nothing."""
    turns = _started(history, late).dropDuplicates().withColumn("before", F.lag("city").over(_by_start()))
    return _ended(turns.where("NOT coalesce(city = before, false)").drop("before"))


@wrong("with_late_changes", says="of C9 nothing came late")
def only_who_is_late(history, late):
    """Returns the history of those who have a late change."""
    return late_in_sql(history.join(late, "customer_id", "left_semi"), late)


@wrong("with_late_changes", says="nothing before it is not the same as a NULL before it")
def null_before_the_first(history, late):
    """Compares NULL-safe, and takes the NULL of no row for a city."""
    turns = _started(history, late).withColumn("before", F.lag("city").over(_by_start()))
    return _ended(turns.where("NOT (city <=> before)").drop("before"))


@wrong("with_late_changes", says="so none of them holds its day")
def only_inside_a_version(history, late):
    """Looks for the version that holds the day, and finds none before the first."""
    first = history.groupBy("customer_id").agg(F.min("valid_from").alias("first"))
    inside = late.join(first, "customer_id", "left").where("first IS NULL OR changed_on >= first").drop("first")
    changes = _started(history, inside).withColumn("before", F.lag(F.struct("city")).over(_by_start()))
    return _ended(changes.where("NOT (struct(city) <=> before)").drop("before"))


@wrong("with_late_changes", says="Compare with the city just before")
def one_version_for_a_city(history, late):
    """Groups by the city."""
    first = F.min("valid_from").alias("valid_from")
    return _ended(_started(history, late).groupBy("customer_id", "city").agg(first))


@wrong("with_late_changes", says="Each customer is a partition")
def one_row_after_the_other(history, late):
    """Orders by the customer instead of beginning anew."""
    turns = _started(history, late).withColumn("before", F.lag(F.struct("city")).over(_by_start()))
    kept = turns.where("NOT (struct(city) <=> before)").drop("before")
    return kept.withColumn("valid_to", F.lead("valid_from").over(Window.orderBy("customer_id", "valid_from")))


@wrong("with_late_changes", says="the `valid_from` of the next")
def ends_on_the_last_day(history, late):
    """Ends a version on its last day."""
    turns = _started(history, late).withColumn("before", F.lag(F.struct("city")).over(_by_start()))
    ended = _ended(turns.where("NOT (struct(city) <=> before)").drop("before"))
    return ended.withColumn("valid_to", F.date_sub("valid_to", 1))


@right("with_late_changes")
def late_in_sql(history, late):
    return history.sparkSession.sql(
        """
        WITH changes AS (
            SELECT customer_id, city, valid_from FROM {history} UNION SELECT customer_id, city, changed_on FROM {late}
        ), turns AS (
            SELECT *, row_number() OVER w AS number, lag(city) OVER w AS before FROM changes
            WINDOW w AS (PARTITION BY customer_id ORDER BY valid_from)
        )
        SELECT customer_id, city, valid_from, lead(valid_from) OVER w AS valid_to
        FROM turns WHERE number = 1 OR city IS DISTINCT FROM before
        WINDOW w AS (PARTITION BY customer_id ORDER BY valid_from)
        """,
        history=history,
        late=late,
    )


excused: dict[str, dict[str, str]] = {
    "paid_totals": {
        "F.count('order_id') → F.countDistinct('order_id')": "No id occurs twice, so the distinct ones are as many.",
    },
    "best_sellers": {
        "F.row_number() → F.rank()": "With product_id in it the order is unique, and without ties both give the same.",
    },
    "upsert_prices": {
        "> → >=": "A change with the id that the table knows is the same change, so writing it again changes nothing.",
    },
    "apply_changes": {
        "> → >=": "A change with the id that the table knows is the same change, so writing it again changes nothing.",
    },
}

one_payment = "Every payment has a customer and a day."
one_change = "Every change has a number, a day and an operation."
one_city_a_day = "What two changes say of one day is the same, as the task says."
outside: dict[str, dict[str, str]] = {
    "running_balance": {"NULL in payments.customer_id": one_payment, "NULL in payments.paid_on": one_payment},
    "best_sellers": {"the negative in products.sold": "What was sold is counted, so it is never below 0."},
    "revenue_by_quarter": {"NULL in sales.amount": "Every sale has an amount."},
    "price_then": dict.fromkeys(
        (
            "a row of prices twice",
            "another row's value in prices.product_id",
            "NULL in prices.valid_to",
            "another row's value in prices.valid_to",
            "a day later in prices.valid_to",
        ),
        "One price of a product holds on a day.",
    ),
    "customer_history": {
        "NULL in changes.change_id": one_change,
        "NULL in changes.changed_on": one_change,
        "NULL in changes.op": one_change,
    },
    "with_late_changes": {
        "another row's value in history.customer_id": one_city_a_day,
        "another row's value in late.customer_id": one_city_a_day,
        "another row's value in late.changed_on": one_city_a_day,
    },
    "current_customers": {"an empty text in changes.op": "A change inserts, updates or deletes."},
    "vacuumed": {
        "another row's value in files.state": "A file is removed where it says since when, and only there.",
        "an empty text in files.state": "A file is live, removed or unknown.",
        "NULL in files.removed_hours_ago": "A file is removed where it says since when, and only there.",
    },
}

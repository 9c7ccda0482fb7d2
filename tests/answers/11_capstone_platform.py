"""Wrong answers that people really give to the exercises of the capstone, and right ones written otherwise."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter

from pyspark.sql import Window
from pyspark.sql import functions as F

from workbook.authoring.proofs import right, wrong


@wrong("contract_breaches", says="A schema does not say whether values are there")
def compares_the_schema(delivery, contract):
    """Takes the schema for the whole contract."""
    types = dict(delivery.dtypes)
    kinds = {name: kind for name, (kind, _) in contract.items()}
    return [(name, "type" if name in types else "missing") for name in kinds if types.get(name) != kinds[name]]


@wrong("contract_breaches", says="the contract says nothing of `note`")
def refuses_new_columns(delivery, contract):
    """Wants the delivery to be just as the contract says."""
    return breaches_one_by_one(delivery, contract) + [
        (name, "new") for name in delivery.columns if name not in contract
    ]


@wrong("contract_breaches", says="`coupon` may be without a value")
def demands_every_value(delivery, contract):
    """Believes that a column of the contract is full."""
    return breaches_one_by_one(delivery, {name: (kind, True) for name, (kind, _) in contract.items()})


@wrong("contract_breaches", says="what `dtypes` calls a type")
def writes_types_in_capitals(delivery, contract):
    """Writes types as SQL does."""
    types = {name: kind.upper() for name, kind in delivery.dtypes}
    return [(name, "type" if name in types else "missing") for name in contract if types.get(name) != contract[name][0]]


@wrong("contract_breaches", says="three columns break the contract")
def stops_at_the_first(delivery, contract):
    """Refuses at the first fault, as a job does that raises."""
    return breaches_one_by_one(delivery, contract)[:1]


@wrong("contract_breaches", says="look whether a column is there before you look into it")
def looks_into_what_is_not_there(delivery, contract):
    """Asks for NULLs in all columns of the contract."""
    found = []
    for name, (kind, needed) in contract.items():
        if needed or delivery.where(F.col(name).isNull()).count():
            found.append((name, kind))
    return found


@wrong("contract_breaches", says="the first breach that applies is the one to name")
def all_breaches_of_a_column(delivery, contract):
    """Names every fault of a column."""
    types = dict(delivery.dtypes)
    found = []
    for name, (kind, needed) in contract.items():
        if name not in types:
            found.append((name, "missing"))
            continue
        if types[name] != kind:
            found.append((name, "type"))
        if needed and delivery.where(F.col(name).isNull()).count():
            found.append((name, "null"))
    return found


@wrong("contract_breaches", says="not in the order of the contract")
def by_kind_of_breach(delivery, contract):
    """Collects the breaches kind by kind."""
    found = breaches_one_by_one(delivery, contract)
    return sorted(found, key=lambda breach: ["missing", "type", "null"].index(breach[1]))


@right("contract_breaches")
def breaches_one_by_one(delivery, contract):
    kinds = {field.name: field.dataType.simpleString() for field in delivery.schema}

    def breach(name, kind, needed):
        if name not in kinds:
            return "missing"
        if kinds[name] != kind:
            return "type"
        return "null" if needed and not delivery.where(f"`{name}` IS NULL").isEmpty() else None

    judged = [(name, breach(name, kind, needed)) for name, (kind, needed) in contract.items()]
    return [(name, found) for name, found in judged if found]


@wrong("judged_files", says="The path alone does not show that")
def by_path_alone(announced, loaded):
    """Remembers paths, as a file stream does."""
    return [(path, "again" if path in loaded else "load") for path, _ in announced]


@wrong("judged_files", says="leaves the old rows beside the new ones")
def by_content_alone(announced, loaded):
    """Loads whatever has a content that it does not know."""
    return [(path, "again" if checksum in loaded.values() else "load") for path, checksum in announced]


@wrong("judged_files", says="every row of it would be there twice")
def path_and_content_without_copies(announced, loaded):
    """Compares the content under the same path only."""
    found = {
        path: ("again" if checksum == loaded[path] else "changed") for path, checksum in announced if path in loaded
    }
    return [(path, found.get(path, "load")) for path, _ in announced]


@wrong("judged_files", says="which stands before it in the same announcement")
def against_bronze_only(announced, loaded):
    """Compares with what was loaded, and not within the announcement."""
    return [(path, _verdict(path, checksum, loaded)) for path, checksum in announced]


@wrong("judged_files", says="That is a list of pairs")
def one_verdict_a_path(announced, loaded):
    """Keeps one verdict for each path."""
    return {path: _verdict(path, checksum, loaded) for path, checksum in announced}


@wrong("judged_files", says="nothing was loaded yet")
def notes_in_what_is_not_its_own(announced, loaded):
    """Notes in the dictionary that it was given."""
    found = []
    for path, checksum in announced:
        found.append((path, _verdict(path, checksum, loaded)))
        loaded.setdefault(path, checksum)
    return found


def _verdict(path, checksum, known):
    if path in known:
        return "again" if known[path] == checksum else "changed"
    return "copy" if checksum in known.values() else "load"


@right("judged_files")
def with_two_memories(announced, loaded):
    contents, paths = set(loaded.values()), {**loaded}
    found = []
    for path, checksum in announced:
        found.append((path, _verdict(path, checksum, paths)))
        paths.setdefault(path, checksum)
        contents.add(checksum)
    return found


@wrong("with_reasons", says="A row keeps a rule only where it is TRUE")
def negates_the_condition(rows, rules):
    """Believes that NOT turns every value round."""
    broken = [F.when(~F.expr(condition), name) for name, condition in rules]
    return rows.withColumn("reasons", F.array_compact(F.array(*broken)))


@wrong("with_reasons", says="All rules that a row breaks are asked for")
def the_first_reason(rows, rules):
    """Stops at the first rule that is broken."""
    broken = [F.when(~F.coalesce(F.expr(condition), F.lit(False)), name) for name, condition in rules]
    return rows.withColumn("reasons", F.array_compact(F.array(F.coalesce(*broken))))


@wrong("with_reasons", says="its name is absent, and not NULL")
def leaves_the_gaps(rows, rules):
    """Forgets that a kept rule leaves a NULL."""
    broken = [F.when(~F.coalesce(F.expr(condition), F.lit(False)), name) for name, condition in rules]
    return rows.withColumn("reasons", F.array(*broken))


@wrong("with_reasons", says="you named those that it keeps")
def names_what_is_kept(rows, rules):
    """Names the conditions that hold."""
    kept = [F.when(F.expr(condition), name) for name, condition in rules]
    return rows.withColumn("reasons", F.array_compact(F.array(*kept)))


@wrong("with_reasons", says="The column `reasons` is of type string")
def reasons_as_text(rows, rules):
    """Writes the reasons in one text."""
    broken = [F.when(~F.coalesce(F.expr(condition), F.lit(False)), name) for name, condition in rules]
    return rows.withColumn("reasons", F.concat_ws(", ", *broken))


@wrong("with_reasons", says="every row comes back, the good ones with an empty array")
def only_the_bad_rows(rows, rules):
    """Returns what is to be quarantined."""
    return reasons_by_filter(rows, rules).where("size(reasons) > 0")


@wrong("with_reasons", says="the reasons stand in the order of the rules")
def sorted_by_name(rows, rules):
    """Sorts the names."""
    return reasons_by_filter(rows, rules).withColumn("reasons", F.array_sort("reasons"))


@right("with_reasons")
def reasons_by_filter(rows, rules):
    parts = [F.struct(F.lit(name).alias("name"), F.expr(condition).alias("holds")) for name, condition in rules]
    broken = F.filter(F.array(*parts), lambda part: ~part.holds.eqNullSafe(True))
    return rows.withColumn("reasons", F.transform(broken, lambda part: part["name"]))


@right("with_reasons")
def reasons_in_sql(rows, rules):
    parts = ", ".join(f"if(({condition}) IS TRUE, NULL, '{name}')" for name, condition in rules)
    return rows.selectExpr("*", f"filter(array({parts}), name -> name IS NOT NULL) AS reasons")


def _verdicts(delivered, silver, key=("key", "content"), order="place", fit=None, taken=None):
    rows = delivered.join(silver.withColumnRenamed("content", "stored"), "key", "left")
    same = Window.partitionBy(*key).orderBy(order)
    before = Window.partitionBy("key").orderBy("place").rowsBetween(Window.unboundedPreceding, -1)
    in_silver = F.coalesce(F.col("stored") == F.col("content"), F.lit(False))
    rows = rows.withColumn("again", in_silver | (F.row_number().over(same) > 1))
    fits = ~F.col("again") & (F.size("reasons") == 0)
    earlier = F.coalesce(F.max(fits if fit is None else fit).over(before), F.lit(False))
    free = ~((F.col("stored").isNotNull() | earlier) if taken is None else taken)
    verdict = F.when(F.col("again"), "duplicate").when(fits & free, "clean").otherwise("quarantined")
    return rows.select("place", "key", verdict.alias("verdict"))


@wrong("verdicts", says="The same key is not the same row")
def repeats_by_key(delivered, silver):
    """Takes every row of a key that has come for a repeat."""
    return _verdicts(delivered, silver, key=("key",))


@wrong("verdicts", says="Rows lie in no order")
def repeats_as_they_arrive(delivered, silver):
    """Numbers the rows of one key and content in the order in which they happen to lie."""
    return _verdicts(delivered, silver, order="key")


@wrong("verdicts", says="a contradiction that is called a repeat")
def all_known_keys_are_duplicates(delivered, silver):
    """Takes a key that silver has for a repeat."""
    known = silver.select("key", F.lit(True).alias("known"))
    found = _verdicts(delivered, silver).join(known, "key", "left")
    return found.withColumn("verdict", F.when(F.col("known"), "duplicate").otherwise(F.col("verdict"))).drop("known")


@wrong("verdicts", says="so nobody has taken K2 yet")
def any_row_takes_the_key(delivered, silver):
    """Lets a refused row take the key."""
    return _verdicts(delivered, silver, fit=F.lit(True))


@wrong("verdicts", says="K2 was taken by the clean row at place 4")
def forgets_its_own_delivery(delivered, silver):
    """Compares keys with silver only."""
    return _verdicts(delivered, silver, taken=F.col("stored").isNotNull())


@wrong("verdicts", says="a key that is NULL has no partner in silver")
def loses_the_null_key(delivered, silver):
    """Judges known and unknown keys apart, by two conditions that should be opposites."""
    known = F.col("key").isin([row["key"] for row in silver.collect()])
    return _verdicts(delivered.where(known), silver).union(_verdicts(delivered.where(~known), silver))


@wrong("verdicts", says="Every delivered row has a verdict")
def drops_the_repeats(delivered, silver):
    """Deduplicates first, and judges what is left."""
    unique = delivered.orderBy("place").coalesce(1).dropDuplicates(["key", "content"])
    return _verdicts(unique, silver)


@wrong("verdicts", says="so it has come before")
def forgets_silver(delivered, silver):
    """Judges a delivery by itself."""
    return _verdicts(delivered, silver.limit(0))


@right("verdicts")
def verdicts_by_self_join(delivered, silver):
    earlier = delivered.selectExpr("place AS p", "key AS k", "content AS c", "size(reasons) = 0 AS good")
    stored = silver.selectExpr("-1 AS p", "key AS k", "content AS c", "TRUE AS good")
    met = delivered.join(earlier.union(stored), F.expr("key <=> k AND p < place"), "left")
    facts = met.groupBy("place", "key", F.size("reasons").alias("faults")).agg(
        F.coalesce(F.bool_or(F.expr("c <=> content AND p IS NOT NULL")), F.lit(False)).alias("again"),
        F.coalesce(F.bool_or("good"), F.lit(False)).alias("taken"),
    )
    verdict = "CASE WHEN again THEN 'duplicate' WHEN faults = 0 AND NOT taken THEN 'clean' ELSE 'quarantined' END"
    return facts.selectExpr("place", "key", f"{verdict} AS verdict")


@wrong("judged_again", says="One reason is gone, not all")
def lets_all_of_a_customer_go(waiting, customers, silver):
    """Empties the reasons where the customer is known."""
    known = customers.select("customer_id", F.lit(True).alias("known")).distinct()
    rows = waiting.join(known, "customer_id", "left")
    none = F.array().cast("array<string>")
    reasons = F.when(F.col("known") & F.array_contains("reasons", "customer_known"), none)
    return rows.select("transaction_id", "customer_id", F.coalesce(reasons, "reasons").alias("reasons"))


@wrong("judged_again", says="a join gives one row for each")
def joins_the_history(waiting, customers, silver):
    """Joins all versions of a customer."""
    known = customers.select("customer_id", F.lit(True).alias("known"))
    rows = waiting.join(known, "customer_id", "left")
    left = F.when(F.col("known"), F.array_remove("reasons", "customer_known")).otherwise(F.col("reasons"))
    return rows.select("transaction_id", "customer_id", left.alias("reasons"))


@wrong("judged_again", says="an inner join has taken it out of the quarantine")
def inner_join_with_customers(waiting, customers, silver):
    """Returns the rows whose customer is known."""
    known = customers.select("customer_id").distinct()
    rows = waiting.join(known, "customer_id")
    taken = silver.select("transaction_id", F.lit(True).alias("taken"))
    left = F.array_remove("reasons", "customer_known")
    again = F.col("taken") & (F.size(left) == 0)
    reasons = F.when(again, F.array(F.lit("transaction_unique"))).otherwise(left)
    joined = rows.join(taken, "transaction_id", "left")
    return joined.select("transaction_id", "customer_id", reasons.alias("reasons"))


@wrong("judged_again", says="silver has got T4 meanwhile")
def forgets_the_key(waiting, customers, silver):
    """Looks at customers only."""
    known = customers.select("customer_id", F.lit(True).alias("known")).distinct()
    rows = waiting.join(known, "customer_id", "left")
    left = F.when(F.col("known"), F.array_remove("reasons", "customer_known")).otherwise(F.col("reasons"))
    return rows.select("transaction_id", "customer_id", left.alias("reasons"))


@wrong("judged_again", says="T6 is not free, so its own reason stays")
def taken_overrules_everything(waiting, customers, silver):
    """Replaces the reasons of every payment that silver has."""
    taken = silver.select("transaction_id", F.lit(True).alias("taken"))
    rows = forgets_the_key(waiting, customers, silver).join(taken, "transaction_id", "left")
    reasons = F.when(F.col("taken"), F.array(F.lit("transaction_unique"))).otherwise(F.col("reasons"))
    return rows.select("transaction_id", "customer_id", reasons.alias("reasons"))


@wrong("judged_again", says="C1 has come since")
def looks_for_customers_that_are_unknown(waiting, customers, silver):
    """Turns the condition round."""
    known = customers.select("customer_id", F.lit(True).alias("known")).distinct()
    rows = waiting.join(known, "customer_id", "left")
    left = F.when(F.col("known").isNull(), F.array_remove("reasons", "customer_known")).otherwise(F.col("reasons"))
    return rows.select("transaction_id", "customer_id", left.alias("reasons"))


@right("judged_again")
def judged_again_in_sql(waiting, customers, silver):
    return waiting.sparkSession.sql(
        """
        WITH known AS (
            SELECT *, EXISTS (SELECT 1 FROM {customers} AS c WHERE c.customer_id = w.customer_id) AS known
            FROM {waiting} AS w
        ), today AS (
            SELECT *, filter(reasons, r -> r <> 'customer_known' OR NOT known) AS rest,
                   EXISTS (SELECT 1 FROM {silver} AS s WHERE s.transaction_id = k.transaction_id) AS taken
            FROM known AS k
        )
        SELECT transaction_id, customer_id,
               if(taken AND size(rest) = 0, array('transaction_unique'), rest) AS reasons
        FROM today
        """,
        waiting=waiting,
        customers=customers,
        silver=silver,
    )


def _sales(rows):
    return rows.groupBy("ordered_on").agg(F.count("*").alias("orders"), F.sum("amount").alias("revenue"))


@wrong("refreshed_sales", says="Only touched days are computed again")
def rebuilds_everything(gold, silver, feed):
    """Computes gold from what silver has."""
    return _sales(silver)


@wrong("refreshed_sales", says="order B has left that day")
def without_the_row_before(gold, silver, feed):
    """Leaves the rows before an update out, as old."""
    return refreshed_in_two_steps(gold, silver, feed.where("_change_type <> 'update_preimage'"))


@wrong("refreshed_sales", says="A touched day is computed again from all of its rows")
def from_the_feed_alone(gold, silver, feed):
    """Computes the touched days from the rows of the feed."""
    now = feed.where("_change_type IN ('insert', 'update_postimage')")
    return gold.join(feed, "ordered_on", "left_anti").unionByName(_sales(now))


@wrong("refreshed_sales", says="a row of the feed was added")
def adds_the_feed(gold, silver, feed):
    """Adds every row of the feed to its day."""
    both = gold.unionByName(_sales(feed)).groupBy("ordered_on")
    return both.agg(F.sum("orders").alias("orders"), F.sum("revenue").alias("revenue"))


@wrong("refreshed_sales", says="a day without rows has no row in gold")
def merges_only_what_is_there(gold, silver, feed):
    """Overwrites the days that have rows, and deletes none."""
    again = _sales(silver.join(feed, "ordered_on", "left_semi"))
    return gold.join(again, "ordered_on", "left_anti").unionByName(again)


@wrong("refreshed_sales", says="were counted for each")
def joins_the_feed(gold, silver, feed):
    """Joins the days of the feed as often as they stand there."""
    days = feed.select("ordered_on")
    again = _sales(silver.join(days, "ordered_on"))
    return gold.join(days, "ordered_on", "left_anti").unionByName(again)


@wrong("refreshed_sales", says="An insert is not the only way in")
def inserts_only(gold, silver, feed):
    """Takes the feed for a list of new rows."""
    return refreshed_in_two_steps(gold, silver, feed.where("_change_type IN ('insert', 'delete', 'update_preimage')"))


@right("refreshed_sales")
def refreshed_in_two_steps(gold, silver, feed):
    touched = feed.select("ordered_on").distinct()
    again = silver.join(F.broadcast(touched), "ordered_on").groupBy("ordered_on")
    again = again.agg(F.count("order_id").alias("orders"), F.sum("amount").alias("revenue"))
    untouched = gold.join(touched.withColumn("touched", F.lit(True)), "ordered_on", "left").where("touched IS NULL")
    return untouched.drop("touched").union(again)


def _ages(sources, arrivals, now, rounded=F.ceil, newest=F.max):
    found = arrivals.groupBy("source").agg(newest("arrived_at").alias("at"))
    seconds = F.unix_timestamp(F.lit(now)) - F.unix_timestamp("at")
    return sources.join(found, "source", "left").select("source", rounded(seconds / 60).alias("minutes"))


def _with_whole(ages, whole):
    return ages.union(ages.agg(whole.alias("minutes")).select(F.lit("platform"), "minutes"))


def _oldest():
    return F.when(F.count("minutes") == F.count("*"), F.max("minutes"))


@wrong("freshness", says="has failed, and brought nothing")
def counts_failures(sources, arrivals, now):
    """Takes the last attempt for the last arrival."""
    return _with_whole(_ages(sources, arrivals, now), _oldest())


@wrong("freshness", says="rounded down it is said to be fresher")
def rounds_down(sources, arrivals, now):
    """Cuts the seconds off."""
    good = arrivals.where("status = 'arrived'")
    return _with_whole(_ages(sources, good, now, rounded=F.floor), _oldest())


@wrong("freshness", says="`max` leaves NULLs out")
def oldest_of_the_known(sources, arrivals, now):
    """Expects NULL to win."""
    return _with_whole(_ages(sources, arrivals.where("status = 'arrived'"), now), F.max("minutes"))


@wrong("freshness", says="the age of the freshest source")
def newest_of_all(sources, arrivals, now):
    """Takes the newest arrival of all for the age of the whole."""
    return _with_whole(_ages(sources, arrivals.where("status = 'arrived'"), now), F.min("minutes"))


@wrong("freshness", says="an arrival at 9:00 is not the newest one")
def first_arrivals(sources, arrivals, now):
    """Takes any arrival of the source."""
    return _with_whole(_ages(sources, arrivals.where("status = 'arrived'"), now, newest=F.min), _oldest())


@right("freshness")
def freshness_by_timestamp_diff(sources, arrivals, now):
    newest = F.max(F.when(F.col("status") == "arrived", F.col("arrived_at"))).alias("at")
    seconds = F.timestamp_diff("SECOND", F.col("at"), F.lit(now))
    ages = sources.join(arrivals, "source", "left").groupBy("source").agg(newest)
    ages = ages.select("source", F.ceil(seconds / 60).alias("minutes"))
    unknown = F.bool_or(F.col("minutes").isNull())
    whole = ages.agg(F.when(~unknown, F.max("minutes")).alias("minutes"))
    return ages.unionByName(whole.withColumn("source", F.lit("platform")))


def _borders(books, landing="announced - read", silver="read - clean - quarantined - duplicate"):
    first = books.selectExpr("source", "'landing' AS border", f"{landing} AS rows")
    return first.union(books.selectExpr("source", "'silver' AS border", f"{silver} AS rows"))


@wrong("lost_rows", says="a sum with NULL is NULL, which no filter finds")
def null_is_not_zero(books):
    """Forgets that no rows are counted as NULL."""
    return _borders(books).where("rows <> 0")


@wrong("lost_rows", says="nobody announced anything")
def fills_everything(books):
    """Puts 0 in place of every NULL."""
    return _borders(books.fillna(0)).where("rows <> 0")


@wrong("lost_rows", says="they do not make up for each other")
def announced_against_kept(books):
    """Compares the first number with the last ones."""
    counted = books.fillna(0, ["read", "clean", "quarantined", "duplicate"])
    return _borders(counted, silver="announced - clean - quarantined - duplicate").where("rows <> 0")


@wrong("lost_rows", says="Quarantined rows and duplicates are accounted for")
def clean_rows_only(books):
    """Takes what is not clean for lost."""
    counted = books.fillna(0, ["read", "clean", "quarantined", "duplicate"])
    return _borders(counted, silver="read - clean").where("rows <> 0")


@wrong("lost_rows", says="A number without its sign")
def without_sign(books):
    """Reports how far the numbers are apart."""
    counted = books.fillna(0, ["read", "clean", "quarantined", "duplicate"])
    return _borders(counted).selectExpr("source", "border", "abs(rows) AS rows").where("rows <> 0")


@wrong("lost_rows", says="too many rows do not balance either")
def only_losses(books):
    """Looks for rows that are missing."""
    return _borders(books.fillna(0, ["read", "clean", "quarantined", "duplicate"])).where("rows > 0")


@right("lost_rows")
def unpivoted(books):
    kept = "coalesce(clean, 0) + coalesce(quarantined, 0) + coalesce(duplicate, 0)"
    pairs = books.selectExpr(
        "source",
        f"stack(2, 'landing', announced - coalesce(read, 0), 'silver', coalesce(read, 0) - ({kept})) AS (border, rows)",
    )
    return pairs.where("rows != 0 AND rows IS NOT NULL")


def _features(customers, orders, as_of, known="delivered_on < :day", signed="signed_up_on < :day", **changed):
    day = F.lit(as_of)
    text = f"DATE '{as_of}'"
    rows = orders.where(known.replace(":day", text)).withColumn("age", F.datediff(day, "ordered_on"))
    parts = {
        "orders_30d": F.count_if(F.col("age") <= 30),
        "spent_90d": F.sum(F.when(F.col("age") <= 90, F.col("amount"))),
        "days_since_last": F.min("age"),
        **changed,
    }
    bought = rows.groupBy("customer_id").agg(*(value.alias(name) for name, value in parts.items()))
    registered = customers.where(signed.replace(":day", text)).select("customer_id")
    return registered.join(bought, "customer_id", "left").fillna(0, ["orders_30d", "spent_90d"])


@wrong("features_as_of", says="Nobody knew of them")
def known_when_ordered(customers, orders, as_of):
    """Looks at when it happened, not at when it was known."""
    return _features(customers, orders, as_of, known="ordered_on < :day")


@wrong("features_as_of", says="in the morning it lies in the future")
def all_orders(customers, orders, as_of):
    """Takes the table as it is today."""
    return _features(customers, orders, as_of, known="TRUE")


@wrong("features_as_of", says="is not known in its morning")
def delivered_on_the_day(customers, orders, as_of):
    """Takes in what came on the day itself."""
    return _features(customers, orders, as_of, known="delivered_on <= :day")


@wrong("features_as_of", says="was nobody's customer in the morning")
def signed_up_by_the_day(customers, orders, as_of):
    """Takes in who signed up on the day itself."""
    return _features(customers, orders, as_of, signed="signed_up_on <= :day")


@wrong("features_as_of", says="the windows have their first day")
def windows_one_day_short(customers, orders, as_of):
    """Cuts the first day of the window off."""
    return _features(customers, orders, as_of, orders_30d=F.count_if(F.col("age") < 30))


@wrong("features_as_of", says="0 would say that the last one was today")
def no_order_is_zero_days(customers, orders, as_of):
    """Fills all gaps with 0."""
    return _features(customers, orders, as_of).fillna(0)


@wrong("features_as_of", says="who has not bought yet is a customer too")
def buyers_only(customers, orders, as_of):
    """Describes those who have ordered."""
    return _features(customers, orders, as_of).where("days_since_last IS NOT NULL")


@right("features_as_of")
def features_in_sql(customers, orders, as_of):
    return customers.sparkSession.sql(
        f"""
        SELECT c.customer_id,
               count(CASE WHEN o.ordered_on >= day - INTERVAL 30 DAYS THEN 1 END) AS orders_30d,
               coalesce(sum(CASE WHEN o.ordered_on >= day - INTERVAL 90 DAYS THEN amount END), 0D) AS spent_90d,
               datediff(any_value(day), max(o.ordered_on)) AS days_since_last
        FROM (SELECT *, DATE '{as_of}' AS day FROM {{customers}}) AS c
        LEFT JOIN {{orders}} AS o ON o.customer_id = c.customer_id AND o.delivered_on < day
        WHERE c.signed_up_on < day GROUP BY c.customer_id
        """,
        customers=customers,
        orders=orders,
    )


def _joined(labels, features, condition, how="left", newest=None):
    described = features.withColumnRenamed("customer_id", "id")
    found = labels.join(described, F.expr(condition), how)
    best = F.max(F.struct("as_of", "orders_30d")) if newest is None else newest
    grouped = found.groupBy("customer_id", "at", "churned").agg(best.alias("newest"))
    return grouped.select("customer_id", "at", "churned", "newest.*")


@wrong("with_features", says="so the model would learn from what came after")
def newest_of_all_time(labels, features):
    """Takes the features of today."""
    return _joined(labels, features, "customer_id = id")


@wrong("with_features", says="features as of the label's own day were known")
def strictly_before(labels, features):
    """Takes features of days before only."""
    return _joined(labels, features, "customer_id = id AND as_of < at")


@wrong("with_features", says="not those of that day alone")
def of_the_same_day(labels, features):
    """Joins by customer and day."""
    return _joined(labels, features, "customer_id = id AND as_of = at")


@wrong("with_features", says="or the model never sees such customers")
def labels_with_features_only(labels, features):
    """Joins inner."""
    return _joined(labels, features, "customer_id = id AND as_of <= at", how="inner")


@wrong("with_features", says="makes old news look new")
def last_that_is_not_null(labels, features):
    """Takes the last known value."""
    known = F.max(F.when(F.col("orders_30d").isNotNull(), F.struct("as_of", "orders_30d")))
    return _joined(labels, features, "customer_id = id AND as_of <= at", newest=known)


@wrong("with_features", says="is nearer, and lies in the future")
def nearest_day(labels, features):
    """Takes the nearest features, before or after."""
    nearest = F.min_by(F.struct("as_of", "orders_30d"), F.abs(F.datediff("at", "as_of")))
    return _joined(labels, features, "customer_id = id", newest=nearest)


@right("with_features")
def by_row_number(labels, features):
    found = labels.alias("l").join(
        features.alias("f"),
        (F.col("l.customer_id") == F.col("f.customer_id")) & (F.col("f.as_of") <= F.col("l.at")),
        "left",
    )
    newest_first = Window.partitionBy("l.customer_id", "l.at").orderBy(F.desc_nulls_last("f.as_of"))
    numbered = found.withColumn("n", F.row_number().over(newest_first)).where("n = 1")
    return numbered.select("l.customer_id", "l.at", "l.churned", "f.as_of", "f.orders_30d")


def _losses(rows, *keys, power=2):
    models = ("challenger", "champion", "baseline")
    losses = [F.avg(F.pow(F.abs(F.col(model) - F.col("left")), power)).alias(model) for model in models]
    return rows.groupBy(*keys).agg(*losses)


def _objections(scored, total, segments, worse=lambda one, other: one >= other):
    found = [rival for rival in ("champion", "baseline") if worse(total["challenger"], total[rival])]
    return found + [f"segment {row['segment']}" for row in segments if row["challenger"] > row["champion"]]


def _complete(scored):
    return scored.where("challenger IS NOT NULL AND champion IS NOT NULL AND baseline IS NOT NULL")


@wrong("objections", says="so that row compares nothing")
def each_on_its_own_rows(scored):
    """Takes each model's mean over the rows that it has."""
    segments = _losses(scored, "segment").orderBy("segment").collect()
    return _objections(scored, _losses(scored).first(), segments)


@wrong("objections", says="which the mean of all rows hides")
def the_mean_alone(scored):
    """Looks at the whole only."""
    return _objections(scored, _losses(_complete(scored)).first(), [])


@wrong("objections", says="Who loses against a constant")
def without_baseline(scored):
    """Compares with the champion only."""
    return [found for found in right_objections(scored) if found != "baseline"]


@wrong("objections", says="or every training run replaces the model")
def as_good_is_good_enough(scored):
    """Lets a draw pass."""
    rows = _complete(scored)
    segments = _losses(rows, "segment").orderBy("segment").collect()
    return _objections(rows, _losses(rows).first(), segments, worse=lambda one, other: one > other)


@wrong("objections", says="The plain errors would say the opposite")
def absolute_errors(scored):
    """Measures by the plain error."""
    rows = _complete(scored)
    segments = _losses(rows, "segment", power=1).orderBy("segment").collect()
    return _objections(rows, _losses(rows, power=1).first(), segments)


@wrong("objections", says="both have the same loss")
def better_in_every_segment(scored):
    """Demands that it be better everywhere."""
    rows = _complete(scored)
    whole = _objections(rows, _losses(rows).first(), [])
    segments = _losses(rows, "segment").orderBy("segment").collect()
    return whole + [f"segment {row['segment']}" for row in segments if row["challenger"] >= row["champion"]]


@right("objections")
def right_objections(scored):
    models = ("challenger", "champion", "baseline")
    losses = [F.sum((F.col(name) - F.col("left")) ** 2).alias(name) for name in models]
    means = {row["segment"]: row for row in _complete(scored).groupBy("segment").agg(*losses).collect()}
    whole = {name: sum(row[name] for row in means.values()) for name in models}
    found = [rival for rival in models[1:] if not whole["challenger"] < whole[rival]]
    return found + [f"segment {name}" for name in sorted(means) if means[name]["challenger"] > means[name]["champion"]]


def _stability(before, now, edges, share=None, log=math.log, place=bisect_right, nulls=True, round_to=4):
    def shares(values):
        kept = [value for value in values if nulls or value is not None]
        bins = Counter(None if value is None else place(edges, value) for value in kept)
        return {name: count / len(kept) for name, count in bins.items()}

    old, new = shares(before), shares(now)
    bins = old.keys() | new.keys() if share is None else share(old, new)
    pairs = [(max(old.get(name, 0), 0.0001), max(new.get(name, 0), 0.0001)) for name in bins]
    index = sum((q - p) * log(q / p) for p, q in pairs)
    return index if round_to is None else round(index, round_to)


@wrong("stability_index", says="nothing moves more often than a source that stops filling a column")
def leaves_null_out(before, now, edges):
    """Leaves out what is not there."""
    return _stability(before, now, edges, nulls=False)


@wrong("stability_index", says="belongs into the bin behind it")
def edge_belongs_to_the_bin_before(before, now, edges):
    """Puts a value on an edge into the bin before."""
    return _stability(before, now, edges, place=bisect_left)


@wrong("stability_index", says="samples may differ in size")
def compares_counts(before, now, edges):
    """Compares how many there are."""
    old = Counter(None if value is None else bisect_right(edges, value) for value in before)
    new = Counter(None if value is None else bisect_right(edges, value) for value in now)
    pairs = [(max(old[name], 0.0001), max(new[name], 0.0001)) for name in old.keys() | new.keys()]
    return round(sum((q - p) * math.log(q / p) for p, q in pairs), 4)


@wrong("stability_index", says="each share is one of its own sample")
def divides_by_the_first_size(before, now, edges):
    """Divides both by the size of the first sample."""
    old = Counter(None if value is None else bisect_right(edges, value) for value in before)
    new = Counter(None if value is None else bisect_right(edges, value) for value in now)
    shares = [(max(old[name] / len(before), 0.0001), max(new[name] / len(before), 0.0001)) for name in old | new]
    return round(sum((q - p) * math.log(q / p) for p, q in shares), 4)


@wrong("stability_index", says="what has gone is drift as well")
def bins_of_now(before, now, edges):
    """Looks at the bins that there are now."""
    return _stability(before, now, edges, share=lambda old, new: new.keys())


@wrong("stability_index", says="the logarithm to base 10")
def decimal_logarithm(before, now, edges):
    """Takes the other logarithm."""
    return _stability(before, now, edges, log=math.log10)


@wrong("stability_index", says="no other share changes by it")
def adds_the_smallest_share(before, now, edges):
    """Adds what only replaces."""

    def shares(values):
        bins = Counter(None if value is None else bisect_right(edges, value) for value in values)
        return {name: count / len(values) + 0.0001 for name, count in bins.items()}

    old, new = shares(before), shares(now)
    pairs = [(old.get(name, 0.0001), new.get(name, 0.0001)) for name in old.keys() | new.keys()]
    return round(sum((q - p) * math.log(q / p) for p, q in pairs), 4)


@wrong("stability_index", says="NULL is a bin of its own")
def shares_of_what_is_left(before, now, edges):
    """Leaves NULLs out of the bins, and not out of the number of rows."""

    def shares(values):
        bins = Counter(bisect_right(edges, value) for value in values if value is not None)
        return {name: count / len(values) for name, count in bins.items()}

    old, new = shares(before), shares(now)
    pairs = [(max(old.get(name, 0), 0.0001), max(new.get(name, 0), 0.0001)) for name in old.keys() | new.keys()]
    return round(sum((q - p) * math.log(q / p) for p, q in pairs), 4)


@wrong("stability_index", says="and not rounded to four decimals")
def not_rounded(before, now, edges):
    """Forgets the rounding."""
    return _stability(before, now, edges, round_to=None)


@right("stability_index")
def bin_by_bin(before, now, edges):
    def share(values, low, high):
        inside = [value for value in values if value is not None and low <= value < high]
        return max(len(inside) / len(values), 0.0001)

    def missing(values):
        return max(sum(value is None for value in values) / len(values), 0.0001)

    bounds = [-math.inf, *edges, math.inf]
    pairs = [(missing(before), missing(now))]
    for number in range(len(bounds) - 1):
        low, high = bounds[number], bounds[number + 1]
        pairs.append((share(before, low, high), share(now, low, high)))
    return round(sum((q - p) * math.log(q / p) for p, q in pairs), 4)


@wrong("release_to_show", says="so it is not complete")
def newest_whatever_it_has(releases, needed):
    """Takes the newest, and what it names."""
    newest = max(releases, key=lambda one: one["release"], default=None)
    if newest is None:
        return None
    versions = {name: newest["versions"][name] for name in needed if name in newest["versions"]}
    return {"release": newest["release"], "versions": versions}


@wrong("release_to_show", says="it is to be passed over")
def newest_and_hopes(releases, needed):
    """Takes the newest, and expects it to be complete."""
    newest = max(releases, key=lambda one: one["release"])
    return {"release": newest["release"], "versions": {name: newest["versions"][name] for name in needed}}


@wrong("release_to_show", says="Version 0 is a version")
def zero_is_nothing(releases, needed):
    """Takes version 0 for no version."""
    complete = [one for one in releases if all(one["versions"].get(name) for name in needed)]
    newest = max(complete, key=lambda one: one["release"], default=None)
    return newest and {"release": newest["release"], "versions": {name: newest["versions"][name] for name in needed}}


@wrong("release_to_show", says="the releases come in any order")
def last_of_the_list(releases, needed):
    """Takes the list for sorted."""
    complete = [one for one in releases if all(name in one["versions"] for name in needed)]
    if not complete:
        return None
    return {"release": complete[-1]["release"], "versions": {name: complete[-1]["versions"][name] for name in needed}}


@wrong("release_to_show", says="the answer names the versions that it comes from")
def all_that_the_release_has(releases, needed):
    """Hands the release on as it is."""
    complete = [one for one in releases if all(name in one["versions"] for name in needed)]
    return max(complete, key=lambda one: one["release"], default=None)


@wrong("release_to_show", says="A mixture is a state that never existed")
def newest_version_of_each(releases, needed):
    """Takes the newest version of each table."""
    versions = {}
    for one in sorted(releases, key=lambda one: one["release"]):
        versions.update(one["versions"])
    complete = [one["release"] for one in releases if set(needed) <= one["versions"].keys()]
    if not complete:
        return None
    return {"release": max(complete), "versions": {name: versions[name] for name in needed}}


@wrong("release_to_show", says="the API starts before gold exists")
def expects_a_release(releases, needed):
    """Does not think of the first day."""
    complete = [one for one in releases if all(name in one["versions"] for name in needed)]
    newest = sorted(complete, key=lambda one: one["release"])[-1]
    return {"release": newest["release"], "versions": {name: newest["versions"][name] for name in needed}}


@right("release_to_show")
def from_the_newest_down(releases, needed):
    for one in sorted(releases, key=lambda one: one["release"], reverse=True):
        if set(needed) <= set(one["versions"]):
            return {"release": one["release"], "versions": {name: one["versions"][name] for name in needed}}
    return None


def _pairs(lines, least, orders, sold, condition="product_id < other_id"):
    others = lines.withColumnRenamed("product_id", "other_id")
    both = lines.join(others, "order_id").where(condition).groupBy("product_id", "other_id")
    pairs = both.agg(F.count("*").alias("together")).where(f"together >= {least}")
    counted = pairs.join(sold, "product_id").join(sold.toDF("other_id", "other_sold"), "other_id")
    return counted.selectExpr(
        "product_id",
        "other_id",
        "together",
        f"together / {orders} AS support",
        f"together * {orders} / (sold * other_sold) AS lift",
    )


def _sold(baskets):
    return baskets.groupBy("product_id").agg(F.count("*").alias("sold"))


@wrong("bought_together", says="an order counts once")
def counts_lines(lines, least):
    """Counts lines instead of orders."""
    orders = lines.select("order_id").distinct().count()
    return _pairs(lines, least, orders, _sold(lines.distinct()))


@wrong("bought_together", says="a product with itself is no pair")
def with_itself(lines, least):
    """Compares with less or equal."""
    baskets = lines.distinct()
    orders = baskets.select("order_id").distinct().count()
    return _pairs(baskets, least, orders, _sold(baskets), "product_id <= other_id")


@wrong("bought_together", says="a pair comes back once")
def both_ways(lines, least):
    """Keeps each pair in either order."""
    baskets = lines.distinct()
    orders = baskets.select("order_id").distinct().count()
    return _pairs(baskets, least, orders, _sold(baskets), "product_id <> other_id")


@wrong("bought_together", says="Orders of one product are orders as well")
def orders_of_pairs_only(lines, least):
    """Takes the orders with several products for all orders."""
    baskets = lines.distinct()
    several = baskets.groupBy("order_id").count().where("count > 1")
    return _pairs(baskets, least, several.count(), _sold(baskets))


@wrong("bought_together", says="the share of either product")
def confidence_for_lift(lines, least):
    """Divides by one of the two only."""
    baskets = lines.distinct()
    orders = baskets.select("order_id").distinct().count()
    found = _pairs(baskets, least, orders, _sold(baskets)).join(_sold(baskets), "product_id")
    return found.withColumn("lift", F.col("together") / F.col("sold")).drop("sold")


@wrong("bought_together", says="Those without a partner count there too")
def sold_within_pairs(lines, least):
    """Counts a product only where it was bought with another."""
    baskets = lines.distinct()
    orders = baskets.select("order_id").distinct().count()
    several = baskets.groupBy("order_id").count().where("count > 1")
    return _pairs(baskets, least, orders, _sold(baskets.join(several, "order_id", "left_semi")))


@wrong("bought_together", says="one order is fewer than two")
def without_a_threshold(lines, least):
    """Keeps every pair."""
    baskets = lines.distinct()
    orders = baskets.select("order_id").distinct().count()
    return _pairs(baskets, 1, orders, _sold(baskets))


@right("bought_together")
def pairs_from_arrays(lines, least):
    baskets = lines.groupBy("order_id").agg(F.array_sort(F.collect_set("product_id")).alias("items"))
    total = baskets.count()
    sold = baskets.select(F.explode("items").alias("product_id")).groupBy("product_id").agg(F.count("*").alias("n"))
    first = baskets.select("items", F.posexplode("items").alias("at", "product_id"))
    pairs = first.select("product_id", F.explode(F.expr("slice(items, at + 2, size(items))")).alias("other_id"))
    pairs = (
        pairs.groupBy("product_id", "other_id").agg(F.count("*").alias("together")).where(F.col("together") >= least)
    )
    found = pairs.join(sold, "product_id").join(sold.toDF("other_id", "m"), "other_id")
    support = F.col("together") / F.lit(total)
    lift = support / (F.col("n") / F.lit(total)) / (F.col("m") / F.lit(total))
    return found.select("product_id", "other_id", "together", support.alias("support"), lift.alias("lift"))


@wrong("next_work", says="Rows 6 to 9 would get lost")
def same_number_up_to_the_newest(notes, newest):
    """Repeats the number, and reads what has come since."""
    done = [note for note in notes if note["status"] == "done"]
    since = done[-1]["until"] if done else -1
    return (len(done), since, newest) if newest > since else None


@wrong("next_work", says="under another number it is written again")
def a_new_number_for_the_rest(notes, newest):
    """Goes on with a number that nobody had."""
    done = [note for note in notes if note["status"] == "done"]
    since = done[-1]["until"] if done else -1
    number = max((note["batch"] for note in notes), default=-1) + 1
    return (number, since, newest) if newest > since else None


@wrong("next_work", says="Its rows after version 3 would get lost")
def planned_is_done(notes, newest):
    """Takes the last plan for the last batch."""
    planned = [note for note in notes if note["status"] == "planned"]
    if not planned:
        return 0, -1, newest
    last = planned[-1]
    return (last["batch"] + 1, last["until"], newest) if newest > last["until"] else None


@wrong("next_work", says="it failed once, and is done since")
def failures_first(notes, newest):
    """Repeats whatever has failed."""
    done = [note for note in notes if note["status"] == "done"]
    for note in notes:
        if note["status"] == "failed":
            before = [one["until"] for one in done if one["batch"] < note["batch"]]
            return note["batch"], max(before, default=-1), note["until"]
    return resumed(notes, newest)


@wrong("next_work", says="reading after version 0 leaves out version 0")
def begins_at_zero(notes, newest):
    """Begins behind version 0."""
    return resumed(notes, newest) if notes else (0, 0, newest)


@wrong("next_work", says="a second run changes nothing")
def always_something(notes, newest):
    """Makes a batch of nothing."""
    found = resumed(notes, newest)
    last = max((note["batch"] for note in notes), default=-1)
    return found or (last + 1, newest, newest)


@right("next_work")
def resumed(notes, newest):
    done = {note["batch"]: note["until"] for note in notes if note["status"] == "done"}
    plans = {note["batch"]: note["until"] for note in notes if note["status"] == "planned"}
    number = max(done, default=-1)
    since = done.get(number, -1)
    until = plans.get(number + 1, newest)
    return (number + 1, since, until) if until > since else None


def _without(tables, keep, sales):
    return {name: sales(rows) if name == "transactions" else keep(rows) for name, rows in tables.items()}


def _whose(rows):
    return F.get_json_object("record", "$.customer_id") if "record" in rows.columns else F.col("customer_id")


def _anonymous(customer_id):
    def sales(rows):
        return rows.withColumn("customer_id", F.when(F.col("customer_id") != customer_id, F.col("customer_id")))

    return sales


@wrong("forgotten", says="so a filter by `<>` does not keep it")
def different_from_the_customer(tables, customer_id):
    """Keeps what is different."""
    return _without(tables, lambda rows: rows.where(_whose(rows) != customer_id), _anonymous(customer_id))


@wrong("forgotten", says="the shop must prove its sales")
def deletes_the_sales(tables, customer_id):
    """Deletes everything."""
    return {name: rows.where(~_whose(rows).eqNullSafe(customer_id)) for name, rows in tables.items()}


@wrong("forgotten", says="C1 stands in its text, and is not whose row it is")
def searches_the_text(tables, customer_id):
    """Looks for the id in the text."""

    def keep(rows):
        if "record" in rows.columns:
            return rows.where(~F.col("record").contains(customer_id))
        return rows.where(~F.col("customer_id").eqNullSafe(customer_id))

    return _without(tables, keep, _anonymous(customer_id))


@wrong("forgotten", says="a refused row holds as much of a person")
def forgets_the_quarantine(tables, customer_id):
    """Does not think of the quarantine."""

    def keep(rows):
        return rows if "record" in rows.columns else rows.where(~_whose(rows).eqNullSafe(customer_id))

    return _without(tables, keep, _anonymous(customer_id))


@wrong("forgotten", says="without a name it is the customer's row still")
def anonymises_everything(tables, customer_id):
    """Takes the name away, and leaves the rows."""

    def keep(rows):
        if "record" in rows.columns:
            return rows.where(~_whose(rows).eqNullSafe(customer_id))
        return rows.withColumn("customer_id", F.nullif("customer_id", F.lit(customer_id)))

    return _without(tables, keep, keep)


@wrong("forgotten", says="a made-up name is a customer whom nobody knows")
def made_up_name(tables, customer_id):
    """Writes another name in place of the id."""

    def sales(rows):
        mine = F.col("customer_id") == customer_id
        return rows.withColumn("customer_id", F.when(mine, "erased").otherwise(F.col("customer_id")))

    return _without(tables, lambda rows: rows.where(~_whose(rows).eqNullSafe(customer_id)), sales)


@right("forgotten")
def by_conditions_in_sql(tables, customer_id):
    found = {}
    for name, rows in tables.items():
        if name == "transactions":
            found[name] = rows.selectExpr("transaction_id", f"nullif(customer_id, '{customer_id}') AS customer_id")
        elif "record" in rows.columns:
            found[name] = rows.where(f"coalesce(try_parse_json(record):customer_id::string, '') <> '{customer_id}'")
        else:
            found[name] = rows.where(f"customer_id IS DISTINCT FROM '{customer_id}'")
    return found


ONE_ROW = "Each of these rows is there once, so that counting distinct ones gives the same."

excused = {
    "verdicts": {"F.row_number() → F.rank()": "No two rows have one place, so there are no ties to number."},
    "refreshed_sales": {"F.count('*') → F.countDistinct('*')": ONE_ROW},
    "bought_together": {
        "F.count('*') → F.countDistinct('*')": ONE_ROW,
        "F.count('*') → F.countDistinct('*') #2": ONE_ROW,
    },
}

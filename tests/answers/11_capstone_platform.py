"""Wrong answers that people really give to the exercises of the capstone, and right ones written otherwise."""

import json
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


@wrong("contract_breaches", says="four columns break the contract")
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


@wrong("contract_breaches", says="it may be absent")
def only_what_must_have_a_value(delivery, contract):
    """Asks nothing of a column that may be without a value."""
    found = dict(breaches_one_by_one(delivery, contract))
    return [(name, found[name]) for name, (_, needed) in contract.items() if needed and name in found]


@wrong("contract_breaches", says="has its type all the same")
def types_of_needed_columns(delivery, contract):
    """Compares the types of those columns that must have a value."""
    found = breaches_one_by_one(delivery, contract)
    return [(name, how) for name, how in found if how != "type" or contract[name][1]]


@wrong("contract_breaches", says="an int was promised")
def numbers_are_numbers(delivery, contract):
    """Takes every whole number for the same type."""
    kinds = {name: kind for name, (kind, _) in contract.items()}
    alike = [F.col(name).cast(kinds.get(name, kind)) if kind == "bigint" else name for name, kind in delivery.dtypes]
    return breaches_one_by_one(delivery.select(*alike), contract)


@wrong("contract_breaches", says="which Python takes for false")
def takes_zero_for_nothing(delivery, contract):
    """Asks Python whether a value is there."""
    rows, types = delivery.collect(), dict(delivery.dtypes)
    found = []
    for name, (kind, needed) in contract.items():
        if types.get(name) != kind:
            found.append((name, "type" if name in types else "missing"))
        elif needed and not all(row[name] for row in rows):
            found.append((name, "null"))
    return found


@wrong("contract_breaches", says="a breach by NULL needs a row that has none")
def an_empty_delivery_is_null(delivery, contract):
    """Takes a column without any value for one that lacks some."""
    found = dict(breaches_one_by_one(delivery, contract))
    for name, (_, needed) in contract.items():
        if needed and name in delivery.columns and not delivery.where(F.col(name).isNotNull()).count():
            found.setdefault(name, "null")
    return [(name, found[name]) for name in contract if name in found]


@wrong("contract_breaches", says="a list of pairs is asked for")
def breaches_by_name(delivery, contract):
    """Returns a dictionary."""
    return dict(breaches_one_by_one(delivery, contract))


@wrong("contract_breaches", says="look whether a column is there")
def looks_every_column_up(delivery, contract):
    """Expects every column of the contract."""
    types = dict(delivery.dtypes)
    return [(name, "type") for name, (kind, _) in contract.items() if types[name] != kind]


@wrong("contract_breaches", says="go through the columns of the contract")
def through_the_delivery(delivery, contract):
    """Goes through the columns of the delivery."""
    return [(name, "type") for name, kind in delivery.dtypes if contract[name][0] != kind]


@right("contract_breaches")
def by_counts(delivery, contract):
    kinds, rows = dict(delivery.dtypes), delivery.count()
    filled = delivery.select([F.count(name).alias(name) for name in kinds]).first()
    found = []
    for name, (kind, needed) in contract.items():
        if kinds.get(name) != kind:
            found.append((name, "type" if name in kinds else "missing"))
        elif needed and filled[name] < rows:
            found.append((name, "null"))
    return found


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


def _in_turn(announced, loaded, note=lambda come, path, checksum, verdict: come.append((path, checksum))):
    come, found = list(loaded.items()), []
    for path, checksum in announced:
        same_path = [known for known in come if known[0] == path]
        same_content = [known for known in come if known[1] == checksum]
        verdict = "copy" if same_content else "load"
        if same_path:
            verdict = "again" if (path, checksum) in come else "changed"
        found.append((path, verdict))
        note(come, path, checksum, verdict)
    return found


@wrong("judged_files", says="That its new content is known does not show who wrote it there")
def content_before_path(announced, loaded):
    """Asks for the content first."""
    come, found = list(loaded.items()), []
    for path, checksum in announced:
        if (path, checksum) in come:
            verdict = "again"
        elif any(checksum == known for _, known in come):
            verdict = "copy"
        else:
            verdict = "changed" if any(path == known for known, _ in come) else "load"
        found.append((path, verdict))
        come.append((path, checksum))
    return found


@wrong("judged_files", says="but never together")
def path_and_content_apart(announced, loaded):
    """Remembers paths and contents, and not which belong together."""
    paths, contents = set(loaded), set(loaded.values())
    found = []
    for path, checksum in announced:
        names = {(True, True): "again", (True, False): "changed", (False, True): "copy", (False, False): "load"}
        found.append((path, names[path in paths, checksum in contents]))
        paths.add(path)
        contents.add(checksum)
    return found


@wrong("judged_files", says="A copy is not loaded, and has come all the same")
def notes_what_is_loaded(announced, loaded):
    """Notes only what is loaded."""
    return _in_turn(
        announced, loaded, lambda come, path, checksum, verdict: verdict == "load" and come.append((path, checksum))
    )


@wrong("judged_files", says="A changed file is not loaded, and has come all the same")
def keeps_the_first_content(announced, loaded):
    """Remembers for each path the content with which it came first."""
    known, found = dict(loaded), []
    for path, checksum in announced:
        found.append((path, _verdict(path, checksum, known)))
        known.setdefault(path, checksum)
    return found


@wrong("judged_files", says="Note what comes beside what has come, not over it")
def keeps_the_last_content(announced, loaded):
    """Remembers for each path the content with which it came last."""
    known, found = dict(loaded), []
    for path, checksum in announced:
        found.append((path, _verdict(path, checksum, known)))
        known[path] = checksum
    return found


@wrong("judged_files", says="the verdicts stand in the order of the announcement")
def sorted_by_path(announced, loaded):
    """Sorts the files first."""
    return _in_turn(sorted(announced), loaded)


@wrong("judged_files", says="each time has its verdict")
def repeats_left_out(announced, loaded):
    """Leaves out what is announced a second time."""
    return _in_turn(list(dict.fromkeys(announced)), loaded)


@wrong("judged_files", says="Ask whether it is")
def looks_every_path_up(announced, loaded):
    """Expects every path among those that were taken in."""
    return [(path, "again" if loaded[path] == content else "changed") for path, content in announced]


@right("judged_files")
def with_three_memories(announced, loaded):
    pairs, paths, contents = set(loaded.items()), set(loaded), set(loaded.values())
    found = []
    for path, checksum in announced:
        if (path, checksum) in pairs:
            found.append((path, "again"))
        elif path in paths:
            found.append((path, "changed"))
        elif checksum in contents:
            found.append((path, "copy"))
        else:
            found.append((path, "load"))
        pairs.add((path, checksum))
        paths.add(path)
        contents.add(checksum)
    return found


@right("judged_files")
def by_what_stands_before(announced, loaded):
    found = []
    for place, (path, checksum) in enumerate(announced):
        come = [*loaded.items(), *announced[:place]]
        here = [content for name, content in come if name == path]
        if here:
            found.append((path, "again" if checksum in here else "changed"))
        else:
            found.append((path, "copy" if checksum in [content for _, content in come] else "load"))
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


@wrong("with_reasons", says="each condition is one of its own")
def glued_with_an_operator(rows, rules):
    """Glues each condition into a longer one."""
    broken = [F.expr(f"if(NOT {condition} <=> true, '{name}', NULL)") for name, condition in rules]
    return rows.withColumn("reasons", F.array_compact(F.array(*broken)))


@wrong("with_reasons", says="turns `a` alone")
def turned_without_parentheses(rows, rules):
    """Turns each condition round, without parentheses."""
    broken = [F.when(F.coalesce(F.expr(f"NOT {condition}"), F.lit(True)), name) for name, condition in rules]
    return rows.withColumn("reasons", F.array_compact(F.array(*broken)))


@wrong("with_reasons", says="the reasons stand in the order of the rules")
def sorted_by_name(rows, rules):
    """Sorts the names."""
    return reasons_by_filter(rows, rules).withColumn("reasons", F.array_sort("reasons"))


@wrong("with_reasons", says="equal rows are rows")
def grouped_again(rows, rules):
    """Makes a row of each rule, and groups them again."""
    parts = [F.when(~F.coalesce(F.expr(condition), F.lit(False)), name) for name, condition in rules]
    exploded = rows.withColumn("reason", F.explode(F.array(*parts)))
    return exploded.groupBy(*rows.columns).agg(F.collect_list("reason").alias("reasons"))


@right("with_reasons")
def reasons_by_filter(rows, rules):
    parts = [F.struct(F.lit(name).alias("name"), F.expr(condition).alias("holds")) for name, condition in rules]
    broken = F.filter(F.array(*parts), lambda part: ~part.holds.eqNullSafe(True))
    return rows.withColumn("reasons", F.transform(broken, lambda part: part["name"]))


@right("with_reasons")
def reasons_one_after_the_other(rows, rules):
    found = rows.withColumn("reasons", F.array().cast("array<string>"))
    for name, condition in rules:
        longer = F.array_append("reasons", F.lit(name))
        found = found.withColumn("reasons", F.when(F.expr(condition), F.col("reasons")).otherwise(longer))
    return found


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


@wrong("verdicts", says="and takes nothing")
def a_duplicate_takes_the_key(delivered, silver):
    """Lets a row without reasons take the key, be it a duplicate."""
    return _verdicts(delivered, silver, fit=F.size("reasons") == 0)


@wrong("verdicts", says="That it has reasons changes nothing")
def refused_rows_are_never_in_silver(delivered, silver):
    """Quarantines every refused row that its own delivery does not repeat."""
    fits = delivered.where("size(reasons) = 0")
    bad = delivered.where("size(reasons) > 0")
    first = F.row_number().over(Window.partitionBy("key", "content").orderBy("place")) == 1
    refused = bad.select("place", "key", F.when(first, "quarantined").otherwise("duplicate").alias("verdict"))
    judged = _verdicts(delivered, silver).join(fits.select("place"), "place", "left_semi")
    return judged.unionByName(refused)


@wrong("verdicts", says="so this is no repeat")
def refused_rows_of_a_known_key(delivered, silver):
    """Takes a refused row whose key silver has for a duplicate."""
    known = silver.select("key", F.lit(True).alias("known"))
    bad = delivered.select("place", (F.size("reasons") > 0).alias("bad"))
    found = _verdicts(delivered, silver).join(known, "key", "left").join(bad, "place")
    verdict = F.when(F.col("known") & F.col("bad"), "duplicate").otherwise(F.col("verdict"))
    return found.select("place", "key", verdict.alias("verdict"))


@right("verdicts")
def verdicts_in_turn(delivered, silver):
    come = {(row["key"], row["content"]) for row in silver.collect()}
    taken, found = {key for key, _ in come}, []
    for row in sorted(delivered.collect(), key=lambda row: row["place"]):
        verdict = "quarantined"
        if (row["key"], row["content"]) in come:
            verdict = "duplicate"
        elif not row["reasons"] and row["key"] not in taken:
            verdict = "clean"
            taken.add(row["key"])
        come.add((row["key"], row["content"]))
        found.append((row["place"], row["key"], verdict))
    return delivered.sparkSession.createDataFrame(found, "place int, key string, verdict string")


@right("verdicts")
def verdicts_by_self_join(delivered, silver):
    earlier = delivered.selectExpr("place AS p", "key AS k", "content AS c", "size(reasons) = 0 AS good")
    stored = silver.selectExpr("-1 AS p", "key AS k", "content AS c", "TRUE AS good")
    first = earlier.union(stored).groupBy("k", "c").agg(F.min("p").alias("p"), F.min_by("good", "p").alias("good"))
    met = delivered.join(first, F.expr("key <=> k AND p < place"), "left")
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


@wrong("judged_again", says="taking repeats out of the result")
def takes_the_repeats_out_afterwards(waiting, customers, silver):
    """Joins all versions of a customer, and takes out what the join has doubled."""
    known = customers.select("customer_id", F.lit(True).alias("known"))
    taken = silver.select("transaction_id", F.lit(True).alias("taken"))
    rows = waiting.join(known, "customer_id", "left").join(taken, "transaction_id", "left").dropDuplicates()
    left = F.when(F.col("known"), F.array_remove("reasons", "customer_known")).otherwise(F.col("reasons"))
    again = F.col("taken") & (F.size(left) == 0)
    reasons = F.when(again, F.array(F.lit("transaction_unique"))).otherwise(left)
    return rows.select("transaction_id", "customer_id", reasons.alias("reasons"))


@wrong("judged_again", says="somebody else lets it go")
def lets_the_free_go(waiting, customers, silver):
    """Returns only what has a reason today."""
    return judged_again_in_sql(waiting, customers, silver).where("size(reasons) > 0")


@wrong("judged_again", says="and all others stay")
def transaction_unique_again(waiting, customers, silver):
    """Judges the other reason again too."""
    found = judged_again_in_sql(waiting, customers, silver)
    taken = silver.select("transaction_id", F.lit(True).alias("taken"))
    left = F.when(F.col("taken"), F.col("reasons")).otherwise(F.array_remove("reasons", "transaction_unique"))
    rows = found.join(taken, "transaction_id", "left")
    return rows.select("transaction_id", "customer_id", left.alias("reasons"))


@wrong("judged_again", says="That it waits twice is not asked about")
def unique_among_the_waiting(waiting, customers, silver):
    """Takes an id that waits twice for one that is taken."""
    waits = waiting.groupBy("transaction_id").count().where("count > 1").select("transaction_id")
    return judged_again_in_sql(waiting, customers, silver.union(waits))


@right("judged_again")
def judged_again_in_two_parts(waiting, customers, silver):
    known = waiting.join(customers, "customer_id", "left_semi")
    unknown = waiting.join(customers, "customer_id", "left_anti")
    rows = known.withColumn("reasons", F.array_remove("reasons", "customer_known")).unionByName(unknown)
    ids = [row["transaction_id"] for row in silver.collect()]
    again = F.col("transaction_id").isin(ids) & (F.size("reasons") == 0)
    unique = F.array(F.lit("transaction_unique"))
    return rows.withColumn("reasons", F.when(again, unique).otherwise(F.col("reasons")))


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


@wrong("freshness", says="Not only failures have brought nothing")
def all_but_failures(sources, arrivals, now):
    """Counts whatever has not failed."""
    return _with_whole(_ages(sources, arrivals.where("status <> 'failed'"), now), _oldest())


@wrong("freshness", says="rounding up leaves a whole number as it is")
def one_more(sources, arrivals, now):
    """Rounds up by cutting off and adding one."""
    good = arrivals.where("status = 'arrived'")
    return _with_whole(_ages(sources, good, now, rounded=lambda age: F.floor(age) + 1), _oldest())


@wrong("freshness", says="the seconds of an arrival count")
def whole_minutes_first(sources, arrivals, now):
    """Cuts the seconds of an arrival off."""
    good = arrivals.where("status = 'arrived'").withColumn("arrived_at", F.date_trunc("minute", "arrived_at"))
    return _with_whole(_ages(sources, good, now), _oldest())


@wrong("freshness", says="0 would say that it has just come")
def never_is_zero(sources, arrivals, now):
    """Fills the gaps with 0."""
    return _with_whole(_ages(sources, arrivals.where("status = 'arrived'"), now).fillna(0), _oldest())


@wrong("freshness", says="the whole is as old as the oldest of them")
def mean_age(sources, arrivals, now):
    """Takes the mean of the parts, where all are known."""
    mean = F.when(F.count("minutes") == F.count("*"), F.ceil(F.avg("minutes")))
    return _with_whole(_ages(sources, arrivals.where("status = 'arrived'"), now), mean)


@wrong("freshness", says="The time that counts is the `now` that is given")
def by_the_clock(sources, arrivals, now):
    """Looks at the clock."""
    seconds = F.unix_timestamp(F.current_timestamp()) - F.unix_timestamp("at")
    found = arrivals.where("status = 'arrived'").groupBy("source").agg(F.max("arrived_at").alias("at"))
    ages = sources.join(found, "source", "left").select("source", F.ceil(seconds / 60).alias("minutes"))
    return _with_whole(ages, _oldest())


@wrong("freshness", says="Start from the sources")
def sources_that_arrived(sources, arrivals, now):
    """Starts from the arrivals."""
    known = sources.join(arrivals, "source", "left_semi")
    return _with_whole(_ages(known, arrivals.where("status = 'arrived'"), now), _oldest())


@wrong("freshness", says="what never came has no age")
def expects_an_arrival_of_each(sources, arrivals, now):
    """Expects an arrival of every source."""
    good = arrivals.where("status = 'arrived'").groupBy("source").agg(F.max("arrived_at").alias("at"))
    rows = sources.join(good, "source", "left").collect()
    ages = [(row["source"], math.ceil((now - row["at"]).total_seconds() / 60)) for row in rows]
    whole = max(minutes for _, minutes in ages)
    return sources.sparkSession.createDataFrame([*ages, ("platform", whole)], "source string, minutes bigint")


@right("freshness")
def now_as_a_text(sources, arrivals, now):
    good = arrivals.where("status = 'arrived'").groupBy("source").agg(F.max("arrived_at").alias("at"))
    seconds = F.expr(f"unix_timestamp(TIMESTAMP '{now}') - unix_timestamp(at)")
    ages = sources.join(good, "source", "left").select("source", F.ceil(seconds / 60).alias("minutes"))
    return _with_whole(ages, _oldest())


@right("freshness")
def freshness_in_python(sources, arrivals, now):
    newest = {}
    for source, at, status in sorted(arrivals.collect()):
        if status == "arrived":
            newest[source] = at
    names = [row["source"] for row in sources.collect()]
    ages = [math.ceil((now - newest[name]).total_seconds() / 60) if name in newest else None for name in names]
    whole = None if None in ages else max(ages)
    rows = [*zip(names, ages, strict=True), ("platform", whole)]
    return sources.sparkSession.createDataFrame(rows, "source string, minutes bigint")


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


@wrong("lost_rows", says="no row of it is clean")
def clean_is_never_null(books):
    """Fills the counts that the first source without them lacks."""
    return _borders(books.fillna(0, ["read", "quarantined", "duplicate"])).where("rows <> 0")


@wrong("lost_rows", says="as a positive number")
def what_is_too_many(books):
    """Subtracts the other way round."""
    counted = books.fillna(0, ["read", "clean", "quarantined", "duplicate"])
    return _borders(counted).selectExpr("source", "border", "-rows AS rows").where("rows <> 0")


@wrong("lost_rows", says="says nothing of the border to silver")
def announced_sources_only(books):
    """Leaves a source without an announcement out."""
    counted = books.fillna(0, ["read", "clean", "quarantined", "duplicate"])
    return _borders(counted.where("announced IS NOT NULL")).where("rows <> 0")


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


@wrong("features_as_of", says="A month is not always 30 days")
def calendar_months(customers, orders, as_of):
    """Counts a month back."""
    month = F.count_if(F.col("ordered_on") >= F.add_months(F.lit(as_of), -1))
    return _features(customers, orders, as_of, orders_30d=month)


@wrong("features_as_of", says="O4 is 91 days old")
def window_of_deliveries(customers, orders, as_of):
    """Counts the 90 days from the delivery."""
    recent = F.col("delivered_on") >= F.date_sub(F.lit(as_of), 90)
    return _features(customers, orders, as_of, spent_90d=F.sum(F.when(recent, F.col("amount"))))


@wrong("features_as_of", says="Days since an order count from the order")
def days_since_the_last_delivery(customers, orders, as_of):
    """Counts the days from the delivery."""
    last = F.datediff(F.lit(as_of), F.max("delivered_on"))
    return _features(customers, orders, as_of, days_since_last=last)


@wrong("features_as_of", says="91 days are since the first order")
def days_since_the_first_order(customers, orders, as_of):
    """Takes the largest age."""
    return _features(customers, orders, as_of, days_since_last=F.max("age"))


@wrong("features_as_of", says="two orders of one day are two orders")
def days_with_orders(customers, orders, as_of):
    """Counts days instead of orders."""
    days = F.count_distinct(F.when(F.col("age") <= 30, F.col("ordered_on")))
    return _features(customers, orders, as_of, orders_30d=days)


@wrong("features_as_of", says="equal amounts count each")
def distinct_amounts(customers, orders, as_of):
    """Adds up different amounts only."""
    spent = F.sum_distinct(F.when(F.col("age") <= 90, F.col("amount")))
    return _features(customers, orders, as_of, spent_90d=spent)


@wrong("features_as_of", says="C9 is none of the customers")
def outer_join_on_both_sides(customers, orders, as_of):
    """Keeps who is on either side."""
    known = orders.where(F.col("delivered_on") < F.lit(as_of)).select("customer_id")
    strangers = known.join(customers, "customer_id", "left_anti").distinct()
    return _features(customers, orders, as_of).join(strangers, "customer_id", "full")


@wrong("features_as_of", says="Filter the orders before a left join")
def filter_after_the_join(customers, orders, as_of):
    """Filters what the left join gave."""
    day = F.lit(as_of)
    found = customers.where(F.col("signed_up_on") < day).join(orders, "customer_id", "left")
    known = found.where((F.col("delivered_on") < day) | F.col("delivered_on").isNull()).select("customer_id").distinct()
    return _features(customers, orders, as_of).join(known, "customer_id", "left_semi")


@wrong("features_as_of", says="that row was counted")
def counts_the_empty_side(customers, orders, as_of):
    """Counts the row that a left join makes of nothing."""
    counted = F.when(F.col("days_since_last").isNull(), 1).otherwise(F.col("orders_30d")).cast("bigint")
    return _features(customers, orders, as_of).withColumn("orders_30d", counted)


@right("features_as_of")
def features_by_three_joins(customers, orders, as_of):
    day = F.lit(as_of)
    known = orders.where(F.col("delivered_on") < day)
    recent = known.where(F.col("ordered_on") >= F.date_sub(day, 30)).groupBy("customer_id")
    spent = known.where(F.col("ordered_on") >= F.date_sub(day, 90)).groupBy("customer_id")
    last = known.groupBy("customer_id").agg(F.datediff(day, F.max("ordered_on")).alias("days_since_last"))
    found = customers.where(F.col("signed_up_on") < day).select("customer_id")
    found = found.join(recent.agg(F.count("*").alias("orders_30d")), "customer_id", "left")
    found = found.join(spent.agg(F.sum("amount").alias("spent_90d")), "customer_id", "left")
    return found.join(last, "customer_id", "left").fillna({"orders_30d": 0, "spent_90d": 0.0})


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


def _candidates(labels, features):
    described = features.withColumnRenamed("customer_id", "id")
    return labels.join(described, F.expr("customer_id = id AND as_of <= at"), "left").drop("id")


@wrong("with_features", says="a customer has as many rows as labels")
def one_row_a_customer(labels, features):
    """Numbers the rows of a customer, not of a label."""
    newest_first = Window.partitionBy("customer_id").orderBy(F.desc("at"), F.desc("as_of"))
    numbered = _candidates(labels, features).withColumn("n", F.row_number().over(newest_first))
    return numbered.where("n = 1").drop("n")


@wrong("with_features", says="Right, and only by luck")
def sorted_and_deduplicated(labels, features):
    """Sorts, and hopes that dropDuplicates keeps the first."""
    return _candidates(labels, features).orderBy(F.desc("as_of")).dropDuplicates(["customer_id", "at"])


@wrong("with_features", says="Choose a row, not values")
def largest_values(labels, features):
    """Takes the maximum of each column."""
    grouped = _candidates(labels, features).groupBy("customer_id", "at", "churned")
    return grouped.agg(F.max("as_of").alias("as_of"), F.max("orders_30d").alias("orders_30d"))


@wrong("with_features", says="They are old, and the newest that were known")
def of_the_last_month(labels, features):
    """Takes features that are a month old at most."""
    return _joined(labels, features, "customer_id = id AND as_of BETWEEN date_sub(at, 31) AND at")


@wrong("with_features", says="are newer, and were known")
def any_row_of_a_label(labels, features):
    """Keeps any of the rows that were known."""
    return _candidates(labels, features).dropDuplicates(["customer_id", "at"])


@right("with_features")
def by_first_value(labels, features):
    newest_first = Window.partitionBy("customer_id", "at").orderBy(F.desc("as_of"))
    found = _candidates(labels, features).withColumn("newest", F.first("as_of").over(newest_first))
    return found.where("as_of <=> newest").drop("newest").dropDuplicates(["customer_id", "at"])


@right("with_features")
def by_two_joins(labels, features):
    newest = _candidates(labels, features).groupBy("customer_id", "at", "churned").agg(F.max("as_of").alias("as_of"))
    return newest.join(features, ["customer_id", "as_of"], "left").orderBy("customer_id", "at")


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


@wrong("objections", says="that row compares nothing")
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


@wrong("objections", says="and it is equal")
def better_in_every_segment(scored):
    """Demands that it be better everywhere."""
    rows = _complete(scored)
    whole = _objections(rows, _losses(rows).first(), [])
    segments = _losses(rows, "segment").orderBy("segment").collect()
    return whole + [f"segment {row['segment']}" for row in segments if row["challenger"] >= row["champion"]]


def _with_segments(scored, worse):
    rows = _complete(scored)
    segments = _losses(rows, "segment").orderBy("segment").collect()
    return _objections(rows, _losses(rows).first(), []) + [
        f"segment {row['segment']}" for row in segments if worse(row)
    ]


@wrong("objections", says="the baseline is no rival there")
def segments_against_the_baseline(scored):
    """Compares the segments with the baseline."""
    return _with_segments(scored, lambda row: row["challenger"] > row["baseline"])


@wrong("objections", says="That it beats the baseline there does not help")
def segments_against_both(scored):
    """Names a segment where it is worse than both rivals."""
    return _with_segments(scored, lambda row: row["challenger"] > max(row["champion"], row["baseline"]))


@wrong("objections", says="Each row counts alike, not each segment")
def mean_of_the_segments(scored):
    """Takes the mean of the segments' losses for the loss."""
    segments = _losses(_complete(scored), "segment").orderBy("segment")
    whole = segments.agg(*(F.avg(model).alias(model) for model in ("challenger", "champion", "baseline"))).first()
    return _objections(scored, whole, segments.collect())


@wrong("objections", says="A logarithm would punish one large error more")
def logarithmic_loss(scored):
    """Measures by the logarithm, as classifiers are often judged."""
    rows = _complete(scored)
    for model in ("challenger", "champion", "baseline"):
        right_side = F.greatest(F.when(F.col("left") == 1, F.col(model)).otherwise(1 - F.col(model)), F.lit(1e-9))
        rows = rows.withColumn(model, F.col("left") + F.sqrt(-F.log(right_side)))
    segments = _losses(rows, "segment").orderBy("segment").collect()
    return _objections(rows, _losses(rows).first(), segments)


@wrong("objections", says="a segment is named as")
def bare_names(scored):
    """Names the segments only."""
    return [found.removeprefix("segment ") for found in right_objections(scored)]


@wrong("objections", says="the rivals are named first")
def segments_first(scored):
    """Names the segments first."""
    return sorted(right_objections(scored), key=lambda found: not found.startswith("segment"))


@wrong("objections", says="the champion is named first")
def in_alphabetical_order(scored):
    """Sorts all."""
    return sorted(right_objections(scored))


@wrong("objections", says="in the segments too")
def segments_on_rows_of_two(scored):
    """Leaves out of the segments only what challenger or champion have not scored."""
    segments = _losses(scored.dropna(subset=["challenger", "champion"]), "segment").orderBy("segment").collect()
    return _objections(scored, _losses(_complete(scored)).first(), segments)


@wrong("objections", says="leave such a row out for all three")
def expects_every_score(scored):
    """Expects a score by every model."""
    rows = scored.collect()
    losses = {
        name: sum((row[name] - row["left"]) ** 2 for row in rows) for name in ("challenger", "champion", "baseline")
    }
    return [name for name in ("champion", "baseline") if losses["challenger"] >= losses[name]]


@right("objections")
def objections_in_python(scored):
    models = ("challenger", "champion", "baseline")
    rows = [row for row in scored.collect() if all(row[model] is not None for model in models)]

    def loss(model, of=None):
        errors = [(row[model] - row["left"]) ** 2 for row in rows if of in (None, row["segment"])]
        return sum(errors) / len(errors)

    found = [rival for rival in models[1:] if loss("challenger") >= loss(rival)]
    names = sorted({row["segment"] for row in rows})
    return found + [f"segment {name}" for name in names if loss("challenger", name) > loss("champion", name)]


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


@wrong("stability_index", says="Not 0 alone does")
def only_nothing_is_too_small(before, now, edges):
    """Puts the smallest share in place of 0 only."""

    def shares(values):
        bins = Counter(None if value is None else bisect_right(edges, value) for value in values)
        return {name: count / len(values) for name, count in bins.items()}

    old, new = shares(before), shares(now)
    pairs = [(old.get(name, 0.0001), new.get(name, 0.0001)) for name in old.keys() | new.keys()]
    return round(sum((q - p) * math.log(q / p) for p, q in pairs), 4)


@wrong("stability_index", says="what has come is drift as well")
def bins_of_before(before, now, edges):
    """Looks at the bins that there were, and at NULL."""
    return _stability(before, now, edges, share=lambda old, new: {*old, None})


@wrong("stability_index", says="somebody fills a column")
def null_of_now(before, now, edges):
    """Makes a bin of NULL where there is one now."""
    return _stability(before, now, edges, share=lambda old, new: (old.keys() - {None}) | new.keys())


@wrong("stability_index", says="the logarithm to base 2")
def binary_logarithm(before, now, edges):
    """Takes the logarithm of information theory."""
    return _stability(before, now, edges, log=math.log2)


@wrong("stability_index", says="rounded once at the end")
def three_decimals(before, now, edges):
    """Rounds to three decimals."""
    return _stability(before, now, edges, round_to=3)


@wrong("stability_index", says="is a bin as well, and so is what lies behind the last")
def from_the_first_edge(before, now, edges):
    """Begins the bins with the first edge."""
    return _stability(before, now, edges, share=lambda old, new: (old.keys() | new.keys()) - {0})


@wrong("stability_index", says="two edges make three bins")
def below_or_not(before, now, edges):
    """Asks only whether a value lies below the first edge."""
    return _stability(before, now, edges[:1])


@wrong("stability_index", says="Python takes it for false")
def zero_is_null(before, now, edges):
    """Takes 0.0 for nothing."""
    return _stability([value or None for value in before], [value or None for value in now], edges)


@wrong("stability_index", says="so ask for it first")
def nulls_among_numbers(before, now, edges):
    """Compares NULL with the edges."""
    bins = [Counter(bisect_right(edges, value) for value in values) for values in (before, now)]
    pairs = [(max(bins[0][n] / len(before), 0.0001), max(bins[1][n] / len(now), 0.0001)) for n in bins[0] | bins[1]]
    return round(sum((q - p) * math.log(q / p) for p, q in pairs), 4)


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


@wrong("release_to_show", says="0 is a number like any other")
def zero_is_no_release(releases, needed):
    """Begins to look for a larger number at 0."""
    number, versions = 0, {}
    for one in releases:
        if one["release"] > number and set(needed) <= one["versions"].keys():
            number, versions = one["release"], one["versions"]
    return {"release": number, "versions": {name: versions[name] for name in needed}} if number else None


@wrong("release_to_show", says="As texts '9' comes after '11'")
def compares_texts(releases, needed):
    """Compares the numbers as texts."""
    complete = [one for one in releases if set(needed) <= one["versions"].keys()]
    newest = max(complete, key=lambda one: str(one["release"]), default=None)
    return newest and {"release": newest["release"], "versions": {name: newest["versions"][name] for name in needed}}


@wrong("release_to_show", says="It may name more tables")
def just_the_needed_tables(releases, needed):
    """Wants a release to name the needed tables and no other."""
    return from_the_newest_down([one for one in releases if one["versions"].keys() == set(needed)], needed)


@wrong("release_to_show", says="of those before it that have both")
def the_newest_or_none(releases, needed):
    """Looks at the newest only."""
    newest = sorted(releases, key=lambda one: one["release"])[-1:]
    return from_the_newest_down(newest, needed)


@wrong("release_to_show", says="the first of the list")
def first_of_the_list(releases, needed):
    """Takes the first that is complete."""
    complete = [one for one in releases if set(needed) <= one["versions"].keys()]
    return from_the_newest_down(complete[:1], needed)


@wrong("release_to_show", says="`needed` says which tables")
def the_usual_tables(releases, needed):
    """Takes the tables of the example for those that are needed."""
    return from_the_newest_down(releases, ["sales", "tiers"])


@wrong("release_to_show", says="None says that there is none")
def empty_answer(releases, needed):
    """Returns an empty dictionary where there is none."""
    return from_the_newest_down(releases, needed) or {}


@wrong("release_to_show", says="the number of the release is asked for too")
def versions_alone(releases, needed):
    """Returns the versions only."""
    found = from_the_newest_down(releases, needed)
    return found and found["versions"]


@right("release_to_show")
def one_after_the_other(releases, needed):
    best = None
    for one in releases:
        complete = all(one["versions"].get(name) is not None for name in needed)
        if complete and (best is None or one["release"] > best["release"]):
            best = one
    if best is None:
        return None
    return {"versions": {name: best["versions"][name] for name in needed}, "release": best["release"]}


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


@wrong("next_work", says="Look for an open plan first")
def nothing_newer_is_nothing_to_do(notes, newest):
    """Compares with the last plan before it asks whether that was done."""
    if newest <= max((note["until"] for note in notes), default=-1):
        return None
    return resumed(notes, newest)


@wrong("next_work", says="the plan itself is still to be done")
def nothing_newer_unless_it_failed(notes, newest):
    """Repeats a batch that has failed, and forgets one that was killed, where nothing newer came."""
    failed = notes and notes[-1]["status"] == "failed"
    return resumed(notes, newest) if failed else nothing_newer_is_nothing_to_do(notes, newest)


@wrong("next_work", says="A plan is open only with a higher number")
def every_plan_without_its_end(notes, newest):
    """Repeats the first plan of which nobody noted the end."""
    done = {note["batch"] for note in notes if note["status"] == "done"}
    for note in notes:
        if note["status"] == "planned" and note["batch"] not in done:
            before = [one["until"] for one in notes if one["status"] == "done" and one["batch"] < note["batch"]]
            return note["batch"], max(before, default=-1), note["until"]
    return resumed(notes, newest)


@wrong("next_work", says="however many notes say `done`")
def counts_what_is_done(notes, newest):
    """Takes the number of notes for the number of the batch."""
    found = resumed(notes, newest)
    return found and (sum(note["status"] == "done" for note in notes), *found[1:])


@wrong("next_work", says="it begins with 4")
def after_the_next(notes, newest):
    """Names the first version that it reads."""
    found = resumed(notes, newest)
    return found and (found[0], found[1] + 1, found[2]) if notes else found


@wrong("next_work", says="nothing is read for good after version 3")
def after_the_last_note(notes, newest):
    """Reads after the version of the last note."""
    found = resumed(notes, newest)
    return found and (found[0], notes[-1]["until"] if notes else -1, found[2])


@right("next_work")
def by_the_last_note(notes, newest):
    read = [-1, *(note["until"] for note in notes if note["status"] == "done")][-1]
    if notes and notes[-1]["status"] != "done":
        return notes[-1]["batch"], read, notes[-1]["until"]
    number = notes[-1]["batch"] + 1 if notes else 0
    return (number, read, newest) if newest > read else None


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


def _refused(tables, customer_id, keep):
    """Right in all but the tables that keep refused rows."""
    found = by_conditions_in_sql(tables, customer_id)
    return {name: tables[name].where(keep) if "record" in rows.columns else rows for name, rows in found.items()}


@wrong("forgotten", says="with or without a blank")
def searches_for_field_and_value(tables, customer_id):
    """Looks for field and value as the first record writes them."""
    return _refused(tables, customer_id, ~F.col("record").contains(f'"customer_id": "{customer_id}"'))


@wrong("forgotten", says="inside another field")
def searches_by_pattern(tables, customer_id):
    """Looks for field and value with any blanks between them."""
    return _refused(tables, customer_id, ~F.col("record").rlike(f'"customer_id"\\s*:\\s*"{customer_id}"'))


@wrong("forgotten", says="C1 stands in another field")
def searches_for_the_value(tables, customer_id):
    """Looks for the value between its quotes."""
    return _refused(tables, customer_id, ~F.col("record").contains(f'"{customer_id}"'))


@wrong("forgotten", says="Nobody knows whose it is, so it stays")
def only_what_can_be_read(tables, customer_id):
    """Keeps the records that certainly belong to another."""
    return _refused(tables, customer_id, F.get_json_object("record", "$.customer_id") != customer_id)


@wrong("forgotten", says="not only what stands in them")
def empties_the_records(tables, customer_id):
    """Empties the records, and leaves their rows."""
    mine = F.get_json_object("record", "$.customer_id").eqNullSafe(customer_id)
    found = by_conditions_in_sql(tables, customer_id)
    for name, rows in tables.items():
        if "record" in rows.columns:
            found[name] = rows.withColumn("record", F.when(~mine, F.col("record")))
    return found


@wrong("forgotten", says="which table keeps what shows by its columns")
def by_the_name_of_the_table(tables, customer_id):
    """Knows the table of refused rows by its name."""
    found = {}
    for name, rows in tables.items():
        whose = F.get_json_object("record", "$.customer_id") if name == "quarantine" else F.col("customer_id")
        found[name] = rows.where(~whose.eqNullSafe(customer_id))
    sales = tables.get("transactions")
    return found if sales is None else {**found, "transactions": _anonymous(customer_id)(sales)}


@wrong("forgotten", says="forget whoever is given")
def always_the_same_customer(tables, customer_id):
    """Forgets the customer of the example."""
    return by_conditions_in_sql(tables, "C1")


@wrong("forgotten", says="a dictionary is asked for")
def as_a_list(tables, customer_id):
    """Returns the tables without their names."""
    return list(by_conditions_in_sql(tables, customer_id).values())


@wrong("forgotten", says="those that stay as they are too")
def what_was_deleted_from(tables, customer_id):
    """Returns the tables that have lost rows."""
    found = by_conditions_in_sql(tables, customer_id)
    return {name: rows for name, rows in found.items() if name != "transactions"}


@wrong("forgotten", says="and stops nobody")
def every_record_is_json(tables, customer_id):
    """Expects every record to be JSON."""
    whose = F.udf(lambda record: json.loads(record).get("customer_id"))("record")
    after = read_with_a_schema(tables, customer_id)
    return after | {
        name: rows.where(~whose.eqNullSafe(customer_id)) for name, rows in tables.items() if "record" in rows.columns
    }


@right("forgotten")
def read_with_a_schema(tables, customer_id):
    found = {}
    for name, rows in tables.items():
        whose = F.col("customer_id")
        if "record" in rows.columns:
            whose = F.from_json("record", "customer_id string")["customer_id"]
        kept = rows.where(whose.isNull() | (whose != customer_id))
        found[name] = _anonymous(customer_id)(rows) if name == "transactions" else kept
    return found


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

ONE_LABEL = "Of a customer there is one label a day, or the day would not say which one is meant."
ONE_DESCRIPTION = "Features describe a customer once a day."
outside = {
    "verdicts": {
        "NULL in delivered.reasons": "A row without reasons has an empty array, as the task says and shows.",
        "NULL in silver.content": "A content is the text of a whole row, which is never NULL.",
    },
    "next_work": {
        "notes in reverse": "The journal has the oldest note first, as the task says.",
        "an item of notes twice": "The order of the notes is that of time, and no old one comes again after a newer.",
        "notes[…] without a key": "Each note has a number, a status and a version.",
        "zero in notes[…][…]": "Batches and versions only grow, so no note has smaller ones than those before it.",
        "the negative in notes[…][…]": "Batches and versions begin with 0.",
        "an empty text in notes[…][…]": "A batch is planned, done or failed.",
    },
    "refreshed_sales": {
        "NULL in silver.amount": "A row without an amount is in the quarantine, and not in silver.",
    },
    "bought_together": {
        "NULL in lines.order_id": "A line is one of an order.",
    },
    "freshness": {
        "sources empty": "A platform has sources.",
        "NULL in arrivals.source": "An arrival is one of a source.",
        "NULL in arrivals.arrived_at": "An arrival has its moment.",
    },
    "with_features": {
        "another row's value in labels.at": ONE_LABEL,
        "another row's value in labels.customer_id": ONE_LABEL,
        "a row of features twice": ONE_DESCRIPTION,
        "another row's value in features.customer_id": ONE_DESCRIPTION,
        "another row's value in features.as_of": ONE_DESCRIPTION,
    },
    "objections": {
        "scored empty": "Where nobody is scored there is nothing to compare, and the task says nothing of it.",
        "NULL in scored.segment": "Every customer is of a segment.",
        "NULL in scored.left": "A customer left or stayed: that is what the models are judged by.",
    },
}

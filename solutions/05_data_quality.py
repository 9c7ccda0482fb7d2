# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---
# %% [markdown]
# # Exercises: Data quality
#
# Write your answer where a function says `return ____`, run the cell, then run the `check` below it. Every
# exercise stands alone: begin anywhere. Stuck? Run `hint(name_of_the_function)` in a new cell.

# %%
import re
from datetime import date
from statistics import median
from typing import Any

import pandera.pandas as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from workbook import ____, check, get_spark, hint, reveal

spark = get_spark()

# %% [markdown]
# ## Exercise 5.1 · No rows is not 0 %
#
# Return the share of the rows in which a column is NULL, between 0.0 and 1.0. An empty text is a value, and so is NaN.
# A table without rows has no such share: return None.
#
# `order_id string, email string, amount double`, and `"email"` → a number such as `0.25`


# %%
def null_rate(rows: DataFrame, column: str) -> float | None:
    """The share of the rows in which `column` is NULL; None where there are no rows."""
    # BEGIN SOLUTION
    return rows.agg(F.avg(F.col(column).isNull().cast("int"))).first()[0]
    # END SOLUTION


# %%
check(null_rate)

# %% [markdown]
# ## Exercise 5.2 · Two tables, and nothing between them
#
# Split a table by a rule, a condition in SQL: the first DataFrame has the rows for which it is TRUE, the second all
# others, those of which it says neither yes nor no among them. Each row of the input is in one of the two, and as often
# as it came: equal rows are several rows.
#
# `order_id string, status string, amount int`, and `"amount <= 100 OR status = 'gift'"` → two DataFrames with the same
# columns


# %%
def split_by_rule(rows: DataFrame, rule: str) -> tuple[DataFrame, DataFrame]:
    """The rows for which the rule is TRUE, and all others."""
    # BEGIN SOLUTION
    holds = F.coalesce(F.expr(rule), F.lit(False))
    return rows.where(holds), rows.where(~holds)
    # END SOLUTION


# %%
check(split_by_rule)

# %% [markdown]
# ## Exercise 5.3 · Rules from a table
#
# The rules are rows of a small table: a name, a condition in SQL, a severity, `error` or `warning`, and the day since
# which the rule holds. Give each order the names of all rules that it breaks, by severity, in the order of the
# alphabet. No two rules have the same name. An order keeps a rule only where the condition is TRUE. A rule counts for
# orders made on the day `since` or later; where one of the two days is not known, it counts. The orders are read once,
# however many rules there are, and without any rule both arrays are empty.
#
# orders: `order_id string, status string, amount int, ordered_on date`; rules: `name string, condition string, severity
# string, since date` → the orders with `errors array<string>, warnings array<string>`


# %%
def judged_orders(orders: DataFrame, rules: DataFrame) -> DataFrame:
    """The orders, each with the names of the rules that it breaks, never NULL."""
    # BEGIN SOLUTION
    known = rules.orderBy("name").collect()  # a table of rules is small, and stays so

    def broken(severity: str) -> Column:
        names = [F.lit(None).cast("string")]
        for rule in known:
            counts = F.coalesce(F.col("ordered_on") >= F.lit(rule.since), F.lit(True))
            breaks = ~F.coalesce(F.expr(rule.condition), F.lit(False))
            if rule.severity == severity:
                names.append(F.when(counts & breaks, rule.name))
        return F.array_compact(F.array(*names))

    return orders.withColumns({"errors": broken("error"), "warnings": broken("warning")})
    # END SOLUTION


# %%
check(judged_orders)

# %% [markdown]
# ## Exercise 5.4 · Warn, drop, fail
#
# Each order has the names of the rules that it breaks. `severities` says what follows from each:
#
# * `warn`: the order goes on;
# * `drop`: the order does not go on;
# * `fail`: nothing goes on. Raise a ValueError, and say in it of each rule that fails how many orders break it. A rule
#   that is not in `severities` fails too: nobody has decided that it may pass.
#
# Return the orders that go on, and those that do not, both with all that they break. The function itself raises, before
# somebody has begun to write what it returned.
#
# judged: `order_id string, amount int, broken array<string>`, never NULL; severities: `{"amount usual": "warn", …}` →
# two DataFrames of the same columns


# %%
def by_severity(judged: DataFrame, severities: dict[str, str]) -> tuple[DataFrame, DataFrame]:
    """The orders that go on and those that are dropped; raises ValueError where a rule is broken that must not be."""
    # BEGIN SOLUTION
    passing = [rule for rule in severities if severities[rule] != "fail"]
    dropping = [rule for rule in severities if severities[rule] == "drop"]
    each = judged.select(F.explode("broken").alias("rule")).where(~F.col("rule").isin(passing))
    if fatal := each.groupBy("rule").count().collect():
        raise ValueError("; ".join(f"{row['count']} orders break {row.rule!r}" for row in fatal))
    dropped = F.exists("broken", lambda rule: rule.isin(dropping))
    return judged.where(~dropped), judged.where(dropped)
    # END SOLUTION


# %%
check(by_severity)

# %% [markdown]
# ## Exercise 5.5 · What was refused, as it came
#
# Orders come as lines of JSON. Return the lines that are refused: where they stood, the line itself, unchanged, and all
# reasons, in the order of the alphabet. A line that cannot be read as JSON has the one reason `not JSON`. Any other is
# an object, is read into the texts `order_id`, `amount` and `status`, NULL where it says nothing of them, and is
# refused for each rule whose condition is not TRUE.
#
# lines: `file string, row int, line string`; rules: `{"amount positive": "try_cast(amount AS decimal(10,2)) > 0", …}` →
# `file, row, original string, reasons array<string>`


# %%
def refused_lines(lines: DataFrame, rules: dict[str, str]) -> DataFrame:
    """One row a refused line: its place, the line as it came, and all reasons."""
    # BEGIN SOLUTION
    is_json = F.try_parse_json("line").isNotNull()
    broken = [F.when(is_json & ~F.coalesce(F.expr(rules[name]), F.lit(False)), name) for name in sorted(rules)]
    reasons = F.array_compact(F.array(F.when(~is_json, "not JSON"), *broken))
    read = lines.withColumn("read", F.from_json("line", "order_id string, amount string, status string"))
    judged = read.select("*", "read.*").withColumn("reasons", reasons).where("size(reasons) > 0")
    return judged.select("file", "row", F.col("line").alias("original"), "reasons")
    # END SOLUTION


# %%
check(refused_lines)

# %% [markdown]
# ## Exercise 5.6 · Judged again
#
# Refused lines wait in the Delta table `quarantine`, with the state `waiting`. A fault of ours is mended: from now on a
# line is good where its amount, without the spaces around it and with a point for a comma, is a number above 0. Bring
# the good ones among the waiting lines into the Delta table `orders`, and set their state to `released`; the others
# stay as they are.
#
# An order that `orders` has already stays as it is there: it was corrected since, and its line is released. Where
# several good lines are of one order, the one with the largest `line_id` is taken, and all are released. A run may die
# between any two writes, and then it is started again: in the end no order is lost, and none is there twice. Nobody
# else writes the two tables meanwhile.
#
# quarantine: `line_id int, original string, state string`, where `original` is an object of JSON with `order_id` and
# `amount`, both texts; orders: `order_id string, amount decimal(10,2)` → nothing is returned


# %%
def replay(spark: SparkSession, quarantine: str, orders: str) -> None:
    """Bring what is good by now from `quarantine` into `orders`, once, and mark it as released."""
    # BEGIN SOLUTION
    waiting = spark.table(quarantine).where("state = 'waiting'")
    read = waiting.withColumn("read", F.from_json("original", "order_id string, amount string"))
    amount = F.expr("try_cast(replace(trim(read.amount), ',', '.') AS decimal(10,2))")
    good = read.select("line_id", "read.order_id", amount.alias("amount")).where("amount > 0")
    good.createOrReplaceTempView("good_lines")
    spark.sql(f"""
        MERGE INTO {orders} AS target
        USING (SELECT order_id, max_by(amount, line_id) AS amount FROM good_lines GROUP BY order_id) AS source
            ON target.order_id = source.order_id
        WHEN NOT MATCHED THEN INSERT *
    """)
    spark.sql(f"""
        MERGE INTO {quarantine} AS target USING good_lines AS source ON target.line_id = source.line_id
        WHEN MATCHED THEN UPDATE SET state = 'released'
    """)
    # END SOLUTION


# %%
check(replay)

# %% [markdown]
# ## Exercise 5.7 · One person, several customers
#
# A customer's e-mail address ought to be nobody else's. Return the addresses that several customers have, one row each,
# with the numbers of these customers: each once, in the order of the alphabet. Addresses are the same where they differ
# only in capitals or in spaces around them; return them in small letters, without the spaces. A customer may be
# delivered in several batches, and that makes nobody a duplicate. Who has no address, NULL or nothing but spaces, is
# nobody's duplicate.
#
# `customer_id string, email string, batch int` → `email string, customers array<string>`


# %%
def duplicate_groups(customers: DataFrame) -> DataFrame:
    """One row an address that several customers have, with these customers in order."""
    # BEGIN SOLUTION
    address = F.lower(F.trim("email")).alias("email")
    groups = customers.groupBy(address).agg(F.array_sort(F.collect_set("customer_id")).alias("customers"))
    return groups.where("email <> '' AND size(customers) > 1")
    # END SOLUTION


# %%
check(duplicate_groups)

# %% [markdown]
# ## Exercise 5.8 · The product comes later
#
# An order refers to a product. Say of each order, one row each, whether that holds:
#
# * `none`: `product_id` is NULL, and the `kind` is not `service`. A service needs no product: without one it is `ok`;
# * `ok`: the product is in the table of products;
# * `waiting`: it is not, and may still come, as products arrive up to two days after their first order: `today` is no
#   more than two days after the order;
# * `unknown`: it is not there, and is not to be expected any more, or nobody knows when the order was made.
#
# The table of products has a row for each price that a product ever had, and also rows without a `product_id`.
#
# orders: `order_id string, kind string, product_id string, ordered_on date`; products: `product_id string, price int`;
# `today`, a date → `order_id string, verdict string`


# %%
def judged_references(orders: DataFrame, products: DataFrame, today: date) -> DataFrame:
    """One row an order, with its verdict: ok, none, waiting or unknown."""
    # BEGIN SOLUTION
    known = products.select("product_id").distinct().withColumn("known", F.lit(True))
    verdict = (
        F.when(F.col("product_id").isNull() & (F.col("kind") == "service"), "ok")
        .when(F.col("product_id").isNull(), "none")
        .when(F.col("known"), "ok")
        .when(F.date_diff(F.lit(today), "ordered_on") <= 2, "waiting")
        .otherwise("unknown")
    )
    return orders.join(known, "product_id", "left").select("order_id", verdict.alias("verdict"))
    # END SOLUTION


# %%
check(judged_references)

# %% [markdown]
# ## Exercise 5.9 · More, less, later than usual
#
# Of each delivery two measures are kept: how many rows it had, and how many hours old its newest event was when it was
# looked at, by the time of the event; None where it had no event. Say of today's what is unusual:
#
# * `few rows`, `many rows`: the number of rows is further from the median of the earlier deliveries than allowed;
# * `old events`: the age is further *above* their median than allowed, or there is no event at all;
# * `rows unknown`, `age unknown`: instead, where fewer than five earlier values are known.
#
# Allowed are three standard deviations, estimated as 1.4826 times the MAD, which is the median of the distances from
# the median; and no less than a tenth of the median. What is allowed is not unusual.
#
# `[{"rows": 1000, "age": 2.0}, …]`, the earlier ones, and `{"rows": 500, "age": None}` → a list such as `["few rows",
# "old events"]`, rows first


# %%
def unusual(earlier: list[dict[str, Any]], today: dict[str, Any]) -> list[str]:
    """What is unusual about today's delivery, by what is usual."""

    # BEGIN SOLUTION
    def usual(measure: str) -> tuple[float, float] | None:
        values = [delivery[measure] for delivery in earlier if delivery[measure] is not None]
        if len(values) < 5:
            return None
        middle = median(values)
        return middle, max(3 * 1.4826 * median(abs(value - middle) for value in values), 0.1 * middle)

    found, rows, age = [], usual("rows"), usual("age")
    if rows is None:
        found.append("rows unknown")
    elif abs(today["rows"] - rows[0]) > rows[1]:
        found.append("few rows" if today["rows"] < rows[0] else "many rows")
    if age is None:
        found.append("age unknown")
    elif today["age"] is None or today["age"] - age[0] > age[1]:
        found.append("old events")
    return found
    # END SOLUTION


# %%
check(unusual)

# %% [markdown]
# ## Exercise 5.10 · A profile in one pass
#
# Describe a table: one row a column of it, with the number of rows, of NULL, of different values (NULL is none), and
# the smallest and the largest value, as texts; NULL where there is no value. Columns have any of the simple types, and
# any name, also with a dot or a blank in it. The table is large: it is read once, for all columns together.
#
# any table, such as `order_id string, amount int, price.net double` → `column string, rows bigint, nulls bigint,
# distinct bigint, smallest string, largest string`


# %%
def profile(table: DataFrame) -> DataFrame:
    """One row a column of the table: how many rows, NULL and different values, and the range of these."""

    # BEGIN SOLUTION
    def measured(name: str) -> Column:
        column = F.col(f"`{name}`")
        return F.struct(
            F.lit(name).alias("column"),
            F.count("*").alias("rows"),
            F.count_if(column.isNull()).alias("nulls"),
            F.count_distinct(column).alias("distinct"),
            F.min(column).cast("string").alias("smallest"),
            F.max(column).cast("string").alias("largest"),
        )

    return table.agg(F.array(*map(measured, table.columns)).alias("columns")).select(F.inline("columns"))
    # END SOLUTION


# %%
check(profile)

# %% [markdown]
# ## Exercise 5.11 · An alert that does not flutter
#
# A rule is measured every day: the share of rows that break it. An alert is raised on the day on which the share is
# `high` or more for the `days`-th time in a row, and ends on the day on which it is `low` or less for the `days`-th
# time in a row. In between it stays as it is: nothing is told twice. A day without a measure (None) is as if it had not
# been: it is neither good nor bad, and a row of days goes on after it. At the beginning there is no alert; `low` is
# below `high`, and `days` is 1 or more.
#
# `[0.01, 0.06, 0.07, None, 0.02, …]`, `high=0.05`, `low=0.02`, `days=2` → `[(2, "raised"), (5, "ended"), …]`, each
# change with the number of its day, from 0


# %%
def alerts(shares: list[float | None], high: float, low: float, days: int) -> list[tuple[int, str]]:
    """The days on which an alert is raised or ends, in their order."""
    # BEGIN SOLUTION
    told: list[tuple[int, str]] = []
    raised, in_a_row = False, 0
    for day, share in enumerate(shares):
        if share is None:
            continue
        in_a_row = in_a_row + 1 if (share <= low if raised else share >= high) else 0
        if in_a_row == days:
            raised, in_a_row = not raised, 0
            told.append((day, "raised" if raised else "ended"))
    return told
    # END SOLUTION


# %%
check(alerts)

# %% [markdown]
# ## Exercise 5.12 · What breaks, and what does not
#
# A producer wants to change a contract. Tell, for those who read the data, which changes break what they have built. A
# contract has for each column a `type`, whether it is `required`, so never NULL, the set of `values` that may occur,
# None where all may, a `unit`, and a `description`. A change is a pair of the column and what has changed:
#
# * `added` is harmless, `removed` breaks; a column with another name is both;
# * `type` breaks, but for an `int` that becomes a `bigint` and a `float` that becomes a `double`;
# * `required` breaks where NULL may now come;
# * `values` breaks where a value may now come that could not before;
# * `unit` breaks; `description` never does.
#
# Where columns stand is no part of a contract.
#
# `{"amount": {"type": "int", "required": True, "values": None, "unit": "euro", "description": "…"}, …}`, before and
# after → `{"breaking": [("amount", "unit")], "harmless": [("city", "added")]}`, both sorted


# %%
def contract_changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """The changes from one contract to the next, as pairs of column and part: those that break readers, and others."""

    # BEGIN SOLUTION
    def breaks(part: str, old: Any, new: Any) -> bool:
        if part == "type":
            return (old, new) not in [("int", "bigint"), ("float", "double")]
        if part == "required":
            return not new
        if part == "values":
            return new is None or (old is not None and not new <= old)
        return part == "unit"

    told: dict[str, list[tuple[str, str]]] = {"breaking": [], "harmless": []}
    for column in sorted(before.keys() | after.keys()):
        if column not in after:
            told["breaking"].append((column, "removed"))
        elif column not in before:
            told["harmless"].append((column, "added"))
        else:
            old, new = before[column], after[column]
            for part in sorted(old):
                if old[part] != new[part]:
                    told["breaking" if breaks(part, old[part], new[part]) else "harmless"].append((column, part))
    return told
    # END SOLUTION


# %%
check(contract_changes)

# %% [markdown]
# ## Exercise 5.13 · Nobody sees what was not audited
#
# `batch` has the sales of one day, computed anew each time that somebody reads it, and no two times alike. Write it
# into the Delta table `staging`, in the place of what is there; audit what is written; and only then publish these very
# rows in the Delta table `sales`, in place of what it has of that day. Other days stay. Both tables are there, and
# people read `sales` at any moment: each of its versions has the day as it was, or as it is now.
#
# An audit finds no fault where there is a row at least, every amount is known and not negative, and no shop is there
# twice. Return whether the day was published; where it was not, `staging` keeps the rows for whoever looks into it.
#
# `day date, shop string, amount int, load string`, a date, and `"shop.staging"`, `"shop.sales"` → True or False


# %%
def publish_day(batch: DataFrame, day: date, staging: str, sales: str) -> bool:
    """Write the batch to `staging`, audit it there, and publish it in `sales` if no fault is found."""
    # BEGIN SOLUTION
    batch.write.format("delta").mode("overwrite").saveAsTable(staging)
    written = batch.sparkSession.table(staging)
    fault = written.where("(amount >= 0) IS NOT TRUE")
    twice = written.groupBy("shop").count().where("count > 1")
    if written.isEmpty() or not fault.isEmpty() or not twice.isEmpty():
        return False
    written.write.format("delta").mode("overwrite").option("replaceWhere", f"day = '{day}'").saveAsTable(sales)
    return True
    # END SOLUTION


# %%
check(publish_day)

# %% [markdown]
# ## Exercise 5.14 · Source and target
#
# An order is one row in the source, and ought to be one row in the target, with the same values. Return the orders of
# which that is not so, one row each, with the first that fits:
#
# * `missing`: it is in the source, and not in the target;
# * `extra`: it is in the target, and not in the source;
# * `double`: it is in the target several times;
# * `changed`: a value differs. NULL and NULL are the same, NULL and a value are not.
#
# both: `order_id string, status string, note string, amount decimal(10,2)` → `order_id string, verdict string`


# %%
def differences(source: DataFrame, target: DataFrame) -> DataFrame:
    """One row an order that differs between source and target, with its verdict."""
    # BEGIN SOLUTION
    values = F.struct("status", "note", "amount")
    loaded = target.groupBy("order_id").agg(F.count("*").alias("times"), F.max(values).alias("got"))
    both = source.select("order_id", values.alias("wanted")).join(loaded, "order_id", "full")
    verdict = (
        F.when(F.col("times").isNull(), "missing")
        .when(F.col("wanted").isNull(), "extra")
        .when(F.col("times") > 1, "double")
        .when(~F.col("wanted").eqNullSafe(F.col("got")), "changed")
    )
    return both.select("order_id", verdict.alias("verdict")).where("verdict IS NOT NULL")
    # END SOLUTION


# %%
check(differences)

# %% [markdown]
# ## Exercise 5.15 · Given away, and not given away
#
# Another company gets a table of our customers, and is to know nobody. Return one row a customer:
#
# * `person`: a pseudonym of the e-mail address, in small letters and without spaces around it, as 64 hexadecimal digits
#   of SHA-256. The same address always has the same one, and only who knows the `secret` can find it by trying
#   addresses. No address, NULL or nothing but spaces, no pseudonym: NULL;
# * `area`: the first two characters of the postcode; `decade`: the decade of birth, such as 1980;
# * where fewer than `k` customers share area and decade (NULL is a value there), both are NULL: such a row might be
#   known by them.
#
# How the secret goes in is yours to choose.
#
# `customer_id string, email string, postcode string, born date`, a text, and a number → `person string, area string,
# decade int`


# %%
def given_away(customers: DataFrame, secret: str, k: int) -> DataFrame:
    """One row a customer: a pseudonym, and what at least `k` customers have in common."""
    # BEGIN SOLUTION
    address = F.nullif(F.lower(F.trim("email")), F.lit(""))
    area = F.substring("postcode", 1, 2)
    decade = (F.floor(F.year("born") / 10) * 10).cast("int")
    coarse = customers.select(
        F.sha2(F.concat(F.lit(secret), address), 256).alias("person"), area.alias("area"), decade.alias("decade")
    )
    enough = F.count("*").over(Window.partitionBy("area", "decade")) >= k
    shared = coarse.withColumn("enough", enough)
    return shared.select("person", *(F.when(F.col("enough"), F.col(name)).alias(name) for name in ("area", "decade")))
    # END SOLUTION


# %%
check(given_away)

# %% [markdown]
# ## Exercise 5.16 · Personal data in a free text
#
# Find what is personal in a text that people have written, in the order in which it stands there, each with its kind,
# just as it is written, and as often as it is there:
#
# * `email`: letters, digits, dots, `_`, `%`, `+` and `-`, then `@`, then names of letters, digits and `-`, with a dot
#   between any two of them, at least one; the last has only letters, two or more. A dot behind it ends the sentence;
# * `iban`: a German one, `DE`, in capitals or not, and 20 digits, together or in groups of four with a space between
#   them: `DE89 3704 0044 0532 0130 00`. Its check digits are right: with the first four characters put to the end, and
#   D and E written as 13 and 14, the number leaves 1 when divided by 97;
# * `card`: 16 digits, together or in four groups of four, with a space or with `-` between all of them. Its last digit
#   is right by Luhn: double every second digit from the right, beginning with the second; add up all digits, of 14 as
#   1 + 4; the sum is a multiple of 10.
#
# What goes on to the left or right with a letter, a digit or `_` is something else, and no digit belongs to two of
# them, or looks as if it did. No letters occur but A to Z, capital or small. A text that is not there, None, has
# nothing in it.
#
# `"Write to ann@example.org."` → `[("email", "ann@example.org")]`


# %%
def personal_data(text: str | None) -> list[tuple[str, str]]:
    """The e-mail addresses, German IBANs and card numbers in a text: kind and text of each, in their order."""

    # BEGIN SOLUTION
    def is_iban(found: str) -> bool:
        digits = found.replace(" ", "")[2:]
        return int(f"{digits[2:]}1314{digits[:2]}") % 97 == 1

    def is_card(found: str) -> bool:
        digits = [int(digit) for digit in found if digit.isdigit()]
        return sum(digits[1::2] + [sum(divmod(2 * digit, 10)) for digit in digits[::2]]) % 10 == 0

    kinds = r"""
        (?P<email> (?<![\w.%+-]) [\w.%+-]+ @ (?: [a-z0-9-]+ \. )+ [a-z]{2,} (?!\w) )
        | (?P<iban> \b DE\d{2} (?: (?:[ ]\d{4}){4}[ ]\d{2} | \d{18} ) \b )
        | (?P<card> \b \d{4} (?P<gap>[ -]?) \d{4} (?P=gap) \d{4} (?P=gap) \d{4} \b )
    """
    pattern = re.compile(kinds, re.VERBOSE | re.IGNORECASE | re.ASCII)
    right = {"email": lambda found: True, "iban": is_iban, "card": is_card}
    hits = [(str(hit.lastgroup), hit.group()) for hit in pattern.finditer(text or "")]
    return [(kind, found) for kind, found in hits if right[kind](found)]
    # END SOLUTION


# %%
check(personal_data)

# %% [markdown]
# ## Exercise 5.17 · The same verdicts from a library
#
# Write these rules as a schema of pandera, for the orders of a day as a pandas DataFrame. A row must be found by the
# schema exactly where it breaks a rule of ours, and for us only TRUE keeps a rule:
#
# * `order_id` is known, and no other row has it; where two have it, both are found;
# * `quantity` is a whole number from 1 to 100, though pandas holds it as a float; NULL breaks the rule;
# * `status` is `paid` or `sent`; NULL breaks the rule;
# * `coupon` may be NULL; otherwise it is two capitals and four digits, and nothing before or behind them, no line end
#   either;
# * `discount` may be NULL; otherwise it is not negative;
# * `paid` is no more than `amount`; where one of the two is NULL, the rule is broken.
#
# The texts are of type object, the numbers float64; other columns may be there. The check calls `validate(orders,
# lazy=True)` of what you return, and looks at the failure cases.
#
# nothing → a schema of `pandera.pandas`, which is here as `pa`: a `pa.DataFrameSchema`, or a class of
# `pa.DataFrameModel`


# %%
def order_schema() -> Any:
    """The six rules of an order as a schema of pandera, with our verdicts."""
    # BEGIN SOLUTION
    columns = {
        "order_id": pa.Column(object, unique=True),
        "quantity": pa.Column(float, [pa.Check.in_range(1, 100), pa.Check(lambda values: values % 1 == 0)]),
        "status": pa.Column(object, pa.Check.isin(["paid", "sent"])),
        "coupon": pa.Column(object, pa.Check.str_matches(r"^[A-Z]{2}[0-9]{4}\Z"), nullable=True),
        "discount": pa.Column(float, pa.Check.ge(0), nullable=True),
    }
    return pa.DataFrameSchema(columns, checks=pa.Check(lambda orders: orders["paid"] <= orders["amount"]))
    # END SOLUTION


# %%
check(order_schema)

# %% [markdown]
# ## Exercise 5.18 · The pipeline is green, and the numbers are wrong
#
# On Tuesday Kiel calls: half of its sales of Monday, 16 March 2026, are in no report. You find:
#
# ```text
# rules of the night      order_id known        100 %                          kept
#                         order_id unique       100 %, over all batches        kept
#                         amount usual          100 % from 0 to 1000           kept
#                         orders of the day     1204 (median 1190, ± 119)      kept
#                         newest order          4 minutes old (at most 60)     kept
# orders by shop          9 March               Kiel 238, Oslo 602, Rome 322, Bonn 5
#                         16 March              Kiel 120, Oslo 741, Rome 339, Bonn 4
# log of the tills        Kiel, till 2          no connection since 06:00
# calendar                Oslo                  street fair on 16 March
# ```
#
# Give the name of the rule that was to find this, and judged too coarsely. And judge by shop, so that it cannot happen
# again: which shops are to be held back today? A shop of which half a day is missing, or all of it, or whose orders
# came twice, whatever day of the week it is. Good days must not be held back. On Sundays the shops sell a quarter of
# what they sell on other days; the kiosk in Bonn sells 2 to 6, whatever day it is; any single day of the history may
# have been wrong. A shop is judged only where the history has it on four or more days of today's weekday: others have
# just opened, or closed for good. And a shop in `announced` is not judged today: it has a fair, or is closed.
#
# `history`: `{date(2026, 3, 9): {"Kiel": 238, …}, …}`, the orders by shop of the last eight weeks; `today`, a date;
# `orders`: `{"Kiel": 120, …}`, those of today; `announced`: a set of shops → the name of the rule, and a list of shops,
# sorted


# %%
def held_back(
    history: dict[date, dict[str, int]], today: date, orders: dict[str, int], announced: set[str]
) -> tuple[str, list[str]]:
    """The rule that let it pass, and the shops whose orders of today are to be held back."""
    # BEGIN SOLUTION
    held = []
    for shop in sorted({name for counts in history.values() for name in counts} - announced):
        usual = [c[shop] for day, c in history.items() if day.weekday() == today.weekday() and shop in c]
        if len(usual) >= 4:
            middle = median(usual)
            allowed = max(3 * 1.4826 * median(abs(count - middle) for count in usual), 0.1 * middle)
            if abs(orders.get(shop, 0) - middle) > allowed:
                held.append(shop)
    return "orders of the day", held
    # END SOLUTION


# %%
check(held_back)

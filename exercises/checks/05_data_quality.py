"""Checks of the exercises on data quality."""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import functions as F

from workbook.checking.case import Case, Failed, frame_of, short
from workbook.checking.exercise import Answer, exercise

SPARK = "https://spark.apache.org/docs/latest/"
FUNCTIONS = SPARK + "api/python/reference/pyspark.sql/api/pyspark.sql.functions."
DELTA = "https://docs.delta.io/"


def two_frames(case: Case, given: object, names: str) -> tuple[Any, Any]:
    """The two DataFrames that an answer gave."""
    pair = isinstance(given, (tuple, list)) and len(given) == 2
    kind = f"{len(given)} values" if isinstance(given, (tuple, list)) else f"a {type(given).__name__}"
    case.require(pair, f"Your function gave {kind}: return two DataFrames, {names}.", seen=kind)
    return given[0], given[1]  # type: ignore[index]


def delta_table(case: Case, name: str, columns: dict[str, pa.DataType], *rows: tuple[Any, ...]) -> tuple[str, str]:
    """The full name and the folder of a new Delta table, written without Spark, which takes longer."""
    shape = pa.schema([pa.field(column, kind) for column, kind in columns.items()])
    path = case.path(name)
    write_deltalake(path, pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], shape))
    case.spark.sql(f"CREATE TABLE {case.schema}.{name} USING delta LOCATION '{path}'")
    return f"{case.schema}.{name}", path


@exercise(
    objective="5.1",
    hints=(
        "What is 0 divided by 0? And what does an average say of no values at all?",
        "`isNull` is true or false, never unknown. As a number it is 1 or 0, and `F.avg` of such numbers is a share, "
        "or NULL where there is no row.",
        "`rows.agg(F.avg(<1 where it is NULL, else 0>)).first()[0]`.",
    ),
    docs=FUNCTIONS + "avg.html",
    why="Who guards the division with a 0 reports a table that did not arrive as the cleanest of all, and the page "
    "stays green for as long as nothing comes. *No data* is an answer of its own, and somebody else's to mend. The "
    "average also gives all columns of a table in one pass, where a `count` each reads it once a column.",
)
def null_rate(answer: Answer, case: Case) -> None:
    shape = "order_id string, email string, amount double"
    nan = float("nan")
    rows = case.rows(
        shape,
        ("O1", "ann@example.org", 1.0),
        ("O2", "ann@example.org", nan),
        ("O3", "", nan),
        ("O4", None, 2.0),
        ("O5", None, None),
        ("O6", "bob@example.org", 2.0),
        ("O7", "eve@example.org", 2.0),
        ("O8", "eve@example.org", 2.0),
    )

    def rate(frame: Any, column: str) -> Any:
        says = "Without any rows your code raised {error}: a share of nothing is no number, and None was asked for."
        given = case.runs(lambda: answer(frame, column), {"division by zero": says, "DIVIDE_BY_ZERO": says})
        return float(given) if isinstance(given, (int, Decimal)) else given

    case.value(
        rate(rows, "email"),
        0.25,
        call="null_rate of 8 rows with two NULL",
        when={
            0.375: "You gave {got} where two of 8 addresses are NULL: the third is an empty text. It may be as "
            "useless, yet it is a value, and another rule's business.",
            0.0: "You gave {got} where two of 8 addresses are NULL: nothing is equal to NULL, not even NULL, so `== "
            "None` is never true, and whole-number division cuts 0.25 off.",
            0.75: "You gave {got} where two of 8 addresses are NULL: that is the share of those that are there.",
            25.0: "You gave {got}: a share between 0.0 and 1.0 was asked for, and that is per cent.",
            0.2: "You gave {got}: among five different values NULL is one. The share is of all 8 rows, equal ones "
            "and others.",
            2 / 6: "You gave {got}: that is two NULL for 6 values. The share is of all 8 rows.",
            0.5: "You gave {got} where two of 8 addresses are NULL: `countDistinct` counts each address once, and "
            "leaves NULL out. A repeat is not missing.",
        },
    )
    case.value(
        rate(rows, "amount"),
        0.125,
        call="null_rate of 8 amounts, one NULL and two NaN",
        when={
            0.375: "You gave {got} where one of 8 amounts is NULL and two are NaN: NaN is a number that went wrong, "
            "and Spark keeps the two apart. pandas does not."
        },
    )
    case.value(rate(rows, "order_id"), 0.0, call="null_rate of a column without NULL")
    case.value(
        rate(case.rows(shape), "email"),
        None,
        call="null_rate of a table without rows",
        when={
            0.0: "You gave {got} for a table without rows: 0 % says that all is well, and nothing has arrived.",
            1.0: "You gave {got} for a table without rows: 100 % says that all addresses are missing, and there is "
            "none that could be.",
        },
    )


@exercise(
    objective="5.1",
    hints=(
        "A condition has three answers. Which rows does `where(rule)` keep, and which does `where(NOT rule)`?",
        "`F.coalesce(condition, F.lit(False))` makes two answers of three. In SQL, `(…) IS TRUE` and `(…) IS NOT "
        "TRUE` do; mind the brackets.",
        "`holds = F.coalesce(F.expr(…), …)`, then `rows.where(holds)` and the rows where it is not so.",
    ),
    docs=SPARK + "sql-ref-null-semantics.html",
    why="A split by `rule` and `NOT rule` loses the rows that know least, and nobody is told: the good ones look good, "
    "the quarantine looks small, and the revenue is too low. Add up both sides after every split; that sum is the "
    "cheapest test there is. Delta's CHECK refuses what is unknown, and a library often passes it.",
)
def split_by_rule(answer: Answer, case: Case) -> None:
    shape = "order_id string, status string, amount int"
    rows = case.rows(
        shape,
        ("O1", "paid", 50),
        ("O2", "paid", 200),
        ("O3", "gift", 500),
        ("O4", "paid", None),
        ("O5", "gift", None),
        ("O6", None, 150),
        ("O7", None, 20),
        ("O8", "paid", 300),
        ("O8", "paid", 300),
        (None, "paid", 10),
        ("O9", "paid", 100),
        ("O9", "paid", 100),
    )
    rule = "amount <= 100 OR status = 'gift'"
    kept, others = two_frames(case, answer(rows, rule), "the rows that keep the rule and all others")
    case.equal(
        kept,
        shape,
        ("O1", "paid", 50),
        ("O3", "gift", 500),
        ("O5", "gift", None),
        ("O7", None, 20),
        (None, "paid", 10),
        ("O9", "paid", 100),
        ("O9", "paid", 100),
        given=rows,
        when={
            ("O2", ...): "{got} is among the rows that keep the rule, and it is over 100 and no gift. The first "
            "DataFrame is that of the good rows.",
            ("O6", ...): "{got} is among the rows that keep the rule: 150 is over 100, and whether it is a gift nobody "
            "knows. Only TRUE keeps the rule.",
            ("O4", ...): "{got} is among the rows that keep the rule: its amount is not known, and that is not 0. A "
            "value put in its place is a value that nobody has measured.",
        },
        missing={
            ("O9", ...): "{got} is missing once among the rows that keep the rule: it came twice, and two equal rows "
            "are two rows.",
            ("O5", ...): "{got} is not among the rows that keep the rule: of its amount nothing is known, yet it is a "
            "gift, and unknown OR TRUE is TRUE.",
            (None, ...): "{got} is not among the rows that keep the rule, and 10 is no more than 100. The rule says "
            "nothing of the `order_id`.",
        },
    )
    case.equal(
        others,
        shape,
        ("O2", "paid", 200),
        ("O4", "paid", None),
        ("O6", None, 150),
        ("O8", "paid", 300),
        ("O8", "paid", 300),
        given=rows,
        when={
            ("O3", ...): "{got} is in both DataFrames: `NOT a OR b` is `(NOT a) OR b`, and so are all operators before "
            "or behind a text. Put the rule in brackets.",
            (None, ...): "{got} is in both DataFrames: in a join NULL equals nothing, so a row without a key is never "
            "found again.",
        },
        missing={
            ("O8", ...): "{got} is missing once among the others: `subtract` is SQL's EXCEPT DISTINCT, and gives equal "
            "rows once.",
            ("O4", ...): "{got} is in neither DataFrame: with a NULL the rule is neither TRUE nor FALSE, and so is its "
            "negation. `where` keeps only TRUE.",
            ("O2", ...): "{got} is in neither DataFrame: the others are all rows for which the rule is not TRUE, and "
            "for this one it is FALSE.",
            ("O6", ...): "{got} is in neither DataFrame: its amount breaks one half of the rule, and of the other half "
            "nobody knows.",
        },
    )
    kept, others = two_frames(case, answer(rows, "amount > 100"), "the rows that keep the rule and all others")
    case.equal(others.where("amount IS NULL"), shape, ("O4", "paid", None), ("O5", "gift", None))


def times_read(case: Case, result: object, column: str) -> int:
    """How often the plan of a DataFrame reads the input that has this column.

    Spark makes one subquery of aggregates over the same input, and `explain` prints it wherever it is used.
    """
    return len(set(re.findall(rf"Scan[^\n]*\b({column}#\d+)", case.plan(result))))


@exercise(
    objective="5.2",
    hints=(
        "The conditions are texts in a table of a few rows. Who has to know them: every row of the orders, or the one "
        "who builds the query?",
        "Collect the rules, make one column of each with `F.expr` and `F.when`, put these into `F.array`, and take the "
        "NULL out with `F.array_compact`. `F.array()` of nothing is an array of no type.",
        "`[F.when(<counts> & <does not hold>, rule.name) for rule in <collected>]`, then `orders.withColumns(…)` with "
        "two arrays.",
    ),
    docs=FUNCTIONS + "expr.html",
    why="A filter for each rule reads the table for each rule: thirty rules, thirty times the bill, and a row that "
    "breaks two comes twice. Who stops at the first reason sends the row back three times before it is right. Rules in "
    "a table can be changed without a release, so keep who changed them: a rule without a `since` condemns history.",
)
def judged_orders(answer: Answer, case: Case) -> None:
    jan, feb = date(2026, 1, 31), date(2026, 2, 1)
    shape = "order_id string, status string, amount int, ordered_on date"
    orders = case.rows(
        shape,
        ("O1", "paid", 50, feb),
        ("O2", "paid", -5, feb),
        ("O3", "lost", -5, feb),
        ("O4", None, 50, feb),
        ("O5", "paid", None, jan),
        ("O6", "lost", 5000, jan),
        ("O7", "lost", 5000, None),
        ("O8", "paid", 50, feb),
        ("O8", "paid", 50, feb),
    )
    form = "name string, condition string, severity string, since date"
    rules = case.rows(
        form,
        ("status known", "status IN ('paid', 'sent')", "error", feb),
        ("amount positive", "amount > 0", "error", date(2020, 1, 1)),
        ("amount usual", "amount < 1000", "warning", None),
        ("a number", "amount IS NOT NULL OR amount > 0", "warning", feb),
        ("paid above zero", "status = 'lost' OR amount > 0", "warning", feb),
    )
    result = answer(orders, rules)
    judged = f"{shape}, errors array<string>, warnings array<string>"
    case.equal(
        result,
        judged,
        ("O1", "paid", 50, feb, [], []),
        ("O2", "paid", -5, feb, ["amount positive"], ["paid above zero"]),
        ("O3", "lost", -5, feb, ["amount positive", "status known"], []),
        ("O4", None, 50, feb, ["status known"], []),
        ("O5", "paid", None, jan, ["amount positive"], ["amount usual"]),
        ("O6", "lost", 5000, jan, [], ["amount usual"]),
        ("O7", "lost", 5000, None, ["status known"], ["amount usual"]),
        ("O8", "paid", 50, feb, [], []),
        ("O8", "paid", 50, feb, [], []),
        given=orders,
        when={
            (
                "O1",
                ...,
                ...,
                ...,
                lambda names: names is None,
                ...,
            ): "You gave {got}: O1 breaks nothing, and that is an "
            "empty array, not NULL. `size(NULL)` and `array_contains(NULL, …)` are NULL.",
            (lambda row: any(names is not None and None in names for names in row[4:])): "You gave {got}: a NULL is in "
            "the array for each rule that the order keeps, so `size` counts rules, not reasons.",
            (
                "O2",
                ...,
                ...,
                ...,
                ("amount positive", "paid above zero"),
                ...,
            ): "You gave {got}: `paid above zero` is a warning, and does not belong to the errors.",
            (
                "O2",
                ...,
                ...,
                ...,
                ("paid above zero",),
                ("amount positive",),
            ): "You gave {got}: errors and warnings are exchanged.",
            ("O3", ..., ..., ..., ("status known", "amount positive"), ...): "You gave {got}: the names are to be in "
            "the order of the alphabet, whatever order the table of rules is in.",
            ("O2", ..., ..., ..., ("amount positive",), ()): "You gave {got}: O2 was made on the first day of "
            "`paid above zero`, and that day counts.",
            (
                "O3",
                ...,
                ...,
                ...,
                lambda names: len(names) == 1,
                ...,
            ): "You gave {got}: O3 breaks two rules, and one is "
            "named. Who mends that one gets the order back with the next.",
            (
                "O4",
                ...,
                ...,
                ...,
                (),
                ...,
            ): "You gave {got}: its status is NULL, so the rule is neither kept nor broken, "
            "and the negation of a NULL is NULL. Only TRUE keeps a rule.",
            ("O6", ..., ..., ..., ("status known",), ...): "You gave {got}: O6 was made on 31 January, and the rule "
            "holds since 1 February. Old orders kept the rules of their time.",
            ("O7", ..., ..., ..., (), ...): "You gave {got}: of O7 no day is known, and then every rule counts. A "
            "comparison with NULL says neither yes nor no.",
            ("O6", ..., ..., ..., ..., ()): "You gave {got}: `amount usual` has no `since`, and so it always counts.",
        },
        missing={
            ("O1", ...): "{got} is missing: an order that breaks nothing gets its two empty arrays, and stays.",
            ("O8", ...): "{got} is missing once: two equal orders came in, and a judgement does not make one of two.",
        },
    )
    reads = times_read(case, result, "ordered_on")
    case.require(
        reads <= 1,
        f"Right, yet your plan reads the orders {reads} times: with each rule, or each severity, the whole table is "
        "read again. A condition can be a column, and a row can have many.",
        seen=reads,
    )
    case.equal(
        answer(orders.limit(1), case.rows(form)),
        judged,
        ("O1", "paid", 50, feb, [], []),
        missing={
            ("O1", ...): "Without any rule {got} is missing: the orders stay, whatever is asked of them.",
        },
    )


@exercise(
    objective="5.2",
    hints=(
        "Three severities are three moments: before anything is returned, and for each order after that. What is the "
        "severity of a rule that somebody added yesterday?",
        "`F.explode` gives a row for each broken rule, `groupBy` counts them, `F.exists` asks whether any of an array "
        "is among the dropping ones.",
        "`fatal = judged.select(F.explode(…)).where(<not warn, not drop>).groupBy(…).count().collect()`; `if fatal: "
        "raise ValueError(…)`; then two `where`.",
    ),
    docs=FUNCTIONS + "exists.html",
    why="Drop is the severity that nobody hears of: the run is green, the rows are gone, and only an event log knows. "
    "So return what was dropped, with all reasons. A failure that comes while the table is written comes too late for "
    "the half that is there. And a rule without a severity must not pass by default: it would be the newest one.",
)
def by_severity(answer: Answer, case: Case) -> None:
    shape = "order_id string, amount int, broken array<string>"
    severities = {"amount usual": "warn", "city known": "warn", "amount positive": "drop", "day known": "fail"}
    orders = [
        ("O1", 10, []),
        ("O2", 9000, ["amount usual"]),
        ("O3", -1, ["amount positive"]),
        ("O4", -9, ["city known", "amount positive"]),
        ("O5", 10, []),
        ("O5", 10, []),
    ]

    def raised(says: str, *more: tuple[str, int, list[str]]) -> str:
        try:
            answer(case.rows(shape, *orders, *more), severities)
        except ValueError as error:
            return str(error)
        except Exception as error:
            kind = type(error).__name__
            raise Failed(
                f"You raised {kind}, and ValueError was asked for: who calls must tell bad data from a bug.",
                seen=[kind],
            ) from error
        raise Failed(f"The function came back, and raised nothing: {says}", seen=["nothing"])

    try:
        given = answer(case.rows(shape, *orders), severities)
    except ValueError as error:
        told = short(str(error))
        raise Failed(
            f"You raised a ValueError, {told}, and no order breaks a rule that fails: `warn` and `drop` stop nobody.",
            seen=[told],
        ) from error
    kept, dropped = two_frames(case, given, "those that go on and those that do not")
    case.equal(
        kept,
        shape,
        ("O1", 10, []),
        ("O2", 9000, ["amount usual"]),
        ("O5", 10, []),
        ("O5", 10, []),
        when={
            ("O2", ..., ()): "You gave {got}: O2 goes on with a warning, and the warning is gone. Nobody who reads the "
            "table can know of it.",
            ("O4", ...): "{got} goes on: it breaks a rule that warns and one that drops, and the severest counts.",
            ("O3", ...): "{got} goes on, and its rule drops it.",
        },
        missing={
            ("O2", ...): "{got} does not go on: `warn` tells, and takes nothing away.",
            ("O5", ...): "{got} is missing once: equal orders are several.",
            ("O1", ...): "{got} does not go on, and it breaks nothing.",
        },
    )
    case.equal(
        dropped,
        shape,
        ("O3", -1, ["amount positive"]),
        ("O4", -9, ["city known", "amount positive"]),
        when={
            ("O4", ..., ("amount positive",)): "Of what was dropped you gave {got}: O4 breaks `city known`, too. Keep "
            "all reasons, or it comes back with the next.",
            ("O2", ...): "{got} is among the dropped ones, and its rule only warns.",
        },
        missing={
            ("O3", ...): "{got} is in neither DataFrame: what is dropped in silence is lost, and nobody mends it.",
            (
                "O4",
                ...,
            ): "{got} is in neither DataFrame: one of its rules warns, one drops, and it has to be somewhere.",
        },
    )
    fails = [("O6", 5, ["day known"]), ("O7", -5, ["amount positive", "day known"])]
    told = raised(
        "two orders break `day known`, which fails. An error that waits in a column comes when half of the "
        "table is written.",
        *fails,
    )
    case.require(
        "day known" in told and "2" in told,
        f"Two orders break `day known`, and your error says {short(told)}: how many orders break which rule was asked "
        "for. Whoever is woken at night reads only that.",
        seen=short(told),
    )
    case.require(
        "amount" not in told,
        f"Your error says {short(told)}: it names a rule that drops, and that stops nobody.",
        seen=short(told),
    )
    told = raised(
        "O8 breaks `mail known`, which has no severity. What nobody has decided does not pass.",
        ("O8", 5, ["mail known"]),
    )
    case.require(
        "mail known" in told,
        f"O8 breaks `mail known`, and your error says {short(told)}: name the rule.",
        seen=short(told),
    )


@exercise(
    objective="5.3",
    hints=(
        "In a year somebody mends the reader and wants to try again. With what: the values that you read, or what was "
        "delivered?",
        "`F.try_parse_json` is NULL where a line is no JSON; `F.from_json` reads the fields, and one that is not there "
        "is NULL. `F.array_compact(F.array(…))` keeps the reasons that are not NULL.",
        '`lines.withColumn("read", F.from_json(…)).select("*", "read.*")`, a column `reasons`, `where` there is one, '
        "and `select` the line as `original`.",
    ),
    docs=FUNCTIONS + "try_parse_json.html",
    why="A quarantine of parsed rows has lost just what was wrong: the field that nobody knew, the amount that was no "
    "number, the order of the digits. Nothing can be replayed from it, and the producer says that he never sent that. "
    "Keep the bytes and the place, and all reasons, or each fix brings the row back with the next reason.",
)
def refused_lines(answer: Answer, case: Case) -> None:
    lines = case.rows(
        "file string, row int, line string",
        ("a.json", 1, '{"order_id": "O1", "amount": "10.00", "status": "paid"}'),
        ("a.json", 2, '{"order_id": "O2", "amount": "-5", "status": "paid", "till": 7}'),
        ("a.json", 3, '{"order_id":"O3","amount":"12,50","status":"lost"}'),
        ("a.json", 4, '{"order_id": "O4", "amount": "10.00"}'),
        ("a.json", 5, '{"order_id": "O5", "amount": "10.0'),
        ("a.json", 6, "{}"),
        ("a.json", 7, ""),
        ("b.json", 1, '{"status": "lost", "amount": 3.10, "order_id": null}'),
        ("b.json", 2, '{"order_id": "O1", "amount": 10.00, "status": "sent"}'),
        ("b.json", 3, '{"order_id": "O8", "amount": "0.50", "status": "lost"}'),
        ("b.json", 3, '{"order_id": "O8", "amount": "0.50", "status": "lost"}'),
    )
    rules = {
        "status known": "status IN ('paid', 'sent')",
        "amount positive": "try_cast(amount AS decimal(10,2)) > 0",
        "order named": "order_id IS NOT NULL",
    }
    case.equal(
        answer(lines, rules),
        "file string, row int, original string, reasons array<string>",
        ("a.json", 2, '{"order_id": "O2", "amount": "-5", "status": "paid", "till": 7}', ["amount positive"]),
        ("a.json", 3, '{"order_id":"O3","amount":"12,50","status":"lost"}', ["amount positive", "status known"]),
        ("a.json", 4, '{"order_id": "O4", "amount": "10.00"}', ["status known"]),
        ("a.json", 5, '{"order_id": "O5", "amount": "10.0', ["not JSON"]),
        ("a.json", 6, "{}", ["amount positive", "order named", "status known"]),
        ("a.json", 7, "", ["not JSON"]),
        ("b.json", 1, '{"status": "lost", "amount": 3.10, "order_id": null}', ["order named", "status known"]),
        ("b.json", 3, '{"order_id": "O8", "amount": "0.50", "status": "lost"}', ["status known"]),
        ("b.json", 3, '{"order_id": "O8", "amount": "0.50", "status": "lost"}', ["status known"]),
        given=lines,
        when={
            (..., ..., ..., ()): "{got} came back without a reason: only what is refused was asked for.",
            (lambda row: row[2] is None and row[1] != 7): "You gave {got}: the line itself is not in it. Only what "
            "cannot be read comes into the corrupt record, and a line that can be read is refused too.",
            (lambda row: "till" not in str(row[2]) and row[:2] == ("a.json", 2)): "Of a.json, row 2, you keep {got}: "
            "the field `till` is gone, which no reader knew. Keep the line that came, not what was read of it.",
            ("a.json", 3, ..., ("status known",)): "You gave {got}: `12,50` is no number, so of it the rule says NULL, "
            "which is not TRUE, nor is its negation.",
            ("a.json", 3, ..., lambda names: len(names) == 1): "You gave {got}: the line breaks two rules, and one is "
            "named. Who mends that one gets it back with the next.",
            ("a.json", 3, ..., ("status known", "amount positive")): "You gave {got}: the reasons are to be in the "
            "order of the alphabet, whatever order the rules are in.",
            ("a.json", 5, ..., lambda names: "not JSON" not in names): "You gave {got}: nothing of that line could be "
            "read, and then every field is NULL. The reason is that it is no JSON, not what follows from it.",
            ("a.json", 5, ..., lambda names: len(names) > 1): "You gave {got}: a line that is no JSON has that one "
            "reason. What follows from it sends people the wrong way.",
            ("a.json", 6, ..., ("not JSON",)): "You gave {got}: `{}` is JSON, an object that says nothing. That none "
            "of its fields is there is not the same as that it cannot be read.",
        },
        missing={
            ("a.json", 4, ...): "{got} is missing: its status is not there, so the rule is neither kept nor broken. "
            "`where` of the negation loses such a line.",
            ("a.json", 5, ...): "{got} is missing: a line that nobody can read is refused, too.",
            ("b.json", 3, ...): "{got} is missing once: two equal lines were delivered, and both were refused.",
            (
                "a.json",
                7,
                ...,
            ): "{got} is missing, a line with nothing in it: `from_json` gives NULL for an empty text, "
            "not an object of NULL.",
        },
    )
    case.equal(
        answer(lines.where("row = 5 OR row = 1"), {}),
        "file string, row int, original string, reasons array<string>",
        ("a.json", 5, '{"order_id": "O5", "amount": "10.0', ["not JSON"]),
    )


@exercise(
    objective="5.3",
    hints=(
        "Two tables, two writes, and a crash between them. In which order can the second call make up for it?",
        "MERGE with `WHEN NOT MATCHED THEN INSERT *` brings what is not there. Its source must have a key once: "
        "`max_by(amount, line_id)`. First the orders, then the mark.",
        "A view of the good lines from `F.from_json`, `replace`, `trim` and `try_cast`; then `MERGE INTO` orders, and "
        "`MERGE INTO` quarantine with `UPDATE SET state = …`.",
    ),
    docs=DELTA + "delta-update/",
    why="A replay by append runs twice some day, and the month is too large by what was mended. Who marks first and "
    "dies then has lost the lines for good, and the books say that they were released. Write first, mark later, and "
    "make the write one that does nothing the second time: then no order of crashes can hurt.",
)
def replay(answer: Answer, case: Case) -> None:
    def line(number: int, order: str, amount: str | None, state: str = "waiting") -> tuple[int, str, str]:
        return number, json.dumps({"order_id": order, "amount": amount}), state

    form = {"line_id": pa.int32(), "original": pa.string(), "state": pa.string()}
    shape = {"order_id": pa.string(), "amount": pa.decimal128(10, 2)}
    lines = [
        line(1, "O1", "12,50"),
        line(2, "O2", "abc"),
        line(3, "O3", "7.00"),
        line(4, "O4", "9,99"),
        line(5, "O5", "4,00"),
        line(6, "O5", "3,00"),
        line(7, "O6", "6,00", "released"),
        line(8, "O7", None),
        line(9, "O8", "0,00"),
        line(10, "O9", "1,00", "rejected"),
        line(11, "O11", " 2.00 "),
        line(12, "O12", "NaN"),
    ]
    quarantine, _ = delta_table(case, "quarantine", form, *lines)
    # A run has brought O3, and died before it could mark its line.
    here = [("O3", Decimal("7.00")), ("O4", Decimal("10.99")), ("O10", Decimal("1.00"))]
    orders, _ = delta_table(case, "orders", shape, *here)

    # A crash in the write to the orders: nothing may be marked then.
    day = pa.field("day", pa.date32(), nullable=False)
    path = case.path("closed")
    write_deltalake(path, pa.Table.from_pylist([], pa.schema([*shape.items(), day])))
    closed = f"{case.schema}.closed"
    case.spark.sql(f"CREATE TABLE {closed} USING delta LOCATION '{path}'")
    with contextlib.suppress(Exception):
        answer(case.spark, quarantine, closed)
    waits = case.spark.table(quarantine).where("line_id IN (1, 3, 4, 5, 6) AND state = 'waiting'").count()
    case.require(
        waits == 5,
        f"The write to `orders` failed, and {5 - waits} lines no longer wait: nobody will ever bring them again. What "
        "is marked as done must have been done before.",
        seen=5 - waits,
    )

    answer(case.spark, quarantine, orders)
    case.equal(
        case.spark.table(orders),
        "order_id string, amount decimal(10,2)",
        ("O1", Decimal("12.50")),
        ("O3", Decimal("7.00")),
        ("O4", Decimal("10.99")),
        ("O5", Decimal("3.00")),
        ("O10", Decimal("1.00")),
        ("O11", Decimal("2.00")),
        when={
            ("O3", ...): "{got} is there twice: a run had brought it and died before the mark, so its line was still "
            "waiting. It comes again, and only what is not there may be brought.",
            ("O4", Decimal("9.99")): "You brought {got}, and `orders` had O4 already, with 10.99: it was corrected "
            "since, and an old line is older than the correction.",
            ("O5", Decimal("4.00")): "You brought {got}, and O5 has two good lines: the one with the largest `line_id` "
            "is taken, and no other.",
            ("O6", ...): "You brought {got}: its line was `released` before, and what became of the order since is not "
            "the replay's business.",
            ("O8", ...): "You brought {got}: 0 is not above 0.",
            (
                "O12",
                ...,
            ): "You brought {got}: its amount is `NaN`, which says itself that it is no number. A double takes "
            "it for one, and for the largest.",
            (
                "O9",
                ...,
            ): "You brought {got}: its line was `rejected`, and only those that are waiting are judged again.",
        },
        missing={
            ("O3", ...): "{got} is gone from `orders`, where an earlier run had brought it.",
            ("O11", ...): "{got} is missing: there are blanks around its amount.",
            ("O1", ...): "{got} is missing: its amount has a comma, which is what was mended.",
            ("O10", ...): "{got} is gone from `orders`: it was there before, and nothing was said of it.",
            ("O5", ...): "{got} is missing: two good lines are of O5, and one of them is taken.",
        },
    )
    case.equal(
        case.spark.table(quarantine).select("line_id", "state"),
        "line_id int, state string",
        (1, "released"),
        (2, "waiting"),
        (3, "released"),
        (4, "released"),
        (5, "released"),
        (6, "released"),
        (7, "released"),
        (8, "waiting"),
        (9, "waiting"),
        (10, "rejected"),
        (11, "released"),
        (12, "waiting"),
        when={
            (1, "waiting"): "Line 1 is still waiting, {got}, and its order was brought: whoever counts the waiting "
            "lines believes that it is missing.",
            (4, "waiting"): "Line 4 is still waiting, {got}: its order was corrected since, and so it waits for "
            "nothing. It would be judged again with each replay, for ever.",
            (5, "waiting"): "Line 5 is still waiting, {got}: line 6 of the same order was taken, and all good lines of "
            "an order are released.",
            (
                2,
                "released",
            ): "Line 2 is released, {got}, and its amount is `abc`, which is still no number. Whatever is "
            "marked and not brought is lost.",
            (8, "released"): "Line 8 is released, {got}, and it has no amount: NULL is not above 0.",
            (9, "released"): "Line 9 is released, {got}, and its amount is 0.",
            (12, "released"): "Line 12 is released, {got}, and its amount is `NaN`, which is no number.",
            (10, "released"): "Line 10 is released, {got}, and it was `rejected`: somebody has decided over it.",
        },
        missing={
            (1, ...): "Line 1 is gone from the quarantine ({got} was expected): a released line is kept, as the "
            "proof of what was delivered and what became of it.",
            (2, ...): "Line 2 is gone from the quarantine ({got} was expected): it is not good, and it is nowhere "
            "else.",
        },
    )


@exercise(
    objective="5.4",
    hints=(
        "Three customers with one address are three pairs, and one problem. What is the key of the problem?",
        "`groupBy` takes an expression, `F.collect_set` keeps each value once, in no order, and `F.array_sort` brings "
        "order in. `groupBy` takes NULL for a value.",
        "`customers.groupBy(<the address, made alike>).agg(F.array_sort(F.collect_set(…)).alias(…)).where(…)`.",
    ),
    docs=FUNCTIONS + "collect_set.html",
    why="Who tests that a key is unique inside each batch is told that all is well, for years, while the same person "
    "grows into five customers and gets five letters. A join with itself makes n(n−1)/2 pairs, so one default address "
    "that 10,000 customers have brings 50 million rows: groups stay small.",
)
def duplicate_groups(answer: Answer, case: Case) -> None:
    customers = case.rows(
        "customer_id string, email string, batch int",
        ("C3", "ann@example.org", 1),
        ("C1", "ann@example.org", 1),
        ("C2", " Ann@Example.org", 1),
        ("C4", "bob@example.org", 1),
        ("C4", "bob@example.org", 2),
        ("C5", None, 1),
        ("C6", None, 1),
        ("C7", "", 1),
        ("C8", "  ", 1),
        ("C9", "eve@example.org", 1),
        ("C10", "eve@example.org", 2),
        ("C11", "sue@example.org", 2),
        ("C9", "eve@example.org", 3),
        ("C12", "j im@example.org", 1),
        ("C13", "jim@example.org", 1),
    )
    case.equal(
        answer(customers),
        "email string, customers array<string>",
        ("ann@example.org", ["C1", "C2", "C3"]),
        ("eve@example.org", ["C10", "C9"]),
        given=customers,
        when={
            (None, ...): "{got} came back as a group: `groupBy` takes NULL for a value, and two who gave no address "
            "have nothing in common.",
            ("", ...): "{got} came back as a group: an address of spaces is none, and it became one when they were "
            "cut off.",
            ("bob@example.org", ...): "{got} came back: C4 was delivered in two batches, and is one customer. Count "
            "the customers, not the rows.",
            ("sue@example.org", ...): "{got} came back, and nobody else has that address.",
            ("ann@example.org", ("C1", "C2")): "You gave {got}, a pair: three customers with one address are three "
            "pairs, and one group.",
            ("ann@example.org", ("C1", "C3")): "You gave {got}, and C2 has the address with capitals and a space in "
            "front: for the mail server it is the same.",
            ("ann@example.org", ("C1", "C3", "C2")): "You gave {got}: the numbers are to be in the order of the "
            "alphabet.",
            ("ann@example.org", ("C3", "C1", "C2")): "You gave {got}: the numbers are to be in the order of the "
            "alphabet.",
            (
                "ann@example.org",
                lambda group: len(group) == 2,
            ): "You gave {got}: one of the three is left out, as if it were the right one. A rule says who has the "
            "same address, not whom to keep.",
            (
                "eve@example.org",
                lambda group: len(group) == 3,
            ): "You gave {got}: C9 came in two batches, and is one customer. Each is to be there once.",
            ("jim@example.org", ...): "{got} came back: one of the two has a space within, and only those around an "
            "address are cut off.",
            ("eve@example.org", ("C9", "C10")): "You gave {got}: these are texts, and in the order of the alphabet C10 "
            "is before C9.",
            (lambda row: row[0] != row[0].strip().lower()): "You gave {got}: return the address in small letters, "
            "without spaces around it.",
        },
        missing={
            ("eve@example.org", ...): "{got} is missing: the two came in different batches. A key that is unique in "
            "every batch may still be there twice.",
        },
    )


@exercise(
    objective="5.4",
    hints=(
        "Four verdicts, one row an order. What does a join do with an order whose product has three prices, and with "
        "one that has no product?",
        "A `left` join with the distinct products keeps every order. `F.when(…).when(…).otherwise(…)` takes the first "
        "that fits; `F.date_diff(end, start)` counts days.",
        '`known = products.select(…).distinct().withColumn(…)`, then `orders.join(known, …, "left").select(…, '
        "F.when(…)…)`.",
    ),
    docs=FUNCTIONS + "date_diff.html",
    why="Who refuses an order because its product is not there yet quarantines each new product on its first day, and "
    "the people who watch learn to look away. Who waits for ever never hears of the wrong ones. Waiting needs an end, "
    "and the delay is the one measured, not hoped for. NULL is a question of its own: may it be missing?",
)
def judged_references(answer: Answer, case: Case) -> None:
    on = {number: date(2026, 3, number) for number in (1, 7, 8, 9, 10)}
    orders = case.rows(
        "order_id string, kind string, product_id string, ordered_on date",
        ("O1", "goods", "P1", on[1]),
        ("O2", "goods", "P2", on[9]),
        ("O3", "goods", None, on[9]),
        ("O4", "service", None, on[1]),
        ("O5", "goods", "P8", on[8]),
        ("O6", "goods", "P8", on[7]),
        ("O7", "service", "P9", on[1]),
        ("O8", "goods", "P9", on[10]),
        ("O9", "goods", "P9", None),
        ("O10", "service", "P9", on[9]),
        ("O11", None, None, on[1]),
        ("O12", "goods", "", on[9]),
    )
    products = case.rows("product_id string, price int", ("P1", 10), ("P1", 12), ("P2", None), (None, 5))
    case.equal(
        answer(orders, products, on[10]),
        "order_id string, verdict string",
        ("O1", "ok"),
        ("O2", "ok"),
        ("O3", "none"),
        ("O4", "ok"),
        ("O5", "waiting"),
        ("O6", "unknown"),
        ("O7", "unknown"),
        ("O8", "waiting"),
        ("O9", "unknown"),
        ("O10", "waiting"),
        ("O11", "none"),
        ("O12", "waiting"),
        given=orders,
        when={
            ("O1", "ok"): "O1 came back twice, {got}: its product has had two prices, and a join gives a row for each.",
            ("O2", ...): "You gave {got}: P2 is in the table, and only its price is not known. What stands beside a "
            "key does not tell whether a join found it.",
            ("O3", "ok"): "You gave {got} for an order of goods without a product: a product in the table has no "
            "number either, and NULL is not the same as NULL.",
            ("O3", lambda verdict: verdict in ("waiting", "unknown")): "You gave {got} for an order of goods without "
            "a product: no product will ever come that fits NULL, so nothing is to be waited for.",
            ("O4", ...): "You gave {got} for a service without a product, and it needs none: whether NULL is right "
            "depends on the rest of the row.",
            ("O5", ...): "You gave {got}: O5 was made on 8 March, two days before today, and the second day counts.",
            ("O6", "waiting"): "You gave {got}: O6 was made on 7 March, three days before today. Waiting has an end, "
            "or nobody ever hears of what is wrong.",
            ("O7", ...): "You gave {got}: a service needs no product, yet O7 names one, and it is not in the table.",
            ("O8", ...): "You gave {got}: O8 was made today, and its product may still come.",
            (
                "O11",
                "ok",
            ): "You gave {got}: the kind of O11 is not known, so it is no service. `<>` with NULL is not true, "
            "and the row slips through.",
            ("O9", ...): "You gave {got}: nobody knows when O9 was made. A comparison with NULL says neither yes nor "
            "no, and such an order would be waiting for ever.",
        },
        missing={
            ("O3", ...): "O3 is missing ({got} was expected): it has no product, and a join drops what fits nothing.",
            ("O6", ...): "O6 is missing ({got} was expected): an order whose product is not there is just what you "
            "are looking for.",
            ("O1", ...): "O1 is missing ({got} was expected): the good ones get their verdict, too.",
        },
    )


def deliveries(rows: list[int], ages: Sequence[float | None]) -> list[dict[str, Any]]:
    """What is kept of deliveries, one of each pair."""
    return [{"rows": count, "age": age} for count, age in zip(rows, ages, strict=True)]


@exercise(
    objective="5.4",
    hints=(
        "One day in November had nine times the rows. What does it do to a mean and a standard deviation, and what to "
        "a median?",
        "`statistics.median` takes any iterable. Twice: of the values, and of their distances from it. Which of the "
        "two measures can be too small?",
        "A function inside yours that gives median and tolerance of one measure, or None where fewer than five values "
        "are known; then two `if … elif …`.",
    ),
    docs="https://docs.python.org/3/library/statistics.html#statistics.median",
    why="A constant threshold is right on the day when it is written. Mean and standard deviation learn from the "
    "fault: after one day of nine times the rows, half a delivery is usual. And a file that came a minute ago may "
    "hold rows of last week: freshness is the time of the newest event. Five days are few; say that you do not know "
    "yet.",
)
def unusual(answer: Answer, case: Case) -> None:
    ages = [2.0, 2.5, 3.0, 2.0, 2.5, 40.0, 2.0]
    wild = deliveries([1000, 1200, 800, 1100, 900, 1000, 9000], ages)
    calm = deliveries([1000, 1000, 1000, 1000, 1000, 1000, 1001], [2.5] * 7)
    steady = deliveries([10, 11, 10, 9, 10], [20.0, 20.0, None, 20.0, 20.0])
    unseen = deliveries([10, 11, 10, 9], [20.0, 20.0, 20.0, 20.0])
    even = deliveries([90, 110, 90, 110, 90, 110], [2.5] * 6)

    def found(earlier: list[dict[str, Any]], rows: int, age: float | None) -> Any:
        return case.runs(
            lambda: answer([dict(one) for one in earlier], {"rows": rows, "age": age}),
            {
                "NoneType": "Your code raised {error}: an age may be None, today and on earlier days, where a delivery "
                "had no event.",
                "division by zero": "Your code raised {error}: where all days are alike the MAD is 0. Compare "
                "distances instead of dividing by it.",
            },
        )

    case.value(
        found(unseen, 10, None),
        ["rows unknown", "age unknown"],
        call="unusual after four days, without an event today",
        when={
            (): "You gave {got} after four days: nobody knows yet what is usual, and that is not the same as that all "
            "is well.",
            ("rows unknown", "old events"): "You gave {got} after four days: `age unknown` stands instead, whatever "
            "the age of today.",
        },
    )
    case.value(
        found(wild, 500, 2.0),
        ["few rows"],
        call="unusual of 500 rows, with a median of 1000 and one day of 9000",
        when={
            (): "You gave {got} for 500 rows where 1000 are usual: one day of 9000 was in the history, and mean and "
            "standard deviation have learned from it. Median and MAD have not.",
            ("few rows", "old events"): "You gave {got}: the newest event is 2.0 hours old, and that is usual.",
            ("many rows",): "You gave {got} for 500 rows, and 1000 are usual.",
        },
    )
    case.value(
        found(wild, 560, 2.0),
        [],
        call="unusual of 560 rows, with a median of 1000 and a MAD of 100",
        when={
            ("few rows",): "You gave {got} for 560 rows: the days before were 800 to 1200, with a MAD of 100, so up to "
            "445 are allowed. A fixed share, or the MAD as it is, forgets how much they vary.",
        },
    )
    case.value(
        found(wild, 1445, 2.0), ["many rows"], call="unusual of 1445 rows, with a median of 1000 and a MAD of 100"
    )
    middle = (
        "You gave {got}: of six values none is in the middle. The median is the mean of the two nearest, here 100, and "
        "that of the distances is 10."
    )
    case.value(
        found(even, 50, 2.5),
        ["few rows"],
        call="unusual of 50 rows after three days of 90 and three of 110",
        when={(): middle},
    )
    case.value(
        found(even, 140, 2.5),
        [],
        call="unusual of 140 rows after three days of 90 and three of 110",
        when={("many rows",): middle},
    )
    case.value(
        found(calm, 950, 2.5),
        [],
        call="unusual of 950 rows after days of 1000",
        when={
            ("few rows",): "You gave {got} for 950 rows after days of 1000: as these were alike, their MAD is 0, and "
            "every other number would be unusual. A tenth of the median is always allowed.",
        },
    )
    case.value(
        found(calm, 900, 2.5),
        [],
        call="unusual of 900 rows after days of 1000",
        when={("few rows",): "You gave {got} for 900 rows after days of 1000: a tenth less is allowed, just so."},
    )
    case.value(found(calm, 899, 3.0), ["few rows", "old events"], call="unusual of 899 rows, 3.0 hours old")
    case.value(found(calm, 1000, 2.75), [], call="unusual of events 2.75 hours old, where 2.5 are usual")
    case.value(
        found(wild, 1000, 0.1),
        [],
        call="unusual of events 0.1 hours old, where 2.5 are usual",
        when={
            ("old events",): "You gave {got} for events 0.1 hours old, where 2 to 3 are usual: nothing is wrong with "
            "what is fresher than ever."
        },
    )
    case.value(
        found(calm, 1000, 1.7),
        [],
        call="unusual of events 1.7 hours old, where 2.5 are usual",
        when={
            ("old events",): "You gave {got} for events 1.7 hours old, where 2.5 are usual: nothing is wrong with what "
            "is fresher."
        },
    )
    case.value(
        found(wild, 1000, 5.0),
        ["old events"],
        call="unusual of events 5.0 hours old, where 2 to 3 are usual",
        when={
            (): "You gave {got} for events 5.0 hours old, where 2 to 3 are usual: one day of 40 made that no better."
        },
    )
    case.value(
        found(wild, 0, None),
        ["few rows", "old events"],
        call="unusual of a delivery without a row",
        when={
            ("few rows",): "You gave {got} for a delivery without any event: an age of nothing is not 0, and such a "
            "delivery is as old as the last that had one.",
            ("few rows", "age unknown"): "You gave {got} for a delivery without any event: what is usual is known, and "
            "no event at all is worse than an old one.",
        },
    )
    case.value(
        found(steady, 50, 20.0),
        ["many rows", "age unknown"],
        call="unusual after five days, one of them without an event",
        when={
            (
                "many rows",
            ): "You gave {got} after five days, of which four have an age: of fewer than five values nobody knows "
            "what is usual. It is the known values that count, not the days.",
            ("many rows", "old events"): "You gave {got}: of fewer than five values nobody knows what is usual.",
            ("rows unknown", "age unknown"): "You gave {got}, and the rows of five days are known. Only the age of one "
            "is not: each measure has its own history.",
        },
    )
    nothing = deliveries([0, 0, 0, 0, 0], [2.0, 2.0, 2.0, 2.0, 2.0])
    case.value(found(nothing, 0, 2.0), [], call="unusual of 0 rows after days of 0")


@contextlib.contextmanager
def actions(case: Case) -> Iterator[list[str]]:
    """The names of the actions that are run on DataFrames meanwhile."""
    kind = type(case.spark.range(0))
    ran: list[str] = []
    inside = False

    def told(name: str, original: Any) -> Any:
        def action(*arguments: Any, **named: Any) -> Any:
            nonlocal inside
            outermost, inside = not inside, True
            if outermost:
                ran.append(name)
            try:
                return original(*arguments, **named)
            finally:
                inside = not outermost

        return action

    with contextlib.ExitStack() as stack:
        for name in ("collect", "count", "first", "head", "take", "isEmpty", "toPandas", "toArrow", "toLocalIterator"):
            stack.enter_context(mock.patch.object(kind, name, told(name, getattr(kind, name))))
        yield ran


@exercise(
    objective="5.5",
    hints=(
        "How many queries do five measures of a hundred columns take, if each is an aggregate? A query may have many "
        "aggregates.",
        "`table.agg` takes any number of them. Put those of a column into `F.struct`, all structs into `F.array`, and "
        "make rows of it with `F.inline`. A name between backticks may hold a dot.",
        '`def measured(name): return F.struct(F.lit(name).alias("column"), …)`, then `table.agg(F.array(…).alias(…)).'
        "select(F.inline(…))`.",
    ),
    docs=FUNCTIONS + "inline.html",
    why="A loop over columns reads the table once for each: of 100 columns a profile of a night becomes one of a week. "
    "Exact distinct counts cost a shuffle for every column; from some millions on take `approx_count_distinct`, and "
    "say so. A range of texts hides that 9 is more than 10: cast what you show, never what you compare.",
)
def profile(answer: Answer, case: Case) -> None:
    shape = "order_id string, amount int, `price.net` double, `ordered on` date, paid boolean"
    first, second = date(2026, 3, 1), date(2026, 11, 2)
    table = case.rows(
        shape,
        ("O1", 9, 0.5, first, True),
        ("O2", 10, None, second, True),
        ("O2", 10, 2.5, None, None),
        ("O10", None, 2.5, second, False),
    )
    with actions(case) as ran:
        result = answer(table)
    form = "column string, rows bigint, nulls bigint, distinct bigint, smallest string, largest string"
    case.equal(
        result,
        form,
        ("order_id", 4, 0, 3, "O1", "O2"),
        ("amount", 4, 1, 2, "9", "10"),
        ("price.net", 4, 1, 2, "0.5", "2.5"),
        ("ordered on", 4, 1, 2, "2026-03-01", "2026-11-02"),
        ("paid", 4, 1, 2, "false", "true"),
        when={
            ("order_id", ..., ..., 4, ...): "You gave {got}: O2 is there twice. How many are filled is not how many "
            "differ.",
            ("amount", ..., ..., ..., "10", "9"): "You gave {got}: as texts 10 comes before 9. Look for the smallest "
            "among the values, and make a text of what you found.",
            ("amount", ..., ..., 3, ...): "You gave {got}: the amounts are 9, 10, 10 and NULL. These are two values, "
            "and NULL is none.",
            ("amount", 3, ...): "You gave {got}: the table has 4 rows. `count` of a column leaves its NULL out.",
            ("price.net", ..., 0, ...): "You gave {got}, and the price is NULL in one row: `isnan` asks for something "
            "else.",
            ("paid", ..., ..., ..., None, None): "You gave {got}: false and true have an order, too.",
            ("paid", ..., ..., ..., lambda text: text in ("False", "0"), ...): "You gave {got}: written as Spark does "
            "it, the smallest is `false`.",
        },
        missing={
            (
                "price.net",
                ...,
            ): "{got} is missing: a dot in a name is read as a field of a struct, unless backticks are around the "
            "name.",
            ("paid", ...): "{got} is missing: every column is described, whatever its type.",
            ("order_id", ...): "{got} is missing: `describe` and the like know numbers and texts, and every column "
            "was asked for.",
        },
    )
    reads = len(ran) + times_read(case, result, "order_id")
    case.require(
        reads <= 1,
        f"Right, yet the table is read {reads} times"
        + (f", as you called {', '.join(f'`{name}`' for name in dict.fromkeys(ran))}: " if ran else ": ")
        + "all measures of all columns fit into one `agg`.",
        seen=reads,
    )
    case.equal(
        answer(case.rows("order_id string", *[(f"O{number}",) for number in range(1000, 1100)])),
        form,
        ("order_id", 100, 0, 100, "O1000", "O1099"),
        when={
            (
                "order_id",
                100,
                0,
                lambda distinct: distinct != 100,
                ...,
            ): "Of a hundred different numbers you gave {got}: "
            "`approx_count_distinct` estimates, and is right only where there is little to count.",
        },
    )
    case.equal(
        answer(case.rows("order_id string, amount int")),
        form,
        ("order_id", 0, 0, 0, None, None),
        ("amount", 0, 0, 0, None, None),
        when={
            (..., None, ...): "Of a table without rows you gave {got}: it has 0 of them, not an unknown number.",
            (..., 0, None, ...): "Of a table without rows you gave {got}: 0 of them are NULL. A sum of nothing is "
            "NULL, a count of nothing is 0.",
        },
        missing={(..., 0, ...): "Of a table without rows {got} is missing: a column is a column without rows, too."},
    )


@exercise(
    objective="5.5",
    hints=(
        "What does the function have to remember from one day to the next? Two things are enough.",
        "A loop over `enumerate(shares)`, whether the alert is raised, and for how many days in a row the share has "
        "spoken for a change. Which threshold speaks for a change depends on the first.",
        "`for day, share in enumerate(shares):` skip None; `in_a_row = in_a_row + 1 if … else 0`; `if in_a_row == "
        "days:` change, tell, and begin to count again.",
    ),
    docs="https://docs.python.org/3/library/functions.html#enumerate",
    why="One threshold and a share that swings around it make an alert every other day, and after two weeks nobody "
    "opens them: the one that mattered was number forty. Two thresholds and two days cost one day of delay, and every "
    "message is a change. Who takes a day without data for a good one ends the alert just when nothing arrives.",
)
def alerts(answer: Answer, case: Case) -> None:
    def told(*shares: float | None, days: int = 2) -> Any:
        return case.runs(
            lambda: answer(list(shares), 0.05, 0.02, days),
            "Your code raised {error}: a share may be None, which is neither more nor less than anything.",
            "NoneType",
        )

    case.value(
        told(0.01, 0.06, 0.07, 0.08, 0.09, 0.01, 0.01, 0.0),
        [(2, "raised"), (6, "ended")],
        call="alerts of 0.01, 0.06, 0.07, 0.08, 0.09, 0.01, 0.01, 0.0",
        when={
            (lambda got: not _is_pairs(got)): "You gave {got}: a list of pairs was asked for, each the number of a day "
            "and `raised` or `ended`.",
            (lambda got: isinstance(got, list) and len(got) > 2): "You gave {got}: the alert was raised on day 2, and "
            "on the days after nothing has changed. A message that comes every day is read on the first.",
            (lambda got: got and got[0] == (1, "raised")): "You gave {got}: on day 1 the share was high for the first "
            "time, and two days in a row were asked for.",
            (lambda got: got and got[-1] == (5, "ended")): "You gave {got}: on day 5 the share was low for the first "
            "time, and it ends as it begins, after two days in a row.",
            ((2, "raised"),): "You gave {got}: on day 6 the share was low for the second time in a row.",
            ((2, "raised"), (7, "ended")): "You gave {got}: on day 6 the share was low for the second time in a row. "
            "The days before the alert do not count, those of the end do.",
            ((3, "raised"), (7, "ended")): "You gave {got}: two days in a row were asked for, and these are three.",
        },
    )
    case.value(
        told(0.06, 0.07, 0.04, 0.03, 0.06, 0.04, 0.03),
        [(1, "raised")],
        call="alerts of 0.06, 0.07, 0.04, 0.03, 0.06, 0.04, 0.03",
        when={
            (
                (1, "raised"),
                (3, "ended"),
            ): "You gave {got}: 0.04 and 0.03 are no longer high, and not low either. Between "
            "the thresholds the alert stays as it is, or it flutters.",
            (lambda got: isinstance(got, list) and len(got) > 2): "You gave {got}: between the thresholds nothing "
            "changes, and here it flutters.",
        },
    )
    case.value(
        told(0.06, 0.01, 0.06, 0.01, 0.06),
        [],
        call="alerts of 0.06, 0.01, 0.06, 0.01, 0.06",
        when={
            (lambda got: isinstance(got, list) and len(got) > 0): "You gave {got}: no two high days follow one another "
            "here. `In a row` begins anew after each day that is not high.",
        },
    )
    case.value(
        told(0.06, 0.04, 0.06, 0.07, 0.01, 0.03, 0.01, 0.02),
        [(3, "raised"), (7, "ended")],
        call="alerts of 0.06, 0.04, 0.06, 0.07, 0.01, 0.03, 0.01, 0.02",
        when={
            ((2, "raised"), ...): "You gave {got}: a day between the thresholds, 0.04, breaks the row.",
            (lambda got: got and got[0] == (2, "raised")): "You gave {got}: 0.04 lies between the thresholds, and so "
            "breaks the row of high days.",
            (lambda got: got and got[-1] == (6, "ended")): "You gave {got}: 0.03 lies between the thresholds, and so "
            "breaks the row of low days.",
            (
                (3, "raised"),
            ): "You gave {got}: on day 7 the share is 0.02, and `low or less` is meant with 0.02 itself.",
        },
    )
    case.value(
        told(0.05, None, 0.05, None, None, 0.02, 0.02),
        [(2, "raised"), (6, "ended")],
        call="alerts of 0.05, None, 0.05, None, None, 0.02, 0.02",
        when={
            (): "You gave {got}: 0.05 is `high or more`, and the day without a measure between the two is as if it had "
            "not been.",
            (lambda got: got and got[-1] == (4, "ended")): "You gave {got}: on days 3 and 4 nothing was measured, and "
            "the alert ended. No data is no good news.",
            (lambda got: got and got[-1] == (5, "ended")): "You gave {got}: days without a measure count as low days, "
            "and nobody knows what they were.",
            ((1, "raised"), (3, "ended")): "You gave {got}: the days were counted without those that have no measure, "
            "and the number of a day is its place in the list.",
            (lambda got: got and got[0] == (1, "raised")): "You gave {got}: on day 1 nothing was measured.",
        },
    )
    case.value(
        told(0.06, 0.06, 0.0, 0.0),
        [(1, "raised"), (3, "ended")],
        call="alerts of 0.06, 0.06, 0.0, 0.0",
        when={
            ((1, "raised"),): "You gave {got}: 0.0 is a measure, and the best there is. In Python it is as false as "
            "None, which is none."
        },
    )
    case.value(
        told(0.01, 0.01, 0.06),
        [],
        call="alerts of 0.01, 0.01, 0.06",
        when={((1, "ended"),): "You gave {got}: at the beginning there is no alert, so the good days end none."},
    )
    case.value(
        told(0.06, 0.06, 0.06, 0.01, 0.01, 0.01, 0.06, 0.06, 0.06, days=3),
        [(2, "raised"), (5, "ended"), (8, "raised")],
        call="alerts with days=3 of three high, three low, three high",
        when={
            (
                lambda got: got and got[0] == (1, "raised")
            ): "You gave {got}: with `days=3` three days in a row are asked for.",
            ((2, "raised"), (5, "ended")): "You gave {got}: an alert that has ended can be raised again.",
        },
    )
    case.value(told(0.06, 0.01, days=1), [(0, "raised"), (1, "ended")], call="alerts with days=1 of 0.06, 0.01")


def column(
    kind: str = "int",
    required: bool = True,
    values: set[str] | None = None,
    unit: str | None = "none",
    description: str = "as agreed",
) -> dict[str, Any]:
    """What a contract says of a column."""
    return {"type": kind, "required": required, "values": values, "unit": unit, "description": description}


@exercise(
    objective="5.6",
    hints=(
        "Stand where the reader stands: what may now arrive that could not before? Which of these words mean more "
        "freedom for the producer?",
        "`before.keys() | after.keys()` has the columns of both; for a column in both, each part that differs. "
        "Sets tell whether values are among others: `{1} <= {1, 2}`.",
        "A function inside yours, `breaks(part, old, new)`; a loop over the sorted columns: removed, added, or each "
        "part that differs.",
    ),
    docs="https://bitol-io.github.io/open-data-contract-standard/latest/home",
    why="A new status is an addition to whoever sends it, and a `CASE` without an `ELSE` to whoever reads it: the "
    "revenue drops, and nothing fails. Cents for euros is the same type, and a hundredfold. Schema checks see neither. "
    "A contract is worth its price when the check runs at the producer's, before the change is out.",
)
def contract_changes(answer: Answer, case: Case) -> None:
    before = {
        "order_id": column("string"),
        "amount": column("int", unit="euro"),
        "count": column("int"),
        "weight": column("float", unit="kg"),
        "status": column("string", values={"paid", "sent"}),
        "kind": column("string", values={"gift", "goods"}),
        "city": column("string", required=False),
        "note": column("string"),
        "country": column("string"),
        "till": column("bigint"),
        "colour": column("string", values={"red"}),
        "old_name": column("int"),
        "tax": column("int", unit=None),
        "voucher": column("string", required=False, values=set()),
    }
    after = {
        "new_name": column("int"),
        "order_id": column("string", description="the number of the order"),
        "amount": column("int", unit="cent"),
        "count": column("bigint"),
        "weight": column("double", unit="kg"),
        "status": column("string", values={"paid", "returned", "sent"}),
        "kind": column("string", values={"goods"}),
        "city": column("string", required=True),
        "note": column("string", required=False),
        "country": column("string", values={"DE", "FR"}),
        "till": column("int"),
        "colour": column("string", values=None),
        "tax": column("int", unit="percent"),
        "voucher": column("string", required=False, values={"gift"}),
    }
    given = case.runs(
        lambda: answer(before, after),
        {
            "NoneType": "Your code raised {error}: `values` is None where all values may occur, in one contract or in "
            "both.",
            "_name": "Your code raised {error}: a column may be in one contract only.",
        },
    )
    both = isinstance(given, dict) and given.keys() == {"breaking", "harmless"}
    case.require(
        both,
        f"Your function gave {short(given)}: a dictionary of two lists was asked for, `breaking` and `harmless`.",
        seen=short(given),
    )
    for (name, part, breaks), says in CHANGES.items():
        place, other = ("breaking", "harmless") if breaks else ("harmless", "breaking")
        case.require(
            (name, part) not in given[other],
            f"You call ({name}, {part}) {other}: {says}",
            seen=f"({name}, {part})",
        )
        case.require(
            (name, part) in given[place],
            f"({name}, {part}) is in neither list, and is {place}: {says}",
            seen=f"({name}, {part})",
        )
    case.value(
        given["breaking"],
        [
            ("amount", "unit"),
            ("colour", "values"),
            ("note", "required"),
            ("old_name", "removed"),
            ("status", "values"),
            ("tax", "unit"),
            ("till", "type"),
            ("voucher", "values"),
        ],
        call="the breaking changes",
        when={_unsorted: "You gave {got}: each change once, sorted by column, was asked for."},
    )
    case.value(
        given["harmless"],
        [
            ("city", "required"),
            ("count", "type"),
            ("country", "values"),
            ("kind", "values"),
            ("new_name", "added"),
            ("order_id", "description"),
            ("weight", "type"),
        ],
        call="the harmless changes",
        when={_unsorted: "You gave {got}: each change once, sorted by column, was asked for."},
    )
    same = answer(before, dict(reversed(before.items())))
    case.value(
        same,
        {"breaking": [], "harmless": []},
        call="contract_changes of the same columns in another order",
    )
    several = answer({"amount": column(unit="euro")}, {"amount": column("string", required=False, unit="cent")})
    case.value(
        several,
        {"breaking": [("amount", "required"), ("amount", "type"), ("amount", "unit")], "harmless": []},
        call="contract_changes of a column of which three parts change",
        when={
            (lambda got: len(got["breaking"]) == 1): "Three parts of a column have changed, and you gave {got}: the "
            "producer mends one, and asks again."
        },
    )


def _unsorted(got: Any) -> bool:
    return isinstance(got, list) and (got != sorted(got) or len(got) != len(set(got)))


CHANGES = {
    ("amount", "unit", True): "euro became cent. The type is the same, and every sum is a hundredfold.",
    ("status", "values", True): "`returned` may now come, and no reader has a case for it.",
    ("kind", "values", False): "`gift` comes no more, and nothing comes that could not come before.",
    ("colour", "values", True): "now all values may come, and a list was promised.",
    ("country", "values", False): "any value was possible, and now two are.",
    ("note", "required", True): "NULL may now come, where it could not before.",
    ("city", "required", False): "it was optional, and NULL comes no more.",
    ("count", "type", False): "an int became a bigint, which holds every int.",
    ("weight", "type", False): "a float became a double, which holds every float.",
    ("tax", "unit", True): "nobody had said what it counts, and whoever took it for euros is wrong from now on.",
    ("voucher", "values", True): "no value could come before (an empty set is not None), and now one may.",
    ("till", "type", True): "a bigint became an int, and a large number no longer fits.",
    ("old_name", "removed", True): "whoever reads it gets an error, though the column lives on under another name.",
    ("new_name", "added", False): "nobody reads it yet.",
    ("order_id", "description", False): "the words have changed, and no value has.",
}
"""The changes of the check: whether each breaks, and why."""


@exercise(
    objective="5.6",
    hints=(
        "A reader may look between any two lines of your code. What would it see? And are the rows that you audited "
        "those that you publish?",
        'Read the staging table again, and write from it. `mode("overwrite")` with `option("replaceWhere", …)` takes '
        "the old day away and brings the new one in one commit.",
        "`batch.write.mode(…).saveAsTable(staging)`; `written = batch.sparkSession.table(staging)`; `return False` if "
        "there is a fault; `written.write.mode(…).option(…).saveAsTable(sales)`.",
    ),
    docs=DELTA + "delta-batch/#overwrite-rows-matching-a-predicate-with-replacewhere",
    why="Write, look, and restore when it is wrong: for those minutes the dashboard showed it, an alert went out, and "
    "a job downstream has taken it on. RESTORE takes back a version, not what people have read. And who audits a "
    "DataFrame audits a plan: the write computes it again, with other rows if the source has moved.",
)
def publish_day(answer: Answer, case: Case) -> None:
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    columns = {"day": pa.date32(), "shop": pa.string(), "amount": pa.int32(), "load": pa.string()}
    old = [(first, "Oslo", 10, "old"), (second, "Oslo", 20, "old"), (second, "Rome", 30, "old")]
    staging, staged = delta_table(case, "staging", columns)
    sales, path = delta_table(case, "sales", columns, *old)

    def computed(*rows: tuple[date, str, int | None]) -> Any:
        days = case.rows("day date, shop string, amount int", *rows)
        # The time of the query. `uuid()` and `rand()` keep their seed, and with it their values.
        return days.coalesce(1).withColumn("load", F.current_timestamp().cast("string"))

    def published(*rows: tuple[date, str, int | None]) -> Any:
        given = answer(computed(*rows), second, staging, sales)
        case.require(
            isinstance(given, bool),
            f"Your function returned a {type(given).__name__}: True or False was asked for, whether the day was "
            "published.",
            seen=type(given).__name__,
        )
        return given

    def refused(says: str, *rows: tuple[date, str, int | None]) -> None:
        told = case.runs(lambda: published(*rows), RAISED)
        case.require(not told, f"You returned {told} for a day that has a fault: {says}", seen=told)
        _no_version_shows_a_fault(case, path, second)

    told = published((second, "Oslo", 21), (second, "Bonn", 0))
    case.require(told, f"You returned {told} for a day of two good rows, one of them with amount 0.", seen=told)
    case.equal(
        case.spark.table(sales).drop("load"),
        "day date, shop string, amount int",
        (first, "Oslo", 10),
        (second, "Oslo", 21),
        (second, "Bonn", 0),
        when={
            (second, ..., lambda amount: amount in (20, 30)): "{got} is still in `sales`: the day was published anew, "
            "and takes the place of what the table had of it.",
        },
        missing={
            (first, ...): "{got} is gone from `sales`: it is of another day, and only one was published.",
            (second, "Bonn", ...): "{got} is not in `sales`, and its amount is 0, which is known and not negative.",
        },
    )
    loads = {row["load"] for row in _rows(staged)}
    same = sum(row["load"] in loads for row in _rows(path))
    case.require(
        same == 2,
        f"Of the two rows in `sales`, {same} have the `load` of a row in `staging`: the batch was computed again, and "
        "what you published is not what you audited.",
        seen=same,
    )
    _audits_what_is_written(
        case, lambda rows: answer(rows, second, staging, sales), computed((second, "Oslo", 7)), staged
    )
    _no_version_shows_a_fault(case, path, second)
    refused("it has no row, and to publish it takes the day away. Nothing wrong was found in nothing.")
    refused("Oslo is there twice, which no row alone can show.", (second, "Oslo", 5), (second, "Oslo", 6))
    refused(
        "an amount is NULL, and NULL < 0 is not true. Unknown is not audited.",
        (second, "Oslo", 5),
        (second, "Rome", None),
        (second, "Bonn", 1),
    )
    kept = len(_rows(staged))
    case.require(
        kept == 3,
        f"After a refused day `staging` has {kept} rows, and 3 came: they are written first, all of them, and whoever "
        "looks into it finds them there.",
        seen=kept,
    )


RAISED = (
    "Your function raised {error}, and False was asked for: a day that is not published is an answer, and the caller "
    "decides what follows."
)


def _rows(path: str, version: int | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = DeltaTable(path, version).to_pyarrow_table().to_pylist()
    return rows


def _audits_what_is_written(case: Case, publish: Callable[[Any], Any], batch: Any, staged: str) -> None:
    """Fail where a day is published although what was staged has a fault: the first reading of the batch has one."""
    readings = Path(case.path("readings"))

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with readings.open("a") as note:
            note.write("x")
        factor = -1 if readings.stat().st_size == 1 else 1
        for rows in batches:
            amounts = pa.array([factor * amount for amount in rows["amount"].to_pylist()], pa.int32())
            yield pa.RecordBatch.from_arrays([rows["day"], rows["shop"], amounts, rows["load"]], rows.schema.names)

    told = case.runs(lambda: publish(batch.mapInArrow(read, batch.schema)), RAISED)
    faulty = any(row["amount"] < 0 for row in _rows(staged))
    case.require(
        not (told and faulty),
        f"You returned {told}, and an amount in `staging` is negative. The batch is computed anew with each reading: "
        "audit what is written.",
        seen=told,
    )


def _no_version_shows_a_fault(case: Case, path: str, day: date) -> None:
    """Fail where a reader could have seen the day with a fault, or not at all."""
    allowed = [[("Oslo", 20), ("Rome", 30)], [("Bonn", 0), ("Oslo", 21)], [("Oslo", 7)]]
    for version in range(DeltaTable(path).version() + 1):
        seen = sorted(((row["shop"], row["amount"]) for row in _rows(path, version) if row["day"] == day), key=repr)
        case.require(
            bool(seen),
            f"Version {version} of `sales` has {len(seen)} rows of the day: between your DELETE and your INSERT a "
            "reader finds that nothing was sold. One commit does both.",
            seen=version,
        )
        case.require(
            seen in allowed,
            f"Version {version} of `sales` shows {short(seen)} for the day: whoever read it then has seen what no "
            "audit had passed. Taking it back later takes it from nobody's report.",
            seen=version,
        )


@exercise(
    objective="5.7",
    hints=(
        "One order is lost and another is there twice: what do the counts say? And what does `<>` say of NULL and 5?",
        "A `full` join by the key shows all three: only here, only there, in both. Count the target by its key before "
        "you join. `eqNullSafe`, in SQL `<=>`, compares NULL as a value, also within a `struct`.",
        '`loaded = target.groupBy(…).agg(F.count(…), …)`, then `source.join(loaded, …, "full")` and '
        "`F.when(…).when(…)…`.",
    ),
    docs=SPARK + "sql-ref-null-semantics.html#comparison-operators",
    why="Who compares the counts finds out at the end of the year: one lost and one double agree, as do +5 and −5. A "
    "hash of each row is quick, and `xxhash64` and `concat_ws` leave NULL out, so a value that slips into the next "
    "column has the same hash. Name the rows, not the number: with the keys the search takes minutes.",
)
def differences(answer: Answer, case: Case) -> None:
    shape = "order_id string, status string, note string, amount decimal(10,2)"
    ten, twenty = Decimal("10.00"), Decimal("20.00")
    source = case.rows(
        shape,
        ("O1", "paid", "fast", ten),
        ("O2", "paid", None, ten),
        ("O3", "paid", None, None),
        ("O4", "paid", None, ten),
        ("O5", "paid", None, ten),
        ("O6", "paid", None, ten),
        ("O7", "paid", "late", twenty),
        ("O8", None, None, None),
        ("O9", "paid", None, Decimal("15.00")),
        ("O10", "paid", None, Decimal("15.00")),
        ("O14", "paid", None, ten),
        ("O15", "paid", None, None),
    )
    target = case.rows(
        shape,
        ("O1", "paid", "fast", ten),
        ("O3", "paid", None, ten),
        ("O4", None, "paid", ten),
        ("O5", "paid", None, None),
        ("O6", "paid", None, ten),
        ("O6", "paid", None, ten),
        ("O7", "paid", "late", twenty),
        ("O7", "sent", "late", twenty),
        ("O8", None, None, None),
        ("O9", "paid", None, ten),
        ("O10", "paid", None, twenty),
        ("O11", "paid", None, ten),
        ("O12", "paid", None, ten),
        ("O12", "paid", None, ten),
        ("O13", None, None, None),
        ("O14", "paid", "", ten),
        ("O15", "paid", None, Decimal("0.00")),
    )
    case.equal(
        answer(source, target),
        "order_id string, verdict string",
        ("O2", "missing"),
        ("O3", "changed"),
        ("O4", "changed"),
        ("O5", "changed"),
        ("O6", "double"),
        ("O7", "double"),
        ("O9", "changed"),
        ("O10", "changed"),
        ("O11", "extra"),
        ("O12", "extra"),
        ("O13", "extra"),
        ("O14", "changed"),
        ("O15", "changed"),
        given=source,
        when={
            ("O1", ...): "{got} came back, and it is the same on both sides. Only what differs was asked for.",
            ("O8", ...): "{got} came back: its values are NULL on both sides, and as `NULL = NULL` is never true, it "
            "looks different. `<=>` compares NULL as a value.",
            ("O3", "missing"): "You gave {got}, and O3 is there, with another amount. A row that EXCEPT finds on one "
            "side may be on the other with other values: compare keys first.",
            ("O6", "extra"): "You gave {got}: the order is in the source, and twice in the target. That is `double`.",
            ("O6", "changed"): "You gave {got}: both rows have the source's values. What differs is how many there "
            "are.",
            ("O7", "changed"): "You gave {got}: O7 is in the target twice, once with other values. The first that fits "
            "counts, and a double is added up twice.",
            ("O12", ...): "You gave {got}: O12 is twice in the target and not in the source, and `extra` comes first.",
        },
        missing={
            ("O2", ...): "{got} is missing: a join from the target, or an inner one, never sees what did not arrive.",
            ("O11", ...): "{got} is missing: a join from the source, or an inner one, never sees what came from "
            "nowhere.",
            (
                "O13",
                ...,
            ): "{got} is missing: O13 is in the target alone, and its values are NULL. Whether a join found a "
            "row, no value of it tells.",
            ("O6", ...): "{got} is missing: its values are right, and it is there twice. A comparison of values does "
            "not count.",
            ("O4", ...): "{got} is missing: `paid` has slipped from `status` into `note`. A hash and `concat_ws` leave "
            "NULL out, so both rows look alike.",
            ("O3", ...): "{got} is missing: NULL became 10.00. `<>` with a NULL is neither true nor false, so no "
            "filter keeps it.",
            (
                "O14",
                ...,
            ): "{got} is missing: NULL became an empty text, which is a value. `coalesce` makes the two alike.",
            ("O15", ...): "{got} is missing: NULL became 0.00, which is a value. `coalesce` makes the two alike.",
            ("O9", ...): "{got} is missing: 5 less in O9 and 5 more in O10, so the sums agree. Compare the orders one "
            "by one.",
        },
    )


@exercise(
    objective="5.8",
    hints=(
        "Who has a list of all addresses, or of all phone numbers, and your function, can make your column himself. "
        "What must he not have?",
        "`F.sha2(F.concat(secret, address), 256)`; `F.concat` with a NULL is NULL, `F.concat_ws` is not. A window over "
        "area and decade counts who shares them, `F.when` without `otherwise` leaves NULL.",
        "`coarse = customers.select(…)`, then a column `F.count(…).over(Window.partitionBy(…)) >= k`, and `F.when` of "
        "it for both columns.",
    ),
    docs=FUNCTIONS + "sha2.html",
    why="An unkeyed hash of a phone number is no secret: there are ten billion, and a laptop tries them in an evening. "
    "A salt for each row is one, and nothing joins any more. Keep the secret outside the table and the code, change it "
    "for each receiver, and use HMAC where one is at hand. And k-anonymity counts what is given away, together.",
)
def given_away(answer: Answer, case: Case) -> None:
    shape = "customer_id string, email string, postcode string, born date"
    born = {year: date(year, 5, 17) for year in (1979, 1980, 1984, 1989, 1990)}
    customers = case.rows(
        shape,
        ("C1", "ann@example.org", "1010", born[1980]),
        ("C2", " Ann@Example.org ", "1020", born[1984]),
        ("C3", "bob@example.org", "1090", born[1989]),
        ("C4", None, "1030", born[1979]),
        ("C5", "eve@example.org", "1030", born[1979]),
        ("C6", "", "8010", born[1990]),
        ("C7", "sue@example.org", "8020", born[1980]),
        ("C8", None, None, born[1984]),
        ("C9", "tom@example.org", None, born[1984]),
        ("C10", "kim@example.org", None, born[1989]),
        ("C11", "leo@example.org", "8010", born[1990]),
        ("C12", "ida@example.org", "9010", born[1980]),
        ("C13", "jim@example.org", "9010", born[1989]),
        ("C14", "uma@example.org", "9010", born[1990]),
    )
    result = answer(customers, "the secret", 3)
    also = [name for name in getattr(result, "columns", []) if name not in ("person", "area", "decade")]
    case.require(
        not also,
        f"Your table has {', '.join(also)} as well: whoever gets it is told what the pseudonym was to hide.",
        seen=", ".join(also),
    )
    _pseudonyms_hold(case, answer, shape)
    case.equal(
        result.select("area", "decade", F.col("person").isNotNull().alias("named")),
        "area string, decade int, named boolean",
        *[("10", 1980, True)] * 3,
        (None, 1980, False),
        *[(None, 1980, True)] * 2,
        *[(None, None, False)] * 2,
        *[(None, None, True)] * 6,
        when={
            ("1010", ...): "You gave {got}: the whole postcode, of which two characters were asked for.",
            (..., 1984, ...): "You gave {got}: a year, and the decade was asked for.",
            (..., 1989, ...): "You gave {got}: a year, and the decade was asked for.",
            ("10", 1970, ...): "You gave {got}: two customers share that, and with k = 3 at least three must.",
            ("90", ...): "You gave {got}: three customers live in area 90, yet only two of them were born in the same "
            "decade. Who receives the table has both columns at once.",
            (..., 1990, True): "You gave {got}: two customers of area 80 were born in the nineties, or one elsewhere, "
            "and three must share both.",
        },
        missing={
            ("10", 1980, ...): "{got} is missing: three customers were born there in the eighties, in different years "
            "and with different postcodes. Count what is given away, after it was made coarse.",
        },
    )


def _pseudonyms_hold(case: Case, answer: Answer, shape: str) -> None:
    """Fail where a pseudonym is not the same each time, is the same for two, or is found without the secret."""

    def persons(secret: str, *emails: str | None) -> list[Any]:
        day = date(1980, 5, 17)
        rows = case.rows(shape, *((f"C{at}", email, f"{at}", day) for at, email in enumerate(emails, start=10)))
        frame = frame_of(answer(rows, secret, 1))
        for name in ("person", "area"):
            case.require(
                name in frame.columns,
                f"The column `{name}` is missing: yours has {', '.join(frame.columns)}.",
                seen=", ".join(frame.columns),
            )
        found = {row.area: row.person for row in frame.collect()}
        case.require(
            len(found) == len(emails),
            f"Of {len(emails)} customers {len(found)} came back: each has a row, whatever is known of it.",
            seen=len(found),
        )
        return [found[str(at)] for at in range(10, 10 + len(emails))]

    ann, same, bob, nobody, blank = persons("one", "ann@example.org", " Ann@example.ORG", "bob@example.org", None, " ")
    again, *_ = persons("one", "ann@example.org", "bob@example.org")
    case.require(
        ann is not None and re.fullmatch("[0-9a-f]{64}", str(ann)) is not None,
        f"The pseudonym of ann@example.org is {short(ann)}: 64 hexadecimal digits were asked for, in small letters, as "
        "SHA-256 has them.",
        seen=short(ann),
    )
    case.require(
        nobody is None,
        f"A customer without an address has the pseudonym {short(nobody)}: NULL was asked for. Otherwise all who gave "
        "none are one person, and a large customer.",
        seen=short(nobody),
    )
    case.require(
        ann == again,
        f"The same address has {short(ann)[:12]}… in one call and another pseudonym in the next: with a value drawn by "
        "chance nothing joins any more.",
        seen=short(ann)[:12],
    )
    case.require(
        ann == same,
        f"ann@example.org has {short(ann)[:12]}…, and the same address with capitals and a space in front has another: "
        "make addresses alike before they are hashed. Afterwards it is too late.",
        seen=short(ann)[:12],
    )
    case.require(
        blank is None,
        f"A customer whose address is a space has the pseudonym {short(blank)[:12]}…: all who left it empty would be "
        "one person. NULL was asked for.",
        seen=short(blank)[:12],
    )
    case.require(
        ann != bob,
        f"Two addresses have the same pseudonym, {short(ann)[:12]}…: they are two people.",
        seen=short(ann)[:12],
    )
    guessed = [kind(b"ann@example.org").hexdigest() for kind in (hashlib.sha256, hashlib.sha3_256, hashlib.blake2s)]
    case.require(
        ann not in guessed,
        f"{short(ann)[:12]}… is the SHA-256 of ann@example.org: whoever has a list of addresses hashes them all and "
        "knows your customers. Without the secret nobody may be able to.",
        seen=short(ann)[:12],
    )
    elsewhere, *_ = persons("another", "ann@example.org", "bob@example.org")
    case.require(
        ann != elsewhere,
        f"With another secret ann@example.org still has {short(ann)[:12]}…: then the secret is in your code or in the "
        "row, and not where it can be kept and changed.",
        seen=short(ann)[:12],
    )


@exercise(
    objective="5.8",
    hints=(
        "A pattern finds what looks like it. What can you compute of a number that looks like it, to see whether it "
        "is?",
        "`re.finditer` with named groups, `(?P<email>…)|(?P<iban>…)|(?P<card>…)`, goes from left to right, and no "
        "letter is in two hits. `\\b` and `(?!\\w)` say what may not go on.",
        "Two functions, `is_iban` (`int(…) % 97 == 1`) and `is_card` (a sum `% 10 == 0`), one pattern with `|`, and a "
        "list of the hits that hold.",
    ),
    docs="https://docs.python.org/3/library/re.html",
    why="Of sixteen digits in a row nine in ten are no card, so a pattern alone floods those who must look, and then "
    "they look no more; a check digit costs a line and takes nine false hits of ten. What it does not find is worse: "
    "names, addresses, a number in words. Free text is personal until somebody has shown that it is not.",
)
def personal_data(answer: Answer, case: Case) -> None:
    def found(text: str | None) -> Any:
        return case.runs(
            lambda: answer(text), "Your code raised {error}: a text may be None, and nothing is in it.", "NoneType"
        )

    case.value(
        found("Ann (ann.b+shop@Mail.example.ORG) wrote to bob@example.org."),
        [("email", "ann.b+shop@Mail.example.ORG"), ("email", "bob@example.org")],
        call="personal_data of a text with two addresses",
        when={
            (lambda got: not _is_pairs(got)): "You gave {got}: a list of pairs was asked for, each a kind and what "
            "stands in the text.",
            (lambda got: ("email", "bob@example.org.") in _hits(got)): "You gave {got}: the dot behind an address ends "
            "the sentence.",
            (lambda got: len(_hits(got)) == 1): "You gave {got}: a text may hold several, and one of these has "
            "capitals, a plus and two dots. Look for all of them.",
            (("email", "ann.b+shop@mail.example.org"), ...): "You gave {got}: give what is there just as it is "
            "written.",
            (("email", "shop@Mail.example.ORG"), ...): "You gave {got}: a plus belongs to an address, too.",
        },
    )
    case.value(
        found("Reach me at ann@till or @ann, not at a@b.c"),
        [],
        call="personal_data of a text without an address",
        when={
            (lambda got: len(_hits(got)) > 0): "You gave {got}: the part behind `@` needs a dot, and behind the last "
            "dot two letters.",
        },
    )
    case.value(
        found("Paid with 4111 1111 1111 1111, order 4111111111111112, card 5500-0000-0000-0004."),
        [("card", "4111 1111 1111 1111"), ("card", "5500-0000-0000-0004")],
        call="personal_data of two cards and an order number",
        when={
            (
                lambda got: ("card", "4111111111111112") in _hits(got)
            ): "You gave {got}: 4111111111111112 is the number of "
            "an order. Its check digit is wrong by Luhn, as it is for nine of ten numbers.",
            (lambda got: ("card", "4111111111111111") in _hits(got)): "You gave {got}: give a number as it is written, "
            "with its spaces.",
            (lambda got: not _hits(got)): "You gave {got}: both cards are right by Luhn. The digits to double are "
            "counted from the right.",
            (lambda got: len(_hits(got)) == 1): "You gave {got}: there are two, one with spaces and one with `-`.",
        },
    )
    case.value(
        found("Card 5500000000000004 and 6011-0000-0000-0004"),
        [("card", "5500000000000004"), ("card", "6011-0000-0000-0004")],
        call="personal_data of a card whose first digit counts",
    )
    case.value(
        found("parcel 00411111111111111100, mixed 4111-1111 1111-1111, file x4111111111111111 and 4111111111111111_2"),
        [],
        call="personal_data of a parcel's number, a mixed one and two file names",
        when={
            (lambda got: ("card", "4111-1111 1111-1111") in _hits(got)): "You gave {got}: between the groups stands "
            "always the same, a space or `-`.",
            (lambda got: len(_hits(got)) > 0): "You gave {got}: that goes on to the left or right, so it is a part of "
            "something else.",
        },
    )
    case.value(
        found("IBAN DE89 3704 0044 0532 0130 00, or de89370400440532013000; not DE88370400440532013000"),
        [("iban", "DE89 3704 0044 0532 0130 00"), ("iban", "de89370400440532013000")],
        call="personal_data of an IBAN written twice, and of one that is wrong",
        when={
            (lambda got: ("iban", "DE88370400440532013000") in _hits(got)): "You gave {got}: the check digits of "
            "DE88370400440532013000 are wrong, so it is the number of something else, or mistyped.",
            (
                lambda got: not _hits(got)
            ): "You gave {got}: DE89370400440532013000 is right, as 370400440532013000131489 "
            "leaves 1 when divided by 97.",
            (lambda got: len(_hits(got)) == 1): "You gave {got}: it is there twice, in groups and together, once in "
            "small letters.",
        },
    )
    case.value(
        found("To DE39 7069 0059 2922 4469 62 from bob@example.org and again bob@example.org"),
        [("iban", "DE39 7069 0059 2922 4469 62"), ("email", "bob@example.org"), ("email", "bob@example.org")],
        call="personal_data of an IBAN and twice the same address",
        when={
            (
                lambda got: ("card", "7069 0059 2922 4469") in _hits(got)
            ): "You gave {got}: 7069 0059 2922 4469 would be a "
            "card by Luhn, and it is the middle of an IBAN. No digit belongs to two of them.",
            (lambda got: len(_hits(got)) == 2): "You gave {got}: the address is there twice, and twice it has to be "
            "made unreadable.",
            (lambda got: _hits(got)[:1] == [("email", "bob@example.org")]): "You gave {got}: the IBAN stands first in "
            "the text.",
        },
    )
    case.value(
        found("Ref. DE 8937 0400 4405 3201 3000"),
        [],
        call="personal_data of an IBAN in other groups",
        when={
            (lambda got: len(_hits(got)) > 0): "You gave {got}: the groups of four begin with DE and the check digits, "
            "and here a space stands elsewhere.",
        },
    )
    case.value(found(None), [], call="personal_data of None")
    case.value(found(""), [], call="personal_data of an empty text")


def _is_pairs(got: object) -> bool:
    return isinstance(got, list) and all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in got)


def _hits(got: Any) -> list[Any]:
    return [tuple(hit) for hit in got] if _is_pairs(got) else []


@exercise(
    objective="5.1",
    hints=(
        "For each rule two questions: what does the library say of NULL, and what does a pattern mean by its end?",
        "`pa.Column(type, checks, nullable=…, unique=…)`: a check leaves NULL out, and `nullable=False`, the default, "
        "finds it. `str_matches` looks from the beginning, and `$` also fits before a line end; `\\Z` does not.",
        '`pa.DataFrameSchema({"order_id": pa.Column(object, …), …}, checks=pa.Check(lambda orders: …))`: the last is '
        "for what needs two columns.",
    ),
    docs="https://pandera.readthedocs.io/en/stable/checks.html",
    why="Two tools, one rule, and two counts in the meeting: in one NULL is out of the question, in the other it is an "
    "answer. So say of every rule what NULL means, and test it with one row that breaks nothing else. A schema that is "
    "stricter than the data, with a type that NULL cannot have, finds the whole column, and then nobody believes it.",
)
def order_schema(answer: Answer, case: Case) -> None:
    import pandas as pd
    from pandera.errors import SchemaErrors

    def row(order: str | None, **other: Any) -> dict[str, Any]:
        good = {"order_id": order, "quantity": 1.0, "status": "paid", "coupon": None, "discount": None}
        return {**good, "paid": 5.0, "amount": 5.0, "note": None, **other}

    def orders(*rows: dict[str, Any]) -> pd.DataFrame:
        numbers = {"quantity": float, "discount": float, "paid": float, "amount": float}
        return pd.DataFrame(list(rows), dtype=object).astype(numbers)

    schema = answer()
    case.require(
        hasattr(schema, "validate"),
        f"Your function returned a {type(schema).__name__}: a schema of pandera was asked for, with `validate`.",
        seen=type(schema).__name__,
    )

    def found(*rows: dict[str, Any]) -> list[Any]:
        try:
            schema.validate(orders(*rows), lazy=True)
        except SchemaErrors as errors:
            return sorted(
                {"the whole" if index is None else index for index in errors.failure_cases["index"]}, key=repr
            )
        return []

    good = row("O1", coupon="AB1234", discount=0.0), row("O2", quantity=100.0, status="sent", paid=0.0)
    whole = found(*good, row("O3"))
    case.require(
        whole == [],
        f"Of three good rows your schema found {short(whole)}: one has no coupon and no discount, one has a column "
        "more, and the quantities are floats. What a type cannot hold is no fault of the row.",
        seen=short(whole),
    )
    for broken, says in BROKEN:
        got = found(*good, row("O3", **broken))
        shown = ", ".join(f"{name} {value!r}" for name, value in broken.items())
        case.require(
            got == [2],
            f"Of an order with {shown} your schema found {short(got)}, and row 2 was due: {says}",
            seen=shown,
        )
    twice = found(*good, row("O2"))
    case.require(
        twice == [1, 2],
        f"Rows 1 and 2 have the same `order_id`, and your schema found {short(twice)}: both are found, for nobody "
        "knows which of them is right.",
        seen=short(twice),
    )
    for fine, says in FINE:
        got = found(*good, row("O3", **fine))
        shown = ", ".join(f"{name} {value!r}" for name, value in fine.items())
        case.require(not got, f"Of an order with {shown} your schema found {short(got)}: {says}", seen=shown)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"order_id": None}, "an order without a number cannot be told from others."),
    ({"quantity": 0.0}, "1 is the least."),
    ({"quantity": 101.0}, "100 is the most."),
    ({"quantity": 2.5}, "that is no whole number, though a float may hold it."),
    ({"quantity": None}, "a check leaves NULL out, and with `nullable=True` nobody looks at it."),
    ({"status": "lost"}, "`paid` and `sent` are the only ones."),
    ({"status": "Paid"}, "capitals make it another text."),
    ({"status": None}, "NULL is not in the list, and a check of pandera does not ask it."),
    ({"coupon": "XAB1234"}, "something stands before the two capitals."),
    ({"coupon": "AB12345"}, "something stands behind the four digits."),
    ({"coupon": "AB1234\n"}, "`$` also fits before a line end that closes the text."),
    ({"coupon": "ab1234"}, "these are no capitals."),
    ({"coupon": ""}, "an empty text is not NULL."),
    ({"discount": -0.5}, "it is negative."),
    ({"paid": 6.0}, "more was paid than the amount."),
    ({"paid": 6.0, "coupon": "AB1234"}, "more was paid than the amount, and the coupon does not change that."),
    ({"paid": None}, "a comparison with NULL is not TRUE."),
    ({"amount": None}, "a comparison with NULL is not TRUE."),
]
"""Orders that break one rule, and what is to be said of it."""

FINE: list[tuple[dict[str, Any], str]] = [
    ({"paid": 5.0, "amount": 5.0}, "just the amount is no more than the amount."),
    ({"discount": 9.0}, "no limit was given for it."),
    ({"quantity": 100.0, "note": "gift"}, "nothing was said of other columns."),
    ({"paid": -1.0}, "it is no more than the amount, and nothing else was asked of it."),
]
"""Orders that break none."""


def weeks() -> dict[date, dict[str, int]]:
    """The orders by shop of the eight weeks before 16 March 2026; a day of Kiel, of Rome and of Linz is wrong."""
    history = {}
    for number in range(56):
        day, week = date(2026, 1, 19) + timedelta(days=number), number // 7
        share = (0, 3, -2, 4, -3, 1, 2, -1)[(number + 2 * week) % 8]
        quarter = 4 if day.weekday() == 6 else 1
        counts = {name: size * (100 + share) // 100 // quarter for name, size in (("Kiel", 240), ("Oslo", 600))}
        counts |= {
            "Rome": 320 * (100 - share) // 100 // quarter,
            "Bonn": (4, 2, 6, 3, 5, 2, 6, 3)[(number + 2 * week) % 8],
        }
        counts |= {"Linz": 150 // quarter}
        counts |= {"Lyon": 100 // quarter} if week < 3 else {}
        counts |= {"Pisa": 200 // quarter} if week >= 4 else {}
        counts |= {"Bari": 80 // quarter} if week >= 5 else {}
        history[day] = counts
    history[date(2026, 2, 16)]["Kiel"] = 960
    history[date(2026, 2, 22)]["Rome"] = 0
    history[date(2026, 3, 9)]["Linz"] = 300
    return history


@exercise(
    objective="5.7",
    hints=(
        "Oslo sold more than ever, and Kiel half. What does a rule see that judges their sum? And which rows does a "
        "`GROUP BY` have for a shop that sent nothing?",
        "For every shop that the history knows: its counts on the same weekday, their `median`, the median of the "
        "distances from it, and a least share that is always allowed.",
        "`for shop in sorted(<all of the history> - announced)`: `usual = […]`; if there are four, compare "
        "`orders.get(shop, 0)` with `median(usual)`.",
    ),
    docs="https://docs.python.org/3/library/statistics.html#statistics.median",
    why="The rule was right, and its grain was not: two faults, or a fault and a feast, cancel out in a sum. Who then "
    "tightens the total gets alarms on every fair, and still misses the kiosk. Judge where the fault happens, a till, "
    "a shop, a country, count what did not come, and try a new rule on two months of good days before it may wake "
    "anyone.",
)
def held_back(answer: Answer, case: Case) -> None:
    def told(today: date, orders: dict[str, int], announced: set[str]) -> tuple[Any, list[str]]:
        history = {day: counts for day, counts in weeks().items() if day < today}
        given = answer(history, today, orders, announced)
        pair = isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], list)
        case.require(
            pair,
            f"Your function gave {short(given)}: the name of a rule and a list of shops were asked for.",
            seen=short(given),
        )
        return given[0], given[1]

    incident = {"Kiel": 120, "Oslo": 741, "Rome": 339, "Bonn": 4, "Linz": 150, "Pisa": 200, "Bari": 80}
    rule, shops = told(MONDAY, incident, {"Oslo"})
    why_not = WHY_NOT.get(str(rule), "it is none of the five.")
    case.require(rule == "orders of the day", f"You name `{rule}`: {why_not}", seen=rule)
    case.value(
        shops,
        ["Kiel"],
        call="the shops held back on 16 March",
        when={
            (): "On 16 March you hold back {got}, and in Kiel 120 orders came where 240 are usual on a Monday. Judge "
            "each shop, and mind the Monday with 960, from which a mean learns and a median does not.",
            (
                lambda got: "Lyon" in got
            ): "On 16 March you hold back {got}: Lyon closed in February, and has three Mondays in the history.",
            (
                lambda got: "Bari" in got
            ): "On 16 March you hold back {got}: Bari opened three weeks ago, and on the days "
            "before it was not silent, but not there.",
            (
                lambda got: "Bonn" in got
            ): "On 16 March you hold back {got}: the kiosk sells 2 to 6, and a share of 4 orders is nothing. Compare "
            "with how much they vary.",
            (
                lambda got: "Linz" in got
            ): "On 16 March you hold back {got}: 150 are usual in Linz, and the 300 of the Monday before were wrong.",
            ("Kiel", "Oslo"): "On 16 March you hold back {got}: in Oslo the fair was announced.",
            ("Oslo",): "On 16 March you hold back {got}: in Oslo the fair was announced, and in Kiel half is missing.",
        },
    )
    _, closed = told(MONDAY, GOOD[MONDAY] | {"Rome": 0}, {"Rome"})
    case.require(
        not closed,
        f"Rome is closed today, as was announced, and you hold back {short(closed)}: what was announced is not judged.",
        seen=short(closed),
    )
    for today, changed, expected, says in HELD:
        _, got = told(today, GOOD[today] | changed, set())
        shown = ", ".join(f"{name} {value}" for name, value in changed.items())
        also = f"and {expected} alone is wrong" if expected in got else f"and not {expected}"
        case.require(
            got == [expected],
            f"With {shown} on a {today:%A} you hold back {short(got)}, {also}: {says}",
            seen=shown,
        )
    _, gone = told(MONDAY, {shop: count for shop, count in GOOD[MONDAY].items() if shop != "Kiel"}, set())
    case.require(
        gone == ["Kiel"],
        f"Of Kiel no order came at all, and you hold back {short(gone)}: what sent nothing is no key of today's "
        "orders, and no group of a `GROUP BY`. Ask the history who is due.",
        seen=short(gone),
    )
    for today, changed, says in SILENT:
        _, got = told(today, GOOD[today] | changed, set())
        shown = ", ".join(f"{name} {value}" for name, value in changed.items()) or "usual counts"
        case.require(
            not got, f"With {shown} on a {today:%A}, a good day, you hold back {short(got)}: {says}", seen=shown
        )


WHY_NOT = {
    "order_id known": "the orders that came have their numbers, and it judges nothing else. What did not come has no "
    "row.",
    "order_id unique": "nothing came twice. It keeps what it promises.",
    "amount usual": "the amounts that came are right. It keeps what it promises.",
    "newest order": "one till of Kiel and all other shops went on sending. It keeps what it promises, the newest was "
    "new.",
}
"""The rules that were kept with good reason."""


MONDAY, SUNDAY = date(2026, 3, 16), date(2026, 3, 15)
GOOD = {
    MONDAY: {"Kiel": 238, "Oslo": 610, "Rome": 325, "Bonn": 4, "Linz": 150, "Pisa": 200, "Bari": 80},
    SUNDAY: {"Kiel": 59, "Oslo": 148, "Rome": 81, "Bonn": 3, "Linz": 37, "Pisa": 50, "Bari": 20},
}
"""The orders by shop of two good days."""

HELD: list[tuple[date, dict[str, int], str, str]] = [
    (MONDAY, {"Kiel": 120}, "Kiel", "half of its usual 240 is missing."),
    (MONDAY, {"Rome": 650}, "Rome", "its orders came twice. Too many is as wrong as too few."),
    (MONDAY, {"Pisa": 95}, "Pisa", "four Mondays with 200 orders are enough to know what is usual."),
    (SUNDAY, {"Kiel": 120}, "Kiel", "on a Sunday 60 are usual. Other days of the week say nothing of that."),
    (SUNDAY, {"Rome": 40}, "Rome", "on a Sunday 80 are usual, and one Sunday without any is in the history."),
]
"""What must be held back: the day, the counts that are not usual, the shop, and what is to be said of it."""

SILENT: list[tuple[date, dict[str, int], str]] = [
    (
        MONDAY,
        {},
        "nothing is wrong with them. Lyon closed in February, Bari has three Mondays behind it, and the 300 of Linz on "
        "the Monday before were wrong.",
    ),
    (SUNDAY, {}, "on Sundays a quarter of the orders is usual, so compare with Sundays."),
    (
        MONDAY,
        {"Bonn": 2},
        "the kiosk sells 2 to 6 a day, and a share of 4 orders is nothing. Compare with how much they vary.",
    ),
    (MONDAY, {"Bonn": 6}, "the kiosk sells 2 to 6 a day. Compare with how much they vary."),
    (MONDAY, {"Bari": 150}, "Bari has opened three weeks ago, and nobody knows yet what is usual."),
    (MONDAY, {"Cork": 70}, "Cork is in no day of the history, so nobody knows what is usual."),
    (MONDAY, {"Kiel": 249, "Rome": 307}, "both vary by some hundredths from day to day."),
]
"""Good days: the day, the counts in question, and what is to be said of them."""

"""Checks of the exercises on data transformations."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.sql import functions as F

from workbook.checking.case import Case
from workbook.checking.exercise import Answer, exercise

SPARK = "https://spark.apache.org/docs/latest/"
FUNCTIONS = SPARK + "api/python/reference/pyspark.sql/api/pyspark.sql.functions."
DELTA = "https://docs.delta.io/"

# The first days of months, where the rules of a history say more than its dates.
JAN, FEB, MAR, APR, MAY = (date(2026, month, 1) for month in range(1, 6))


def stored(case: Case, name: str, shape: str, *rows: tuple[Any, ...]) -> str:
    """The full name of a new Delta table with these rows, in one file."""
    case.rows(shape, *rows).coalesce(1).write.format("delta").saveAsTable(name)
    return f"{case.schema}.{name}"


def not_by_luck(case: Case, result: Any) -> None:
    """Fail where the plan sorts the rows and then takes those that arrive first: on one machine that looks right.

    `dropDuplicates` shows as `first(…)` too, and is no luck over rows that are equal, nor is `first` in a window.
    """
    plan = case.plan(result)
    taken = re.search(r"Aggregate\(.*?\b(first|last|any_value|collect_list)\(", plan)
    below = plan[taken.end() :] if taken else ""
    sort = re.search(r"\bSort \[.*\], true", below)
    case.require(
        not (taken and sort and "Window " not in below[: sort.start()]),
        "Right, and only by luck: your plan sorts, and then takes what arrives first of each customer, `first`, as "
        "`dropDuplicates` does. Sorting before it promises nothing, for on a cluster rows arrive in any order: let a "
        "window or `max` choose.",
        seen="first",
    )


@exercise(
    objective="3.1",
    hints=(
        "SQL has a join that keeps the rows of the left side for which nothing on the right fits.",
        "The third argument of `DataFrame.join` is the kind of join; `left_anti` keeps what does not match. In SQL it "
        "is `LEFT ANTI JOIN`, or `WHERE NOT EXISTS (…)`.",
        '`customers.join(orders, "customer_id", …)`.',
    ),
    docs=SPARK + "sql-ref-syntax-qry-select-join.html",
    why="`NOT IN` asks for each customer whether the id differs from every id of the list. With one NULL in the list "
    "the answer is never true, only false or unknown, so the result is empty, without any error. `NOT EXISTS` and the "
    "anti join ask whether a match was found, and nothing matches NULL.",
)
def without_orders(answer: Answer, case: Case) -> None:
    shape = "customer_id string, city string"
    customers = case.rows(shape, ("C1", "Oslo"), ("C2", "Oslo"), ("C3", "Rome"), ("C4", None), ("C5", "Oslo"))
    orders = case.rows("order_id string, customer_id string", ("O1", "C1"), ("O2", "C3"), ("O3", None), ("O4", "C1"))
    case.equal(
        answer(customers, orders),
        shape,
        ("C2", "Oslo"),
        ("C4", None),
        ("C5", "Oslo"),
        given=customers,
        when={
            ("C2", ...): "C2 came back too often, once more as {got}: a condition of inequality fits every order of "
            "somebody else. Ask whether none fits.",
            ("C1", ...): "{got} came back and has orders: a semi join, or `IN`, keeps those who bought. Those who did "
            "not are asked for.",
            ("C3", ...): "{got} came back and has an order.",
        },
        missing={
            ("C2", ...): "{got} is missing and has no order. If you wrote `NOT IN`: one order has `customer_id` NULL, "
            "and nothing is certainly different from NULL, so `NOT IN` is true for nobody.",
            ("C4", ...): "{got} is missing: a city that is NULL says nothing about orders.",
            ("C5", ...): "{got} is missing: C2 lives there too, and both have no order. A customer is known by the id.",
        },
    )


@exercise(
    objective="3.1",
    hints=(
        "What remains of a left join, when a `where` behind it asks something of the right side?",
        "Filter the orders before the join (or in its condition). `F.count` of a column counts what is not NULL, "
        "`F.sum` of nothing is NULL, and `F.coalesce` gives a value instead.",
        '`customers.join(<paid orders>, "customer_id", "left").groupBy(…).agg(F.count(…), F.coalesce(F.sum(…), …))`.',
    ),
    docs=FUNCTIONS + "coalesce.html",
    why="A condition on the right side belongs into the join, one on the left side behind it. Spark even says so: "
    "the plan of a left join with such a filter behind it shows an inner join, because the optimizer sees that no "
    "unmatched row can survive.",
)
def paid_totals(answer: Answer, case: Case) -> None:
    customers = case.rows("customer_id string", ("C1",), ("C2",), ("C3",), ("C4",))
    orders = case.rows(
        "order_id string, customer_id string, status string, amount double",
        ("O1", "C1", "paid", 10.0),
        ("O2", "C1", "paid", 10.0),
        ("O3", "C1", "open", 99.0),
        ("O4", "C2", "open", 5.0),
        ("O5", "C4", "paid", None),
        ("O6", None, "paid", 50.0),
    )
    case.equal(
        answer(customers, orders),
        "customer_id string, orders bigint, total double",
        ("C1", 2, 20.0),
        ("C2", 0, 0.0),
        ("C3", 0, 0.0),
        ("C4", 1, 0.0),
        given=orders,
        when={
            ("C3", 1, ...): "C3 has no order, and you counted {got}: the left join gives C3 one row of NULLs, and "
            "`count(*)` counts rows. Count a column of the orders.",
            ("C2", 1, ...): "C2 has one order, which is open, and you gave {got}: only paid orders count.",
            ("C1", ..., 10.0): "You gave {got}: C1 paid 10.0 twice, and equal amounts count each.",
            ("C1", 3, ...): "You gave {got}: one of C1's three orders is open, and only paid ones count.",
            (None, ..., ...): "You gave {got}: that is the order of a guest, who is no customer. Begin with the "
            "customers, and keep these.",
            (..., ..., None): "You gave {got}: the sum of nothing is NULL, and 0.0 is asked for.",
            ("C4", 0, ...): "You gave {got}: C4's one order is paid, though its amount is NULL.",
            (lambda row: row[0] in ("C2", "C3")): "You gave {got}: without a paid order it is 0 and 0.0.",
        },
        missing={
            ("C3", ..., ...): "C3, who has no order, is gone ({got} was expected): a `where` on the orders after a "
            "left join drops the customers that it kept, as an inner join does.",
            ("C2", ..., ...): "C2, whose one order is open, is gone ({got} was expected): the join found that order, "
            "and the `where` after it took the customer away. Filter the orders before.",
        },
    )


@exercise(
    objective="3.1",
    hints=(
        "Two payments of one day: is one before the other, or are they peers? What decides it?",
        "A window has `Window.partitionBy(…)` and `.orderBy(…)`. With an order and no frame, it reaches from the first "
        "row to the current one *and all its peers*: `RANGE`, not `ROWS`.",
        '`F.sum("amount").over(Window.partitionBy(…).orderBy(…, …))`: with an order that is unique, peers do not '
        "exist.",
    ),
    docs=SPARK + "sql-ref-syntax-qry-select-window.html",
    why="`ROWS` alone is not the cure: among peers it takes them as they come, so the balance of the same payment "
    "differs from run to run. An order that is unique makes both frames the same and the result repeatable.",
)
def running_balance(answer: Answer, case: Case) -> None:
    shape = "payment_id string, customer_id string, paid_on date, amount double"
    payments = case.rows(
        shape,
        ("P5", "C1", date(2026, 1, 8), 1.0),
        ("P3", "C1", date(2026, 1, 6), -5.0),
        ("P2", "C1", date(2026, 1, 6), 20.0),
        ("P4", "C1", date(2026, 1, 5), 10.0),
        ("P1", "C2", date(2026, 1, 1), 7.0),
    ).coalesce(1)
    case.equal(
        answer(payments),
        shape + ", balance double",
        ("P4", "C1", date(2026, 1, 5), 10.0, 10.0),
        ("P2", "C1", date(2026, 1, 6), 20.0, 30.0),
        ("P3", "C1", date(2026, 1, 6), -5.0, 25.0),
        ("P5", "C1", date(2026, 1, 8), 1.0, 26.0),
        ("P1", "C2", date(2026, 1, 1), 7.0, 7.0),
        given=payments,
        when={
            ("P4", ..., ..., ..., 25.0): "P4, the first payment, came back as {got}: P2 and P3 have smaller ids and "
            "were paid a day later. The day comes first, the id decides among those of one day.",
            ("P2", ..., ..., ..., 20.0): "P2 came back as {got}, without the 10.0 of the day before: does your window "
            "begin anew each day? Only the customer is its partition.",
            ("P4", ..., ..., ..., lambda balance: not balance): "P4, the first payment, came back as {got}: your "
            "frame ends before the current row. The balance after a payment includes it.",
            ("P5", ..., ..., ..., 1.0): "P5, the last payment, came back as {got}: your order runs backwards, from the "
            "newest day to the oldest.",
            ("P4", ..., ..., ..., 26.0): "P4, the first payment, came back as {got}: that is the whole total. Only a "
            "window with an order adds up to the current row.",
            ("P4", ..., ..., ..., 17.0): "P4 came back as {got}: it holds the 7.0 of C2 too. Each customer is a "
            "partition.",
            ("P1", ..., ..., ..., 33.0): "P1, the only payment of C2, came back as {got}: it holds those of C1 too. "
            "Each customer is a partition.",
            ("P2", ..., ..., ..., 25.0): "P2 came back as {got}, which P3 of the same day is part of, or comes "
            "before: `paid_on` alone leaves the two peers. Make the order unique, the smaller id first.",
            ("P5", ..., ..., ..., -4.0): "P5 came back as {got}: your frame begins too late. A balance adds all "
            "payments since the first.",
        },
    )


@exercise(
    objective="3.1",
    hints=(
        "Number the products of each category, the best first. What tells two equal ones apart?",
        "`F.row_number().over(Window.partitionBy(…).orderBy(…))`; `F.desc` puts NULL last. `rank` gives equals the "
        "same number.",
        '`.orderBy(F.desc("sold"), …)`, then `.where("place <= 2")` and leave `place` out.',
    ),
    docs=FUNCTIONS + "row_number.html",
    why="Say what a tie means before you choose the function: `row_number` gives exactly n rows, `rank` all who "
    "share the n-th place, `dense_rank` all with the n best values. Without a unique order, `row_number` chooses "
    "among equals as they come, and a re-run can publish another list.",
)
def best_sellers(answer: Answer, case: Case) -> None:
    shape = "product_id string, category string, sold int"
    products = case.rows(
        shape,
        ("B1", "books", 10),
        ("B2", "books", 7),
        ("B3", "books", 7),
        ("T2", "toys", 4),
        ("T1", "toys", 4),
        ("T3", "toys", 9),
        ("G1", "games", None),
        ("G2", "games", 3),
        ("G3", "games", 5),
        ("W1", "wine", None),
        ("F1", "food", None),
        ("F2", "food", 0),
        ("F3", "food", 5),
    ).coalesce(1)
    case.equal(
        answer(products),
        shape,
        ("B1", "books", 10),
        ("B2", "books", 7),
        ("T3", "toys", 9),
        ("T1", "toys", 4),
        ("G3", "games", 5),
        ("G2", "games", 3),
        ("W1", "wine", None),
        ("F3", "food", 5),
        ("F2", "food", 0),
        given=products,
        when={
            ("B3", ..., ...): "{got} came back, and is third: B1 sold most, and B2 as much as B3, with the smaller id. "
            "Mind that `rank` gives equals the same number.",
            ("T2", ..., ...): "Of the toys came {got} and not T1, which sold as much and has the smaller id: `sold` "
            "alone does not say which of the two is first.",
            ("G1", ..., ...): "{got} came back before G2, which sold 3: NULL comes last.",
            ("F1", ..., ...): "{got} came back before F2, which sold 0: NULL is not 0. What is not known comes after "
            "what sold nothing.",
            ("W1", ..., 0): "{got} came back with a 0 that nobody counted: NULL decides the place, and stays NULL.",
        },
        missing={
            ("T3", ..., ...): "{got} is missing, the best of the toys: is your `limit` for all categories together?",
            ("G3", ..., ...): "{got} is missing, the best of the games: of each category two are asked for, not two of "
            "all products.",
            ("B2", ..., ...): "{got} is missing: two of each category are asked for, not the best alone.",
            ("W1", ..., ...): "{got} is missing: it is the best of its category, as it is the only one. Sold NULL "
            "makes it the last, not absent.",
        },
    )


@exercise(
    objective="3.1",
    hints=(
        "Where does `pivot` take the names of its columns from, when nobody gives them?",
        "`groupBy(…).pivot(column, values)` makes a column of each value, whether it occurs or not; `fillna` puts a "
        "number in place of NULL.",
        '`sales.groupBy("country").pivot("quarter", [ … ]).agg(F.sum("amount")).fillna(…)`.',
    ),
    docs=SPARK + "api/python/reference/pyspark.sql/api/pyspark.sql.GroupedData.pivot.html",
    why="Without the list, Spark first runs a job that looks for the values, and the columns of your table depend on "
    "the data of the day: the report breaks in January. With it, the schema is fixed and one job less runs. SQL's "
    "`PIVOT` always wants the list.",
)
def revenue_by_quarter(answer: Answer, case: Case) -> None:
    sales = case.rows(
        "country string, quarter string, amount double",
        ("NO", "Q1", 5.0),
        ("NO", "Q1", 2.0),
        ("NO", "Q3", 1.0),
        ("SE", "Q2", 4.0),
        ("SE", "Q2", 4.0),
        ("DK", None, 3.0),
        (None, "Q2", 6.0),
    )
    result = answer(sales)
    columns = ", ".join(getattr(result, "columns", []))
    case.require(
        "Q4" in columns or "Q1" not in columns,
        f"Your columns are {columns}, without Q4: nobody sold in Q4, and `pivot` makes only columns of values that it "
        "finds. Give it the list.",
        seen=columns,
    )
    case.equal(
        result,
        "country string, Q1 double, Q2 double, Q3 double, Q4 double",
        ("NO", 7.0, 0.0, 1.0, 0.0),
        ("SE", 0.0, 8.0, 0.0, 0.0),
        ("DK", 0.0, 0.0, 0.0, 0.0),
        (None, 0.0, 6.0, 0.0, 0.0),
        given=sales,
        when={
            ("NO", 5.0, ..., ..., ...): "NO sold 5.0 and 2.0 in Q1, and you gave {got}: several rows meet in one cell, "
            "so the function must add them, not choose one.",
            ("SE", 0.0, 4.0, ..., ...): "SE sold 4.0 twice in Q2, and you gave {got}: equal sales count each.",
            (None, 0.0, 0.0, ..., ...): "You gave {got}: a sale of 6.0 has no country, and a join never finds NULL "
            "equal to NULL. `groupBy` makes a group of NULL.",
            (lambda row: None in row[1:]): "You gave {got}: a cell without sales is NULL after a pivot, and 0.0 is "
            "asked for.",
            (lambda row: row[0] not in ("NO", "SE", "DK", None)): "You gave {got}: a country that is not known "
            "stays NULL.",
        },
        missing={
            ("NO", ..., ..., ..., ...): "NO is gone ({got} was expected): after a pivot, a cell without sales is NULL. "
            "Fill it, and do not drop its row.",
            (None, ..., ..., ..., ...): "The sales whose country is NULL are gone ({got} was expected): what is not "
            "known is a group too, unless a filter drops it.",
            ("DK", ..., ..., ..., ...): "DK is gone ({got} was expected): its one sale has no quarter, and a filter on "
            "the quarters took the country away with it.",
        },
    )


@exercise(
    objective="3.2",
    hints=(
        "An array without elements makes how many rows? And a NULL in place of an array? There is a function for "
        "either wish.",
        "`F.posexplode` gives position and element, from 0 on; `F.posexplode_outer` keeps rows whose array is empty or "
        "NULL. The fields of a struct are reached by a dot.",
        '`orders.select("order_id", F.posexplode_outer("items").alias("position", "item"))`, then select from it.',
    ),
    docs=FUNCTIONS + "posexplode_outer.html",
    why="`explode` is the inner join among the generators, and loses the empty ones in silence: count the orders "
    "before and after. `inline` goes straight from an array of structs to columns, and `LATERAL VIEW OUTER` is the "
    "older SQL for the same.",
)
def order_lines(answer: Answer, case: Case) -> None:
    orders = case.rows(
        "order_id string, items array<struct<sku: string, quantity: int>>",
        ("O1", [("B", 2), ("A", 1)]),
        ("O2", [("A", 5), ("A", 5)]),
        ("O3", []),
        ("O4", None),
        ("O5", [(None, 3)]),
    )
    case.equal(
        answer(orders),
        "order_id string, line int, sku string, quantity int",
        ("O1", 1, "B", 2),
        ("O1", 2, "A", 1),
        ("O2", 1, "A", 5),
        ("O2", 2, "A", 5),
        ("O3", None, None, None),
        ("O4", None, None, None),
        ("O5", 1, None, 3),
        given=orders,
        when={
            ("O1", 0, ..., ...): "O1's first line came back as {got}: positions of an array begin at 0, and lines at "
            "1.",
            ("O1", 1, "A", ...): "O1's first line came back as {got}, and B stands first in the array: rows have no "
            "order of their own, so take the position while you explode.",
            ("O3", 1, ..., ...): "O3 came back as {got}: it has no line, so no first one either. The number is NULL.",
            (lambda row: row[0] in ("O3", "O4")): "You gave {got}: an order without lines has one row, with NULL "
            "elsewhere.",
            ("O5", ...): "You gave {got}: O5 has one line of 3 pieces, whose `sku` is not known. It is line 1 all the "
            "same.",
        },
        missing={
            ("O3", ..., ..., ...): "O3, whose array is empty, is gone ({got} was expected): without `_outer`, an array "
            "makes as many rows as it has elements, and that is none.",
            ("O4", ..., ..., ...): "O4, whose array is NULL, is gone ({got} was expected): it is an order without "
            "lines, like O3, and keeps its row.",
            ("O2", ..., ..., ...): "A line of O2 is gone ({got} was expected): equal lines are two lines.",
            ("O5", ..., ..., ...): "The line of O5 is gone ({got} was expected): its `sku` is NULL, and it is a line.",
        },
    )


@exercise(
    objective="3.2",
    hints=(
        "Three steps on the array, as on a table: leave lines out, compute one value a line, add the values.",
        "`F.filter`, `F.transform` and `F.aggregate` take a function of columns: it is run once, to build the plan, "
        "and never sees a value. A condition that is NULL does not keep an element, and NULL plus anything is NULL.",
        '`F.aggregate(F.transform(F.filter("items", lambda item: …), lambda item: …), F.lit(0.0), lambda total, one: '
        "…)`, inside a `coalesce` for orders whose array is NULL.",
    ),
    docs=FUNCTIONS + "aggregate.html",
    why="A higher-order function works inside the row: no explode, no shuffle to bring the pieces together again, "
    "and no trip to Python. The price is readability, so one step a line. Where you need the lines anyway, explode "
    "once and group.",
)
def basket_values(answer: Answer, case: Case) -> None:
    orders = case.rows(
        "order_id string, items array<struct<price: double, quantity: int, returned: boolean>>",
        ("O1", [(10.0, 2, False), (5.0, 1, True), (1.0, 3, False)]),
        ("O2", [(8.0, 1, None)]),
        ("O3", []),
        ("O4", None),
        ("O5", [(None, 1, False), (4.0, 3, False)]),
        ("O6", [(7.0, 1, True)]),
        ("O7", [(2.5, 1, False), (2.5, 1, False)]),
    )
    result = case.runs(
        lambda: answer(orders),
        "Your code raised {error}: the start value of `aggregate` must be of the type of its result. Here that is a "
        "double, so 0.0.",
        error="UNEXPECTED_INPUT_TYPE",
    )
    case.equal(
        result,
        "order_id string, value double",
        ("O1", 23.0),
        ("O2", 8.0),
        ("O3", 0.0),
        ("O4", 0.0),
        ("O5", 12.0),
        ("O6", 0.0),
        ("O7", 5.0),
        given=orders,
        when={
            ("O1", 28.0): "You gave {got}: the line over 5.0 was returned.",
            ("O1", 5.0): "You gave {got}: that is the line that was returned. The others are what the basket is worth.",
            ("O5", 13.0): "You gave {got}: the gift has no price, and counts for nothing, not for 1.",
            ("O7", 2.5): "You gave {got}: O7 holds two equal lines of 2.5, and they count each.",
            ("O1", 11.0): "You gave {got}: two pieces of 10.0 and three of 1.0 are 23.0, so the quantity counts.",
            ("O2", 0.0): "You gave {got}: `returned` is NULL, and NOT NULL is NULL, which keeps nothing. Nobody has "
            "sent these goods back.",
            ("O4", None): "O4, whose array is NULL, came back as {got}: every function of a NULL array is NULL, and "
            "0.0 is asked for.",
            (lambda row: row in (("O5", None), ("O5", 0.0))): "O5 came back as {got}: the gift's price is NULL, and "
            "one NULL makes the whole sum NULL. `aggregate` is no `sum`, which leaves NULLs out.",
            (lambda row: row[0] in ("O3", "O4", "O6")): "You gave {got}: without a line that counts an order is "
            "worth 0.0.",
        },
        missing={
            (lambda row: row[0] in ("O3", "O4")): "An order without lines is gone ({got} was expected): `explode` "
            "makes no row of an empty array, so nothing is left to group.",
            ("O6", ...): "O6 is gone ({got} was expected): all its lines were returned, so it is worth 0.0, and it "
            "is an order still.",
        },
    )


@exercise(
    objective="3.2",
    hints=(
        "Two things can be wrong: a line that is no JSON, and a value of another type. Which function raises, and "
        "which gives NULL?",
        "`F.try_parse_json` makes a VARIANT, NULL where the text is no JSON. `F.try_variant_get(variant, path, type)` "
        "reads a value, NULL where it is absent or does not fit.",
        '`event = F.try_parse_json("line")`, then select `F.try_variant_get(event, "$.event_id", "string")`, the '
        "amount likewise, and `F.when(<no JSON>, <the line>)`.",
    ),
    docs=FUNCTIONS + "try_parse_json.html",
    why="Parsing and reading are two steps with VARIANT, so they can fail apart; and a producer may add fields "
    "without breaking you. `from_json` does both at once: in its default mode a broken line becomes a struct full of "
    "NULLs, which is not NULL, and its corrupt-record column also holds lines where only a type did not fit.",
)
def parse_events(answer: Answer, case: Case) -> None:
    lines = case.rows(
        "line_no int, line string",
        (1, '{"event_id": "E1", "amount": 9.5}'),
        (2, '{"eve'),
        (3, '{"event_id": "E3"}'),
        (4, '{"event_id": "E4", "amount": "n/a"}'),
        (5, ""),
        (6, '{"amount": 3, "event_id": "E6"}'),
        (7, '{"note": "hello"}'),
        (8, '{"event_id": "E8", "amount": 8'),
        (9, '{"event_id": "E9" "amount": 9}'),
    )
    case.runs(
        lambda: case.equal(
            answer(lines),
            "line_no int, event_id string, amount double, bad string",
            (1, "E1", 9.5, None),
            (2, None, None, '{"eve'),
            (3, "E3", None, None),
            (4, "E4", None, None),
            (5, None, None, ""),
            (6, "E6", 3.0, None),
            (7, None, None, None),
            (8, None, None, '{"event_id": "E8", "amount": 8'),
            (9, None, None, '{"event_id": "E9" "amount": 9}'),
            given=lines,
            when={
                (2, None, None, None): "Line 2 is broken and came back as {got}, with nothing in `bad`. `from_json` "
                "makes a struct of NULLs of such a line, and that struct is not NULL.",
                (3, ..., ..., '{"event_id": "E3"}'): "Line 3 is JSON and came back as {got}, with the line in `bad`: "
                "an amount that is absent makes no line bad.",
                (4, ..., ..., '{"event_id": "E4", "amount": "n/a"}'): "Line 4 is JSON and came back as {got}, in `bad` "
                "too: only its amount is no number. The record is not corrupt.",
                (5, None, None, None): "Line 5 is empty, which is no JSON, and came back as {got}: then `bad` is the "
                "empty text.",
                (6, ..., ..., ...): "Line 6 came back as {got}: its fields stand in another order, and JSON allows "
                "that.",
                (7, ..., ..., lambda bad: bad is not None): "Line 7 is JSON and came back as {got}, in `bad` too: it "
                "has neither field. Ask whether the line is JSON, not whether its fields are there.",
                (8, "E8", ..., ...): "Line 8 ends in the middle and came back as {got}: a pattern reads as far as it "
                "gets. Of a line that is no JSON, only `bad` is filled.",
                (9, ..., ..., None): "Line 9 lacks a comma between its fields and came back as {got}, with nothing in "
                "`bad`: a brace at either end makes no JSON. Let a parser judge.",
                (2, ...): "Line 2 came back as {got}: it is no JSON, and `bad` holds it as it is.",
            },
            missing={
                (2, ..., ..., ...): "Line 2, which is no JSON, is gone ({got} was expected): who drops bad lines "
                "cannot say later how many there were.",
                (5, ..., ..., ...): "Line 5, which is empty, is gone ({got} was expected): every line comes back.",
            },
        ),
        {
            "MALFORMED_RECORD": "Some lines are no JSON, and your code raised {error}: one bad line must not stop the "
            "others.",
            "INVALID_VARIANT_CAST": 'The amount of line 4 is "n/a", and your code raised {error}: `variant_get` '
            "insists on the type. There is one that tries.",
            "CAST_INVALID_INPUT": 'The amount of line 4 is "n/a", and your code raised {error}: a cast insists on the '
            "type. There is one that tries, and gives NULL.",
        },
    )


@exercise(
    objective="3.3",
    hints=(
        "What does a cast do in ANSI mode with a text that is no number? Is there one that gives NULL instead?",
        "`Column.try_cast(type)` is NULL where a cast would raise. `F.when(condition, value)` without `otherwise` is "
        "NULL elsewhere.",
        "`amount` is the column tried as a decimal; `bad` is the text, *when* the number is NULL.",
    ),
    docs=SPARK + "sql-ref-ansi-compliance.html",
    why="ANSI mode is on since Spark 4.0: a cast, an overflow and a division by zero raise where they gave NULL "
    "before. That is what a pipeline wants in the middle, where nothing may be wrong any more. At its edge use the "
    "`try_` functions, and keep what they refuse: a NULL in the place of a bad value is a value that nobody will "
    "miss.",
)
def amounts_apart(answer: Answer, case: Case) -> None:
    lines = case.rows(
        "line_id string, amount string",
        ("L1", "12.50"),
        ("L2", "twelve"),
        ("L3", None),
        ("L4", ""),
        ("L5", "-3.00"),
        ("L6", "123456789012.00"),
        ("L7", "7"),
        ("L8", "12 EUR"),
    )
    case.runs(
        lambda: case.equal(
            answer(lines),
            "line_id string, amount decimal(10,2), bad string",
            ("L1", Decimal("12.50"), None),
            ("L2", None, "twelve"),
            ("L3", None, None),
            ("L4", None, ""),
            ("L5", Decimal("-3.00"), None),
            ("L6", None, "123456789012.00"),
            ("L7", Decimal("7.00"), None),
            ("L8", None, "12 EUR"),
            given=lines,
            when={
                ("L1", ..., "12.50"): "L1 came back as {got}: `bad` is for what is no amount, and 12.50 is one.",
                ("L1", lambda amount: amount in (12, 13), ...): "L1 came back as {got}, without its cents: each type "
                "on the way must hold what the text says.",
                ("L2", Decimal(0), ...): "L2 came back as {got}: 0 is an amount too, and nobody can tell it from a "
                "real one. What is not known is NULL.",
                ("L2", None, None): "L2 came back as {got}: the text that could not be read is lost, and so is the "
                "chance to mend it.",
                ("L3", None, lambda bad: bad is not None): "L3 came back as {got}: nothing was delivered, which is "
                "no bad value. Absent and wrong are two things.",
                ("L4", None, None): "L4 came back as {got}: an empty text was delivered, and it is no number.",
                ("L5", Decimal("3.00"), ...): "L5 came back as {got}, and -3.00 was delivered: who takes signs out of "
                "a text makes another number of it.",
                ("L5", ..., "-3.00"): "L5 came back as {got}: a negative number is a number. Let the type decide, "
                "not a pattern of your own.",
                ("L6", ..., None): "L6 came back as {got}: the number has too many digits for the type, so it is bad "
                "too.",
                ("L7", ..., "7"): "L7 came back as {got}: a number without cents is a number. Let the type decide, "
                "not a pattern of your own.",
                ("L8", Decimal("12.00"), ...): "L8 came back as {got}: the text says more than a number, and it is not "
                "for you to guess what counts. Keep it apart.",
                ("L2", ...): "L2 came back as {got}: the amount is NULL there, and `bad` holds the text as it came.",
            },
            missing={
                ("L2", ..., ...): "L2 is gone ({got} was expected): keep a bad value apart, do not drop its line.",
                ("L3", ..., ...): "L3 is gone ({got} was expected): a line without an amount is a line.",
            },
        ),
        {
            "CAST_INVALID_INPUT": 'One amount is "twelve", and your code raised {error}: in ANSI mode a cast refuses '
            "what it cannot read. Another one gives NULL.",
            "NUMERIC_VALUE_OUT_OF_RANGE": "The amount of L6 has twelve digits before the point, and your code raised "
            "{error}: `decimal(10,2)` has eight, and a cast refuses more. Try the cast to just this type.",
            "INVALID_FORMAT": 'One amount is "twelve", and your code raised {error}: `to_number` insists on its '
            "format. A cast that tries needs no format and gives NULL.",
        },
    )


@exercise(
    objective="3.3",
    hints=(
        "A day is not a property of a moment: at 22:30 UTC the day in Berlin may be over. Is it always?",
        "`F.from_utc_timestamp(moment, zone)` shows a moment in UTC as the clock of that zone shows it, summer time "
        "included. `F.to_date` takes the day.",
        '`F.to_date(F.from_utc_timestamp("sold_at", "Europe/…"))`, and group by it.',
    ),
    docs=FUNCTIONS + "from_utc_timestamp.html",
    why="A zone is a region with a history of rules, such as `Europe/Berlin`; `+01:00` is an offset, right for half of "
    "the year. `from_utc_timestamp` only shifts, so it counts on a session in UTC; where the session's time zone is "
    "the shop's, `to_date` alone is right. Say in every report which day is meant.",
)
def revenue_per_day(answer: Answer, case: Case) -> None:
    texts = case.rows(
        "sale_id string, sold_at string, amount double",
        ("S1", "2026-01-15 22:30:00", 1.0),
        ("S2", "2026-01-15 23:30:00", 2.0),
        ("S3", "2026-02-01 00:30:00", 4.0),
        ("S4", "2026-03-28 23:30:00", 8.0),
        ("S5", "2026-03-29 22:30:00", 16.0),
        ("S6", "2026-07-01 21:30:00", 32.0),
        ("S7", "2026-07-01 22:30:00", 64.0),
        ("S8", "2026-07-02 10:00:00", 128.0),
        ("S9", "2026-07-02 11:00:00", 128.0),
        ("S10", "2026-03-28 22:30:00", 256.0),
        ("S11", "2026-10-25 22:30:00", 512.0),
    )
    before = case.spark.conf.get("spark.sql.session.timeZone")
    case.equal(
        answer(texts.withColumn("sold_at", F.to_timestamp("sold_at"))),
        "day date, revenue double",
        (date(2026, 1, 15), 1.0),
        (date(2026, 1, 16), 2.0),
        (date(2026, 2, 1), 4.0),
        (date(2026, 3, 28), 256.0),
        (date(2026, 3, 29), 8.0),
        (date(2026, 3, 30), 16.0),
        (date(2026, 7, 1), 32.0),
        (date(2026, 7, 2), 320.0),
        (date(2026, 10, 25), 512.0),
        when={
            (date(2026, 1, 31), ...): "A sale at 00:30 UTC on 1 February came to {got}: the shift goes the wrong way. "
            "Berlin's clock is ahead of UTC.",
            (date(2026, 1, 15), 3.0): "The sales at 22:30 and 23:30 UTC on 15 January came to {got}: in Berlin the "
            "second is at 00:30 of the next day. This is the day in UTC.",
            (date(2026, 1, 16), 3.0): "The sale at 22:30 UTC on 15 January came to {got}: in winter Berlin is one hour "
            "ahead, so it is 23:30 there. Two hours hold in summer.",
            (date(2026, 7, 1), 96.0): "The sale at 22:30 UTC on 1 July came to {got}: in summer Berlin is two hours "
            "ahead. Name the region, not an offset.",
            (lambda row: row in ((date(2026, 3, 29), 264.0), (date(2026, 3, 29), 24.0), (date(2026, 10, 26), 512.0))): (
                "You gave {got}: the clocks change on a Sunday at the end of March and of October, not with the "
                "month. Name the region, which knows its rules."
            ),
            (date(2026, 7, 2), lambda revenue: revenue in (192.0, 128.0)): "You gave {got}: three sales fell on 2 July "
            "in Berlin, two of them over 128.0, and all of them count.",
        },
    )
    zone = case.spark.conf.get("spark.sql.session.timeZone")
    case.require(
        zone == before,
        f"The days are right, and the session's time zone is {zone} now: whatever runs after it would read its days "
        "there too. Shift the moment, and leave the session in UTC.",
        seen=zone,
    )


@exercise(
    objective="3.4",
    hints=(
        "Is `NULL <> 'yes'` true?",
        "`DELETE FROM table WHERE condition` deletes the rows for which the condition is true: not those for which "
        "it is NULL. `<=>` and `IS DISTINCT FROM` compare NULL like any value.",
        '`spark.sql(f"DELETE FROM {table} WHERE …")`, with a condition that is true for C3 too.',
    ),
    docs=DELTA + "delta-update/",
    why="A condition has three answers, and DELETE and UPDATE act on one of them. Ask of every condition: what of "
    "NULL? And the deleted rows are still on the disk, in the files of the older versions, until VACUUM takes these: "
    "with personal data this is half of the work.",
)
def keep_consenting(answer: Answer, case: Case) -> None:
    table = stored(
        case,
        "customers",
        "customer_id string, consent string",
        ("C1", "yes"),
        ("C2", "no"),
        ("C3", None),
        ("C4", "yes"),
    )
    answer(case.spark, table)
    left = sorted(row.customer_id for row in case.spark.table(table).collect())
    case.value(
        left,
        ["C1", "C4"],
        call="The customers left in the table",
        when={
            ("C1", "C2", "C3", "C4"): "Afterwards the table still holds {got}: a DataFrame without some rows is "
            "another DataFrame. The table changes by a DELETE, once it is run.",
            ("C1", "C3", "C4"): "Afterwards the table holds {got}, with C3, whose consent is NULL: `NULL <> 'yes'` is "
            "NULL, and DELETE takes only rows for which the condition is true.",
            ("C1", "C2", "C4"): "Afterwards the table holds {got}, with C2, who said no: NULL is not the only answer "
            "that is not yes.",
            ("C2", "C3"): "Afterwards the table holds {got}: those who said yes were deleted.",
            (): "Afterwards the table holds nobody, {got}: who said yes stays.",
            (lambda left: len(left) > 4): "Afterwards the table holds {got}: an append adds rows, and takes none away.",
        },
    )


@exercise(
    objective="3.5",
    hints=(
        "Delta refuses columns that the table has not, unless one allows the change. What would come in with `coupon`?",
        "Select what is wanted first. The option `mergeSchema` of a write adds the columns that are new to the table, "
        "and matches the others by name.",
        '`rows.select(…).write.format("delta").mode(…).option("mergeSchema", …).saveAsTable(table)`.',
    ),
    docs=DELTA + "delta-batch/",
    why="Schema enforcement is the lock, `mergeSchema` the key: left in the door, it lets in every typing error of a "
    "producer as a new column. Select by name in front of the write, so that the list of columns stands in the code "
    "and a new one is a decision.",
)
def append_orders(answer: Answer, case: Case) -> None:
    table = stored(case, "orders", "order_id string, amount double", ("O1", 9.5))
    shape = "coupon string, order_id string, debug_id int, amount double"

    def write(*rows: tuple[Any, ...]) -> None:
        answer(case.rows(shape, *rows).coalesce(1), table)

    by_position = (
        "The rows begin with the coupon and the table with `order_id`, and your code raised {error}: an insert by "
        "position puts one column into another. Select the columns in the table's order, or match them by name."
    )
    case.runs(
        lambda: write(("SPRING", "O2", 77, 20.0)),
        {
            "DELTA_METADATA_MISMATCH": "The table has neither `coupon` nor `debug_id`, and your code raised {error}: "
            "Delta takes no column that a table has not, unless the write says so.",
            "CAST_INVALID_INPUT": by_position,
            "DELTA_DUPLICATE_COLUMNS_FOUND": by_position,
            "DELTA_UNSUPPORTED_DROP_COLUMN": "Your code took `debug_id` in and would drop it again, which raised "
            "{error}: what should not come in is left out before the write.",
        },
    )
    columns = ", ".join(case.spark.table(table).columns)
    case.value(
        columns,
        "order_id, amount, coupon",
        call="The columns of the table",
        when={
            (lambda got: "debug_id" in got): "The table now has the columns {got}: `mergeSchema` takes in whatever is "
            "new. Select what you want before you write.",
            "order_id, amount": "The table still has the columns {got}: the coupon of O2 is lost.",
            (lambda got: not got.startswith("order_id, amount")): "The table now has the columns {got}, in the order "
            "of the rows: an overwrite made it anew. New rows come to those that are there, and so does the column.",
        },
    )
    case.runs(
        lambda: write((None, "O3", 78, 7.0)),
        "The first run added `coupon`, the second raised {error}: tomorrow the column is there already.",
        error="ALREADY_EXISTS",
    )
    case.equal(
        case.spark.table(table),
        "order_id string, amount double, coupon string",
        ("O1", 9.5, None),
        ("O2", 20.0, "SPRING"),
        ("O3", 7.0, None),
        when={
            ("SPRING", ..., ...): "A row came in as {got}: columns were matched by position.",
            ("O1", ...): "O1 is there once more, as {got}: an append adds to the rows of the table, so write the new "
            "ones alone.",
            (..., ..., ""): "A row came in as {got}: an order without a coupon has NULL there, not the empty text.",
        },
        missing={
            ("O3", ..., ...): "O3 is not there ({got} was expected): an order without a coupon is an order.",
            ("O1", ..., ...): "O1, which was there before, is gone ({got} was expected): an overwrite replaces the "
            "rows, and an append was asked for.",
        },
    )


@exercise(
    objective="3.5",
    hints=(
        "A version is the table after a commit. Which version is the last one without any commit of this load?",
        "Keep the rows of the load, take the smallest version with `F.min`, and go one back. The minimum of nothing is "
        "NULL, in Python `None`.",
        '`history.where(…).agg(F.min("version")).first()[0]`, and think of `None` before you subtract.',
    ),
    docs=DELTA + "delta-utility/",
    why="RESTORE is a commit like any other: it makes the table look like the old version, and the history keeps "
    "what happened. It also takes away what other loads have written since, so list these and run them again. It "
    "works as long as the files of that version are there, which VACUUM decides.",
)
def version_before(answer: Answer, case: Case) -> None:
    history = case.rows(
        "version bigint, operation string, userMetadata string",
        (8, "WRITE", "load 9"),
        (7, "OPTIMIZE", None),
        (6, "WRITE", "load 8"),
        (5, "WRITE", "load 8"),
        (4, "OPTIMIZE", None),
        (3, "MERGE", "load 8"),
        (2, "WRITE", "load 80"),
        (1, "WRITE", "load 7"),
        (0, "CREATE TABLE", None),
    )
    case.value(
        answer(history, "load 8"),
        2,
        call='version_before(history, "load 8")',
        when={
            1: "For load 8 you gave {got}: version 2 is of load 80, which is another load. Compare the whole name, not "
            "a part of it.",
            3: "For load 8 you gave {got}: version 3 is the table *after* its first commit, so its rows are in there.",
            4: "For load 8 you gave {got}: its first commit, a MERGE in version 3, is still in there. The commits of a "
            "load can be of any kind.",
            5: "For load 8 you gave {got}: that goes before its last commit, in version 6. Its first, in version 3, is "
            "still in there.",
            6: "For load 8 you gave {got}: that version is the load's own last commit.",
            7: "For load 8 you gave {got}: that undoes the newest commit, which is of load 9.",
            8: "For load 8 you gave {got}: that is the table as it is, with all that the load wrote.",
            0: "For load 8 you gave {got}: that loses load 7 too, which was good.",
            (lambda got: hasattr(got, "count")): "For load 8 you gave {got} in a row or a table: take the value out, "
            "as `first()[0]` does.",
        },
    )
    case.value(
        answer(history, "load 9"),
        7,
        call='version_before(history, "load 9")',
        when={
            6: "For load 9 you gave {got}: version 7, an OPTIMIZE, came between. It has no `userMetadata`, and it is "
            "the version just before the load.",
        },
    )
    case.value(
        answer(history, "load 7"),
        0,
        call='version_before(history, "load 7")',
        when={
            None: "For load 7 you gave {got}: it wrote version 1, so 0 is the answer. Python takes 0 for false: ask "
            "`is None`.",
        },
    )
    case.value(
        case.runs(
            lambda: answer(history, "load 6"),
            "The history does not know load 6, and your code raised {error}: the minimum of nothing is None.",
        ),
        None,
        call='version_before(history, "load 6")',
        when={
            (lambda got: isinstance(got, int)): "For load 6, which the history does not know, you gave {got}: whoever "
            "restores that undoes good loads. None says that there is no such version.",
        },
    )


@exercise(
    objective="3.5",
    hints=(
        "You need the table twice: as it was, and as it is. And how do you subtract rows that occur several times?",
        'A read takes `option("versionAsOf", version)`. `DataFrame.exceptAll` subtracts row by row, `subtract` '
        "subtracts sets; in SQL they are `EXCEPT ALL` and `EXCEPT`.",
        '`spark.read.option("versionAsOf", …).table(table)` without `spark.table(table)`.',
    ),
    docs=DELTA + "delta-batch/",
    why="Both compare NULL like any value, which a join does not. Run it the other way round too: rows that came are "
    "as telling as rows that went. And take both versions by number where the table is still being written, or you "
    "compare with a moving one.",
)
def rows_lost(answer: Answer, case: Case) -> None:
    shape = "sku string, place string"
    table = stored(case, "stock", shape, ("Z", "q"))

    def overwrite(*rows: tuple[Any, ...]) -> None:
        case.rows(shape, *rows).coalesce(1).write.format("delta").mode("overwrite").saveAsTable(table)

    overwrite(("A", "x"), ("A", "x"), ("A", "x"), ("B", None), ("C", "y"), ("E", "w"), ("F", "u"), ("D", "k"))
    overwrite(("A", "x"), ("A", "x"), ("B", None), ("C", "y"), ("G", "v"))
    overwrite(("A", "x"), ("B", None), ("D", "z"), ("F", "u"))
    case.equal(
        answer(case.spark, table, 1),
        shape,
        ("A", "x"),
        ("A", "x"),
        ("C", "y"),
        ("E", "w"),
        ("D", "k"),
        when={
            ("D", "z"): "{got} came back, which is new: that is the table of today without that of version 1. The "
            "other way round is asked for.",
            ("Z", "q"): "{got} came back, which only version 0 had: version 1 is asked for.",
            ("F", "u"): "{got} came back, and the table has it: version 2 had it not. What counts is the table as it "
            "is, not a version on the way.",
            ("G", "v"): "{got} came back, which version 1 had not: it came and went later. Read the table as it was in "
            "the version that is asked for.",
            ("B", None): "{got} came back, and it is still there: a join never finds NULL equal to NULL, so the row "
            "seems to be lost.",
            ("A", ...): "{got} came back once too often: one of the three is still there.",
        },
        missing={
            ("E", "w"): "{got} is missing, which version 1 had: do you read the table as it was, or twice as it is?",
            ("D", "k"): "{got} is missing: what is there of D stands in another place. The whole row counts, not its "
            "first column.",
            ("C", "y"): "{got} is missing, which went with the newest commit: compare with the table as it is.",
            ("A", "x"): "{got} was there three times and is there once, so it is lost twice: `subtract`, like SQL's "
            "`EXCEPT`, works on sets, where once is enough.",
        },
    )


@exercise(
    objective="3.5",
    hints=(
        "How many rows does the feed hold for one row that was updated? And is the first version that you read one "
        "that was read already?",
        'Read with `option("readChangeFeed", "true")` and `option("startingVersion", n)`, which includes `n`. The '
        "column `_change_type` is `insert`, `delete`, `update_preimage` or `update_postimage`.",
        "Begin at the version after `seen`, leave the preimages out, name the postimages `update`, group and count.",
    ),
    docs=DELTA + "delta-change-data-feed/",
    why="The preimage says what a row was, the postimage what it is: a consumer that keeps totals needs both, one that "
    "copies the table needs the postimage only. The feed begins when it is switched on, and ends where VACUUM has "
    "removed its files.",
)
def changes_by_kind(answer: Answer, case: Case) -> None:
    case.spark.sql(
        "CREATE TABLE prices USING delta TBLPROPERTIES (delta.enableChangeDataFeed = true) AS "
        "SELECT /*+ COALESCE(1) */ * FROM VALUES ('P1', 1.0D), ('P2', 2.0D), ('P3', 3.0D), ('P4', 4.0D) AS t(id, price)"
    )
    case.spark.sql(
        "MERGE INTO prices AS target USING (SELECT * FROM VALUES ('P1', 9D), ('P2', 9D), ('P3', NULL), ('P5', 5D), "
        "('P5', 5D) AS v(id, price)) AS s ON target.id = s.id WHEN MATCHED AND s.price IS NULL THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    case.spark.sql("UPDATE prices SET price = 7D WHERE id = 'P4'")
    case.equal(
        answer(case.spark, f"{case.schema}.prices", 0),
        "kind string, rows bigint",
        ("insert", 2),
        ("update", 3),
        ("delete", 1),
        when={
            ("update", 2): "You counted {got}, of one commit: there is another after it, which updated P4. All "
            "versions after `seen` count.",
            ("update", 1): "You counted {got}, of the newest commit alone: `seen` is 0, so version 1 is new to the "
            "consumer too.",
            ("insert", 6): "You counted {got}: four of these are of version 0, which was seen already. The starting "
            "version is included.",
            ("insert", 1): "You counted {got}: two equal rows came in, and are two.",
            ("update", 6): "You counted {got} and three rows were updated: the feed shows each as it was and as it is.",
            ("update_preimage", ...): "A kind of yours is {got}: before and after belong to one update, so one of them "
            "must go.",
            ("update_postimage", ...): "A kind of yours is {got}: the right rows, and `update` is the name that is "
            "asked for.",
            ("insert", 5): "You counted {got}: an update is no insert, though its postimage is a new row.",
        },
        missing={
            ("delete", 1): "Your result has no {got}: the row of P3 was deleted, and the feed says so. Comparing the "
            "keys of today finds no row that is gone.",
        },
    )
    case.equal(
        answer(case.spark, f"{case.schema}.prices", 1),
        "kind string, rows bigint",
        ("update", 1),
        when={
            (..., 0): "With `seen` 1, you gave {got}: only a kind that happened has a row.",
            (lambda row: row[0] in ("insert", "delete")): "With `seen` 1, you counted {got}: that happened in version "
            "1, or before. Begin at the version after `seen`.",
            ("update", 4): "With `seen` 1, you counted {got}: three of these are of versions that were seen. Begin at "
            "the version after `seen`.",
        },
    )


@exercise(
    objective="3.5",
    hints=(
        "What does a reader of an older version need, and until when? The age of the file does not tell.",
        "Three kinds of files, one rule each: never those in use; the others by the time since they are out of use. "
        "`F.coalesce` takes the first of two columns that is not NULL.",
        '`files.where(<not live>).where(F.coalesce(…, …) > hours).select("path")`.',
    ),
    docs=DELTA + "delta-utility/",
    why="The retention must be longer than the longest query, the longest pause of a stream that reads the table, "
    "and the time you want to travel back: seven days is the default, and Delta refuses less unless one switches the "
    "safety off. Unknown files are the reason for it: they may belong to a job that has not committed yet.",
)
def vacuumed(answer: Answer, case: Case) -> None:
    files = case.rows(
        "path string, state string, written_hours_ago int, removed_hours_ago int",
        ("f1", "live", 9000, None),
        ("f2", "removed", 9000, 2),
        ("f3", "removed", 9000, 500),
        ("f4", "unknown", 1, None),
        ("f5", "unknown", 500, None),
        ("f6", "removed", 9000, 168),
        ("f7", "removed", 200, 169),
    )
    case.equal(
        answer(files, 24),
        "path string",
        ("f3",),
        ("f5",),
        ("f6",),
        ("f7",),
        given=files,
        when={
            ("f1",): "You gave {got}, which is live: a file of the newest version is never deleted, however old it is.",
            ("f2",): "You gave {got}, removed two hours ago: it is old, and yet a query that began three hours ago "
            "reads it. What counts is how long it is out of use.",
            ("f4",): "You gave {got}, written an hour ago: a job may be writing it, and commit it in a minute.",
        },
        missing={
            ("f3",): "You left {got} there, and it has been out of use for 500 hours.",
            ("f5",): "You left {got} there: no version knows it, so nobody misses it, and it is older than the "
            "retention.",
            ("f6",): "You left {got} there, removed 168 hours ago, and `hours` is 24: seven days are the default, not "
            "the rule.",
        },
    )
    case.equal(
        answer(files, 168),
        "path string",
        ("f3",),
        ("f5",),
        ("f7",),
        given=files,
        when={
            ("f6",): "You gave {got}, removed 168 hours ago, and `hours` is 168: that is not more.",
        },
    )


@exercise(
    objective="3.6",
    hints=(
        "Which row is first, when two are equally new? And when a row was delivered twice?",
        "`F.row_number().over(Window.partitionBy(…).orderBy(…))` numbers the rows of a customer; keep number 1.",
        '`.orderBy(F.desc("changed_on"), F.desc(…))`, then `.where("place = 1")` and leave `place` out.',
    ),
    docs=FUNCTIONS + "row_number.html",
    why="`orderBy(…).dropDuplicates(…)` looks right and often is, on a laptop: but `dropDuplicates` promises no "
    "order, and a shuffle keeps none. The order must stand in the window, and it must be unique. SQL has "
    "`QUALIFY` for the filter.",
)
def newest_per_customer(answer: Answer, case: Case) -> None:
    shape = "customer_id string, city string, changed_on date, change_id int"
    changes = case.rows(
        shape,
        ("C1", "Oslo", date(2026, 1, 1), 1),
        ("C1", "Bonn", date(2026, 1, 3), 2),
        ("C2", "Rome", date(2026, 1, 5), 10),
        ("C2", "Paris", date(2026, 1, 2), 11),
        ("C3", "Kyiv", date(2026, 1, 4), 9),
        ("C3", "Lviv", date(2026, 1, 4), 20),
        ("C4", "Graz", date(2026, 1, 6), 30),
        ("C4", "Graz", date(2026, 1, 6), 30),
        ("C5", "Linz", date(2026, 1, 7), 41),
        ("C5", "Wien", date(2026, 1, 7), 40),
        ("C6", "Nice", date(2026, 1, 1), 50),
        ("C6", None, date(2026, 1, 2), 51),
    ).coalesce(1)
    result = answer(changes)
    case.equal(
        result,
        shape,
        ("C1", "Bonn", date(2026, 1, 3), 2),
        ("C2", "Rome", date(2026, 1, 5), 10),
        ("C3", "Lviv", date(2026, 1, 4), 20),
        ("C4", "Graz", date(2026, 1, 6), 30),
        ("C5", "Linz", date(2026, 1, 7), 41),
        ("C6", None, date(2026, 1, 2), 51),
        given=changes,
        when={
            ("C1", "Oslo", date(2026, 1, 3), ...): "C1 came back as {got}, which no row of the input is: the largest "
            "city of one row stands beside the newest day of another. Choose a row, not values.",
            ("C2", "Rome", date(2026, 1, 5), 11): "C2 came back as {got}, which no row of the input is: the newest day "
            "stands beside the largest id, of another row. Choose a row, not values.",
            ("C1", "Oslo", ..., ...): "C1 came back with the older city, {got}: only the newest row stays. "
            "`dropDuplicates` keeps any row, not the newest.",
            ("C2", "Paris", ..., ...): "C2 came back as {got}, of 2 January: that change came later, and is older. "
            "`change_id` decides only between equal days.",
            ("C3", "Kyiv", ..., ...): "C3 came back as {got}: two rows are equally new, and change 20 wins. By the day "
            "alone, it changes from run to run which one you get.",
            ("C4", ..., ..., ...): "C4 came back twice, as {got}: it was delivered twice, and `rank` gives equal "
            "rows the same number.",
            ("C5", "Wien", ..., 40): "C5 came back as {got}: of two rows equally new, change 41 wins, and not the "
            "larger city or the one that stands last. The day decides first, the id next.",
            ("C6", "Nice", ..., ...): "C6 came back as {got}: the newest row says that the city is not known any more. "
            "NULL is a value of that row.",
        },
        missing={
            ("C2", ...): "C2 is gone ({got} was expected): its newest day and its largest id are of two rows. Take the "
            "newest day first, then the largest id among the rows of that day.",
            ("C6", ...): "C6 is gone ({got} was expected): the city of its newest row is NULL, and it is a customer.",
        },
    )
    not_by_luck(case, result)


@exercise(
    objective="3.6",
    hints=(
        "A delete is a change too. What must come first: finding the last change of a customer, or looking at its "
        "kind?",
        '`F.max_by(F.struct("op", "city"), "change_id")` gives both fields of the newest row of a group, without a '
        "window.",
        "Group by customer, take the newest `op` and `city`, keep those whose `op` is no `D`, select the two columns.",
    ),
    docs=FUNCTIONS + "max_by.html",
    why="Filter first and the dead rise: without its delete, the change before it looks like the newest. The same "
    "order, newest first and then its kind, holds in a MERGE. `max_by` needs no sort, so on a large log it is the "
    "quicker way to one row a key.",
)
def current_customers(answer: Answer, case: Case) -> None:
    changes = case.rows(
        "customer_id string, change_id int, op string, city string",
        ("C1", 3, "U", "Bonn"),
        ("C1", 1, "I", "Oslo"),
        ("C2", 2, "I", "Rome"),
        ("C2", 5, "D", "Rome"),
        ("C3", 4, "I", "Kyiv"),
        ("C3", 6, "D", "Kyiv"),
        ("C3", 7, "I", "Lviv"),
        ("C4", 8, "I", "Paris"),
        ("C4", 10, "U", None),
        ("C5", 9, "D", "Graz"),
    ).coalesce(1)
    result = answer(changes)
    case.equal(
        result,
        "customer_id string, city string",
        ("C1", "Bonn"),
        ("C3", "Lviv"),
        ("C4", None),
        given=changes,
        when={
            ("C5", ...): "{got} came back, and all that is known of C5 is a delete: the newest change says whether a "
            "customer is there.",
            ("C3", "Kyiv"): "C3 came back as {got}, and change 7 says Lviv: the newest change has the largest "
            "`change_id`, wherever it stands.",
            ("C2", ...): "{got} came back, who was deleted by change 5: who leaves the deletes out first finds the "
            "change before them newest.",
            ("C1", "Oslo"): "C1 came back as {got}, and change 3 says Bonn: it arrived first and is newer. The order "
            "of arrival says nothing.",
            ("C4", "Paris"): "C4 came back as {got}: change 10 says that the city is not known any more, so NULL is "
            "the newest value. Only a whole row is safe to take.",
        },
        missing={
            ("C3", ...): "C3 is gone ({got} was expected): it was deleted by change 6 and came back by change 7. Not "
            "every delete is the last word.",
            ("C1", ...): "C1 is gone ({got} was expected): its newest change is an update, and whoever is updated is "
            "there. Only a delete takes a customer away.",
            ("C4", ...): "C4 is gone ({got} was expected): its city is not known, and it was never deleted.",
        },
    )
    not_by_luck(case, result)


@exercise(
    objective="3.4",
    hints=(
        "Which row of the batch may meet a row of the table: any, or one a product? And may an old price meet a "
        "newer one?",
        "Reduce the batch to one row a product first, with `F.max_by` or a window. `WHEN MATCHED AND condition THEN "
        "UPDATE SET *` updates only where the condition holds.",
        "Make a temporary view of the reduced batch, then `MERGE INTO {table} AS target USING … AS source ON … WHEN "
        "MATCHED AND <newer> THEN … WHEN NOT MATCHED THEN …`.",
    ),
    docs=DELTA + "delta-update/",
    why="With the two guards, one row a key and only newer, the MERGE is idempotent: the same batch again, or an old "
    "one after a new one, changes nothing. Which of two source rows should win is your decision, so Delta refuses to "
    "make it. Beware: it refuses only where the row is in the table. A new key that stands twice in the batch is "
    "inserted twice, without any error.",
)
def upsert_prices(answer: Answer, case: Case) -> None:
    shape = "product_id string, price double, change_id int"
    table = stored(case, "prices", shape, ("P1", 10.0, 5), ("P2", 20.0, 6), ("P3", 30.0, 7), ("P5", 50.0, 12))
    updates = case.rows(
        shape,
        ("P1", 9.0, 3),
        ("P2", 25.0, 8),
        ("P2", 22.0, 9),
        ("P4", 41.0, 11),
        ("P4", 45.0, 10),
        ("P5", 48.0, 13),
    ).coalesce(1)
    case.runs(
        lambda: answer(updates, table),
        "The batch holds P2 twice, and your code raised {error}: Delta does not choose which of two rows updates the "
        "one in the table. Keep one a product.",
        error="DELTA_MULTIPLE_SOURCE_ROW",
    )
    copies = case.spark.table(table).where("product_id = 'P2'").count()
    case.require(
        copies < 2,
        f"P2 has {copies} rows, the one that was there and new ones beside it: an append adds. A MERGE updates the row "
        "that it matches.",
        seen=copies,
    )
    case.equal(
        case.spark.table(table),
        shape,
        ("P1", 10.0, 5),
        ("P2", 22.0, 9),
        ("P3", 30.0, 7),
        ("P4", 41.0, 11),
        ("P5", 48.0, 13),
        given=updates,
        when={
            ("P2", 22.0, 6): "P2 has {got}: the price is of change 9, and `change_id` still says 6. Tomorrow the older "
            "change 8 would seem newer, and win.",
            ("P2", 25.0, 9): "P2 has {got}, which no change says: the largest price stands beside the newest change.",
            ("P2", 25.0, 8): "P2 has {got}, and change 9 is newer: the largest `change_id` decides, not the price, nor "
            "the row that `dropDuplicates` happens to keep.",
            ("P2", 20.0, 6): "P2 still has {got}: its newest change is in the batch.",
            ("P1", 9.0, 3): "P1 has {got}, and the table knew change 5: this one came late, and an older change must "
            "not win. As a condition in `ON`, *newer* does not help: the old change then matches nothing, and is "
            "inserted.",
            ("P4", 45.0, 10): "P4 has {got}, and change 11 is newer: the order in which rows arrive says nothing.",
            ("P5", 50.0, 12): "P5 still has {got}, and change 13 made it cheaper: newer is the larger `change_id`, not "
            "the larger price.",
        },
        missing={
            ("P3", ..., ...): "P3 is gone ({got} was expected): it is not in the batch, and yet in the shop. A MERGE "
            "leaves alone what it does not match.",
            ("P4", ..., ...): "P4 is not there ({got} was expected): a new product matches nothing, and needs its own "
            "clause.",
        },
    )


@exercise(
    objective="3.4",
    hints=(
        "Adding is not idempotent: twice is not once. How can you tell the movements that the table has counted from "
        "the others?",
        "Join the movements to the table by product, and keep those whose `movement_id` is larger than its "
        "`last_id`. A product without a row in the table has `last_id` NULL.",
        "Drop repeated rows, keep the new ones, group by product (`F.sum`, `F.max`), and MERGE: where matched, "
        "`stock = target.stock + …`, `last_id = …`; where not, insert.",
    ),
    docs=DELTA + "delta-update/",
    why="A MERGE that sets a value may run twice, one that adds to a value may not: this is how a re-run corrupts "
    "data. The mark of the last movement is written in the same commit as the sum, so the two can never disagree. It "
    "needs movements that arrive in order; where they do not, keep them in a table of their own and merge by their "
    "id.",
)
def apply_movements(answer: Answer, case: Case) -> None:
    shape = "product_id string, stock bigint, last_id int"
    table = stored(case, "stock", shape, ("P1", 10, 5), ("P2", 3, 4), ("P4", 1, 2))
    movements = case.rows(
        "movement_id int, product_id string, quantity int",
        (3, "P4", 7),
        (4, "P2", 1),
        (5, "P1", -2),
        (6, "P1", -3),
        (6, "P1", -3),
        (7, "P1", -3),
        (8, "P3", 5),
        (9, "P3", 1),
    ).coalesce(1)
    case.runs(
        lambda: answer(movements, table),
        "P1 has several movements, and your code raised {error}: each row of the table may meet one row of the "
        "source, so add the movements of a product first.",
        error="DELTA_MULTIPLE_SOURCE_ROW",
    )
    case.equal(
        case.spark.table(table),
        shape,
        ("P1", 4, 7),
        ("P2", 3, 4),
        ("P3", 6, 9),
        ("P4", 8, 3),
        given=movements,
        when={
            ("P1", -1, ...): "P1 has {got}: movement 5 was counted again, and movement 6 twice.",
            ("P1", 2, ...): "P1 has {got}: movement 5 was counted again. The table had seen it, as `last_id` says.",
            ("P1", 1, ...): "P1 has {got}: movement 6 stands twice in the batch, and is one movement.",
            ("P1", 7, ...): "P1 has {got}: movements 6 and 7 have the same quantity, and are two. A movement is "
            "known by its id.",
            ("P1", -8, ...): "P1 has {got}, the sum of the batch: what moves comes on top of the stock of 10, and "
            "movement 5 is in that already.",
            ("P1", -6, ...): "P1 has {got}, the sum of the new movements: they come on top of the stock of 10.",
            ("P2", 4, ...): "P2 has {got}: movement 4 was counted again. The table had seen it, as `last_id` says.",
            ("P1", 4, 5): "P1 has {got}: the stock is right, and `last_id` still says 5, so the next run counts 6 "
            "and 7 again.",
            ("P1", 4, ...): "P1 has {got}: the stock is right, and `last_id` is not the last movement of P1, which is "
            "7. Each product has its own.",
            ("P1", 16, ...): "P1 has {got}: its movements are negative, so goods left. The sign counts.",
            ("P4", 1, 2): "P4 still has {got}: movement 3 is new to P4, though the table has counted 5 of P1. Each "
            "product has its own `last_id`.",
        },
        missing={
            ("P2", ..., ...): "P2 is gone ({got} was expected): the batch brings nothing new of it, and its stock is "
            "there all the same.",
            ("P3", ..., ...): "P3 is not there ({got} was expected): it is new, so its `last_id` is NULL, and no id is "
            "larger than NULL. Or an insert is missing.",
        },
    )


@exercise(
    objective="3.6",
    hints=(
        "What can the table know of a customer whose row was deleted? Where would it look, to see that a change is "
        "older?",
        "One row a customer first, with its newest `op`. Then the MERGE needs no DELETE at all: a delete is an "
        "update that sets `deleted`, and an insert where nothing matches.",
        "Build rows of the table's own columns from the batch (`deleted` is `op = 'D'`, the city NULL then), and "
        "merge them with `WHEN MATCHED AND <newer> THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *`.",
    ),
    docs=DELTA + "delta-update/",
    why="Such a mark is called a tombstone. It is what AUTO CDC on Databricks keeps behind your table for deletes "
    "that come out of order, and removes after some days. Readers get a view with `WHERE NOT deleted`. Personal data "
    "must go from the mark, the key must stay.",
)
def apply_changes(answer: Answer, case: Case) -> None:
    shape = "customer_id string, city string, change_id int, deleted boolean"
    table = stored(
        case,
        "customers",
        shape,
        ("C1", "Oslo", 10, False),
        ("C2", "Rome", 11, False),
        ("C3", None, 20, True),
        ("C4", "Bonn", 30, False),
        ("C6", None, 50, True),
        ("C7", "Pisa", 60, False),
        ("C8", "Graz", 70, False),
        ("C9", "Bari", 80, False),
    )
    changes = case.rows(
        "customer_id string, change_id int, op string, city string",
        ("C1", 11, "U", "Lom"),
        ("C1", 12, "U", "Bergen"),
        ("C2", 13, "D", "Rome"),
        ("C3", 19, "U", "Kyiv"),
        ("C4", 29, "D", "Bonn"),
        ("C5", 41, "D", "Paris"),
        ("C5", 40, "I", "Paris"),
        ("C6", 51, "I", "Wien"),
        ("C8", 71, "D", "Graz"),
        ("C8", 72, "I", "Linz"),
        ("C9", 81, "U", None),
        ("C10", 90, "U", "Turin"),
    ).coalesce(1)
    case.runs(
        lambda: answer(changes, table),
        {
            "DELTA_MULTIPLE_SOURCE_ROW": "The batch holds C1 twice, and your code raised {error}: reduce it to the "
            "newest change of each customer first.",
            "DELTA_MERGE_UNRESOLVED_EXPRESSION": "Your MERGE asks for a column that is not there, and raised {error}: "
            "`UPDATE SET *` and `INSERT *` take every column of the table from the source, and the batch has no "
            "`deleted`.",
        },
    )
    case.equal(
        case.spark.table(table),
        shape,
        ("C1", "Bergen", 12, False),
        ("C2", None, 13, True),
        ("C3", None, 20, True),
        ("C4", "Bonn", 30, False),
        ("C5", None, 41, True),
        ("C6", "Wien", 51, False),
        ("C7", "Pisa", 60, False),
        ("C8", "Linz", 72, False),
        ("C9", None, 81, False),
        ("C10", "Turin", 90, False),
        given=changes,
        when={
            ("C1", "Oslo", ..., ...): "C1 still is {got}: change 12 is newer than change 10. Compare a change with the "
            "row of its own customer.",
            ("C1", "Lom", ..., ...): "C1 came back as {got}, and change 12 is newer: `dropDuplicates` keeps any of "
            "two changes.",
            ("C3", "Kyiv", ..., ...): "C3 came back to life as {got}: the table knew of the delete, change 20, and "
            "change 19 is older.",
            ("C4", ..., ..., True): "C4 is deleted, {got}: the delete is change 29, and the table had seen change 30.",
            ("C5", "Paris", 40, ...): "C5 is there as {got}: change 41 deletes it, and stands before change 40 in the "
            "batch. Newest means the largest id.",
            (lambda row: row[0] in ("C2", "C5") and row[1] is not None): "A customer who was deleted came back as "
            "{got}: the city must go with the customer.",
            ("C2", None, 11, True): "C2 came back as {got}: the mark must hold the `change_id` of the delete, 13, or "
            "change 12 brings C2 back tomorrow.",
            ("C5", None, ..., False): "C5 came back as {got}: all that is known is a delete, so `deleted` is true.",
            ("C6", None, 50, True): "C6 still is {got}: change 51 is newer than the delete, so the customer is back.",
            ("C6", ..., 51, True): "C6 came back as {got}, with a city and the mark of a delete: who is back is not "
            "deleted any more.",
            ("C8", None, ..., True): "C8 is deleted, {got}: change 71 is a delete, and change 72 brings C8 back. The "
            "newest change decides, not whether there is a delete.",
            ("C8", "Graz", ..., ...): "C8 still is {got}: change 72 brought C8 back, to Linz.",
            ("C9", None, ..., True): "C9 is deleted, {got}: its newest change is an update to a city that is not "
            "known. Only `op` says what is a delete.",
            ("C9", "Bari", ..., ...): "C9 came back as {got}: change 81 says that the city is not known any more, and "
            "NULL is what the row then holds.",
        },
        missing={
            ("C2", ..., ..., ...): "The row of C2 is gone ({got} was expected): without a mark, a change older than 13 "
            "that comes tomorrow makes the customer anew.",
            ("C4", ..., ..., ...): "C4 is gone ({got} was expected): the delete is change 29, and the table had seen "
            "change 30.",
            ("C5", ..., ..., ...): "C5 left no mark ({got} was expected): a delete of somebody whom the table does "
            "not know must be remembered too, for the insert may still come.",
            ("C7", ..., ..., ...): "C7 is gone ({got} was expected): the batch does not speak of C7.",
            ("C10", ..., ..., ...): "C10 is not there ({got} was expected): its first change to arrive is an update, "
            "and the insert may come later. Whoever is heard of gets a row.",
        },
    )


@exercise(
    objective="3.7",
    hints=(
        "Does the first day of a price belong to it? And the day on which it ends? And what is the end of the price "
        "that holds now?",
        "A join takes any condition: `sales.join(prices, condition, 'left')`. An interval without its end is "
        "`valid_from <= day` and `day < valid_to`; with `valid_to` NULL the second is never true.",
        "The condition has three parts, with `&` between them: the product; begun by that day; and (no end, or the end "
        "after that day).",
    ),
    docs=SPARK + "sql-ref-syntax-qry-select-join.html",
    why="Half-open intervals meet without a gap and without an overlap, whatever the unit is: days, seconds or "
    "microseconds. With `BETWEEN` and an end of 23:59:59 there is a second that belongs to nobody. Joining the price "
    "of today to old sales is the usual way to rewrite history.",
)
def price_then(answer: Answer, case: Case) -> None:
    sales = case.rows(
        "sale_id string, product_id string, sold_on date",
        ("S1", "A", FEB),
        ("S2", "A", MAR),
        ("S3", "A", MAY),
        ("S4", "A", date(2025, 12, 31)),
        ("S5", "B", APR),
        ("S6", "B", FEB),
        # Later than any day on which a check runs: what holds now has no end, today is none.
        ("S7", "A", date(2199, 1, 1)),
    )
    prices = case.rows(
        "product_id string, price double, valid_from date, valid_to date",
        ("A", 10.0, JAN, MAR),
        ("A", 12.0, MAR, None),
        ("B", 5.0, FEB, APR),
        ("C", 7.0, JAN, None),
    )
    case.equal(
        answer(sales, prices),
        "sale_id string, price double",
        ("S1", 10.0),
        ("S2", 12.0),
        ("S3", 12.0),
        ("S4", None),
        ("S5", None),
        ("S6", 5.0),
        ("S7", 12.0),
        given=sales,
        when={
            (None, ...): "A row came back as {got}, without a sale: the price of C met no sale, and only sales keep "
            "their row. Which kind of join keeps the left side alone?",
            (..., 7.0): "You gave {got}, the price of C, which nobody bought: the product is part of the condition.",
            (..., 0.0): "You gave {got}: a sale without a price has NULL. 0.0 would say that it was for free.",
            ("S3", 10.0): "S3, of May, came back with {got}: that price ended on 1 March. Beginning early enough is "
            "half of the condition, the end is the other.",
            ("S1", None): "S1, of February, came back with {got}: its price began on 1 January and held until 1 "
            "March, also between these days.",
            ("S1", 12.0): "S1, of February, came back with {got}: that is the price of today.",
            ("S4", lambda price: price is not None): "S4 came back with {got}: the first price began a day later.",
            ("S2", 10.0): "S2, of the day on which the price changed, came back with {got}: `BETWEEN` holds both "
            "ends, so the old price claims that day too. An end is not part of the interval.",
            ("S5", 5.0): "S5 came back with {got}: the price of B ended on that day, and no other began.",
            ("S3", None): "S3 came back with {got}: the price that holds now has no end, and no day is before NULL.",
            ("S6", None): "S6 came back with {got}: the first day of a price belongs to it.",
            ("S7", None): "S7 came back with {got}: it is of a day after today, and the price that holds now has no "
            "end. Today is none.",
        },
        missing={
            ("S4", None): "S4 is gone: no price held before 1 January, and a sale without a price ({got} was "
            "expected) is a sale.",
        },
    )


@exercise(
    objective="3.7",
    hints=(
        "Is `NULL <> '3'` true? And is `'4' <> NULL`?",
        '`Column.eqNullSafe`, in SQL `<=>`, is true or false, never NULL. A join of the kind `"outer"` keeps both '
        "sides, with NULL for the one that is absent.",
        'Give both an `alias`, join them by `customer_id` with `"outer"`, then `F.when(…, "new").when(…, '
        '"gone").when(…, "changed")`, and leave out whoever is none of them.',
    ),
    docs=SPARK + "sql-ref-null-semantics.html",
    why="`<>` misses every change from or to NULL: this is the fault that most tutorials on type 2 print. A hash of "
    "all columns is quick to compare and needs care: `concat_ws` skips NULLs, so a value that moves from one column "
    "to the next leaves the text as it was. Hash with a separator and a text for NULL, or compare a struct by `<=>`.",
)
def changed_customers(answer: Answer, case: Case) -> None:
    shape = "customer_id string, landline string, mobile string"
    before = case.rows(
        shape,
        ("C1", "1", None),
        ("C2", "2", "2"),
        ("C3", "3", None),
        ("C4", "4", "4"),
        ("C5", "5", None),
        ("C6", "6", "6"),
        ("C8", "", "8"),
        ("C9", "9", "9"),
        ("C10", None, None),
    )
    after = case.rows(
        shape,
        ("C1", "1", None),
        ("C2", "22", "2"),
        ("C3", "3", "33"),
        ("C4", None, "4"),
        ("C5", None, "5"),
        ("C7", "7", "7"),
        ("C8", None, "8"),
        ("C9", "9", "99"),
        ("C10", None, None),
    )
    case.equal(
        answer(before, after),
        "customer_id string, what string",
        ("C2", "changed"),
        ("C3", "changed"),
        ("C4", "changed"),
        ("C5", "changed"),
        ("C6", "gone"),
        ("C7", "new"),
        ("C8", "changed"),
        ("C9", "changed"),
        given=before,
        when={
            ("C1", "changed"): "{got} came back: C1 has the same landline, and no mobile number before and after. "
            "Only a NULL-safe comparison finds NULL equal to NULL.",
            ("C1", ...): "{got} came back: C1 stayed the same, and only the others are asked for.",
            ("C6", "changed"): "You gave {got}: C6 is not among today's customers.",
            ("C7", "changed"): "You gave {got}: C7 was not among yesterday's customers.",
            ("C6", "new"): "You gave {got}: C6 is among yesterday's customers and not among today's, so it is gone.",
            (None, ...): "A customer without an id came back, {got}: the id of who is new stands in today's table, of "
            "who is gone in yesterday's. Take the one that is there.",
            (lambda row: row[0] in ("C2", "C3", "C4", "C5", "C8", "C9") and row[1] != "changed"): "You gave {got}, who "
            "is in both tables: that a number is NULL does not say that a customer is absent. Ask `customer_id`.",
            ("C10", ...): "You gave {got}: C10 has no number, before and after, and is in both tables. Ask "
            "`customer_id` who is there, and compare NULL by `<=>`.",
        },
        missing={
            ("C9", ...): "A row is missing, {got}: only the mobile number of C9 changed. One of the two numbers is "
            "enough, and each is compared.",
            ("C2", ...): "A row is missing, {got}: only the landline of C2 changed. One of the two numbers is enough.",
            ("C3", ...): "A row is missing, {got}: C3 has a mobile number now and had NULL. A comparison with NULL "
            "is NULL, neither equal nor different.",
            ("C4", ...): "A row is missing, {got}: C4 had a landline and has none. To lose a number is a change too.",
            ("C5", ...): "A row is missing, {got}: the number of C5 moved from landline to mobile. `concat_ws` skips "
            "NULL, and so do hashes, so both rows give the same.",
            ("C8", ...): "A row is missing, {got}: the landline of C8 was the empty text and is NULL. A stand-in for "
            "NULL must not be a value that occurs.",
            ("C6", ...): "A row is missing, {got}: C6 is only among yesterday's, and a join that starts from "
            "today's, or an inner one, drops that side.",
            ("C7", ...): "A row is missing, {got}: C7 is only among today's, and a left join from yesterday's does not "
            "find anybody new.",
        },
    )


@exercise(
    objective="3.7",
    hints=(
        "Go in steps: one row a customer and day; leave out what repeats the state before; then every turn ends "
        "where the next one begins. What is the state after a delete?",
        "`F.max_by` for the day, `F.lag` for the state before, `F.lead` for the end, each over a window by customer "
        "and day. `<=>` compares NULL like a value; a struct around the city tells a NULL city from no customer.",
        "`state = F.when(<no delete>, F.struct(<city>))`; keep rows where `NOT (state <=> <lag of state>)`; "
        "`valid_to` is the `lead` of the day; only then leave out the rows without a state.",
    ),
    docs=FUNCTIONS + "lead.html",
    why="Built from the whole log, a history is the same whatever the order of arrival was, and however often it is "
    "built: late and repeated changes need no case of their own. A MERGE of each batch into the table is cheaper on "
    "a large history, and needs all these cases by hand; so rebuild only the customers that the batch names.",
)
def customer_history(answer: Answer, case: Case) -> None:
    changes = case.rows(
        "customer_id string, change_id int, changed_on date, op string, city string",
        ("C1", 1, JAN, "I", "Oslo"),
        ("C1", 2, MAR, "U", "Bonn"),
        ("C1", 2, MAR, "U", "Bonn"),
        ("C1", 9, FEB, "U", "Rome"),
        ("C2", 3, JAN, "I", "Oslo"),
        ("C2", 4, FEB, "U", "Oslo"),
        ("C2", 5, MAR, "U", None),
        ("C2", 6, APR, "U", "Oslo"),
        ("C3", 7, JAN, "I", "Kyiv"),
        ("C3", 8, MAR, "D", "Kyiv"),
        ("C3", 11, MAY, "I", "Kyiv"),
        ("C4", 12, JAN, "I", "Wien"),
        ("C4", 14, FEB, "U", "Graz"),
        ("C4", 13, FEB, "U", "Linz"),
        ("C5", 15, JAN, "I", "Pisa"),
        ("C5", 16, FEB, "D", "Pisa"),
        ("C5", 17, APR, "D", "Pisa"),
        ("C6", 18, JAN, "D", "Nice"),
        ("C7", 19, JAN, "I", None),
        ("C7", 20, FEB, "D", None),
        ("C7", 21, MAR, "I", None),
        ("C8", 22, JAN, "I", "Lyon"),
        ("C8", 24, FEB, "I", "Lyon"),
        ("C8", 23, FEB, "D", "Lyon"),
        ("C9", 25, JAN, "I", "Bari"),
        ("C9", 26, FEB, "U", "Rome"),
        ("C9", 27, FEB, "U", "Bari"),
        ("C10", 28, JAN, "I", "Gent"),
        ("C10", 29, MAR, "I", "Gent"),
        ("C11", 30, JAN, "I", "Brno"),
        ("C11", 31, FEB, "I", "Brno"),
        ("C11", 32, FEB, "D", "Brno"),
        ("C12", 33, JAN, "I", None),
        ("C12", 34, MAR, "U", None),
    ).coalesce(1)
    case.equal(
        answer(changes),
        "customer_id string, city string, valid_from date, valid_to date, is_current boolean",
        ("C1", "Oslo", JAN, FEB, False),
        ("C1", "Rome", FEB, MAR, False),
        ("C1", "Bonn", MAR, None, True),
        ("C2", "Oslo", JAN, MAR, False),
        ("C2", None, MAR, APR, False),
        ("C2", "Oslo", APR, None, True),
        ("C3", "Kyiv", JAN, MAR, False),
        ("C3", "Kyiv", MAY, None, True),
        ("C4", "Wien", JAN, FEB, False),
        ("C4", "Graz", FEB, None, True),
        ("C5", "Pisa", JAN, FEB, False),
        ("C7", None, JAN, FEB, False),
        ("C7", None, MAR, None, True),
        ("C8", "Lyon", JAN, None, True),
        ("C9", "Bari", JAN, None, True),
        ("C10", "Gent", JAN, None, True),
        ("C11", "Brno", JAN, FEB, False),
        ("C12", None, JAN, None, True),
        given=changes,
        when={
            (lambda row: row[3] is not None and row[3].year > 2026): "A version came back as {got}: what has no end "
            "has `valid_to` NULL. A day far away is an end too.",
            (lambda row: row[3] is not None and row[3].day != 1): "A version came back as {got}: `valid_to` is the "
            "first day on which it does not hold any more, the `valid_from` of the next.",
            (lambda row: row[2] == row[3]): "A version came back as {got}, from a day up to the same day: of several "
            "changes of a day only the last one counts, and a repeated one not at all.",
            (lambda row: row[0] == "C6" or (row[0] == "C3" and row[2] == MAR)): "A delete came back as a version, "
            "{got}: it ends one and begins none.",
            (lambda row: row[0] == "C3" and row[2] == JAN and row[3] != MAR): "C3 came back as {got}, and was "
            "deleted on 1 March: leave the deletes out only after they have ended the version before them.",
            ("C5", "Pisa", JAN, FEB, True): "C5 came back as {got}: the last version of somebody who was deleted is "
            "over. Current is what has no end.",
            (lambda row: row[:2] == ("C1", "Rome") and row[3] != MAR): "C1 came back as {got}: the change to Rome "
            "has the largest id, and is late. It holds from 1 February until Bonn on 1 March.",
            ("C2", "Oslo", FEB, ..., ...): "C2 came back as {got}, a version of its own: on 1 February nothing "
            "changed.",
            ("C4", "Linz", ..., ..., ...): "C4 came back as {got}: of the two changes of 1 February, 14 is the newer "
            "one.",
            ("C2", None, MAR, None, ...): "C2 came back as {got}, and was in Oslo again from 1 April on: a group by "
            "customer and city knows a city once, and nobody comes back to it.",
            ("C7", None, JAN, None, ...): "C7 came back as {got}, and was deleted on 1 February: a delete is not a "
            "change to the city NULL. It ends a version whose city is NULL too.",
            ("C9", "Bari", FEB, ..., ...): "C9 came back as {got}: before that day it was Bari, and at its end it is. "
            "First one row a day, then leave out what did not change.",
            ("C9", "Rome", ..., ..., ...): "C9 came back as {got}: Rome held for a part of a day, and the day ended "
            "with Bari. The last change of a day counts.",
            ("C10", "Gent", MAR, ..., ...): "C10 came back as {got}, a version of its own: an insert of somebody who "
            "is there, in the same city, changes nothing.",
            ("C8", "Lyon", JAN, FEB, ...): "C8 came back as {got}: on 1 February it was deleted by change 23 and back "
            "by change 24. The last change of the day counts, a delete before it does not.",
            ("C8", "Lyon", FEB, ..., ...): "C8 came back as {got}: on the day before it was in Lyon, at the end of the "
            "day it is in Lyon, so nothing changed.",
            ("C11", "Brno", JAN, None, ...): "C11 came back as {got}, and was deleted on 1 February: that is the last "
            "change of the day, whatever came before it.",
            ("C12", None, MAR, ..., ...): "C12 came back as {got}, a version of its own: its city was not known and is "
            "not known. `=` never finds NULL equal to NULL.",
        },
        missing={
            ("C2", None, MAR, APR, False): "The version {got} is not there: from Oslo to NULL is a change, and `<>` "
            "with NULL does not see it.",
            ("C3", "Kyiv", MAY, None, True): "The version {got} is not there: the customer came back after the "
            "delete, to the same city. A delete is a state too.",
            ("C7", None, JAN, FEB, False): "The version {got} is not there: the first city of C7 is NULL, and nothing "
            "before it is not the same as a NULL before it.",
            ("C7", None, MAR, None, True): "The version {got} is not there: C7 came back after the delete, with a city "
            "that is not known. No customer and no city are two states.",
        },
    )


@exercise(
    objective="3.7",
    hints=(
        "Which of the columns of the history can you believe after a late change: `valid_from`, or `valid_to`?",
        "A history is a list of changes with their ends computed. Put the late changes among them (`unionByName`), and "
        "compute the ends again with `F.lead`; `F.lag` shows the city before.",
        "Union, then keep the rows whose city is not (NULL-safe) the city before, then `lead` for `valid_to`. A struct "
        "around the city tells a NULL before from nothing before.",
    ),
    docs=FUNCTIONS + "lag.html",
    why="Most tutorials close the version that is current and open the new one: a late change then becomes the "
    "present, and the years between are wrong. Whoever stores only `valid_from` has nothing to mend, and computes "
    "the end when it is asked for. Facts that were joined before the late change came keep the old answer, unless "
    "you join them again.",
)
def with_late_changes(answer: Answer, case: Case) -> None:
    shape = "customer_id string, city string, valid_from date, valid_to date"
    history = case.rows(
        shape,
        ("C1", "Oslo", JAN, APR),
        ("C1", "Bonn", APR, None),
        ("C2", "Rome", FEB, None),
        ("C3", "Wien", JAN, None),
        ("C4", "Graz", JAN, MAR),
        ("C4", "Linz", MAR, None),
        ("C5", "Pisa", JAN, None),
        ("C7", None, FEB, None),
        ("C8", "Lyon", JAN, MAR),
        ("C8", "Metz", MAR, None),
        ("C9", "Bari", JAN, None),
    ).coalesce(1)
    late = case.rows(
        "customer_id string, city string, changed_on date",
        ("C1", "Rome", FEB),
        ("C1", "Rome", FEB),
        ("C1", "Bonn", APR),
        ("C2", "Kyiv", JAN),
        ("C3", "Wien", MAR),
        ("C4", "Linz", FEB),
        ("C5", None, MAR),
        ("C6", "Nice", MAR),
        ("C7", None, MAR),
        ("C8", "Lyon", APR),
    ).coalesce(1)
    case.equal(
        answer(history, late),
        shape,
        ("C1", "Oslo", JAN, FEB),
        ("C1", "Rome", FEB, APR),
        ("C1", "Bonn", APR, None),
        ("C2", "Kyiv", JAN, FEB),
        ("C2", "Rome", FEB, None),
        ("C3", "Wien", JAN, None),
        ("C4", "Graz", JAN, FEB),
        ("C4", "Linz", FEB, None),
        ("C5", "Pisa", JAN, MAR),
        ("C5", None, MAR, None),
        ("C6", "Nice", MAR, None),
        ("C7", None, FEB, None),
        ("C8", "Lyon", JAN, MAR),
        ("C8", "Metz", MAR, APR),
        ("C8", "Lyon", APR, None),
        ("C9", "Bari", JAN, None),
        given=history,
        when={
            (lambda row: row[3] is not None and row[3].day != 1): "A version came back as {got}: `valid_to` is the "
            "first day on which it does not hold any more, the `valid_from` of the next.",
            ("C1", "Bonn", APR, JAN): "C1 came back as {got}, and the version holds now: the first day of the next "
            "customer ends it. Each customer is a partition.",
            ("C1", "Rome", FEB, None): "C1 came back as {got}, as if it were current: the change is late, and Bonn "
            "follows on 1 April.",
            ("C1", "Oslo", JAN, APR): "C1 came back as {got}: from 1 February on it was Rome, so the version into "
            "which the late change falls must end there.",
            (lambda row: row[2] == row[3]): "A version came back as {got}, from a day up to the same day: a change "
            "that comes for the second time makes no version.",
            ("C3", "Wien", MAR, None): "C3 came back as {got}, a version of its own: that the city was Wien was "
            "known, so nothing changed.",
            ("C4", "Linz", FEB, MAR): "C4 came back as {got}, and Linz once more from 1 March on: two versions that "
            "follow each other never hold the same city.",
            ("C7", None, MAR, None): "C7 came back as {got}, a version of its own: its city was not known and is not "
            "known. `=` never finds NULL equal to NULL.",
        },
        missing={
            ("C9", ...): "The version {got} is gone: of C9 nothing came late, and its history stays as it is.",
            ("C2", "Kyiv", JAN, FEB): "The version {got} is not there: a late change can begin before all versions, "
            "so none of them holds its day.",
            ("C5", None, MAR, None): "The version {got} is not there: from Pisa to NULL is a change, and `<>` with "
            "NULL does not see it.",
            ("C7", None, FEB, None): "The version {got} is gone: C7's only city is NULL, and nothing before it is "
            "not the same as a NULL before it.",
            ("C6", "Nice", MAR, None): "The version {got} is not there: nothing was known of C6 before, and now it is.",
            ("C8", "Lyon", APR, None): "The version {got} is not there: C8 had been in Lyon, and came back to it from "
            "Metz. Compare with the city just before, not with all that were known.",
        },
    )

"""Checks of the exercises of the capstone, which rebuild a part of each layer."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from workbook.checking.case import Case
from workbook.checking.exercise import Answer, exercise

SPARK = "https://spark.apache.org/docs/latest/"
FUNCTIONS = SPARK + "api/python/reference/pyspark.sql/api/pyspark.sql.functions."
FRAMES = SPARK + "api/python/reference/pyspark.sql/api/pyspark.sql.DataFrame."
DELTA = "https://docs.delta.io/"
DATABRICKS = "https://docs.databricks.com/aws/en/"


@exercise(
    objective="11.1",
    hints=(
        "Three questions, in this order: is the column there, is it of the type, has every row a value? For which "
        "columns is the third one asked at all?",
        "`frame.dtypes` gives names and types; `F.bool_or(F.col(name).isNull())` says in one row whether any value is "
        "NULL. Ask for all columns in one `select`, so that the delivery is read once.",
        "`types = dict(delivery.dtypes)`, then a loop over `contract.items()` with `if … elif … elif …`.",
    ),
    docs=DATABRICKS + "ldp/expectations",
    why="The schema is the smaller half of a contract: types without completeness promise little. And a new column is "
    "no breach. A consumer who refuses what was not promised makes every addition of the producer an incident; take it "
    "in at bronze, and use it when the contract has grown.",
)
def contract_breaches(answer: Answer, case: Case) -> None:
    contract = {
        "order_id": ("string", True),
        "quantity": ("int", True),
        "currency": ("string", False),
        "discount": ("decimal(10,2)", False),
        "place": ("int", True),
        "amount": ("double", True),
        "coupon": ("string", False),
    }
    delivery = case.rows(
        "order_id string, amount double, quantity bigint, place int, discount decimal(12,2), coupon string, "
        "note string",
        ("O1", 1.5, None, 0, None, None, "gift"),
        ("O2", None, 2, 1, Decimal("0.50"), None, None),
        ("O3", 2.5, 3, 2, None, "TEN", None),
    )
    judged = partial(
        case.runs,
        lambda: answer(delivery, contract),
        "The delivery has no column `currency`, and your code raised {error}: look whether a column is there before "
        "you look into it.",
        error="currency",
    )
    case.value(
        case.runs(
            judged,
            "The contract says nothing of `note`, and your code raised {error}: go through the columns of the "
            "contract, not through those of the delivery.",
            error="note",
        ),
        [("quantity", "type"), ("currency", "missing"), ("discount", "type"), ("amount", "null")],
        call="The contract of seven columns",
        when={
            (lambda got: not isinstance(got, list)): "You gave {got}: a list of pairs is asked for, a column and its "
            "breach, in the order of the contract.",
            (lambda got: any(name == "note" for name, _ in got)): "You gave {got}: the contract says nothing of "
            "`note`, so nothing is broken by it.",
            (lambda got: ("order_id", "type") in got or ("place", "type") in got): "You gave {got}: `order_id` is a "
            "string and `place` an int, as the contract says. Compare with what `dtypes` calls a type.",
            (lambda got: ("coupon", "null") in got): "You gave {got}: `coupon` may be without a value, as the contract "
            "says by its False.",
            (lambda got: ("quantity", "null") in got): "You gave {got}: `quantity` is a bigint and an int was "
            "promised, so its breach is `type`: the first breach that applies is the one to name.",
            (lambda got: ("place", "null") in got): "You gave {got}: every row has a `place`. 0 is a value, which "
            "Python takes for false.",
            (lambda got: len(got) == 1): "You gave {got}: four columns break the contract, and each is to be named.",
            (lambda got: ("amount", "null") not in got): "You gave {got}: `amount` has the right type, and no value in "
            "O2. A schema does not say whether values are there, nor does one row.",
            (lambda got: ("currency", "missing") not in got): "You gave {got}: there is no column `currency`. That it "
            "may be without a value does not say that it may be absent.",
            (lambda got: ("discount", "type") not in got): "You gave {got}: `discount` is a decimal(12,2), and a "
            "decimal(10,2) was promised. A column that may be without a value has its type all the same.",
            (lambda got: len(got) == 4): "You gave {got}: that are the right ones, and not in the order of the "
            "contract.",
        },
    )
    case.value(
        answer(case.rows("order_id string, coupon string"), {"order_id": ("string", True), "coupon": ("string", True)}),
        [],
        call="A delivery without rows, of the right columns,",
        when={
            (lambda got: True): "A delivery without rows gave {got}: a breach by NULL needs a row that has none.",
        },
    )


@exercise(
    objective="11.2",
    hints=(
        "Two things identify a file: where it lies, and what is in it. Which combination is which verdict?",
        "`loaded.items()` gives pairs. `(path, checksum) in pairs` asks for both, `any(path == known for known, _ in "
        "pairs)` for one. What is handed to you belongs to somebody else: make a list of your own, and note there.",
        "`come = list(loaded.items())`, then `for path, checksum in announced:` with `if … elif … elif … else`, in the "
        "order of the task; at the end of each round note the pair that has just come.",
    ),
    docs=DATABRICKS + "ingestion/cloud-object-storage/auto-loader/",
    why="Auto Loader and a file stream remember paths: a file under a new name is new, a file corrected in place is "
    "never read again. Both are right for their purpose, so know which of the four cases your loader can't see, and "
    "let the manifest tell you.",
)
def judged_files(answer: Answer, case: Case) -> None:
    loaded = {"1.json": "aa", "2.json": "bb"}
    case.value(
        case.runs(
            lambda: answer([("1.json", "aa"), ("2.json", "b2"), ("4.json", "aa")], loaded),
            "`4.json` was never taken in, and your code raised {error}: `[…]` demands that the path is there. Ask "
            "whether it is.",
            error=".json",
        ),
        [("1.json", "again"), ("2.json", "changed"), ("4.json", "copy")],
        call="The files 1 and 2, which bronze has, and 4",
        when={
            (lambda got: not isinstance(got, list)): "You gave {got}: a file can be announced twice, with a verdict "
            "each time. That is a list of pairs.",
            (lambda got: "changed" in got): "You gave {got}: each verdict stands beside the path of its file.",
            (lambda got: ("2.json", "load") in got): "You gave {got}: `2.json` was loaded with another content, and "
            "loading it again leaves the old rows beside the new ones.",
            (lambda got: ("2.json", "again") in got): "You gave {got}: `2.json` has come with another content. The "
            "path alone does not show that.",
            (lambda got: ("4.json", "load") in got): "You gave {got}: `4.json` holds what `1.json` held, and every row "
            "of it would be there twice.",
        },
    )
    case.require(
        len(loaded) == 2,
        f"After the call `loaded` has {len(loaded)} entries: it is what bronze has, and nothing was loaded yet.",
        seen=len(loaded),
    )
    case.value(
        answer([("3.json", "cc"), ("5.json", "cc"), ("3.json", "c2")], loaded),
        [("3.json", "load"), ("5.json", "copy"), ("3.json", "changed")],
        call="Three files that bronze does not have",
        when={
            (lambda got: [path for path, _ in got] == ["3.json", "3.json", "5.json"]): "You gave {got}: the verdicts "
            "stand in the order of the announcement, for what comes first decides over what comes later.",
            (lambda got: ("5.json", "load") in got): "You gave {got}: `5.json` holds what `3.json` holds, which stands "
            "before it in the same announcement.",
            (lambda got: got.count(("3.json", "load")) > 1): "You gave {got}: `3.json` is announced twice and loaded "
            "once. What stands earlier in the announcement has come before.",
        },
    )
    case.value(
        answer([("3.json", "cc"), ("6.json", "dd"), ("3.json", "cc")], loaded),
        [("3.json", "load"), ("6.json", "load"), ("3.json", "again")],
        call="A file that is announced twice",
        when={
            (lambda got: len(got) < 3): "You gave {got}: `3.json` is announced twice, and each time has its verdict.",
            (lambda got: got.count(("3.json", "load")) > 1): "You gave {got}: the second time `3.json` has come "
            "before, in the same announcement.",
        },
    )
    case.value(
        answer([("2.json", "aa"), ("4.json", "aa"), ("4.json", "aa")], loaded),
        [("2.json", "changed"), ("4.json", "copy"), ("4.json", "again")],
        call="The content of file 1, as file 2 and twice as file 4,",
        when={
            (("2.json", "copy"), ...): "You gave {got}: `2.json` has come with another content, which is the first "
            "that holds. That its new content is known does not show who wrote it there.",
            (("2.json", "again"), ...): "You gave {got}: `2.json` has come, and so has its content, but never "
            "together. Ask for the pair.",
            (lambda got: got.count(("4.json", "copy")) > 1): "You gave {got}: the second time this very pair has come, "
            "a moment before. A copy is not loaded, and has come all the same.",
        },
    )
    case.value(
        answer([("1.json", "a2"), ("8.json", "aa"), ("9.json", "a2"), ("1.json", "a2")], loaded),
        [("1.json", "changed"), ("8.json", "copy"), ("9.json", "copy"), ("1.json", "again")],
        call="A changed file 1, and files with its old and its new content,",
        when={
            (lambda got: ("8.json", "load") in got): "You gave {got}: `8.json` holds what `1.json` was loaded with. "
            "Note what comes beside what has come, not over it.",
            (lambda got: ("9.json", "load") in got): "You gave {got}: `9.json` holds what `1.json` has just come with. "
            "A changed file is not loaded, and has come all the same.",
            (lambda got: got.count(("1.json", "changed")) > 1): "You gave {got}: the second time `1.json` has come "
            "with this content, in the same announcement.",
        },
    )


@exercise(
    objective="11.3",
    hints=(
        "What is `price > 0` where the price is NULL? And what is NOT of that?",
        "`F.coalesce(condition, F.lit(False))` makes TRUE or FALSE of it. `F.when` without `otherwise` gives NULL, and "
        "`F.array_compact` takes NULLs out of an array.",
        "One `F.when(<broken>, name)` for each rule, then `rows.withColumn('reasons', F.array_compact(F.array(*…)))`.",
    ),
    docs=FUNCTIONS + "array_compact.html",
    why="A NULL passes neither `p` nor `NOT p`: a filter for good rows and one for bad rows lose it together. And all "
    "reasons, not the first: whoever repairs a row wants to do it once, and only a full count tells which rule costs "
    "most.",
)
def with_reasons(answer: Answer, case: Case) -> None:
    rules = [
        ("id_present", "id IS NOT NULL"),
        ("price_positive", "price > 0"),
        ("cheap", "price < 100"),
        ("in_euro", "currency = 'EUR' OR currency = 'eur'"),
    ]
    shape = "id string, price double, currency string"
    rows = case.rows(
        shape,
        ("A", 5.0, "EUR"),
        ("B", None, "EUR"),
        ("C", -1.0, "USD"),
        (None, 500.0, None),
        ("E", 0.0, "eur"),
        ("E", 0.0, "eur"),
    )
    case.equal(
        case.runs(
            lambda: answer(rows, rules),
            "You glued a condition into a longer one, and Spark raised {error}: each condition is one of its own. Put "
            "it in parentheses, or in `F.expr` alone.",
            error="PARSE_SYNTAX_ERROR",
        ),
        shape + ", reasons array<string>",
        ("A", 5.0, "EUR", []),
        ("B", None, "EUR", ["price_positive", "cheap"]),
        ("C", -1.0, "USD", ["price_positive", "in_euro"]),
        (None, 500.0, None, ["id_present", "cheap", "in_euro"]),
        ("E", 0.0, "eur", ["price_positive"]),
        ("E", 0.0, "eur", ["price_positive"]),
        given=rows,
        when={
            ("B", None, "EUR", ()): "You gave {got}: `price > 0` is NULL there, and NOT NULL is NULL as well. A row "
            "keeps a rule only where it is TRUE.",
            ("C", ..., ..., ("price_positive",)): "You gave {got}: C is not paid in euros either. All rules that a row "
            "breaks are asked for, not the first.",
            (lambda row: None in (row[3] or ())): "You gave {got}: where a rule is kept, its name is absent, and not "
            "NULL.",
            ("E", ..., ..., ("price_positive", "in_euro")): "You gave {got}: E is paid in `eur`, which the rule "
            "allows. A NOT in front of `a OR b` turns `a` alone, unless there are parentheses.",
            ("A", ..., ..., None): "You gave {got}: A breaks no rule, and its array is empty, not NULL.",
            ("A", ..., ..., ("id_present", ...)): "You gave {got}: A keeps all rules, and you named those that it "
            "keeps.",
            ("C", ..., ..., ("in_euro", "price_positive")): "You gave {got}: the reasons stand in the order of the "
            "rules.",
        },
        missing={
            ("A", ...): "A is missing ({got} was expected): every row comes back, the good ones with an empty array.",
            (None, ...): "The row without id is missing ({got} was expected): it breaks a rule, and is kept for that.",
            ("E", ...): "E came twice, and came back once ({got} was expected a second time): equal rows are rows. "
            "Grouping and joining by their values takes them for one.",
        },
    )


@exercise(
    objective="11.3",
    hints=(
        "Three facts of each row decide: did this very row come before, is it fit, is its key taken? In which order "
        "must you ask?",
        "A left join brings what silver has. `F.row_number()` over key and content finds repeats; a window with "
        "`.rowsBetween(Window.unboundedPreceding, -1)` looks at the rows before, and is NULL for the first one.",
        "`taken = <in silver> | F.coalesce(F.max(<fit>).over(before), F.lit(False))`, then "
        "`F.when(…, 'duplicate').when(…, 'clean').otherwise('quarantined')`.",
    ),
    docs=SPARK + "sql-ref-syntax-qry-select-window.html",
    why="Whatever you decide about a contradiction, decide it so that a second run decides the same: by an order that "
    "the rows carry, never by which arrived first at an executor. And classify all rows in one expression: two filters "
    "that should be opposites are how rows get lost.",
)
def verdicts(answer: Answer, case: Case) -> None:
    silver = case.rows("key string, content string", ("K1", "red"), ("K9", "grey"))
    delivered = case.rows(
        "place int, key string, content string, reasons array<string>",
        (15, "K5", "blue", []),
        (14, "K5", "red", []),
        (13, "K5", "red", ["bad"]),
        (12, "K9", "grey", ["bad"]),
        (11, "K1", "black", ["bad"]),
        (10, "K4", "red", []),
        (9, "K3", "red", ["bad"]),
        (8, "K3", "red", ["bad"]),
        (7, None, "red", ["no key"]),
        (6, "K2", "white", []),
        (5, "K2", "green", []),
        (4, "K2", "white", []),
        (3, "K2", "red", ["bad"]),
        (2, "K1", "blue", []),
        (1, "K1", "red", []),
    )
    case.equal(
        answer(delivered, silver),
        "place int, key string, verdict string",
        (1, "K1", "duplicate"),
        (2, "K1", "quarantined"),
        (3, "K2", "quarantined"),
        (4, "K2", "clean"),
        (5, "K2", "quarantined"),
        (6, "K2", "duplicate"),
        (7, None, "quarantined"),
        (8, "K3", "quarantined"),
        (9, "K3", "duplicate"),
        (10, "K4", "clean"),
        (11, "K1", "quarantined"),
        (12, "K9", "duplicate"),
        (13, "K5", "quarantined"),
        (14, "K5", "duplicate"),
        (15, "K5", "clean"),
        given=delivered,
        when={
            (1, "K1", "clean"): "You gave {got}: silver has this very row, so it has come before.",
            (5, "K2", "duplicate"): "You gave {got}: no row before it has this content. The same key is not the same "
            "row.",
            (2, "K1", "duplicate"): "You gave {got}: silver has K1 with another content, and a contradiction that is "
            "called a repeat is never looked at.",
            (2, "K1", "clean"): "You gave {got}: silver has K1 already, and would have it twice.",
            (4, "K2", "quarantined"): "You gave {got}: the row before it was refused, so nobody has taken K2 yet.",
            (4, "K2", "duplicate"): "You gave {got}: the only row of K2 with a smaller place has another content. Rows "
            "lie in no order: order them by `place`.",
            (5, "K2", "clean"): "You gave {got}: K2 was taken by the clean row at place 4.",
            (6, "K2", "quarantined"): "You gave {got}: the row at place 4 is the same, content and all.",
            (9, "K3", "quarantined"): "You gave {got}: the same row came just before it, and a refused row can be "
            "repeated as well.",
            (10, "K4", ...): "You gave {got}: K4 comes once, and has no reasons.",
            (11, "K1", ...): "You gave {got}: silver has K1 with another content, so this is no repeat, and its "
            "reasons keep it from being clean.",
            (12, "K9", ...): "You gave {got}: silver has this very row, so it has come before. That it has reasons "
            "changes nothing.",
            (14, "K5", ...): "You gave {got}: the row before it has the same key and content. A refused row has come "
            "as well.",
            (15, "K5", ...): "You gave {got}: no clean row of K5 has come. The one before is a duplicate of a refused "
            "row, and takes nothing.",
        },
        missing={
            (7, ...): "{got} was expected and is missing: a key that is NULL has no partner in silver, and its row is "
            "one of the delivery all the same.",
            (6, ...): "{got} was expected and is missing: a row that is dropped is in no book. Every delivered row has "
            "a verdict.",
            (3, ...): "{got} was expected and is missing: a row with reasons has a verdict too.",
        },
    )


@exercise(
    objective="11.3",
    hints=(
        "Which of a row's reasons can have become untrue? What may have happened to its key meanwhile?",
        "`F.array_remove` takes a value out of an array. Joining a history multiplies rows unless it is `distinct` "
        "first, and a left join keeps the rows that have no partner.",
        "Two left joins, `left = F.when(<known>, F.array_remove(…)).otherwise(…)`, and a second `F.when` for the rows "
        "that would be free and whose id is taken.",
    ),
    docs=FUNCTIONS + "array_remove.html",
    why="A quarantine without replay is a rubbish heap with a schema. Late references are the most frequent guest: "
    "orders overtake their customers all the time. Write what is free to silver first and delete it from the "
    "quarantine then, so that a crash between the two loses nothing.",
)
def judged_again(answer: Answer, case: Case) -> None:
    shape = "transaction_id string, customer_id string, reasons array<string>"
    waiting = case.rows(
        shape,
        ("T1", "C1", ["customer_known"]),
        ("T2", "C1", ["amount_positive", "customer_known"]),
        ("T3", "C8", ["customer_known", "currency_known"]),
        ("T4", "C2", ["customer_known"]),
        ("T5", None, ["customer_present"]),
        ("T6", "C2", ["amount_positive"]),
        ("T7", "C8", ["customer_known"]),
        ("T8", "C2", ["customer_known"]),
        ("T8", "C2", ["customer_known"]),
        ("T9", "C1", ["transaction_unique", "customer_known"]),
    )
    customers = case.rows("customer_id string, city string", ("C1", "Oslo"), ("C1", "Rome"), ("C2", "Bern"))
    silver = case.rows("transaction_id string", ("T4",), ("T6",), ("T7",), ("T99",))
    case.equal(
        answer(waiting, customers, silver),
        shape,
        ("T1", "C1", []),
        ("T2", "C1", ["amount_positive"]),
        ("T3", "C8", ["customer_known", "currency_known"]),
        ("T4", "C2", ["transaction_unique"]),
        ("T5", None, ["customer_present"]),
        ("T6", "C2", ["amount_positive"]),
        ("T7", "C8", ["customer_known"]),
        ("T8", "C2", []),
        ("T8", "C2", []),
        ("T9", "C1", ["transaction_unique"]),
        given=waiting,
        when={
            ("T1", "C1", ("customer_known",)): "You gave {got}: C1 has come since, and the reason is gone.",
            ("T1", "C1", ()): "{got} came back twice: C1 has two versions in `customers`, and a join gives one row for "
            "each.",
            ("T2", "C1", ()): "You gave {got}: its amount is as wrong as it was. One reason is gone, not all.",
            ("T4", "C2", ()): "You gave {got}: silver has got T4 meanwhile, and would have it twice.",
            ("T6", "C2", ("transaction_unique",)): "You gave {got}: T6 is not free, so its own reason stays.",
            ("T6", "C2", ("amount_positive", "transaction_unique")): "You gave {got}: only a payment that would be "
            "free now has the reason `transaction_unique`.",
            ("T7", "C8", ...): "You gave {got}: C8 is not known yet, so T7 waits on for that.",
            ("T8", "C2", ("transaction_unique",)): "You gave {got}: silver does not have T8. That it waits twice is "
            "not asked about.",
            ("T8", ...): "You gave {got}: C2 has come since, and T8 is in nobody's way.",
            ("T9", ...): "You gave {got}: `customer_known` is a reason no longer, and all others stay, "
            "`transaction_unique` too.",
        },
        missing={
            ("T3", ...): "T3 is missing ({got} was expected): its customer is unknown still, and an inner join has "
            "taken it out of the quarantine.",
            ("T5", ...): "T5 is missing ({got} was expected): nobody is its customer, and it waits on.",
            ("T1", ...): "T1 is missing ({got} was expected): a payment without reasons comes back as well, and "
            "somebody else lets it go.",
            ("T8", ...): "T8 waits twice, and came back once ({got} was expected a second time): taking repeats out "
            "of the result takes rows of the quarantine too. Take them out of `customers`, before the join.",
            ("T6", ...): "T6 is missing ({got} was expected): all waiting payments come back, with their reasons.",
        },
    )


@exercise(
    objective="11.4",
    hints=(
        "An order moves from one day to another: which days does that touch? Where do you see the first of them?",
        "`left_semi` keeps the rows whose day is touched, `left_anti` the others. Neither multiplies rows, however "
        "often a day stands in the feed.",
        "`gold.join(touched, 'ordered_on', 'left_anti')`, and beside it, by `unionByName`, the touched days of "
        "`silver`, grouped.",
    ),
    docs=DELTA + "delta-change-data-feed/",
    why="Adding the feed's rows to the sums would read less, and be wrong after the first batch that comes twice. "
    "Computing the touched keys again from all their rows can be repeated as often as you like: that is what makes a "
    "gold layer restartable. Its price is that silver must keep the rows of each key that can still change.",
)
def refreshed_sales(answer: Answer, case: Case) -> None:
    old, first, second, third, fourth = (
        date(2025, 1, 1),
        date(2026, 3, 1),
        date(2026, 3, 2),
        date(2026, 3, 3),
        date(2026, 3, 4),
    )
    shape = "ordered_on date, orders bigint, revenue double"
    gold = case.rows(shape, (old, 9, 900.0), (first, 2, 30.0), (second, 1, 5.0), (third, 1, 8.0))
    silver = case.rows(
        "order_id string, ordered_on date, amount double",
        ("A", first, 10.0),
        ("C", second, 5.0),
        ("B", second, 20.0),
        ("E", fourth, 7.0),
        ("F", fourth, 7.0),
    )
    feed = case.rows(
        "order_id string, ordered_on date, amount double, _change_type string",
        ("B", first, 20.0, "update_preimage"),
        ("B", second, 20.0, "update_postimage"),
        ("D", third, 8.0, "delete"),
        ("E", fourth, 7.0, "insert"),
        ("F", fourth, 7.0, "insert"),
    )
    case.equal(
        answer(gold, silver, feed),
        shape,
        (old, 9, 900.0),
        (first, 1, 10.0),
        (second, 2, 25.0),
        (fourth, 2, 14.0),
        given=gold,
        when={
            (second, 1, 5.0): "You gave {got}: order B has come to that day, by an update. An insert is not the only "
            "way in.",
            (first, 2, 30.0): "You gave {got}: order B has left that day. Where it was shows the row before the "
            "update.",
            (first, 3, ...): "You gave {got}: a row of the feed was added to a day that it has left. The feed says "
            "which days are touched, and silver says what is in them.",
            (second, 1, 20.0): "You gave {got}: the day has order C too, which the feed does not name. A touched day "
            "is computed again from all of its rows.",
            (first, 1, 20.0): "You gave {got}: that is the order which has left the day. The feed says which days are "
            "touched, and silver says what is in them.",
            (third, ...): "You gave {got}: the only order of that day was deleted, and a day without rows has no row "
            "in gold.",
            (second, ...): "You gave {got}: order C over 5.0 and order B over 20.0 are what silver has of that day.",
            (fourth, 4, ...): "You gave {got}: the day stands twice in the feed, and its two orders were counted for "
            "each.",
            (old, ...): "You gave {got}: nothing touched that day, and it stands as it is.",
        },
        missing={
            (old, ...): "The day of last year is gone ({got} was expected): nothing touched it, and silver does not "
            "have its rows any more. Only touched days are computed again.",
            (fourth, ...): "The newest day is missing ({got} was expected): a day may be new.",
            (second, ...): "A day is missing, {got} was expected: it was touched, and has orders.",
        },
    )


@exercise(
    objective="11.5",
    hints=(
        "How old is a whole of five parts, of which one is nine hours old, and one is missing?",
        "Aggregates leave NULLs out: `F.max` of 5 and NULL is 5. `F.count(column)` counts what is not NULL, "
        "`F.count('*')` counts rows. `F.unix_timestamp` gives seconds, `F.ceil` rounds up.",
        "Group the arrivals that count, join them to `sources` from the left, compute the minutes; then `union` one "
        "row with `F.when(<no source is unknown>, F.max('minutes'))`.",
    ),
    docs=FUNCTIONS + "unix_timestamp.html",
    why="A dashboard that takes the newest timestamp of all sources is green until the last source has stopped. Say "
    "the age of the oldest part, and say *unknown* where you don't know: a wrong number is believed, a gap is asked "
    "about.",
)
def freshness(answer: Answer, case: Case) -> None:
    def at(hour: int, minute: int, second: int = 0) -> datetime:
        return datetime(2026, 3, 10, hour, minute, second)

    # A datetime without a zone is local time to Python. Let it be the same to SQL, so that an answer may use either.
    case.spark.conf.set("spark.sql.session.timeZone", at(12, 0).astimezone().isoformat()[-6:])
    shape = "source string, minutes bigint"
    some = case.rows("source string", ("crm",), ("web",), ("till",), ("kiosk",))
    arrivals = case.rows(
        "source string, arrived_at timestamp, status string",
        ("crm", at(9, 0), "arrived"),
        ("crm", at(11, 0), "arrived"),
        ("crm", at(11, 59), "failed"),
        ("web", at(11, 49, 59), "arrived"),
        ("web", at(11, 55), "announced"),
        ("shop", at(11, 0), "arrived"),
        ("other", at(8, 0), "arrived"),
        ("till", at(11, 58), "failed"),
    )
    case.equal(
        case.runs(
            lambda: answer(some, arrivals, at(12, 0)),
            "The till has never delivered, and your code raised {error}: what never came has no age. Say NULL, and of "
            "the whole too.",
            error="NoneType",
        ),
        shape,
        ("crm", 60),
        ("web", 11),
        ("till", None),
        ("kiosk", None),
        ("platform", None),
        given=arrivals,
        when={
            ("crm", 1): "You gave {got}: the arrival at 11:59 has failed, and brought nothing.",
            ("crm", 180): "You gave {got}: an arrival at 9:00 is not the newest one.",
            ("web", 5): "You gave {got}: what is announced has not arrived. Not only failures have brought nothing.",
            ("crm", 61): "You gave {got}: the newest arrival is 60 minutes old to the second, and rounding up leaves "
            "a whole number as it is.",
            ("crm", 0): "You gave {got}: from 11:00 to 12:00 it is an hour, which is 60 minutes.",
            ("crm", lambda minutes: minutes is not None and minutes < 0): "You gave {got}: an age is `now` minus the "
            "arrival, not the other way round.",
            ("crm", lambda minutes: minutes is not None): "You gave {got}: from 11:00 to 12:00 it is 60 minutes. The "
            "time that counts is the `now` that is given.",
            ("web", 10): "You gave {got}: it is 10 minutes and a second, and rounded down it is said to be fresher "
            "than it is.",
            ("till", 0): "You gave {got}: a source that has never delivered has no age, and 0 would say that it has "
            "just come.",
            ("platform", 60): "You gave {got}: the till has never delivered, so nobody knows how old the whole is. "
            "`max` leaves NULLs out.",
            ("platform", 11): "You gave {got}, which is the age of the freshest source: a whole is as old as its "
            "oldest part.",
            ("till", 2): "You gave {got}: the till's only arrival has failed.",
            ("other", ...): "You gave {got}: that is none of the sources that are asked for.",
            ("platform", 240): "You gave {got}, the age of a source that is not asked for.",
            ("platform", lambda minutes: minutes is not None): "You gave {got}: the till has never delivered, so of "
            "the whole nothing is known, and NULL says so.",
        },
        missing={
            ("till", ...): "The till has no row ({got} was expected): a source that is silent is the one to show.",
            ("kiosk", ...): "The kiosk has no row ({got} was expected): not even a failed arrival is known of it. "
            "Start from the sources, not from what arrived.",
            ("platform", ...): "The row `platform` is missing ({got} was expected).",
        },
    )
    known = case.rows("source string", ("crm",), ("web",), ("shop",))
    case.equal(
        answer(known, arrivals, at(12, 0, 30)),
        shape,
        ("crm", 61),
        ("web", 11),
        ("shop", 61),
        ("platform", 61),
        given=arrivals,
        when={
            ("crm", 60): "You gave {got} at 12:00:30, and from 11:00 on that is more than 60 minutes: the seconds of "
            "`now` count.",
            ("web", 12): "You gave {got} at 12:00:30, and from 11:49:59 on it is 10 minutes and 31 seconds: the "
            "seconds of an arrival count.",
            ("platform", None): "You gave {got}, and of all three sources the age is known: the oldest are 61 minutes "
            "old.",
            ("platform", 11): "You gave {got}: the CRM is 61 minutes old, and a whole is as old as its oldest part.",
            ("platform", 241): "You gave {got}, the age of a source that is not asked for.",
            ("platform", ...): "You gave {got}: its parts are 61, 11 and 61 minutes old, and the whole is as old as "
            "the oldest of them.",
        },
    )


@exercise(
    objective="11.5",
    hints=(
        "Two borders, two equations. What does a count of NULL mean in each of them, and may losses at one border make "
        "up for gains at the other?",
        "`fillna(0, [columns])` puts 0 in place of NULL in just these columns. A difference with NULL is NULL, and a "
        "`where` on it keeps nothing.",
        "`counted.selectExpr('source', \"'landing' AS border\", '… AS rows')`, the same for silver, `union`, `where`.",
    ),
    docs=FRAMES + "fillna.html",
    why="Balance at every border, against numbers that were counted elsewhere: one that is derived from the other "
    "always agrees. The sender's own count is worth asking for in the contract, since it is the only one that finds a "
    "file which never came.",
)
def lost_rows(answer: Answer, case: Case) -> None:
    books = case.rows(
        "source string, announced bigint, read bigint, clean bigint, quarantined bigint, duplicate bigint",
        ("balanced", 10, 10, 7, 2, 1),
        ("cut short", 10, 8, 8, None, None),
        ("dropped", 5, 5, 3, None, 1),
        ("doubled", 5, 5, 6, 1, None),
        ("crossed", 9, 10, 9, None, None),
        ("never came", 4, None, None, None, None),
        ("all refused", 4, 4, None, 3, None),
        ("silent", None, 6, 6, None, None),
        ("silent and lost", None, 6, 5, None, None),
    )
    case.equal(
        answer(books),
        "source string, border string, rows bigint",
        ("cut short", "landing", 2),
        ("dropped", "silver", 1),
        ("doubled", "silver", -2),
        ("crossed", "landing", -1),
        ("crossed", "silver", 1),
        ("never came", "landing", 4),
        ("all refused", "silver", 1),
        ("silent and lost", "silver", 1),
        given=books,
        when={
            ("balanced", ...): "You gave {got}: 7 + 2 + 1 is 10. Quarantined rows and duplicates are accounted for.",
            ("silent", "landing", ...): "You gave {got}: nobody announced anything, so nothing can be said of the "
            "landing zone.",
            ("cut short", "landing", -2): "You gave {got}: 10 rows were announced and 8 read, so 2 are lost, as a "
            "positive number. Negative is what is too much.",
            ("dropped", "silver", -1): "You gave {got}: of 5 rows 4 are there, so 1 is lost, as a positive number. "
            "Negative is what is too much.",
            (
                lambda row: row[2] == 0
            ): "You gave {got}: that border balances, and only those that do not are asked for.",
            ("all refused", "silver", ...): "You gave {got}: of the 4 rows 3 are quarantined, and 1 is lost.",
            ("doubled", "silver", 2): "You gave {got}: silver has 2 rows more than were read. A number without its "
            "sign does not tell a loss from a gain.",
            ("dropped", "silver", 2): "You gave {got}: 3 + 1 of 5 rows are there. Quarantined rows and duplicates "
            "count both.",
            (lambda row: row[2] is None): "You gave {got}: a count that is NULL means no rows, and a difference with "
            "it is NULL until you say so.",
        },
        missing={
            ("dropped", ...): "{got} was expected and is missing: its quarantine has no count, and a sum with NULL is "
            "NULL, which no filter finds.",
            ("all refused", ...): "{got} was expected and is missing: no row of it is clean, which its count says by "
            "NULL, and a difference with NULL is NULL.",
            ("crossed", "silver", ...): "The source `crossed` has a row too many at one border and one too few at the "
            "other ({got} was expected): they do not make up for each other.",
            ("never came", ...): "{got} was expected and is missing: nothing was read of what was announced, and a "
            "comparison with NULL finds nothing.",
            ("doubled", ...): "{got} was expected and is missing: too many rows do not balance either.",
            ("silent and lost", ...): "{got} was expected and is missing: that nobody announced anything says nothing "
            "of the border to silver.",
        },
    )


@exercise(
    objective="11.6",
    hints=(
        "Two dates stand at each order. Which of them says what you knew, and which one when it happened?",
        "`F.datediff(end, start)` counts days. `F.sum(F.when(…, …))` and `F.count_if(…)` add up within a window, all "
        "windows in one `agg`.",
        "Filter the orders by what was known, `groupBy('customer_id').agg(…)`, and join it from the left to the "
        "customers who had signed up; `fillna` for counts and sums, not for the recency.",
    ),
    docs=DATABRICKS + "machine-learning/feature-store/time-series",
    why="Leakage seldom looks like the label. It comes as an order that was placed in time and delivered later, as a "
    "customer's segment of today, as an average over the whole table. Ask of every number whether you could have "
    "computed it that morning: the model will have to.",
)
def features_as_of(answer: Answer, case: Case) -> None:
    as_of = date(2026, 5, 1)
    customers = case.rows(
        "customer_id string, signed_up_on date",
        ("C1", date(2025, 1, 1)),
        ("C2", date(2026, 4, 30)),
        ("C3", date(2026, 5, 1)),
        ("C4", date(2025, 7, 1)),
        ("C5", date(2025, 7, 1)),
        ("C6", date(2025, 7, 1)),
    )
    orders = case.rows(
        "order_id string, customer_id string, ordered_on date, delivered_on date, amount double",
        ("O5", "C1", date(2026, 4, 28), date(2026, 5, 2), 160.0),
        ("O7", "C1", date(2026, 4, 30), date(2026, 5, 1), 640.0),
        ("O6", "C1", date(2026, 5, 1), date(2026, 5, 1), 320.0),
        ("O1", "C1", date(2026, 4, 1), date(2026, 4, 2), 10.0),
        ("O2", "C1", date(2026, 3, 31), date(2026, 4, 1), 20.0),
        ("O3", "C1", date(2026, 1, 31), date(2026, 2, 1), 40.0),
        ("O4", "C1", date(2026, 1, 30), date(2026, 2, 1), 80.0),
        ("O8", "C4", date(2025, 12, 1), date(2025, 12, 1), 5.0),
        ("O9", "C3", date(2026, 5, 1), date(2026, 5, 1), 9.0),
        ("O10", "C5", date(2026, 3, 2), date(2026, 3, 3), 2.5),
        ("O11", "C5", date(2026, 4, 20), date(2026, 4, 20), 2.5),
        ("O12", "C5", date(2026, 4, 20), date(2026, 4, 20), 2.5),
        ("O13", "C6", date(2026, 4, 29), date(2026, 5, 3), 6.0),
        ("O14", "C9", date(2026, 4, 10), date(2026, 4, 10), 3.0),
    )
    shape = "customer_id string, orders_30d bigint, spent_90d double, days_since_last int"
    case.equal(
        answer(customers, orders, as_of),
        shape,
        ("C1", 1, 70.0, 30),
        ("C2", 0, 0.0, None),
        ("C4", 0, 0.0, 151),
        ("C5", 2, 7.5, 11),
        ("C6", 0, 0.0, None),
        given=orders,
        when={
            ("C3", ...): "You gave {got}: C3 signed up on that very day, and was nobody's customer in the morning.",
            ("C1", ..., 1190.0, ...): "You gave {got}: O6 was placed on the day itself, and in the morning it lies in "
            "the future.",
            ("C1", ..., 870.0, ...): "You gave {got}, with O5 or O7, which were placed before that morning and "
            "delivered after it. Nobody knew of them.",
            ("C1", ..., 1030.0, ...): "You gave {got}: an order that was delivered on the day itself is not known in "
            "its morning.",
            ("C1", 0, ..., ...): "You gave {got}: O1 is 30 days old, and the windows have their first day.",
            ("C1", 2, 70.0, ...): "You gave {got}: O2 is 31 days old.",
            ("C1", ..., 150.0, ...): "You gave {got}: O4 is 91 days old.",
            ("C1", ..., 30.0, ...): "You gave {got}: O3 is 90 days old, and the windows have their first day.",
            ("C1", ..., 10.0, ...): "You gave {got}: 90 days count for the amount, not 30.",
            ("C1", ..., 60.0, ...): "You gave {got}: the last 90 days have the last 30 in them.",
            (
                "C1",
                lambda count: count is not None and count > 2,
                ...,
            ): "You gave {got}: the orders of the last 30 days are counted, not all.",
            ("C1", ..., 70.0, 29): "You gave {got}: O1 was placed on 1 April and delivered a day later. Days since an "
            "order count from the order.",
            ("C1", ..., 70.0, 91): "You gave {got}: 91 days are since the first order, and the last one is asked for.",
            ("C1", ..., 70.0, -30): "You gave {got}: the days count from the order to the morning, not back.",
            ("C1", ..., 70.0, ...): "You gave {got}: of the orders that were known, the last is of 1 April, 30 days "
            "before. Later ones were placed, and nobody knew of them.",
            ("C5", 1, ...): "You gave {got}: two orders of one day are two orders.",
            ("C5", ..., lambda spent: spent != 7.5, ...): "You gave {got}: C5 has spent 2.5 three times, and equal "
            "amounts count each.",
            ("C9", ...): "You gave {got}: C9 is none of the customers who had signed up.",
            (None, ...): "You gave {got}: an order of somebody who is in no row of `customers` describes no customer.",
            ("C2", 1, ...): "You gave {got}: a left join gives C2 a row without an order, and that row was counted.",
            ("C2", ..., ..., 0): "You gave {got}: C2 has no order, and 0 would say that the last one was today.",
            ("C2", None, ..., ...): "You gave {got}: who has bought nothing has 0 orders.",
            ("C2", ..., None, ...): "You gave {got}: who has bought nothing has spent 0.0.",
            ("C4", ..., None, ...): "You gave {got}: C4 has spent nothing in these 90 days, which is 0.0.",
            ("C4", ..., ..., None): "You gave {got}: the last order is 151 days old, outside of the windows, and the "
            "last one all the same.",
        },
        missing={
            ("C2", ...): "C2 is missing ({got} was expected): who has not bought yet is a customer too, and one who "
            "may leave.",
            ("C4", ...): "C4 is missing ({got} was expected): an order outside of the windows makes no one disappear.",
            ("C6", ...): "C6 is missing ({got} was expected): its only order was not known yet. Filter the orders "
            "before a left join, for a filter after it takes the customer too.",
        },
    )
    case.equal(
        answer(customers, orders, date(2026, 4, 2)),
        shape,
        ("C1", 1, 140.0, 2),
        ("C4", 0, 0.0, 122),
        ("C5", 0, 2.5, 31),
        ("C6", 0, 0.0, None),
        given=orders,
        when={
            ("C5", 1, ...): "As of 2 April you gave {got}: O10 is 31 days old. A month is not always 30 days.",
            (lambda row: row[0] in ("C2", "C3")): "As of 2 April you gave {got}, who signed up later: the day is the "
            "one that is given.",
        },
    )


@exercise(
    objective="11.6",
    hints=(
        "For each label several feature rows may be old enough. Which one is wanted, and what if there is none?",
        "A join takes any condition: `F.expr('customer_id = … AND as_of <= at')`. The maximum of a struct goes by its "
        "first field, and brings the others along.",
        "A left join, `groupBy` of the label's columns, `.agg(F.max(F.struct('as_of', …)).alias('newest'))`, then "
        "`newest.*`.",
    ),
    docs=DATABRICKS + "machine-learning/feature-store/time-series",
    why="Databricks' feature engineering calls it a point-in-time join and does it when you declare a time series key. "
    "The test of such a join is a row from the future: put one in, and nothing may change.",
)
def with_features(answer: Answer, case: Case) -> None:
    march, april, may = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
    labels = case.rows(
        "customer_id string, at date, churned boolean",
        ("C1", march, False),
        ("C1", date(2026, 4, 20), True),
        ("C2", april, False),
        ("C3", may, True),
        ("C4", may, False),
        ("C1", date(2026, 7, 15), False),
    )
    features = case.rows(
        "customer_id string, as_of date, orders_30d bigint",
        ("C1", april, 1),
        ("C1", march, 4),
        ("C1", may, 0),
        ("C2", march, 7),
        ("C2", april, None),
        ("C3", date(2026, 5, 2), 0),
    )
    result = answer(labels, features)
    case.equal(
        result,
        "customer_id string, at date, churned boolean, as_of date, orders_30d bigint",
        ("C1", march, False, march, 4),
        ("C1", date(2026, 4, 20), True, april, 1),
        ("C2", april, False, april, None),
        ("C3", may, True, None, None),
        ("C4", may, False, None, None),
        ("C1", date(2026, 7, 15), False, may, 0),
        given=features,
        when={
            ("C1", march, ..., may, ...): "You gave {got}: the features of May stand at a label of March, so the model "
            "would learn from what came after.",
            ("C1", date(2026, 4, 20), ..., may, ...): "You gave {got}: the first of May is nearer, and lies in the "
            "future.",
            ("C1", march, False, None, None): "You gave {got}: features as of the label's own day were known.",
            ("C1", date(2026, 4, 20), True, march, ...): "You gave {got}: those of April are newer, and were known.",
            ("C1", date(2026, 4, 20), True, None, None): "You gave {got}: the newest features as of that day or before "
            "are asked for, not those of that day alone.",
            ("C1", date(2026, 7, 15), False, lambda day: day in (march, april), ...): "You gave {got}: the features of "
            "May are newer, and were known.",
            ("C1", date(2026, 7, 15), False, None, None): "You gave {got}: the newest features are of May. They are "
            "old, and the newest that were known.",
            ("C1", date(2026, 4, 20), True, april, 4): "You gave {got}, which no row of `features` says: the largest "
            "value of one day stands beside another day. Choose a row, not values.",
            ("C2", april, ..., ..., 7): "You gave {got}: 7 is the value of March, and in April it was not known. "
            "Taking the last one that is not NULL makes old news look new.",
            ("C3", may, ..., date(2026, 5, 2), ...): "You gave {got}: the features of the next day are the future.",
        },
        missing={
            ("C4", ...): "The label of C4 is gone ({got} was expected): without features it stays, or the model never "
            "sees such customers.",
            ("C3", ...): "The label of C3 is gone ({got} was expected): its features are of the next day, so it has "
            "none, and stays.",
            ("C2", ...): "{got} was expected of C2: its newest features are of April, although their value is NULL.",
            ("C1", ...): "A label of C1 is gone ({got} was expected): a customer has as many rows as labels, one for "
            "each `at`.",
        },
    )
    plan = case.plan(result)
    by_arrival = re.search(r"functions=\[.*\b(first|last)\(", plan) if re.search(r"Sort \[.*\], true", plan) else None
    case.require(
        by_arrival is None,
        "Right, and only by luck: your plan sorts and then takes `first` of each label, as `dropDuplicates` does. A "
        "shuffle keeps no order, and on a cluster rows come in any: let a window or `max` choose.",
        seen="first",
    )


@exercise(
    objective="11.6",
    hints=(
        "On which rows can three models be compared? And what does `better` mean where two are equal?",
        "`dropna(subset=[…])` keeps the rows that have all values; one `agg` gives the loss of all three, once in all "
        "and once with `groupBy('segment')`.",
        "`F.avg(F.pow(F.col(model) - F.col('left'), 2)).alias(model)` for each model; then compare in Python: there is "
        "one row a segment.",
    ),
    docs=DATABRICKS + "mlflow/models",
    why="A gate is only as honest as its rows: the same for all, of a time that no model was trained on, and enough of "
    "them in each segment for a difference to mean something. The alias moves last, after everything has been "
    "written, and going back is moving it again.",
)
def objections(answer: Answer, case: Case) -> None:
    shape = "segment string, left int, challenger double, champion double, baseline double"
    better = case.rows(
        shape,
        ("occasional", 0, 0.6, 0.9, 0.9),
        ("occasional", 0, 0.6, 0.1, 0.2),
        ("occasional", 1, None, 1.0, 1.0),
        ("business", 0, 0.2, 0.3, 0.4),
        ("business", 1, 0.0, None, 0.4),
        ("business", 0, 0.9, 0.1, None),
        ("regular", 0, 0.99, 0.75, 0.8),
        ("regular", 0, 0.0, 0.75, 0.8),
    )
    case.value(
        case.runs(
            lambda: answer(better),
            "Some customers have no score by one of the models, and your code raised {error}: leave such a row out for "
            "all three.",
            error="NoneType",
        ),
        [],
        call="A challenger that is better on the rows that all have scored",
        when={
            (lambda got: got == ["segment occasional"]): "You gave {got}: the squares of the errors decide, and in "
            "`occasional` 0.36 is less than 0.41. The plain errors would say the opposite.",
            (lambda got: "segment regular" in got and "segment occasional" not in got): "You gave {got}: the squares "
            "of the errors decide, and in `regular` 0.98 is less than 1.125. A logarithm would punish one large error "
            "more.",
            (lambda got: "segment regular" in got): "You gave {got}: in all and in every segment the challenger's loss "
            "is not larger, and smaller is better.",
            (lambda got: True): "You gave {got}: where one of the three has no score, that row compares nothing. Leave "
            "it out for all of them, in the segments too.",
        },
    )
    worse = case.rows(
        shape,
        ("regular", 1, 0.9, 0.5, 0.95),
        ("regular", 0, 0.1, 0.5, 0.0),
        ("occasional", 1, 0.4, 0.5, 0.3),
        ("business", 0, 0.4, 0.1, 0.0),
    )
    case.value(
        answer(worse),
        ["baseline", "segment business", "segment occasional"],
        call="A challenger that is better than the champion in all, and worse in two segments,",
        when={
            (lambda got: any(name in got for name in ("business", "occasional"))): "You gave {got}: a segment is named "
            "as `segment business`, so that no segment can be taken for a model.",
            (lambda got: got[-1:] == ["baseline"] and len(got) > 1): "You gave {got}: the rivals are named first, and "
            "then the segments.",
            (lambda got: got == ["baseline", "segment business"]): "You gave {got}: in `occasional` it is worse than "
            "the champion as well. That it beats the baseline there does not help.",
            (lambda got: got == ["baseline"]): "You gave {got}: in two segments it is worse than the champion, which "
            "the mean of all rows hides.",
            (lambda got: "baseline" not in got): "You gave {got}: the baseline's loss is smaller. Who loses against a "
            "constant needs no champion to be refused.",
            (lambda got: "champion" in got): "You gave {got}: its loss over all rows is smaller than the champion's. "
            "Each row counts alike, not each segment.",
            (lambda got: sorted(got) == ["baseline", "segment business", "segment occasional"]): "You gave {got}: the "
            "segments stand in alphabetical order.",
            (lambda got: "segment regular" in got): "You gave {got}: in `regular` its loss is smaller than the "
            "champion's, and the baseline is no rival there.",
        },
    )
    same = case.rows(shape, ("regular", 1, 0.8, 0.8, 0.8), ("regular", 0, 0.2, 0.2, 0.2))
    case.value(
        answer(same),
        ["champion", "baseline"],
        call="A challenger that is exactly as good as the two",
        when={
            (lambda got: got == []): "You gave {got} for a challenger that is as good as the champion: it must be "
            "better, or every training run replaces the model.",
            (lambda got: "segment regular" in got): "You gave {got}: in a segment it must not be worse, and it is "
            "equal.",
            (lambda got: got == ["baseline", "champion"]): "You gave {got}: the champion is named first.",
            (lambda got: True): "You gave {got} for a challenger that is as good as either: it must be better than "
            "both, and equal is not better.",
        },
    )


@exercise(
    objective="11.6",
    hints=(
        "The index compares shares, so the sizes of the samples must not matter. What is the share of a bin that one "
        "of them lacks?",
        "`bisect_right(edges, value)` says how many edges are not larger than the value, which is the number of its "
        "bin. A `Counter` counts, and `math.log` is the natural logarithm.",
        "A function that makes a dictionary of shares; then a loop over the bins of either sample, with "
        "`max(shares.get(bin, 0), 0.0001)`.",
    ),
    docs=DATABRICKS + "data-quality-monitoring/",
    why="Below 0.1 people speak of no drift, from 0.25 on of a large one; these are habits, not statistics. The index "
    "looks at one feature at a time and never at the label: a model can drift away from reality while every input "
    "stays as it was, and the index of a harmless feature can be huge.",
)
def stability_index(answer: Answer, case: Case) -> None:
    case.value(
        answer([1.0, 1.0, 9.0, 9.0], [1.0, 9.0, 9.0, 9.0], [5.0]),
        0.2747,
        call="The example",
        when={
            (lambda got: got == 0.0): "You gave {got} for two samples that differ: do the terms cancel each other out, "
            "or are the bins before the first edge and behind the last one left out?",
            (
                lambda got: abs(got - 0.1193) < 0.001
            ): "You gave {got}: that is the logarithm to base 10, and `ln` is the natural one.",
            (
                lambda got: abs(got - 0.3962) < 0.001
            ): "You gave {got}: that is the logarithm to base 2, and `ln` is the natural one.",
            (lambda got: got in (0.27, 0.275)): "You gave {got}: four decimals are asked for, rounded once at the end.",
            (lambda got: round(got, 4) in (0.1014, 0.1733)): "You gave {got}, which is one of two terms: what lies "
            "below the first edge is a bin as well, and so is what lies behind the last.",
            (lambda got: round(got, 4) in (0.1308, 0.1438)): "You gave {got}: the difference q − p stands before the "
            "logarithm, not one of the two.",
            (lambda got: round(got, 3) == 0.137): "You gave {got}: the terms of the bins are added up, and not divided "
            "by how many there are.",
            (lambda got: got > 1): "You gave {got}, the result of counts: samples may differ in size, so shares are "
            "compared.",
            (lambda got: got < 0): "You gave {got}: the index is never negative, since both factors of a term change "
            "their sign together.",
            (lambda got: round(got, 4) == 0.2747): "You gave {got}, which is right, and not rounded to four decimals.",
            (lambda got: 0.27 < got < 0.28): "You gave {got}: 0.0001 is what a smaller share counts as, and no other "
            "share changes by it.",
            (lambda got: True): "You gave {got}: a bin's term is (q − p) · ln(q / p), here 0.1014 for the first one "
            "and 0.1733 for the second, and the index is their sum.",
        },
    )
    double = [1.0, 1.0, 9.0, 9.0] * 2
    case.value(
        answer([1.0, 1.0, 9.0, 9.0], double, [5.0]),
        0.0,
        call="A sample and the same one twice over",
        when={
            (lambda got: got != 0): "A sample against the same one twice over gave {got}, and nothing has moved: each "
            "share is one of its own sample.",
        },
    )
    case.value(
        answer([5.0, 4.9, 5.0, 4.9], [5.0, 5.0, 5.0, 4.9], [5.0]),
        0.2747,
        call="Values on the edge",
        when={
            (lambda got: got == 0.0): "Values on the edge 5.0 and below it gave {got}: a value on an edge belongs into "
            "the bin behind it.",
        },
    )
    case.value(
        case.runs(
            lambda: answer([1.0, 9.0, 1.0, 9.0], [1.0, None, 9.0, None], [5.0]),
            "NULL comes as None, and your code raised {error}: None is neither smaller nor larger than an edge. It has "
            "a bin of its own, so ask for it first.",
            error="NoneType",
        ),
        4.6043,
        call="A feature that has become NULL in half of the rows",
        when={
            (lambda got: got == 0.0): "A feature that is NULL in half of the rows now, and never was, gave {got}: "
            "nothing moves more often than a source that stops filling a column.",
            (
                lambda got: 0 < got < 1
            ): "A feature that is NULL in half of the rows now, and never was, gave {got}: NULL "
            "is a bin of its own, which was empty before.",
            (lambda got: True): "A feature that is NULL in half of the rows now gave {got}: the bin of NULL has the "
            "share 0.0001 before and 0.5 now, and a share is one of all rows, those without a value included.",
        },
    )
    case.value(
        answer([1.0, 9.0], [1.0, 1.0], [5.0]),
        4.6043,
        call="A bin that has become empty",
        when={
            (lambda got: got < 1): "A bin that half of the values were in, and that is empty now, gave {got}: what has "
            "gone is drift as well as what has come.",
        },
    )
    case.value(
        answer([1.0, None], [1.0, 1.0], [5.0]),
        4.6043,
        call="A feature that was NULL in half of the rows",
        when={
            (lambda got: got < 1): "A feature that was NULL in half of the rows, and never is now, gave {got}: that "
            "somebody fills a column moves it as much as that somebody stops.",
        },
    )
    case.value(
        answer([1.0, 1.0], [1.0, 9.0], [5.0]),
        4.6043,
        call="A bin that was empty before",
        when={
            (lambda got: got < 1): "A bin that was empty, and that half of the values are in now, gave {got}: what has "
            "come is drift as well as what has gone.",
        },
    )
    case.value(
        answer([1.0, 5.5, 9.0, 9.0], [1.0, 0.0, 5.5, 9.0], [5.0, 8.0]),
        0.3466,
        call="Three bins",
        when={
            (lambda got: got > 1): "Three bins gave {got}: the value 0.0 lies in the first one. Python takes it for "
            "false, and it is not NULL.",
            (lambda got: got == 0.2747): "Three bins gave {got}: two edges make three bins, and you have two.",
        },
    )
    case.value(
        answer([1.0] * 19_999 + [9.0], [1.0, 9.0], [5.0]),
        4.6043,
        call="A bin with one of 20,000 values, and with half of them now,",
        when={
            (lambda got: True): "A bin that had one of 20,000 values, and has half of them now, gave {got}: its share "
            "was 0.00005, which is less than 0.0001 and counts as that. Not 0 alone does.",
        },
    )


@exercise(
    objective="11.7",
    hints=(
        "What makes a release complete? Is a table at version 0 there?",
        "`name in versions` asks whether there is an entry; its value may be 0, which Python takes for false. `max(…, "
        "key=…, default=None)` gives the newest, or None of nothing.",
        "`complete = [one for one in releases if all(… for name in needed)]`, then `max`, then the answer with a "
        "dictionary of the needed versions.",
    ),
    docs=DELTA + "delta-batch/#query-an-older-snapshot-of-a-table-time-travel",
    why="The newest version of each table is not a state that ever existed: between two commits a reader sees today's "
    "sales with yesterday's customers. Choose the release once a request, read everything at its versions, and put "
    "them into the answer: then a complaint about a number can be replayed.",
)
def release_to_show(answer: Answer, case: Case) -> None:
    releases = [
        {"release": 3, "versions": {"sales": 2, "tiers": 1, "months": 1}},
        {"release": 9, "versions": {"sales": 12, "tiers": 4, "months": 1}},
        {"release": 11, "versions": {"sales": 0, "tiers": 5, "months": 2}},
        {"release": 12, "versions": {"sales": 15, "months": 3}},
        {"release": 10, "versions": {"sales": 14, "tiers": 5, "months": 2}},
        {"release": 8, "versions": {"sales": 11, "tiers": 4}},
        {"release": 2, "versions": {"sales": 1, "tiers": 1}},
    ]
    needed = ["sales", "tiers"]
    case.value(
        case.runs(
            lambda: answer(releases, needed),
            "Release 12 names no version of `tiers`, and your code raised {error}: it is to be passed over.",
            error="tiers",
        ),
        {"release": 11, "versions": {"sales": 0, "tiers": 5}},
        call="Of the releases 2, 3 and 8 to 12, the one to show",
        when={
            (lambda got: got is None): "You gave {got}: release 12 lacks a table, and of those before it that have "
            "both the newest is to be shown.",
            (lambda got: "release" not in got): "You gave {got}: the number of the release is asked for too, as "
            "`release`, with its `versions`.",
            (lambda got: got["release"] == 12): "You gave {got}: release 12 has no version of `tiers`, so it is "
            "not complete.",
            (lambda got: got["release"] == 10): "You gave {got}: release 11 is newer, and complete. Version 0 is a "
            "version, and Python takes it for false.",
            (lambda got: got["release"] == 9): "You gave {got}: release 11 is newer, and complete. As texts '9' comes "
            "after '11', as numbers it does not.",
            (lambda got: got["release"] == 8): "You gave {got}: release 11 is newer, and complete. It may name more "
            "tables than those that are needed.",
            (lambda got: got["release"] == 3): "You gave {got}, the first of the list: the releases come in any order.",
            (lambda got: got["release"] == 2): "You gave {got}, the last of the list: the releases come in any "
            "order, and the newest is asked for.",
            (lambda got: "months" in got.get("versions", {})): "You gave {got}: `months` is not needed, and the answer "
            "names the versions that it comes from.",
            (lambda got: got.get("versions") != {"sales": 0, "tiers": 5}): "You gave {got}: the versions of one "
            "release belong together. A mixture is a state that never existed.",
        },
    )
    case.value(
        case.runs(
            lambda: answer(releases, ["months"]),
            "Only `months` is needed now, and your code raised {error}: `needed` says which tables to look for.",
        ),
        {"release": 12, "versions": {"months": 3}},
        call="Of the same releases, with `months` alone needed, the one to show",
        when={
            (lambda got: True): "Only `months` is needed now, and you gave {got}: release 12 is the newest that names "
            "a version of it, and `needed` says which tables count.",
        },
    )
    case.value(
        answer([{"release": 0, "versions": {"sales": 0, "tiers": 0}}], needed),
        {"release": 0, "versions": {"sales": 0, "tiers": 0}},
        call="One release, with the number 0,",
        when={
            (lambda got: got is None): "You gave {got} where release 0 is the only one, and complete: 0 is a number "
            "like any other, although Python takes it for false.",
        },
    )
    case.value(
        case.runs(
            lambda: answer([{"release": 11, "versions": {"sales": 14}}], needed),
            "No release is complete, and your code raised {error}: the API starts before gold exists, and has to say "
            "so.",
        ),
        None,
        call="One release without `tiers`",
        when={
            (lambda got: not got): "The only release lacks a table, and you gave {got}: None says that there is none.",
            (lambda got: True): "The only release lacks a table, and you gave {got}: half an answer "
            "looks like a whole one.",
        },
    )
    case.value(
        case.runs(
            lambda: answer([], needed),
            "Nothing has been released yet, and your code raised {error}: the API starts before gold exists, and has "
            "to say so.",
        ),
        None,
        call="No release at all",
        when={
            (lambda got: True): "Nothing has been released yet, and you gave {got}: None says so.",
        },
    )


@exercise(
    objective="11.7",
    hints=(
        "What is a pair counted by: lines, or orders? How many orders are there in all, those with one product "
        "included?",
        "A join of the baskets with themselves by `order_id` makes all pairs; `product_id < other_id` keeps each pair "
        "once, and none of a product with itself.",
        "`distinct` baskets, a count of orders, a count a product, the pairs; then `lift = together · orders / (sold · "
        "other sold)`.",
    ),
    docs=SPARK + "ml-frequent-pattern-mining.html",
    why="Support says whether a pair matters, lift whether it means anything: two best sellers are together often, by "
    "chance alone. A lift from three orders is noise, hence `least`. Spark's `FPGrowth` does it for sets of any size; "
    "for pairs, a join is enough and easier to explain.",
)
def bought_together(answer: Answer, case: Case) -> None:
    lines = case.rows(
        "order_id string, product_id string",
        *[("O1", product) for product in ("A", "B", "C", "A")],
        *[("O2", product) for product in ("B", "A")],
        *[("O3", product) for product in ("A", "D")],
        ("O4", "A"),
        *[("O5", product) for product in ("C", "B")],
        ("O6", "E"),
        ("O7", "E"),
        ("O8", "E"),
    )
    case.equal(
        answer(lines, 2),
        "product_id string, other_id string, together bigint, support double, lift double",
        ("A", "B", 2, 0.25, 4 / 3),
        ("B", "C", 2, 0.25, 8 / 3),
        given=lines,
        when={
            ("B", "A", ...): "You gave {got}, and A with B as well: a pair comes back once, the smaller id first.",
            ("A", "A", ...): "You gave {got}: a product with itself is no pair.",
            ("A", "B", 3, ...): "You gave {got}: A stands twice in O1, and an order counts once.",
            ("A", "D", ...): "You gave {got}: one order is fewer than two.",
            (
                "A",
                "B",
                2,
                0.25,
                lambda lift: lift > 4 / 3,
            ): "You gave {got}: A is in 4 orders and B in 3. Those without a partner count there too.",
            ("A", "B", 2, 0.25, ...): "You gave {got}: the lift divides the support by the share of either product, "
            "4 of 8 and 3 of 8.",
            ("A", "B", 2, lambda support: support != 0.25, ...): "You gave {got}: 2 of 8 orders is a support of 0.25. "
            "Orders of one product are orders as well.",
        },
        missing={
            ("B", "C", ...): "{got} was expected and is missing: two orders are at least two.",
            ("A", "B", ...): "{got} was expected and is missing: two orders have both.",
        },
    )


@exercise(
    objective="11.8",
    hints=(
        "A run was killed in the middle of batch 2. What may it have written already, and of which rows?",
        "The last `done` gives the number and the version behind which to read. A `planned` batch with a higher number "
        "was begun and not ended.",
        "One loop for the last `done`; one that looks for a plan with a higher number; and one line for the rest.",
    ),
    docs=DELTA + "delta-streaming/#idempotent-table-writes-in-foreachbatch",
    why="A plan that is written before the work makes a repeat exact: the same number, so that Delta skips what is "
    "there, and the same rows, so that what it skips is right. Spark's streams do the same: `offsets` is the plan, "
    "`commits` what is done.",
)
def next_work(answer: Answer, case: Case) -> None:
    def note(batch: int, status: str, until: int) -> dict[str, Any]:
        return {"batch": batch, "status": status, "until": until}

    begun = [note(0, "planned", 3), note(0, "done", 3), note(1, "planned", 5), note(1, "failed", 5)]
    case.value(
        answer(begun, 9),
        (1, 3, 5),
        call="Batch 1 was planned up to version 5 and failed, and version 9 has come since: next_work",
        when={
            (1, 3, 9): "You gave {got}: what batch 1 has written holds rows up to version 5, and Delta skips a repeat "
            "of its number. Rows 6 to 9 would get lost.",
            (2, 5, 9): "You gave {got}: batch 1 is not done. Its rows after version 3 would get lost.",
            (2, 3, 9): "You gave {got}: half of batch 1 may be written, and under another number it is written again.",
            (lambda got: got is None): "You gave {got}, and batch 1 was begun and is not done.",
            (lambda got: got[:2] == (1, -1)): "You gave {got}: batch 0 has read up to version 3.",
            (lambda got: got[:2] == (1, 4)): "You gave {got}: a batch reads after the version that is named, so after "
            "3 it begins with 4, and after 4 it would leave that out.",
            (lambda got: got[1] == 5): "You gave {got}: batch 1 is not done, so nothing is read for good after "
            "version 3.",
        },
    )
    case.value(
        answer(begun, 5),
        (1, 3, 5),
        call="Batch 1 was planned up to version 5 and failed, and nothing newer has come: next_work",
        when={
            (lambda got: got is None): "You gave {got}: nothing newer than version 5 has come, and batch 1, planned up "
            "to 5, is still not done. Look for an open plan first.",
        },
    )
    ended = [*begun, note(1, "planned", 5), note(1, "done", 5)]
    case.value(
        answer(ended, 9),
        (2, 5, 9),
        call="Batch 1 failed, was repeated and is done: next_work",
        when={
            (1, 3, 5): "You gave {got}: it failed once, and is done since.",
            (lambda got: got is not None and got[0] == 1): "You gave {got}: batch 1 is done.",
            (lambda got: got is None): "You gave {got}, and the versions 6 to 9 have not been read.",
        },
    )
    case.value(
        answer([note(0, "planned", 3), note(1, "planned", 5), note(1, "done", 5)], 9),
        (2, 5, 9),
        call="Of batch 0 only the plan is noted, and batch 1 is done: next_work",
        when={
            (lambda got: got is not None and got[0] == 0): "You gave {got}: batch 1 is done, and with it all before "
            "it. A plan is open only with a higher number.",
            (lambda got: got is not None and got[0] == 1): "You gave {got}: batch 1 is done. The next number is one "
            "more than the last that is done, however many notes say `done`.",
        },
    )
    case.value(
        answer(ended, 5),
        None,
        call="All is read: next_work",
        when={
            (lambda got: got is not None): "All versions up to 5 are read, and you gave {got}: a second run changes "
            "nothing.",
        },
    )
    case.value(
        case.runs(
            lambda: answer([], 0),
            "The journal is empty, and your code raised {error}: on the first day it is.",
        ),
        (0, -1, 0),
        call="An empty journal, and a table at version 0: next_work",
        when={
            (lambda got: got is None): "You gave {got} for a journal without notes: version 0 has never been read.",
            (lambda got: got == (0, 0, 0)): "You gave {got}: reading after version 0 leaves out version 0.",
            (lambda got: got[0] == 1): "You gave {got}: the first batch has the number 0.",
        },
    )
    case.value(
        answer([note(0, "planned", 0)], 2),
        (0, -1, 0),
        call="The very first batch was planned up to version 0, and the run was killed: next_work",
        when={
            (0, -1, 2): "You gave {got}: it was planned up to version 0, and is done again as it was planned.",
        },
    )
    case.value(
        answer([note(0, "planned", 3)], 3),
        (0, -1, 3),
        call="The very first batch was planned up to the newest version, and the run was killed: next_work",
        when={
            (lambda got: got is None): "You gave {got}: nothing newer than the plan has come, and the plan itself is "
            "still to be done.",
        },
    )


@exercise(
    objective="11.8",
    hints=(
        "Which rows does `customer_id <> 'C1'` keep, where there is no `customer_id`? And which does a search for C1 "
        "in a text find?",
        "`column.eqNullSafe(value)` is TRUE or FALSE, never NULL. `F.get_json_object(text, '$.customer_id')` reads a "
        "field and gives NULL where it can't. `F.nullif(a, b)` is NULL where they are equal.",
        "A loop over `tables.items()`: whose row it is, by column or by JSON; then either `withColumn` or `where(~…)`.",
    ),
    docs=DATABRICKS + "security/privacy/gdpr-delta",
    why="Deleting is the easy half. The rows are still in old versions until VACUUM takes the files, in the change "
    "data feed, in the archive of the landing zone, in backups, in a model's training data, and the source may deliver "
    "them again tomorrow. Write the list down before the first request comes.",
)
def forgotten(answer: Answer, case: Case) -> None:
    records = (
        '{"customer_id": "C1", "amount": "x"}',
        '{"customer_id": "C10", "note": "like C1"}',
        '{"amount": "9", "referred_by": "C1"}',
        "{not json",
        '{"amount":"7","customer_id":"C1"}',
        '{"amount": "8", "referred_by": {"customer_id": "C1"}}',
    )
    tables = {
        "features": case.rows("customer_id string, orders bigint", ("C1", 3), ("C10", 4), ("C1", 2), (None, 0)),
        "transactions": case.rows(
            "transaction_id string, customer_id string", ("T1", "C1"), ("T2", "C10"), ("T3", None)
        ),
        "quarantine": case.rows("place int, record string", *enumerate(records, start=1)),
    }
    after = answer(tables, "C1")
    names = sorted(after) if isinstance(after, dict) else type(after).__name__
    case.value(
        names,
        ["features", "quarantine", "transactions"],
        call="The names of the tables that you returned",
        when={
            (lambda got: isinstance(got, str)): "You returned a {got}: a dictionary is asked for, from the name of a "
            "table to the table.",
            (lambda got: True): "You returned the tables {got}: every table comes back under its name, those that stay "
            "as they are too.",
        },
    )
    case.equal(
        after["features"],
        "customer_id string, orders bigint",
        ("C10", 4),
        (None, 0),
        given=tables["features"],
        when={
            ("C1", ...): "In `features` you left {got}: all rows of the customer go, old ones too.",
            (None, lambda orders: orders > 0): "In `features` you left {got}: without a name it is the customer's row "
            "still. Only the sales stay.",
        },
        missing={
            (None, ...): "In `features` a row of nobody is gone ({got} was expected): NULL is not certainly different "
            "from C1, so a filter by `<>` does not keep it.",
            ("C10", ...): "In `features` a row of C10 is gone ({got} was expected): that is another customer.",
        },
    )
    case.equal(
        after["transactions"],
        "transaction_id string, customer_id string",
        ("T1", None),
        ("T2", "C10"),
        ("T3", None),
        given=tables["transactions"],
        when={
            ("T1", "C1"): "In `transactions` you left {got}: the sale stays, and whose it was goes.",
            ("T2", ...): "In `transactions` you made {got}: T2 belongs to C10, another customer.",
            (..., lambda name: name not in (None, "C1", "C10")): "In `transactions` you made {got}: NULL is asked for, "
            "and a made-up name is a customer whom nobody knows.",
        },
        missing={
            ("T1", ...): "T1 is gone from `transactions` ({got} was expected): the shop must prove its sales.",
            ("T3", ...): "T3 is gone from `transactions` ({got} was expected): nobody's sale is a sale.",
        },
    )
    case.runs(
        lambda: case.equal(
            after["quarantine"],
            "place int, record string",
            (2, '{"customer_id": "C10", "note": "like C1"}'),
            (3, '{"amount": "9", "referred_by": "C1"}'),
            (4, "{not json"),
            (6, '{"amount": "8", "referred_by": {"customer_id": "C1"}}'),
            given=tables["quarantine"],
            when={
                (lambda row: row[0] in (1, 5) and row[1] is None): "In `quarantine` you left {got}: all rows of the "
                "customer go, not only what stands in them.",
                (1, ...): "In `quarantine` you left {got}: a refused row holds as much of a person as an accepted one.",
                (
                    5,
                    ...,
                ): "In `quarantine` you left {got}: with or without a blank, it is the same JSON. Read the field, "
                "and do not search the text.",
            },
            missing={
                (
                    2,
                    ...,
                ): "A record of C10 is gone from `quarantine` ({got} was expected): C1 stands in its text, and is "
                "not whose row it is.",
                (
                    4,
                    ...,
                ): "A record that cannot be read is gone from `quarantine` ({got} was expected): reading it gives "
                "NULL, and `<>` keeps no row by a NULL. Nobody knows whose it is, so it stays.",
                (
                    3,
                    ...,
                ): "A record of nobody is gone from `quarantine` ({got} was expected): C1 stands in another field "
                "of it. Read `customer_id`, and do not search the text.",
                (
                    6,
                    ...,
                ): "A record of nobody is gone from `quarantine` ({got} was expected): the `customer_id` in it is "
                "that of whoever referred, inside another field. A search in the text does not see that.",
            },
        ),
        "A record of `quarantine` is no JSON, and your code raised {error}: one that cannot be read stays, and stops "
        "nobody.",
        error="JSONDecodeError",
    )
    others = {
        "carts": case.rows("customer_id string, items int", ("C10", 1), ("C1", 2)),
        "refused": case.rows("record string", ('{"customer_id": "C10"}',), ('{"customer_id": "C1"}',)),
    }
    after = case.runs(
        lambda: answer(others, "C10"),
        "Of the tables `carts` and `refused`, C10 is to be forgotten, and your code raised {error}: which table keeps "
        "what shows by its columns, and only `transactions` is known by its name.",
    )
    case.equal(
        after["carts"],
        "customer_id string, items int",
        ("C1", 2),
        given=others["carts"],
        when={("C10", ...): "C10 was to be forgotten, and you left {got} in `carts`: forget whoever is given."},
        missing={("C1", ...): "C10 was to be forgotten, and {got} is gone from `carts`: that is C1, who stays."},
    )
    case.equal(
        after["refused"],
        "record string",
        ('{"customer_id": "C1"}',),
        when={
            ('{"customer_id": "C10"}',): "C10 was to be forgotten, and you left {got} in `refused`: what keeps refused "
            "rows shows by its column `record`, not by its name.",
        },
        missing={(...,): "C10 was to be forgotten, and {got} is gone from `refused`: that is C1, who stays."},
    )

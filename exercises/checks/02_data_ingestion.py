"""Checks of the exercises on data ingestion."""

import json
import os
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from workbook.checking.case import Case, Failed, frame_of
from workbook.checking.exercise import Answer, exercise


def file(folder: str, name: str, *lines: str) -> Path:
    """A text file of these lines in `folder`, which is made where it is not there."""
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def names(values: object) -> str:
    """`values` as a list in a sentence."""
    return ", ".join(map(str, values)) if isinstance(values, (list, tuple, set, dict)) else str(values)


def holding(entry: object) -> Callable[[object], bool]:
    """Whether a list or a dictionary that came back holds `entry`: a pattern for `when`."""
    return lambda got: isinstance(got, (list, tuple, set, dict)) and entry in got


def lacking(entry: object) -> Callable[[object], bool]:
    """Whether a list or a dictionary that came back lacks `entry`: a pattern for `when`."""
    return lambda got: isinstance(got, (list, tuple, set, dict)) and entry not in got


def commits(path: str) -> int:
    """The number of versions of a Delta table."""
    return len(list(Path(path, "_delta_log").glob("*.json")))


def times_as_in_python(case: Case) -> None:
    """Let a time that is written in SQL mean what a `datetime` means, in whatever time zone the process runs."""
    case.spark.conf.set("spark.sql.session.timeZone", datetime(2026, 3, 1).astimezone().isoformat()[-6:])


@exercise(
    objective="2.1",
    hints=(
        "Which of the three columns looks like a number and is none? Who decides on its type: the file, Spark or you?",
        "`DataFrameReader.csv` takes a `schema`, as in `'id string, day date'`, and says by `header` whether the first "
        "line is a header. With a schema, columns are taken in the order in which they stand in the file.",
        "`spark.read.csv(path, schema='customer_id …, postal_code …, signed_up …', header=…)`.",
    ),
    docs="https://spark.apache.org/docs/latest/sql-data-sources-csv.html",
    why="Inference reads the files a second time, and its answer depends on the rows of the day: one `K1A 0B1` more "
    "and the column is text. Give the schema wherever you know it. For postal codes, telephone and account numbers: "
    "what nobody adds up is text.",
)
def read_customers(answer: Answer, case: Case) -> None:
    path = file(
        case.path("crm"),
        "customers.csv",
        "customer_id,postal_code,signed_up",
        "C1,0150,2026-03-01",
        "C2,01067,2026-03-02",
    )
    result = frame_of(answer(case.spark, str(path)))
    kinds = dict(result.dtypes)
    case.require(
        "_c0" not in kinds,
        f"The columns are called {names(list(kinds))}: without being told so, Spark does not take the first line for a "
        "header.",
        seen=names(list(kinds)),
    )
    case.require(
        kinds.get("postal_code") not in ("int", "bigint", "double"),
        f"`postal_code` is of type {kinds.get('postal_code')}, and 0150 became 150: inference asks whether a text "
        "could be a number, not whether it is meant as one.",
        seen=kinds.get("postal_code"),
    )
    case.require(
        kinds.get("signed_up") != "string",
        f"`signed_up` is of type {kinds.get('signed_up')}: without a schema every column of a CSV file is text.",
        seen=kinds.get("signed_up"),
    )
    case.equal(
        result,
        "customer_id string, postal_code string, signed_up date",
        ("C1", "0150", date(2026, 3, 1)),
        ("C2", "01067", date(2026, 3, 2)),
        when={
            ("customer_id", ...): "The first line came back as a customer, {got}: it is the header.",
            ("C1", "150", ...): "You gave {got}: the zero was lost when the code was read as a number, and a cast "
            "afterwards does not bring it back.",
            ("C2", "1067", ...): "You gave {got}, and the file says 01067: how many zeros were lost cannot be known "
            "afterwards, so do not let it become a number at all.",
            (
                lambda row: row[1] in ("2026-03-01", "2026-03-02")
            ): "Under `postal_code` stands a date, in {got}: with a schema, Spark takes the columns by position, "
            "whatever the header calls them.",
        },
    )


@exercise(
    objective="2.1",
    hints=(
        "In its default mode Spark reads a bad value as NULL and says nothing. Where could it leave the text?",
        "Spark writes the text of a bad line into one column, if the schema has it. The option "
        "`columnNameOfCorruptRecord` says which; a `mode` is not needed.",
        "`spark.read.csv(path, schema='order_id …, amount …, malformed …', header=True, columnNameOf…=…)`.",
    ),
    docs="https://spark.apache.org/docs/latest/sql-data-sources-csv.html",
    why="`DROPMALFORMED` is the quietest way to lose money: no error, no count. And mind column pruning: a query that "
    "asks for that column alone is refused, and one that reads fewer columns may call fewer lines bad. Save the rows "
    "first, then split them.",
)
def read_orders(answer: Answer, case: Case) -> None:
    path = file(
        case.path("orders"),
        "orders.csv",
        "order_id,amount",
        "O1,9.5",
        "O2,",
        "O3,12 euro",
        "O4,3.0,7.5",
        '"O5, late",2.5',
    )
    result = frame_of(answer(case.spark, str(path)))
    case.require(
        "_corrupt_record" not in result.columns,
        f"Yours has the columns {names(result.columns)}: the text of a bad line is kept, and its column is to be "
        "called `malformed`.",
        seen=names(result.columns),
    )
    case.require(
        "malformed" in result.columns,
        f"Yours has the columns {names(result.columns)}, so the text of `O3,12 euro` is lost and its amount looks as "
        "if it had been empty: the schema needs a column for such text.",
        seen=names(result.columns),
    )
    case.runs(
        lambda: case.equal(
            result,
            "order_id string, amount double, malformed string",
            ("O1", 9.5, None),
            ("O2", None, None),
            ("O3", None, "O3,12 euro"),
            ("O4", 3.0, "O4,3.0,7.5"),
            ("O5, late", 2.5, None),
            when={
                ("O4", ..., "7.5"): "The line `O4,3.0,7.5` came back as {got}: to Spark `malformed` is a third column "
                "of the file, until you say that it is for bad lines.",
                ("O2", None, lambda text: text is not None): "You gave {got}: an empty amount is a NULL that was "
                "meant. Only what stands there and cannot be read is malformed.",
                ("O3", None, None): "`O3,12 euro` came back as {got}, as if its amount were empty: its text is gone.",
                ("order_id", ...): "The first line came back as an order, {got}: it is the header.",
                (
                    "O1",
                    ...,
                    "",
                ): "You gave {got}, with an empty text behind it: for a line that fits, `malformed` is NULL.",
                ("O3", ..., "12 euro"): "You gave {got}: the text of the whole line is to be kept, not of one value.",
                ("O4", ..., None): "You gave {got}: the line `O4,3.0,7.5` has a value too many, and the 7.5 is lost.",
                (
                    lambda row: row[0] in ("O5", '"O5')
                ): "You gave {got}: the quotes of the line hold `O5, late` together, so its comma cuts nothing.",
                ("O2", 0.0, ...): "You gave {got}: the amount is empty, so nobody knows that it was 0.",
            },
            missing={
                ("O3", ...): "The line `O3,12 euro` is missing, and nothing tells that it ever came: a bad line is set "
                "aside, not dropped.",
            },
        ),
        "Reading the file raised {error}: one bad line stops all the good ones. Set it aside instead.",
        error="MALFORMED",
    )


@exercise(
    objective="2.1",
    hints=(
        "What will inference make of a delivery in which a column is null in every row? And what does it know of the "
        "days before?",
        "`DataFrame.schema.json()` is the schema as text, `StructType.fromJson(json.loads(text))` reads it, and "
        "`spark.read.schema(…)` uses it. `Path` has `exists`, `write_text` and `read_text`.",
        "`if not schema_file.exists():` infer and write. Then, in both cases: read the text, make the schema, read the "
        "delivery with it.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.types.StructType.html",
    why="This is `cloudFiles.schemaLocation` of Auto Loader in four lines. Inferred, kept and reviewed once, a schema "
    "is a decision; inferred each day, it is an accident. What the kept one does not know is another question: see "
    "schema evolution.",
)
def read_events(answer: Answer, case: Case) -> None:
    folder, kept = case.path("events"), Path(case.path("schema.json"))
    file(f"{folder}/1", "events.json", '{"event_id": "E1", "quantity": 2, "price": 9.5, "city": "Oslo"}')
    file(
        f"{folder}/2",
        "events.json",
        '{"event_id": "E2", "quantity": null, "price": 10, "city": "Bergen", "coupon": "X"}',
    )
    file(f"{folder}/3", "events.json", '{"event_id": "E3", "quantity": 1, "price": 2.5}')
    file(f"{folder}/4", "stock.json", '{"sku": "S1", "stock": 4}')

    def read(delivery: int) -> DataFrame:
        return frame_of(
            case.runs(
                lambda: answer(case.spark, f"{folder}/{delivery}", kept),
                "Your code raised {error} when it read the schema that it had kept: `str` is for people. Keep the "
                "schema as `.json()` gives it, and read it by `fromJson`.",
                error="PARSE_SYNTAX_ERROR",
            )
        )

    first = case.runs(
        lambda: read(1),
        "Before the first delivery there is no schema file, and your code raised {error}: look whether it is there, "
        "and infer while it is not.",
        error="No such file",
    )
    case.require(
        {"price", "city"} <= set(first.columns),
        f"The first delivery has `price` and `city` too, and came back with {names(first.columns)}: the schema is in "
        "the delivery, not in your code.",
        seen=names(first.columns),
    )
    case.equal(
        first,
        "event_id string, quantity bigint, price double, city string",
        ("E1", 2, 9.5, "Oslo"),
    )
    case.require(
        kept.exists(),
        f"After the first delivery, whether the schema file is there: {kept.exists()}. Keep the schema, or the second "
        "delivery is inferred anew.",
        seen=kept.exists(),
    )
    before = kept.read_bytes()
    second = read(2)
    kinds = dict(second.dtypes)
    case.require(
        kinds.get("quantity") != "string",
        f"In the second delivery every `quantity` is null, and the column is of type {kinds.get('quantity')}: it was "
        "inferred again, although the schema was kept.",
        seen=kinds.get("quantity"),
    )
    case.require(
        "coupon" not in kinds,
        f"The second delivery came back with {names(list(kinds))}: `coupon` is not in the kept schema.",
        seen=names(list(kinds)),
    )
    case.equal(second, "event_id string, quantity bigint, price double, city string", ("E2", None, 10.0, "Bergen"))
    case.require(
        kept.read_bytes() == before,
        f"The second delivery wrote the schema file again, and it has now {kept.stat().st_size} bytes: the third would "
        "be read by the second's schema. The first one decides.",
        seen=kept.stat().st_size,
    )
    third = case.runs(
        lambda: answer(case.spark, f"{folder}/3", kept),
        "The third delivery has no `city`, and your code raised {error}: it was inferred anew and then made to fit. "
        "Read by the kept schema, what is lacking is NULL.",
        error="UNRESOLVED_COLUMN",
    )
    case.equal(third, "event_id string, quantity bigint, price double, city string", ("E3", 1, 2.5, None))
    other = frame_of(answer(case.spark, f"{folder}/4", Path(case.path("stock.json"))))
    case.require(
        "sku" in other.columns,
        f"Another source, with `sku` and `stock`, came back with {names(other.columns)}: its schema is in its own "
        "first delivery, not in your code.",
        seen=names(other.columns),
    )
    case.equal(other, "sku string, stock bigint", ("S1", 4))


@exercise(
    objective="2.7",
    hints=(
        "Three things can be wrong with a file of the manifest: it is not there, it is there in part, it has become "
        "too long. And what of a file that no manifest speaks of?",
        "`Path.iterdir` lists a folder, `Path.stat().st_size` is a size in bytes; `dict.get` gives None for a name "
        "that is not there.",
        "A dictionary `{name: size}` of what is in the folder; then the names of the manifest's entries whose size "
        "there is the size here.",
    ),
    docs="https://docs.python.org/3/library/pathlib.html#pathlib.Path.stat",
    why="A reader cannot see whether a file will grow. Where you own the writer, let it write under a hidden name "
    "(`.orders.csv.tmp`) and rename: within one file system a rename is atomic, and Spark skips names that begin with "
    "a dot or an underscore. Object stores show a file only once it is whole; a manifest tells there that the delivery "
    "is.",
)
def finished_files(answer: Answer, case: Case) -> None:
    folder = Path(case.path("landing"))
    promised = {
        "orders-2.csv": 8,
        "orders-1.csv": 7,
        "returns.csv": 9,
        "orders-3.csv": 40,
        "orders-4.csv": 3,
        "no.csv": 0,
        "orders-6.csv": 3,
    }
    manifest = {"files": [{"name": name, "bytes": size} for name, size in promised.items()]}
    file(str(folder), "manifest.json", json.dumps(manifest))
    file(str(folder), "orders-1.csv", "O1,9.5")
    file(str(folder), "orders-2.csv", "Zoé,25")
    file(str(folder), "orders-3.csv", "O3,2")
    file(str(folder), "orders-4.csv", "O4,7.0")
    file(str(folder), "orders-6.csv", "O6")
    file(str(folder), "orders-9.csv", "O9,1.0")
    file(str(folder), ".orders-5.csv.tmp", "O5")
    file(str(folder), "_SUCCESS")
    file(str(folder), "no.csv")

    def announced() -> Any:
        return case.runs(
            lambda: answer(folder),
            "`.orders-5.csv.tmp` is in the folder and not in the manifest, and your code raised {error}: some files "
            "belong to nobody's delivery. Begin with the manifest.",
            error="orders-5",
        )

    got = case.runs(
        announced,
        "`returns.csv` is in the manifest and not in the folder, and your code raised {error}: the file has yet to "
        "come.",
        error="returns.csv",
    )
    case.value(
        got,
        ["orders-2.csv", "orders-1.csv", "no.csv", "orders-6.csv"],
        call="finished_files(folder)",
        when={
            (lambda got: not isinstance(got, list)): "You gave {got}: return a list, in the order of the manifest.",
            (
                lambda got: isinstance(got, list) and not all(isinstance(name, str) for name in got)
            ): "You gave {got}: return the names, as texts.",
            (
                lambda got: any("/" in name for name in got)
            ): "You gave {got}: return the names as they are in the manifest, without the folder.",
            holding(".orders-5.csv.tmp"): "You let `.orders-5.csv.tmp` be read: a hidden or temporary name says that "
            "somebody still writes there.",
            holding(
                "orders-9.csv"
            ): "You let `orders-9.csv` be read, of which no manifest speaks: nobody has said that it is whole.",
            holding("returns.csv"): "You let `returns.csv` be read, which the manifest announces and the folder does "
            "not hold yet.",
            holding(
                "orders-3.csv"
            ): "You let `orders-3.csv` be read, which has 5 of its 40 bytes: that a file is there does not say that it "
            "is whole.",
            holding(
                "orders-4.csv"
            ): "You let `orders-4.csv` be read, which is longer than promised: it is another file than the one "
            "announced.",
            lacking("orders-6.csv"): "You gave {got}, without `orders-6.csv`: it is there to the last byte, and the "
            "manifest names it behind others that are not. A file that is not whole holds up no other.",
            lacking("orders-2.csv"): "You gave {got}, without `orders-2.csv`: it holds an é, so its 8 bytes are 7 "
            "characters.",
            lacking("no.csv"): "You gave {got}, without `no.csv`: it was to have 0 bytes and has them. An empty file "
            "can be whole.",
            (lambda got: len(got) == 4): "You gave {got}: the order of the manifest was asked for.",
        },
    )


@exercise(
    objective="2.7",
    hints=(
        "Two days deliver a file of the same name: what tells their rows apart? And which part of the path is only "
        "about the machine?",
        "Rows read from files have a hidden column `_metadata`, with `file_path` and `file_name` among others. "
        "`F.substring_index(text, '/', -2)` is what stands behind the last slash but one.",
        "Read `f'{landing}/*'`, for Spark does not look into sub-folders by itself; then `.withColumn('source_file', "
        "<the last two parts of _metadata.file_path>)`.",
    ),
    docs="https://docs.databricks.com/aws/en/ingestion/file-metadata-column",
    why="Ask for `_metadata` at the read: after a join or an aggregation it is gone. `_metadata` has also "
    "`file_modification_time` and `file_size`; and it writes a path as a URI, a space as %20. `input_file_name()` is "
    "the old way: Unity Catalog does not have it, nor has any Databricks Runtime from 17.3 on.",
)
def with_source(answer: Answer, case: Case) -> None:
    landing = case.path("landing")
    file(f"{landing}/2026-03-01", "orders.json", '{"order_id": "O1", "amount": 9.5}')
    file(f"{landing}/2026-03-02", "orders.json", '{"order_id": "O2", "amount": 3}', '{"order_id": "O3", "amount": 4}')
    file(f"{landing}/2026-04-01", "late.json", '{"order_id": "O4", "amount": 5}')
    result = case.runs(
        lambda: frame_of(answer(case.spark, landing)),
        "Your code raised {error}: it found no file to infer from. Spark reads the files of a folder and does not look "
        "into the folders in it.",
        error="UNABLE_TO_INFER_SCHEMA",
    )
    case.equal(
        result,
        "order_id string, amount double, source_file string",
        ("O1", 9.5, "2026-03-01/orders.json"),
        ("O2", 3.0, "2026-03-02/orders.json"),
        ("O3", 4.0, "2026-03-02/orders.json"),
        ("O4", 5.0, "2026-04-01/late.json"),
        when={
            (
                ...,
                ...,
                lambda text: text in ("orders.json", "late.json"),
            ): "A row came back as {got}, and both days have a file of that name: the name alone does not tell which.",
            (..., ..., "2026-03-01"): "A row came back as {got}, with the day alone: a day may bring many files.",
            (
                ...,
                ...,
                lambda text: "landing" in str(text),
            ): "A row came back as {got}: it names a place on this machine, and another machine would give the same "
            "row another source.",
            (
                ...,
                ...,
                lambda text: str(text).startswith("/2026"),
            ): "A row came back as {got}: below the landing zone the path begins without a slash.",
            (
                ...,
                ...,
                lambda text: str(text).startswith("file:"),
            ): "A row came back as {got}: `_metadata` writes a path as a URI, with `file:` in front, and that is left "
            "when the landing zone is cut off. Count the parts from the end.",
            (
                ...,
                ...,
                lambda text: not text,
            ): "A row came back without a source, {got}: ask for the metadata where the files are read.",
            (
                ...,
                ...,
                lambda text: str(text).count("/") > 1,
            ): "A row came back as {got}: a part of the landing zone's path is left in front. Count the parts "
            "from the end.",
            (
                ...,
                ...,
                lambda text: str(text).count("/") == 1,
            ): "A row came back as {got}, and came from another file: each row brings the "
            "path of its own in `_metadata`.",
        },
        missing={
            ("O1", ...): "O1 of `2026-03-01/orders.json` is missing: Spark reads the files of a folder and does not "
            "look into the folders in it.",
            ("O2", ...): "O2 of `2026-03-02/orders.json` is missing, and O1 is there: read all days.",
            (
                "O4",
                ...,
            ): "O4 of `2026-04-01/late.json` is missing, and the others are there: read all days and all files.",
        },
    )


@exercise(
    objective="2.2",
    hints=(
        "Which option says what to read, which three say where to cut, which one how many pieces, and which one how "
        "many rows a round trip brings?",
        "`dbtable` takes a query in parentheses with an alias, wherever a table may stand; `query` does not go with "
        "`partitionColumn`. Then `lowerBound`, `upperBound`, `numPartitions`, `fetchsize`.",
        "`{'dbtable': '(SELECT * FROM … WHERE …) AS recent', 'partitionColumn': …, 'lowerBound': …, …}`.",
    ),
    docs="https://spark.apache.org/docs/latest/sql-data-sources-jdbc.html",
    why="The bounds do not filter: they say where to cut, and what lies outside goes to the first or the last piece. "
    "Bounds of the whole table on a filtered query leave three connections idle. And four connections are four "
    "queries, each with its own snapshot: what commits between them can be half in.",
)
def jdbc_options(answer: Answer, case: Case) -> None:
    columns = "order_id int, amount double, ordered_on date"
    for table, shift in (("orders", 0), ("returns", 1)):
        days = [date(2026, 2 + shift, 28), date(2026, 3 + shift, 1), date(2026, 3 + shift, 2)]
        case.rows(columns, *((500 + at, 1.0, day) for at, day in enumerate(days))).createOrReplaceTempView(table)
    for arguments in (("orders", "2026-03-01", 501, 900), ("returns", "2026-04-01", 499, 777)):
        _jdbc_options_are(case, answer(*arguments), *arguments)


def _jdbc_options_are(case: Case, got: object, table: str, day: str, lowest: int, highest: int) -> None:
    if not isinstance(got, dict):
        raise Failed(f"Your function gave {got!r}: return a dictionary of options.", seen=[got])
    options = {str(name).lower(): str(value) for name, value in got.items()}
    case.require(
        "query" not in options,
        "Yours has `query`, and Spark refuses it beside `partitionColumn`: put the query where the table's name would "
        "stand, in `dbtable`.",
        seen="query",
    )
    meanings = {
        "dbtable": "what to read",
        "partitioncolumn": "by which column to cut",
        "lowerbound": "with `partitionColumn` Spark wants both bounds, to know where to cut",
        "upperbound": "with `partitionColumn` Spark wants both bounds, to know where to cut",
        "numpartitions": "how many connections",
        "fetchsize": "without it the driver decides how many rows a round trip brings, all of them or ten",
    }
    for name, meaning in meanings.items():
        case.require(
            name in options,
            f"Yours has {names(list(got)) or 'no option'}, and nothing under `{OPTIONS[name]}`: {meaning}.",
            seen=names(list(got)) or "no option",
        )
    source = options["dbtable"]
    case.require(
        source != table,
        f"`dbtable` is {source}, the whole table: the bounds say where to cut and leave no row out, so the day is not "
        "asked for.",
        seen=source,
    )
    case.require(
        re.fullmatch(r'\s*\(.*\)\s*(AS\s+)?(\w+|"[^"]+")\s*', source, re.DOTALL | re.IGNORECASE) is not None,
        f"`dbtable` is `{source[:90]}`: it stands behind FROM in the query that Spark writes, so a query needs "
        "parentheses and an alias.",
        seen=source[:90],
    )
    case.require(
        f'"{day}"' not in source,
        f"`dbtable` is `{source[:90]}`: in double quotes a database expects the name of a column, and a text in single "
        f"ones.",
        seen=source[:90],
    )
    case.require(
        re.search(rf"\b{table}\b", source) is not None,
        f"`dbtable` is `{source[:90]}`, and the table to read is `{table}`: the name is an argument of yours.",
        seen=source[:90],
    )
    case.require(
        re.search(r"\blimit\b", source, re.IGNORECASE) is None,
        f"`dbtable` is `{source[:90]}`: a LIMIT leaves out all rows but so many. How many a round trip brings is said "
        "by `fetchsize`.",
        seen=source[:90],
    )
    in_spark = source.replace('"', "`").replace("YYYY-MM-DD", "yyyy-MM-dd")  # what PostgreSQL writes otherwise
    read = case.runs(
        lambda: case.spark.sql(f"SELECT * FROM {in_spark}"),
        "Your query raised {error}: without quotes, 2026-03-01 is a subtraction.",
        error="2026 - ",
    )
    case.require(
        len(read.columns) == 3,
        f"Your query brings {names(read.columns)} of `order_id`, `amount`, `ordered_on`: all columns were asked for.",
        seen=names(read.columns),
    )
    case.equal(
        read.select(F.col("order_id").cast("string")),
        "order_id string",
        ("501",),
        ("502",),
        when={("500",): "Your query brings order 500, of a day before: only `day` and later was asked for."},
        missing={
            ("501",): "Your query leaves out order 501, of the day itself: `day` or later was asked for.",
            ("502",): "Your query leaves out order 502, of a day after: `day` or later was asked for.",
        },
    )
    wanted = {
        "partitioncolumn": ["order_id"],
        "lowerbound": [str(lowest)],
        "upperbound": [str(highest), str(highest + 1)],
        "numpartitions": ["4"],
        "fetchsize": ["10000"],
    }
    for name, values in wanted.items():
        case.require(
            options[name] in values,
            f"`{OPTIONS[name]}` is {options[name]}, and {values[0]} was expected"
            + (
                ": cut between the lowest and the highest `order_id` of the query, or some connections get nothing."
                if "bound" in name
                else "."
            ),
            seen=options[name],
        )


OPTIONS = {
    "dbtable": "dbtable",
    "partitioncolumn": "partitionColumn",
    "lowerbound": "lowerBound",
    "upperbound": "upperBound",
    "numpartitions": "numPartitions",
    "fetchsize": "fetchsize",
}


@exercise(
    objective="2.2",
    hints=(
        "Try five rows: one before the first cut, one on a cut, one between, one after the last, and one whose day is "
        "unknown. How often does each come?",
        "Half-open intervals touch without overlapping: `>= start AND < end`. `BETWEEN` holds both ends. A NULL is "
        "neither smaller nor larger than anything: `IS NULL` catches it.",
        "The first condition is `… < first cut OR … IS NULL`, the last `… >= last cut`; between them one for each pair "
        "of neighbours, which `itertools.pairwise` gives.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrameReader.jdbc.html",
    why="This is what Spark itself makes of `lowerBound`, `upperBound` and `numPartitions`: the first piece takes all "
    "that is smaller and the NULLs, the last all that is larger. Own predicates cut where the data is: by month, or "
    "through a hot key. Nothing checks them: a gap is silent loss.",
)
def partition_predicates(answer: Answer, case: Case) -> None:
    given = case.rows(
        "row string, ordered_on date",
        ("before", date(2026, 1, 31)),
        ("on the first cut", date(2026, 2, 1)),
        ("between", date(2026, 2, 2)),
        ("on the second cut", date(2026, 3, 1)),
        ("on the last cut", date(2026, 4, 1)),
        ("after", date(2026, 5, 9)),
        ("NULL", None),
    )
    got = answer("ordered_on", ["2026-02-01", "2026-03-01", "2026-04-01"])
    case.require(isinstance(got, list), f"You gave {got!r:.90}: return a list of conditions.", seen=f"{got!r:.90}")
    case.require(
        all(isinstance(condition, str) for condition in got),
        f"You gave {got!r:.90}: a condition is a text of SQL, which the database reads.",
        seen=f"{got!r:.90}",
    )
    case.require(
        len(got) == 4,
        f"For three cuts you gave {len(got)} conditions: three cuts make four pieces, and the outer two have one end "
        f"only."
        if len(got) < 4
        else f"For three cuts you gave {len(got)} conditions: three cuts make four pieces, and "
        "the rows without a day go into one of these.",
        seen=len(got),
    )
    pieces = case.runs(
        lambda: case.runs(
            lambda: _pieces(given, got),
            f"`{got[1][:60]}` gave {{error}}: without quotes, 2026-02-01 is a subtraction.",
            error="2026 - ",
        ),
        f"`{got[1][:60]}` gave {{error}}: a condition is what stands behind WHERE, without that word.",
        error="PARSE_SYNTAX_ERROR",
    )
    case.equal(
        pieces,
        "row string, pieces string",
        ("before", "1"),
        ("on the first cut", "2"),
        ("between", "2"),
        ("on the second cut", "3"),
        ("on the last cut", "4"),
        ("after", "4"),
        ("NULL", "one"),
        when={
            ("after", lambda pieces: "," in pieces): "A row from after the last cut is in several pieces ({got}): a "
            "piece between two cuts has two ends.",
            ("NULL", "none"): "A row whose `ordered_on` is NULL is in no piece ({got}): it is neither before nor after "
            "any cut.",
            ("before", "none"): "The row from before the first cut is in no piece ({got}): nobody would read it.",
            ("after", "none"): "The row from after the last cut is in no piece ({got}): nobody would read it.",
            (
                "on the first cut",
                "1, 2",
            ): "The row on the first cut is in two pieces ({got}): the day of a cut ends one piece or begins the next, "
            "not both.",
            (
                "on the second cut",
                "2, 3",
            ): "The row on the second cut is in two pieces ({got}): `BETWEEN` holds both of its ends.",
            (
                lambda row: row[1] == "none"
            ): "A row on a cut is in no piece ({got}): one of two neighbours must hold the day of the cut.",
            ("on the first cut", "1"): "The row on the first cut is in the first piece ({got}): from the cut on it is "
            "the next.",
            (
                "NULL",
                lambda pieces: "," in pieces,
            ): "The row without a day is in several pieces ({got}): a NULL is to be read once.",
        },
    )
    old_and_new = case.rows("row string, day date", ("old", date(2025, 1, 1)), ("new", date(2027, 1, 1)))
    one_cut = case.runs(
        lambda: answer("day", ["2026-01-01"]),
        "For one cut your code raised {error}: one cut makes two pieces, and none between.",
    )
    case.equal(
        case.runs(
            lambda: _pieces(old_and_new, one_cut),
            "With the column `day` a condition gave {error}: the name of the column is an argument of yours.",
            error="UNRESOLVED_COLUMN",
        ),
        "row string, pieces string",
        ("old", "1"),
        ("new", "2"),
    )


def _pieces(rows: DataFrame, conditions: list[str]) -> DataFrame:
    """Each row with the numbers of the conditions that it meets; `one` for a NULL that meets exactly one."""
    numbers = [F.when(F.expr(condition), str(at)) for at, condition in enumerate(conditions, start=1)]
    pieces = F.concat_ws(", ", *numbers)
    once = (F.col("row") == "NULL") & ~pieces.contains(",")
    return rows.select("row", F.when(pieces == "", "none").when(once, "one").otherwise(pieces).alias("pieces"))


@exercise(
    objective="2.2",
    hints=(
        "Three batches to try in your head: one without rows, one whose rows are all older than `before`, and the very "
        "first.",
        "`batch.agg(F.max('updated_at')).first()[0]` is the newest, or None without rows. Python's `max` does not "
        "compare None, but takes a `default` for nothing.",
        "`max((moment for moment in (newest, before) if moment is not None), default=None)`.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.functions.max.html",
    why="The clock of the reader has no place in a watermark: it runs ahead of the source's, and what the source "
    "writes in between is never read. Save the watermark after the rows, in one transaction with them if you can: the "
    "other way round, a crash between the two loses a batch.",
)
def next_watermark(answer: Answer, case: Case) -> None:
    times_as_in_python(case)
    shape = "order_id string, updated_at timestamp"
    noon, ten, one = datetime(2026, 3, 1, 12), datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 13)
    batch = case.rows(shape, ("O1", one), ("O2", datetime(2026, 3, 1, 12, 30)))
    case.value(
        answer(batch, noon),
        datetime(2026, 3, 1, 13),
        call="next_watermark of rows of 13:00 and 12:30, after 12:00,",
        when={
            noon: "The batch has rows of 12:30 and 13:00, and you gave {got}: the watermark did not move.",
            datetime(2026, 3, 1, 12, 30): "The batch has rows of 13:00 and 12:30, and you gave {got}: rows have no "
            "order, so the last one is not the newest.",
            (
                lambda got: isinstance(got, datetime) and got > one
            ): "The newest row is of 13:00, and you gave {got}: the reader's clock is not the source's.",
        },
    )
    empty = case.rows(shape)
    case.value(
        case.runs(
            lambda: answer(empty, noon), "For a batch without rows your code raised {error}: its newest is None."
        ),
        datetime(2026, 3, 1, 12),
        call="next_watermark of no row, after 12:00,",
        when={None: "For a batch without rows, after 12:00, you gave {got}: the next run would read everything again."},
    )
    case.value(
        case.runs(
            lambda: answer(batch.where("order_id = 'O1'"), None),
            "For the first batch, where `before` is None, your code raised {error}: None cannot be compared.",
        ),
        datetime(2026, 3, 1, 13),
        call="next_watermark of a row of 13:00, the first ever,",
    )
    case.value(
        answer(case.rows(shape, ("O3", ten)), noon),
        datetime(2026, 3, 1, 12),
        call="next_watermark of a row of 10:00, after 12:00,",
        when={
            ten: "A batch held only a row of 10:00, committed late, and the watermark went back from 12:00 to {got}."
        },
    )
    case.value(
        case.runs(
            lambda: answer(empty, None),
            "For a first batch without rows your code raised {error}: nothing was seen, so there is no watermark yet.",
        ),
        None,
        call="next_watermark of no row, the first batch,",
    )


@exercise(
    objective="2.2",
    hints=(
        "Two steps: read a little too much, then leave out what is loaded. What identifies a version of an order?",
        "`F.lit(watermark) - F.expr('INTERVAL 15 MINUTES')` is a moment. A join of kind `left_anti` keeps the rows "
        "that have no partner.",
        "`orders.where(F.col('updated_at') >= …).join(loaded, [<two columns>], 'left_anti')`.",
    ),
    docs="https://spark.apache.org/docs/latest/sql-ref-syntax-qry-select-join.html#anti-join",
    why="The overlap must be longer than the longest transaction, and nobody guarantees that: watch it in the source "
    "(`pg_stat_activity`), or read the log (CDC), whose order is that of the commits. A MERGE on the key makes the "
    "second half unnecessary: then reading twice does no harm.",
)
def rows_to_load(answer: Answer, case: Case) -> None:
    def at(hour: int, minute: int, second: int = 0) -> datetime:
        return datetime(2026, 3, 1, hour, minute, second)

    times_as_in_python(case)
    shape = "order_id string, amount double, updated_at timestamp"
    orders = case.rows(
        shape,
        ("O0", 1.0, at(11, 0)),
        ("O8", 8.0, at(11, 44, 30)),
        ("O1", 1.0, at(11, 45)),
        ("O2", 2.0, at(11, 50)),
        ("O7", 7.0, at(11, 50)),
        ("O3", 3.5, at(11, 55)),
        ("O9", 9.0, at(11, 58)),
        ("O4", 4.0, at(12, 0)),
        ("O5", 5.0, at(12, 0)),
        ("O6", 6.0, at(12, 5)),
    )
    loaded = case.rows(
        shape, ("O7", 7.0, at(11, 50)), ("O3", 3.0, at(11, 30)), ("O4", 4.0, at(12, 0)), ("O9", 9.5, at(11, 58))
    )
    result = answer(orders, loaded, at(12, 0))
    case.equal(
        frame_of(result).withColumn("updated_at", F.date_format("updated_at", "HH:mm")),
        "order_id string, amount double, updated_at string",
        ("O1", 1.0, "11:45"),
        ("O2", 2.0, "11:50"),
        ("O3", 3.5, "11:55"),
        ("O5", 5.0, "12:00"),
        ("O6", 6.0, "12:05"),
        given=orders,
        when={
            (
                "O0",
                ...,
            ): "{got} came back, an hour behind the watermark: without a limit every run reads the whole table.",
            ("O8", ...): "{got} came back, of half a minute before 11:45: a difference in whole minutes is cut off. "
            "Compare moments.",
            ("O7", ...): "{got} came back and is loaded already: what the overlap brings twice must be left out.",
            ("O4", ...): "{got} came back and is loaded already: `>=` reads the rows on the watermark again.",
            ("O9", ...): "{got} came back, and `loaded` holds O9 as of 11:58, with another amount: a version is the "
            "order with its time, whatever else it holds.",
        },
        missing={
            (
                "O5",
                ...,
            ): "{got} is missing: it has the very moment of the watermark, and was committed after the last run.",
            (
                "O2",
                ...,
            ): "{got} is missing: it was committed after the last run, behind the watermark, so the run must read from "
            "before it.",
            ("O1", ...): "{got} is missing: a row on the moment 15 minutes before the watermark counts.",
            (
                "O3",
                ...,
            ): "{got} is missing: `loaded` has O3 as of 11:30, an older version. The version is the key, not the "
            "order.",
        },
    )


@exercise(
    objective="2.3",
    hints=(
        "Sort the answers into three kinds: one that is a page, one that gets better by waiting, one that never does. "
        "Then: how long, and how often?",
        "`body.get('next')` is None for null and for missing. A dictionary of headers with all names in small letters "
        "answers however the server wrote them. A header is text: `int` makes it a number.",
        "`if status == 200: …`; then `if attempt >= 5 or not (status == 429 or status >= 500): return 'fail', status`; "
        "what is left waits, as long as `retry-after` says, or else `2 ** (attempt - 1)`.",
    ),
    docs="https://www.rfc-editor.org/rfc/rfc9110.html#field.retry-after",
    why="A pure function of the answer: tested without a server, and used by every task that reads. Two things are "
    "left out: `Retry-After` may be a date, and a real client adds a random part to its own waits, so that a thousand "
    "of them do not come back in the same second.",
)
def next_step(answer: Answer, case: Case) -> None:
    case.value(
        answer(200, {}, {"items": [1], "next": "c2"}, 1),
        ("page", "c2"),
        call='next_step(200, {}, {"items": [1], "next": "c2"}, 1)',
    )
    case.value(
        answer(200, {}, {"items": [], "next": "c3"}, 1),
        ("page", "c3"),
        call='next_step(200, {}, {"items": [], "next": "c3"}, 1)',
        when={("done", None): "A page without items names the next one, `c3`, and you gave {got}: empty is not last."},
    )
    missing = case.runs(
        lambda: answer(200, {}, {"items": [1]}, 1),
        "For a page that has no `next` your code raised {error}: missing is one of the two ways to say that it is the "
        "last.",
    )
    case.value(missing, ("done", None), call='next_step(200, {}, {"items": [1]}, 1)')
    case.value(
        answer(200, {}, {"items": [1], "next": None}, 5),
        ("done", None),
        call='next_step(200, {}, {"items": [1], "next": None}, 5)',
        when={
            ("fail", 200): "The fifth attempt brought the page, and you gave {got}: an answer that came is no failure."
        },
    )
    case.value(
        answer(429, {"retry-after": "7"}, {}, 1),
        ("wait", 7),
        call='next_step(429, {"retry-after": "7"}, {}, 1)',
        when={
            ("fail", 429): "For a 429 you gave {got}: it says `too many requests`, and passes when you wait.",
            ("wait", 1): "The server asked for 7 seconds and you gave {got}: with `retry-after` in small letters it "
            "said how long.",
            ("wait", "7"): "For `retry-after: 7` you gave {got}, a text: seconds are a number.",
        },
    )

    def without_header(status: int, attempt: int) -> Any:
        def heard() -> Any:
            return case.runs(
                lambda: answer(status, {"Content-Type": "text/html", "X-Retry-Count": "3"}, {}, attempt),
                f"A {status} came without `Retry-After`, and your code raised {{error}}: few servers say how long to "
                "wait. Without the header it is 1, 2, 4, 8.",
                error="etry-",
            )

        return case.runs(
            heard,
            f"On attempt {attempt} of 5 your code raised {{error}}: after attempt 4 it waits too, 8 seconds.",
            error="out of range",
        )

    waits = ((500, 3, ("wait", 4)), (503, 4, ("wait", 8)), (502, 3, ("wait", 4)), (599, 3, ("wait", 4)))
    for status, attempt, expected in waits:
        case.value(
            without_header(status, attempt),
            expected,
            call=f"next_step({status}, {{}}, {{}}, {attempt})",
            when={
                (
                    "fail",
                    status,
                ): f"For a {status} on attempt {attempt} of 5 you gave {{got}}: the server is in trouble "
                "and may recover.",
                ("wait", attempt): f"After attempt {attempt} you gave {{got}}: each wait is twice the one before, "
                "1, 2, 4, 8.",
                ("wait", 2**attempt): f"After attempt {attempt} you gave {{got}}: the first wait is 1 second.",
            },
        )
    case.value(
        answer(503, {"RETRY-AFTER": "30"}, {}, 2),
        ("wait", 30),
        call='next_step(503, {"RETRY-AFTER": "30"}, {}, 2)',
        when={("wait", 2): "A 503 said `RETRY-AFTER: 30` and you gave {got}: not only a 429 says how long to wait."},
    )
    case.value(
        answer(503, {"Retry-After": "0"}, {}, 3),
        ("wait", 0),
        call='next_step(503, {"Retry-After": "0"}, {}, 3)',
        when={
            (
                "wait",
                4,
            ): "A 503 said `Retry-After: 0` and you gave {got}: 0 is what the server says, though Python takes "
            "it for false."
        },
    )
    for status, headers, expected in ((500, {}, ("fail", 500)), (429, {"Retry-After": "7"}, ("fail", 429))):
        case.value(
            answer(status, headers, {}, 5),
            expected,
            call=f"next_step({status}, {headers}, {{}}, 5)",
            when={
                (lambda got: isinstance(got, tuple) and got[0] == "wait"): f"For a {status} on the fifth attempt you "
                "gave {got}: without an end, a server that is down holds the job for ever.",
            },
        )
    failures = ((404, ("fail", 404)), (401, ("fail", 401)), (400, ("fail", 400)), (408, ("fail", 408)))
    others = ((431, ("fail", 431)), (204, ("fail", 204)), (304, ("fail", 304)))
    for status, expected in (*failures, *others):
        case.value(
            answer(status, {}, {}, 1),
            expected,
            call=f"next_step({status}, {{}}, {{}}, 1)",
            when={
                (
                    "wait",
                    1,
                ): f"For a {status} you gave {{got}}: only a 429 and what begins at 500 passes by itself; of any other "
                "status asking again gives the same answer.",
                (
                    "done",
                    None,
                ): f"For a {status} you gave {{got}}: it is no page, so nobody knows whether more would follow. Only a "
                "200 is one.",
            },
        )


@exercise(
    objective="2.3",
    hints=(
        "When does the loop end: at an empty page, or at something the page says? And which of two versions of an item "
        "stays?",
        "A dictionary by `id` holds one version of each; times written alike (ISO 8601) compare as texts. `sorted` "
        "gives the keys in order.",
        "Get the first page; `while True:` put its items into the dictionary where they are newer, return if `next` is "
        "None, get the page of the cursor.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html",
    why="Paging over a list that changes is a race. A cursor over (`updated_at`, `id`) moves a changed item to the "
    "end, where it is seen twice; page numbers push unseen items back to a page already read, and lose them. Twice can "
    "be repaired, never cannot.",
)
def fetch_changed(answer: Answer, case: Case) -> None:
    def item(key: int, time: str, price: int) -> dict[str, Any]:
        return {"id": key, "updated_at": f"2026-03-01T{time}", "price": price}

    pages: dict[object, dict[str, Any]] = {
        None: {"items": [item(10, "10:00", 1), item(5, "10:02", 4), item(2, "10:05", 2)], "next": "b"},
        "b": {"items": [], "next": "c"},
        "c": {"items": [item(7, "09:00", 3), item(10, "11:00", 9), item(2, "08:00", 0)], "next": None},
    }
    asked: list[dict[str, Any]] = []

    def get(parameters: dict[str, Any]) -> dict[str, Any]:
        asked.append(dict(parameters))
        if len(asked) > 9:
            raise Failed(
                f"After {len(asked)} requests for 3 pages you still ask: nothing ends the loop.", seen=[len(asked)]
            )
        if parameters.get("updated_since") != "2026-03-01":
            raise Failed(
                f"Request {len(asked)} had the parameters {parameters}: "
                + (
                    "`updated_since` is the same in every request, and the cursor moves on."
                    if "updated_since" in parameters
                    else "without `updated_since` the API begins to send everything."
                ),
                seen=[parameters],
            )
        surplus = parameters.keys() - {"updated_since", "cursor"}
        if surplus:
            raise Failed(
                f"Request {len(asked)} had the parameter {names(sorted(surplus))}, which this API does not know: what "
                "comes next is told by `cursor` alone.",
                seen=sorted(surplus),
            )
        if parameters.get("cursor") not in pages:
            raise Failed(
                f"Request {len(asked)} had the parameters {parameters}, and no page gave that cursor.",
                seen=[parameters],
            )
        return pages[parameters.get("cursor")]

    got = answer(get, "2026-03-01")
    case.require(bool(asked), f"You asked for {len(asked)} pages: each comes from a call of `get`.", seen=len(asked))
    case.require(
        "cursor" not in asked[0],
        f"The first request had the parameters {asked[0]}: no page has given a cursor yet, and a None may be sent as a "
        "text. Leave it out.",
        seen=asked[0],
    )
    case.require(
        isinstance(got, list) and all(isinstance(entry, dict) and "id" in entry for entry in got),
        f"You gave {got!r:.90}: return a list of the items, each as it came.",
        seen=f"{got!r:.90}",
    )
    goes_on = {
        1: "one request: `next` names another page.",
        2: "an empty page: `next` goes on behind it.",
    }.get(len(asked), "all three pages: the one whose `next` is None has items too.")
    case.value(
        [entry["id"] for entry in got],
        [2, 5, 7, 10],
        call="fetch_changed(get, since)",
        when={
            lacking(7): f"You gave the ids {{got}} after {goes_on}",
            lacking(5): "You gave the ids {got}, without 5, which came on the first page: that page has items too.",
            (lambda given: given.count(10) == 2): "Item 10 is twice among the ids {got}: it changed while you read.",
            (10, 2, 5, 7): "You gave the ids {got}: as texts, 10 comes before 2.",
            (lambda given: len(given) == 4): "You gave the ids {got}: the order of `id` was asked for.",
        },
    )
    case.value(
        [(entry["id"], entry.get("price")) for entry in got],
        [(2, 2), (5, 4), (7, 3), (10, 9)],
        call="fetch_changed(get, since), id and price",
        when={
            ((2, None), ...): "You gave {got}: an item is returned with all that it holds.",
            (
                (2, 2),
                (5, 4),
                (7, 3),
                (10, 1),
            ): "Item 10 came with price 1 and later, changed, with 9, and you gave {got}: the "
            "first version is not the newest.",
            (
                (2, 0),
                (5, 4),
                (7, 3),
                (10, 9),
            ): "Item 2 of 10:05 has price 2, and you gave {got}: what comes last is not always "
            "newest, an older version can come late.",
        },
    )


@exercise(
    objective="2.4",
    hints=(
        "Who remembers which files were read: your code, the table, or a stream in its checkpoint?",
        "`spark.readStream` reads a folder; `writeStream.option('checkpointLocation', …)` remembers; "
        "`trigger(availableNow=True)` reads what is there and ends; `awaitTermination()` waits for that.",
        "`spark.readStream.schema(…).json(landing)`, then `.writeStream.format('delta').option(…).trigger(…)"
        ".start(path).awaitTermination()`.",
    ),
    docs="https://spark.apache.org/docs/latest/streaming/apis-on-dataframes-and-datasets.html#triggers",
    why="This is Auto Loader's pattern: `cloudFiles` adds notifications in the place of listings, schema inference "
    "and rescue. The checkpoint belongs to this query, source and sink: never share it, never delete it without a "
    "plan. And it knows names: a file overwritten in place is not read again.",
)
def load_new_files(answer: Answer, case: Case) -> None:
    landing, path, checkpoint = case.path("landing"), case.path("orders"), case.path("checkpoint")

    def load_once() -> None:
        case.runs(
            lambda: answer(case.spark, landing, path, checkpoint),
            "Before the first delivery there is no table in `path`, and your code raised {error}: look whether one is "
            "there, or let the write make it.",
            error="DELTA_MISSING_DELTA_TABLE",
        )

    def load() -> None:
        running = {query.id for query in case.spark.streams.active}
        case.runs(
            load_once,
            "Spark says `Schema must be specified` ({error}): a stream of files infers no schema. Give it the columns "
            "and types of the exercise.",
            error="Schema must be specified",
        )
        left = [query for query in case.spark.streams.active if query.id not in running]
        case.require(
            not left,
            f"{len(left)} stream was still running when your function came back: the caller believes that the rows "
            "are there. Wait for the end.",
            seen=len(left),
        )

    file(landing, "1.json", '{"order_id": "O1", "amount": 1}')
    old = file(landing, "2.json", '{"order_id": "O2", "amount": 2}', '{"order_id": "O4", "amount": 4}')
    load()
    case.require(
        Path(path, "_delta_log").is_dir(),
        f"After the first run, whether there is a Delta table in `path`: {Path(path, '_delta_log').is_dir()}.",
        seen=Path(path, "_delta_log").is_dir(),
    )
    old.unlink()
    new = file(landing, "0.json", '{"order_id": "O3", "amount": 3}', '{"order_id": "O2", "amount": 2}')
    hour_ago = new.stat().st_mtime - 3600  # a copy keeps the time of its original
    os.utime(new, (hour_ago, hour_ago))
    load()
    case.equal(
        case.spark.read.format("delta").load(path),
        "order_id string, amount double",
        ("O1", 1.0),
        ("O2", 2.0),
        ("O2", 2.0),
        ("O3", 3.0),
        ("O4", 4.0),
        when={
            ("O1", 1.0): "{got}, of `1.json`, was loaded again by the second run: "
            + (
                "the checkpoint in `checkpoint` remembers what is loaded, and yours was not used twice."
                if any("streaming" in text or "STREAMING" in text for text in _log(path))
                else "an append loads every file that is there, again and again. Nothing remembers."
            ),
        },
        missing={
            ("O4", ...): "{got} was loaded, its file was moved away, and the second run took it out of the table: an "
            "overwrite keeps only what is in the folder today.",
            ("O3", ...): "{got} is missing, of `0.json`, which came between the two runs: a new file may have a name "
            "before the others, or an older time. What is loaded must be remembered file by file.",
            (
                "O2",
                ...,
            ): "{got} is missing once: `2.json` had this row, and so has `0.json`, which came later. Files are "
            "loaded once, not orders.",
        },
    )


def _log(path: str) -> list[str]:
    """The commits of a Delta table, as text."""
    return [commit.read_text() for commit in Path(path, "_delta_log").glob("*.json")]


@exercise(
    objective="2.5",
    hints=(
        "A column that is in both schemas is neither new nor missing. What is compared, when names are, and what when "
        "types are?",
        "A `StructType` is a list of fields; each has `name`, `dataType` and `nullable`. Two fields are equal only if "
        "all three are. `str.lower` makes names comparable.",
        "Two dictionaries `{name in small letters: field}`; new is what only the second has, missing what only the "
        "first has, and of what both have, those with another `dataType`.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.types.StructField.html",
    why="A new column can be added without harm. A conflict cannot: the old rows have the old type. So no evolution "
    "mode of Auto Loader changes a type by itself (widening apart): the value is rescued, or it is NULL. Treating a "
    "conflict as `missing and new` is how a table gets an `amount` and an `amount_2`.",
)
def schema_changes(answer: Answer, case: Case) -> None:
    known = StructType.fromDDL(
        "order_id STRING NOT NULL, Customer STRING, amount DOUBLE, quantity INT, city STRING, price DECIMAL(10,2), "
        "tags ARRAY<STRING>, points BIGINT"
    )
    arrived = StructType.fromDDL(
        "coupon STRING, points INT, tags ARRAY<INT>, amount STRING, order_id STRING, customer STRING, price "
        "DECIMAL(12,2), Quantity BIGINT, Age INT"
    )

    def found() -> Any:
        return case.runs(
            lambda: answer(known, arrived),
            "The known `Customer` arrived as `customer`, and your code raised {error}: to Spark these are one name. "
            "Look it up in small letters.",
            error="Customer",
        )

    got = case.runs(
        found,
        "`city` did not arrive, and your code raised {error}: what is missing has no type to compare.",
        error="city",
    )
    if not isinstance(got, dict) or set(got) != {"new", "missing", "conflicts"}:
        raise Failed(
            f"You gave {str(got)[:90]}: return a dictionary with `new`, `missing` and `conflicts`.",
            seen=[str(got)[:90]],
        )
    got = {name: list(value) for name, value in got.items()}
    case.value(
        got["new"],
        ["coupon", "Age"],
        call='schema_changes(known, arrived)["new"]',
        when={
            holding("city"): "`city` is among the new columns, {got}: it is known and did not arrive, so it is "
            "missing. What arrived and is not known is new.",
            holding("order_id"): "`order_id` is among the new columns, {got}: it only may be NULL now, which changes "
            "neither its name nor its type.",
            holding("amount"): "`amount` is among the new columns, {got}: it was there before with another type. A "
            "conflict is not a new column.",
            holding("customer"): "`customer` is among the new columns, {got}: to Spark it is the column `Customer`.",
            holding("Quantity"): "`Quantity` is among the new columns, {got}: to Spark it is the column `quantity`.",
            holding("age"): "You gave {got}: a new column keeps the name that it arrived with, `Age`.",
            ("Age", "coupon"): "You gave {got}: in the order of the schema that arrived, `coupon` comes first.",
        },
    )
    case.value(
        got["missing"],
        ["city"],
        call='schema_changes(known, arrived)["missing"]',
        when={
            holding("amount"): "`amount` is among the missing columns, {got}: it is there, with another type.",
            holding("Customer"): "`Customer` is among the missing columns, {got}: it arrived as `customer`.",
        },
    )
    case.value(
        got["conflicts"],
        ["amount", "quantity", "price", "tags", "points"],
        call='schema_changes(known, arrived)["conflicts"]',
        when={
            (): "You gave no conflict, {got}: `amount` was a double and arrived as a string.",
            holding("order_id"): "`order_id` is in conflict, you say in {got}: whether a column may be NULL is not its "
            "type.",
            holding("Quantity"): "You gave {got}: a conflict has its known name, `quantity`.",
            lacking(
                "quantity"
            ): "You gave {got}: `quantity` was an int and arrived as a bigint, which does not fit into it.",
            lacking(
                "points"
            ): "You gave {got}: `points` was a bigint and arrived as an int, which is another type too. "
            "That its values would fit is the next question.",
            lacking("price"): "You gave {got}: `price` was a decimal(10,2) and arrived as a decimal(12,2). The digits "
            "belong to the type.",
            lacking("tags"): "You gave {got}: `tags` held texts and arrived as an array of int. The type of an array "
            "holds the type of its items.",
            holding("amount"): "You gave {got}: in the order of the known schema, `amount` comes first.",
        },
    )
    case.value(
        answer(StructType.fromDDL("ID INT, tag STRING"), StructType.fromDDL("id INT")),
        {"new": [], "missing": ["tag"], "conflicts": []},
        call="schema_changes(ID INT, tag STRING → id INT)",
    )


@exercise(
    objective="2.5",
    hints=(
        "A value did not fit when it was there before the cast and is not there after it. Which of the values NULL, "
        "'two' and '2.5' is that true of, for an int?",
        "`Column.try_cast` gives NULL where `cast` would raise. `F.to_json` of a struct leaves out its NULL fields, "
        "and makes `{}` when all are; `F.nullif(column, F.lit('{}'))` turns that value into NULL.",
        "`F.to_json(F.struct(F.when(<cast is NULL>, <the text>).alias('quantity'), …))`, and NULL in the place of "
        "`{}`.",
    ),
    docs="https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema#what-is-the-rescued-data-column",
    why="Auto Loader's `_rescued_data` is this column, with the file's path in it. Count it: rescued rows that nobody "
    "looks at are lost rows that cost storage. And mind what does fit: `NaN` is a double, and ' 5 ' an int.",
)
def cast_or_rescue(answer: Answer, case: Case) -> None:
    given = case.rows(
        "order_id string, quantity string, amount string",
        ("O1", "2", "9.5"),
        ("O2", "two", "3"),
        ("O3", None, "12,50"),
        ("O4", None, None),
        ("O5", "2.5", "n/a"),
        ("O6", "-3", "-0.00125"),
        ("O7", "3000000000", "3000000000"),
        ("O8", '5"', "1"),
    )
    result = frame_of(answer(given))
    case.require(
        "_rescued" in result.columns,
        f"Yours has the columns {names(result.columns)}: without `_rescued` a value that does not fit is gone, and "
        "nobody can tell it from one that never was.",
        seen=names(result.columns),
    )
    case.runs(
        lambda: case.equal(
            result,
            "order_id string, quantity int, amount double, _rescued string",
            ("O1", 2, 9.5, None),
            ("O2", None, 3.0, '{"quantity":"two"}'),
            ("O3", None, None, '{"amount":"12,50"}'),
            ("O4", None, None, None),
            ("O5", None, None, '{"quantity":"2.5","amount":"n/a"}'),
            ("O6", -3, -0.00125, None),
            ("O7", None, 3_000_000_000.0, '{"quantity":"3000000000"}'),
            ("O8", None, 1.0, '{"quantity":"5\\""}'),
            given=given,
            when={
                (
                    "O1",
                    ...,
                    ...,
                    "{}",
                ): "You gave {got}: where all values fit, `_rescued` is NULL, so that one can count those that do not.",
                ("O2", None, 3.0, None): "You gave {got}: 'two' is in no column any more.",
                (
                    "O1",
                    ...,
                    ...,
                    '{"quantity":"2","amount":"9.5"}',
                ): "You gave {got}: its values fit, so nothing is to be rescued.",
                (
                    "O2",
                    None,
                    3.0,
                    '{"quantity":"two","amount":"3"}',
                ): "You gave {got}: its amount fits, so only the quantity is to be rescued.",
                (
                    "O2",
                    None,
                    None,
                    ...,
                ): "You gave {got}: its amount is 3. One bad value does not spoil its row.",
                ("O4", ..., ..., lambda text: text is not None): "You gave {got}: a NULL that came as NULL was not "
                "lost on the way.",
                ("O5", ..., ..., '{"quantity":"2.5"}'): "You gave {got}: both of its values do not fit.",
                (
                    "O3",
                    ...,
                    12.5,
                    ...,
                ): "You gave {got}: 12,50 is not a double. Whether its comma is a point is a guess.",
                (
                    "O6",
                    ...,
                ): "You gave {got}: -3 is an int and -0.00125 a double, signs and digits included. Ask Spark what "
                "fits, not a pattern.",
                ("O7", ...): "You gave {got}: 3000000000 is more than an int holds, and fits a double. What fits is "
                "a question of the type.",
                (
                    "O8",
                    ...,
                ): "You gave {got}: the text has a quote, which JSON writes with a backslash. Let a function write "
                "the JSON.",
                (
                    "O5",
                    ...,
                    ...,
                    '{"amount":"n/a","quantity":"2.5"}',
                ): "You gave {got}: the entries come in the order of the columns, `quantity` first.",
                ("O5", 2, ...): "You gave {got}: 2.5 pieces became 2. That is a loss too, only a quieter one.",
            },
        ),
        "Reading the result raised {error}: `cast` stops all rows for one value that does not fit. Ask for NULL "
        "instead, and then look where it came from.",
        error="CAST_INVALID_INPUT",
    )


@exercise(
    objective="2.5",
    hints=(
        "First find which columns are new and which are lacking. The known part is the same in all modes; only the new "
        "columns differ.",
        "`known.names` are the names and each field has a `dataType`, which `F.lit(None).cast(…)` takes. "
        "`F.to_json(F.struct(*names))` makes one text of some columns, `{}` if all are NULL.",
        "Raise if need be; give the batch the lacking columns by `withColumns`; `select` the known names, and behind "
        "them what the mode wants.",
    ),
    docs="https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/"
    "schema#how-does-auto-loader-schema-evolution-work",
    why="On Databricks `addNewColumns` first stops the stream with an error, having written down the new schema: a job "
    "with a retry goes on with it. So `failOnNewColumns` and `addNewColumns` fail alike once; only the second comes "
    "back by itself. `none` is the one that loses data without a word.",
)
def evolve(answer: Answer, case: Case) -> None:
    known = StructType.fromDDL("order_id STRING, amount DOUBLE, city STRING")
    batch = case.rows(
        "coupon string, amount double, order_id string, points int",
        ("SPRING", 9.5, "O1", 3),
        (None, 2.0, "O2", None),
        (None, 4.0, "O4", 5),
    )
    shorter = case.rows("order_id string, amount double", ("O3", 1.0))
    plain = case.rows("order_id string, amount double, city string", ("O3", 1.0, "Oslo"))
    added = frame_of(
        case.runs(
            lambda: answer(batch, known, "addNewColumns"),
            "The batch has no column `city`, and your code raised {error}: what the table has and the batch lacks is "
            "NULL. Nothing can be selected that is not there.",
            error="`city`",
        )
    )
    case.require(
        "city" in added.columns,
        f"The batch came back with {names(added.columns)}: the table's `city` is lacking in the batch, and is to be "
        "there, as NULL.",
        seen=names(added.columns),
    )
    case.require(
        "coupon" in added.columns,
        f"By `addNewColumns` the batch came back with {names(added.columns)}: `coupon` is to be added.",
        seen=names(added.columns),
    )
    case.require(
        added.columns[:3] == ["order_id", "amount", "city"],
        f"The columns came back as {names(added.columns)}: the table's own come first, in its order.",
        seen=names(added.columns),
    )
    kind = dict(added.dtypes)["city"]
    case.require(
        kind != "void",
        f"`city` is of type {kind}: a NULL from `F.lit(None)` has no type of its own. Give it the table's.",
        seen=kind,
    )
    case.equal(
        added,
        "order_id string, amount double, city string, coupon string, points int",
        ("O1", 9.5, None, "SPRING", 3),
        ("O2", 2.0, None, None, None),
        ("O4", 4.0, None, None, 5),
        given=batch,
    )
    rescued = frame_of(answer(batch, known, "rescue"))
    case.require(
        "city" in rescued.columns,
        f"By `rescue` the batch came back with {names(rescued.columns)}: what the batch lacks, `city`, is NULL in "
        "every mode.",
        seen=names(rescued.columns),
    )
    case.require(
        "coupon" not in rescued.columns,
        f"By `rescue` the batch came back with {names(rescued.columns)}: `coupon` goes into `_rescued`, and the table "
        "keeps its shape.",
        seen=names(rescued.columns),
    )
    case.equal(
        rescued,
        "order_id string, amount double, city string, _rescued string",
        ("O1", 9.5, None, '{"coupon":"SPRING","points":3}'),
        ("O2", 2.0, None, None),
        ("O4", 4.0, None, '{"points":5}'),
        given=batch,
        when={
            (
                "O4",
                4.0,
                None,
                None,
            ): "You gave {got}: it has a value in one new column, 5 `points`, and none in the other. "
            "What is there is rescued.",
            ("O1", 9.5, None, '{"coupon":"SPRING"}'): "You gave {got}: the batch has two new columns.",
            (
                "O2",
                ...,
                ...,
                "{}",
            ): "You gave {got}: where a row has no value in a new column, `_rescued` is NULL.",
            (
                "O1",
                ...,
                ...,
                lambda text: "order_id" in str(text),
            ): "You gave {got}: only what has no other place is rescued.",
        },
    )
    unchanged = case.runs(
        lambda: answer(plain, known, "rescue"),
        "For a batch without new columns, in mode `rescue`, your code raised {error}: on most days nothing is new.",
    )
    case.require(
        "_rescued" in frame_of(unchanged).columns,
        f"For a batch without new columns, `rescue` gave {names(unchanged.columns)}: the shape of a table must not "
        "change from day to day, so `_rescued` is always there.",
        seen=names(unchanged.columns),
    )
    kind = dict(frame_of(unchanged).dtypes)["_rescued"]
    case.require(
        kind != "void",
        f"For a batch without new columns, `_rescued` is of type {kind}: a NULL from `F.lit(None)` has no type of its "
        "own. Here it is a text.",
        seen=kind,
    )
    case.equal(unchanged, "order_id string, amount double, city string, _rescued string", ("O3", 1.0, "Oslo", None))
    left_out = frame_of(answer(batch, known, "none"))
    case.require(
        "city" in left_out.columns,
        f"By `none` the batch came back with {names(left_out.columns)}: `none` leaves out what is new. What the batch "
        "lacks, `city`, is NULL in every mode.",
        seen=names(left_out.columns),
    )
    case.equal(
        left_out,
        "order_id string, amount double, city string",
        ("O1", 9.5, None),
        ("O2", 2.0, None),
        ("O4", 4.0, None),
        given=batch,
    )
    try:
        got, refused = answer(batch, known, "failOnNewColumns"), ""
    except ValueError as error:
        got, refused = None, str(error) or "nothing"
    case.require(
        bool(refused),
        f"By `failOnNewColumns` a batch with `coupon` came back as {type(got).__name__}: it is to be refused.",
        seen=type(got).__name__,
    )
    case.require(
        "coupon" in refused and "points" in refused and "order_id" not in refused,
        f"The ValueError says {refused[:90]!r}: name the new columns, `coupon` and `points`, and no other.",
        seen=repr(refused[:90]),
    )
    case.equal(
        case.runs(
            lambda: answer(plain, known, "failOnNewColumns"),
            "For a batch without new columns, in mode `failOnNewColumns`, your code raised {error}: nothing is new.",
        ),
        "order_id string, amount double, city string",
        ("O3", 1.0, "Oslo"),
    )
    case.equal(
        case.runs(
            lambda: answer(shorter, known, "failOnNewColumns"),
            "For a batch that lacks `city` and has no new column, your code raised {error}: `failOnNewColumns` refuses "
            "what is new, not what is lacking.",
        ),
        "order_id string, amount double, city string",
        ("O3", 1.0, None),
    )


@exercise(
    objective="2.6",
    hints=(
        "What does the table remember of a file that was loaded? What becomes of a comparison with NULL?",
        "A `left_anti` join keeps the rows without a partner; a NULL in the other table is no partner, and does no "
        "harm. `NOT IN` with a NULL in its list is never true.",
        "`arriving.join(table, <the column that both have>, 'left_anti')`.",
    ),
    docs="https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/copy-into/",
    why="COPY INTO is this, with the list of files kept beside the table and not in it. It compares names: a file "
    "corrected in place is skipped unless `force` says otherwise, which loads all. For thousands of files it is right; "
    "for millions, whose listing alone takes minutes, Auto Loader is.",
)
def rows_of_new_files(answer: Answer, case: Case) -> None:
    shape = "order_id string, amount double, source_file string"
    arriving = case.rows(
        shape,
        ("O1", 1.0, "1.json"),
        ("O2", 2.0, "1.json"),
        ("O1", 1.5, "2.json"),
        ("O3", 3.0, "2.json"),
        ("O3", 3.0, "2.json"),
        ("O4", 4.0, "2.json"),
        ("O5", 5.0, "0.json"),
    )
    table = case.rows(shape, ("O1", 1.0, "1.json"), ("O2", 2.0, "1.json"), ("O9", 9.0, None))
    case.equal(
        answer(arriving, table),
        shape,
        ("O1", 1.5, "2.json"),
        ("O3", 3.0, "2.json"),
        ("O3", 3.0, "2.json"),
        ("O4", 4.0, "2.json"),
        ("O5", 5.0, "0.json"),
        given=arriving,
        when={
            ("O1", 1.0, "1.json"): "{got} came back, of a file that the table holds: it would be there twice.",
        },
        missing={
            (
                "O4",
                ...,
            ): "{got} is missing, of a new file: where the list behind `NOT IN` has a NULL, no file is known not to be "
            "in it.",
            ("O1", ...): "{got} is missing, of a new file: the table holds O1 of another file. A file is loaded once, "
            "not an order.",
            (
                "O5",
                ...,
            ): "{got} is missing, of a new file: its name comes before `1.json`, and it came later. The order "
            "of the names says nothing.",
            (
                "O3",
                ...,
            ): "{got} is missing once: the new file has this row twice, and all rows of a new file are loaded.",
        },
    )
    other_rows = case.rows(shape, ("O1", 1.0, "1.json"), ("O8", 8.0, "1.json"), ("O9", 9.0, "3.json"))
    case.equal(
        answer(other_rows, table),
        shape,
        ("O9", 9.0, "3.json"),
        given=other_rows,
        when={
            ("O8", ...): "{got} came back, of a file of which the table holds other rows: a file is loaded once, and "
            "what is said of a file is said of all its rows.",
        },
        missing={("O9", ...): "{got} is missing, of a new file: the table's own O9 came from no file."},
    )


@exercise(
    objective="2.6",
    hints=(
        "An overwrite replaces something. By default: what? And what does a batch without rows say about which day it "
        "replaces?",
        "With `mode('overwrite')`, the option `replaceWhere` takes a condition: what meets it goes, and the batch "
        "comes.",
        "`orders.write.format('delta').mode('overwrite').option('replaceWhere', <the condition for one "
        "day>).save(path)`.",
    ),
    docs="https://docs.delta.io/delta-batch/#overwrite-rows-matching-a-predicate-with-replacewhere",
    why="`replaceWhere` says what goes, so it is right for an empty batch, and Delta refuses rows that do not meet the "
    "condition. Dynamic partition overwrite lets the batch decide: a stray row of another day takes that whole day "
    "with it. In SQL: `INSERT INTO … REPLACE WHERE …`.",
)
def replace_day(answer: Answer, case: Case) -> None:
    path, shape = case.path("orders"), "order_id string, amount double, ordered_on date"
    first, second, third = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
    before = case.rows(
        shape,
        ("O1", 1.0, first),
        ("O2", 2.0, second),
        ("O3", 3.0, second),
        ("O4", 4.0, third),
        ("O5", 5.0, date(2026, 3, 4)),
        ("O6", 6.0, None),
    )
    before.write.format("delta").partitionBy("ordered_on").save(path)
    corrected = case.rows(shape, ("O2", 2.5, second))
    case.runs(
        lambda: answer(corrected, "2026-03-02", path),
        "Your code raised {error}: without quotes, 2026-03-02 is a subtraction.",
        error="2026 - ",
    )
    commits_made = commits(path) - 1
    answer(case.rows(shape), "2026-03-03", path)
    case.equal(
        case.spark.read.format("delta").load(path),
        shape,
        ("O1", 1.0, date(2026, 3, 1)),
        ("O2", 2.5, date(2026, 3, 2)),
        ("O5", 5.0, date(2026, 3, 4)),
        ("O6", 6.0, None),
        given=corrected,
        when={
            (
                "O2",
                2.0,
                ...,
            ): "After the corrected day came, the table still holds {got}, and the correction says 2.5: what was there "
            "of the day goes, before the new rows come.",
            (
                "O3",
                ...,
            ): "After the corrected day came, the table still holds {got}: the correction has no O3, and what was "
            "there of the day goes.",
            (
                "O4",
                ...,
            ): "The third day has become one without orders, and the table still holds {got}: an empty batch has no "
            "partition to overwrite. Name the day, do not let the rows name it.",
        },
        missing={
            (
                "O1",
                ...,
            ): "{got} is gone, a row of a day before: an overwrite replaces the whole table, unless you say which "
            "part. The part is the day itself.",
            ("O2", ...): "{got} is gone, and the last day to be replaced was another one.",
            ("O5", ...): "{got} is gone, a row of a day after: what goes is the day itself, not all from it on.",
            ("O6", ...): "{got} is gone, whose day is not known: it is not of the day that comes again. With NULL "
            "neither `=` nor `<>` is true.",
        },
    )
    case.require(
        commits_made == 1,
        f"You needed {commits_made} commits for one day: between them a reader finds the day empty, and a crash leaves "
        "it so.",
        seen=commits_made,
    )


@exercise(
    objective="2.6",
    hints=(
        "Rows have no key, so the rows cannot tell. What tells a repeat from a new run?",
        "Delta's writer takes two options, `txnAppId` and `txnVersion`. The table remembers the highest version of "
        "each application, and skips a write whose version is not higher.",
        "`sales.write.format('delta').mode('append').option('txnAppId', …).option('txnVersion', …).save(path)`.",
    ),
    docs="https://docs.delta.io/delta-streaming/#idempotent-table-writes-in-foreachbatch",
    why="The number and the rows are committed together, so there is no moment between. Two traps: the numbers of an "
    "application may only rise, so a backfill of an old run needs a name of its own; and a new job under an old name, "
    "beginning at 1 again, writes nothing, without an error.",
)
def append_once(answer: Answer, case: Case) -> None:
    path, shape = case.path("sales"), "sku string, quantity int"
    case.spark.sql(f"CREATE TABLE delta.`{path}` ({shape}) USING delta")
    first = case.rows(shape, ("A", 1), ("A", 1))
    case.runs(
        lambda: answer(first, path, "tills", 1),
        "The first append raised {error}: the table is there, and several jobs write into it.",
        error="DELTA_PATH_EXISTS",
    )
    case.runs(
        lambda: answer(first, path, "tills", 1),
        "The repeat of run 1 raised {error}: the scheduler would try for ever. A repeat is to end well and change "
        "nothing.",
    )
    answer(case.rows(shape, ("B", 2)), path, "web", 1)
    answer(case.rows(shape, ("A", 1), ("C", 3)), path, "tills", 2)
    answer(case.rows(shape, ("D", 4)), path, "tills", 11)
    answer(case.rows(shape, ("E", 5)), path, "tills1", 1)
    table = case.spark.read.format("delta").load(path)
    found = {row.sku: row["count"] for row in table.groupBy("sku").count().orderBy("sku").collect()}
    case.value(
        found,
        {"A": 3, "B": 1, "C": 1, "D": 1, "E": 1},
        call="After all runs of tills, web and tills1, one of them twice, the rows a sku",
        when={
            (
                lambda got: got.get("A", 0) >= 4
            ): "Of A, two were sold in run 1 and one in run 2, and the table holds {got}: the repeat of run 1 was "
            "appended again.",
            (
                lambda got: "A" in got and "B" not in got and got["A"] > 1
            ): "The table holds {got}, and nothing of the job `web`: it came with run 1 after run 1 of `tills`, and "
            "the numbers of one job say nothing of another's.",
            (
                lambda got: "B" in got and "C" not in got
            ): "The table holds {got}, and nothing of run 2: a version that never rises makes every later run a "
            "repeat.",
            (
                lambda got: "C" in got and "D" not in got
            ): "The table holds {got}, and nothing of run 11, which came after run 2: the number counts as a number, "
            "and as a whole.",
            (
                lambda got: "D" in got and "E" not in got
            ): "The table holds {got}, and nothing of run 1 of `tills1`: with run 11 of `tills` it makes the same text "
            "where the two are joined without a sign between.",
            (
                lambda got: "B" not in got
            ): "Several runs wrote, and the table holds {got}: a write replaced what was there.",
            (
                lambda got: got.get("A", 0) < 3
            ): "Of A, two were sold in run 1 and one in run 2, and the table holds {got}: rows without a key look "
            "alike, and are sales all the same.",
        },
    )


@exercise(
    objective="2.7",
    hints=(
        "Which files must have a line: those of the manifest, those that came, or both? And what is there to count in "
        "a file that never came?",
        "`F.count_if` counts where a condition holds; a join of kind `outer` keeps both sides; `fillna(0)` turns the "
        "NULLs of unmatched numbers into 0.",
        "Group `rows` by file and count each outcome; join the manifest, outer; fill; compare the sum with `promised`.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.functions.count_if.html",
    why="This table answers the question that is asked at nine in the morning: did everything come, and where is the "
    "rest? Balance against what the sender counted, not against what you read: a file that was cut short balances with "
    "itself.",
)
def audit(answer: Answer, case: Case) -> None:
    manifest = case.rows("source_file string, promised bigint", ("1.csv", 4), ("2.csv", 3), ("3.csv", 2), ("4.csv", 0))
    rows = case.rows(
        "source_file string, outcome string",
        *[("1.csv", outcome) for outcome in ("clean", "clean", "quarantined", "duplicate")],
        *[("2.csv", outcome) for outcome in ("clean", "duplicate")],
        ("9.csv", "clean"),
    )
    case.equal(
        answer(manifest, rows),
        "source_file string, promised bigint, clean bigint, quarantined bigint, duplicates bigint, balanced boolean",
        ("1.csv", 4, 2, 1, 1, True),
        ("2.csv", 3, 1, 0, 1, False),
        ("3.csv", 2, 0, 0, 0, False),
        ("4.csv", 0, 0, 0, 0, True),
        ("9.csv", 0, 1, 0, 0, False),
        given=manifest,
        when={
            ("3.csv", 2, 0, 0, 0, None): "You gave {got}: it is not known to balance, it does not. A comparison with "
            "NULL is NULL, and a filter for false does not find it.",
            ("3.csv", 2, None, ...): "You gave {got}: of a file that never came, 0 rows are clean.",
            (
                "3.csv",
                2,
                1,
                ...,
            ): "You gave {got}, and no row of it came: after an outer join, `count(*)` counts the line of the manifest "
            "itself.",
            ("1.csv", 4, 4, ...): "You gave {got}: 2 of its 4 rows are clean. `count` counts what is not NULL, also a "
            "condition that is false.",
            ("1.csv", 4, 2, 1, 1, False): "You gave {got}: 2 + 1 + 1 is 4, so it balances. Quarantined rows and "
            "duplicates have come too.",
            ("2.csv", 3, 1, 0, 1, True): "You gave {got}: 2 of 3 rows came. Compare with what was promised, not with "
            "what came.",
            ("9.csv", 0, 1, 0, 0, True): "You gave {got}: 1 row came and 0 were promised. More than promised does not "
            "balance either.",
            ("9.csv", None, ...): "You gave {got}: nobody announced it, so 0 rows were promised.",
        },
        missing={
            ("3.csv", ...): "`3.csv` has no line ({got} was expected): a file that never came is what an audit is for.",
            ("4.csv", ...): "`4.csv` has no line ({got} was expected): 0 rows were promised and 0 came, and that is "
            "written down too.",
            ("9.csv", ...): "`9.csv` has no line ({got} was expected): it came, and nobody had announced it.",
        },
    )
    good_day = case.rows("source_file string, outcome string", ("5.csv", "clean"))
    case.equal(
        case.runs(
            lambda: frame_of(answer(manifest.where("source_file = '4.csv'"), good_day)),
            "On a day on which all rows are clean your code raised {error}: an outcome that no row has is one of 0 "
            "rows. Columns that the data make, as in a pivot, come and go with them.",
        ),
        "source_file string, promised bigint, clean bigint, quarantined bigint, duplicates bigint, balanced boolean",
        ("4.csv", 0, 0, 0, 0, True),
        ("5.csv", 0, 1, 0, 0, False),
    )


@exercise(
    objective="2.4",
    hints=(
        "After the loss, batch 0 is not the batch 0 of before. What, then, still tells whether an event was written?",
        "`MERGE INTO … USING … ON … WHEN NOT MATCHED THEN INSERT *` adds what is lacking. It compares the batch with "
        "the table, not the rows of the batch with one another.",
        "`dropDuplicates` of the batch by its key; then `batch.sparkSession.sql('MERGE INTO delta.`…` … USING {events} "
        "…', events=…)`.",
    ),
    docs="https://docs.delta.io/delta-update/#upsert-from-streaming-queries-using-foreachbatch",
    why="`txnAppId` with the batch's number makes a batch exactly-once while its checkpoint lives. After a loss the "
    "numbers begin again, and Delta skips the first batches without a word, new events included: give the query a new "
    "`txnAppId`, or trust a key. `foreachBatch` itself promises at-least-once.",
)
def write_batch(answer: Answer, case: Case) -> None:
    path, shape = case.path("events"), "event_id string, amount double"
    case.spark.sql(f"CREATE TABLE delta.`{path}` ({shape}) USING delta")
    answer(case.rows(shape, ("E0", 0.5), ("E1", 1.0), ("E1", 1.0)), 0, path)
    answer(case.rows(shape, ("E0", 0.5), ("E2", 2.0)), 0, path)
    case.equal(
        case.spark.read.format("delta").load(path),
        shape,
        ("E0", 0.5),
        ("E1", 1.0),
        ("E2", 2.0),
        when={
            ("E0", 0.5): "{got} was in the table, came again after the checkpoint was lost, and is there twice now: an "
            "append does not look.",
            ("E1", 1.0): "{got} came twice in one batch and is in the table twice: a batch is compared with the table, "
            "and not with itself.",
        },
        missing={
            (
                "E2",
                ...,
            ): "{got} is missing: it was new, in a batch that has the number 0 once more. After a lost checkpoint the "
            "number of a batch says nothing about what is in it.",
            ("E1", ...): "{got} is gone: the batch replaced the table.",
        },
    )

"""Checks of the exercises on environment setup."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.connect.session import SparkSession as ConnectSession

from workbook.checking.case import Case, frame_of
from workbook.checking.exercise import Answer, exercise

EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


def holding(entry: str) -> Callable[[object], bool]:
    """Whether a list or a dictionary that came back holds `entry`: a pattern for `when`."""
    return lambda got: isinstance(got, (list, tuple, set, dict)) and entry in got


@exercise(
    objective="1.1",
    hints=(
        "One thing is not the default: what Spark does where the folder holds data already. The format is worth its "
        "name all the same, as on another Spark it would be Parquet.",
        "`DataFrameWriter` has `format` and `mode`; `mode` knows `append`, `overwrite`, `ignore` and `errorifexists`.",
        "`rows.write.format(…).mode(…).save(path)`, then `rows.sparkSession.read.format(…).load(path)`.",
    ),
    docs="https://docs.delta.io/delta-batch/",
    why="An overwrite of a Delta table is one new version: who reads at that moment sees the old rows or the new "
    "ones, never a mixture, and the old version can be read until `VACUUM` removes it. An overwrite of Parquet files "
    "deletes first.",
)
def save_and_read(answer: Answer, case: Case) -> None:
    path = case.path("orders")
    shape = "order_id string, amount double"
    result = answer(case.rows(shape, ("O1", 9.5), ("O2", 20.0)), path)
    files = sorted({file.suffix for file in Path(path).rglob("*.*")})
    case.require(
        bool(files),
        f"After the first run the folder holds {files}, nothing at all: the rows were never saved.",
        seen=files,
    )
    case.require(
        Path(path, "_delta_log").is_dir(),
        f"The folder holds files {', '.join(files)} and no `_delta_log`: these are plain files, and a "
        "table of Delta has a log.",
        seen=", ".join(files),
    )
    sources = frame_of(result).inputFiles()
    case.require(
        bool(sources),
        f"What came back reads {sources}, no file at all: these are the rows that went in. Only a table that is read "
        "back shows that it was saved.",
        seen=sources,
    )
    tomorrow = case.rows(shape, ("O2", 25.0), ("O3", 7.0), ("O3", 7.0))
    second = case.runs(
        lambda: answer(tomorrow, path),
        "The first run saved the rows, the second raised {error}: by default Spark refuses a folder that holds a "
        "table. Say which mode you want.",
        error="DELTA_PATH_EXISTS",
    )
    versions = len(list(Path(path, "_delta_log").glob("*.json")))
    case.equal(
        second,
        shape,
        ("O2", 25.0),
        ("O3", 7.0),
        ("O3", 7.0),
        given=tomorrow,
        when={
            ("O1", ...): "After the second run the table still holds {got}, of the first, beside the new rows: "
            "`append` adds."
            if versions == 2
            else "After the second run the table holds {got} of the first and nothing new: `ignore` leaves what is "
            "there.",
        },
        missing={
            (
                "O3",
                ...,
            ): "{got} came twice and is in the table once: rows without a key look alike, and both were to be saved.",
        },
    )
    case.require(
        versions == 2,
        f"After two runs the table has {versions} version: your code deleted the folder first, so a reader finds "
        "nothing there for a while. An overwrite is one new version.",
        seen=versions,
    )


@exercise(
    objective="1.1",
    hints=(
        "One setting is a list of extensions, the other puts Delta's catalog in the place of Spark's own, whose name "
        "is `spark_catalog`.",
        "`spark.sql.extensions` and `spark.sql.catalog.<name of the catalog>`; Delta's quick start shows both classes.",
        'Return `{"spark.sql.extensions": "io.delta.sql.…", "spark.sql.catalog.spark_catalog": '
        '"org.apache.spark.sql.delta.catalog.…"}`.',
    ),
    docs="https://docs.delta.io/quick-start/",
    why="With the catalog alone, paths work, a table by name is made and cannot be read, and `VACUUM` does not parse. "
    "With the extension alone, Delta refuses even a path. Both are read once, when the session starts: set them where "
    "it is built, for afterwards it is too late.",
)
def delta_settings(answer: Answer, case: Case) -> None:
    got = answer()
    extensions, catalog = "spark.sql.extensions", "spark.sql.catalog.spark_catalog"
    case.require(
        isinstance(got, dict), f"Your function gave {got!r}: return a dictionary, with one entry a setting.", seen=got
    )
    for name in (extensions, catalog):
        case.require(
            name in got,
            f"Yours has {', '.join(map(str, got)) or 'no setting'}, and `{name}` is not there: Delta needs the "
            "extension for its commands and the catalog for its tables by name.",
            seen=", ".join(map(str, got)) or "no setting",
        )
    case.require(
        got[extensions] != CATALOG,
        f"`{extensions}` is the class DeltaCatalog: a catalog is no extension, so the two values are exchanged.",
        seen="DeltaCatalog",
    )
    case.require(
        got[extensions] == EXTENSION,
        f"`{extensions}` is {got[extensions]!r}, which is not Delta's extension: the value is the whole name of the "
        "class, "
        "with its package in front.",
        seen=got[extensions],
    )
    case.require(
        got[catalog] == CATALOG,
        f"`{catalog}` is {got[catalog]!r}, which is not Delta's catalog: that lives among Spark's own packages, below "
        "`sql.delta`, and the value is its whole name.",
        seen=got[catalog],
    )
    surplus = ", ".join(name for name in got if name not in (extensions, catalog))
    case.require(
        not surplus,
        f"Yours has {surplus} too: two settings are enough, for Delta stands in for Spark's own catalog, not beside "
        "it.",
        seen=surplus,
    )


@exercise(
    objective="1.2",
    hints=(
        "Which parts of a version decide whether two artifacts fit: all of it, or only the first two numbers?",
        "`str.split` and `str.join` cut a version: `'4.2.0'.split('.')[:2]` is `['4', '2']`.",
        "Build `<spark line>` and `<scala line>` first, then fill them into "
        "`io.delta:delta-spark_<spark line>_<scala line>:<delta version>`.",
    ),
    docs="https://docs.delta.io/releases/",
    why="Spark's internals may change from one line (4.1, 4.2) to the next, and Scala's byte code does so too. "
    "A patch release changes neither, so the name carries two numbers of each.",
)
def delta_artifact(answer: Answer, case: Case) -> None:
    case.value(
        answer("4.2.0", "2.13.16", "4.4.0"),
        "io.delta:delta-spark_4.2_2.13:4.4.0",
        call='delta_artifact("4.2.0", "2.13.16", "4.4.0")',
        when={
            "io.delta:delta-spark_2.13:4.4.0": "You gave {got}, the name without the Spark "
            "line: it was complete while each Delta fitted one Spark only, and says nothing about 4.2.",
            "io.delta:delta-spark_4.2.0_2.13.16:4.4.0": "You gave {got}: the name "
            "carries the lines 4.2 and 2.13, not whole versions. A patch release stays compatible.",
            "io.delta:delta-spark_4.2_2.13.16:4.4.0": "You gave {got}: the name carries Scala's line, 2.13, which "
            "every patch release of it shares.",
            "io.delta:delta-spark_4.2.0_2.13:4.4.0": "You gave {got}: the name carries Spark's line, 4.2, which "
            "every patch release of it shares.",
            "io.delta:delta-core_2.13:4.4.0": "You gave {got}: the artifact has been called "
            "delta-spark since Delta 3.0.",
            "io.delta:delta-spark_2.13_4.2:4.4.0": "You gave {got}: Spark's line comes first, then Scala's.",
        },
    )
    case.value(
        answer("4.10.1", "3.3.7", "5.0.0"),
        "io.delta:delta-spark_4.10_3.3:5.0.0",
        call='delta_artifact("4.10.1", "3.3.7", "5.0.0")',
        when={
            (lambda got: "spark_4.1_" in str(got)): "For Spark 4.10.1 you gave {got}: a version is numbers between "
            "dots, not a text of fixed length.",
            (lambda got: "spark_4.10_" in str(got)): "For Scala 3.3.7 you gave {got}: its line is 3.3, the two numbers "
            "before the second dot, and not so many characters.",
        },
    )


@exercise(
    objective="1.3",
    hints=(
        "What does Spark give back when you ask for a setting: a bool or a text? And for one that it does not know?",
        "`spark.conf.get(name)` returns text, or raises `SparkNoSuchElementException`. With a second argument it "
        "returns that argument wherever nobody has set `name`, even where Spark has a default of its own.",
        "`try: return spark.conf.get(name).… == …`, and `except SparkNoSuchElementException: return …`.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.conf.RuntimeConfig.html",
    why="All settings are text. `get(name, default)` looks like a dictionary's `get` and hides Spark's own default, "
    "so code that uses it can believe that adaptive execution is off while every query uses it.",
)
def is_on(answer: Answer, case: Case) -> None:
    conf = case.spark.conf
    conf.set("spark.sql.ansi.enabled", "false")
    got = answer(case.spark, "spark.sql.ansi.enabled")
    case.value(
        got,
        False,
        call='is_on("spark.sql.ansi.enabled"), set to "false",',
        when={
            True: 'The setting is "false", and you gave {got}: settings are text, '
            "and any text that is not empty counts as true.",
            "false": "You gave {got}, the text: say `True` or `False`.",
        },
    )
    unset = "spark.sql.adaptive.coalescePartitions.enabled"
    case.value(
        case.runs(
            lambda: answer(case.spark, unset),
            f"Nobody has set `{unset}` and your code raised {{error}}: what nobody has set is not among the settings "
            "that were, and has Spark's own default.",
            error=unset,
        ),
        True,
        call=f'is_on("{unset}"), which nobody has set,',
        when={
            False: f"Nobody has set `{unset}` and you gave {{got}}: Spark's own default is true. A default of yours, "
            "given to `get`, "
            "comes before Spark's."
        },
    )
    conf.set("spark.sql.ansi.enabled", "TRUE")
    case.value(
        answer(case.spark, "spark.sql.ansi.enabled"),
        True,
        call='is_on("spark.sql.ansi.enabled"), set to "TRUE",',
        when={False: 'The setting is "TRUE" and you gave {got}: Spark takes capitals and small letters alike.'},
    )
    case.value(
        case.runs(
            lambda: answer(case.spark, "shop.unknown.setting"),
            "For `shop.unknown.setting` your code raised {error}: Spark does not know the name, so it has no value to "
            "give.",
        ),
        False,
        call='is_on("shop.unknown.setting")',
        when={None: "For a setting that Spark does not know you gave {got}: the answer is `False`."},
    )


@exercise(
    objective="1.3",
    hints=(
        "The first part of a name does not tell: some `spark.sql.…` settings are fixed when the session starts.",
        "`spark.conf` can say whether a setting may change, without changing it: see `RuntimeConfig.isModifiable`.",
        "A list comprehension over `names` with an `if` that asks `spark.conf`.",
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.conf.RuntimeConfig.html",
    why="Static settings (`spark.sql.extensions`, the warehouse) and those of the JVM (memory, jars) need a new "
    "session, and on Databricks a restart of the compute. An accepted setting is not yet an effective one: "
    "`spark.sql.catalog.spark_catalog` may be set at run time, and a catalog that is in use stays as it is.",
)
def changeable(answer: Answer, case: Case) -> None:
    names = [
        "spark.sql.shuffle.partitions",
        "spark.sql.extensions",
        "spark.sql.session.timeZone",
        "spark.executor.memory",
        "spark.sql.warehouse.dir",
        "spark.sql.adaptive.advisoryPartitionSizeInBytes",
    ]
    before = dict(case.spark.conf.getAll)
    got = case.runs(
        lambda: answer(case.spark, list(names)),
        "Your code raised {error}: a running session refuses some settings, and does not know all of them. Ask, do "
        "not try.",
    )
    after = dict(case.spark.conf.getAll)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    case.require(
        not changed,
        f"Afterwards {', '.join(changed)} has another value: trying by `set` changes the session of everybody who "
        "shares it.",
        seen=", ".join(changed),
    )
    case.value(
        got,
        [
            "spark.sql.shuffle.partitions",
            "spark.sql.session.timeZone",
            "spark.sql.adaptive.advisoryPartitionSizeInBytes",
        ],
        call="changeable(names)",
        when={
            (
                lambda got: not isinstance(got, list) or not all(isinstance(name, str) for name in got)
            ): "You gave {got}: return a list of the names.",
            (
                lambda got: sorted(got) == sorted([names[0], names[2], names[5]])
            ): "You gave {got}: the names are right, their order is not. The given order was asked for.",
            holding("spark.sql.extensions"): "You let `spark.sql.extensions` change, in {got}: it is "
            "static, read once when the session starts. `spark.sql.` in front says only which part of Spark reads it.",
            holding(
                "spark.executor.memory"
            ): "You let `spark.executor.memory` change, in {got}: the executors are JVMs that run already.",
            ("spark.sql.shuffle.partitions", "spark.sql.session.timeZone"): "You gave {got}: a setting "
            "that nobody has set yet can change as well, such as `spark.sql.adaptive.advisoryPartitionSizeInBytes`.",
        },
    )


@exercise(
    objective="1.4",
    hints=(
        "Each row knows, while a task works on it, which partition it is in.",
        "`F.spark_partition_id()` gives the number of the partition; it is a column that one can group by.",
        '`frame.groupBy(….alias("partition")).agg(….alias("rows"))`.',
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/"
    "pyspark.sql.functions.spark_partition_id.html",
    why="One look at these numbers shows skew: a stage lasts as long as its largest partition. The function tells "
    "where a row is at that point of the plan, so anything that shuffles before it, such as `orderBy`, changes the "
    "answer.",
)
def rows_per_partition(answer: Answer, case: Case) -> None:
    frame = case.spark.range(0, 10, 1, 4).selectExpr("nullif(least(id, 8), 3) AS customer_id").where("id >= 2")
    with case.as_on_connect():
        result = answer(frame)
    case.equal(
        result,
        "partition int, rows bigint",
        (1, 3),
        (2, 2),
        (3, 3),
        when={
            (1, 2): "Partition 1 has 3 rows and you counted {got}: `count` of a column leaves out its NULLs.",
            (
                0,
                8,
            ): "All rows came back in one partition, {got}: something before the count moved them, such as a sort or "
            "a `repartition`.",
            (0, 0): "You gave {got}: a partition without rows does not appear.",
            (
                0,
                ...,
            ): "You gave {got}, and partition 0 holds no row of this frame: count the rows where they lie, without "
            "moving them.",
            (3, 2): "Partition 3 has 3 rows, two of them alike, and you counted {got}: equal rows count each.",
        },
    )


@exercise(
    objective="1.4",
    hints=(
        "Who adds: the executors, each its own rows, or your Python, after all rows have come to it?",
        "`DataFrame.agg` with `F.sum` adds where the rows are; its result is one row, which `first()` brings to "
        "Python.",
        'Take the one value of `sales.agg(F.sum("amount"))`; it is `None` where there was nothing to add.',
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrame.agg.html",
    why="Each executor adds its partitions and sends one number, so the driver holds a few bytes whatever the table's "
    "size. `spark.driver.maxResultSize` is the fuse that stops a large `collect`; raising it moves the failure to the "
    "memory.",
)
def total_amount(answer: Answer, case: Case) -> None:
    shape = "sale_id int, amount double"
    case.value(
        answer(case.rows(shape, (1, 2.5), (2, 2.5), (3, None), (4, -1.0))),
        4.0,
        call="total_amount of 2.5, 2.5, NULL and -1.0",
        when={
            1.5: "You gave {got} for 2.5, 2.5, NULL and -1.0: equal amounts count each, so nothing may be made "
            "distinct.",
            (
                lambda got: hasattr(got, "asDict") or hasattr(got, "columns")
            ): "You gave {got}, a table or a row of it: the one value in it is asked for, as a Python float.",
        },
    )
    unknown = case.rows(shape, (None, 2.5), (None, 4.0))
    case.value(
        answer(unknown),
        6.5,
        call="total_amount of 2.5 and 4.0, whose `sale_id` is NULL,",
        when={
            0.0: "The amounts 2.5 and 4.0 have no `sale_id`, and you gave {got}: only a NULL in `amount` counts for "
            "nothing."
        },
    )
    for rows, what in (((), "no rows"), (((1, None),), "one row whose amount is NULL")):
        frame = case.rows(shape, *rows)
        case.value(
            case.runs(
                partial(answer, frame),
                f"For {what} your code raised {{error}}: the sum of nothing is NULL, which Python sees as None.",
            ),
            0.0,
            call=f"total_amount of {what}",
            when={None: f"For {what} you gave {{got}}: the sum of nothing is NULL. The task asks for 0.0."},
        )
    # Checks do without compiled queries, as theirs have a few rows; compiling pays for so many.
    case.spark.conf.set("spark.sql.codegen.wholeStage", True)
    # Each of 0 … 2^22 - 1 once, out of order: as doubles they are more than `spark.driver.maxResultSize`.
    many = case.spark.range(0, 2**22, 1, 2).selectExpr(
        "id AS sale_id", f"pmod(id * 2654435761, {2**22}) * 0.0137D AS amount"
    )
    case.value(
        case.runs(
            lambda: answer(many),
            "With four million rows your code raised {error}: every amount was sent to the driver, which takes no "
            "more than `spark.driver.maxResultSize`. Let the executors add.",
            error="maxResultSize",
        ),
        120_506_445_673.2672,
        call="total_amount of four million sales",
    )


@exercise(
    objective="1.6",
    hints=(
        "What should the second night do where the table is there: make it anew, fail, or leave it?",
        "SQL has `CREATE TABLE IF NOT EXISTS … USING delta`; a table is managed when nobody says where it lies.",
        '`spark.sql(f"CREATE TABLE … {name} (order_id …, amount …) USING …")`.',
    ),
    docs="https://spark.apache.org/docs/latest/sql-ref-syntax-ddl-create-table-datasource.html",
    why="A step that may run again without harm is idempotent, and a pipeline lives from it: after a failure you "
    "start it again and need not ask how far it came. `CREATE OR REPLACE` is idempotent too, and empties the table.",
)
def ensure_table(answer: Answer, case: Case) -> None:
    name = f"{case.schema}.orders_2026"
    answer(case.spark, name)
    listed = case.spark.sql(f"SHOW TABLES IN {case.schema}").collect()
    tables, views = ([row.tableName for row in listed if row.isTemporary == kind] for kind in (False, True))
    case.require(
        "orders_2026" in tables or not views,
        f"There is no table in the schema, only the view {', '.join(views)}: a temporary view is a query that ends "
        "with the session, and holds no rows for tomorrow.",
        seen=", ".join(views),
    )
    case.require(
        "orders_2026" in tables,
        f"After the call there is {', '.join(tables) or 'no table'} in the schema, and orders_2026 was asked for: "
        "a table is made by its full name, and not before the statement is run.",
        seen=", ".join(tables) or "no table",
    )
    about = {row.col_name: row.data_type for row in case.spark.sql(f"DESCRIBE EXTENDED {name}").collect()}
    case.value(
        str(about.get("Provider", "no provider")).lower(),
        "delta",
        call="The provider of the table",
        when={"parquet": "The provider of the table is {got}: plain files, and a table with a log is asked for."},
    )
    case.value(
        about.get("Type"),
        "MANAGED",
        call="The type of the table",
        when={
            "EXTERNAL": "The type of the table is {got}: with a location or a path of yours, a DROP leaves the files "
            "behind."
        },
    )
    columns = ", ".join(" ".join(column) for column in case.spark.table(name).dtypes)
    case.value(columns, "order_id string, amount double", call="DESCRIBE of the table")
    case.spark.sql(f"INSERT INTO {name} VALUES ('O1', 9.5)")
    case.runs(
        lambda: answer(case.spark, name),
        "The first night made the table, the second raised {error}: a pipeline runs again, also after a failure.",
    )
    rows = case.spark.table(name).count()
    case.require(
        rows == 1,
        f"The table held one order before the second night and {rows} after it: a table that is there stays as it is, "
        "with its rows.",
        seen=rows,
    )


@exercise(
    objective="1.6",
    hints=(
        "A table in a catalog is an entry: a name, a format, a place. Must any row move to make one?",
        "`CREATE TABLE … USING delta LOCATION '…'` makes an external table; Delta reads the columns from its log.",
        "`spark.sql(f\"CREATE TABLE {name} USING … LOCATION '…'\")`.",
    ),
    docs="https://docs.delta.io/delta-batch/",
    why="The catalog holds the entry, the folder holds the table. An external table outlives its name; a managed one "
    "is deleted with it. On Databricks the path must lie in an external location of Unity Catalog, and managed tables "
    "are the default advice: the platform may then optimise and clean them.",
)
def register(answer: Answer, case: Case) -> None:
    path, name = case.path("orders of the shop"), f"{case.schema}.shop_orders"
    shape = "order_id string, amount double"
    case.rows(shape, ("O1", 9.5)).write.format("delta").save(path)
    answer(case.spark, name, path)
    listed = case.spark.sql(f"SHOW TABLES IN {case.schema}").collect()
    tables, views = ([row.tableName for row in listed if row.isTemporary == kind] for kind in (False, True))
    case.require(
        "shop_orders" in tables or not views,
        f"There is no table in the schema, only the view {', '.join(views)}: a temporary view is known to this session "
        "alone, and people query the table from theirs.",
        seen=", ".join(views),
    )
    found = ", ".join(tables) or "no table"
    case.require(
        "shop_orders" in tables,
        f"After the call there is {found} in the schema, and shop_orders was asked for.",
        seen=found,
    )
    about = {row.col_name: row.data_type for row in case.spark.sql(f"DESCRIBE EXTENDED {name}").collect()}
    kind = about.get("Type", "TEMPORARY VIEW")
    case.value(
        kind,
        "EXTERNAL",
        call="The type of the table",
        when={
            "MANAGED": "The type of the table is {got}: this is a copy in the warehouse. It will not see what the "
            "team writes tomorrow, and a DROP deletes it.",
            (
                lambda value: "VIEW" in value
            ): "The type is {got}: a view is a query with a name. Ask for a table at a place.",
        },
    )
    case.value(
        str(about.get("Provider")).lower(),
        "delta",
        call="The provider of the table",
        when={
            "parquet": "The provider of the table is {got}: it reads every file in the folder, also "
            "those that Delta has replaced."
        },
    )
    versions = len(list(Path(path, "_delta_log").glob("*.json")))
    case.require(
        versions == 1,
        f"The table had one version and has {versions} now: your code wrote it again, and only the name was missing.",
        seen=versions,
    )
    case.rows(shape, ("O2", 3.0)).write.format("delta").mode("append").save(path)
    case.equal(case.spark.table(name), shape, ("O1", 9.5), ("O2", 3.0))
    case.spark.sql(f"DROP TABLE {name}")
    files = len(list(Path(path).glob("*.parquet")))
    case.require(
        files > 0, f"After DROP TABLE the folder holds {files} data files: the table went with its name.", seen=files
    )


@exercise(
    objective="1.5",
    hints=(
        "What differs between the two sessions, whatever the process, its environment and the platform are?",
        "The two kinds are two classes: `pyspark.sql.SparkSession` and `pyspark.sql.connect.session.SparkSession`. "
        "`type(spark).__module__` says which one made yours.",
        'Return `"connect" if … else "classic"`, with a question about the type of `spark`.',
    ),
    docs="https://spark.apache.org/docs/latest/spark-connect-overview.html",
    why="Better still is code that need not ask, because it uses nothing that Connect lacks. Where a library must, it "
    "asks the object it was given: an environment variable tells how somebody meant to start Spark, not what came of "
    "it.",
)
def session_kind(answer: Answer, case: Case) -> None:
    others = {"classic": SparkSession, "connect": ConnectSession}
    own = "connect" if isinstance(case.spark, ConnectSession) else "classic"
    sessions = {kind: case.spark if kind == own else _without_server(others[kind]) for kind in others}
    with case.as_on_connect():
        got = {
            kind: case.runs(
                partial(answer, session),
                f"For a {kind} session whose server is not there your code raised {{error}}: a setting is asked of the "
                "server. What kind a session is, its own class says.",
                error="'NoneType' object has no attribute",
            )
            for kind, session in sessions.items()
        }
    for kind, wrong in (("classic", "connect"), ("connect", "classic")):
        case.value(
            got[kind],
            kind,
            call=f"For a {kind} session session_kind",
            when={
                (
                    lambda value: value not in others
                ): f"For a {kind} session you gave {{got}}, and the answer is one of the texts "
                "`classic` and `connect`.",
                wrong: f"For a {kind} session you gave {{got}}, and for a {wrong} one {got[wrong]!r}: "
                + (
                    "the answer is the same for both, so it comes from the process and not from the session."
                    if got[wrong] == wrong
                    else "the two are exchanged."
                ),
            },
        )


def _without_server(kind: type) -> Any:
    """A session of this class that is connected to nothing."""
    session: Any = object.__new__(kind)
    session._client = None
    return session


@exercise(
    objective="1.5",
    hints=(
        "A lookup in a small dictionary for each row is what in the language of tables?",
        "`spark.createDataFrame` makes a DataFrame of `names.items()`; a `left` join keeps everybody, `F.broadcast` "
        "marks the small side, `F.coalesce` fills what is NULL.",
        '`customers.join(F.broadcast(lookup), …, "left").select("customer_id", F.coalesce(…).alias("country"))`.',
    ),
    docs="https://spark.apache.org/docs/latest/api/python/reference/pyspark.sql/api/pyspark.sql.functions.broadcast.html",
    why="Besides running everywhere, this is the quicker code on classic Spark too: a broadcast join stays in the "
    "JVM, where the RDD sends each row to a Python process and back. Spark also knows what the join means, and can "
    "reorder it.",
)
def country_names(answer: Answer, case: Case) -> None:
    shape = "customer_id string, country string"
    customers = case.rows(shape, ("C1", "NO"), ("C2", "SE"), ("C3", "XX"), ("C4", None), ("C5", "NO"))
    more = case.rows(shape, ("C5", "NO"), ("C6", "Sweden"), ("C7", "se"), ("C8", " SE"))
    customers = customers.unionByName(more)
    with case.as_on_connect():
        result = answer(customers, {"NO": "Norway", "SE": "Sweden"})
        case.runs(
            lambda: case.equal(
                result,
                shape,
                ("C1", "Norway"),
                ("C2", "Sweden"),
                ("C3", "unknown"),
                ("C4", "unknown"),
                ("C5", "Norway"),
                ("C5", "Norway"),
                ("C6", "unknown"),
                ("C7", "unknown"),
                ("C8", "unknown"),
                given=customers,
                when={
                    ("C3", "XX"): "C3 came back with {got}: a code without a name becomes `unknown`.",
                    (
                        "C3",
                        None,
                    ): "C3 came back with {got}: a left join leaves NULL where nothing fits, and `unknown` is "
                    "asked for.",
                    ("C4", None): "C4, whose country is NULL, came back as {got}: it has no name either, so `unknown`.",
                    (
                        "C6",
                        ...,
                    ): "C6, whose country is the text Sweden, came back as {got}: that is a name and no code of the "
                    "dictionary, so `unknown`. A second look takes a name for what was found.",
                    (
                        "C7",
                        ...,
                    ): "C7, whose country is `se`, came back as {got}: the code was looked up as it is written, and "
                    "the same result is asked for.",
                    (
                        "C8",
                        ...,
                    ): "C8, whose country is ` SE`, came back as {got}: the code was looked up as it is written, "
                    "and the same result is asked for.",
                    (..., "Unknown"): "You gave {got}: `unknown` was written in small letters.",
                    ("C1", "unknown"): "C1 came back with {got}: NO is in the dictionary, but not found.",
                },
                missing={
                    (
                        "C3",
                        ...,
                    ): "C3, whose code XX has no name, is gone ({got} was expected): an inner join keeps only what it "
                    "finds.",
                    (
                        "C4",
                        ...,
                    ): "C4, whose country is NULL, is gone ({got} was expected): NULL equals nothing, so no condition "
                    "keeps it.",
                    (
                        "C5",
                        ...,
                    ): "{got} came twice and is there once: the old code gave a row for each row, and so must "
                    "the new one.",
                },
            ),
            "The code XX has no name, and your code raised {error}, from a KeyError: `[…]` demands that a dictionary "
            "has the key. Ask for it with a default.",
            error="KeyError",
        )


@exercise(
    objective="1.2",
    hints=(
        "Is 3.9 more than 3.10 as a text? As a number? As a version?",
        "Tuples compare part by part: `(3, 9) < (3, 10)`. `artifact.split(':')[1]` is the name, and its parts stand "
        "between `_`.",
        "Put the four answers into a dictionary, `{'python': …, 'java': …, 'spark': …, 'scala': …}`, and return the "
        "names whose answer is no.",
    ),
    docs="https://docs.delta.io/releases/",
    why="Such a function belongs where a deployment begins: it fails in a second with a name, where the cluster fails "
    "after ten minutes with a `NoSuchMethodError`. A jar of the neighbouring line may even work, until the one call "
    "that has changed.",
)
def misfits(answer: Answer, case: Case) -> None:
    fitting = "io.delta:delta-spark_4.2_2.13:4.4.0"

    def of(*versions: str) -> Any:
        said = (
            f"For Java {versions[1]} and {versions[4].partition(':')[2]} your code raised {{error}}: not every version "
            "has three numbers, and not every artifact two lines in its name."
        )
        call = partial(case.runs, partial(answer, *versions), said, "unpack")
        return case.runs(call, said, "out of range")

    case.value(
        of("3.11.7", "17.0.12", "4.2.0", "2.13.16", fitting),
        [],
        call='misfits("3.11.7", "17.0.12", "4.2.0", "2.13.16", delta-spark_4.2_2.13)',
        when={
            (lambda got: not isinstance(got, list)): "You gave {got}: return a list of names.",
            holding("spark"): "For Spark 4.2.0 and delta-spark_4.2_2.13 you gave {got}: the artifact carries "
            "the line 4.2, and every patch release of it fits.",
            ("java",): "For Java 17.0.12 you gave {got}: the first number is what counts.",
            holding("python"): "For Python 3.11.7 you gave {got}: 3.10 is the oldest that fits, not the only one.",
            holding("scala"): "For Scala 2.13.16 and delta-spark_4.2_2.13 you gave {got}: the artifact carries the "
            "line 2.13, and every patch release of Scala's line fits.",
        },
    )
    case.value(
        of("3.9.18", "11.0.2", "4.2.0", "2.12.20", "io.delta:delta-spark_4.1_2.13:4.1.0"),
        ["python", "java", "spark", "scala"],
        call='misfits("3.9.18", "11.0.2", "4.2.0", "2.12.20", delta-spark_4.1_2.13)',
        when={
            (
                "python",
                "java",
                "spark",
            ): "For Scala 2.12.20 and an artifact of Scala 2.13 you gave {got}: compare the line "
            "in the name with the Scala that you are given.",
            ("python", "java", "scala"): "For Spark 4.2.0 and an artifact of Spark 4.1 you gave {got}: a line is two "
            "numbers, and 4.1 is not 4.2.",
            ("java", "python", "scala", "spark"): "You gave {got}: the order is `python`, `java`, `spark`, `scala`.",
            (
                "java",
                "spark",
                "scala",
            ): "For Python 3.9.18 you gave {got}, without python: as text, or as a decimal number, 3.9 is "
            "more than 3.10; as a version it is less.",
        },
    )
    case.value(
        of("3.10.14", "21.0.5", "4.2.1", "2.13.18", "io.delta:delta-spark_2.13:4.0.0"),
        ["spark"],
        call='misfits("3.10.14", "21.0.5", "4.2.1", "2.13.18", delta-spark_2.13)',
        when={
            (): "For delta-spark_2.13:4.0.0 you gave {got}: without a Spark line it is for Spark 4.0 or older, never "
            "for 4.2.",
            holding("scala"): "For Scala 2.13 and delta-spark_2.13 you gave {got}: where the Spark line is "
            "absent, the first line in the name is Scala's.",
            holding("python"): "For Python 3.10.14 you gave {got}: 3.10 itself fits.",
            holding("java"): "For Java 21.0.5 you gave {got}: 17 and 21 both fit.",
        },
    )
    case.value(
        of("3.12.1", "17.0.12", "4.2.0", "2.13.16", "io.delta:delta-spark_4.1_2.13:4.2.0"),
        ["spark"],
        call='misfits("3.12.1", "17.0.12", "4.2.0", "2.13.16", delta-spark_4.1_2.13:4.2.0)',
        when={
            (): "For Spark 4.2.0 and delta-spark_4.1_2.13:4.2.0 you gave {got}: the 4.2 at the end is Delta's own "
            "version. The Spark line stands in the name.",
        },
    )
    case.value(
        of("3.12.1", "17.0.12", "4.2.0", "2.13.16", "io.delta:delta-spark_4.2_2.12:2.13.0"),
        ["scala"],
        call='misfits("3.12.1", "17.0.12", "4.2.0", "2.13.16", delta-spark_4.2_2.12:2.13.0)',
        when={
            (): "For Scala 2.13.16 and delta-spark_4.2_2.12:2.13.0 you gave {got}: the 2.13 at the end is Delta's own "
            "version. The Scala line stands in the name.",
        },
    )
    case.value(
        of("3.13.0", "25", "4.2.0", "2.13.16", fitting),
        ["java"],
        call='misfits("3.13.0", "25", "4.2.0", "2.13.16", delta-spark_4.2_2.13)',
        when={(): "For Java 25 you gave {got}: a newer Java is not one that Spark 4.2 is made for."},
    )
    case.value(
        of("3.13.0", "19.0.2", "4.2.0", "2.13.16", fitting),
        ["java"],
        call='misfits("3.13.0", "19.0.2", "4.2.0", "2.13.16", delta-spark_4.2_2.13)',
        when={(): "For Java 19.0.2 you gave {got}: 17 and 21 fit, and what lies between does not."},
    )
    case.value(
        of("3.12.1", "1.8.0_402", "4.2.0", "2.13.16", fitting),
        ["java"],
        call='misfits("3.12.1", "1.8.0_402", "4.2.0", "2.13.16", delta-spark_4.2_2.13)',
        when={(): "For Java 1.8.0_402 you gave {got}: Java 8 calls itself 1.8, and is older than 17."},
    )


@exercise(
    objective="1.7",
    hints=(
        "What does `in` look for in a text, and what in a list? Which of the two do you want for a list of classes?",
        "`settings.get(name, '')` gives a text for a missing setting too; `str.split(',')` and `str.strip` make the "
        "list.",
        "Split the extensions into a list of clean names; then ask whether Delta's class is *in* it, and whether the "
        "catalog *is* Delta's.",
    ),
    docs="https://docs.delta.io/quick-start/",
    why="The notebook has both because somebody set them once for the whole cluster; the job has its own. Ask the "
    "session that fails, with `spark.conf.get`, not the file that should have configured it.",
)
def delta_faults(answer: Answer, case: Case) -> None:
    extensions, catalog = "spark.sql.extensions", "spark.sql.catalog.spark_catalog"
    others = {"spark.sql.shuffle.partitions": "2", "spark.app.name": "shop"}
    case.value(answer({extensions: EXTENSION, catalog: CATALOG, **others}), [], call="delta_faults of both, right,")
    case.value(
        case.runs(
            lambda: answer(dict(others)),
            "For settings without Delta's two your code raised {error}: a setting that is missing has no value to "
            "read.",
            error="spark.sql.",
        ),
        [extensions, catalog],
        call="delta_faults of settings without Delta's two",
        when={
            (): "For settings without Delta's two you gave {got}: absent is a fault too.",
            (catalog, extensions): "You gave {got}: the extension comes first.",
        },
    )
    case.value(
        answer({extensions: f"org.acme.Audit, {EXTENSION}", catalog: CATALOG}),
        [],
        call="delta_faults of two extensions, Delta's the second,",
        when={
            (
                extensions,
            ): "Delta's extension stands second, behind a comma and a space, and you gave {got}: the setting is a list."
        },
    )
    case.value(
        answer({extensions: f"org.acme.Audit ,{EXTENSION} ,  org.acme.Lineage", catalog: CATALOG}),
        [],
        call="delta_faults of three extensions, Delta's between,",
        when={
            (
                extensions,
            ): "Delta's extension stood between spaces and commas, and you gave {got}: a space may be before a comma, "
            "behind it, or not there at all."
        },
    )
    case.value(
        answer({extensions: "org.acme.Audit", catalog: CATALOG}),
        [extensions],
        call="delta_faults of another tool's extension alone",
        when={
            (): "The extensions were `org.acme.Audit` alone and you gave {got}: a list that is there can lack Delta's."
        },
    )
    case.value(
        answer({extensions: f"{EXTENSION}Stub,org.acme.Audit", catalog: CATALOG}),
        [extensions],
        call="delta_faults of an extension that only begins like Delta's",
        when={
            (): "The extension was `…DeltaSparkSessionExtensionStub`, another class, and you gave {got}: look for an "
            "entry of the list, not for a piece of text."
        },
    )
    case.value(
        answer({extensions: EXTENSION, catalog: "org.apache.iceberg.spark.SparkSessionCatalog"}),
        [catalog],
        call="delta_faults of Iceberg's catalog",
        when={(): "The catalog was Iceberg's and you gave {got}: a setting that is there can be wrong."},
    )
    case.value(
        answer({extensions: "org.acme.DeltaSparkSessionExtension", catalog: f"{CATALOG}Stub"}),
        [extensions, catalog],
        call="delta_faults of two classes that are called like Delta's",
        when={
            (
                extensions,
            ): "The catalog was `…DeltaCatalogStub`, another class, and you gave {got}: compare whole names.",
            (catalog,): "The extension was `org.acme.DeltaSparkSessionExtension`, not Delta's, and you gave {got}: the "
            "package belongs to the name.",
            (): "The extension was `org.acme.DeltaSparkSessionExtension`, the catalog `…DeltaCatalogStub`, and you "
            "gave {got}: compare whole names, with the package.",
        },
    )


@exercise(
    objective="1.3",
    hints=(
        "Which three ways can this end in: with a value before, with none, and with an error. Who cleans up in the "
        "third?",
        "`spark.conf.get(name, None)` is `None` where nobody has set `name`; `spark.conf.unset` makes it so again; "
        "`finally` runs after a `return` and after an error.",
        "Remember, set, then `try: return action()` and `finally:` with an `if` for what to put back.",
    ),
    docs="https://docs.python.org/3/reference/compound_stmts.html#the-try-statement",
    why="On shared compute a setting left behind changes the next job's results, and nobody finds out why. And mind "
    "that Spark is lazy: a DataFrame that `action` returns is planned later, with the settings of then. What needs "
    "the setting must run inside.",
)
def with_setting(answer: Answer, case: Case) -> None:
    conf, known, own = case.spark.conf, "spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled"
    conf.set(known, "5")
    seen: list[object] = []

    def look() -> str:
        seen.append(conf.get(known))
        return f"seen {', '.join(map(str, seen))}"

    result = answer(case.spark, known, "7", look)
    case.value(
        result,
        "seen 7",
        call="with_setting",
        when={
            "seen 5": "While the action ran the setting was still 5 ({got}): change it before.",
            None: "You returned {got}: give back what the action returns.",
            "seen 7, 7": "The action ran twice ({got}): what it writes would be written twice. Keep its result.",
            callable: "You returned {got}, the action itself: call it, and return what it returns.",
        },
    )
    case.value(
        conf.get(known),
        "5",
        call=f"Afterwards `{known}`",
        when={
            "7": f"Afterwards `{known}` is still {{got}}, and it was 5: the next job would run with your value.",
            "200": f"Afterwards `{known}` is {{got}}, Spark's default, and it was 5: somebody had set it.",
        },
    )
    inside = answer(case.spark, own, "false", lambda: conf.get(own))
    case.value(inside, "false", call=f"While the action ran, `{own}`")
    left = conf.getAll.get(own)
    case.require(
        left is None,
        f"Nobody had set `{own}`, and afterwards it is set to {left!r}: unset it, so that Spark's default holds again.",
        seen=left,
    )

    def fails() -> None:
        raise _NightlyError("no orders today")

    try:
        got, raised = answer(case.spark, known, "9", fails), None
    except Exception as error:
        got, raised = None, type(error)
    case.require(
        raised is not None,
        f"The action failed, and you returned {got!r} as if it had not: clean up, and let the error through.",
        seen=got,
    )
    name = getattr(raised, "__name__", "")
    case.require(
        raised is _NightlyError,
        f"The action failed with its own error, and {name} came out in its place: the caller looks for that of the "
        "action. Clean up, and let it through as it is.",
        seen=name,
    )
    after = conf.get(known)
    case.require(
        after == "5",
        f"After an action that failed, `{known}` is still {after!r}, and it was 5: the clean-up was left out.",
        seen=after,
    )
    conf.set("shop.note", "")
    answer(case.spark, "shop.note", "busy", lambda: None)
    left = conf.getAll.get("shop.note")
    case.require(
        left == "",
        f"`shop.note` was set, to an empty text, and afterwards it is {left!r}: an empty text is a value, and counts "
        "as false in Python.",
        seen=left,
    )


class _NightlyError(Exception):
    """What the failing action raises."""


@exercise(
    objective="1.7",
    hints=(
        "Read past the trace: which class or which format could not be found, and who would have brought it?",
        "A class in `org/apache/spark` comes with Spark, one in `scala` with Scala. `text in error` looks for a text; "
        "take one long enough that a trace does not hold it by chance.",
        "A dictionary `{cause: text that only this error has}`, and the first cause whose text is in `error`, or "
        "`unknown`.",
    ),
    docs="https://spark.apache.org/docs/latest/sql-error-conditions.html",
    why="The condition in brackets is stable, made to be matched by programs; the sentence behind it changes with the "
    "release. Of an error with causes, the last `Caused by` is the first thing that went wrong.",
)
def cause_of(answer: Answer, case: Case) -> None:
    trace = "\n\tat org.apache.spark.sql.delta.DeltaLog$.apply(DeltaLog.scala:1017)\n\tat "
    "scala.Option.getOrElse(Option.scala:201)"
    errors = (
        (
            "settings",
            "[DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG] This Delta operation requires the "
            "SparkSession to be configured with the\nDeltaSparkSessionExtension and the DeltaCatalog. Please set the "
            "necessary\nconfigurations when creating the SparkSession as shown below.",
            "Delta itself speaks here, so its jar is there",
        ),
        (
            "jar",
            "An error occurred while calling o41.save.\n: org.apache.spark.SparkClassNotFoundException: "
            "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta. Make sure the provider name is correct "
            "and the package is properly registered and compatible with your Spark version. SQLSTATE: 42K02\n\tat "
            "org.apache.spark.sql.errors.QueryExecutionErrors$.dataSourceNotFoundError(QueryExecutionErrors.scala:790)",
            "a format that nobody brings is a jar that is missing",
        ),
        (
            "spark",
            ": com.google.common.util.concurrent.ExecutionError: java.lang.NoClassDefFoundError: "
            f"org/apache/spark/sql/catalyst/expressions/TimeAdd{trace}",
            "a class of Spark's own is not in this Spark",
        ),
        (
            "scala",
            "Error: Unable to initialize main class org.apache.spark.deploy.SparkSubmit\n"
            "Caused by: java.lang.NoClassDefFoundError: scala/Serializable",
            "a class of Scala's own is not in this Scala",
        ),
        (
            "unknown",
            "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: kafka. Make sure the provider name is correct "
            "and the "
            f"package is properly registered and compatible with your Spark version. SQLSTATE: 42K02{trace}",
            "it is Kafka's jar that is missing, not Delta's",
        ),
        (
            "spark",
            f"java.lang.NoClassDefFoundError: org/apache/spark/sql/catalyst/plans/logical/MergeAction{trace}",
            "whichever class of Spark's own is missing, the jar was made for another Spark",
        ),
        (
            "scala",
            f"java.lang.NoClassDefFoundError: scala/collection/GenTraversableOnce{trace}",
            "whichever class of Scala's own is missing, the jar was made for another Scala",
        ),
        (
            "unknown",
            f"[PATH_NOT_FOUND] Path does not exist: file:/data/scala/orders. SQLSTATE: 42K03{trace}",
            "a folder is missing; `delta` and `scala` stand only in the trace",
        ),
        (
            "unknown",
            "java.lang.NoClassDefFoundError: org/postgresql/Driver\n\tat org.apache.spark.sql.delta.DeltaLog$.apply",
            "it is PostgreSQL's driver that is missing",
        ),
        (
            "unknown",
            "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: deltaSharing. Make sure the provider name is "
            f"correct and the package is properly registered. SQLSTATE: 42K02{trace}",
            "deltaSharing is another format, with a jar of its own",
        ),
        (
            "unknown",
            f"[DELTA_TABLE_NOT_FOUND] Delta table `orders` doesn't exist.{trace}",
            "Delta works and says that a table is missing; only one of its errors speaks of the settings",
        ),
    )
    for cause, error, meaning in errors:
        case.value(
            case.runs(
                partial(answer, error),
                f"For `{_sign(error)}` your code raised {{error}}: a log has whatever words and lines it likes. Look "
                "for the words that tell, wherever they stand.",
                error="out of range",
            ),
            cause,
            call=f"cause_of({error[:40]!r}…)",
            when={
                "unknown": f"For `{_sign(error)}` you gave {{got}}: {meaning}. Other words and lines may "
                "stand in front.",
                ...: f"For `{_sign(error)}` you gave {{got}}: {meaning}.",
            },
        )


def _sign(error: str) -> str:
    """The words of an error that a reader looks for."""
    start = next(error.index(word) for word in ("[", "NoClass") if word in error)
    return error[start:].splitlines()[0].split(". ")[0].split(" This ")[0]


@exercise(
    objective="1.7",
    hints=(
        "Which differences between two sessions are harmless, and which value may you not simply copy?",
        "Split a list at its commas and strip each entry; `str.startswith('io.delta')` tells Delta's entries; sets "
        "compare without order; `','.join` makes the list again.",
        "For each of the two lists: the pipeline's entries that are not Delta's, and then the notebook's that are. "
        "Report it only where the pipeline's list differs. The catalog is one value.",
    ),
    docs="https://spark.apache.org/docs/latest/configuration.html",
    why="To an interviewer: the same code, another session. Compare jars, extension and catalog as the running "
    "sessions report them. Jars named after the JVM has started come too late, and a builder's static settings do "
    "nothing where a session is there already: on Databricks both belong to the compute, not to the code.",
)
def pipeline_changes(answer: Answer, case: Case) -> None:
    catalog, extensions, packages = "spark.sql.catalog.spark_catalog", "spark.sql.extensions", "spark.jars.packages"
    artifact = "io.delta:delta-spark_4.2_2.13:4.4.0"

    def changes(*settings: dict[str, str]) -> object:
        """What the answer gives, its lists without spaces: the task asks for none and forbids none."""
        got = answer(*settings)
        if not isinstance(got, dict):
            return got
        return {
            name: ",".join(map(str.strip, text.split(","))) if isinstance(text, str) else text
            for name, text in got.items()
        }

    notebook = {
        catalog: CATALOG,
        extensions: f"org.notebook.Extra, {EXTENSION}",
        packages: artifact,
        "spark.sql.shuffle.partitions": "2",
        "spark.app.name": "notebook",
    }
    case.value(
        case.runs(
            lambda: changes(dict(notebook), {"spark.app.name": "nightly"}),
            "For a pipeline that has none of the three settings your code raised {error}: absent is a difference too.",
        ),
        {catalog: CATALOG, extensions: EXTENSION, packages: artifact},
        call="pipeline_changes for a pipeline without any of them",
        when={
            holding(
                "spark.app.name"
            ): "You change `spark.app.name`, which never broke Delta: only the three settings count.",
            (
                lambda got: isinstance(got, dict) and "org.notebook.Extra" in str(got.get(extensions))
            ): "You gave the pipeline `org.notebook.Extra` in `spark.sql.extensions`: only the notebook's entries "
            "that begin with `io.delta` are Delta's.",
        },
    )
    case.value(
        changes(
            dict(notebook),
            {
                catalog: CATALOG,
                extensions: "org.acme.Audit , org.acme.Lineage",
                packages: "org.postgresql:postgresql:42.7.8,io.delta:delta-spark_2.13:4.0.0",
                "spark.sql.shuffle.partitions": "400",
            },
        ),
        {
            extensions: f"org.acme.Audit,org.acme.Lineage,{EXTENSION}",
            packages: f"org.postgresql:postgresql:42.7.8,{artifact}",
        },
        call="pipeline_changes for a pipeline with extensions and a package of its own",
        when={
            (
                lambda got: isinstance(got, dict) and "org.acme.Audit" not in str(got.get(extensions, "org.acme.Audit"))
            ): "The pipeline "
            "had the extensions Audit and Lineage, and you gave {got}: it would lose them. A list is completed, not "
            "replaced.",
            (lambda got: isinstance(got, dict) and "delta-spark_2.13" in str(got.get(packages))): "You left "
            "`delta-spark_2.13:4.0.0` in `spark.jars.packages` beside the notebook's 4.4.0: of two versions on one "
            "class path, the first that is found wins.",
            holding(catalog): f"You change `{catalog}`, which is the same in both.",
            (lambda got: isinstance(got, dict) and str(got.get(extensions)).startswith("io.delta")): "You gave {got}: "
            "the pipeline's own entries come first, and Delta's behind them.",
        },
    )
    case.value(
        changes(dict(notebook), {catalog: CATALOG, extensions: f"{EXTENSION}, org.acme.Audit", packages: artifact}),
        {},
        call="pipeline_changes for a pipeline that lacks nothing",
        when={
            holding(extensions): "The pipeline has Delta's extension, in front of its own, and "
            "you change it to {got}: the order does not break Delta, nor does a space, so nothing is to be "
            "changed.",
        },
    )
    other = "org.apache.iceberg.spark.SparkSessionCatalog"
    case.value(
        changes(
            dict(notebook),
            {catalog: other, extensions: EXTENSION, packages: f"org.acme:delta-audit:1.0,{artifact}"},
        ),
        {catalog: CATALOG},
        call="pipeline_changes for a pipeline with another catalog",
        when={
            (): "The pipeline has Iceberg's catalog and you gave {got}: a catalog that is there can be another one.",
            holding(packages): "You change `spark.jars.packages` too: `org.acme:delta-audit` is the pipeline's own, "
            "for it does not begin with `io.delta`.",
        },
    )

"""Pictures say what Spark and Delta Lake did, the same on every run, to everybody who reads them."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.axes import Axes
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pictured import SVG, is_sound, texts
from servers import connect_server, finished, python
from workbook.pictures import INK, Picture, chart, delta_log, plan, scd2


def rows_of(spark: SparkSession, *values: tuple[object, ...], columns: str = "id INT, city STRING") -> DataFrame:
    return spark.createDataFrame(list(values), columns).coalesce(1)


def append(frame: DataFrame, path: Path) -> None:
    frame.write.format("delta").mode("append").save(str(path))


def orders(spark: SparkSession, path: Path) -> Path:
    """A table of five commits: two appends, a DELETE, a MERGE, an overwrite."""
    append(rows_of(spark, (1, "Bern"), (2, "Graz")), path)
    append(rows_of(spark, (3, "Linz")), path)
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 1")
    rows_of(spark, (3, "Wels"), (4, "Bonn"), (5, "Kiel")).createOrReplaceTempView("changes")
    spark.sql(
        f"MERGE INTO delta.`{path}` AS t USING changes AS c ON t.id = c.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    spark.catalog.dropTempView("changes")
    rows_of(spark, (9, "Genf")).write.format("delta").mode("overwrite").save(str(path))
    return path


ORDERS = """\
Delta log: 5 commits, 5 files written, 1 live with 1 row

version  operation        adds      removes  live after it          also
0        WRITE Append     A 2 rows           A              2 rows  metaData, protocol
1        WRITE Append     B 1 row            A, B           3 rows
2        DELETE (id = 1)  C 1 row   A        B, C           2 rows
3        MERGE (id = id)  D 3 rows  B        C, D           4 rows
4        WRITE Overwrite  E 1 row   C, D     E              1 row"""


@pytest.fixture(scope="module")
def log(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Picture:
    return delta_log(spark, str(orders(spark, tmp_path_factory.mktemp("log") / "orders")))


def test_a_log_tells_what_each_commit_added_and_removed_and_what_is_live(log: Picture) -> None:
    assert repr(log) == ORDERS
    assert "Version 3, MERGE: adds D 3 rows; removes B." in log.description
    assert log.description.endswith("Live at the end: E, 1 row.")


def test_the_same_history_in_another_folder_gives_the_same_bytes(
    spark: SparkSession, log: Picture, tmp_path: Path
) -> None:
    again = delta_log(spark, str(orders(spark, tmp_path / "elsewhere")))
    assert again == log
    assert again._repr_html_() == log._repr_html_()


MARKED = """\
Delta log: 3 commits, 1 file written, 1 live with 4 rows

version  operation             adds               removes  live after it          also
0        WRITE ErrorIfExists   A 4 rows                    A              4 rows  metaData, protocol
1        DELETE (id = 2)       A now 3 of 4 rows           A              3 rows
2        RESTORE to version 0  A now 4 rows                A              4 rows  metaData, protocol, checkpoint"""


def test_rows_marked_in_a_deletion_vector_and_checkpoints_are_told(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "marked")
    writer = spark.range(4).coalesce(1).write.format("delta").option("delta.checkpointInterval", "2")
    writer.option("delta.enableDeletionVectors", "true").save(path)
    spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 2")
    spark.sql(f"RESTORE TABLE delta.`{path}` TO VERSION AS OF 0")
    assert repr(delta_log(spark, path)) == MARKED


def test_many_files_of_one_life_are_drawn_as_one(spark: SparkSession, tmp_path: Path) -> None:
    days = spark.range(0, 12, 1, 1).select("id", (F.col("id") % 6).alias("day"))
    days.write.format("delta").partitionBy("day").save(str(tmp_path))
    spark.sql(f"DELETE FROM delta.`{tmp_path}` WHERE day = 3")
    first, second = repr(delta_log(spark, str(tmp_path))).splitlines()[3:]
    assert "A–C, E, F 10 rows, D 2 rows" in first
    assert second.split("  ")[0] == "1" and "A–C, E, F" in second and "10 rows" in second


def test_a_table_is_found_by_its_name_and_hostile_names_stay_text(spark: SparkSession) -> None:
    spark.sql("CREATE OR REPLACE TABLE pictured USING delta AS SELECT 1 AS id, 'b' AS `<script>`")
    try:
        spark.sql("UPDATE pictured SET id = 2 WHERE `<script>` = 'b'")
        drawn = delta_log(spark, "pictured")
        planned = plan(spark.table("pictured").groupBy("<script>").count())
    finally:
        spark.sql("DROP TABLE pictured")
    for picture in (drawn, planned):
        assert "<script>" in picture.text
        assert "<script" not in picture._repr_html_()
        is_sound(picture)


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ([], "There is no Delta log in {path}: give the folder or the name of a Delta table."),
        (
            [3, 4],
            "The log in {path} begins at version 3, the commits before it were cleaned up: draw a table whose log "
            "is whole.",
        ),
        (
            range(51),
            "The log in {path} has 51 commits, and one picture holds 50: draw a table with a shorter log.",
        ),
    ],
)
def test_a_log_that_cannot_be_drawn_is_refused_in_one_sentence(
    spark: SparkSession, tmp_path: Path, versions: list[int], message: str
) -> None:
    (tmp_path / "_delta_log").mkdir()
    for version in versions:
        commit = json.dumps({"commitInfo": {"operation": "WRITE"}})
        (tmp_path / "_delta_log" / f"{version:020}.json").write_text(commit)
    with pytest.raises(ValueError, match=f"^{re.escape(message.format(path=tmp_path))}$"):
        delta_log(spark, str(tmp_path))


PLAN = """\
Executed plan: 1 file (750 B) read, 1 shuffle (64 B), 1 broadcast, 2 rows out

HashAggregate: keys=[name], functions=[count(1)] · 2 rows
└─ Exchange (shuffle): hashpartitioning(name, 2) · 2 rows, 64 B · 2 partitions, read as 1
   └─ HashAggregate: keys=[name], functions=[partial_count(1)] · 2 rows
      └─ Project: [name]
         └─ BroadcastHashJoin: [city], [city], Inner, BuildRight · 5 rows
            ├─ Filter: isnotnull(city) · 6 rows
            │  └─ Scan parquet: [city], pushed IsNotNull(city) · 1 file, 750 B · 7 rows
            └─ BroadcastExchange: 3 rows
               └─ Coalesce: 1
                  └─ Filter: isnotnull(city) · 3 rows
                     └─ Scan ExistingRDD: [city,name] · 3 rows"""


@pytest.fixture(scope="module")
def joined(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """Orders per country: seven orders, of which one has no city and one a city that no country has."""
    path = tmp_path_factory.mktemp("plan")
    append(rows_of(spark, *enumerate(["be", "gr", "be", "li", "xx", None, "gr"])), path)
    of_city = [("be", "Swiss"), ("gr", "Austria"), ("li", "Austria")]
    countries = F.broadcast(rows_of(spark, *of_city, columns="city STRING, name STRING"))
    return spark.read.format("delta").load(str(path)).join(countries, "city").groupBy("name").count()


def test_a_plan_tells_files_rows_shuffles_and_broadcasts(joined: DataFrame) -> None:
    assert repr(plan(joined)) == PLAN


def test_a_dataframe_that_ran_before_gives_the_same_bytes(joined: DataFrame) -> None:
    joined.collect()
    first, second = plan(joined), plan(joined)
    assert first == second and first.text == PLAN
    assert first._repr_html_() == second._repr_html_()


def test_a_shuffle_has_slanted_sides_and_a_broadcast_round_ones(joined: DataFrame) -> None:
    root = ElementTree.fromstring(plan(joined).svg)
    slanted = [shape for shape in root.iter(f"{{{SVG}}}polygon") if len(shape.attrib["points"].split()) == 6]
    round_ones = [shape for shape in root.iter(f"{{{SVG}}}rect") if float(shape.attrib["rx"]) > 10]
    assert (len(slanted), len(round_ones)) == (1, 1)


def test_rows_that_a_sort_samples_first_are_marked(spark: SparkSession) -> None:
    lines = repr(plan(spark.range(0, 100, 1, 2).orderBy(F.col("id").desc()))).splitlines()
    assert lines[2:] == [
        "Sort: [id DESC NULLS LAST]",
        "└─ Exchange (shuffle): rangepartitioning(id DESC NULLS LAST, 2) · 100 rows, 1.6 KiB · 2 partitions, read as 1",
        "   └─ Range: 0, 100, step=1, splits=2 · 200 rows in two passes",
    ]


def test_a_subquery_is_part_of_the_plan(spark: SparkSession) -> None:
    drawn = plan(spark.sql("SELECT id FROM range(500) WHERE id < (SELECT max(id) FROM range(9))"))
    assert "├─ Range: 0, 500, step=1, splits=2 · 500 rows" in drawn.text
    assert "└─ Subquery\n   └─ HashAggregate: keys=[], functions=[max(id)] · 1 row" in drawn.text


def test_a_spill_is_told(spark: SparkSession) -> None:
    settings = {"in.memory.threshold": "10", "spill.threshold": "50"}
    for name, value in settings.items():
        spark.conf.set(f"spark.sql.windowExec.buffer.{name}", value)
    try:
        spilled = plan(spark.sql("SELECT sum(id) OVER (PARTITION BY id % 2) FROM range(500)"))
    finally:
        for name in settings:
            spark.conf.unset(f"spark.sql.windowExec.buffer.{name}")
    assert "spilled about" in spilled.text


def versions(*rows: tuple[object, ...]) -> list[dict[str, object]]:
    names = ("customer_id", "city", "email", "valid_from", "valid_to", "is_current")
    return [dict(zip(names, row, strict=True)) for row in rows]


SPAN = {"valid_from": "2026-01-01", "valid_to": "2026-01-02", "is_current": False}

HISTORY = """\
SCD2 history: 3 keys, 5 versions, 2 current

customer_id  city    email          valid_from        valid_to          state
C1           Lyon    a@example.org  2026-01-01 09:00  2026-01-02 09:00  closed
C1           Paris   a@example.org  2026-01-02 09:00  NULL              current
C2           Київ    NULL           2026-01-01 09:00  2026-01-03 12:30  closed
C2           Київ    b@example.org  2026-01-03 12:30  NULL              current
C3           Boston  c@example.org  2026-01-01 09:00  2026-01-04 13:00  closed"""

HISTORY_ROWS = versions(
    ("C2", "Київ", "b@example.org", datetime(2026, 1, 3, 12, 30), None, True),
    ("C1", "Lyon", "a@example.org", datetime(2026, 1, 1, 9), datetime(2026, 1, 2, 9), False),
    ("C1", "Paris", "a@example.org", datetime(2026, 1, 2, 9), None, True),
    ("C2", "Київ", None, datetime(2026, 1, 1, 9), datetime(2026, 1, 3, 12, 30), False),
    ("C3", "Boston", "c@example.org", datetime(2026, 1, 1, 9), datetime(2026, 1, 4, 13), False),
)


@pytest.fixture(scope="module")
def history() -> Picture:
    return scd2(HISTORY_ROWS)


def test_a_history_tells_the_versions_of_each_key_and_which_is_current(history: Picture) -> None:
    assert repr(history) == HISTORY
    assert "C2: NULL from 2026-01-01 09:00 to 2026-01-03 12:30, closed." in history.description
    assert "C2: b@example.org from 2026-01-03 12:30 on, current." in history.description


def test_a_bar_names_only_what_differs_among_the_versions_of_its_key(history: Picture) -> None:
    assert {"Lyon", "Paris", "NULL", "Boston"} <= set(texts(history))
    assert "Київ" not in texts(history)


def test_a_bar_of_a_key_with_one_version_names_what_differs_elsewhere() -> None:
    rows = [{"id": key, "name": "Zoé", "city": city, **SPAN} for key, city in [("C1", "Lyon"), ("C2", "Umeå")]]
    rows.append({**rows[0], "city": "Nice", "valid_from": "2026-01-02", "valid_to": None, "is_current": True})
    assert {"Lyon", "Nice", "Umeå"} <= set(texts(scd2(rows)))


def test_a_key_without_a_current_version_is_marked_as_ended(history: Picture) -> None:
    assert texts(history).count("ended") == 1


def test_a_history_in_a_dataframe_gives_the_same_bytes_in_any_order(spark: SparkSession, history: Picture) -> None:
    schema = "customer_id STRING, city STRING, email STRING, valid_from {0}, valid_to {0}, is_current BOOLEAN"
    rows = [tuple(row.values()) for row in reversed(HISTORY_ROWS)]
    frame = spark.createDataFrame(rows, schema.format("TIMESTAMP_NTZ"))
    assert scd2(frame) == history
    in_utc = frame.withColumns({name: F.col(name).cast("timestamp") for name in ("valid_from", "valid_to")})
    assert scd2(in_utc)._repr_html_() == history._repr_html_()


def test_versions_that_contradict_each_other_are_marked_in_words() -> None:
    drawn = scd2(
        versions(
            ("C1", "Lyon", None, "2026-01-01", "2026-01-03", False),
            ("C1", "Paris", None, "2026-01-03", "2026-01-02", False),
            ("C1", "Nîmes", None, "2026-01-02", None, True),
            ("C2", "Bern", None, "2025-01-01", "2026-01-01", False),
            ("C2", "Boston", None, "2026-01-01", None, False),
            ("C3", "Umeå", None, "2026-01-01", "2026-01-02", True),
        )
    )
    head, *lines = repr(drawn).splitlines()
    assert head == "SCD2 history: 3 keys, 6 versions, 2 current, 5 in contradiction"
    assert lines == [
        "",
        "customer_id  city    email  valid_from  valid_to    state",
        "C1           Lyon    NULL   2026-01-01  2026-01-03  overlaps",
        "C1           Nîmes   NULL   2026-01-02  NULL        overlaps",
        "C1           Paris   NULL   2026-01-03  2026-01-02  never valid",
        "C2           Bern    NULL   2025-01-01  2026-01-01  closed",
        "C2           Boston  NULL   2026-01-01  NULL        open, not current",
        "C3           Umeå    NULL   2026-01-01  2026-01-02  ended, yet current",
    ]
    tops = {
        float(shape.attrib["y"])
        for shape in ElementTree.fromstring(drawn.svg).iter(f"{{{SVG}}}rect")
        if "orange" in shape.attrib["class"]
    }
    assert len(tops) == 5, "versions that contradict each other are drawn in lanes of their own"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "The history has no versions, and one picture holds 1 to 60: choose keys."),
        (
            versions(*[("C1", "a", "b", f"2026-01-01 {number:02}", None, True) for number in range(61)]),
            "The history has more than 60 versions, and one picture holds 1 to 60: choose keys.",
        ),
        (
            [{"customer_id": "C1", "valid_from": "2026-01-01", "valid_to": None}],
            "The history has no column is_current: give key, tracked columns and valid_from, valid_to, is_current.",
        ),
        (
            versions(("C1", "Lyon", None, None, None, True)),
            "A version of C1 has no valid_from: every version begins at some instant.",
        ),
    ],
)
def test_a_history_that_cannot_be_drawn_is_refused_in_one_sentence(rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        scd2(rows)


CONNECT = """
import sys
from workbook import get_spark
from workbook.pictures import delta_log, plan
spark = get_spark()
path = sys.argv[1]
spark.range(3).coalesce(1).write.format("delta").save(path)
print(delta_log(spark, path).title)
try:
    plan(spark.range(3))
except TypeError as error:
    print(error)
"""


def test_on_spark_connect_a_log_is_drawn_and_a_plan_refused_in_one_sentence(tmp_path: Path) -> None:
    code = CONNECT.replace("sys.argv[1]", repr(str(tmp_path / "t")))
    with connect_server() as address:
        [(exit_code, out, error)] = finished([python(code, SPARK_REMOTE=address)])
    assert (exit_code, error) == (0, "")
    assert out == (
        "Delta log: 1 commit, 1 file written, 1 live with 3 rows\n"
        "The executed plan of a Spark Connect DataFrame stays on the server: use classic Spark for this picture, "
        "or frame.explain() for the plan without its metrics.\n"
    )


@pytest.mark.parametrize("name", ["log", "joined", "history"])
def test_a_picture_is_sound(name: str, request: pytest.FixtureRequest) -> None:
    draw: Callable[[], Picture] = {
        "log": lambda: request.getfixturevalue("log"),
        "joined": lambda: plan(request.getfixturevalue("joined")),
        "history": lambda: request.getfixturevalue("history"),
    }[name]
    is_sound(draw())


def test_a_chart_takes_the_ink_of_the_page_and_is_the_same_on_every_run() -> None:
    def draw(axes: Axes) -> None:
        axes.plot([300, 150], color=INK)
        axes.set_xlabel("day")

    charts = [chart(draw, "Rows < usual", "Then 150.") for _ in range(2)]
    root = ElementTree.fromstring(charts[0].svg)
    assert charts[0].svg == charts[1].svg
    assert (root.findtext(f"{{{SVG}}}title"), root.findtext(f"{{{SVG}}}desc")) == ("Rows < usual", "Then 150.")
    assert "day" in texts(charts[0])
    assert "stroke: currentColor; stroke-width: 1.5" in charts[0].svg and INK not in charts[0].svg
    assert repr(charts[0]) == "Then 150."

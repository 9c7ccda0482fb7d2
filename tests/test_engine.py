"""What a learner's code may do to the session, and that the next check stands all the same."""

import re
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from workbook.checking import engine, limit
from workbook.checking.case import Case, Failed
from workbook.checking.exercise import Exercise, ____, exercise
from workbook.checking.explain import explain
from workbook.checking.outcome import Result
from workbook.spark.session import get_spark

pytestmark = pytest.mark.usefixtures("spark")

# pandas' own type of Spark functions is not what these tests are about.
Changes = DataFrame


@exercise(objective="1.1", hints=("nudge", "api", "skeleton"), docs="https://spark.apache.org", why="It matters.")
def newest(answer, case: Case) -> None:
    changes = case.rows(
        "customer string, city string, at int", ("C1", "Oslo", 1), ("C2", "Bergen", 1), ("C2", "Oslo", 2)
    )
    case.equal(
        answer(changes),
        "customer string, city string, at int",
        ("C1", "Oslo", 1),
        ("C2", "Oslo", 2),
        given=changes,
        when={("C2", "Bergen", ...): "C2 came back with Bergen, its older city."},
    )


NEWEST: Exercise = newest.exercise  # type: ignore[attr-defined]


def run(answer, seconds: float | None = None) -> Result:
    return engine.run(NEWEST, answer, seconds)


def solution(changes: Changes) -> Changes:
    return changes.groupBy("customer").agg(F.max_by("city", "at").alias("city"), F.max("at").alias("at"))


def assert_the_next_check_stands() -> None:
    assert run(solution).outcome == "passed"


def test_a_right_answer_passes() -> None:
    assert run(solution).outcome == "passed"


def test_a_blank_is_not_attempted() -> None:
    def blank(changes: Changes) -> Changes:
        return ____

    assert run(blank).outcome == "not_attempted"


def test_a_blank_inside_an_expression_is_not_attempted() -> None:
    def half_done(changes: Changes) -> Changes:
        return changes.where(F.col("at") > ____)

    assert run(half_done).outcome == "not_attempted"


def test_a_wrong_answer_gets_the_message_of_its_mistake_and_the_rows_that_show_it() -> None:
    result = run(lambda changes: changes.where("at = 1"))
    assert (result.outcome, result.message) == ("failed", "C2 came back with Bergen, its older city.")
    [line] = result.evidence
    assert line.given == "C2, Bergen, 1\nC2, Oslo, 2"
    assert (line.yours, line.expected) == ("C2, Bergen, 1", "C2, Oslo, 2")


def test_a_wrong_answer_without_a_message_of_its_own_is_told_the_first_difference() -> None:
    result = run(lambda changes: changes.where("customer = 'C1'"))
    assert result.message == (
        "A row is missing: C2, Oslo, 2. Which step loses it: a join, a filter, a key that others share, or a "
        "comparison with NULL?"
    )


FEWER, MORE = (
    "Which row of the input does not count, and should it?",
    "Does a row count that should not, or one twice?",
)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("C1", 2), ("C2", 1)], f"Where `customer` is 'C1', `orders` is 2, and 3 was expected. {FEWER}"),
        ([("C1", 4), ("C2", 1)], f"Where `customer` is 'C1', `orders` is 4, and 3 was expected. {MORE}"),
        (
            [("C1", None), ("C2", 1)],
            "Which step has no value for it: a join without a match, or an expression over a N",
        ),
        (
            [("C1", 3), ("C2", 1), ("C2", 1)],
            "A row came back too often: C2, 1. Does a join fit it more than once, or d",
        ),
        (
            [("C1", 3), ("C2", 1), ("C9", 1)],
            "A row came back that should not: C9, 1. Which condition ought to keep it ",
        ),
    ],
)
def test_a_difference_without_a_message_of_its_own_comes_with_a_question(rows, said: str) -> None:
    case = Case(get_spark(), Path("."), "default")
    shape = "customer string, orders int"
    with pytest.raises(Failed) as failed:
        case.equal(case.rows(shape, *rows), shape, ("C1", 3), ("C2", 1))
    assert said in str(failed.value)


def test_a_row_that_came_back_with_other_values_is_not_missing() -> None:
    case = Case(get_spark(), Path("."), "default")
    shape = "customer string, version int, city string"
    expected = [("C1", 1, "Oslo"), ("C1", 2, "Pisa")]
    for rows, said in (
        (
            [("C1", 1, "Oslo"), ("C1", 2, "Rome")],
            "Where `customer` is 'C1', `city` is 'Rome', and 'Pisa' was expected.",
        ),
        ([("C1", 1, "Oslo")], "C1 is gone"),
        ([("C1", 1, "Rome")], "C1 is gone"),  # one came back instead of two
    ):
        with pytest.raises(Failed, match=f"^{said}"):
            case.equal(case.rows(shape, *rows), shape, *expected, missing={("C1", ...): "C1 is gone"})


LONG = {f"orders/2026/{number:02}.json": "loaded" for number in range(9)}


@pytest.mark.parametrize(
    ("got", "expected", "said"),
    [
        ({**LONG, "z": "lost"}, {**LONG, "z": "late"}, "files gave 'lost' for 'z', and 'late' was expected."),
        ([*LONG, "a"], [*LONG, "b"], "files gave 'a' at [9], and 'b' was expected."),
        ({"t": [*LONG, "a"]}, {"t": [*LONG, "b"]}, "files gave 'a' for 't' at [9], and 'b' was expected."),
        ("x" * 90 + "a", "x" * 90 + "b", f"files gave …{'x' * 34}a', and …{'x' * 34}b' was expected."),
    ],
)
def test_long_values_are_shown_where_they_differ(got: object, expected: object, said: str) -> None:
    case = Case(get_spark(), Path("."), "default")
    with pytest.raises(Failed) as failed:
        case.value(got, expected, call="files")
    assert str(failed.value) == f"{said} Follow that call through your code: which line makes it so?"


def test_a_loop_without_end_is_stopped() -> None:
    def loop(changes: Changes) -> Changes:
        while True:
            pass

    result = run(loop, seconds=1)
    assert (result.outcome, result.message) == (
        "error",
        "Your code was still running after 1 seconds: "
        "is there a loop that never ends, or an action on far too many rows?",
    )
    assert_the_next_check_stands()


def test_a_loop_that_catches_every_exception_is_stopped_too() -> None:
    def stubborn(changes: Changes) -> Changes:
        while True:
            try:
                while True:
                    pass
            except Exception:
                continue

    assert run(stubborn, seconds=1).outcome == "error"
    assert_the_next_check_stands()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy this machine is: what can be cancelled is cancelled, and Java is not ended for it."""
    monkeypatch.setattr(limit, "SECONDS_TO_GIVE_WAY", 60.0)


def waits_for_a_stream(changes: Changes) -> None:
    rows = changes.sparkSession.readStream.format("rate").load()
    rows.writeStream.format("noop").option("checkpointLocation", tempfile.mkdtemp()).start().awaitTermination()


def swallows_in_sleep(changes: Changes) -> None:
    while True:
        try:
            threading.Event().wait(60)
        except:  # noqa: E722
            continue


def swallows_twice(changes: Changes) -> None:
    while True:
        try:
            swallows_in_sleep(changes)
        except BaseException:
            continue


def swallows_at_the_end(changes: Changes) -> None:
    while True:
        try:
            threading.Event().wait(60)
        finally:
            continue  # noqa: B012


def swallows_around_spark(changes: Changes) -> None:
    while True:
        try:
            changes.count()
        except:  # noqa: E722
            continue


def swallows_around_a_stream(changes: Changes) -> None:
    while True:
        try:
            waits_for_a_stream(changes)
        except:  # noqa: E722
            continue


def keeps_what_it_swallows(changes: Changes) -> None:
    kept = []
    while True:
        try:
            threading.Event().wait(60)
        except BaseException as error:
            kept.append(error)


@pytest.mark.parametrize(
    "endless",
    [
        *(waits_for_a_stream, swallows_in_sleep, swallows_twice, swallows_at_the_end),
        *(swallows_around_spark, swallows_around_a_stream, keeps_what_it_swallows),
    ],
)
def test_nothing_that_an_answer_does_keeps_it_running(endless, spark) -> None:
    result = run(endless, seconds=1)
    assert (result.outcome, result.message[:43]) == ("error", "Your code was still running after 1 seconds")
    assert spark.streams.active == []
    assert sys.gettrace() is None
    assert_the_next_check_stands()


def test_a_stream_without_end_is_named() -> None:
    assert run(waits_for_a_stream, seconds=1).message == (
        "Your code was still running after 1 seconds, and so was a stream that it started: does your code wait for a "
        "stream whose trigger never lets it end?"
    )


def test_a_spark_job_without_end_is_cancelled(spark) -> None:
    def endless(changes: Changes) -> Changes:
        return changes.sparkSession.range(10**13).selectExpr("sum(id % 7)").collect()

    assert "still running after 2 seconds" in run(endless, seconds=2).message
    assert_the_next_check_stands()
    assert spark.sparkContext.statusTracker().getActiveJobsIds() == []


def test_more_rows_than_the_driver_may_hold_are_refused_by_spark() -> None:
    def collect_all(changes: Changes) -> Changes:
        return changes.sparkSession.range(3 * 10**6).selectExpr("id", "uuid() AS text").collect()

    result = run(collect_all)
    assert result.outcome == "error"
    assert "maxResultSize" in result.message
    assert_the_next_check_stands()


def test_memory_filled_until_java_ends_is_explained_and_the_session_replaced() -> None:
    def end_java(changes: Changes) -> Changes:
        changes.sparkSession._jvm.java.lang.Runtime.getRuntime().halt(52)

    result = run(end_java)
    assert result.outcome == "error"
    assert result.message == (
        "Spark's Java process ended while your code ran, most often because `collect()` or `toPandas()` brought too "
        "many rows into memory: aggregate or `limit` first. A new session was started."
    )
    assert_the_next_check_stands()


def test_a_stopped_session_is_named_and_replaced_also_in_the_notebook() -> None:
    notebook = {"spark": get_spark()}
    exec("def stops(changes):\n    spark.stop()\n    return changes", notebook)
    result = run(notebook["stops"])
    assert result.outcome == "error"
    assert result.message.startswith("Your code stopped the Spark session: leave `stop()` out.")
    assert notebook["spark"] is get_spark()
    assert_the_next_check_stands()


def test_thousands_of_printed_lines_are_cut() -> None:
    def chatty(changes: Changes) -> Changes:
        for number in range(5_000):
            print(number)
        return solution(changes)

    lines = run(chatty).printed.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 4,980 more lines"


def test_changed_settings_are_put_back() -> None:
    spark = get_spark()
    before = spark.conf.get("spark.sql.shuffle.partitions")

    def changes_settings(changes: Changes) -> Changes:
        spark.conf.set("spark.sql.shuffle.partitions", "77")
        spark.conf.set("spark.sql.caseSensitive", "true")
        spark.conf.set("workbook.unknown", "1")
        return solution(changes)

    assert run(changes_settings).outcome == "passed"
    assert spark.conf.get("spark.sql.shuffle.partitions") == before
    assert spark.conf.get("spark.sql.caseSensitive") == "false"
    assert spark.conf.get("workbook.unknown", None) is None


def test_a_check_runs_with_the_first_settings_and_gives_the_learners_own_back() -> None:
    spark = get_spark()
    spark.conf.set("spark.sql.ansi.enabled", "false")
    seen = []

    def looks(changes: Changes) -> Changes:
        seen.append(spark.conf.get("spark.sql.ansi.enabled"))
        return solution(changes)

    try:
        run(looks)
        assert seen == ["true"]
        assert spark.conf.get("spark.sql.ansi.enabled") == "false"
    finally:
        spark.conf.set("spark.sql.ansi.enabled", "true")


def test_a_stream_that_an_answer_leaves_running_is_stopped_and_the_lessons_own_goes_on() -> None:
    spark = get_spark()

    def never_ends() -> DataFrame:
        return spark.readStream.format("rate").load()

    own = never_ends().writeStream.format("noop").start()

    def leaves_a_stream(changes: Changes) -> Changes:
        never_ends().writeStream.format("noop").start()
        return solution(changes)

    try:
        assert run(leaves_a_stream).outcome == "passed"
        assert [query.id for query in spark.streams.active] == [own.id]
    finally:
        own.stop()


def test_a_check_leaves_the_lessons_views_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    spark = get_spark()
    spark.range(3).createOrReplaceTempView("lesson")

    def plan() -> str:
        spark.table("lesson").explain(extended=True)
        return re.sub(r"#\d+L?", "#", capsys.readouterr().out)

    try:
        before = plan()
        assert run(solution).outcome == "passed"
        assert plan() == before
    finally:
        spark.catalog.dropTempView("lesson")


@pytest.mark.parametrize("name", ["lesson", "left_behind"])
def test_a_view_that_reads_the_checks_own_table_breaks_no_later_check(name: str) -> None:
    """SQL's views are resolved when they are read: this one's table goes with the check."""
    spark = get_spark()
    spark.range(3).createOrReplaceTempView("lesson")

    def makes_a_view(changes: Changes) -> Changes:
        solution(changes).write.saveAsTable("answered")
        spark.sql(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM answered")
        return spark.table(name)

    try:
        assert [run(makes_a_view).outcome, run(solution).outcome] == ["passed", "passed"]
        assert spark.table("lesson").count() == 3
        assert not spark.catalog.tableExists("left_behind")
    finally:
        spark.catalog.dropTempView("lesson")


def test_a_learners_view_whose_table_is_gone_breaks_no_check() -> None:
    spark = get_spark()
    spark.range(3).write.saveAsTable("kept_briefly")
    spark.sql("CREATE OR REPLACE TEMP VIEW lesson AS SELECT * FROM kept_briefly")
    spark.sql("DROP TABLE kept_briefly")
    try:
        assert run(solution).outcome == "passed"
    finally:
        spark.catalog.dropTempView("lesson")


def test_the_lessons_tables_and_views_survive_a_drop() -> None:
    spark = get_spark()
    spark.range(3).write.format("delta").saveAsTable("orders")
    spark.range(3).createOrReplaceTempView("lesson")
    try:

        def drops(changes: Changes) -> Changes:
            spark.sql("DROP TABLE IF EXISTS orders")
            spark.catalog.dropTempView("lesson")
            spark.range(5).createOrReplaceTempView("left_behind")
            return solution(changes)

        assert run(drops).outcome == "passed"
        assert spark.table("orders").count() == 3
        assert spark.table("lesson").count() == 3
        assert not spark.catalog.tableExists("left_behind")
    finally:
        spark.sql("DROP TABLE IF EXISTS orders")
        spark.catalog.dropTempView("lesson")


def test_each_check_has_a_schema_of_its_own() -> None:
    def writes(changes: Changes) -> Changes:
        changes.write.saveAsTable("mine")
        return solution(changes)

    assert run(writes).outcome == "passed"
    assert run(writes).outcome == "passed"
    assert not get_spark().catalog.tableExists("mine")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("F", 3, "`F` is now a int in your notebook"),
        ("spark", pd.DataFrame(), "`spark` is now a DataFrame in your notebook"),
    ],
)
def test_a_shadowed_name_is_named(name: str, value: object, message: str) -> None:
    notebook = {"F": F, name: value}
    exec("def uses(changes):\n    return spark.range(1) if 'spark' in globals() else F.col('at')", notebook)
    result = run(notebook["uses"])
    assert result.outcome == "error"
    assert message in result.message
    assert_the_next_check_stands()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda changes: changes.toPandas(), "Your function returned a pandas DataFrame: return a Spark DataFrame"),
        (lambda changes: None, "Your function returned None: end it with `return`"),
        (lambda changes: changes.collect(), "Your function returned a list: return the DataFrame itself"),
        (lambda changes: F.col("at"), "Your function returned a pyspark Column: return a Spark DataFrame."),
    ],
)
def test_something_else_than_a_spark_dataframe_is_named(answer, message: str) -> None:
    result = run(answer)
    assert result.outcome == "failed"
    assert result.message.startswith(message)


def test_an_error_of_spark_is_told_in_plain_sentences_with_the_learners_line_below() -> None:
    def misspelt(changes: Changes) -> Changes:
        return changes.where(F.col("citty") == "Oslo")

    result = run(misspelt)
    assert result.outcome == "error"
    assert result.message == (
        "Spark says UNRESOLVED_COLUMN.WITH_SUGGESTION: A column, variable, or function parameter with name `citty` "
        "cannot be resolved. Did you mean one of the following? [`city`, `at`, `customer`].\n"
        'Your line: `return changes.where(F.col("citty") == "Oslo")`'
    )
    assert "Traceback" in result.traceback


@pytest.mark.parametrize("expression", ["1 / (at - at)", "CAST(city AS INT)", "at + 2147483647", "array(1)[at]"])
def test_sparks_advice_to_give_null_in_silence_is_not_passed_on(expression: str) -> None:
    result = run(lambda changes: changes.select("customer", "city", F.expr(expression).cast("int").alias("at")))
    assert result.outcome == "error"
    assert "Spark says" in result.message and "ansi" not in result.message


def test_of_many_names_that_spark_suggests_the_likeliest_are_told_and_no_sentence_is_cut() -> None:
    def in_a_wide_table(changes: Changes) -> Changes:
        wide = changes.select("*", *(F.lit(name).alias(f"a_column_with_a_long_name_{name}") for name in "abcd"))
        return wide.where((F.col("citty") == "a town whose name is long") | F.col("`another column`").isNull())

    message = run(in_a_wide_table).message
    assert message == (
        "Spark says UNRESOLVED_COLUMN.WITH_SUGGESTION: A column, variable, or function parameter with name `citty` "
        "cannot be resolved. Did you mean one of the following? [`city`, `at`, `customer`, …].\n"
        'Your line: `return wide.where((F.col("citty") == "a town whose name is long") | …`'
    )


def test_a_sentence_for_which_there_is_no_room_is_left_out() -> None:
    error = PySparkException(message=f"It broke. {'Long ' * 60}story. Then more.", errorClass=None)
    assert explain(error, solution) == "Spark says: It broke."
    endless = PySparkException(message="word " * 80, errorClass=None)
    assert explain(endless, solution).endswith("word word …") and len(explain(endless, solution)) <= 300


def test_an_error_that_comes_up_only_at_the_action_is_plain_as_well() -> None:
    result = run(lambda changes: changes.withColumn("at", (F.col("at") / 0).cast("int")))
    assert result.message.startswith("Spark says DIVIDE_BY_ZERO: Division by zero.")
    assert "Py4J" not in result.message


def test_leaving_the_program_is_an_error_like_others() -> None:
    assert run(lambda changes: sys.exit(1)).message.startswith("Your code ended the program (SystemExit)")
    assert_the_next_check_stands()


def test_an_answer_is_not_passed_by_columns_of_another_type() -> None:
    result = run(lambda changes: solution(changes).withColumn("at", F.col("at").cast("string")))
    assert result.message == "The column `at` is of type string, and int is asked for."


def test_an_error_of_delta_itself_whose_condition_spark_does_not_know_is_explained(tmp_path) -> None:
    def saves_twice(changes: Changes) -> Changes:
        for _ in range(2):
            changes.write.format("delta").save(str(tmp_path / "table"))
        return changes

    result = run(saves_twice)
    assert result.outcome == "error"
    assert result.message.startswith("Spark says DELTA_PATH_EXISTS: Cannot write to already existent path")


def test_a_condition_of_delta_for_which_spark_has_no_words_is_named() -> None:
    error = PySparkException(message="[INTERNAL_ERROR] Cannot find main error class 'DELTA_X' SQLSTATE: XX000")
    assert explain(error, solution).startswith("Spark says DELTA_X: it has no more words for it.")


def test_a_limit_that_is_reached_in_a_call_to_java_leaves_the_session_usable() -> None:
    def asks_for_ever(changes: Changes) -> Changes:
        while True:
            changes.sparkSession.conf.get("spark.sql.ansi.enabled")

    assert "still running after 1 seconds" in run(asks_for_ever, seconds=1).message
    assert_the_next_check_stands()
    assert get_spark().conf.get("spark.sql.ansi.enabled") == "true"


@exercise(objective="1.5", hints=("nudge", "api", "skeleton"), docs="https://spark.apache.org", why="It matters.")
def portable(answer, case: Case) -> None:
    with case.as_on_connect():
        case.value(answer(case.spark.range(3)), 3, call="portable")
    case.value(case.spark.range(3).rdd.count(), 3, call="afterwards, an RDD")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("rdd", lambda frame: frame.rdd.count()),
        ("_jdf", lambda frame: frame._jdf.count()),
        ("sparkContext", lambda frame: frame.sparkSession.sparkContext.parallelize(range(3)).count()),
        ("_jvm", lambda frame: frame.sparkSession._jvm.java.lang.Math.max(3, 1)),
    ],
)
def test_what_connect_lacks_is_refused_on_a_classic_session_too(name: str, answer) -> None:
    result = engine.run(portable.exercise, answer)  # type: ignore[attr-defined]
    assert result.outcome == "failed"
    assert result.message.startswith(f"Your code used `{name}`, which only classic Spark has")


def test_what_connect_has_is_not_refused_and_classic_spark_is_whole_afterwards() -> None:
    assert engine.run(portable.exercise, lambda frame: frame.count()).outcome == "passed"  # type: ignore[attr-defined]


def test_a_value_of_another_type_is_named_by_its_type() -> None:
    result = engine.run(portable.exercise, lambda frame: float(frame.count()))  # type: ignore[attr-defined]
    assert result.message == (
        "portable gave 3.0 (float), and 3 (int) was expected. "
        "Follow that call through your code: which line makes it so?"
    )


@pytest.mark.parametrize("pattern", [("C2", ...), (..., "Bergen", ...), ("C2", "Bergen", 1, ...), ("C2", ..., 1)])
def test_three_dots_in_a_pattern_are_any_value_and_at_its_end_any_rest(pattern: tuple[object, ...]) -> None:
    case = Case(get_spark(), Path("."), "default")
    with pytest.raises(Failed, match=r"^C2, Bergen, 1 is older$"):
        case.equal(
            case.rows("customer string, city string, at int", ("C2", "Bergen", 1)),
            "customer string, city string, at int",
            when={("C1", ...): "another", ("C2", ..., 2): "newer", pattern: "{got} is older"},
        )


def test_a_time_is_written_as_people_write_it() -> None:
    case = Case(get_spark(), Path("."), "default")
    with pytest.raises(Failed, match=r"^newest gave 2026-03-01 10:00:00, and 2026-03-01 13:00:00 was expected\."):
        case.value(datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 13), call="newest")


@exercise(objective="1.1", hints=("nudge", "api", "skeleton"), docs="https://spark.apache.org", why="It matters.")
def settings(answer, case: Case) -> None:
    case.value(answer()["mode"].lower(), "append", call='settings()["mode"]')


@pytest.mark.parametrize("given", [None, 3, {}, {"mode": None}])
def test_an_error_of_the_check_is_not_given_out_as_the_learners(given: object) -> None:
    result = engine.run(settings.exercise, lambda: given)  # type: ignore[attr-defined]
    assert result.outcome == "error"
    assert result.message.startswith(f"Your function gave {given!r}, and the check can do nothing with that")


def test_an_error_of_the_answer_is_explained_as_its_own() -> None:
    def answer() -> dict[str, str]:
        return {"mode": {}["mode"]}

    result = engine.run(settings.exercise, answer)  # type: ignore[attr-defined]
    assert result.message.startswith("Your code raised KeyError: 'mode'.\nYour line: `return {")


def test_an_error_without_words_is_said_to_have_none() -> None:
    def answer(changes: Changes) -> None:
        raise NotImplementedError

    assert run(answer).message.startswith("Your code raised NotImplementedError: no message.\nYour line:")


def test_a_generator_and_a_coroutine_are_explained() -> None:
    def generator(changes: Changes):
        yield changes

    async def coroutine(changes: Changes) -> Changes:
        return changes

    assert "has a `yield`" in run(generator).message
    assert run(coroutine).message == engine.ASYNC


def test_a_lone_surrogate_breaks_nothing() -> None:
    def answer(changes: Changes) -> None:
        print("\ud800")
        raise ValueError("\udcff")

    result = run(answer)
    assert (result.message[:36], result.printed) == ("Your code raised ValueError: \\udcff.", "\\ud800")
    f"{result}".encode()


def test_the_lists_of_a_catalog_can_be_read_in_a_check() -> None:
    def lists(changes: Changes) -> Changes:
        spark = changes.sparkSession
        changes.write.saveAsTable("listed")
        assert [table.name for table in spark.catalog.listTables()] == ["listed"]
        assert [column.name for column in spark.catalog.listColumns("listed")] == ["customer", "city", "at"]
        return solution(changes)

    assert run(lists).outcome == "passed"


def test_java_that_does_not_answer_is_ended_and_the_session_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "SECONDS_TO_GIVE_WAY", 2.0)

    def asks_what_cannot_be_cancelled(changes: Changes) -> None:
        changes.sparkSession._jvm.Thread.sleep(10**7)  # type: ignore[union-attr]

    result = run(asks_what_cannot_be_cancelled, seconds=1)
    assert result.message.startswith("Your code was still running after 1 seconds: ")
    assert result.message.endswith(" A new session was started.")
    assert_the_next_check_stands()

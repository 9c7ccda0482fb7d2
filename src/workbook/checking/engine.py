"""Run one check of one answer, so that nothing the answer does can harm the next one."""

import contextlib
import inspect
import io
import os
import shutil
import tempfile
import traceback
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, PySparkException

from workbook.checking.case import Case, Evidence, Failed, short
from workbook.checking.exercise import Answer, Blank, Check, Exercise
from workbook.checking.explain import MOST_CHARACTERS, details, explain
from workbook.checking.limit import TimeIsUp, time_limit
from workbook.checking.outcome import Result
from workbook.spark import session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

TIME_LIMIT = 30.0
"""Seconds that a check may take, as learners are told; a check answers in about one."""
PRINTED_LINES = 20
# A query over a few rows spends most of its time in compiling the code that Spark generates for it as a whole. What is
# generated for an expression stays: without it, the lists of a catalog cannot be read.
FEW_ROWS = {"spark.sql.codegen.wholeStage": "false"}

NOT_ATTEMPTED = "There is still a ____ in your function: replace it by your answer, then check again."
TOO_LONG = (
    "Your code was still running after {:.0f} seconds: "
    "is there a loop that never ends, or an action on far too many rows?"
)
TOO_LONG_A_STREAM = (
    "Your code was still running after {:.0f} seconds, and so was a stream that it started: does your code wait for a "
    "stream whose trigger never lets it end?"
)
STOPPED = "Your code stopped the Spark session: leave `stop()` out. A new session was started, so just check again."
JAVA_ENDED = (
    "Spark's Java process ended while your code ran, most often because `collect()` or `toPandas()` brought too many "
    "rows into memory: aggregate or `limit` first. A new session was started."
)


ASYNC = "Your function is `async`, so a call gives a coroutine and runs nothing: leave `async` out."
UNUSABLE = (
    "Your function gave {}, and the check can do nothing with that: read in the task what is to be returned, and of "
    "which type."
)


class _Blank(Exception):
    """The answer returned the blank."""


@dataclass
class _Guarded:
    """The answer as a check calls it: the blank is told apart, and what was given last is known."""

    answer: Answer
    given: object = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.given = self.answer(*arguments, **named)
        if isinstance(self.given, Blank):
            raise _Blank
        if inspect.iscoroutine(self.given):
            self.given.close()
            raise Failed(ASYNC, seen=["async"])
        return self.given


def run(exercise: Exercise, answer: Answer, seconds: float | None = None) -> Result:
    """Check `answer`. Never raises, whatever the answer does, except for Ctrl-C."""
    if still_blank(getattr(answer, "__code__", None)):
        return Result(exercise, "not_attempted", NOT_ATTEMPTED)
    spark = session.get_spark()
    _renew_global(answer, spark)
    printed, guarded = io.StringIO(), _Guarded(answer)
    stopped: list[StreamingQuery] = []
    with isolated(spark) as case:
        try:
            limit = time_limit(seconds or TIME_LIMIT, partial(_cancel, case, stopped), session.end_java)
            with contextlib.redirect_stdout(printed), warnings.catch_warnings(), limit:
                warnings.simplefilter("ignore")  # a failed toPandas warns with pages of Java, besides raising
                exercise.check(guarded, case)
            result = Result(exercise, "passed", "Passed.")
        except _Blank:
            result = Result(exercise, "not_attempted", NOT_ATTEMPTED)
        except Failed as failure:
            result = Result(exercise, "failed", str(failure), failure.evidence, seen=failure.seen)
        except TimeIsUp as error:
            said = (TOO_LONG_A_STREAM if stopped else TOO_LONG).format(seconds or TIME_LIMIT)
            result = Result(exercise, "error", said, traceback=details(error))
        except (Exception, SystemExit) as error:
            of_the_check = _is_of_the_check(error, guarded, exercise.check)
            said = UNUSABLE.format(short(guarded.given)) if of_the_check else explain(error, answer)
            result = Result(exercise, "error", said, traceback=details(error))
    return _with_printed(_after_death(result, spark, answer), printed.getvalue())


def still_blank(code: CodeType | None) -> bool:
    """Whether the function's source, or that of a function inside it, still names the blank."""
    if code is None:
        return False
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return "____" in code.co_names or any(map(still_blank, inner))


def _cancel(case: Case, stopped: "list[StreamingQuery]") -> None:
    """End what the answer has Spark do: its jobs, and its streams, for which `awaitTermination` would wait."""
    for query in case.streams():
        stopped.append(query)
        query.stop()
    case.spark.interruptAll()


def _is_of_the_check(error: BaseException, guarded: _Guarded, check: Check) -> bool:
    """Whether the check stumbled over what the answer gave: no line of the answer was reached, and it is not Spark's.

    An answer may also give a function, which the check calls.
    """
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = {getattr(guarded.answer, "__code__", check.__code__).co_filename} - {check.__code__.co_filename}
    reached = any(code is _Guarded.__call__.__code__ or code.co_filename in own for code in codes)
    return not (reached or isinstance(error, (PySparkException, Py4JError, SystemExit)))


def _renew_global(answer: Answer, spark: "SparkSession") -> None:
    """Let the notebook's `spark` be the session that lives, where the old one was stopped or died."""
    names = getattr(answer, "__globals__", {})
    old: Any = names.get("spark")
    if hasattr(old, "createDataFrame") and old is not spark and not session.is_alive(old):
        names["spark"] = spark


def _after_death(result: Result, spark: "SparkSession", answer: Answer) -> Result:
    """The result as it is, or the sentence for an answer that took the session with it."""
    if session.is_alive(spark):
        return result
    message = JAVA_ENDED if session.java_ended() else STOPPED
    if result.message.startswith(TOO_LONG[:26]):  # Java was ended because nothing else helped
        message = f"{result.message} A new session was started."
    _renew_global(answer, session.get_spark())
    return Result(result.exercise, "error", message, traceback=result.traceback)


def _with_printed(result: Result, printed: str) -> Result:
    lines = printed.splitlines()
    if len(lines) > PRINTED_LINES:
        lines = [*lines[:PRINTED_LINES], f"… and {len(lines) - PRINTED_LINES:,} more lines"]
    text = "\n".join(line[:200] for line in lines)
    shown = result.message if len(result.message) <= MOST_CHARACTERS else result.message[: MOST_CHARACTERS - 1] + "…"
    evidence = [Evidence(*map(_encodable, astuple(line))) for line in result.evidence]
    shown, text, trace = map(_encodable, (shown, text, result.traceback))
    return Result(result.exercise, result.outcome, shown, evidence, text, trace, result.seen)


def _encodable(text: str) -> str:
    """The text without lone surrogates, which no file and no browser takes."""
    return text.encode(errors="backslashreplace").decode()


@contextlib.contextmanager
def isolated(spark: "SparkSession") -> Iterator[Case]:
    """A folder, a schema and the session's first settings for one check; the learner's own come back after it.

    Streams that were started meanwhile are stopped.
    """
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=session.scratch()))
    name = f"check_{uuid.uuid4().hex[:8]}"
    settings, schema, views = dict(spark.conf.getAll), spark.catalog.currentDatabase(), _temporary_views(spark)
    streams = frozenset(query.runId for query in spark.streams.active)
    _set(spark, {**session.first_settings(), **FEW_ROWS})
    spark.sql(f"CREATE SCHEMA {name} LOCATION '{folder / name}'")
    spark.catalog.setCurrentDatabase(name)
    case = Case(spark, folder, name, streams)
    try:
        yield case
    finally:
        if session.is_alive(spark):
            for query in case.streams():
                query.stop()
            _restore(spark, name, settings, schema, views)
        shutil.rmtree(folder, ignore_errors=True)


def _temporary_views(spark: "SparkSession") -> "dict[str, DataFrame | None]":
    """What each temporary view stands for; None where a table that it reads is gone."""
    names = [row.viewName for row in spark.sql("SHOW VIEWS").collect() if row.isTemporary and not row.namespace]
    return {name: _resolved(spark, name) for name in names}


def _resolved(spark: "SparkSession", view: str) -> "DataFrame | None":
    try:
        frame = spark.table(view)
        _ = frame.schema  # Connect looks at the view only when it is asked
    except AnalysisException:
        return None
    return frame


def _restore(
    spark: "SparkSession", own: str, settings: dict[str, str], schema: str, views: "dict[str, DataFrame | None]"
) -> None:
    with contextlib.suppress(Exception):  # a learner may have dropped it
        spark.sql(f"DROP SCHEMA IF EXISTS spark_catalog.{own} CASCADE")
    if not spark.catalog.databaseExists(schema):
        spark.sql(f"CREATE SCHEMA {schema}")
    spark.catalog.setCurrentDatabase(schema)
    _set(spark, settings)
    now = _temporary_views(spark)
    for name in now.keys() - views.keys():
        spark.catalog.dropTempView(name)
    for name, before in views.items():
        after = now.get(name)
        # A view that is made anew stands for a view: after a hundred checks Spark could not look through them.
        if before is not None and (after is None or not after.sameSemantics(before)):
            before.createOrReplaceTempView(name)


def _set(spark: "SparkSession", settings: dict[str, str]) -> None:
    """Make the runtime settings just these, touching only the ones that differ and may be changed.

    Spark says of names that it does not know that they are not modifiable, and yet lets anybody change them.
    """
    now = dict(spark.conf.getAll)
    for name in now.keys() - settings.keys():
        with contextlib.suppress(PySparkException):
            spark.conf.unset(name)
    for name, value in settings.items():
        if now.get(name) != value:
            with contextlib.suppress(PySparkException):
                spark.conf.set(name, value)


def strict() -> bool:
    """Whether a check that does not pass raises: for the tests and for CI of other courses."""
    return os.environ.get("WORKBOOK_STRICT") == "1"

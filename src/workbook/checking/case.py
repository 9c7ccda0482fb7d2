"""What a check works with: inputs of a few rows, a place of its own, and comparisons that name the missing idea."""

import contextlib
import io
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from pyspark.sql import Row

from workbook.checking.explain import condition

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

MOST_ROWS = 1_000
ROWS_SHOWN = 5
MOST_SHOWN = 70
RETRACE = "Follow that call through your code: which line makes it so?"

Pattern = Any
"""A literal value or row, or a function of it that says yes or no. In a row `...` is any value, at its end any rest."""
Mistakes = Mapping[Pattern, str]
"""The message for each mistake; `{got}` in it becomes the value or row that shows the mistake."""


@dataclass(frozen=True)
class Evidence:
    """One line of the table under a message: what went in, what came back, what should have."""

    given: str
    yours: str
    expected: str


class Failed(Exception):
    """The answer is wrong. The message says what was seen, what was expected, and which idea is missing."""

    def __init__(self, message: str, evidence: Sequence[Evidence] = (), seen: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.evidence = list(evidence)
        self.seen = list(seen)


@dataclass
class Case:
    """The place where one check runs: a session, a folder and a schema, all removed afterwards.

    `schema` is the current schema while the check runs, so `saveAsTable("t")` writes into it.
    """

    spark: "SparkSession"
    folder: Path
    schema: str
    others: frozenset[str] = frozenset()
    """The runs of streams that were there before."""
    _paths: int = field(default=0)

    def streams(self) -> "list[StreamingQuery]":
        """The streams that were started during the check, and that still run."""
        return [query for query in self.spark.streams.active if query.runId not in self.others]

    def path(self, name: str = "table") -> str:
        """A path of its own, not yet there, inside the check's folder."""
        self._paths += 1
        return str(self.folder / f"{name}-{self._paths}")

    def rows(self, schema: str, *rows: tuple[Any, ...]) -> "DataFrame":
        """A DataFrame of literal rows; `schema` as in `"customer_id string, amount double"`."""
        return self.spark.createDataFrame(list(rows), schema)

    def equal(
        self,
        result: object,
        schema: str,
        *expected: tuple[Any, ...],
        given: "DataFrame | None" = None,
        ordered: bool = False,
        when: Mistakes | None = None,
        missing: Mistakes | None = None,
    ) -> None:
        """Compare a DataFrame with literal rows; columns may stand in any order.

        `when` gives the message for a row that came back and should not have (too often counts);
        `missing` for one that should have, unless one of the same first value came back in its place. The first
        pattern that fits wins; without one, the message names the first difference and a
        question to ask. `given` is the input, shown beside the rows that differ.
        """
        frame = frame_of(result)
        names = self._same_columns(frame, schema)
        rows = [plain(tuple(row)) for row in frame.select(*names).limit(MOST_ROWS + 1).collect()]
        if len(rows) > MOST_ROWS:
            raise Failed(f"More than {MOST_ROWS:,} rows came back and {len(expected)} were expected.", seen=[MOST_ROWS])
        wanted = [plain(row) for row in expected]
        extra, absent = _difference(rows, wanted), _difference(wanted, rows)
        if not extra and not absent:
            if ordered and rows != wanted:
                raise Failed(f"The rows are right, their order is not: {brief(rows[0])} came first.", seen=rows)
            return
        keys = list(dict.fromkeys(row[0] for row in absent + extra))
        evidence = _evidence(keys, rows, wanted, _inputs(given, names[0]))
        came, due = (Counter(repr(row[0]) for row in rows) for rows in (extra, absent))
        gone = [row for row in absent if came[repr(row[0])] < due[repr(row[0])]]
        message = _fitting(when, extra) or _fitting(missing, gone) or _first_difference(names, extra, absent, wanted)
        raise Failed(message, evidence, [value for row in extra + absent for value in row])

    def _same_columns(self, frame: "DataFrame", schema: str) -> list[str]:
        """The expected column names, once `frame` has just these, of the expected types."""
        wanted = dict(self.rows(schema).dtypes)
        yours = dict(frame.dtypes)
        for name, kind in wanted.items():
            if name not in yours:
                raise Failed(
                    f"The column `{name}` is missing: yours has {_names(yours)}, and {_names(wanted)} is asked for.",
                    seen=list(yours),
                )
            if yours[name] != kind:
                raise Failed(
                    f"The column `{name}` is of type {yours[name]}, and {kind} is asked for.", seen=[yours[name]]
                )
        if len(frame.columns) > len(wanted):
            surplus = [name for name in yours if name not in wanted] or ["a column twice"]
            raise Failed(f"Yours has a column too many: {_names(surplus)}.", seen=surplus)
        return list(wanted)

    def plan(self, result: object) -> str:
        """The plan of a DataFrame as `explain()` prints it."""
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            frame_of(result).explain()
        return text.getvalue()

    def value(self, got: object, expected: object, *, call: str, when: Mistakes | None = None) -> None:
        """Compare a plain value with a literal; `call` says how it was obtained, such as `"rows_of(0)"`."""
        if type(got) is type(expected) and plain(got) == plain(expected):
            return
        where, one, other = _first_apart(got, expected)
        yours, wanted = _around(one, other)
        if plain(got) == plain(expected):
            yours, wanted = f"{yours} ({type(one).__name__})", f"{wanted} ({type(other).__name__})"
        message = _fitting(when, [got]) or f"{call} gave {yours}{where}, and {wanted} was expected. {RETRACE}"
        parts = got if isinstance(got, (list, tuple, dict)) else ()
        raise Failed(message, [Evidence(call, short(got), short(expected))], [got, yours, *parts])

    def require(self, condition: bool, message: str, *, seen: object) -> None:
        """Fail with `message` unless `condition` holds; `seen` is the value that the message names."""
        if not condition:
            raise Failed(message, seen=[seen])

    def runs(self, call: Callable[[], Any], says: str | Mapping[str, str], error: str = "") -> Any:
        """What `call` returns. Where it raises, fail with what `says`; `{error}` in it becomes the error's name.

        With `error`, only for an error whose text contains it. A mapping has several such texts, each with what it
        says, of which the first that fits wins. Any other error is explained as usual.
        """
        try:
            return call()
        except Failed:
            raise
        except Exception as raised:
            for text, message in ({error: says} if isinstance(says, str) else says).items():
                if text in str(raised):
                    name = condition(raised)
                    raise Failed(message.replace("{error}", name), seen=[name, text or name]) from raised
            raise

    @contextlib.contextmanager
    def as_on_connect(self) -> Iterator[None]:
        """Refuse the answer what Spark Connect lacks, such as `rdd` and `sparkContext`, also on a classic session."""
        lacking = {
            type(self.spark): ("sparkContext", "_sc", "_jvm", "_jsparkSession"),
            type(self.spark.range(0)): ("rdd", "_jdf"),
        }
        with contextlib.ExitStack() as stack:
            for owner, names in lacking.items():
                for name in names if "connect" not in owner.__module__ else ():
                    refused = _ClassicOnly(name, getattr(owner, name, None))
                    stack.enter_context(mock.patch.object(owner, name, refused, create=True))
            yield


class _ClassicOnly:
    """An attribute that Spark's own code may read, and an answer may not."""

    def __init__(self, name: str, original: Any) -> None:
        self.name, self.original = name, original

    def __get__(self, owner: Any, kind: type) -> Any:
        if not sys._getframe(1).f_globals.get("__name__", "").startswith("pyspark."):
            raise Failed(
                f"Your code used `{self.name}`, which only classic Spark has: with Spark Connect, and so on serverless "
                "compute, Python has no JVM to reach into. Say it with DataFrame functions.",
                seen=[self.name],
            )
        return self.original.__get__(owner, kind) if self.original else vars(owner)[self.name]

    def __set__(self, owner: Any, value: Any) -> None:
        vars(owner)[self.name] = value


def plain(value: Any) -> Any:
    """`value` without rows, lists and dictionaries, so that it can be compared and counted; NaN equals itself."""
    if isinstance(value, (Row, tuple, list)):
        return tuple(plain(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted(((key, plain(item)) for key, item in value.items()), key=repr))
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else float(f"{value:.9g}")
    return value


def brief(value: object) -> str:
    """`value` in at most 70 characters."""
    return _cut(", ".join(map(str, value)) if isinstance(value, tuple) and value else _written(value), 0)


def short(value: object) -> str:
    """`value` as Python writes it, in at most 70 characters; a date or a time as people do."""
    return _cut(_written(value), 0)


def _written(value: object) -> str:
    return str(value) if isinstance(value, date) else repr(value)


def frame_of(result: object) -> "DataFrame":
    """`result`, once it is a Spark DataFrame; otherwise the sentence that says what it is."""
    from pyspark.sql import DataFrame

    if isinstance(result, DataFrame):
        return result
    kind = f"{type(result).__module__.split('.')[0]} {type(result).__name__}"
    sentences = {
        "builtins NoneType": "Your function returned None: end it with `return` and the DataFrame. "
        "Mind that `.show()` and `.save()` return None too.",
        "pandas DataFrame": "Your function returned a pandas DataFrame: return a Spark DataFrame, without "
        "`toPandas()`. pandas holds all rows in the driver's memory.",
        "builtins list": "Your function returned a list: return the DataFrame itself, without `collect()`.",
        "builtins generator": "Your function has a `yield`, so a call gives a generator and runs nothing yet: end it "
        "with `return`.",
    }
    other = f"Your function returned a {kind.removeprefix('builtins ')}: return a Spark DataFrame."
    raise Failed(sentences.get(kind, other), seen=[kind])


def _names(columns: Sequence[str] | Mapping[str, str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def _difference(rows: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The rows that `others` lacks, counting repeats, in their order."""
    left = Counter(map(repr, others))
    surplus = []
    for row in rows:
        if left[repr(row)]:
            left[repr(row)] -= 1
        else:
            surplus.append(row)
    return surplus


def _fitting(mistakes: Mistakes | None, values: Sequence[Any]) -> str | None:
    for pattern, message in (mistakes or {}).items():
        for value in values:
            if _fits(pattern, value):
                return message.replace("{got}", brief(value))
    return None


def _fits(pattern: Pattern, value: Any) -> bool:
    if pattern is ...:
        return True
    if callable(pattern):
        return bool(pattern(value))
    pattern, value = plain(pattern), plain(value)
    if isinstance(pattern, tuple) and isinstance(value, tuple):
        if pattern[-1:] == (...,):
            pattern, value = pattern[:-1], value[: len(pattern) - 1]
        return len(pattern) == len(value) and all(map(_fits, pattern, value))
    return type(pattern) is type(value) and bool(pattern == value)


def _first_difference(names: Sequence[str], extra: list[Any], absent: list[Any], wanted: list[Any]) -> str:
    for row in extra:
        for other in absent:
            if row[0] == other[0]:
                at = next(index for index, pair in enumerate(zip(row, other, strict=True)) if pair[0] != pair[1])
                return (
                    f"Where `{names[0]}` is {brief(row[0])}, `{names[at]}` is {brief(row[at])}, "
                    f"and {brief(other[at])} was expected. {_question(row[at], other[at])}"
                )
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        return (
            f"A row is missing: {brief(absent[0])}{more}. Which step loses it: a join, a filter, a key that others "
            "share, or a comparison with NULL?"
        )
    more = f" and {len(extra) - 1} more" if len(extra) > 1 else ""
    if extra[0] in wanted:
        return (
            f"A row came back too often: {brief(extra[0])}{more}. Does a join fit it more than once, or does a repeat "
            "of the input stay?"
        )
    return f"A row came back that should not: {brief(extra[0])}{more}. Which condition ought to keep it out?"


def _question(got: Any, expected: Any) -> str:
    """What to ask oneself about a value that is not the expected one."""
    if got is None:
        return "Which step has no value for it: a join without a match, or an expression over a NULL?"
    if expected is None:
        return "Where does a value come from, if nothing is known?"
    numbers = (int, float, Decimal)
    if isinstance(got, numbers) and isinstance(expected, numbers) and not isinstance(got, bool):
        more = "Does a row count that should not, or one twice?"
        return more if got > expected else "Which row of the input does not count, and should it?"
    return "Which row of the input does it come from, and which one should it come from?"


def _first_apart(got: Any, expected: Any) -> tuple[str, Any, Any]:
    """Where two values differ first, as in " for 'O1'", and the parts that stand there."""
    if isinstance(got, dict) and isinstance(expected, dict) and got.keys() == expected.keys():
        pairs = [(f" for {short(key)}", got[key], expected[key]) for key in expected]
    elif isinstance(got, (list, tuple)) and type(got) is type(expected) and len(got) == len(expected):
        pairs = [(f" at [{at}]", *pair) for at, pair in enumerate(zip(got, expected, strict=True))]
    else:
        pairs = []
    long = len(_written(got)) > MOST_SHOWN or len(_written(expected)) > MOST_SHOWN
    for where, one, other in pairs if long else ():
        if type(one) is not type(other) or plain(one) != plain(other):
            further, *parts = _first_apart(one, other)
            return where + further, *parts
    return "", got, expected


def _around(got: Any, expected: Any) -> tuple[str, str]:
    """Two values in at most 70 characters each, cut where they are equal and not where they differ."""
    yours, wanted = _written(got), _written(expected)
    if len(yours) <= MOST_SHOWN and len(wanted) <= MOST_SHOWN:
        return yours, wanted
    apart = next((at for at, pair in enumerate(zip(yours, wanted, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, apart - MOST_SHOWN // 2)
    return _cut(yours, start), _cut(wanted, start)


def _cut(text: str, start: int) -> str:
    """At most 70 characters of `text`, from `start` on, with an ellipsis where something is left out."""
    begun = f"…{text[start + 1 :]}" if start else text
    return begun if len(begun) <= MOST_SHOWN else begun[: MOST_SHOWN - 1] + "…"


def _evidence(keys: list[Any], rows: list[Any], wanted: list[Any], inputs: list[Any]) -> list[Evidence]:
    """One line for each key (the first value of a row): its rows in the input, in yours, and as expected."""
    return [
        Evidence(*(_lines([row for row in table if row[0] == key]) for table in (inputs, rows, wanted)))
        for key in keys[:ROWS_SHOWN]
    ]


def _inputs(given: "DataFrame | None", key: str) -> list[Any]:
    """The input's rows with `key` in front, or none when it has no such column."""
    if given is None or key not in given.columns:
        return []
    others = [name for name in given.columns if name != key]
    return [plain(tuple(row)) for row in given.select(key, *others).limit(MOST_ROWS).collect()]


def _lines(rows: Sequence[Any]) -> str:
    return "\n".join(", ".join(map(str, row)) for row in rows[:ROWS_SHOWN])

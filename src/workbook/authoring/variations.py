"""Inputs that a check lacks: its own are varied, and answers that pass are compared with the solution.

An answer that passes and that a variation tells from the solution is not right, or the task says nothing of such an
input. Then the check gets that row, or `outside` in the answers of the stem says why the task has no such input.
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.types import StructType

from workbook.authoring.proofs import Proof
from workbook.checking import engine
from workbook.checking.case import MOST_ROWS, Case, plain, short
from workbook.checking.exercise import Answer
from workbook.spark import session

MOST_CALLS = 2
"""So many calls of a check are varied, those with the longest inputs first."""


@dataclass(frozen=True)
class Table:
    """A DataFrame that a check gave to the answer."""

    schema: StructType
    rows: tuple[tuple[Any, ...], ...]

    def frame(self, spark: SparkSession) -> DataFrame:
        return spark.createDataFrame([tuple(row) for row in self.rows], self.schema).coalesce(1)


Call = dict[str, Any]
"""The arguments of one call by name: tables, and plain values."""


@dataclass(frozen=True)
class Missing:
    """A variation that tells an answer that passes from the solution."""

    variation: str
    answer: str
    gave: str
    solution: str

    def __str__(self) -> str:
        return f"{self.variation}: {self.answer} gives {self.gave}, the solution {self.solution}"


def missing_inputs(proof: Proof) -> list[Missing]:
    """One line for each kind of variation and answer that passes, where the two differ from the solution."""
    solution = proof.built(proof.authored.solution)
    others = {name: answer for name, answer in proof.right.items() if proof.result(name).outcome == "passed"}
    others |= {mutant.name: proof.built(mutant.source) for mutant in proof.mutants if proof.lives(mutant)}
    calls = sorted(_calls(proof, solution), key=_size, reverse=True)[:MOST_CALLS]
    found: dict[tuple[str, str], Missing] = {}
    with engine.isolated(session.get_spark()) as case:
        for name, varied in (one for call in calls for one in variations(call) if one[0] not in proof.outside):
            alike = {other: answer for other, answer in others.items() if (name, other) not in found}
            wanted = _given(solution, varied, case) if alike else None
            for other, answer in alike.items():
                got = _given(answer, varied, case)
                if got != wanted:
                    found[name, other] = Missing(name, other, _apart(got, wanted), _apart(wanted, got))
    return list(found.values())


def _calls(proof: Proof, solution: Answer) -> list[Call]:
    """The calls that the check makes, as far as their arguments are tables and plain values."""
    calls: list[Call] = []
    signature = inspect.signature(solution)

    def recorded(*arguments: Any, **named: Any) -> Any:
        bound = signature.bind(*arguments, **named).arguments
        calls.append({name: _kept(value) for name, value in bound.items()})
        return solution(*arguments, **named)

    engine.run(proof.exercise, recorded)
    return [call for call in calls if all(_is_plain(value) for value in call.values())]


def _kept(value: Any) -> Any:
    if not isinstance(value, DataFrame) or value.isStreaming:
        return value
    return Table(value.schema, tuple(tuple(row) for row in value.limit(MOST_ROWS).collect()))


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, (Table, str, int, float, bool, date, Decimal))


def _size(call: Call) -> int:
    return sum(len(value.rows) if isinstance(value, Table) else 1 for value in call.values())


def variations(call: Call) -> Iterator[tuple[str, Call]]:
    """Calls that differ in one place, each with its kind, such as "NULL in orders.amount".

    A key stays one: the first column, and every column of ids, where the check has neither repeats nor NULL in it.
    """
    for argument, value in call.items():
        varied = _tables(argument, value) if isinstance(value, Table) else _values(argument, value)
        for name, after in varied:
            yield name, {**call, argument: after}


def _tables(name: str, table: Table) -> Iterator[tuple[str, Table]]:
    rows = table.rows
    yield f"{name} empty", Table(table.schema, ())
    yield f"{name} in reverse", Table(table.schema, rows[::-1])
    keys = _keys(table)
    for at in _some(rows):
        yield f"a row of {name} left out", Table(table.schema, rows[:at] + rows[at + 1 :])
        if not keys:
            yield f"a row of {name} twice", Table(table.schema, (*rows, rows[at]))
    for column, field in enumerate(table.schema.fields):
        for at in _some(rows) if column not in keys else ():
            before = rows[at][column]
            others = [row[column] for row in rows if row[column] is not None and row[column] != before]
            changes = [("NULL in", None)] if field.nullable and before is not None else []
            changes += [("another row's value in", others[(at + column) % len(others)])] if others else []
            changes += _beside(before)
            for kind, after in changes:
                row = (*rows[at][:column], after, *rows[at][column + 1 :])
                yield f"{kind} {name}.{field.name}", Table(table.schema, (*rows[:at], row, *rows[at + 1 :]))


def _keys(table: Table) -> set[int]:
    """The places of the columns that are keys."""
    names = [field.name for field in table.schema.fields]
    candidates = [at for at, name in enumerate(names) if at == 0 or name.endswith("id")]
    return {at for at in candidates if len({row[at] for row in table.rows} - {None}) == len(table.rows)}


def _beside(value: Any) -> list[tuple[str, Any]]:
    """Values of the same type that lie next to this one, or at an edge."""
    if isinstance(value, bool):
        return [("the opposite in", not value)]
    if isinstance(value, date):
        return [("a day later in", value + timedelta(days=1))]
    if isinstance(value, (int, float, Decimal)):
        return [("zero in", type(value)(0)), ("the negative in", -value)] if value else []
    return [("an empty text in", "")] if isinstance(value, str) and value else []


def _values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A plain argument changed: an item of a list or a dictionary, or the value itself."""
    if isinstance(value, (list, tuple)):
        kind = type(value)
        yield f"{name} empty", kind()
        yield f"{name} in reverse", value[::-1]
        for at in _some(value):
            yield f"an item of {name} twice", kind([*value, value[at]])
            for inner, after in _values(f"{name}[…]", value[at]):
                yield inner, kind([*value[:at], after, *value[at + 1 :]])
    elif isinstance(value, dict):
        for key in value:
            yield f"{name} without a key", {other: kept for other, kept in value.items() if other != key}
            for inner, after in _values(f"{name}[…]", value[key]):
                yield inner, {**value, key: after}
    elif not isinstance(value, str) or not value.startswith("/"):
        for kind_of_change, after in _beside(value):
            yield f"{kind_of_change} {name}", after


def _some(rows: Sequence[Any]) -> list[int]:
    """The first place and the last."""
    return sorted({0, len(rows) - 1}) if rows else []


def _apart(one: Any, other: Any) -> str:
    """What is in one and not in the other: of tables the rows."""
    if isinstance(one, list) and isinstance(other, list):
        return short([row for row in one if row not in other] or "fewer rows")
    return short(one)


def _given(answer: Answer, call: Call, case: Case) -> Any:
    """What an answer gives for a call, in a form that can be compared; "an error" whatever it raises."""
    arguments = {name: value.frame(case.spark) if isinstance(value, Table) else value for name, value in call.items()}
    try:
        return _comparable(answer(*arguments.values()))
    except Exception:
        return "an error"


def _comparable(result: Any) -> Any:
    """The rows of a DataFrame in an order of their own, by the names of its columns; anything else as it is."""
    if isinstance(result, tuple) and not isinstance(result, Row):
        return tuple(map(_comparable, result))
    if not isinstance(result, DataFrame):
        return plain(result)
    names = sorted(result.columns)
    return sorted((plain(tuple(row)) for row in result.select(*names).limit(MOST_ROWS).collect()), key=repr)

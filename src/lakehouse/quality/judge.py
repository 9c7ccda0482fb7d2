"""Judging a table by any number of rules in one pass, and what becomes of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from lakehouse.quality.rules import KEPT_OUT, Rule, broken, reasons

ROWS = "_rows"


@dataclass(frozen=True)
class Judged:
    """A table that was judged: `rows` has every row of it, with `_errors` and `_warnings` (names of rules).

    Nothing is computed yet, and each action over `rows` reads the table once more. So write `rows` once, and take
    `clean` and `quarantined` from what was written: `Judged(written, judged.rules)`.
    """

    rows: DataFrame
    rules: tuple[Rule, ...]

    @property
    def clean(self) -> DataFrame:
        """The rows that no rule keeps out. Columns: those of the table, and `_warnings`."""
        return self.rows.where(F.size("_errors") == 0).drop("_errors")

    @property
    def quarantined(self) -> DataFrame:
        """The rows that a rule keeps out. Columns: those of the table, and `reasons`, one for each such rule."""
        kept_out = self.rows.where(F.size("_errors") > 0)
        return kept_out.withColumn("reasons", reasons(F.col("_errors"), self.rules)).drop("_errors", "_warnings")

    @property
    def counts(self) -> DataFrame:
        """How often each rule is broken, by one aggregation. Columns: rule, severity, owner, rows, broken, share.

        `share` is 0 to 1, and NULL where there are no rows: nothing was judged then, which is not the same as nothing
        wrong. Rules of uniqueness are left out. Grain: a rule; key: rule.
        """
        counted = self.rows.agg(*_counted(self.rules))
        each = F.array(
            *(
                F.struct(
                    F.lit(rule.name).alias("rule"),
                    F.lit(rule.severity).alias("severity"),
                    F.lit(rule.owner).alias("owner"),
                    F.col(ROWS).alias("rows"),
                    F.col(f"`{rule.name}`").alias("broken"),
                    F.try_divide(F.col(f"`{rule.name}`"), F.col(ROWS)).alias("share"),
                )
                for rule in _of_rows(self.rules)
            )
        )
        return counted.select(F.inline(each))

    def observed(self, observation: Observation) -> "Judged":
        """The same, counted by the way: `shares` reads the observation after the first action over all of `rows`.

        An action that ends early, such as one behind `limit`, counts fewer rows.
        """
        return Judged(self.rows.observe(observation, *_counted(self.rules)), self.rules)


def judge(frame: DataFrame, rules: Sequence[Rule]) -> Judged:
    """Judge every row of a table by all rules at once.

    `_errors` has the rules of severity drop and fail that the row breaks, `_warnings` those of severity warn. Rules of
    uniqueness are left out: `quality.repeated` judges them.
    """
    judged = {"_errors": broken(rules, *KEPT_OUT), "_warnings": broken(rules, "warn")}
    return Judged(frame.withColumns(judged), tuple(rules))


def shares(found: Mapping[str, Any]) -> dict[str, float | None]:
    """What an observation of `Judged.observed` found: the share of the rows that break each rule, None of no rows."""
    rows = found[ROWS]
    return {name: number / rows if rows else None for name, number in found.items() if name != ROWS}


def _of_rows(rules: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.kind != "uniqueness"]


def _counted(rules: Sequence[Rule]) -> list[Column]:
    """The number of rows, and of those that break each rule, as aggregates named after it."""
    names = F.concat("_errors", "_warnings")
    each = [F.count_if(F.array_contains(names, rule.name)).alias(rule.name) for rule in _of_rows(rules)]
    return [F.count(F.lit(1)).alias(ROWS), *each]

"""Rules about rows, declared once: what must hold, how bad it is if it does not, and who is asked then."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from pyspark.sql import Column
from pyspark.sql import functions as F

Kind = Literal["null", "format", "range", "set", "uniqueness", "reference", "business"]
Severity = Literal["error", "warning"]
REASON = "STRUCT<rule: STRING, kind: STRING, column: STRING, severity: STRING, owner: STRING, meaning: STRING>"


@dataclass(frozen=True)
class Rule:
    """Something that must hold of each row. `condition` is SQL over the columns that the rule set says it judges.

    A row keeps the rule only where the condition is TRUE: NULL, which SQL's CHECK lets pass, breaks it. With
    `nullable`, a NULL in `column` is left to another rule. A row that breaks an `error` is quarantined; a `warning` is
    noted in the row. The rule set passes while no more than `tolerance` of the rows break the rule.
    """

    name: str
    kind: Kind
    column: str
    condition: str
    severity: Severity
    owner: str
    meaning: str
    nullable: bool = False
    tolerance: float = 0.01

    @property
    def broken(self) -> Column:
        """TRUE or FALSE, never NULL: whether a row breaks the rule."""
        holds = F.coalesce(F.expr(self.condition), F.lit(False))
        return ~(holds | F.col(self.column).isNull()) if self.nullable else ~holds


def broken(rules: Sequence[Rule], severity: Severity) -> Column:
    """The names of the rules of that severity that a row breaks, in their order: ARRAY<STRING>, never NULL.

    Rules of uniqueness are left out: no row alone can show whether it keeps them.
    """
    judged = [rule for rule in rules if rule.severity == severity and rule.kind != "uniqueness"]
    names = [F.when(rule.broken, F.lit(rule.name)) for rule in judged]
    nobody = F.array(F.lit(None).cast("STRING"))
    return F.array_except(F.array(*names) if names else nobody, nobody)


def reasons(names: Column, rules: Sequence[Rule]) -> Column:
    """The broken rules as ARRAY<STRUCT<rule, kind, column, severity, owner, meaning>>, from their names."""
    parts = ("rule", "kind", "column", "severity", "owner", "meaning")
    known = [
        (rule.name, rule.kind, rule.column, rule.severity, rule.owner, rule.meaning)
        for rule in rules
        if rule.severity == "error"
    ]
    pairs = [
        part
        for values in known
        for part in (F.lit(values[0]), F.struct(*(F.lit(v).alias(n) for n, v in zip(parts, values, strict=True))))
    ]
    return F.transform(names, lambda name: F.create_map(*pairs)[name])


def fingerprint(rules: Sequence[Rule]) -> str:
    """A text that differs as soon as a rule does."""
    return hashlib.sha256(repr([astuple(rule) for rule in rules]).encode()).hexdigest()[:16]

"""Rules about rows, declared once: what must hold, how bad it is if it does not, who is asked, and since when."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date
from typing import Literal, get_args

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lakehouse.errors import PlatformError

Kind = Literal["null", "format", "range", "set", "uniqueness", "reference", "business"]
Severity = Literal["warn", "drop", "fail"]
KEPT_OUT: tuple[Severity, ...] = ("drop", "fail")
REASON = "STRUCT<rule: STRING, kind: STRING, column: STRING, severity: STRING, owner: STRING, meaning: STRING>"
COLUMNS = (
    "name STRING, kind STRING, column STRING, condition STRING, severity STRING, owner STRING, meaning STRING, "
    "nullable BOOLEAN, tolerance DOUBLE, since DATE"
)
# The first day of the shop's records.
BEGINNING = date(2025, 1, 1)


@dataclass(frozen=True)
class Rule:
    """Something that must hold of each row. `condition` is SQL over the columns that the rule set says it judges.

    A row keeps the rule only where the condition is TRUE: NULL, which SQL's CHECK lets pass, breaks it. With
    `nullable`, a NULL in `column` is left to another rule. A row that breaks a `warn` is noted and kept; one that
    breaks a `drop` is quarantined; one that breaks a `fail` is quarantined too, and nothing is published. The rule set
    passes while no more than `tolerance` (0 to 1) of the rows break the rule. `since` is the day on which the owner
    began to demand it.
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
    since: date = BEGINNING

    @property
    def broken(self) -> Column:
        """TRUE or FALSE, never NULL: whether a row breaks the rule."""
        holds = F.coalesce(F.expr(self.condition), F.lit(False))
        return ~(holds | F.col(self.column).isNull()) if self.nullable else ~holds


def broken(rules: Sequence[Rule], *severities: Severity) -> Column:
    """The names of the rules of these severities that a row breaks, in their order: ARRAY<STRING>, never NULL.

    Rules of uniqueness are left out: no row alone can show whether it keeps them.
    """
    judged = [rule for rule in rules if rule.severity in severities and rule.kind != "uniqueness"]
    names = [F.when(rule.broken, F.lit(rule.name)) for rule in judged]
    nobody = F.array(F.lit(None).cast("STRING"))
    return F.array_except(F.array(*names) if names else nobody, nobody)


def reasons(names: Column, rules: Sequence[Rule]) -> Column:
    """The broken rules as ARRAY<STRUCT<rule, kind, column, severity, owner, meaning>>, from their names."""
    parts = ("rule", "kind", "column", "severity", "owner", "meaning")
    known = [(rule.name, rule.kind, rule.column, rule.severity, rule.owner, rule.meaning) for rule in rules]
    pairs = [
        part
        for values in known
        for part in (F.lit(values[0]), F.struct(*(F.lit(v).alias(n) for n, v in zip(parts, values, strict=True))))
    ]
    return F.transform(names, lambda name: F.create_map(*pairs)[name])


def fingerprint(rules: Sequence[Rule]) -> str:
    """A text that differs as soon as a rule does."""
    return hashlib.sha256(repr([astuple(rule) for rule in rules]).encode()).hexdigest()[:16]


def as_frame(spark: SparkSession, rules: Sequence[Rule]) -> DataFrame:
    """The rules as a table that `rules_from` reads. Columns: those of a Rule. Grain: a rule; key: name."""
    given = [astuple(replace(rule, tolerance=float(rule.tolerance))) for rule in rules]
    return spark.createDataFrame(given, COLUMNS)


def rules_from(frame: DataFrame) -> list[Rule]:
    """The rules of a table, in the order of their names. It has the columns of a Rule, others are passed over.

    Raises PlatformError that names the rule and the column of the first row that can be no rule.
    """
    names = [field.name for field in fields(Rule)]
    if lacking := [name for name in names if name not in frame.columns]:
        raise PlatformError(f"The table of rules lacks the column {lacking[0]}: it needs {', '.join(names)}.")
    # Rules are written by people, so they are few.
    rules = [_rule(frame.sparkSession, row) for row in frame.select(*names).orderBy("name").collect()]
    if twice := [name for name, number in Counter(rule.name for rule in rules).items() if number > 1]:
        raise PlatformError(f"The rule {twice[0]} stands in the table of rules more than once: remove all but one.")
    return rules


def _rule(spark: SparkSession, row: Row) -> Rule:
    """A row of the table of rules. Raises PlatformError for one that can be no rule."""
    name = row["name"]
    if name is None or not name.strip():
        raise PlatformError(f"A rule in the table of rules has no name: name the one with {row['condition']!r}.")

    def refuse(column: str, wanted: str) -> PlatformError:
        return PlatformError(f"The rule {name} has {column} {row[column]!r} in the table of rules: {wanted}.")

    for column, known in (("kind", get_args(Kind)), ("severity", get_args(Severity))):
        if row[column] not in known:
            raise refuse(column, f"choose from {', '.join(known)}")
    for column in ("column", "condition", "owner", "meaning"):
        if row[column] is None or not row[column].strip():
            raise refuse(column, "every rule has one")
    if row["nullable"] is None:
        raise refuse("nullable", "say true or false")
    if row["tolerance"] is None or math.isnan(row["tolerance"]) or not 0 <= row["tolerance"] <= 1:
        raise refuse("tolerance", "it is a share, from 0 to 1")
    if row["since"] is None:
        raise refuse("since", "it is the day from which the rule is demanded")
    try:
        # Only when it is analysed is the text parsed; here it has none of the columns that it judges.
        _ = spark.range(0).select(F.expr(row["condition"])).schema
    except ParseException:
        raise refuse("condition", "that is no condition in SQL") from None
    except AnalysisException:
        pass
    return Rule(**row.asDict())

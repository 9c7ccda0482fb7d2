"""What a check found: one of four outcomes, and what the learner is told of it."""

from dataclasses import dataclass, field
from typing import Literal

from workbook.checking.case import Evidence
from workbook.checking.exercise import Exercise

Outcome = Literal["passed", "failed", "not_attempted", "error"]


@dataclass(frozen=True)
class Result:
    """What a check found. `message` is for the learner; `seen` are the observed values that it may name."""

    exercise: Exercise
    outcome: Outcome
    message: str
    evidence: list[Evidence] = field(default_factory=list)
    printed: str = ""
    traceback: str = ""
    seen: list[object] = field(default_factory=list)

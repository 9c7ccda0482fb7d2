"""What was proven before: slow proofs of a chapter run again when something that decides over them has changed.

Slow are the proofs of its exercises (solution, blank, wrong and right answers, mutants) and of its questions, its
exercises and solutions run as notebooks, its lesson, as it is, where nbval compares what each cell prints with what is
on the page, and on Spark Connect, and what axe says of its pages. They take some minutes a chapter. A test of these
carries the mark `slow_proof`. What "changed" means is written down in `proven.json`: by stem, a fingerprint of all that
decides. It is compared with the files as they are, so the answer is the same in a working tree, in CI and in a fresh
clone without history. A run in which all slow proofs of a stem held writes the stem's fingerprint; until that is
committed, they run every time. `make test-full` runs those of all stems.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from workbook.authored import authored
from workbook.authoring import generate, proofs
from workbook.course import Course
from workbook.questions import bank

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "proven.json"
FULL = os.environ.get("WORKBOOK_FULL") == "1"
NOTEBOOKS = 3  # the exercises, the solutions, and the lesson on Spark Connect
WIDTHS = (1280, 360)  # at which axe looks at the pages
DECIDES = {".py", ".css", ".js", ".html"}  # of all that the package has, and that the pages look like


def fingerprint(course: Course, stem: str) -> str:
    """What decides over the slow proofs of a stem, as one short text: its files, the package, the looks."""
    own = [course.chapter_source(stem), course.solution_source(stem), course.checks(stem), course.answers(stem)]
    own += [path for path in (course.questions(stem), course.chapter(stem)) if path.is_file()]
    kit = (path for folder in ("src", "book/_static", "book/_templates") for path in (ROOT / folder).rglob("*"))
    shared = [*sorted(path for path in kit if path.suffix in DECIDES)]
    shared += [ROOT / name for name in ("_config.yml", "tests/servers.py", "requirements.lock")]
    content = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in [*own, *shared])
    return hashlib.sha256(content).hexdigest()[:16]


def changed(course: Course) -> list[str]:
    """The stems whose slow proofs must run."""
    record = _record()
    return [stem for stem in course.stems if FULL or record.get(stem) != fingerprint(course, stem)]


def slow_proofs(course: Course, stem: str) -> int:
    """How many slow proofs a stem has."""
    asked = [question for question in bank.every(course) if question.stem == stem and question.provable]
    exercises = len(authored(course, stem)) * (len(proofs.RULES) + 1)
    return exercises + len(asked) + NOTEBOOKS + _cells(course, stem) + len(WIDTHS)


def _cells(course: Course, stem: str) -> int:
    """The cells of a lesson that nbval runs."""
    path = course.chapter(stem)
    return sum(cell.cell_type == "code" for cell in generate.read(path).cells) if path.is_file() else 0


def whole(course: Course, reports: Iterable[pytest.TestReport]) -> list[str]:
    """The stems of which every slow proof held in this run."""
    held = Counter(
        dict(report.user_properties).get("slow_proof") for report in reports if report.when == "call" and report.passed
    )
    return [stem for stem in course.stems if held[stem] == slow_proofs(course, stem)]


def write(course: Course, stems: Iterable[str]) -> None:
    """Write down that the slow proofs of these stems held, with the files as they are."""
    record = {**_record(), **{stem: fingerprint(course, stem) for stem in stems}}
    RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _record() -> dict[str, str]:
    return dict(json.loads(RECORD.read_text(encoding="utf-8"))) if RECORD.is_file() else {}

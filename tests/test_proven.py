"""Slow proofs run again where something that decides over them has changed, and only whole chapters count as proven."""

import shutil
from pathlib import Path

import pytest

import proven
from conftest import FIXTURE_COURSE
from workbook.course import Course

COURSE = Course(FIXTURE_COURSE)


def test_the_fingerprint_of_a_stem_changes_with_each_file_that_decides(tmp_path: Path) -> None:
    copy = Course(Path(shutil.copytree(COURSE.root, tmp_path / "course")))
    before = proven.fingerprint(copy, "01_good")
    assert before == proven.fingerprint(COURSE, "01_good"), "where the course lies does not matter"
    for file in (copy.chapter_source, copy.solution_source, copy.checks, copy.answers):
        path = file("01_good")
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        assert proven.fingerprint(copy, "01_good") != before
        path.write_bytes(content)
    assert proven.fingerprint(copy, "01_good") == before


def report(outcome: str, stem: str = "01_good") -> pytest.TestReport:
    properties = [("slow_proof", stem)]
    return pytest.TestReport("id", ("", 0, ""), {}, outcome, None, "call", user_properties=properties)  # type: ignore[arg-type]


def test_a_stem_is_proven_once_each_of_its_slow_proofs_held() -> None:
    # Two exercises with six rules each and their mutants, three notebooks, the pages at two widths; no questions.
    needed = 2 * (6 + 1) + 3 + 2
    assert proven.whole(COURSE, [report("passed")] * needed) == ["01_good"]
    assert proven.whole(COURSE, [report("passed")] * (needed - 1)) == [], "a part of them was not run"
    assert proven.whole(COURSE, [report("passed")] * (needed - 1) + [report("failed")]) == []

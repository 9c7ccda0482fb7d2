"""For tests that play a learner: a small course, and a folder to work in."""

import shutil
from pathlib import Path

import pytest

from workbook.authoring import generate
from workbook.commands import copies
from workbook.course import Course

FIXTURE_COURSE = Path(__file__).parent / "fixtures" / "course"


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A copy of the fixture course with its good chapter only, as a learner has it who works in `work/`."""
    root = Path(shutil.copytree(FIXTURE_COURSE, tmp_path / "course"))
    contents = (root / "_toc.yml").read_text(encoding="utf-8").splitlines()
    (root / "_toc.yml").write_text("\n".join(line for line in contents if "/0" not in line or "/01" in line))
    made = Course(root)
    generate.write(generate.exercises_notebook(made, "01_good"), made.exercises("01_good"))
    copies.fill(made)
    monkeypatch.setenv("WORKBOOK_ROOT", str(root))
    monkeypatch.chdir(root / "work")
    return made

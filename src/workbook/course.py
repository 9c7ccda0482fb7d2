"""Where the course is on disk, and what belongs to it.

Every other module asks here for a path, so the layout of the repository is written down once.
"""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from workbook.errors import CourseError

OBJECTIVE = re.compile(r"^\* \*\*(\d+\.\d+)\*\* (.+?)(?=^\*|^\s*$|\Z)", re.MULTILINE | re.DOTALL)


def find_root() -> Path:
    """The folder of the course: `WORKBOOK_ROOT`, or the nearest folder upwards that holds `_toc.yml`.

    Raises CourseError where there is none.
    """
    if root := os.environ.get("WORKBOOK_ROOT"):
        if not Path(root, "_toc.yml").is_file():
            raise CourseError(f"WORKBOOK_ROOT is {root}, which holds no _toc.yml: set it to the course, or unset it.")
        return Path(root)
    here = Path.cwd()
    package = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, package):
        if (folder / "_toc.yml").is_file():
            return folder
    raise CourseError(f"{here} is not inside the course: change to the folder that holds _toc.yml.")


@dataclass(frozen=True)
class Course:
    """The files of one course, by stem. `root` holds `_toc.yml`."""

    root: Path

    @classmethod
    def here(cls) -> "Course":
        """The course around the current folder."""
        return cls(find_root())

    @cached_property
    def stems(self) -> list[str]:
        """The stems in the order of `_toc.yml`, such as `01_environment_setup`."""
        toc = (self.root / "_toc.yml").read_text(encoding="utf-8")
        chapters = [
            entry["file"]
            for part in yaml.safe_load(toc).get("parts", [])
            for entry in part.get("chapters", [])
            if "file" in entry
        ]
        return [Path(file).stem for file in chapters if file.startswith("chapters/")]

    def stem(self, name: str) -> str:
        """The stem that `name` means: `03`, `3` or the whole stem. Raises CourseError for another."""
        for stem in self.stems:
            if name in (stem, stem[:2], stem[:2].lstrip("0")):
                return stem
        known = ", ".join(stem[:2] for stem in self.stems)
        raise CourseError(f"There is no chapter {name!r}: the chapters are {known}.")

    def chapter_source(self, stem: str) -> Path:
        return self.root / "chapters" / f"{stem}.md"

    def chapter(self, stem: str) -> Path:
        return self.root / "chapters" / f"{stem}.ipynb"

    def solution_source(self, stem: str) -> Path:
        return self.root / "solutions" / f"{stem}.py"

    def solution(self, stem: str) -> Path:
        return self.root / "solutions" / f"{stem}.ipynb"

    def exercises(self, stem: str) -> Path:
        return self.root / "exercises" / f"{stem}.ipynb"

    def checks(self, stem: str) -> Path:
        return self.root / "exercises" / "checks" / f"{stem}.py"

    def answers(self, stem: str) -> Path:
        return self.root / "tests" / "answers" / f"{stem}.py"

    def questions(self, stem: str) -> Path:
        return self.root / "book" / "questions" / f"{stem}.yml"

    def work(self, stem: str) -> Path:
        return self.root / "work" / f"{stem}.ipynb"

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    @property
    def progress(self) -> Path:
        return self.root / "work" / "progress.sqlite"

    def title(self, stem: str) -> str:
        """The chapter's title: the first heading of its source."""
        for line in self.chapter_source(stem).read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                return line[2:].strip()
        raise CourseError(f"{self.chapter_source(stem)} has no title: begin it with a line '# …'.")

    def objectives(self, stem: str) -> dict[str, str]:
        """The chapter's objectives by number, read from its lines `* **1.2** …`."""
        text = self.chapter_source(stem).read_text(encoding="utf-8")
        return {number: " ".join(words.split()) for number, words in OBJECTIVE.findall(text)}

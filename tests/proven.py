"""What was proven before: a slow proof runs again when something that decides over it has changed.

Slow are the proofs of exercises (solution, blank, wrong and right answers, mutants), of questions, the notebooks of
exercises and solutions run to their end, the lessons, as they are, where nbval compares what each cell prints with what
is on the page, and on Spark Connect, and what axe says of their pages. They take some minutes a chapter. The tests of
the platform take ten. Each carries the mark `slow_proof` with its kind, and its name says which stem, or which
exercise, it is about; those of the platform belong to their file.

What "changed" means is written down in `proven.json`: by kind and stem, exercise or file, a fingerprint of all that
decides (`Proofs.decides`). It is compared with the files as they are, so the answer is the same in a working tree,
in CI and in a fresh clone without history. A fingerprint is taken before anything runs. It is written when all proofs
of its key held and the files are still the same at the end. `make test-full` runs all proofs.
"""

import ast
import contextlib
import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from closure import PACKAGES, closure, forget, modules
from workbook.authored import Authored, authored, first_line, read_source, subjects
from workbook.course import Course

KINDS = {
    # kind: the files whose tests prove it
    "exercises": ("tests/test_exercises.py",),
    "notebooks": ("tests/test_notebooks.py",),
    "questions": ("tests/test_questions.py",),
    "lesson": ("tests/test_notebooks.py", "chapters/{stem}.ipynb"),
    "pages": ("tests/test_book.py",),
    "platform": ("tests/{stem}.py",),
}
# The files of the platform's tests, and what they read besides.
PLATFORM = {
    "test_api": ("README.md", "book/platform_api.md"),
    "test_ingestion": (),
    "test_ml": (),
    "test_platform": ("book/platform.md",),
    "test_platform_anywhere": (),
    "test_platform_faults": (),
    "test_servers": (),
    "test_sources": (),
}
HARNESS = ("tests/conftest.py", "tests/proven.py", "tests/closure.py")
# How a page looks, and what is around its text.
LOOKS = ("book/_static", "book/_templates", "book/images", "_config.yml", "_toc.yml")
# Where the repository keeps texts that a proof could read.
TEXTS = (
    *("README.md", "_config.yml", "_toc.yml", "pyproject.toml"),
    *("book", "chapters", "exercises", "solutions", "tests"),
)
SITE = "import workbook.site.build, workbook.site.directives"


def is_full() -> bool:
    """Whether all proofs are to be run: that is what `make test-full` does."""
    return os.environ.get("WORKBOOK_FULL") == "1"


class Proofs:
    """The proofs of one course: which there are by key, such as `questions/02_data_ingestion`, and what decides."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self._imported: dict[str, set[Path]] = {}

    @cached_property
    def names(self) -> dict[str, tuple[str, str]]:
        """Stem and exercise by the words that tests are named after: the stem itself, or one of its exercises."""
        stems = {stem: (stem, "") for stem in self.course.stems}
        return stems | {item.name: (stem, item.name) for stem, items in self.exercises.items() for item in items}

    @cached_property
    def exercises(self) -> dict[str, list[Authored]]:
        """The exercises of each stem."""
        there = [stem for stem in self.course.stems if self.course.solution_source(stem).is_file()]
        return {stem: authored(self.course, stem) for stem in there}

    def about(self, nodeid: str) -> tuple[str, str]:
        """Stem and exercise that a test is about, by its file or its parameters; empty where it names none."""
        return next((self.names[word] for word in re.split(r"[][/.-]", nodeid) if word in self.names), ("", ""))

    def key(self, kind: str, nodeid: str) -> str:
        """The key of a slow proof. Raises pytest.UsageError for one that is of no kind, or about no stem."""
        stem, exercise = self.about(nodeid)
        if kind == "platform":
            stem = next((name for name in PLATFORM if nodeid.startswith(f"tests/{name}.py")), "")
        if kind not in KINDS or not stem or (kind == "exercises" and not exercise):
            raise pytest.UsageError(
                f"{nodeid}: a slow proof has one of the kinds {', '.join(KINDS)}, and its name says which stem it is "
                "about, or which exercise where that is its kind; otherwise nobody knows when it must run."
            )
        return f"exercises/{stem}/{exercise}" if kind == "exercises" else f"{kind}/{stem}"

    @cached_property
    def keys(self) -> list[str]:
        """Every key that the course may have proofs of."""
        of_stems = [kind for kind in KINDS if kind not in ("exercises", "platform")]
        found = [f"{kind}/{stem}" for stem in self.course.stems for kind in of_stems]
        found += [f"exercises/{stem}/{name}" for stem, name in self.names.values() if name]
        return found + [f"platform/{name}" for name in PLATFORM]

    def fingerprints(self) -> dict[str, str]:
        """What decides over the proofs of each key, as one short text."""
        return {key: self.fingerprint(key) for key in self.keys}

    def fingerprint(self, key: str) -> str:
        """What decides over the proofs of a key, as one short text."""
        parts = sorted(f"{name}\n{digest}" for name, digest in self.decides(key).items())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def decides(self, key: str) -> dict[str, str]:
        """All that decides over the proofs of a key, by its name, with a digest of its content.

        That is: its texts, all code of the repository that these and the tests of the kind import, and the lock.
        """
        found = {name: _hashed(text.encode()) for name, text in self._texts(key).items()}
        for path in [*self.imported(key), *self._files(key)]:
            found[str(path.relative_to(self.course.root))] = _content(path, path.stat().st_mtime_ns)
        return found

    def imported(self, key: str) -> set[Path]:
        """The files of the repository that the proofs of a key import, from the texts of the key and its tests."""
        if key not in self._imported:
            self._imported[key] = self._closure(key)
        return self._imported[key]

    def _closure(self, key: str) -> set[Path]:
        codes = [code for name, text in self._read(key).items() for code in _codes(name, text)]
        kind, stem, *_ = key.split("/")
        codes += self._imports.get(stem, []) if kind == "exercises" else [SITE] if kind == "pages" else []
        codes += [path.read_text(encoding="utf-8") for path in self._tests(key)]
        return closure(self.course.root, codes)

    def _tests(self, key: str) -> list[Path]:
        """The code that proves: of the kind, and what all tests share."""
        kind, stem, *_ = key.split("/")
        names = [*HARNESS, *(name.format(stem=stem) for name in KINDS[kind] if name.endswith(".py"))]
        return [path for name in names if (path := self.course.root / name).is_file()]

    def _files(self, key: str) -> list[Path]:
        """What is not imported: the tests themselves, the lock, the looks of a page, what the platform's tests read."""
        kind, stem, *_ = key.split("/")
        names = ["requirements.lock", *(LOOKS if kind == "pages" else PLATFORM.get(stem, ()))]
        paths = [*self._tests(key), *(self.course.root / name for name in names)]
        inner = (inner for path in paths for inner in (path.rglob("*") if path.is_dir() else [path]))
        return [path for path in inner if path.is_file()]

    def _texts(self, key: str) -> dict[str, str]:
        """What the proofs of a key are about, by its name: of an exercise its own part of the files of its stem."""
        kind, stem, *exercise = key.split("/")
        found = self._read(key)
        if exercise:
            own = next(item for item in self.exercises[stem] if item.name == exercise[0])
            others = frozenset(item.name for item in self.exercises[stem]) - {own.name}
            found = {name: without(text, others) for name, text in found.items()}
            found |= {"solution": own.solution, "blank": own.blank, "imports": "\n".join(self._imports[stem])}
        if kind in ("exercises", "questions") and self.course.chapter_source(stem).is_file():
            found["objectives"] = repr(self.course.objectives(stem))
        return found

    def _read(self, key: str) -> dict[str, str]:
        """The files that the proofs of a key are about, by their names."""
        kind, stem, *_ = key.split("/")
        course = self.course
        paths = {
            "exercises": [course.checks(stem), course.answers(stem)],
            "notebooks": [
                *(course.exercises(stem), course.solution(stem)),
                *(course.solution_source(stem), course.checks(stem)),
            ],
            "questions": [course.questions(stem)],
            "lesson": [course.chapter(stem), course.questions(stem)],
            "pages": [course.chapter(stem), course.solution(stem)],
            "platform": [],
        }[kind]
        return {
            str(path.relative_to(course.root)): path.read_text(encoding="utf-8") for path in paths if path.is_file()
        }

    @cached_property
    def _imports(self) -> dict[str, list[str]]:
        """The cells of the exercises of each stem that import something."""
        sources = {stem: read_source(self.course.solution_source(stem)).cells for stem in self.exercises}
        return {
            stem: [
                cell.source
                for cell in cells
                if cell.cell_type == "code" and re.search(r"^(from|import) ", cell.source, re.MULTILINE)
            ]
            for stem, cells in sources.items()
        }


def without(code: str, others: frozenset[str]) -> str:
    """The checks or the answers of a stem without the functions that belong to other exercises."""
    lines = code.splitlines()
    for about, first, last in _parts(code):
        if about & others:
            lines[first:last] = [""] * (last - first)
    return "\n".join(line for line in lines if line.strip())


@cache
def _parts(code: str) -> list[tuple[set[str], int, int]]:
    """The exercises that each statement is about, and its lines."""
    body = ast.parse(code).body
    return [(subjects(node), first_line(node) - 1, node.end_lineno or node.lineno) for node in body]


@cache
def _codes(name: str, text: str) -> list[str]:
    """The pieces of Python in a text, by the kind of its file."""
    if name.endswith(".py"):
        return [text]
    if name.endswith(".ipynb"):
        cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
        return [re.sub(r"^[%!].*$", "", "".join(cell["source"]), flags=re.MULTILINE) for cell in cells]
    if name.endswith(".yml"):
        return [item.get(part, "") for item in yaml.safe_load(text) or [] for part in ("proof", "code")]
    return []


@cache
def _content(path: Path, _changed: int) -> str:
    return _hashed(path.read_bytes())


def _hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def nothing_but(allowed: Set[str]) -> Iterator[None]:
    """Let nothing of the packages be imported but these modules, as if no test before had imported any other."""
    hidden = {name: sys.modules[name] for name in list(sys.modules) if _is_ours(name) and name not in allowed}
    parents = [(_parent(name), name.rpartition(".")[2]) for name in hidden]
    attributes = [(parent, last, vars(parent).pop(last)) for parent, last in parents if parent and last in vars(parent)]
    for name in hidden:
        del sys.modules[name]
    sys.meta_path.insert(0, refusal := _Refusal(allowed))
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)
        sys.modules.update(hidden)
        for parent, last, value in attributes:
            setattr(parent, last, value)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


def _parent(name: str) -> ModuleType | None:
    return sys.modules.get(name.rpartition(".")[0])


@dataclass
class _Refusal:
    """A finder that refuses the modules of the packages which no import leads to."""

    allowed: set[str]

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if _is_ours(name) and name not in self.allowed:
            raise AssertionError(
                f"This proof imports {name}, and the import statements of its texts and tests do not lead there: a "
                "change in it would not run the proof again. Import it where it can be read (see tests/closure.py)."
            )


@contextlib.contextmanager
def reading_only(root: Path, allowed: Set[str]) -> Iterator[None]:
    """Fail where another text of the repository than these, as paths below `root`, is read by this process."""
    read: set[Path] = set()
    _watched.append(read)
    try:
        yield
    finally:
        _watched.remove(read)
    texts = {
        path.relative_to(root) for path in read if path.is_relative_to(root) and path.suffix not in (".py", ".pyc")
    }
    others = {str(path) for path in texts if path.parts[0] in TEXTS} - allowed
    if others:
        raise AssertionError(
            f"This proof reads {', '.join(sorted(others))}, and a change there would not run it again: let it "
            "decide in tests/proven.py."
        )


_watched: list[set[Path]] = []


def _note_reading(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and event == "open" and isinstance(arguments[0], str):
        for read in _watched:
            read.add(Path(arguments[0]).absolute())


sys.addaudithook(_note_reading)


class Record:
    """The plugin of pytest that leaves out what was proven, and writes down what is."""

    def __init__(self, course: Course) -> None:
        forget()
        self.proofs, self.full = Proofs(course), is_full()
        self.path = course.root / "tests" / "proven.json"
        self.known: Mapping[str, str] = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        self.before = self.proofs.fingerprints()
        self._decided = cache(lambda key: frozenset(self.proofs.decides(key)))
        self.expected: Counter[str] = Counter()
        self.files: set[str] = set()
        self.held: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)  # before `-k` and `-m` choose
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out the slow proofs of what has not changed."""
        root, left_out = self.proofs.course.root, []
        for item in items:
            self.files.add(str(item.path.relative_to(root)))
            if item.nodeid.startswith("chapters/"):  # a cell of a lesson, collected by nbval
                item.add_marker(pytest.mark.slow_proof("lesson"))
            if mark := item.get_closest_marker("slow_proof"):
                key = self.proofs.key(mark.args[0] if mark.args else "", item.nodeid)
                item.user_properties.append(("slow_proof", key))
                self.expected[key] += 1
                if not self.full and self.known.get(key) == self.before[key]:
                    left_out.append(item)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
        if hasattr(config, "workeroutput"):
            config.workeroutput["slow_proofs"] = [dict(self.expected), sorted(self.files)]

    def pytest_testnodedown(self, node: Any) -> None:
        """Learn from a worker what it has collected: all workers collect the same."""
        expected, files = getattr(node, "workeroutput", {}).get("slow_proofs", [{}, []])
        self.expected, self.files = Counter(expected) or self.expected, set(files) or self.files

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Let a slow proof import and read only what decides whether it runs. A cell of a lesson runs elsewhere."""
        key = str(dict(item.user_properties).get("slow_proof", ""))
        if not key or not isinstance(item, pytest.Function):
            return (yield)
        with nothing_but(self._importable(key)), reading_only(self.proofs.course.root, self._decided(key)):
            return (yield)

    @pytest.fixture
    def importable(self, request: pytest.FixtureRequest) -> set[str]:
        """The modules of the packages that a slow proof may import, also in processes of its own."""
        return self._importable(str(dict(request.node.user_properties)["slow_proof"]))

    def _importable(self, key: str) -> set[str]:
        return modules(self.proofs.course.root, self.proofs.imported(key))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and (key := dict(report.user_properties).get("slow_proof")):
            self.held[str(key)] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the fingerprints of what held as a whole, and of what is still there."""
        if hasattr(session.config, "workerinput"):
            return
        forget()
        now = Proofs(Course(self.proofs.course.root))
        whole = [key for key in self.before if self._is_whole(session.config, key)]
        held = {key: self.before[key] for key in whole if self.before[key] == now.fingerprint(key)}
        record = {key: print_ for key, print_ in {**self.known, **held}.items() if key in self.before}
        if record != self.known:
            self.path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def _is_whole(self, config: pytest.Config, key: str) -> bool:
        """Whether all tests of the kind were there to be run, and each slow proof of the key held."""
        kind, stem, *_ = key.split("/")
        needed = {name.format(stem=stem) for name in KINDS[kind]}
        parts = any("::" in str(argument) for argument in config.args)
        return not parts and needed <= self.files and 0 < self.expected[key] == self.held[key]

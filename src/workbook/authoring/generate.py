"""Make what is generated: notebooks from the authored text, and the conda form of the environment.

Byte for byte the same each time: cell ids come from stem and index, and what differs from run to run is stripped.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from workbook.authored import BEGIN, answer_name, blank_of, read_source, solution_of
from workbook.checking.exercise import exercises_of
from workbook.checking.outcome import Result
from workbook.checking.panel import Panel
from workbook.course import Course
from workbook.errors import CourseError
from workbook.questions.shown import unfolded

KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CHECK_CALL = re.compile(r"^check\((\w+)\)", re.MULTILINE)
QUIZ_CALL = re.compile(r"^quiz\((.+)\)", re.MULTILINE)
SECONDS_PER_CELL = 300


def exercises_notebook(course: Course, stem: str) -> NotebookNode:
    """The learner's notebook: the authored cells, with blanks for solutions."""
    return _notebook(stem, _authored_cells(course, stem, blanks=True))


def solutions_notebook(course: Course, stem: str) -> NotebookNode:
    """The solutions' notebook, not yet executed. The site folds the cells that carry an answer."""
    return _notebook(stem, _authored_cells(course, stem, blanks=False))


def chapter_notebook(course: Course, stem: str) -> NotebookNode:
    """The lesson's notebook, not yet executed."""
    return _notebook(stem, list(read_source(course.chapter_source(stem)).cells))


def _authored_cells(course: Course, stem: str, *, blanks: bool) -> list[NotebookNode]:
    path = course.solution_source(stem)
    cells = []
    for original in read_source(path).cells:
        cell = original.copy()
        cell.metadata = original.metadata.copy()
        if BEGIN in cell.source:
            cell.metadata["exercise"] = answer_name(cell.source, path)
            cell.source = blank_of(cell.source) if blanks else solution_of(cell.source)
            if not blanks:
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        cells.append(cell)
    return cells


def _notebook(stem: str, cells: list[NotebookNode]) -> NotebookNode:
    kinds: dict[str, Callable[..., NotebookNode]] = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }
    fresh = []
    for index, original in enumerate(cells):
        make = kinds[original.cell_type]
        kept = {key: value for key, value in original.metadata.items() if key in ("tags", "exercise")}
        fresh.append(make(original.source, id=f"{stem}-{index:03d}", metadata=kept))
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=fresh, metadata=KERNEL)
    notebook.nbformat_minor = 5
    return notebook


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run the notebook in `folder` and keep its outputs, without what differs from run to run.

    Raises CourseError when a cell fails that does not carry the tag `raises-exception`.
    """
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        notebook, timeout=SECONDS_PER_CELL, resources={"metadata": {"path": str(folder)}}, coalesce_streams=True
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise CourseError(f"A cell failed: {error.ename}: {error.evalue}\n{error.traceback}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata = nbformat.from_dict(KERNEL)
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook, the same bytes for the same cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def sync(course: Course, stems: list[str], everything: bool = False) -> Iterator[Path]:
    """Make the generated files of these stems that are stale, or all, and yield each once it is written.

    Runs the notebooks of solutions and lessons. What a lesson prints of code that has changed is not looked at: nbval
    compares that.
    """
    path = course.root / "environment.yml"
    if everything or not path.is_file() or path.read_text(encoding="utf-8") != environment_text(course):
        path.write_text(environment_text(course), encoding="utf-8")
        yield path
    for stem in stems:
        old = None if everything else stale(course, stem)
        for path, make in _made(course, stem).items():
            if old is None or path in old:
                write(make(), path)
                yield path


def _made(course: Course, stem: str) -> dict[Path, Callable[[], NotebookNode]]:
    """How each generated notebook of a stem is made."""
    folders = course.root / "solutions", course.root / "chapters"
    return {
        course.exercises(stem): lambda: exercises_notebook(course, stem),
        course.solution(stem): lambda: execute(solutions_notebook(course, stem), folders[0]),
        course.chapter(stem): lambda: execute(chapter_notebook(course, stem), folders[1]),
    }


def stale(course: Course, stem: str) -> list[Path]:
    """The generated notebooks of a stem whose cells are not those of their source, or that show what is not so now.

    Of what they show it is looked at what a solution is told, and at the quizzes; the rest is nbval's business.
    """
    made = {
        course.exercises(stem): exercises_notebook(course, stem),
        course.solution(stem): solutions_notebook(course, stem),
        course.chapter(stem): chapter_notebook(course, stem),
    }
    return [
        path for path, notebook in made.items() if not path.is_file() or not _is_of_now(course, stem, path, notebook)
    ]


def _is_of_now(course: Course, stem: str, path: Path, made: NotebookNode) -> bool:
    there = read(path)
    if _cells(there) != _cells(made):
        return False
    if path == course.solution(stem):
        passed = {item.name: repr(Panel(Result(item, "passed", ""))) for item in exercises_of(course, stem)}
        return all(
            _shows(cell, passed.get(name, "")) for cell in there.cells for name in CHECK_CALL.findall(cell.source)
        )
    return all(
        _shows(cell, html)
        for cell in there.cells
        for call in QUIZ_CALL.findall(cell.source)
        for html in unfolded(course, *re.findall(r'"([^"]+)"', call))
    )


def _shows(cell: NotebookNode, text: str) -> bool:
    return any(text in shown for output in cell.get("outputs", []) for shown in output.get("data", {}).values())


def read(path: Path) -> NotebookNode:
    """A notebook of the course. Raises CourseError when the file is not one."""
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        notebook.nbformat_minor = 5
        for number, cell in enumerate(notebook.cells):
            cell.setdefault("id", f"cell-{number}")  # formats before 4.5 have none
        return notebook
    except Exception as error:  # nbformat raises whatever its parser raises
        raise CourseError(f"{path} is not a notebook that can be read ({type(error).__name__}).") from None


def _cells(notebook: NotebookNode) -> list[tuple[str, str, str, str]]:
    return [(cell.id, cell.cell_type, cell.source, repr(sorted(cell.metadata.items()))) for cell in notebook.cells]


def environment_text(course: Course) -> str:
    """What `environment.yml` must hold: Python from conda, everything else from the lock, checked by hash."""
    lock = (course.root / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+==\S+)(?: ; (.+?))? \\$", lock, re.MULTILINE)
    lines = [f"      - {pin}{' ; ' + marker if marker else ''}" for pin, marker in pins]
    return "\n".join(
        [
            "# Generated from requirements.lock by `make sync`: do not edit.",
            "name: lakehouse-workbook",
            "channels:",
            "  - conda-forge",
            "  - nodefaults",
            "dependencies:",
            "  - python=3.12",
            "  - pip",
            "  - pip:",
            *(f"      - '{line[8:]}'" if "'" not in line else f'      - "{line[8:]}"' for line in lines),
            "",
        ]
    )

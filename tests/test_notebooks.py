"""Every notebook runs from end to end, also with other parameters, and every lesson on Spark Connect too.

That the printed outputs are unchanged is nbval's business: pytest collects the notebooks of `chapters/` by itself.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from conftest import ROOT
from proven import is_full
from servers import connect_server
from workbook.authored import authored
from workbook.authoring import generate
from workbook.course import Course

COURSE = Course(ROOT)
STEMS = pytest.mark.parametrize("stem", COURSE.stems)
OTHER = {"scale": 0.02, "seed": 11}
# In a run of every day nbval runs the lessons as they are, and Spark Connect runs them with other parameters.
LESSONS = [COURSE.chapter] if is_full() else []
SLOW = [pytest.param(kind, marks=pytest.mark.slow_proof("notebooks")) for kind in (COURSE.solution, COURSE.exercises)]
KINDS = pytest.mark.parametrize("kind", [*LESSONS, *SLOW], ids=lambda kind: kind.__name__)
# Run last, it says which modules of the packages the notebook has imported.
SAY_MODULES = (
    'import sys; print("Imported:", *(n for n in sys.modules if n.split(".")[0] in ("workbook", "lakehouse")))'
)


@STEMS
@KINDS
def test_it_runs_to_its_end_with_other_parameters(
    stem: str,
    kind: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
) -> None:
    path = kind(stem)
    record_property("notebook", str(path.relative_to(ROOT)))
    if kind == COURSE.solution:
        monkeypatch.setenv("WORKBOOK_STRICT", "1")  # a check that does not pass raises
    generate.write(saying_modules(generate.read(path)), tmp_path / "given.ipynb")
    done = papermill.execute_notebook(
        tmp_path / "given.ipynb",
        tmp_path / "done.ipynb",
        parameters={**OTHER, "base_path": str(tmp_path / "base")},
        cwd=path.parent,
        progress_bar=False,
    )
    if kind == COURSE.exercises:
        outcomes = re.findall(r"^. (\w+): (.+)$", outputs(done), re.MULTILINE)
        assert outcomes == [(item.name, "not attempted") for item in authored(COURSE, stem)]
    if kind != COURSE.chapter:
        assert imported(done) - request.getfixturevalue("importable") == set()


def saying_modules(notebook: NotebookNode) -> NotebookNode:
    """The notebook with a last cell that says what was imported."""
    notebook.cells.append(nbformat.v4.new_code_cell(SAY_MODULES, id="modules"))
    return notebook


def imported(notebook: NotebookNode) -> set[str]:
    """The modules of the packages that the notebook has imported: more than these would decide over its proof."""
    [said] = [line for line in outputs(notebook).splitlines() if line.startswith("Imported: ")]
    return set(said.split()[1:])


def outputs(notebook: NotebookNode) -> str:
    """What the code cells displayed or printed, as text."""
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in shown)


@STEMS
def test_the_first_code_cell_holds_the_parameters(stem: str) -> None:
    first = next(cell for cell in generate.read(COURSE.chapter(stem)).cells if cell.cell_type == "code")
    assert first.metadata["tags"] == ["parameters"]
    assert re.findall(r"^(\w+) = ", first.source, re.MULTILINE) == ["scale", "base_path", "seed"]


@pytest.fixture(scope="module")
def remote() -> Iterator[str]:
    with connect_server() as address:
        yield address


@pytest.mark.slow_proof("lesson")
@STEMS
def test_on_connect_and_with_other_parameters_only_the_cells_tagged_classic_only_fail(
    stem: str, remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, importable: set[str]
) -> None:
    monkeypatch.setenv("SPARK_REMOTE", remote)
    parameters = {**OTHER, "base_path": str(tmp_path / "base")}
    notebook = saying_modules(parameterize_notebook(load_notebook_node(str(COURSE.chapter(stem))), parameters))
    client = NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": str(ROOT / "chapters")}}
    )
    client.execute()
    failed = {cell.id: error(cell) for cell in notebook.cells if error(cell)}
    tagged = {cell.id for cell in notebook.cells if "classic-only" in cell.metadata.get("tags", [])}
    assert {cell: text for cell, text in failed.items() if cell not in tagged} == {}
    assert tagged - failed.keys() == set(), "These cells run on Connect: they need no tag."
    assert imported(notebook) - importable == set()


def error(cell: NotebookNode) -> str:
    """The error that a cell ended with, or nothing."""
    raised = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    return "".join(f"{output.ename}: {output.evalue}"[:300] for output in raised)


@STEMS
def test_a_sentence_says_why_a_cell_is_classic_only(stem: str) -> None:
    cells = generate.read(COURSE.chapter(stem)).cells
    for before, cell, after in zip(cells, cells[1:], cells[2:], strict=False):
        if "classic-only" in cell.metadata.get("tags", []):
            around = "".join(near.source for near in (before, after) if near.cell_type == "markdown")
            assert "classic" in around, f"{cell.id}: say in the text beside it why it needs classic Spark."

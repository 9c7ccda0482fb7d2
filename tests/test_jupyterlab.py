"""A learner's way in a real JupyterLab: fail with a common mistake, be told its name, ask for help, pass, come back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, Locator, Page, expect

from conftest import ROOT
from workbook.authoring import generate
from workbook.checking.progress import Progress
from workbook.commands import start
from workbook.course import Course

STEM = "01_environment_setup"
EXERCISE = "delta_artifact"
SECONDS = 120_000

WRONG = '''def delta_artifact(spark_version: str, scala_version: str, delta_version: str) -> str:
    return f"io.delta:delta-spark_{scala_version[:4]}:{delta_version}"'''
RIGHT = '''def delta_artifact(spark_version: str, scala_version: str, delta_version: str) -> str:
    spark_line = ".".join(spark_version.split(".")[:2])
    scala_line = ".".join(scala_version.split(".")[:2])
    return f"io.delta:delta-spark_{spark_line}_{scala_line}:{delta_version}"'''


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """This course, with a fresh `work/` of its own."""
    root = tmp_path_factory.mktemp("course")
    for name in ("_toc.yml", "book", "chapters", "exercises", "solutions", ".cache"):
        (root / name).symlink_to(ROOT / name)
    course = Course(root)
    generate.write(generate.exercises_notebook(course, STEM), course.work(STEM))
    return course


@pytest.fixture(scope="module")
def lab(course: Course) -> Iterator[str]:
    """The address of the exercises' notebook in JupyterLab."""
    with start._jupyter(course) as address:
        yield re.sub(r"/lab\?", f"/lab/tree/{STEM}.ipynb?", address)


@pytest.fixture
def notebook(browser: Browser, lab: str) -> Iterator[Page]:
    """The opened notebook, in a window so high that every cell is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 12_000})
    page = context.new_page()
    page.goto(lab)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle").first).to_be_visible(timeout=SECONDS)
    yield page
    context.close()


def code_cell(page: Page, text: str) -> Locator:
    return page.locator(".jp-CodeCell", has=page.locator(".jp-InputArea", has_text=text)).first


def run(page: Page, cell: Locator) -> None:
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def answer(page: Page, code: str) -> Locator:
    """Write the answer, run it, check it; returns the panel of the check."""
    cell = code_cell(page, f"def {EXERCISE}")
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    check = code_cell(page, f"check({EXERCISE})")
    run(page, check)
    return check.locator(".workbook-panel").last


def _restart_kernel(page: Page, lab: str) -> None:
    def ask(method: str, path: str) -> APIResponse:
        return page.request.fetch(re.sub(r"/lab/tree/[^?]+", path, lab), method=method)

    [kernel] = ask("GET", "/api/kernels").json()
    assert ask("POST", f"/api/kernels/{kernel['id']}/restart").ok
    expect(page.get_by_text("Python 3 (ipykernel) | Idle").first).to_be_visible(timeout=SECONDS)


def test_a_learner_fails_is_helped_even_after_a_restart_and_passes(notebook: Page, lab: str, course: Course) -> None:
    run(notebook, code_cell(notebook, "get_spark()"))

    panel = answer(notebook, WRONG)
    expect(panel).to_contain_text("Not yet", timeout=SECONDS)
    expect(panel).to_contain_text("without the Spark line")
    expect(panel).to_contain_text("Expected")
    expect(panel).to_contain_text("Hint.")

    _restart_kernel(notebook, lab)
    expect(panel.get_by_text("Hint 2.")).to_be_hidden()
    panel.get_by_text("All hints that are open").press("Enter")
    expect(panel.get_by_text("Hint 2.")).to_be_visible()
    expect(panel).not_to_contain_text("Hint 3.")
    expect(panel).to_contain_text(f"For a solution, run reveal({EXERCISE}) in a cell.")
    expect(notebook.locator(".jupyter-widgets-disconnected")).to_have_count(0)

    run(notebook, code_cell(notebook, "get_spark()"))

    panel = answer(notebook, RIGHT)
    expect(panel).to_contain_text("Passed", timeout=SECONDS)
    expect(panel).to_contain_text("Why it matters.")
    notebook.keyboard.press("Control+s")
    expect(notebook.get_by_text("Saving completed").first).to_be_visible()
    assert Progress(course.progress).passed(EXERCISE)


def test_what_was_done_is_there_when_the_learner_comes_back(notebook: Page, course: Course) -> None:
    expect(code_cell(notebook, f"def {EXERCISE}")).to_contain_text("spark_line")
    expect(code_cell(notebook, f"check({EXERCISE})").locator(".workbook-panel").first).to_contain_text("Passed")
    assert Progress(course.progress).standing()[EXERCISE] == "passed"
    assert "spark_line" in Path(course.work(STEM)).read_text(encoding="utf-8")

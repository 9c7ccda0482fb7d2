"""The command `workbook`."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from workbook.course import Course
from workbook.errors import CourseError, SetupError

app = typer.Typer(
    help="The Lakehouse Workbook: learn Databricks data engineering on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Chapter = Annotated[str, typer.Argument(help="A chapter, such as 03.")]
console = Console(highlight=False)


def main() -> None:
    """Run the command; an error that the user can cure is one sentence and exit code 1."""
    try:
        app()
    except (SetupError, CourseError) as error:
        sys.exit(str(error))


def say(text: str) -> None:
    print(text, flush=True)


@app.command()
def start() -> None:
    """Open the site and JupyterLab, on this machine only, until Ctrl-C."""
    from workbook import start as steps

    course = Course.here()
    steps.prepare(course, say)
    steps.serve(course, steps.build_site(course, say), say)


@app.command()
def prepare() -> None:
    """Fetch and make what is needed once; after this no network is needed."""
    from workbook import start as steps

    steps.prepare(Course.here(), say)


@app.command()
def doctor() -> None:
    """Look at this machine, and say what each finding means."""
    from workbook import doctor as examination

    course = Course.here()
    matrix = Table("Part", "Installed", "Goes together", "Why", title="Versions")
    for version in examination.versions():
        matrix.add_row(version.name, f"{_mark(version.fits)} {version.installed}", version.together, version.why)
    findings = examination.examine(course)
    table = Table("Looked at", "Found", "What it means", title="This machine")
    for finding in findings:
        table.add_row(f"{_mark(finding.fits)} {finding.name}", finding.found, finding.meaning)
    console.print(matrix, table)
    if not all(item.fits for item in [*examination.versions(), *findings]):
        raise SetupError("Something does not fit: see the lines that begin with ✗.")


def _mark(fits: bool) -> str:
    return "✓" if fits else "✗"


@app.command()
def check(chapter: Chapter) -> None:
    """Check your notebook of a chapter, from the terminal."""
    from workbook import terminal

    course = Course.here()
    results = terminal.check_notebook(course, course.stem(chapter))
    for panel in results:
        say(f"{panel}\n")
    passed = sum(panel.result.outcome == "passed" for panel in results)
    say(f"{passed} of {len(results)} passed.")
    if passed < len(results):
        raise typer.Exit(1)


@app.command()
def progress() -> None:
    """Show where you stand, by chapter and objective."""
    from workbook import terminal

    course = Course.here()
    table = Table("Objective", "Passed", "Left to do", title="Your progress")
    for line in terminal.standing(course):
        table.add_row(line.what, f"{line.passed} of {line.exercises}", ", ".join(line.left), style=line.style)
    console.print(table)


@app.command(name="next")
def next_() -> None:
    """Say what to do now."""
    from workbook import terminal

    say(terminal.what_now(Course.here()))


@app.command()
def update() -> None:
    """Bring your notebooks to the course's present exercises; your answers come along."""
    from workbook import work

    changes = work.update(Course.here())
    for change in changes:
        for sentence in change.sentences():
            say(sentence)
    if not changes:
        say("Your notebooks are up to date.")


@app.command()
def reset(chapter: Chapter) -> None:
    """Give one notebook back fresh; a copy of the old one is kept."""
    from workbook import work

    course = Course.here()
    stem = course.stem(chapter)
    kept = work.reset(course, stem)
    say(f"{stem} is fresh again." + (f" The old file is work/kept/{kept.name}." if kept else ""))


@app.command()
def site() -> None:
    """Build the site into _build/html."""
    from workbook import site as book

    root = Course.here().root
    say(f"The site is in {book.build(root, root / '_build' / 'html')}.")


@app.command()
def sync(chapters: Annotated[list[str] | None, typer.Argument(help="Chapters; all without.")] = None) -> None:
    """Make the generated files again; runs the notebooks."""
    from workbook import generate

    course = Course.here()
    stems = [course.stem(name) for name in chapters] if chapters else course.stems
    for path in generate.sync(course, stems):
        say(f"Written: {path.relative_to(course.root)}")

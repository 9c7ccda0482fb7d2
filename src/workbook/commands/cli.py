"""The command `workbook`."""

import codecs
import contextlib
import io
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lakehouse.errors import PlatformError
from workbook.checking.exercise import FILL_IN
from workbook.checking.progress import Progress
from workbook.course import Course
from workbook.errors import CourseError, SetupError

app = typer.Typer(
    help="The Lakehouse Workbook: learn Databricks data engineering on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Chapter = Annotated[str, typer.Argument(help="A chapter, such as 03.")]
BasePath = Annotated[str, typer.Option(help="Where the platform lies.")]


def main() -> None:
    """Run the command; an error that the user can cure is one sentence and exit code 1."""
    codecs.register_error("plainly", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plainly")
    try:
        app()
    except (SetupError, CourseError, PlatformError) as error:
        sys.exit(str(error))


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """What a terminal shows that has no such characters."""
    assert isinstance(error, UnicodeEncodeError)
    characters = error.object[error.start : error.end]
    return "".join({"✓": "+", "✗": "x", "…": "..."}.get(character, "?") for character in characters), error.end


def say(text: str) -> None:
    print(text, flush=True)


@app.command()
def start() -> None:
    """Open the site and JupyterLab, on this machine only, until Ctrl-C."""
    from workbook.commands import start as steps

    course = Course.here()
    steps.prepare(course, say)
    steps.serve(course, steps.build_site(course, say), say)


@app.command()
def prepare() -> None:
    """Fetch and make what is needed once; after this no network is needed."""
    from workbook.commands import start as steps

    steps.prepare(Course.here(), say)


@app.command()
def doctor() -> None:
    """Look at this machine, and say what each finding means."""
    from workbook.commands import doctor as examination

    versions, findings = examination.versions(), examination.examine(Course.here())
    matrix = _table("Versions", "Part", "Installed", "Goes together", "Why")
    for version in versions:
        matrix.add_row(
            version.name, f"{_mark(version.fits)} {version.installed}", " or ".join(version.lines), version.why
        )
    table = _table("This machine", "Looked at", "Found", "What it means")
    for finding in findings:
        table.add_row(f"{_mark(finding.fits)} {finding.name}", finding.found, finding.meaning)
    Console(highlight=False).print(matrix, table)
    wrong = [f"✗ {item.name}: {item.found}. {item.meaning}" for item in findings if not item.fits]
    looked_at = {item.name for item in findings}
    wrong += [
        f"✗ {item.name} {item.installed} does not go together with the rest: run `make start` to install what does."
        for item in versions
        if not item.fits and item.name not in looked_at
    ]
    if wrong:
        raise SetupError("\n".join(wrong))


def _table(title: str, *columns: str) -> Table:
    """A table that breaks a long word, such as a path, rather than hide its end."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _mark(fits: bool) -> str:
    return "✓" if fits else "✗"


@app.command()
def check(chapter: Chapter) -> None:
    """Check your notebook of a chapter, from the terminal."""
    from workbook.commands import terminal

    course = Course.here()
    own = Progress(course.progress)
    panels = terminal.check_notebook(course, course.stem(chapter), own)
    blank = [panel for panel in panels if panel.result.outcome == "not_attempted"]
    for panel in panels:
        if panel not in blank:
            say(f"{panel}\n")
    passed = sum(panel.result.outcome == "passed" for panel in panels)
    say(f"{passed} of {len(panels)} passed.")
    if blank:
        say(f"Not attempted: {', '.join(panel.result.exercise.name for panel in blank)}.")
    _tell(own)
    if passed < len(panels):
        raise typer.Exit(1)


def _tell(progress: Progress) -> None:
    if progress.notice:
        say(progress.notice)


@app.command()
def progress() -> None:
    """Show where you stand, by chapter and objective."""
    from workbook.commands import terminal

    course = Course.here()
    own = Progress(course.progress)
    table = _table("Your progress", "", "Chapter and objectives", "Passed", "Left to do")
    for line in terminal.standing(course, own):
        done = f"{_mark(True) if not line.left else ' '} {line.passed} of {line.exercises}"
        if line.is_chapter:
            table.add_row(line.number, line.text, done, "", style="bold")
        else:
            table.add_row(line.number, line.text, done, "\n".join(line.left))
    Console(highlight=False).print(table)
    say(terminal.what_now(course, own))
    _tell(own)


@app.command(name="next")
def next_() -> None:
    """Say what to do now."""
    from workbook.commands import terminal

    course = Course.here()
    own = Progress(course.progress)
    say(terminal.what_now(course, own))
    _tell(own)


@app.command()
def update() -> None:
    """Bring your notebooks to the course's present exercises; your answers come along."""
    from workbook.commands import copies

    changes = copies.update(Course.here())
    for change in changes:
        for sentence in change.sentences():
            say(sentence)
    if not changes:
        say("Your notebooks are up to date.")


@app.command()
def reset(chapter: Chapter) -> None:
    """Give one notebook back fresh; a copy of the old one is kept."""
    from workbook.commands import copies

    course = Course.here()
    stem = course.stem(chapter)
    kept = copies.reset(course, stem)
    say(f"{stem} is fresh again." + (f" The old file is work/kept/{kept.name}." if kept else ""))


@app.command()
def run(
    scale: Annotated[float, typer.Option(help="Size of the shop: 1 is 10,000 customers.")] = 1,
    days: Annotated[int, typer.Option(help="Days to deliver; 1 is the initial load alone.")] = 1,
    base_path: BasePath = "work/platform",
    seed: Annotated[int, typer.Option(help="Another seed is another shop.")] = 7,
    follow: Annotated[bool, typer.Option("--follow", help="Go on, and take in payments as they come.")] = False,
) -> None:
    """Run the data platform: sources, bronze, silver, gold, serving, machine learning, and a release for the API."""
    from workbook.commands import run_platform

    run_platform.run(scale, days, base_path, seed, Console(highlight=False), follow)


@app.command()
def serve(
    base_path: BasePath = "work/platform",
    port: Annotated[int, typer.Option(help="A port of 127.0.0.1.")] = 8080,
) -> None:
    """Serve the platform's API and its dashboard, on this machine only, until Ctrl-C."""
    from lakehouse.api import server

    server.serve(base_path, port, say)


@app.command()
def rollback(base_path: BasePath = "work/platform") -> None:
    """Make the model that was champion before this one the champion again."""
    from lakehouse.ml import registry, store
    from lakehouse.places import Places

    places = Places(base_path)
    if store.address(places).startswith("sqlite") and places.local and not places.local.is_dir():
        raise PlatformError(f"There is no platform under {base_path}: give the base path that `workbook run` had.")
    with registry.opened(places) as models:
        version = models.rollback()
    say(f"Version {version} is the champion again. `workbook run` scores every customer by it.")


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is; the one with this name before is replaced.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may ask, such as sales:read; all without.")] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the key away.")] = False,
    base_path: BasePath = "work/platform",
) -> None:
    """Make a key for the platform's API, or take one away; a server that runs knows at once."""
    from lakehouse.api.keys import SCOPES, Keys
    from lakehouse.api.server import existing

    keys = Keys(existing(base_path))
    if revoke:
        keys.revoke(name)
        say(f"The key {name} is gone.")
    else:
        say(f"{keys.make(name, scope or tuple(SCOPES))}\nThis is the key {name}. It is shown this once.")


@app.command()
def site() -> None:
    """Build the site into _build/html."""
    from workbook.site import build as book

    root = Course.here().root
    say(f"The site is in {book.build(root, root / '_build' / 'html')}.")


@app.command()
def sync(
    chapters: Annotated[list[str] | None, typer.Argument(help="Chapters; all without.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is not stale.")] = False,
) -> None:
    """Make the generated files that are stale again; runs their notebooks."""
    from workbook.authoring import generate

    course = Course.here()
    stems = [course.stem(name) for name in chapters] if chapters else course.stems
    written = False
    for path in generate.sync(course, stems, everything):
        say(f"Written: {path.relative_to(course.root)}")
        written = True
    if not written:
        say("Nothing is stale.")


@app.command()
def new(
    number: Annotated[str, typer.Argument(help="The chapter and the place in it, such as 4.7.")],
    name: Annotated[str, typer.Argument(help="The name of the learner's function, such as late_events.")],
) -> None:
    """Begin an exercise: its task, its check and its answers, to be filled in."""
    from workbook.authoring import scaffold

    course = Course.here()
    for path in scaffold.new(course, number, name):
        say(f"Written: {path.relative_to(course.root)}")
    say(f"Replace whatever says {FILL_IN}. `workbook prove {name}` shows how far it is.")


@app.command()
def prove(
    what: Annotated[str, typer.Argument(help="An exercise by its name, or a chapter.")],
    once: Annotated[bool, typer.Option("--once", help="Do not wait for changes.")] = False,
) -> None:
    """Show what the proofs of an exercise find, again after each change; without a terminal, once."""
    from workbook.authoring import trial

    course = Course.here()
    if once or not sys.stdout.isatty():
        if not trial.prove(course, what, say):
            raise typer.Exit(1)
        return
    with contextlib.suppress(KeyboardInterrupt):
        trial.keep_proving(course, what, say)

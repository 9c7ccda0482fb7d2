"""`workbook run`: the platform from the terminal, with a bar for each layer and the report at the end."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from lakehouse import DataPlatformOrchestrator, report
from lakehouse.errors import PlatformError
from lakehouse.orchestrator import LAYERS
from lakehouse.outcome import Increment, PlatformResult, Progress
from workbook.spark.session import get_spark

MOST_COLUMNS = 6
# From here on a first run is done sooner with the settings for millions of rows.
LARGE_SCALE = 5


def run(scale: float, days: int, base_path: str, seed: int, console: Console, follow: bool = False) -> PlatformResult:
    """Run the platform and print what became of it; with `follow`, go on until Ctrl-C, with a line an increment.

    Raises PlatformError for what the user can cure.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[rows]:>12,} rows"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        tasks = {name: bars.add_task(name, total=None, start=False, rows=0) for name in LAYERS}
        try:
            platform = DataPlatformOrchestrator(
                get_spark(large=scale >= LARGE_SCALE),
                base_path,
                scale=scale,
                seed=seed,
                on_progress=lambda now: _show(bars, tasks[now.layer], now),
                on_increment=lambda increment: console.print(_line(increment)),
            )
            if follow:
                with _until_ctrl_c(console) as stopped:
                    result = platform.follow(days, stopped=stopped)
            else:
                result = platform.run_full_pipeline(days)
        except ValueError as error:
            raise PlatformError(str(error)) from None
    _print(result, console)
    return result


def _show(bars: Bars, task: TaskID, now: Progress) -> None:
    if not now.done:
        bars.start_task(task)
    else:
        bars.update(task, rows=now.rows, total=1, completed=1)


@contextlib.contextmanager
def _until_ctrl_c(console: Console) -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, or a signal to end: the work at hand is done first. A second one ends at once."""
    stopped = threading.Event()

    def end(number: int, frame: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()
        console.print("Ending with what is at hand; Ctrl-C once more ends at once, and nothing is lost either.")

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _line(done: Increment) -> str:
    """An increment in one line: what is new in gold, how old it was when it came there, and what waits."""
    return (
        f"{datetime.now():%H:%M:%S}  payments new in gold: {done.rows:,}, {done.seconds:.1f} s after they were found. "
        f"Waiting: events {done.waiting_events:,}, files {done.waiting_files:,}."
    )


def _print(result: PlatformResult, console: Console) -> None:
    """All tables, without their last columns where they have many: those are in the page."""
    for table in report.tables_of(result):
        if table.rows:
            printed = Table(title=table.title, title_justify="left")
            for name in table.columns[:MOST_COLUMNS]:
                printed.add_column(name, overflow="fold")
            for row in table.rows:
                printed.add_row(*(report.shown(cell) for cell in row[:MOST_COLUMNS]))
            console.print(printed)
    console.print(report.summary(result))
    if result.report:
        console.print(f"The report is in {result.report}.")

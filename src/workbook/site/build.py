"""Build the site: Jupyter Book over the committed outputs, with every warning an error."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from workbook.environment import shielded
from workbook.errors import CourseError, SetupError

WARNINGS_SHOWN = 5
LANDING = "book/index.html"
# Not the script `jupyter-book`: that need not be on the PATH.
MAIN = "from jupyter_book.cli.main import main; main()"


def build(root: Path, out: Path) -> Path:
    """Build the site of the course at `root` into the folder `out`, and return its path.

    Nothing is executed and nothing is fetched. A site that is already in `out` stays until the new one is whole.
    Raises CourseError with the first warnings where a page has a fault, SetupError where Jupyter Book cannot run
    or the folder cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".site-") as folder:
            made = _jupyter_book(root, Path(folder))
            if out.exists():
                shutil.rmtree(out)
            made.rename(out)
    except OSError as error:
        raise SetupError(
            f"The site cannot be written into {out} ({error.strerror}): free the folder or its disk."
        ) from None
    return out


def _jupyter_book(root: Path, scratch: Path) -> Path:
    command = [sys.executable, "-c", MAIN, "build", str(root), "--path-output", str(scratch)]
    command += ["-W", "-n", "--keep-going", "--all"]
    environment = shielded(WORKBOOK_ROOT=str(root), PYTHONHASHSEED="0")
    run = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    made = scratch / "_build" / "html"
    if run.returncode == 0 and (made / "index.html").is_file():
        _open_with_landing_page(made)
        return made
    output = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout + run.stderr)
    faults = [line.replace(f"{root}/", "") for line in output.splitlines() if re.search(r"\b(WARNING|ERROR)\b: ", line)]
    if faults:
        shown = "\n".join(dict.fromkeys(faults[:WARNINGS_SHOWN]))
        raise CourseError(f"The site has {len(faults)} faults; correct these first:\n{shown}")
    cause = output.split("Traceback (most recent call last)")[0].strip()[-1000:]
    raise SetupError(f"Jupyter Book ended with exit code {run.returncode}: {cause}")


def _open_with_landing_page(made: Path) -> None:
    """Name the page at the root and give it the icon: Jupyter Book's own has neither."""
    landing = made / LANDING
    if landing.is_file():
        icon = '<link rel="icon" href="_static/favicon.svg">'
        (made / "index.html").write_text(
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Lakehouse Workbook</title>{icon}'
            f'<meta http-equiv="refresh" content="0; url={LANDING}"></head>'
            f'<body><a href="{LANDING}">Lakehouse Workbook</a></body></html>\n',
            encoding="utf-8",
        )

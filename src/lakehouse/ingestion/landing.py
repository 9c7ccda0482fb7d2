"""The landing zone: a file arrives whole or not at all, and a delivery is what its manifest says."""

import contextlib
import gzip
import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lakehouse.files import write_atomically

# The type of a value as JSON has it, as the Open Data Contract Standard calls it.
JSON_TYPES = {
    type(None): "",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}


def arrive(path: Path | str, content: bytes) -> Path:
    """Write a file so that no reader sees half of it: under a hidden name in the same folder, then renamed.

    Spark passes over names that begin with a dot or an underscore, and a rename inside a folder is one step.
    """
    path = Path(path)
    write_atomically(path, content)
    return path


def archive(landing: Path | str, path: Path | str) -> Path:
    """Move an ingested file to the same place under `_archive` in the landing zone, which Spark passes over."""
    kept = Path(landing, "_archive", Path(path).relative_to(landing))
    kept.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, kept)
    return kept


@dataclass(frozen=True)
class Discrepancy:
    """A file of a delivery that is not as announced; `problem` is missing, unreadable or changed."""

    path: str
    problem: str


def check_delivery(landing: Path | str, manifest: Path | str) -> list[Discrepancy]:
    """Compare what lies in the landing zone with a manifest, as `lakehouse.sources.land` writes it; [] if all is there.

    The manifest is JSON, `{"files": [{"path": …, "sha256": …}, …]}`, paths relative to the landing zone, checksums of
    the text (packed files unpacked). Files that no manifest announces are left alone: they may belong to another one.
    """
    announced = json.loads(Path(manifest).read_text(encoding="utf-8"))["files"]
    found = [Discrepancy(file["path"], _problem(Path(landing, file["path"]), file["sha256"])) for file in announced]
    return [discrepancy for discrepancy in found if discrepancy.problem]


def sampled_columns(path: Path, lines: int = 100) -> dict[str, str]:
    """The columns of a file of JSON lines, with the type of their values, by its first lines: {} where none is a row.

    The types are the logical ones of the Open Data Contract Standard, "" where all values are null. Whole numbers and
    others together are number, any other mixture is string.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    found: dict[str, str] = {}
    with (
        contextlib.suppress(OSError, EOFError, zlib.error),
        opened(path, "rt", encoding="utf-8", errors="replace") as text,
    ):
        for line in islice(text, lines):
            with contextlib.suppress(ValueError, RecursionError):
                row = json.loads(line)
                for name, value in row.items() if isinstance(row, dict) else ():
                    shown = name.encode("utf-8", "replace").decode()
                    found[shown] = _together(found.get(shown, ""), JSON_TYPES[type(value)])
    return found


def _together(one: str, other: str) -> str:
    """The type of a column that has values of both types."""
    if not one or not other or one == other:
        return one or other
    return "number" if {one, other} == {"integer", "number"} else "string"


def _problem(path: Path, sha256: str) -> str:
    if not path.is_file():
        return "missing"
    content = path.read_bytes()
    try:
        text = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error):
        return "unreadable"
    return "" if hashlib.sha256(text).hexdigest() == sha256 else "changed"

"""Running the platform in tests: small, in this process or in one that is killed, and comparing what it made."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from deltalake import DeltaTable

from lakehouse.ml import churn

SCALE, SEED = 0.02, 7
# When and in which batch something was done is not what was done.
VOLATILE = {"_batch", "_batch_id", "_ingested_at", "_file_path", "_file_modified_at", "origin", "record", "_origin"}
MADE = ("bronze", "silver", "gold", "serving/sales_by_month", "ml/bought_together", "ml/popular", "ml/recommendations")
# Of a small forest it is looked at what becomes of it, not how good it is.
SMALL_FOREST = {"DEPTHS": (5,), "TREES": 20}
RUN = """
import os, signal, sys, threading
from lakehouse import DataPlatformOrchestrator
from lakehouse.ml import churn
from workbook.spark.session import get_spark
vars(churn).update({forest})
base, days, border, following = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:] == ["follow"]
whole = not following

def tell(progress):
    global whole
    print(progress.layer, "done" if progress.done else "begins", flush=True)
    if progress.done and whole and progress.layer == border:
        os.kill(os.getpid(), signal.SIGKILL)
    whole |= progress.done and progress.layer == "api"

platform = DataPlatformOrchestrator(get_spark(), base, scale={scale}, seed={seed}, on_progress=tell)
platform.follow(days, stopped=threading.Event()) if following else platform.run_full_pipeline(days)
"""


def start(
    base: Path, days: int, border: str = "", *, follow: bool = False, **environment: str
) -> "subprocess.Popen[str]":
    """Run the platform in a process of its own, which says what it does, and kills itself behind the layer `border`.

    With `follow` it goes on after the days, and is killed in its first increment.
    """
    program = RUN.format(scale=SCALE, seed=SEED, forest=SMALL_FOREST)
    command = [sys.executable, "-c", program, str(base), str(days), border, *(["follow"] if follow else [])]
    everything = {**os.environ, **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=everything)


def grow_a_small_forest(patch: pytest.MonkeyPatch) -> None:
    """Let the platform of this process train the forest that `start` trains: who has it trains nothing again."""
    for name, value in SMALL_FOREST.items():
        patch.setattr(churn, name, value)


def contents(base: Path) -> dict[str, Counter[str]]:
    """Every row of every table that the platform made, as text, by the table's path."""
    found = {}
    for log in sorted(base.glob("**/_delta_log")):
        name = str(log.parent.relative_to(base))
        if name.startswith(MADE):
            found[name] = rows_of(log.parent)
    return found


def rows_of(table: Path) -> Counter[str]:
    """The rows of a Delta table, read without Spark, as sorted JSON, without what says when and in which batch."""
    rows = DeltaTable(str(table)).to_pyarrow_table().to_pylist()
    kept = [{name: value for name, value in row.items() if name not in VOLATILE} for row in rows]
    for row in kept:
        if text := row.get("_rescued_data"):
            row["_rescued_data"] = {key: value for key, value in json.loads(text).items() if key not in VOLATILE}
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in kept)


def versions(base: Path) -> dict[str, int]:
    """The newest version of every Delta table under a path."""
    return {
        str(log.parent.relative_to(base)): max(int(entry.stem) for entry in log.glob("*.json"))
        for log in base.glob("**/_delta_log")
    }


def run_and_die(base: Path, days: int, border: str = "", seconds: float | None = None, *, follow: bool = False) -> int:
    """Run the platform in a process that is killed with signal 9: behind a layer, or some seconds after its start.

    Returns how it ended: -9 if it was killed, 0 if it was done before.
    """
    process = start(base, days, border, follow=follow)
    assert process.stdout is not None
    process.stdout.readline()
    if seconds is not None:
        threading.Timer(seconds, process.kill).start()
    process.communicate()
    return process.returncode

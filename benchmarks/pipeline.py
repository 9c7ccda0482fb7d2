"""The platform, a tutorial's script and DuckDB on the same input: seconds, memory, ratios, and the same tables.

    .venv/bin/python benchmarks/pipeline.py [scale …]

Each is a process of its own, its start included, on the initial load (the first run) and then on the next day. The
tutorial's script and DuckDB compute everything again on the next day; the platform computes what has changed.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import psutil  # type: ignore[import-untyped]
from deltalake import DeltaTable

from lakehouse.addresses import Addresses
from lakehouse.sources import SourceSystems, loaded_on

COMPARED = (
    *("bronze/customer_changes", "bronze/products"),
    *("bronze/payments_online", "bronze/payments_store", "bronze/payments_wallet"),
    *("silver/customer_changes", "silver/product_versions", "silver/transactions", "silver/customers"),
    *("silver/products", "silver/quarantine", "silver/duplicates"),
    *("gold/daily_sales", "gold/product_performance", "gold/customer_360"),
)
# What is compared of the tables that both make in another form.
FORMS = {
    "silver/quarantine": (
        "source, split_part(key, '|', 1) AS key, list_sort([reason.rule for reason in reasons]) AS rules",
        "source, split_part(key, '|', 1) AS key, list_sort(rules) AS rules",
    ),
    "silver/duplicates": ("source, split_part(key, '|', 1) AS key", "source, split_part(key, '|', 1) AS key"),
}
PLATFORM = """
import json, sys
from datetime import date
from lakehouse import DataPlatformOrchestrator
from lakehouse.addresses import Addresses
from workbook.commands.run_platform import LARGE_SCALE
from workbook.spark.session import get_spark
given = json.load(open(sys.argv[1]))
addresses = Addresses(
    given["crm_url"],
    {"user": given["user"], "password": given["password"], "driver": "org.postgresql.Driver"},
    given["catalogue_url"],
    given["landing"],
    given["wallet_url"],
)
spark = get_spark(large=given["scale"] >= LARGE_SCALE)
as_of = date.fromisoformat(given["as_of"])
result = DataPlatformOrchestrator(spark, sys.argv[2], addresses=addresses, as_of=as_of).run_full_pipeline()
print(sum(layer.seconds for layer in result.layers if layer.name in ("ml", "api")))
"""
DUCK = """
import json, sys
from pathlib import Path
from benchmarks import duck
from lakehouse.addresses import Addresses
given = json.load(open(sys.argv[1]))
login = {"user": given["user"], "password": given["password"]}
places = Addresses(given["crm_url"], login, given["catalogue_url"], given["landing"], given["wallet_url"])
duck.run(places, Path(sys.argv[2]))
"""
TUTORIAL = "from benchmarks import tutorial; tutorial.main()"
CONTENDERS = {"platform": PLATFORM, "tutorial": TUTORIAL, "DuckDB": DUCK}


@dataclass(frozen=True)
class Measured:
    """One process: its seconds, start included, and the most memory that it and its children had, in GiB.

    `beyond` are those of its seconds that the platform spends on ML and on the API's release, which DuckDB makes not.
    """

    seconds: float
    memory: float
    beyond: float


def measured(code: str, addresses: Path, base: Path) -> Measured:
    """Run a contender to its end. Raises CalledProcessError where it fails."""
    root = Path(__file__).resolve().parents[1]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(addresses), str(base)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process, peak), daemon=True)
    watcher.start()
    printed, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode()[-3000:])
    watcher.join()
    beyond = float(printed) if code == PLATFORM else 0.0
    return Measured(time.monotonic() - began, peak[0] / 2**30, beyond)


def watch(process: "subprocess.Popen[bytes]", peak: list[int]) -> None:
    """Keep the largest sum of the memory of the process and all that it started, of those that two looks found.

    For a moment, a process that Java has just started seems to have all of Java's memory.
    """
    parent, before = psutil.Process(process.pid), 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            now = sum(map(resident, [parent, *parent.children(recursive=True)]))
            peak[0], before = max(peak[0], min(before, now)), now
        time.sleep(0.2)


def resident(process: psutil.Process) -> int:
    """The bytes of memory that a process has; 0 if it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def differing(platform: Path, other: Path, table: str) -> list[tuple[object, ...]]:
    """Up to 100 rows that one side has and the other has not, in all columns that `is_compared` lets through.

    A column that one side lacks must be NULL on the other: bronze gets its columns when they are first delivered.
    """
    mine, theirs = (DeltaTable(str(base / table)).to_pyarrow_dataset() for base in (platform, other))
    columns = sorted(filter(is_compared, {*mine.schema.names, *theirs.schema.names}))
    one, two = FORMS.get(table, tuple(selected(columns, side.schema.names) for side in (mine, theirs)))
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("mine", mine)
        db.register("theirs", theirs)
        mine_only = f"(SELECT {one} FROM mine EXCEPT ALL SELECT {two} FROM theirs)"
        theirs_only = f"(SELECT {two} FROM theirs EXCEPT ALL SELECT {one} FROM mine)"
        return db.execute(
            f"SELECT 'platform', * FROM {mine_only} UNION ALL SELECT 'other', * FROM {theirs_only} LIMIT 100"
        ).fetchall()


def selected(columns: list[str], there: list[str]) -> str:
    """The columns, in SQL: NULL where they are not there, and the warnings in the order of their names."""
    names = (name if name in there else f"NULL AS {name}" for name in columns)
    return ", ".join("list_sort(_warnings) AS _warnings" if name == "_warnings" else name for name in names)


def is_compared(column: str) -> bool:
    """Whether a column says something about the data: the others, which begin with an underscore, about the run."""
    return column == "_warnings" or not column.startswith("_")


def compared(bases: dict[str, Path]) -> list[str]:
    """The tables in which the platform differs from DuckDB, and from gold on from the tutorial's script."""
    wrong = [f"{table} (DuckDB)" for table in COMPARED if differing(bases["platform"], bases["DuckDB"], table)]
    last = [table for table in COMPARED if table.startswith("gold/")] + ["serving/sales_by_month"]
    return wrong + [f"{table} (tutorial)" for table in last if differing(bases["platform"], bases["tutorial"], table)]


def landing_for_all(folder: Path, name: str) -> Path:
    """A copy of the landing zone for one contender: the platform moves what it has read into an archive."""
    target = folder / name / "landing"
    shutil.copytree(folder / "landing", target, dirs_exist_ok=True)
    for path in target.glob("_archive/payments/*/*"):
        (target / path.relative_to(target / "_archive")).unlink(missing_ok=True)
    return target


def note(addresses: Addresses, landing: Path, scale: float, as_of: date, path: Path) -> Path:
    """The addresses, the scale and the day as a file, for a process of its own."""
    login = dict(addresses.crm_properties)
    known = {
        "crm_url": addresses.crm_url,
        "catalogue_url": addresses.catalogue_url,
        "landing": str(landing),
        "wallet_url": addresses.wallet_url,
        "scale": scale,
        "as_of": as_of.isoformat(),
    }
    path.write_text(json.dumps({**known, "user": login["user"], "password": login["password"]}), encoding="utf-8")
    return path


def race(scale: float) -> None:
    """Run all contenders at one scale, for both days, and print a line each."""
    with tempfile.TemporaryDirectory(prefix="pipeline-") as place:
        folder = Path(place)
        bases = {name: folder / name / "tables" for name in CONTENDERS}
        with SourceSystems(folder / "landing", scale) as systems:
            for day, title in enumerate(("first run", "next day")):
                systems.deliver(day)
                found = {}
                for name, code in CONTENDERS.items():
                    bases[name].mkdir(parents=True, exist_ok=True)
                    landing = landing_for_all(folder, name)
                    given = note(systems.addresses, landing, scale, loaded_on(day), folder / f"{name}.json")
                    found[name] = measured(code, given, bases[name])
                wrong = compared(bases)
                show(scale, title, found, wrong)


def show(scale: float, title: str, found: dict[str, Measured], wrong: list[str]) -> None:
    platform = found["platform"]
    for name, one in found.items():
        comparable = platform.seconds - (platform.beyond if name == "DuckDB" else 0)
        ratio = one.seconds / comparable
        print(f"| {scale:g} | {title} | {name} | {one.seconds:.1f} | {one.memory:.1f} | {ratio:.2f} |", flush=True)
    print(f"{platform.beyond:.1f} of the platform's seconds are ML and the API's release, left out beside DuckDB.")
    print("All tables agree." if not wrong else f"THEY DIFFER: {', '.join(wrong)}", flush=True)


if __name__ == "__main__":
    print(
        "| scale | run | what | seconds | GiB | times the platform |\n| --- | --- | --- | --- | --- | --- |", flush=True
    )
    for wanted in sys.argv[1:] or ["1", "10", "100"]:
        race(float(wanted))

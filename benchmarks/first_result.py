"""Seconds from `python` to a first Delta table, written and read: `python benchmarks/first_result.py [--runs 3]`.

The course's session against the one of Delta's own quick start, in turns, each in a fresh process. The quick start
runs as its page has it: spark-submit, Ivy with its jars fetched before, Java as the machine has it (the course's own
where it has none). Printed are all runs, the two medians and their ratio. Exit code 1 where it is above 0.3.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time

from workbook.spark import java, session

GOAL = 0.3
COURSE = """
from workbook import get_spark
spark = get_spark()
"""
QUICK_START = """
import pyspark
from delta import configure_spark_with_delta_pip
builder = (
    pyspark.sql.SparkSession.builder.appName("MyApp")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
)
spark = configure_spark_with_delta_pip(builder).getOrCreate()
"""
FIRST_RESULT = """
import tempfile
with tempfile.TemporaryDirectory() as folder:
    spark.range(0, 5).write.format("delta").save(folder + "/table")
    print(len(spark.read.format("delta").load(folder + "/table").collect()), flush=True)
"""


def seconds(start: str, environment: dict[str, str]) -> float:
    """From the start of a Python process to its first result. Raises SystemExit where there is none."""
    begin = time.perf_counter()
    command = [sys.executable, "-c", start + FIRST_RESULT]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = time.perf_counter() - begin
        _, errors = process.communicate()
    if line != "5\n":
        sys.exit(f"No first result:\n{errors[-2000:]}")
    return elapsed


def quick_start_environment() -> dict[str, str]:
    """The machine's own, with a Java where it has none, and with the certificates that the machine trusts."""
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": " ".join(java.trust_store_flags(session.CACHE))}
    if "JAVA_HOME" not in environment and not shutil.which("java"):
        environment["JAVA_HOME"] = str(java.home_for_launchers(session.CACHE))
    return environment


def main() -> int:
    """Print the figures; 1 where the ratio misses the goal."""
    parser = argparse.ArgumentParser(description="Time the course's session against Delta's quick start.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each (3)")
    runs = parser.parse_args().runs
    set_ups = {"course": (COURSE, dict(os.environ)), "quick start": (QUICK_START, quick_start_environment())}
    java.make_archive(session.CACHE)
    for set_up in set_ups.values():
        seconds(*set_up)  # not counted: it fetches the quick start's jars and fills the machine's file cache
    found: dict[str, list[float]] = {name: [] for name in set_ups}
    for run in range(1, runs + 1):
        for name, set_up in set_ups.items():
            found[name].append(seconds(*set_up))
        print(f"run {run}: " + ", ".join(f"{name} {times[-1]:.1f} s" for name, times in found.items()), flush=True)
    course, quick_start = (statistics.median(times) for times in found.values())
    ratio = course / quick_start
    print(f"medians: course {course:.1f} s, quick start {quick_start:.1f} s; ratio {ratio:.2f} (goal: {GOAL} or less)")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())

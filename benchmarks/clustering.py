"""What clustering saves the queries of the platform and its readers, in files and bytes.

    .venv/bin/python -m benchmarks.clustering [scale]

Files are kept small, 256 KiB, so that a shop of scale 1 has as many of them as a large one has with files of the usual
size. A query is asked before and after `maintain`; the files are those that Delta Lake leaves after skipping.
"""

import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import DataPlatformOrchestrator, clustering
from lakehouse.lake import Lake
from workbook.spark.session import get_spark

SMALL_FILES = 256 * 1024
QUESTIONS = {
    "sales of one day": ("silver/transactions", "ordered_on = DATE '2025-11-28'"),
    "sales of one month": ("silver/transactions", "ordered_on BETWEEN DATE '2025-11-01' AND DATE '2025-11-30'"),
    "orders of one customer": ("silver/transactions", "customer_id = 'C0000042'"),
    "one customer's history": ("silver/customers", "customer_id = 'C0000042'"),
    "one customer's 360": ("gold/customer_360", "customer_id = 'C0000042'"),
}


def opened(rows: DataFrame) -> tuple[int, int]:
    """How many files a query opens, and their bytes."""
    paths = [Path(unquote(urlsplit(file).path)) for file in rows.inputFiles()]
    return len(paths), sum(path.stat().st_size for path in paths)


def ask(lake: Lake) -> dict[str, tuple[int, int]]:
    """Files and bytes of every question."""
    return {title: opened(lake.read(name).where(F.expr(condition))) for title, (name, condition) in QUESTIONS.items()}


def main() -> None:
    spark = get_spark()
    with tempfile.TemporaryDirectory(prefix="clustering-") as base:
        platform = DataPlatformOrchestrator(spark, base, scale=float((sys.argv[1:] or ["1"])[0]))
        platform.run_full_pipeline()
        lake = platform.lake
        spark.conf.set("spark.databricks.delta.optimize.maxFileSize", SMALL_FILES)
        for name in clustering.CLUSTERED:
            # As many small deliveries would have left it: every file has rows of all days and customers.
            lake.overwrite(lake.read(name).repartition(16), name)
        before = ask(lake)
        clustering.maintain(lake)
        after = ask(lake)
    print("| question | files before | KiB before | files after | KiB after |\n| --- | --- | --- | --- | --- |")
    for title in QUESTIONS:
        numbers = (before[title][0], before[title][1] // 1024, after[title][0], after[title][1] // 1024)
        print(f"| {title} | {' | '.join(f'{number:,}' for number in numbers)} |")


if __name__ == "__main__":
    main()

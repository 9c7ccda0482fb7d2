"""Spark's connector to Kafka, added to a session that is there already: most lessons do without it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbook.errors import SetupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FORMAT = "kafka"
LOADER = "org.apache.spark.util.MutableURLClassLoader"


def add(spark: "SparkSession", jars: Sequence[Path]) -> None:
    """Let the session, and every thread and stream of it, read and write `format("kafka")`. Twice is as good as once.

    A Spark Connect server must bring the connector along: what a client adds is loaded anew for each stream, and the
    connector refuses to be loaded twice. Raises SetupError where it does not.
    """
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    if isinstance(spark, ConnectSession):
        _look_at_server(spark, jars)
        return
    # ADD JAR reaches the thread that says it and no other. This is what all threads of Spark's Java look into.
    java = spark._jvm.java  # type: ignore[union-attr]
    loader = java.lang.Thread.currentThread().getContextClassLoader()
    while loader.getParent().getClass().getName() == LOADER:
        loader = loader.getParent()
    for jar in jars:
        loader.addURL(java.io.File(str(jar)).toURI().toURL())
        if not str(spark.sparkContext.master).startswith("local"):  # the executors have a Java of their own
            spark.sparkContext._jsc.addJar(str(jar))


def _look_at_server(spark: "SparkSession", jars: Sequence[Path]) -> None:
    from pyspark.errors import PySparkException

    try:
        _ = (
            spark.read.format(FORMAT)
            .options(**{"kafka.bootstrap.servers": "nobody:1", "subscribe": "any"})
            .load()
            .schema
        )
    except PySparkException:
        raise SetupError(
            "This Spark Connect server has no Kafka connector, and a client cannot add one: start the server with "
            f"`--jars {','.join(map(str, jars))}`."
        ) from None

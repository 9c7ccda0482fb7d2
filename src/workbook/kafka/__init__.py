"""A real Kafka for lessons: its jars, Spark's connector, and a broker on this machine.

It stands apart from `workbook.servers`, which offers it, so that whoever needs only the database knows nothing of it.
"""

from typing import TYPE_CHECKING

from workbook.kafka import connector, jars
from workbook.kafka.broker import Broker, BrokerError
from workbook.spark import java
from workbook.spark.session import CACHE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Broker", "BrokerError", "kafka"]


def kafka(spark: "SparkSession") -> Broker:
    """A real Kafka broker without topics, which this session can read and write with `format("kafka")`.

    Use it as `with kafka(spark) as broker:`, or keep it and call `stop()`. Raises SetupError where it does not start,
    where its jars are missing and there is no network, and where a Spark Connect server lacks the connector.
    """
    broker = java.fetch_jars(CACHE, jars.BROKER)
    connector.add(spark, java.fetch_jars(CACHE, jars.CONNECTOR))
    return Broker(broker)

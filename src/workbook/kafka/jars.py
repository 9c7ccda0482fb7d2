"""The jars of Kafka, pinned by their checksums. The course's other jars are in `workbook.spark.java`."""

from pathlib import Path

from workbook.spark.java import Jar


def _pinned(name: str) -> tuple[Jar, ...]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return tuple(Jar(*line.split()) for line in lines)


BROKER = _pinned("broker.txt")
"""Kafka 4.1.1, and all that it needs besides a Java."""
CONNECTOR = _pinned("connector.txt")
"""Spark's connector, and what it needs that Spark does not bring."""
JARS = (*BROKER, *CONNECTOR)

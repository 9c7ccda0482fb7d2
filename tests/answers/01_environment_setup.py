"""Wrong answers that people really give to the exercises on environment setup, and right ones written otherwise."""

import re

from workbook.proofs import right, wrong


@wrong("delta_artifact", says="without the Spark line")
def name_of_older_releases(spark_version, scala_version, delta_version):
    """Knows the names of Delta 3 and 4.0."""
    return f"io.delta:delta-spark_{scala_version[:4]}:{delta_version}"


@wrong("delta_artifact", says="not whole versions")
def whole_versions(spark_version, scala_version, delta_version):
    """Takes the patch release for a part of the name."""
    return f"io.delta:delta-spark_{spark_version}_{scala_version}:{delta_version}"


@wrong("delta_artifact", says="delta-spark since Delta 3.0")
def delta_core(spark_version, scala_version, delta_version):
    """Copied from an old tutorial."""
    return f"io.delta:delta-core_{scala_version[:4]}:{delta_version}"


@wrong("delta_artifact", says="numbers between dots")
def first_three_characters(spark_version, scala_version, delta_version):
    """Cuts a text where numbers were meant."""
    scala_line = ".".join(scala_version.split(".")[:2])
    return f"io.delta:delta-spark_{spark_version[:3]}_{scala_line}:{delta_version}"


@right("delta_artifact")
def by_regular_expression(spark_version, scala_version, delta_version):
    spark_line, scala_line = (re.match(r"\d+\.\d+", text).group() for text in (spark_version, scala_version))
    return "io.delta:delta-spark_" + spark_line + "_" + scala_line + ":" + delta_version


excused: dict[str, dict[str, str]] = {}

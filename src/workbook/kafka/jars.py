"""The jars of Kafka, pinned by their checksums. The course's other jars are in `workbook.spark.java`."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workbook.environment import shielded
from workbook.errors import SetupError
from workbook.spark import java
from workbook.spark.java import Jar


def _pinned(name: str) -> tuple[Jar, ...]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return tuple(Jar(*line.split()) for line in lines)


BROKER = _pinned("broker.txt")
"""Kafka 4.1.1, and all that it needs besides a Java."""
CONNECTOR = _pinned("connector.txt")
"""Spark's connector, and what it needs that Spark does not bring."""
JARS = (*BROKER, *CONNECTOR)


def fetch(cache: Path, jars: Sequence[Jar] = JARS) -> list[Path]:
    """The pinned jars as paths in `cache`, fetched first where missing.

    They are many, so one Ivy fetches all of them. Raises SetupError without a network, or when one is not as pinned.
    """
    if missing := java.missing_jars(cache, jars):
        _fetch(missing, cache)
    return [cache / "jars" / jar.file for jar in jars]


def _fetch(jars: Sequence[Jar], cache: Path) -> None:
    with java.writable(cache / "jars") as folder, tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.xml")
        wanted.write_text(_as_ivy(jars), encoding="utf-8")
        command = [
            str(java.java_command(java.find_java())),
            *java.trust_store_flags(cache),
            *java.proxy_flags(Path(scratch, "proxy")),
            *("-jar", str(java._ivy()), "-cache", scratch, "-types", "jar", "bundle", "-ivy", str(wanted)),
            *("-retrieve", f"{scratch}/out/[artifact]-[revision].[ext]"),
        ]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", env=shielded())
        for jar in jars:
            fetched = Path(scratch, "out", jar.file)
            if not fetched.is_file():
                reason = java._reason(run.stdout + run.stderr)
                raise SetupError(
                    f"Kafka's jars are missing, and {jar.file} could not be fetched from Maven Central ({reason}): "
                    "connect to a network once, check the proxy (HTTPS_PROXY), then run `make start` again."
                )
            if not java._is_whole(fetched, jar):
                raise SetupError(
                    f"The {jar.file} that was fetched is not the pinned one: something on the way changed it; "
                    "try again on another network."
                )
            shutil.move(fetched, folder / jar.file)


def _as_ivy(jars: Sequence[Jar]) -> str:
    """What Ivy is to fetch: these jars and nothing that they ask for, also two versions of one."""
    wanted = "".join(
        f'<dependency org="{jar.group}" name="{jar.name}" rev="{jar.version}" transitive="false" conf="*->default"/>'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0"><info organisation="workbook" module="kafka"/><configurations><conf name="default"/>'
        f'</configurations><dependencies>{wanted}<conflict manager="all"/></dependencies></ivy-module>'
    )

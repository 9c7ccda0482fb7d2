"""What of the environment the course's processes do not take over, and what this process is shielded from.

What was set for another Spark, Java, Jupyter or database leads ours there, often without a word.
"""

import os
import sys
import sysconfig
import urllib.request

FOREIGN = (
    *("SPARK_", "PYSPARK_", "PYTHON", "JUPYTER", "IPYTHON", "PG"),
    *("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "MASTER"),
)
"""How the names of variables begin that are left behind."""
CHOICES = ("SPARK_MASTER", "SPARK_REMOTE")
"""What says to `get_spark` where Spark runs."""
THIS_MACHINE = ("127.0.0.1", "localhost")


def shielded(**own: str) -> dict[str, str]:
    """The environment for a process of the course: this one's without what is foreign, and with what is its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "PYTHONUTF8": "1", **own}


def choices() -> dict[str, str]:
    """Where the learner wants Spark to run, for a process in which `get_spark` is called."""
    return {name: os.environ[name] for name in CHOICES if name in os.environ}


def settle() -> None:
    """Let this process prefer the course's own packages, and reach servers of this machine without a proxy.

    Not on Databricks, whose own Spark comes by PYTHONPATH.
    """
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return
    given = {os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path}
    packages = sysconfig.get_paths()["purelib"]
    if packages in sys.path:
        before, after = sys.path[: sys.path.index(packages)], sys.path[sys.path.index(packages) :]
        sys.path[:] = (
            [path for path in before if path not in given] + after + [path for path in before if path in given]
        )
    # Without a proxy there, it would hide those that a Mac has in its settings.
    if proxies := urllib.request.getproxies_environment():
        known = [host for host in proxies.get("no", "").split(",") if host]
        exceptions = ",".join([*known, *(host for host in THIS_MACHINE if host not in known)])
        os.environ.update(no_proxy=exceptions, NO_PROXY=exceptions)

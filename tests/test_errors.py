"""What is said of an error that the platform did not raise itself."""

import pytest

from lakehouse.errors import cause

FAILED_BATCH = """[STREAM_FAILED] Query terminated with exception: An exception was raised by the Python \
Proxy. Return Message: Traceback (most recent call last):
  File "files.py", line 164, in batch
    write_once(good, target)
ValueError: the first of two

During handling of the above exception, another exception occurred:

py4j.protocol.Py4JJavaError: An error occurred while calling o1089.save.
: org.apache.spark.sql.delta.DeltaIOException: [DELTA_CANNOT_CREATE_LOG_PATH] Cannot create file:/x/_delta_log
\tat org.apache.spark.sql.delta.DeltaErrorsBase.cannotCreate(DeltaErrors.scala:2022)
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.write(Native Method)
"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError(FAILED_BATCH), "IOException: No space left on device"),
        (RuntimeError(FAILED_BATCH.partition("Caused")[0]), "DeltaIOException: [DELTA_CANNOT_CREATE_LOG_PATH] Cannot"),
        (RuntimeError(FAILED_BATCH.partition("During")[0]), "ValueError: the first of two"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (OSError("one\ntwo"), "OSError: one"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 300),
    ],
)
def test_the_innermost_cause_is_said_in_one_line(error: Exception, said: str) -> None:
    found = cause(error)
    assert found.startswith(said) and "\n" not in found and len(found) < 340

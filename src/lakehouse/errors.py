"""The errors of the platform that its user can cure, and what is said of any other."""

import re

LONGEST = 300
# A line of a Python traceback or of a Java stack trace that names an error and what it says.
NAMED = re.compile(r"^(?:Caused by: |: )?(?:[\w$]+\.)*([\w$]*(?:Error|Exception)): (.*\S)", re.MULTILINE)


class PlatformError(Exception):
    """Something that the user can cure; the message is one sentence that says what, where and what to do."""


def cause(error: BaseException) -> str:
    """The innermost error that the text of an error tells of, in one line.

    What goes wrong in a batch of a stream, or in a Python data source, comes wrapped several times, stack traces
    between.
    """
    text = str(error).strip()
    named = NAMED.findall(text)
    name, said = named[-1] if named else (type(error).__name__, text.partition("\n")[0])
    return f"{name}: {said[:LONGEST]}" if said else name

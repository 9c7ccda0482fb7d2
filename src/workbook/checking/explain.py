"""A plain sentence or two for whatever a learner's code raised."""

import linecache
import re
import textwrap
import traceback
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

MOST_CHARACTERS = 300
MOST_OF_A_LINE = 80
MOST_NAMES = 3  # of a list that Spark suggests: it puts the likeliest first


def explain(error: BaseException, answer: Callable[..., Any]) -> str:
    """What went wrong, in whole sentences, and on a line of its own the learner's line where it is known."""
    line = _own_line(error, answer)
    shown = f"\nYour line: {as_code(textwrap.shorten(line, MOST_OF_A_LINE, placeholder=' …'))}" if line else ""
    return _whole_sentences(_shadowed(answer) or _what(error), MOST_CHARACTERS - len(shown)) + shown


def as_code(text: str) -> str:
    """`text` as code of Markdown, between marks that it does not have itself."""
    mark = "``" if "`" in text else "`"
    return f"{mark}{text}{mark}"


def _whole_sentences(text: str, most: int) -> str:
    """As many sentences of the text as `most` characters hold; of a first one that is longer, its beginning."""
    first, *more = re.split(r"(?<=[.?!]) (?=[A-Z])", " ".join(text.split()))
    told = textwrap.shorten(first, most, placeholder=" …")
    for sentence in more:
        if len(told) + 1 + len(sentence) > most:
            break
        told += f" {sentence}"
    return told


def details(error: BaseException) -> str:
    """The full traceback, for those who click for it."""
    return "".join(traceback.format_exception(error))


def condition(error: BaseException) -> str:
    """The name of an error: Spark's condition, such as `TABLE_OR_VIEW_NOT_FOUND`, or else its class."""
    found = re.match(r"Spark says ([A-Z0-9_.]+):", _what(error))
    java = getattr(error, "java_exception", None)
    return found.group(1) if found else java.getClass().getSimpleName() if java else type(error).__name__


def _what(error: BaseException) -> str:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    if isinstance(error, PySparkException):
        return _spark_sentence(error.getCondition(), str(error))  # getMessage fails for Delta's own errors
    if isinstance(error, Py4JJavaError):
        return _java_sentence(error)
    if isinstance(error, RecursionError):
        return "Your function calls itself without end (RecursionError)."
    if isinstance(error, SystemExit):
        return "Your code ended the program (SystemExit): leave `exit()` out."
    return f"Your code raised {type(error).__name__}: {str(error).strip() or 'no message'}."


def _spark_sentence(condition: str | None, message: str) -> str:
    """The first sentence of Spark's message, without its state code, with the condition in front."""
    first = re.sub(r"^\[[A-Z0-9_.]+\]\s*", "", message.strip()).splitlines()[0]
    first = re.sub(r"\s*SQLSTATE: \w+.*$", "", first)
    # Without ANSI the wrong value becomes NULL in silence: no advice for a learner.
    first = re.sub(r'\s*If necessary,? set "?spark\.sql\.ansi\.enabled"? to "?false"?.*$', "", first)
    first = re.sub(rf"\[((?:`[^`]+`, ){{{MOST_NAMES}}})`[^]]*\]", r"[\1…]", first)
    # Spark does not know the names of Delta's errors.
    if unknown := re.match(r"Cannot find main error class '([A-Z0-9_]+)'", first):
        return f"Spark says {unknown.group(1)}: it has no more words for it."
    return f"Spark says {condition}: {first}" if condition else f"Spark says: {first}"


def _java_sentence(error: Any) -> str:
    """The message of the innermost cause that has a condition of Spark's, or else of the innermost that has one."""
    cause, messages = error.java_exception, ["a Java error without a message"]
    while cause is not None:
        messages.append(cause.getMessage() or messages[-1])
        cause = cause.getCause()
    conditions = [found for message in messages if (found := re.match(r"\[([A-Z0-9_.]+)\]", message))]
    if conditions:
        return _spark_sentence(conditions[-1].group(1), conditions[-1].string)
    return _spark_sentence(None, messages[-1])


def _own_line(error: BaseException, answer: Callable[..., Any]) -> str:
    """The source of the innermost line inside the learner's function (or the Spark call site), or nothing."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return ""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    inside = [number for frame, number in _numbered(frames, error) if frame.f_code.co_filename == code.co_filename]
    if inside:
        return linecache.getline(code.co_filename, inside[-1]).strip()
    return _call_site(error, code)


def _numbered(frames: list[Any], error: BaseException) -> list[tuple[Any, int]]:
    return list(zip(frames, (number for _, number in traceback.walk_tb(error.__traceback__)), strict=True))


def _call_site(error: BaseException, code: CodeType) -> str:
    """Where the column that failed was written: Spark keeps it when the error comes up only at the action."""
    try:
        contexts = error.getQueryContext()  # type: ignore[attr-defined]
        sites = [context.callSite() for context in contexts]
    except Exception:  # errors without a context differ by session kind
        return ""
    for site in sites:
        found = re.search(r"(.+):(\d+)$", site)
        if found and found.group(1).endswith(code.co_filename):
            return linecache.getline(code.co_filename, int(found.group(2))).strip()
    return ""


def _shadowed(answer: Callable[..., Any]) -> str:
    """The sentence for a name of the notebook that no longer means what it meant, or nothing."""
    names = getattr(answer, "__globals__", {})
    used = getattr(getattr(answer, "__code__", None), "co_names", ())
    functions = names.get("F")
    if "F" in used and "F" in names and getattr(functions, "__name__", "") != "pyspark.sql.functions":
        return (
            f"`F` is now {_kind(functions)} in your notebook, so `F.…` cannot work: "
            "run `from pyspark.sql import functions as F` again."
        )
    if "spark" in used and "spark" in names and not hasattr(names["spark"], "createDataFrame"):
        return f"`spark` is now {_kind(names['spark'])} in your notebook: run `spark = get_spark()` again."
    return ""


def _kind(value: object) -> str:
    return "a module" if isinstance(value, ModuleType) else f"a {type(value).__name__}"

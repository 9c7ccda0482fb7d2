"""The proof of a question: run what it asks about, and compare with the answer that is marked as right."""

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.questions.bank import Question, demand

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def prove(question: Question, spark: "SparkSession", path: Path) -> None:
    """Run the question's proof, with `spark` and the empty folder `path`, and compare.

    Raises QuestionError where the marked answer is not what comes out, or where there is nothing to run.
    """
    rule = (f"{question.stem}.yml", question.id, "proof gives the marked answer")
    demand(question.provable, rule, "it has no proof; give it one.")
    answer = _answer_of(question, spark, path)
    marked = {_comparable(option.value) for option in question.right}
    found = {_comparable(part) for part in answer} if question.kind == "multiple" else {_comparable(answer)}
    cure = f"the proof gives {sorted(found)}, and marked as right is {sorted(marked)}; correct the one that is wrong."
    demand(found == marked, rule, cure)
    also = [option.text for option in question.options if not option.right and _comparable(option.value) in found]
    demand(not also, rule, f"the proof's answer is also that of the wrong option {also}; make the options differ.")


def _answer_of(question: Question, spark: "SparkSession", path: Path) -> Any:
    names: dict[str, Any] = {"spark": spark, "path": str(path)}
    if question.proof:
        exec(compile(question.proof, f"<proof of {question.id}>", "exec"), names)
        return names["answer"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(question.code, f"<code of {question.id}>", "exec"), names)
    return printed.getvalue()


def _comparable(value: Any) -> str:
    """Values as text, so that 3, 3.0 and "3" are the same answer, and so are lines with spaces at their ends."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "\n".join(line.rstrip() for line in str(value).strip().splitlines())

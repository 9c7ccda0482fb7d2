"""How a quiz looks: jupyterquiz's questions in a notebook and on the site, text in a terminal.

One HTML output, the same bytes on each run. The script comes with the first quiz of a notebook; a quiz shown
where no script runs (a preview, a notebook that is not trusted) is a list of questions that unfold.
"""

import functools
import html
import importlib.resources
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbook.course import Course
from workbook.questions.bank import LETTERS, Option, Question, named, plain

# What our questions need of jupyterquiz's scripts, in the order in which they build on each other.
SCRIPTS = ("helpers.js", "multiple_choice.js", "numeric.js", "show_questions.js")


@dataclass(frozen=True)
class Quiz:
    """Some questions under a name, ready to be shown. `script` says whether the output brings the script along."""

    name: str
    questions: tuple[Question, ...]
    script: bool

    def __repr__(self) -> str:
        count = len(self.questions)
        return f"Quiz {self.name}: {count} question{'' if count == 1 else 's'}"

    def _repr_html_(self) -> str:
        data = json.dumps([jupyterquiz_form(question) for question in self.questions], ensure_ascii=False)
        library = f"<style>{_style()}</style><script>{_script()}</script>" if self.script else ""
        return (
            f'{library}<div class="workbook-quiz" id="quiz-{_slug(self.name)}">'
            f"{''.join(unfolding(question) for question in self.questions)}"
            "<script>(window.workbookQuizzes = window.workbookQuizzes || [])"
            f".push([document.currentScript.parentElement, {_in_script(data)}]);"
            "if (window.workbookShowQuizzes) window.workbookShowQuizzes();</script></div>"
        )

    def text(self) -> str:
        """The questions for a terminal, with the answers at the end."""
        asked = [_as_text(number, question) for number, question in enumerate(self.questions, start=1)]
        answers = [
            f"{number}. {', '.join(plain(option.text) for option in question.right)}"
            for number, question in enumerate(self.questions, start=1)
        ]
        return "\n\n".join([repr(self), *asked, "Answers", *answers])


def quiz(*names: str) -> None:
    """Show a quiz in the notebook: all questions of an objective (`quiz("1.1")`), or those of the given ids.

    Prints the questions where there is no notebook. Raises QuestionError for a name that is not in the bank.
    """
    questions = [question for name in names for question in named(Course.here(), name)]
    show(" ".join(names), questions)


def unfolded(course: Course, *names: str) -> list[str]:
    """The questions of a quiz as HTML, one by one: what its output must hold."""
    return [unfolding(question) for name in names for question in named(course, name)]


_first_shown: str | None = None


def show(name: str, questions: list[Question]) -> None:
    """Show the questions where the code runs. The first quiz of a process brings the script, each time it is shown."""
    global _first_shown
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        print(Quiz(name, tuple(questions), script=False).text())
        return
    from IPython.display import display

    _first_shown = _first_shown or name
    display(Quiz(name, tuple(questions), script=name == _first_shown))


def rich(text: str) -> str:
    """Markdown-light as HTML: `code`, **strong**, an empty line between paragraphs. Everything else is escaped.

    Dollar signs and brackets are written as entities: jupyterquiz takes them for formulas and links.
    """
    escaped = html.escape(" \n\n ".join(" ".join(part.split()) for part in text.split("\n\n")))
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", _no_marks(escaped))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escaped).strip().replace("\n\n", "<br><br>")


def offered(question: Question, option: Option) -> str:
    """An option as HTML; what a program might print keeps its lines and spaces."""
    if question.kind != "predict-output":
        return rich(option.text)
    return f"<code>{_no_marks(html.escape(plain(option.text)))}</code>"


def _no_marks(escaped: str) -> str:
    return escaped.replace("$", "&#36;").replace("[", "&#91;")


def asked(question: Question) -> str:
    """The question itself as HTML, with the items to be ordered and a word on how many options are right."""
    items = "".join(f"<br>{letter}. {rich(item)}" for letter, item in zip(LETTERS, question.items, strict=False))
    return (
        rich(question.text)
        + (items and f"<br>{items}")
        + (" (More than one is right.)" if len(question.right) > 1 else "")
    )


def verdict(option: Option) -> str:
    """A mark and a word, so that neither colour nor the mark alone carries the meaning."""
    return "✓ Right" if option.right else "✗ Wrong"


def explained(question: Question) -> str:
    """A list of all options as HTML: right or wrong, and why; last the documentation."""
    entries = "".join(
        f"<li><strong>{verdict(option)}:</strong> {offered(question, option)}<br>{rich(option.because)}</li>"
        for option in question.options
    )
    source = html.escape(question.source)
    link = f'<p><a href="{source}">Documentation</a></p>' if source else ""
    return f"<ul>{entries}</ul>{link}"


def unfolding(question: Question) -> str:
    """The question as HTML that needs no script: the options, and their explanations behind a click."""
    code = f"<pre><code>{html.escape(question.code)}</code></pre>" if question.code else ""
    options = (
        ""
        if question.kind == "numeric"
        else "".join(f"<li>{offered(question, option)}</li>" for option in question.options)
    )
    return (
        f'<div class="workbook-question"><p>{asked(question)}</p>{code}{options and f"<ul>{options}</ul>"}'
        f"<details><summary>Every option explained</summary>{explained(question)}</details></div>"
    )


def jupyterquiz_form(question: Question) -> dict[str, Any]:
    """The question as jupyterquiz reads it: HTML in every text."""
    form: dict[str, Any] = {"question": asked(question)}
    if question.code:
        form["code"] = html.escape(question.code)
    feedback = [f"{'Right.' if option.right else 'Not right.'} {rich(option.because)}" for option in question.options]
    if question.kind == "numeric":
        answers: list[dict[str, Any]] = [
            {"type": "value", "value": option.value, "correct": option.right, "feedback": said}
            for option, said in zip(question.options, feedback, strict=True)
        ]
        answers.append({"type": "default", "feedback": "Not right. Work it through once more, and try again."})
        return {**form, "type": "numeric", "answers": answers}
    return {
        **form,
        "type": "many_choice" if question.kind == "multiple" else "multiple_choice",
        "answers": [
            {"answer": offered(question, option), "correct": option.right, "feedback": said}
            for option, said in zip(question.options, feedback, strict=True)
        ],
    }


def _as_text(number: int, question: Question) -> str:
    lines = [f"{number}. {plain(question.text)}"]
    lines += [f"   {line}" for line in question.code.splitlines()]
    lines += [f"   {letter}. {plain(item)}" for letter, item in zip(LETTERS, question.items, strict=False)]
    if question.kind != "numeric":
        lines += ["   - " + plain(option.text).replace("\n", "\n     ") for option in question.options]
    return "\n".join(lines)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def _in_script(text: str) -> str:
    """JSON that can stand in a script element: no end tag and no comment begins in it."""
    return text.replace("<", "\\u003c")


@functools.cache
def _script() -> str:
    """jupyterquiz's scripts in a scope of their own, where MathJax and the console's chatter are not, and ours."""
    folder = importlib.resources.files("jupyterquiz") / "js"
    theirs = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    ours = Path(__file__).with_name("quiz.js").read_text(encoding="utf-8")
    return "if (!window.workbookShowQuizzes) (function () {\n" + _compact(theirs) + "\n" + ours + "})();"


def _compact(script: str) -> str:
    """The script without comment lines, console messages and indentation: two thirds of its size."""
    script = re.sub(r"^\s*/\*.*?\*/\s*$", "", script, flags=re.MULTILINE | re.DOTALL)
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "console.log(")))


@functools.cache
def _style() -> str:
    return Path(__file__).with_name("quiz.css").read_text(encoding="utf-8")

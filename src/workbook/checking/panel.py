"""How the outcome of a check looks: HTML in a notebook, text in a terminal.

The HTML holds all that it shows, so it stays as it is when the kernel ends or the notebook is opened again.
"""

import html
import re
from dataclasses import dataclass

from workbook.checking.case import Evidence
from workbook.checking.outcome import Outcome, Result

# Each colour has a contrast of at least 3:1 on a white and on a black background; the word beside it says the same.
LOOK: dict[Outcome, tuple[str, str, str]] = {
    "passed": ("✓", "Passed", "#2a9055"),
    "failed": ("✗", "Not yet", "#c4621d"),
    "not_attempted": ("○", "Not attempted", "#767f8c"),
    "error": ("!", "Error", "#d0454c"),
}
NOTE_COLOUR = "#3b7dc4"


@dataclass(frozen=True)
class Panel:
    """One result, ready to be shown.

    `hint` is the next hint, `hints` all that are open; `solution` is empty until it may be seen.
    """

    result: Result
    hint: str = ""
    solution: str = ""
    hints: str = ""

    def __repr__(self) -> str:
        """The panel as plain text, the same on every run."""
        mark, word, _ = LOOK[self.result.outcome]
        lines = [f"{mark} {self.result.exercise.name}: {word.lower()}"]
        documentation = f"Documentation: {self.result.exercise.docs}"
        if self.result.outcome == "passed":
            return "\n".join([*lines, self.result.exercise.why, documentation])
        lines.append(self.result.message)
        for item in self.result.evidence:
            parts = (("input", item.given), ("yours", item.yours), ("expected", item.expected))
            lines += [
                f"  {name:>8}: {text.replace(chr(10), ' | ') or '(nothing)'}"
                for name, text in parts
                if text or name != "input"
            ]
        if self.result.printed:
            lines += ["Your code printed:", *(f"  {line}" for line in self.result.printed.splitlines())]
        if self.hint:
            lines += [f"Hint: {self.hint}", documentation]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        mark, word, colour = LOOK[self.result.outcome]
        exercise = self.result.exercise
        outcome = f"<p><strong>{mark} {word}</strong> · <code>{html.escape(exercise.name)}</code></p>"
        message = "" if self.result.outcome == "passed" else f"<p>{rich(self.result.message)}</p>"
        parts = [
            announced(outcome + message),
            _table(self.result.evidence),
            f"<p><strong>Why it matters.</strong> {rich(exercise.why)}</p>" if self.result.outcome == "passed" else "",
            f"<p><strong>Hint.</strong> {rich(self.hint)}</p>" if self.hint else "",
            _documentation(exercise.docs),
            _folded("All hints that are open", self.hints and f"<p>{rich(self.hints)}</p>"),
            _folded("The solution", self.solution and code_block(self.solution)),
            _folded("What your code printed", self.result.printed and code_block(self.result.printed)),
            _folded("The whole traceback", self.result.traceback and code_block(self.result.traceback)),
            "" if self.solution else f"<p>For a solution, run <code>reveal({exercise.name})</code> in a cell.</p>",
        ]
        return framed("".join(parts), colour)


def announced(inner: str) -> str:
    """`inner` as what a screen reader says when it appears; keep it to a sentence or two."""
    return f'<div role="status">{inner}</div>'


def framed(inner: str, colour: str) -> str:
    """`inner` in a box; text and background stay those of the theme."""
    style = f"border-left:5px solid {colour};padding:.2em 1em;margin:.5em 0;overflow-x:auto"
    return f'<div class="workbook-panel" style="{style}">{inner}</div>'


def code_block(code: str) -> str:
    """`code` in a block that the keyboard can scroll."""
    return f'<pre tabindex="0" style="max-height:20em;overflow:auto"><code>{html.escape(code)}</code></pre>'


def rich(text: str) -> str:
    """Escaped text with `code` and ``co`de`` in code tags and line breaks kept."""
    return re.sub(r"(``?)(.+?)\1", r"<code>\2</code>", html.escape(text), flags=re.DOTALL).replace("\n", "<br>")


def _documentation(address: str) -> str:
    return f'<p><a href="{html.escape(address)}" target="_blank" rel="noopener">Documentation</a></p>'


def _table(evidence: list[Evidence]) -> str:
    if not evidence:
        return ""
    head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in ("Input", "Yours", "Expected"))
    lines = ([_table_cell(text) for text in (item.given, item.yours, item.expected)] for item in evidence)
    rows = "".join(f"<tr>{''.join(cells)}</tr>" for cells in lines)
    return f"<table><caption>The rows that show it</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _table_cell(text: str) -> str:
    style = "text-align:left;white-space:pre-line;vertical-align:top"
    return f'<td style="{style}">{html.escape(text) or "<em>nothing</em>"}</td>'


def _folded(title: str, inner: str) -> str:
    return f"<details><summary>{title}</summary>{inner}</details>" if inner else ""


def show(panel: Panel) -> None:
    """Display the panel in a notebook, or print it elsewhere."""
    if not _in_notebook():
        print(panel)
        return
    from IPython.display import display

    display(panel)


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")

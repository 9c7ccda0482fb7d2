"""What a learner sees of a check: in a notebook, in a terminal, and with a screen reader."""

import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbclient import NotebookClient

from workbook import ____, check, hint, reveal
from workbook.checking import learner, panel
from workbook.checking.case import Evidence
from workbook.checking.exercise import find_exercise
from workbook.checking.learner import CheckFailed
from workbook.checking.outcome import Result
from workbook.checking.panel import Panel
from workbook.checking.progress import Progress
from workbook.course import Course

NUDGE, API, SKELETON = "What does the function return?", "`return` gives a value back.", "Write `return … * amount`."
WHY = "A function that returns can be tested and used again; one that prints cannot."
DOCS = "https://docs.python.org/3/tutorial/controlflow.html"


def right(amount: int) -> int:
    return 2 * amount


def wrong(amount: int) -> int:
    return amount + 4


def answer(function):
    """The function as the learner's own, named as the exercise asks."""
    function.__name__ = "twice"
    return function


def result(course: Course, outcome, message: str = "twice(3) gave 7.", **more) -> Result:
    return Result(find_exercise(course, "twice"), outcome, message, **more)


# In a terminal, and in every place that is no notebook.


def test_a_failed_check_says_what_was_seen_and_gives_the_first_hint(small_course, capsys) -> None:
    check(answer(wrong))
    assert capsys.readouterr().out.splitlines() == [
        "✗ twice: not yet",
        "twice(3) gave 7, and 6 was expected. Follow that call through your code: which line makes it so?",
        "     input: twice(3)",
        "     yours: 7",
        "  expected: 6",
        f"Hint: {NUDGE}",
        f"Documentation: {DOCS}",
    ]


def test_a_pass_adds_why_it_matters(small_course, capsys) -> None:
    check(answer(right))
    assert capsys.readouterr().out.splitlines() == ["✓ twice: passed", WHY, f"Documentation: {DOCS}"]


def test_what_an_answer_prints_is_shown_apart(small_course, capsys) -> None:
    def chatty(amount):
        print("I am here")
        return amount

    check(answer(chatty))
    assert "Your code printed:\n  I am here\n" in capsys.readouterr().out


@pytest.mark.parametrize("nothing", [lambda: None, "twice_as_much", 3])
def test_something_that_is_no_exercise_is_named_and_nothing_raises(small_course, capsys, nothing) -> None:
    check(nothing)
    assert capsys.readouterr().out.startswith("There is no exercise called ")


def test_a_check_never_raises_whatever_the_answer_does(small_course, capsys) -> None:
    def divides(amount):
        return amount / 0

    check(answer(divides))
    assert capsys.readouterr().out.startswith("! twice: error\nYour code raised ZeroDivisionError")


def test_a_strict_check_raises_unless_it_passes(small_course, monkeypatch) -> None:
    monkeypatch.setenv("WORKBOOK_STRICT", "1")
    check(answer(right))
    with pytest.raises(CheckFailed, match=r"twice: failed: twice\(3\) gave 7"):
        check(answer(wrong))


# The ladder of hints, and the solution.


def test_the_first_hint_is_free_and_each_failed_check_opens_the_next(small_course, capsys) -> None:
    more = "The next hint opens after another check that does not pass."
    assert repr(hint(answer(right))).splitlines() == [f"Hint 1. {NUDGE}", more]
    check(answer(wrong))
    assert repr(hint("twice")).splitlines() == [f"Hint 1. {NUDGE}", f"Hint 2. {API}", f"Documentation: {DOCS}", more]
    check(answer(wrong))
    assert repr(hint("twice")).splitlines() == [
        f"Hint 1. {NUDGE}",
        f"Hint 2. {API}",
        f"Hint 3. {SKELETON}",
        f"Documentation: {DOCS}",
    ]
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("Hint")] == [
        f"Hint: {NUDGE}",
        f"Hint: {API}",
    ]


def test_a_pass_or_a_blank_opens_no_hint(small_course) -> None:
    check(answer(right))
    check(answer(lambda amount: ____))
    assert "Hint 2" not in repr(hint("twice"))


def test_the_solution_opens_on_a_pass_or_after_three_failures(small_course) -> None:
    progress = Progress(None)
    seen = [
        learner.recorded(small_course, result(small_course, outcome), progress).solution
        for outcome in ("not_attempted", "failed", "error", "failed")
    ]
    assert seen[:3] == ["", "", ""]
    assert seen[3].endswith('"""The double of `amount`."""\n    return 2 * amount')
    passed = learner.recorded(small_course, result(small_course, "passed"), Progress(None))
    assert passed.solution == seen[3]


def test_reveal_shows_the_solution_whenever_it_is_asked_for_and_leaves_the_exercise_open(small_course) -> None:
    shown = repr(reveal("twice"))
    assert shown.startswith(f"One solution of `twice`. {WHY}")
    assert shown.endswith("return 2 * amount")
    progress = Progress(small_course.progress)
    assert not progress.passed("twice")
    assert progress.standing() == {}


# Where progress goes.


def test_progress_is_recorded_in_work(small_course) -> None:
    check(answer(right))
    assert Progress(small_course.progress).standing() == {"twice": "passed"}


def test_a_check_elsewhere_leaves_no_progress_on_disk(small_course, monkeypatch, capsys) -> None:
    monkeypatch.chdir(small_course.root / "solutions")
    check(answer(right))
    assert capsys.readouterr().out.startswith("✓ twice: passed")
    assert not small_course.progress.exists()


def test_a_damaged_progress_file_is_set_aside_and_the_learner_told(small_course, capsys) -> None:
    small_course.progress.write_bytes(b"no database at all " * 100)
    check(answer(right))
    out = capsys.readouterr().out
    assert out.startswith("Your progress file was damaged. It is kept as progress.sqlite.damaged-")
    assert "✓ twice: passed" in out


# The panel in a notebook: HTML.


class Page(HTMLParser):
    """The elements of a piece of HTML, in order, each with its attributes and the text inside it."""

    EMPTY = ("br",)

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[dict] = []
        self.elements: list[dict] = []
        self.feed(html)
        self.close()
        assert self.open == [], "an element is not closed"

    def handle_starttag(self, tag, attributes) -> None:
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in self.EMPTY:
            self.open.append(element)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data) -> None:
        for element in self.open:
            element["text"] += data

    def all(self, tag: str) -> list[dict]:
        return [element for element in self.elements if element["tag"] == tag]

    @property
    def announced(self) -> str:
        [status] = [element for element in self.elements if element.get("role") == "status"]
        return status["text"]


def page(shown) -> Page:
    return Page(shown._repr_html_())


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("passed", "✓ Passed · twice"),
        ("failed", "✗ Not yet · twicetwice(3) gave 7."),
        ("not_attempted", "○ Not attempted · twicetwice(3) gave 7."),
        ("error", "! Error · twicetwice(3) gave 7."),
    ],
)
def test_a_screen_reader_is_told_outcome_and_message_in_words(small_course, outcome, said) -> None:
    assert page(Panel(result(small_course, outcome))).announced == said


def test_the_learners_own_line_is_code_on_a_line_of_its_own(small_course) -> None:
    message = "Spark says X: `a` is unknown.\nYour line: ``F.col('`a`') < 3``"
    html = Panel(result(small_course, "error", message))._repr_html_()
    told = "<code>a</code> is unknown.<br>Your line: <code>F.col(&#x27;`a`&#x27;) &lt; 3</code></p>"
    assert told in html


def test_the_table_shows_input_yours_and_expected(small_course) -> None:
    evidence = [Evidence("C2, Bergen\nC2, Oslo", "C2, Bergen", "C2, Oslo"), Evidence("C3, <b>", "", "C3, <b>")]
    shown = page(Panel(result(small_course, "failed", evidence=evidence)))
    assert [head["text"] for head in shown.all("th")] == ["Input", "Yours", "Expected"]
    assert {head["scope"] for head in shown.all("th")} == {"col"}
    assert [caption["text"] for caption in shown.all("caption")] == ["The rows that show it"]
    assert [cell["text"] for cell in shown.all("td")] == [
        *("C2, Bergen\nC2, Oslo", "C2, Bergen", "C2, Oslo"),
        *("C3, <b>", "nothing", "C3, <b>"),
    ]


def test_hint_and_documentation_stand_in_a_failed_panel(small_course) -> None:
    shown = page(Panel(result(small_course, "failed"), hint=API))
    assert "Hint. return gives a value back." in [paragraph["text"] for paragraph in shown.all("p")]
    [link] = shown.all("a")
    assert (link["href"], link["text"], link["rel"]) == (DOCS, "Documentation", "noopener")


def test_a_passed_panel_says_why_and_folds_the_solution(small_course) -> None:
    shown = page(Panel(result(small_course, "passed"), solution="return 2 * amount"))
    assert f"Why it matters. {WHY}" in [paragraph["text"] for paragraph in shown.all("p")]
    [fold] = shown.all("details")
    assert fold["text"] == "The solutionreturn 2 * amount"
    assert "open" not in fold


def test_a_panel_that_did_not_pass_folds_the_open_hints_and_says_how_to_see_a_solution(small_course) -> None:
    progress = Progress(None)
    blank, failed, passed = (
        page(learner.recorded(small_course, result(small_course, outcome), progress))
        for outcome in ("not_attempted", "failed", "passed")
    )
    more = "The next hint opens after another check that does not pass."
    assert [fold["text"] for fold in blank.all("details")] == [f"All hints that are openHint 1. {NUDGE}{more}"]
    assert [fold["text"] for fold in failed.all("details")] == [
        f"All hints that are openHint 1. {NUDGE}Hint 2. {API.replace('`', '')}Documentation: {DOCS}{more}"
    ]
    way = "For a solution, run reveal(twice) in a cell."
    assert [way in [part["text"] for part in shown.all("p")] for shown in (blank, failed, passed)] == [
        True,
        True,
        False,
    ]
    assert [fold["text"][:12] for fold in passed.all("details")] == ["The solution"]


def test_what_was_printed_and_the_traceback_are_folded_and_scroll_by_keyboard(small_course) -> None:
    shown = page(Panel(result(small_course, "error", printed="<b>1</b>", traceback="Traceback …")))
    assert [fold["text"] for fold in shown.all("details")] == [
        "What your code printed<b>1</b>",
        "The whole tracebackTraceback …",
    ]
    assert {block["tabindex"] for block in shown.all("pre")} == {"0"}


def test_a_hint_is_announced_as_well(small_course) -> None:
    assert page(hint("twice")).announced.startswith(f"Hint 1. {NUDGE}")
    assert page(reveal("twice")).all("pre")[0]["text"].endswith("return 2 * amount")


def luminance(colour: str) -> float:
    """As in WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("outcome", panel.LOOK)
def test_colours_hold_in_both_themes_and_text_keeps_that_of_the_theme(small_course, outcome) -> None:
    html = Panel(result(small_course, outcome), API, "return 2")._repr_html_() + hint("twice")._repr_html_()
    colours = set(re.findall(r"#[0-9a-f]{6}", html))
    assert len(colours) == 2
    for colour in colours:
        assert (1.05) / (luminance(colour) + 0.05) >= 3, f"{colour} on white"
        assert (luminance(colour) + 0.05) / 0.05 >= 3, f"{colour} on black"
    assert not re.search(r"[\s;\"]color:|background", html)


def test_marks_and_words_of_the_outcomes_differ() -> None:
    marks, words, _ = zip(*panel.LOOK.values(), strict=True)
    assert len(set(marks)) == len(set(words)) == 4


# In a real kernel.

IN_A_KERNEL = [
    "from workbook import ____, check, hint",
    "def twice(amount):\n    return ____",
    "check(twice)",
    "def twice(amount):\n    return amount + 4",
    "check(twice)",
    "def twice(amount):\n    return 2 * amount",
    "check(twice)",
]


@pytest.fixture
def executed(small_course: Course) -> nbformat.NotebookNode:
    """The cells above, run by a real kernel in `work/`."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in IN_A_KERNEL])
    folder = {"metadata": {"path": str(small_course.root / "work")}}
    return NotebookClient(made, timeout=120, resources=folder, kernel_name="python3").execute()


def test_a_notebook_shows_panels_that_need_no_kernel_and_records_progress(executed, small_course: Course) -> None:
    shown = [cell.outputs for cell in executed.cells if cell.source == "check(twice)"]
    panels = [outputs[0].data["text/html"] for outputs in shown]
    assert [Page(html).announced.split(" · ")[0] for html in panels] == ["○ Not attempted", "✗ Not yet", "✓ Passed"]
    assert [outputs[0].data["text/plain"].splitlines()[0] for outputs in shown] == [
        *("○ twice: not attempted", "✗ twice: not yet", "✓ twice: passed")
    ]
    assert [len(outputs) for outputs in shown] == [1, 1, 1]
    assert "widgets" not in executed.metadata
    assert Progress(small_course.progress).standing() == {"twice": "passed"}

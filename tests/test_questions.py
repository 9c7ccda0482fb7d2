"""The question bank is sound: its form, its answers, and that nothing gives the right option away."""

import ast
import math
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from pyspark.sql import SparkSession

from conftest import ROOT
from workbook.authoring import generate
from workbook.checking import engine
from workbook.course import Course
from workbook.questions import bank
from workbook.questions.bank import Question, QuestionError
from workbook.questions.proof import prove
from workbook.questions.shown import Quiz, quiz

FIXTURES = Path(__file__).parent / "fixtures" / "questions"
BAD = sorted(FIXTURES.glob("01_*.yml"))
OBJECTIVES = {"1.1": "Say what runs where.", "1.2": "Choose versions that go together."}

COURSE = Course(ROOT)
BANK = bank.every(COURSE)
CHOICES = [question for question in BANK if question.kind in ("choice", "order", "predict-output")]
PROVABLE = [question for question in BANK if question.provable]
OFFICIAL = (
    "https://spark.apache.org/docs/",
    "https://docs.delta.io/",
    "https://docs.databricks.com/",
    "https://pandera.readthedocs.io/",
    "https://docs.greatexpectations.io/",
    "https://bitol-io.github.io/open-data-contract-standard/",
)
TOPICS = [stem for stem in COURSE.stems if COURSE.questions(stem).is_file()]


@pytest.fixture
def good(tmp_path: Path) -> dict[str, Question]:
    """One sound question of each kind, by kind."""
    path = shutil.copy(FIXTURES / "good.yml", tmp_path / "01_good.yml")
    return {question.kind: question for question in bank.read(Path(path), OBJECTIVES)}


@pytest.fixture
def good_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course of one chapter that has these questions and no text."""
    (tmp_path / "_toc.yml").write_text("parts:\n- chapters:\n  - file: chapters/01_good\n", encoding="utf-8")
    (tmp_path / "book" / "questions").mkdir(parents=True)
    shutil.copy(FIXTURES / "good.yml", tmp_path / "book" / "questions" / "01_good.yml")
    monkeypatch.setenv("WORKBOOK_ROOT", str(tmp_path))
    return Course(tmp_path)


# The form.


@pytest.mark.parametrize("path", [path for path in BAD if "marked" not in path.name], ids=lambda path: path.stem[3:])
def test_a_question_that_breaks_a_rule_is_rejected_with_its_name(path: Path) -> None:
    rule = path.stem[3:].replace("_", " ")
    with pytest.raises(QuestionError) as raised:
        list(bank.read(path, OBJECTIVES))
    assert raised.value.rule == rule
    assert str(raised.value).startswith(f"{path.name}: ")


def test_a_fault_names_file_question_rule_and_cure() -> None:
    with pytest.raises(QuestionError) as raised:
        list(bank.read(FIXTURES / "01_one_option_is_right.yml", OBJECTIVES))
    assert str(raised.value) == (
        "01_one_option_is_right.yml: which-process-counts: one option is right: 2 are marked right; mark exactly one."
    )


def test_an_id_is_unique_over_all_files(good_course: Course) -> None:
    (good_course.root / "_toc.yml").write_text(
        "parts:\n- chapters:\n  - file: chapters/01_good\n  - file: chapters/02_more\n", encoding="utf-8"
    )
    text = (FIXTURES / "good.yml").read_text(encoding="utf-8").replace('objective: "1.', 'objective: "2.')
    good_course.questions("02_more").write_text(text, encoding="utf-8")
    with pytest.raises(QuestionError, match=r"02_more.yml: which-process-counts: ids are unique: 01_good.yml"):
        bank.every(Course(good_course.root))


def test_a_chapter_without_a_file_has_no_questions(tmp_path: Path) -> None:
    assert bank.load(Course(tmp_path), "09_job_workflows") == []


def test_items_to_be_ordered_get_letters_by_chance_and_each_option_keeps_its_order(good: dict[str, Question]) -> None:
    order = good["order"]
    assert order.items == ("the parser", "the optimiser", "the analyser")
    named = dict(zip(bank.LETTERS, order.items, strict=False))
    assert {option.because: [named[letter] for letter in option.text.split(", ")] for option in order.options} == {
        "Parsed, then resolved, then improved.": ["the parser", "the analyser", "the optimiser"],
        "There is nothing to analyse before parsing.": ["the analyser", "the parser", "the optimiser"],
        "A plan is not improved before its names are resolved.": ["the optimiser", "the parser", "the analyser"],
    }


def test_a_proof_speaks_of_the_items_by_the_letters_in_the_file(good: dict[str, Question]) -> None:
    assert [option.value for option in good["order"].right] == ["B, C, A"]


def test_two_items_to_be_ordered_differ(tmp_path: Path) -> None:
    text = (FIXTURES / "good.yml").read_text(encoding="utf-8").replace("[the optimiser,", "[the parser,")
    (tmp_path / "01_same.yml").write_text(text, encoding="utf-8")
    with pytest.raises(QuestionError, match="order-of-a-query: fields fit the schema: correct items: "):
        list(bank.read(tmp_path / "01_same.yml", OBJECTIVES))


# Proofs.


@pytest.mark.parametrize("kind", ["multiple", "numeric", "predict-output"])
def test_a_proof_that_gives_the_marked_answer_holds(good: dict[str, Question], kind: str, tmp_path: Path) -> None:
    prove(good[kind], None, tmp_path)  # type: ignore[arg-type]  # these need no Spark


def test_a_proof_that_gives_another_answer_fails(tmp_path: Path) -> None:
    [question] = bank.read(FIXTURES / "01_proof_gives_the_marked_answer.yml", OBJECTIVES)
    with pytest.raises(QuestionError) as raised:
        prove(question, None, tmp_path)  # type: ignore[arg-type]
    assert raised.value.rule == "proof gives the marked answer"
    assert "['The browser']" in str(raised.value) and "['An executor']" in str(raised.value)


def test_a_proof_whose_answer_is_also_that_of_a_wrong_option_fails(tmp_path: Path) -> None:
    text = (FIXTURES / "01_proof_gives_the_marked_answer.yml").read_text(encoding="utf-8")
    shared = text.replace("text: An executor", "text: An executor\n    value: The browser")
    (tmp_path / "01_shared.yml").write_text(shared, encoding="utf-8")
    [question] = bank.read(tmp_path / "01_shared.yml", OBJECTIVES)
    with pytest.raises(QuestionError, match="also that of the wrong option") as raised:
        prove(question, None, tmp_path)  # type: ignore[arg-type]
    assert raised.value.rule == "proof gives the marked answer"


def test_a_question_without_a_proof_cannot_be_proven(good: dict[str, Question], tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="it has no proof"):
        prove(good["choice"], None, tmp_path)  # type: ignore[arg-type]


@pytest.mark.slow_proof("questions")
@pytest.mark.parametrize("question", PROVABLE, ids=lambda question: f"{question.stem}-{question.id}")
def test_the_proof_of_the_question_holds_and_leaves_nothing_behind(question: Question, spark: SparkSession) -> None:
    before = _left_in(spark)
    with engine.isolated(spark) as case:
        prove(question, spark, Path(case.path()))
    assert _left_in(spark) == before


def _left_in(spark: SparkSession) -> tuple[dict[str, str], list[str], list[str]]:
    """What a proof could leave in the session: settings, schemas, and tables and views of the current schema."""
    names = [sorted(row.name for row in rows) for rows in (spark.catalog.listDatabases(), spark.catalog.listTables())]
    return dict(spark.conf.getAll), names[0], names[1]


@pytest.mark.parametrize("question", [q for q in BANK if q.proof], ids=lambda question: question.id)
def test_a_proof_computes_its_answer(question: Question) -> None:
    assert any(isinstance(node, ast.Call) for node in ast.walk(ast.parse(question.proof)))


# The bank.


@pytest.mark.parametrize("stem", TOPICS)
def test_a_topic_has_questions_of_all_sorts(stem: str) -> None:
    asked = [question for question in BANK if question.stem == stem]
    assert len(asked) >= 25
    assert {question.kind for question in asked} == set(bank.KINDS)
    assert {question.level for question in asked} == set(bank.LEVELS)
    assert 3 * sum(question.level != "associate" for question in asked) >= len(asked)
    assert 2 * sum(question.provable for question in asked) >= len(asked)


@pytest.mark.parametrize("stem", TOPICS)
def test_every_objective_has_two_questions(stem: str) -> None:
    asked = Counter(question.objective for question in BANK if question.stem == stem)
    assert {number: asked[number] for number in COURSE.objectives(stem) if asked[number] < 2} == {}


@pytest.mark.parametrize("question", BANK, ids=lambda question: question.id)
def test_the_source_is_official_documentation(question: Question) -> None:
    assert question.source.startswith(OFFICIAL)


@pytest.mark.parametrize("question", BANK, ids=lambda question: question.id)
def test_an_option_can_be_read_without_the_others(question: Question) -> None:
    """Options are shuffled and judged one by one: none speaks of the others, or of its place."""
    of_others = re.compile(r"\b(all|none|both|some) of (the above|these|them)\b|\babove\b", re.IGNORECASE)
    assert [option.text for option in question.options if of_others.search(option.text)] == []


@pytest.mark.parametrize("place", range(5))
def test_the_place_does_not_give_the_right_option_away(place: int) -> None:
    asked = [question for question in CHOICES if len(question.options) > place]
    _by_chance(asked, [float(question.options[place].right) for question in asked])


def test_the_right_order_may_begin_with_any_letter() -> None:
    assert {question.right[0].text[0] for question in CHOICES if question.items} >= {"A", "B", "C"}


@pytest.mark.parametrize("extreme", [max, min], ids=["longest", "shortest"])
def test_the_length_does_not_give_the_right_option_away(extreme: Callable[[list[int]], int]) -> None:
    """The right option is the longest, and the shortest, about as often as it would be by chance."""
    shares = []
    for question in CHOICES:
        lengths = [_length(option) for option in question.options]
        found = extreme(lengths)
        shares.append((_length(question.right[0]) == found) / lengths.count(found))
    _by_chance(CHOICES, shares)


def test_the_right_option_is_as_long_as_the_wrong_ones_on_average() -> None:
    ratios = [
        _length(q.right[0]) * (len(q.options) - 1) / sum(_length(o) for o in q.options if not o.right) for q in CHOICES
    ]
    assert 0.8 <= sum(ratios) / len(ratios) <= 1.25


def _by_chance(asked: list[Question], found: list[float]) -> None:
    """Whether as many are found as by chance, within three standard deviations."""
    chances = [1 / len(question.options) for question in asked]
    spread = math.sqrt(sum(chance * (1 - chance) for chance in chances))
    assert abs(sum(found) - sum(chances)) <= 3 * spread + 0.5, f"{sum(found)} of {len(asked)}"


def _length(option: bank.Option) -> int:
    return len(bank.plain(option.text))


# What is shown.


def test_a_quiz_is_named_by_its_objective_and_counts_its_questions(good: dict[str, Question]) -> None:
    assert repr(Quiz("1.2", (good["order"], good["predict-output"]), script=False)) == "Quiz 1.2: 2 questions"
    assert repr(Quiz("order-of-a-query", (good["order"],), script=False)) == "Quiz order-of-a-query: 1 question"


def test_a_quiz_is_the_same_bytes_in_another_process(good_course: Course) -> None:
    code = (
        "from workbook.questions import bank, shown; from workbook.course import Course; import hashlib;"
        "html = shown.Quiz('all', tuple(bank.every(Course.here())), script=True)._repr_html_();"
        "print(hashlib.sha256(html.encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != b""


def test_the_text_of_a_question_is_escaped_and_its_code_is_marked(good: dict[str, Question]) -> None:
    page = Quiz("1.1", (good["choice"],), script=False)._repr_html_()
    assert "<code>df.count()</code> over &lt;b&gt;rows&lt;/b&gt;, at &#36;5 a &#91;row](x)?" in page
    assert "<b>rows" not in page
    assert "<strong>strong</strong>" in page


def test_what_a_program_might_print_keeps_its_lines(tmp_path: Path) -> None:
    text = (FIXTURES / "good.yml").read_text(encoding="utf-8").replace('{text: "`4`"', '{text: "a  [1]\\nb"')
    (tmp_path / "01_lines.yml").write_text(text, encoding="utf-8")
    question = list(bank.read(tmp_path / "01_lines.yml", OBJECTIVES))[-1]
    assert "<li><code>a  &#91;1]\nb</code></li>" in Quiz("1.2", (question,), script=False)._repr_html_()


def test_in_a_notebook_the_first_quiz_brings_the_script_and_each_has_a_stable_text(good_course: Course) -> None:
    calls = ['from workbook.questions import quiz\nquiz("1.1")', 'quiz("1.2")', 'quiz("1.1")']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(call) for call in calls])
    shown = [cell.outputs[0].data for cell in generate.execute(notebook, good_course.root).cells]
    assert [data["text/plain"] for data in shown] == [
        "Quiz 1.1: 3 questions",
        "Quiz 1.2: 2 questions",
        "Quiz 1.1: 3 questions",
    ]
    assert ["function check_mc" in data["text/html"] for data in shown] == [True, False, True]
    assert shown[0] == shown[2]


def test_every_option_is_explained_in_the_quiz(good: dict[str, Question]) -> None:
    page = Quiz("all", tuple(good.values()), script=False)._repr_html_()
    for question in good.values():
        for option in question.options:
            assert bank.plain(option.because).split("`")[0][:30] in page.replace("<code>", "").replace("</code>", "")


def test_in_a_terminal_a_quiz_is_printed_with_its_answers_last(
    good_course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    quiz("how-many-partitions", "order-of-a-query")
    assert capsys.readouterr().out.strip() == (
        "Quiz how-many-partitions order-of-a-query: 2 questions\n\n"
        "1. How many partitions has spark.range(0, 8, 1, 4)?\n\n"
        "2. In which order does a query go through these?\n"
        "   A. the parser\n   B. the optimiser\n   C. the analyser\n"
        "   - B, A, C\n   - A, C, B\n   - C, A, B\n\n"
        "Answers\n\n1. 4\n\n2. A, C, B"
    )


def test_a_quiz_that_is_not_in_the_bank_is_one_sentence(good_course: Course) -> None:
    with pytest.raises(QuestionError, match=r"the bank: 1\.7: questions exist: no question has this objective or id"):
        quiz("1.7")

"""The proofs of an exercise: what must hold before a learner meets it.

Each rule is a function that raises ProofFailed, whose text begins with the rule's name. The fixture course in
`tests/fixtures/course` holds one bad exercise for every rule.
"""

import __future__

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from workbook.authored import Authored, authored, read_source
from workbook.authoring.mutants import Mutant, mutants_of
from workbook.checking import engine
from workbook.checking.exercise import FILL_IN, Answer, Blank, Exercise, exercises_of, load_module
from workbook.checking.explain import MOST_CHARACTERS
from workbook.checking.outcome import Result
from workbook.course import Course
from workbook.errors import CourseError

Rule = Literal[
    "every exercise has its check",
    "everything is filled in",
    "an exercise serves an objective",
    "expected values are literal",
    "solution passes",
    "blank is not attempted",
    "wrong answers fail",
    "wrong answers are told why",
    "messages differ",
    "message names what was seen",
    "message is short",
    "message hides the solution",
    "message is plain",
    "right answers pass",
    "mutants fail",
    "excuses are needed",
]
FEWEST_WRONG, FEWEST_RIGHT = 3, 1
MOST_SENTENCES = 2
# What may make an expected value: types without a literal of their own.
LITERAL_TYPES = {"date", "datetime", "timedelta", "Decimal", "float", "bytes", "Row"}


class ProofFailed(AssertionError):
    """A rule that an exercise breaks: "<rule>: <exercise>: <what was found>"."""

    def __init__(self, rule: Rule, exercise: str, found: str) -> None:
        super().__init__(f"{rule}: {exercise}: {found}")
        self.rule: Rule = rule


def wrong(exercise: str, *, says: str) -> Callable[[Answer], Answer]:
    """Mark a function in `tests/answers/<stem>.py` as a misconception; its message must contain `says`."""

    def register(answer: Answer) -> Answer:
        answer.wrong, answer.says = exercise, says  # type: ignore[attr-defined]
        return answer

    return register


def right(exercise: str) -> Callable[[Answer], Answer]:
    """Mark a function in `tests/answers/<stem>.py` as a right answer written in another way."""

    def register(answer: Answer) -> Answer:
        answer.right = exercise  # type: ignore[attr-defined]
        return answer

    return register


@dataclass(frozen=True)
class Proof:
    """All that is known of one exercise.

    `imports` are the import statements of its notebook, `objectives` those of its chapter by number, `excused` maps
    the name of a mutant that passes to the reason, and `outside` that of a variation of which the task says nothing.
    """

    exercise: Exercise
    authored: Authored
    imports: str
    objectives: Mapping[str, str]
    wrong: dict[str, Answer] = field(default_factory=dict)
    right: dict[str, Answer] = field(default_factory=dict)
    excused: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    _results: dict[str, Result] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.exercise.name

    def built(self, source: str) -> Answer:
        """The function that `source` defines, among the imports of the exercise's notebook."""
        names: dict[str, Any] = {"____": Blank()}
        file = f"<{self.name}>"
        flags = __future__.annotations.compiler_flag
        exec(compile(self.imports, file, "exec", flags, dont_inherit=True), names)
        exec(compile(source, file, "exec", flags, dont_inherit=True), names)
        answer: Answer = names[self.name]
        return answer

    def result(self, answer: str) -> Result:
        """What a check says of an answer, which it is given once: `solution`, `blank`, a wrong or right one by name."""
        if answer not in self._results:
            sources = {"solution": self.authored.solution, "blank": self.authored.blank}
            given = {**self.wrong, **self.right}
            function = given[answer] if answer in given else self.built(sources[answer])
            self._results[answer] = engine.run(self.exercise, function)
        return self._results[answer]

    @cached_property
    def mutants(self) -> list[Mutant]:
        """The mutants of the solution that must not pass."""
        return mutants_of(self.authored.solution)

    def lives(self, mutant: Mutant) -> bool:
        """Whether a mutant passes, which must be excused."""
        name = f"mutant {mutant.name}"
        if name not in self._results:
            self._results[name] = engine.run(self.exercise, self.built(mutant.source))
        return self._results[name].outcome == "passed"


def proofs_of(course: Course, stem: str) -> list[Proof]:
    """One proof an exercise. Raises CourseError or ProofFailed where exercises, checks and answers do not match."""
    written = {item.name: item for item in authored(course, stem)}
    checked = {item.name: item for item in exercises_of(course, stem)}
    for name in written.keys() ^ checked.keys():
        lacks = "a check" if name in written else "an exercise"
        raise ProofFailed("every exercise has its check", name, f"it has no {lacks} of that name in {stem}")
    path = course.answers(stem)
    if not path.is_file():
        raise CourseError(f"{path} is missing: it holds the wrong and the right answers of {stem}.")
    module = load_module(path, f"answers_{stem}")
    functions = filter(inspect.isfunction, vars(module).values())  # F is no function, and has a `right`
    answers = [value for value in functions if hasattr(value, "wrong") or hasattr(value, "right")]
    excused, outside = (getattr(module, name, {}) for name in ("excused", "outside"))
    spoken_of = {str(getattr(item, "wrong", "") or getattr(item, "right", "")) for item in answers}
    for name in spoken_of | excused.keys() | outside.keys():
        if name not in checked:
            raise CourseError(f"{path} speaks of {name!r}, which is no exercise of {stem}.")
    imports, objectives = _imports(course, stem), course.objectives(stem)
    return [
        Proof(
            checked[name],
            written[name],
            imports,
            objectives,
            {item.__name__: item for item in answers if getattr(item, "wrong", "") == name},
            {item.__name__: item for item in answers if getattr(item, "right", "") == name},
            excused.get(name, {}),
            outside.get(name, {}),
        )
        for name in written
    ]


def _imports(course: Course, stem: str) -> str:
    """The import statements of the notebook: all that an answer may rely on besides its arguments."""
    statements = []
    for cell in read_source(course.solution_source(stem)).cells:
        if cell.cell_type == "code":
            found = ast.parse(cell.source).body
            statements += [ast.unparse(node) for node in found if isinstance(node, (ast.Import, ast.ImportFrom))]
    return "\n".join(statements)


def everything_is_filled_in(proof: Proof) -> None:
    """Nothing is left of what a new exercise asks its author to write."""
    functions = [proof.exercise.check, *proof.wrong.values(), *proof.right.values()]
    texts = [proof.authored.task, proof.authored.blank, *(inspect.getsource(function) for function in functions)]
    left = [line.strip(" #") for text in texts for line in text.splitlines() if FILL_IN in line]
    if left:
        found = f"what is left begins with {left[0]!r}, and there are {len(left)} such places"
        raise ProofFailed("everything is filled in", proof.name, found)


def serves_an_objective(proof: Proof) -> None:
    """The exercise's objective is one that its chapter states."""
    if proof.exercise.objective not in proof.objectives:
        known = "; ".join(f"{number} {text}" for number, text in proof.objectives.items())
        found = f"{proof.exercise.objective!r} is none of the chapter's objectives: {known}"
        raise ProofFailed("an exercise serves an objective", proof.name, found)


def expected_values_are_literal(proof: Proof) -> None:
    """What the check compares with is written down, never computed: not by the solution's code either."""
    check = ast.parse(inspect.getsource(proof.exercise.check))
    assigned = {
        target.id: node.value
        for node in ast.walk(check)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for expected in _expected_values(check):
        if not _is_literal(expected, assigned):
            raise ProofFailed("expected values are literal", proof.name, f"`{ast.unparse(expected)}` is computed")


def _expected_values(check: ast.AST) -> Iterator[ast.expr]:
    """The arguments of `case.equal` and `case.value` that are the expectation."""
    for node in ast.walk(check):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "equal":
                yield from node.args[2:]
            elif node.func.attr == "value":
                yield from node.args[1:2]


def _is_literal(value: ast.expr, assigned: Mapping[str, ast.expr]) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) not in LITERAL_TYPES:
            return False
        if isinstance(node, ast.Name) and node.id in assigned:
            others = {name: other for name, other in assigned.items() if name != node.id}
            if not _is_literal(assigned[node.id], others):
                return False
    return True


def solution_passes(proof: Proof) -> None:
    """The solution, taken from the source that learners see, passes."""
    _demand("solution passes", proof, proof.result("solution"), "passed")


def blank_is_not_attempted(proof: Proof) -> None:
    """The blank is exactly `not_attempted`."""
    _demand("blank is not attempted", proof, proof.result("blank"), "not_attempted")


def wrong_answers_fail(proof: Proof) -> None:
    """At least three named wrong answers fail, each with its own message, which names what was seen."""
    rule: Rule = "wrong answers fail"
    if len(proof.wrong) < FEWEST_WRONG:
        raise ProofFailed(rule, proof.name, f"{len(proof.wrong)} wrong answers are tried, {FEWEST_WRONG} are needed")
    messages: dict[str, str] = {}
    for name, answer in proof.wrong.items():
        result = proof.result(name)
        _demand(rule, proof, result, "failed", name)
        says = answer.says  # type: ignore[attr-defined]
        if says not in result.message:
            found = f"{name} should be told {says!r}, and is told {result.message!r}"
            raise ProofFailed("wrong answers are told why", proof.name, found)
        if result.message in messages:
            found = f"{name} and {messages[result.message]} get the same one: give each its own, or leave one out"
            raise ProofFailed("messages differ", proof.name, found)
        _message_is_sound(proof, name, result)
        messages[result.message] = name


def _message_is_sound(proof: Proof, name: str, result: Result) -> None:
    message = result.message
    seen = [str(value) for value in result.seen if str(value)]
    if not any(value in message for value in seen):
        raise ProofFailed("message names what was seen", proof.name, f"{name}: none of {seen} is in {message!r}")
    # The engine cuts what is longer, so a message of just this length was cut.
    if len(message) >= MOST_CHARACTERS:
        raise ProofFailed("message is short", proof.name, f"{name}: {MOST_CHARACTERS} characters or more")
    if len(re.split(r"(?<=[.?!]) +(?=[A-Z`])", message)) > MOST_SENTENCES:
        raise ProofFailed("message is short", proof.name, f"{name}: more than {MOST_SENTENCES} sentences: {message!r}")
    for line in proof.authored.solution.splitlines()[1:]:
        if len(line.strip()) > 12 and line.strip() in message:
            raise ProofFailed("message hides the solution", proof.name, f"{name}: {line.strip()!r}")
    if re.search(r"py4j|traceback|org\.apache|java\.lang", message, re.IGNORECASE):
        raise ProofFailed("message is plain", proof.name, f"{name}: {message!r}")


def right_answers_pass(proof: Proof) -> None:
    """At least one right answer written in another way passes."""
    rule: Rule = "right answers pass"
    if len(proof.right) < FEWEST_RIGHT:
        raise ProofFailed(rule, proof.name, "no right answer written in another way is tried")
    for name in proof.right:
        _demand(rule, proof, proof.result(name), "passed", name)


def mutants_fail(proof: Proof) -> None:
    """No mutant of the solution passes, except those that are excused by name with a reason."""
    survivors = []
    for mutant in proof.mutants:
        lives = proof.lives(mutant)
        if lives and mutant.name not in proof.excused:
            survivors.append(mutant.name)
        if not lives and mutant.name in proof.excused:
            raise ProofFailed("excuses are needed", proof.name, f"{mutant.name!r} is excused and does not pass")
    if survivors:
        raise ProofFailed("mutants fail", proof.name, f"{survivors} pass: add a case that tells them apart")
    unknown = proof.excused.keys() - {mutant.name for mutant in proof.mutants}
    if unknown or not all(proof.excused.values()):
        raise ProofFailed(
            "excuses are needed", proof.name, f"no mutant is called {sorted(unknown)}, or a reason is empty"
        )


RULES: tuple[Callable[[Proof], None], ...] = (
    everything_is_filled_in,
    serves_an_objective,
    expected_values_are_literal,
    solution_passes,
    blank_is_not_attempted,
    wrong_answers_fail,
    right_answers_pass,
)
"""The rules that every run of the tests proves; `mutants_fail` is proven where something changed."""


def _demand(rule: Rule, proof: Proof, result: Result, outcome: str, answer: str = "") -> None:
    if result.outcome == outcome:
        return
    found = f"{answer or 'it'} is {result.outcome}, not {outcome}: {result.message}\n{result.traceback}"
    if outcome == "failed" and result.outcome == "passed":
        found = f"{answer} passes: give the check a row that tells it apart, or mark it as right"
    raise ProofFailed(rule, proof.name, found)

"""The question bank: one YAML file a topic, checked as it is read."""

import ast
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from jsonschema import Draft202012Validator

from workbook.course import Course

KINDS = ("choice", "multiple", "numeric", "order", "predict-output")
LEVELS = ("associate", "professional", "interview")
LETTERS = "ABCDEFGH"
SCHEMA = Path(__file__).with_name("questions.schema.json")
Part = TypeVar("Part")


class QuestionError(ValueError):
    """A question breaks a rule of the bank: "<file>: <id>: <rule>: <what to do>"."""

    def __init__(self, file: str, question: str, rule: str, cure: str) -> None:
        super().__init__(f"{file}: {question}: {rule}: {cure}")
        self.rule = rule


@dataclass(frozen=True)
class Option:
    """One possible answer, and why it is right or which wrong idea leads to it.

    `value` is what a proof's `answer` equals where this option is right.
    """

    text: str
    right: bool
    because: str
    value: Any


@dataclass(frozen=True)
class Question:
    """One question of the bank. `options` stand in the order in which they are shown.

    A numeric question has an option for its answer and one for each wrong number that is explained.
    """

    id: str
    stem: str
    kind: str
    level: str
    objective: str
    text: str
    options: tuple[Option, ...]
    code: str = ""
    items: tuple[str, ...] = ()
    proof: str = ""
    source: str = ""

    @property
    def right(self) -> tuple[Option, ...]:
        """The right options; one, except for a question of kind `multiple`."""
        return tuple(option for option in self.options if option.right)

    @property
    def provable(self) -> bool:
        """Whether running something shows that the marked answer is the right one."""
        return bool(self.proof) or self.kind == "predict-output"


def load(course: Course, stem: str) -> list[Question]:
    """The questions of one chapter, in the order of its file; none where there is no file.

    Raises QuestionError for the first question that breaks a rule.
    """
    path = course.questions(stem)
    if not path.is_file():
        return []
    objectives = course.objectives(stem) if course.chapter_source(stem).is_file() else {}
    return list(read(path, objectives))


def every(course: Course) -> list[Question]:
    """All questions of the course, in the order of its chapters. Raises QuestionError."""
    questions: list[Question] = []
    owner: dict[str, str] = {}
    for stem in course.stems:
        for question in load(course, stem):
            demand(
                question.id not in owner,
                (f"{stem}.yml", question.id, "ids are unique"),
                f"{owner.get(question.id)}.yml has a question of this id; give this one another.",
            )
            owner[question.id] = stem
            questions.append(question)
    return questions


def read(path: Path, objectives: dict[str, str]) -> Iterator[Question]:
    """The questions of one file; `objectives` are those of its chapter, empty where they are not known."""
    try:
        items = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else "its beginning"
        raise QuestionError(path.name, "the file", "YAML can be read", f"correct the YAML at {line}.") from None
    if items is None:
        return
    if not isinstance(items, list):
        raise QuestionError(path.name, "the file", "the file is a list", "begin each question with `- id:`.")
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        name = item.get("id") if isinstance(item, dict) else None
        place = (path.name, str(name or f"question {number}"))
        _check_fields(place, item)
        demand(name not in seen, (*place, "ids are unique"), "this file has it twice; give one of them another id.")
        seen.add(str(name))
        _check_kind(place, item)
        _check_answers(place, item)
        _check_objective(place, item, path.stem, objectives)
        _check_code(place, item)
        yield _question(item, path.stem)


@functools.cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _check_fields(place: tuple[str, str], item: Any) -> None:
    """The fields that are there and their types, by the schema; the first fault is reported."""
    fault = next(
        iter(sorted(_validator().iter_errors(item), key=lambda error: [str(part) for part in error.path])), None
    )
    if fault is None:
        return
    where = ".".join(str(part) for part in fault.absolute_path) or "the question"
    raise QuestionError(*place, "fields fit the schema", f"correct {where}: {fault.message[:160]}.")


def demand(holds: bool, rule: tuple[str, str, str], cure: str) -> None:
    """Raise QuestionError, with file, question and rule, unless `holds`."""
    if not holds:
        raise QuestionError(*rule, cure)


def _check_kind(place: tuple[str, str], item: dict[str, Any]) -> None:
    """Each kind has the fields that it needs and none of another kind's."""
    needs = {"numeric": {"answer", "because", "wrong"}, "predict-output": {"options", "code"}}.get(
        item["kind"], {"options"}
    )
    spare = (
        {"answer", "because", "wrong", "options", "items"} - needs - ({"items"} if item["kind"] == "order" else set())
    )
    rule = (*place, "fields fit the kind")
    missing, surplus = sorted(needs - item.keys()), sorted(spare & item.keys())
    demand(not missing, rule, f"a question of kind {item['kind']} needs {', '.join(missing)}; add it.")
    demand(not surplus, rule, f"a question of kind {item['kind']} has no {', '.join(surplus)}; remove it.")


def _check_answers(place: tuple[str, str], item: dict[str, Any]) -> None:
    if item["kind"] == "numeric":
        wrong = [entry["value"] for entry in item["wrong"]]
        rule = (*place, "wrong numbers are wrong")
        demand(
            item["answer"] not in wrong and len(set(wrong)) == len(wrong),
            rule,
            "give each wrong number once, and none that equals the answer.",
        )
        _explained_apart(place, [item["because"], *(entry["because"] for entry in item["wrong"])])
        return
    options = item["options"]
    texts = [option["text"].strip() for option in options]
    right = sum(option.get("right", False) for option in options)
    demand(len(set(texts)) == len(texts), (*place, "options differ"), "two options read the same; change one.")
    if item["kind"] == "multiple":
        rule = (*place, "several options are right")
        demand(
            2 <= right < len(options), rule, f"{right} of {len(options)} are marked right; mark two or more, not all."
        )
    else:
        demand(right == 1, (*place, "one option is right"), f"{right} are marked right; mark exactly one.")
    _explained_apart(place, [option["because"] for option in options])
    if item["kind"] == "order":
        _check_sequences(place, item, texts)


def _explained_apart(place: tuple[str, str], reasons: list[str]) -> None:
    apart = len({reason.strip() for reason in reasons}) == len(reasons)
    demand(apart, (*place, "explanations differ"), "each option leads from another idea; say which, for each.")


def _check_sequences(place: tuple[str, str], item: dict[str, Any], texts: list[str]) -> None:
    sequences = [sorted(part.strip() for part in text.replace("`", "").split(",")) for text in texts]
    expected = sorted(LETTERS[: len(item["items"])]) if "items" in item else sequences[0]
    demand(
        all(sequence == expected for sequence in sequences),
        (*place, "sequences hold the same items"),
        f"write each option as an order of {', '.join(expected)}.",
    )


def _check_objective(place: tuple[str, str], item: dict[str, Any], stem: str, objectives: dict[str, str]) -> None:
    rule = (*place, "objective belongs to the chapter")
    chapter = stem[:2].lstrip("0")
    demand(item["objective"].split(".")[0] == chapter, rule, f"use an objective {chapter}.… of {stem}.")
    known = ", ".join(objectives)
    demand(not objectives or item["objective"] in objectives, rule, f"the chapter's objectives are {known}.")


def _check_code(place: tuple[str, str], item: dict[str, Any]) -> None:
    for field in ("code", "proof"):
        try:
            tree = ast.parse(item.get(field, ""))
        except SyntaxError as error:
            cure = f"correct line {error.lineno} of `{field}`: {error.msg}."
            raise QuestionError(*place, "code is Python", cure) from None
    if "proof" in item:
        demand("answer" in _assigned(tree), (*place, "proof sets answer"), "end the proof with `answer = …`.")


def _assigned(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _question(item: dict[str, Any], stem: str) -> Question:
    items = item.get("items", [])
    if item["kind"] == "numeric":
        numbers = [{"value": item["answer"], "because": item["because"], "right": True}, *item["wrong"]]
        options = [Option(str(n["value"]), n.get("right", False), n["because"].strip(), n["value"]) for n in numbers]
    else:
        options = [
            Option(text := o["text"].strip(), o.get("right", False), o["because"].strip(), o.get("value", plain(text)))
            for o in item["options"]
        ]
        options = shuffled(item["id"], options, lambda option: option.text)
    if items:
        items, options = _lettered_anew(item["id"], items, options)
    return Question(
        id=item["id"],
        stem=stem,
        kind=item["kind"],
        level=item["level"],
        objective=item["objective"],
        text=item["question"].strip(),
        options=tuple(options),
        code=item.get("code", "").strip("\n"),
        items=tuple(items),
        proof=item.get("proof", ""),
        source=item.get("source", ""),
    )


def shuffled(question: str, parts: list[Part], text: Callable[[Part], str]) -> list[Part]:
    """The parts of a question in an order that depends on its id and on their texts alone."""
    return sorted(parts, key=lambda part: hashlib.sha256(f"{question}\n{text(part)}".encode()).digest())


def _lettered_anew(question: str, items: list[str], options: list[Option]) -> tuple[list[str], list[Option]]:
    """The items to be ordered, shuffled, and the options in their new letters.

    Whoever writes items takes care not to write them in order, so the right order would never begin with A.
    """
    mixed = shuffled(question, items, str)
    letters = str.maketrans("".join(LETTERS[items.index(item)] for item in mixed), LETTERS[: len(items)])
    return mixed, [replace(option, text=option.text.translate(letters)) for option in options]


def plain(text: str) -> str:
    """The text without the marks of Markdown-light: backticks and double asterisks."""
    return re.sub(r"`([^`]*)`", r"\1", text).replace("**", "")


def named(course: Course, name: str) -> list[Question]:
    """The questions of an objective, such as `1.1`, or the one of an id. Raises QuestionError where there is none."""
    number = re.fullmatch(r"(\d+)\.\d+", name)
    if number:
        stems = [stem for stem in course.stems if stem.startswith(f"{int(number[1]):02d}_")]
        found = [question for stem in stems for question in load(course, stem) if question.objective == name]
    else:
        found = [question for question in every(course) if question.id == name]
    demand(
        bool(found), ("the bank", name, "questions exist"), "no question has this objective or id; check its spelling."
    )
    return found

"""Each rule of the proofs rejects an exercise that breaks it, and says so by the rule's name.

`fixtures/course` holds a good chapter, and for each rule a bad exercise whose title is the name of that rule.
"""

import shutil
from pathlib import Path
from typing import get_args

import pytest

from workbook.authoring import proofs
from workbook.authoring.proofs import Proof, ProofFailed
from workbook.course import Course
from workbook.errors import CourseError

pytestmark = pytest.mark.usefixtures("spark")

COURSE = Course(Path(__file__).parent / "fixtures" / "course")
GOOD = proofs.proofs_of(COURSE, "01_good")
BAD = proofs.proofs_of(COURSE, "02_bad")


def named(proof: Proof) -> str:
    return proof.name


def prove(proof: Proof) -> None:
    for rule in (*proofs.RULES, proofs.mutants_fail):
        rule(proof)


@pytest.mark.parametrize("proof", GOOD, ids=named)
def test_a_good_exercise_is_accepted_by_every_rule(proof: Proof) -> None:
    prove(proof)


@pytest.mark.parametrize("proof", BAD, ids=named)
def test_a_bad_exercise_is_rejected_with_the_name_of_its_rule(proof: Proof) -> None:
    with pytest.raises(ProofFailed) as raised:
        prove(proof)
    assert raised.value.rule == proof.authored.title
    assert str(raised.value).startswith(f"{proof.authored.title}: {proof.name}: ")


@pytest.mark.parametrize(("stem", "name"), [("03_unchecked", "unchecked"), ("04_unasked", "unasked")])
def test_an_exercise_and_its_check_must_both_be_there(stem: str, name: str) -> None:
    with pytest.raises(ProofFailed) as raised:
        proofs.proofs_of(COURSE, stem)
    assert raised.value.rule == "every exercise has its check"
    assert name in str(raised.value)


def test_every_rule_has_its_bad_exercise() -> None:
    broken = {proof.authored.title for proof in BAD} | {"every exercise has its check"}
    assert broken == set(get_args(proofs.Rule))


@pytest.fixture
def copy(tmp_path: Path) -> Course:
    return Course(Path(shutil.copytree(COURSE.root, tmp_path / "course")))


def test_answers_to_no_exercise_are_rejected(copy: Course) -> None:
    answers = copy.answers("01_good")
    answers.write_text(answers.read_text() + "\n\n@right('thrice')\ndef other(amount):\n    return 3 * amount\n")
    with pytest.raises(CourseError, match="speaks of 'thrice', which is no exercise of 01_good"):
        proofs.proofs_of(copy, "01_good")


def test_a_stem_without_answers_is_named(copy: Course) -> None:
    copy.answers("01_good").unlink()
    with pytest.raises(CourseError, match=r"01_good\.py is missing: it holds the wrong and the right answers"):
        proofs.proofs_of(copy, "01_good")

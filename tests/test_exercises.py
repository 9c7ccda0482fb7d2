"""Every exercise is proven: by its solution, its blank, wrong answers, right answers and mutants."""

import pytest

from conftest import ROOT
from workbook.authoring import proofs
from workbook.authoring.proofs import Proof
from workbook.course import Course

COURSE = Course(ROOT)
PROOFS = [proof for stem in COURSE.stems for proof in proofs.proofs_of(COURSE, stem)]


def named(proof: Proof) -> str:
    return proof.name


@pytest.mark.slow_proof("exercises")
@pytest.mark.parametrize("proof", PROOFS, ids=named)
@pytest.mark.parametrize("rule", proofs.RULES, ids=[rule.__name__ for rule in proofs.RULES])
def test_the_rule_holds(rule, proof: Proof) -> None:
    rule(proof)


@pytest.mark.slow_proof("exercises")
@pytest.mark.parametrize("proof", PROOFS, ids=named)
def test_mutants_of_the_solution_fail(proof: Proof) -> None:
    proofs.mutants_fail(proof)

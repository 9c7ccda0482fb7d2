"""Every exercise is proven: by its solution, its blank, wrong answers, right answers and mutants."""

import os
import subprocess
import sys

import pytest

from conftest import ROOT
from proven import is_full
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


if is_full():

    @pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
    def test_nothing_depends_on_the_time_zone_of_the_machine(zone: str) -> None:
        """Python's own zone, and Java's, are read when a process begins."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "rule_holds", __file__]
        found = subprocess.run(command, env={**os.environ, "TZ": zone}, cwd=ROOT, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout[-3_000:]

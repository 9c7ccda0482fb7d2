"""Every exercise is proven: by its solution, its blank, wrong answers, right answers and mutants.

Mutants take a minute a chapter, so they run only for stems that changed since they were last proven. What "changed"
means is written down in `proven.json`: by stem, a fingerprint of all that decides. It is compared with the files as
they are, so the answer is the same in a working tree, in CI and in a fresh clone without history. `make test-full`
runs the mutants of all stems and writes the fingerprint of each stem whose mutants all failed. Until that is
committed, a changed stem runs its mutants every time.
"""

import json
import os
from collections.abc import Iterator

import pytest

from conftest import ROOT
from workbook import proofs
from workbook.course import Course
from workbook.proofs import Proof

COURSE = Course(ROOT)
RECORD = ROOT / "tests" / "proven.json"
PROVEN: dict[str, str] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
FULL = os.environ.get("WORKBOOK_FULL") == "1"

PROOFS = [proof for stem in COURSE.stems for proof in proofs.proofs_of(COURSE, stem)]
CHANGED = [stem for stem in COURSE.stems if FULL or PROVEN.get(stem) != proofs.fingerprint(COURSE, stem)]


def named(proof: Proof) -> str:
    return proof.name


@pytest.fixture(scope="module")
def proven() -> Iterator[set[str]]:
    """The exercises whose mutants all failed in this run; after a full run they are written down, stem by stem."""
    names: set[str] = set()
    yield names
    if FULL:
        whole = [stem for stem in COURSE.stems if names.issuperset(p.name for p in PROOFS if p.exercise.stem == stem)]
        record = {**PROVEN, **{stem: proofs.fingerprint(COURSE, stem) for stem in whole}}
        RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@pytest.mark.parametrize("proof", PROOFS, ids=named)
@pytest.mark.parametrize("rule", proofs.RULES, ids=[rule.__name__ for rule in proofs.RULES])
def test_the_rule_holds(rule, proof: Proof) -> None:
    rule(proof)


@pytest.mark.parametrize("proof", PROOFS, ids=named)
def test_mutants_of_the_solution_fail(proof: Proof, proven: set[str]) -> None:
    if proof.exercise.stem in CHANGED:
        proofs.mutants_fail(proof)
        proven.add(proof.name)

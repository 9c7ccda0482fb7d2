"""What an author sees of an exercise: what each answer is told, which mutants live, and which rule is broken."""

import linecache
import os
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable
from importlib.util import cache_from_source
from pathlib import Path

from workbook.authored import authored
from workbook.authoring import proofs
from workbook.authoring.proofs import Proof, ProofFailed
from workbook.authoring.variations import missing_inputs
from workbook.checking.outcome import Result
from workbook.course import Course
from workbook.errors import CourseError

Say = Callable[[str], None]
WIDTH = 118
SECONDS_BETWEEN_LOOKS = 0.5
PACKAGES = Path(__file__).parents[2]


def prove(course: Course, what: str, say: Say) -> bool:
    """Say of an exercise, or of all those of a chapter, what its proofs find. Returns whether every rule is kept.

    Raises CourseError where there is no such exercise or chapter.
    """
    stem, names = wanted(course, what)
    linecache.checkcache()  # the source of a check is shown and searched as it is now
    for path in (course.checks(stem), course.answers(stem)):
        # Python tells by whole seconds and by the size whether what it has compiled is of now.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
    try:
        found = [proof for proof in proofs.proofs_of(course, stem) if proof.name in names]
    except ProofFailed as broken:
        say(f"✗ {broken}")
        return False
    except CourseError:
        raise
    except Exception as error:  # whatever a file raises that an author is in the middle of
        place = _place(error, course) or f"One of the files of {stem}"
        say(f"✗ {place} cannot be read: {type(error).__name__}: {error}")
        return False
    kept = [_tried(proof, stem, say) for proof in found]
    if len(found) > 1:
        say(f"{sum(kept)} of {len(found)} exercises are proven.")
    return all(kept)


def _place(error: Exception, course: Course) -> str:
    """The file of the course that cannot be compiled, below the course's folder; empty where it is another error."""
    path = Path(getattr(error, "filename", None) or "")
    return str(path.relative_to(course.root)) if path.is_relative_to(course.root) else ""


def wanted(course: Course, what: str) -> tuple[str, list[str]]:
    """The stem and the names of the exercises that are meant: one by its name, or all of a chapter."""
    for stem in course.stems:
        if course.solution_source(stem).is_file():
            names = [item.name for item in authored(course, stem)]
            if what in names:
                return stem, [what]
            if what in (stem, stem[:2], stem[:2].lstrip("0")):
                return stem, names
    raise CourseError(f"There is no exercise and no chapter {what!r}: `workbook new 4.7 {what}` begins an exercise.")


def _tried(proof: Proof, stem: str, say: Say) -> bool:
    say(f"{proof.name} · exercise {proof.authored.number}, {proof.authored.title} · {stem}")
    _say_of(("solution", "blank"), proof, say)
    say("  right answers")
    _say_of(proof.right, proof, say)
    say("  wrong answers")
    _say_of(proof.wrong, proof, say)
    _say_of_mutants(proof, say)
    _say_of_missing_inputs(proof, say)
    broken = list(_broken(proof))
    for rule in broken:
        say(textwrap.fill(f"✗ {rule}", WIDTH, initial_indent="  ", subsequent_indent="    "))
    say(f"  {'Not proven.' if broken else 'Proven.'}\n")
    return not broken


def _say_of(answers: Iterable[str], proof: Proof, say: Say) -> None:
    for name in answers:
        said = f"{name}: {_told(proof.result(name))}"
        say(textwrap.fill(said, WIDTH, initial_indent="    ", subsequent_indent="      "))


def _told(result: Result) -> str:
    outcome = result.outcome.replace("_", " ")
    return outcome if result.outcome in ("passed", "not_attempted") else f"{outcome}: {result.message}"


def _say_of_mutants(proof: Proof, say: Say) -> None:
    alive = [mutant for mutant in proof.mutants if proof.lives(mutant)]
    said = f"{len(proof.mutants) - len(alive)} of {len(proof.mutants)} fail"
    excused = [mutant for mutant in alive if mutant.name in proof.excused]
    say(f"  mutants: {said}{f', {len(excused)} are excused' if excused else ''}")
    for mutant in alive:
        if mutant not in excused:
            say(f"    lives: {mutant.name}\n{textwrap.indent(mutant.source, '      ')}")


def _say_of_missing_inputs(proof: Proof, say: Say) -> None:
    """Advice, no rule: only the author knows which inputs the task has."""
    if proof.result("solution").outcome != "passed":
        say("  inputs: later, when the solution passes")
        return
    missing = missing_inputs(proof)
    said = "add such a row to the check, or say in `outside` why the task has none" if missing else "none is missing"
    say(f"  inputs: {said}")
    for one in missing:
        say(textwrap.fill(str(one), WIDTH, initial_indent="    ", subsequent_indent="      "))


def _broken(proof: Proof) -> Iterable[str]:
    for rule in (*proofs.RULES, proofs.mutants_fail):
        try:
            rule(proof)
        except ProofFailed as failure:
            yield str(failure).strip()


def keep_proving(course: Course, what: str, say: Say) -> None:
    """Prove again whenever the files of the exercise are saved, until Ctrl-C.

    The session stays. What changed is read again; where that is a module of the packages, this process begins anew.
    """
    stem, _ = wanted(course, what)
    own = [course.solution_source(stem), course.checks(stem), course.answers(stem), course.chapter_source(stem)]
    packages = sorted(PACKAGES.rglob("*.py"))
    pause = threading.Event()
    while True:
        before, modules = _times(own), _times(packages)
        prove(course, what, say)
        say("Waiting for a change. Ctrl-C ends.")
        while before == _times(own):
            if modules != _times(packages):
                say("A module of the packages has changed: beginning anew …")
                os.execv(sys.executable, [sys.executable, *sys.argv])
            pause.wait(SECONDS_BETWEEN_LOOKS)


def _times(paths: list[Path]) -> list[int]:
    return [path.stat().st_mtime_ns if path.is_file() else 0 for path in paths]

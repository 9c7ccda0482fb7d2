"""How long a check takes on a warm session: `python benchmarks/checks.py [--runs 5]`.

Each exercise's solution and one wrong answer are checked several times, after a first time that is not counted.
Printed are the median, the 95th percentile, the longest check, and the five slowest by their own median. Exit code 1
where the median is above one second or the 95th percentile above three.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from workbook.authoring import proofs
from workbook.checking import engine
from workbook.checking.exercise import Exercise
from workbook.course import Course

MEDIAN_GOAL, P95_GOAL = 1.0, 3.0


def answers(course: Course) -> Iterator[tuple[str, Exercise, Any, str]]:
    """Each exercise's solution and its first wrong answer: label, exercise, answer, and the outcome it must get."""
    for stem in course.stems:
        for proof in proofs.proofs_of(course, stem):
            yield f"{proof.name}, solution", proof.exercise, proof.built(proof.authored.solution), "passed"
            name, answer = next(iter(proof.wrong.items()))
            yield f"{proof.name}, {name}", proof.exercise, answer, "failed"


def seconds(exercise: Exercise, answer: Any, outcome: str) -> float:
    """The time of one check. Raises SystemExit where its outcome is another one."""
    begin = time.perf_counter()
    result = engine.run(exercise, answer)
    elapsed = time.perf_counter() - begin
    if result.outcome != outcome:
        sys.exit(f"{exercise.name} is {result.outcome}, not {outcome}: {result.message}")
    return elapsed


def main() -> int:
    """Print the distribution; 1 where it misses a goal."""
    parser = argparse.ArgumentParser(description="Time the checks of all exercises.")
    parser.add_argument("--runs", type=int, default=5, help="runs of each check (5)")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {}
    for label, exercise, answer, outcome in answers(Course.here()):
        seconds(exercise, answer, outcome)
        times[label] = [seconds(exercise, answer, outcome) for _ in range(runs)]
    everything = [one for each in times.values() for one in each]
    median, p95 = statistics.median(everything), statistics.quantiles(everything, n=20)[-1]
    print(f"{len(times)} answers, {len(everything)} checks on a warm session")
    print(f"median {median:.2f} s (goal: {MEDIAN_GOAL:g} or less)")
    print(f"p95    {p95:.2f} s (goal: {P95_GOAL:g} or less)")
    print(f"max    {max(everything):.2f} s")
    print("slowest:")
    for label in sorted(times, key=lambda label: -statistics.median(times[label]))[:5]:
        print(f"  {statistics.median(times[label]):.2f} s  {label}")
    return int(median > MEDIAN_GOAL or p95 > P95_GOAL)


if __name__ == "__main__":
    sys.exit(main())

"""What a check's inputs lack is found by varying them, but for what the task does not have."""

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conftest import COURSE
from proven import is_full
from workbook.authored import Authored
from workbook.authoring import proofs
from workbook.authoring.proofs import Proof
from workbook.authoring.variations import Missing, missing_inputs, variations
from workbook.checking.case import Case
from workbook.checking.exercise import Exercise

IMPORTS = "from pyspark.sql import functions as F"
TOTALS = """
def answer(orders):
    return orders.groupBy("customer").agg(F.sum("amount").alias("total"))
"""


def proof_of(check: Callable[..., None], source: str, right: Callable[..., Any], **outside: str) -> Proof:
    exercise = Exercise("answer", "1.1", ("a", "b", "c"), "https://spark.apache.org", "It matters.", check)
    written = Authored("answer", "1.1", "Answer", "Do it.", source.strip(), "")
    return Proof(exercise, written, IMPORTS, {}, right={"other": right}, outside=outside)


def totals(answer, case: Case) -> None:
    orders = case.rows("order_id string, customer string, amount int", ("O1", "C1", 3), ("O2", "C1", 4))
    case.equal(answer(orders), "customer string, total bigint", ("C1", 7))


def distinct_totals(orders: DataFrame) -> DataFrame:
    return orders.groupBy("customer").agg(F.sum_distinct("amount").alias("total"))


def test_an_answer_that_passes_and_is_wrong_for_two_equal_rows_is_found(spark) -> None:
    assert missing_inputs(proof_of(totals, TOTALS, distinct_totals)) == [
        Missing("another row's value in orders.amount", "other", "[('C1', 4)]", "[('C1', 8)]")
    ]


def test_what_the_task_does_not_have_is_not_reported(spark) -> None:
    reason = {"another row's value in orders.amount": "amounts differ"}
    assert missing_inputs(proof_of(totals, TOTALS, distinct_totals, **reason)) == []


def test_an_answer_that_is_right_in_another_way_is_not_reported(spark) -> None:
    def in_sql(orders: DataFrame) -> DataFrame:
        orders.createOrReplaceTempView("orders")
        return orders.sparkSession.sql("SELECT SUM(amount) AS total, customer FROM orders GROUP BY customer")

    assert missing_inputs(proof_of(totals, TOTALS, in_sql)) == []


def waits(answer, case: Case) -> None:
    case.value(answer(429, {"Retry-After": "3"}), 3, call="answer(429)")


WAITS = """
def answer(status, headers):
    return int(headers["Retry-After"]) if status >= 400 and headers else 0
"""


def test_plain_values_are_varied_too(spark) -> None:
    found = missing_inputs(proof_of(waits, WAITS, lambda status, headers: int(headers.get("Retry-After", 9))))
    told_apart = [one.variation for one in found if one.answer == "other"]
    assert told_apart == ["zero in status", "the negative in status", "headers without a key"]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ({"day": "/landing/day"}, []),
        ({"names": ["a"]}, ["names empty", "names in reverse", "an item of names twice", "an empty text in names[…]"]),
        ({"on": True}, ["the opposite in on"]),
    ],
)
def test_each_variation_is_named_by_its_kind_and_its_place(call: dict[str, Any], names: list[str]) -> None:
    assert [name for name, _ in variations(call)] == names


if is_full():

    @pytest.mark.parametrize(
        "proof",
        [proof for stem in COURSE.stems for proof in proofs.proofs_of(COURSE, stem)],
        ids=lambda proof: proof.name,
    )
    def test_no_exercise_lacks_an_input(proof: Proof) -> None:
        assert [str(missing) for missing in missing_inputs(proof)] == []

"""The report of a run: what is broken comes first, with how it has done, how bad it is, and whom to ask."""

from datetime import date

import pytest

from lakehouse import report
from lakehouse.outcome import Kept, Measured, PlatformResult
from lakehouse.quality import Limits, Rule

KNOWN = Rule("known", "reference", "id", "_known", "drop", "payments", "The customer is known.", tolerance=0.02)
NAMED = Rule("named", "null", "name", "name IS NOT NULL", "warn", "crm", "A customer has a name.")


def measured(rule: Rule, rows: int, value: float | None, *trend: float) -> Measured:
    verdict = Limits(high=rule.tolerance).judge(value)
    about = (rule.name, "orders", rule.kind, rule.severity, rule.owner, rule.meaning, date(2026, 1, 1))
    return Measured(*about, rows, value, "share", None, rule.tolerance, verdict, trend)


def volume(value: float, limits: Limits | None) -> Measured:
    verdict = limits.judge(value) if limits else "no data"
    about = ("products_volume", "products", "volume", "warn", "purchasing", "As many as before.", date(2026, 1, 1))
    ends = (limits.low, limits.high) if limits else (None, None)
    return Measured(*about, 7, value, "rows a day", *ends, verdict, (1234.0, value))


def result_of(rules: tuple[Kept, ...], *found: Measured) -> PlatformResult:
    return PlatformResult(False, (), {"orders": 9}, (), (), rules, (), found)


def rules_of(rules: tuple[Kept, ...], *found: Measured) -> list[tuple[str | int, ...]]:
    result = result_of(rules, *found)
    [table] = [table for table in report.tables_of(result) if table.title.startswith("Rules")]
    assert len(table.columns) == 12
    assert all(kept.rule.meaning in report.html(result) for kept in rules)
    return [tuple(row) for row in table.rows]


def test_rules_that_are_broken_come_first_with_trend_severity_and_owner() -> None:
    kept = Kept("orders", NAMED, 1000, 1), Kept("orders", KNOWN, 1000, 30)
    rows = rules_of(kept, measured(NAMED, 10, 0.0, 0.01, 0.0), measured(KNOWN, 10, 0.01, 0.02, 0.04, 0.01))
    assert rows == [
        (
            *("known", "✗ FAIL", "drop", "payments", "1.00 %", "▅█▃", "at most 2.00 %", 30, "3.00 %"),
            *("reference", "2026-01-01", "The customer is known."),
        ),
        (
            *("named", "✓ pass", "warn", "crm", "0.00 %", "█▁", "at most 1.00 %", 1, "0.10 %"),
            *("null", "2026-01-01", "A customer has a name."),
        ),
    ]
    [newest] = rules_of((Kept("orders", KNOWN, 1000, 0),), measured(KNOWN, 10, 0.3, 0.3))
    assert newest[1] == "✗ FAIL", "what is new may be broken although the whole is not"


def test_no_rows_are_no_data_and_not_zero_percent() -> None:
    [row] = rules_of((Kept("orders", KNOWN, 0, 0),), measured(KNOWN, 0, None))
    assert row[1:6] == ("– no data", "drop", "payments", "no data", "")
    assert Kept("orders", KNOWN, 0, 0).verdict == "no data"


@pytest.mark.parametrize(
    ("limits", "verdict", "may_be"),
    [
        (None, "– no data", "anything"),
        (Limits(5.0, 15.0), "✗ FAIL", "at least 5 rows a day and at most 15 rows a day"),
        (Limits(low=5.0), "✓ pass", "at least 5 rows a day"),
    ],
)
def test_a_rule_about_sets_says_what_it_measures_and_what_that_may_be(
    limits: Limits | None, verdict: str, may_be: str
) -> None:
    [row] = rules_of((), volume(17.5, limits))
    assert row[1:] == (
        *(verdict, "warn", "purchasing", "17.5 rows a day", "█▁", may_be, "", ""),
        *("volume", "2026-01-01", "As many as before."),
    )


def test_a_broken_rule_is_a_sentence_with_its_share_and_its_owner() -> None:
    assert measured(KNOWN, 1200, 0.25).said == (
        "known measures 25.00 % of 1,200 new rows and may measure at most 2.00 %; ask payments"
    )


def test_the_summary_names_the_rules_that_are_broken_too_often_and_whom_to_ask() -> None:
    good = measured(NAMED, 10, 0.01, 0.01)
    assert report.summary(result_of((), good)) == "9 orders processed. The books balance."
    assert report.summary(result_of((), good, measured(KNOWN, 10, 0.5, 0.5), volume(17.5, Limits(5.0, 15.0)))) == (
        "9 orders processed. The books balance. Broken too often: known (payments), products_volume (purchasing)."
    )

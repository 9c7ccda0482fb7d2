"""The history of customers for changes that nobody thought of: whatever comes, in any order, its invariants hold."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.silver import scd2_history

pytestmark = pytest.mark.usefixtures("few_rows")

CHANGES = "customer_id STRING, change_id INT, operation STRING, city STRING, updated_at TIMESTAMP_NTZ"
Change = tuple[str, int, str, str | None, datetime]
Version = tuple[str, str | None, datetime, datetime | None, bool]

one_change = st.tuples(
    st.sampled_from([f"C{number}" for number in range(12)]),
    st.sampled_from(["insert", "update", "update", "delete"]),
    st.sampled_from(["Lyon", "Malmö", None]),
    st.integers(1, 6).map(lambda hour: datetime(2026, 1, 1, hour)),
)
logs = st.lists(one_change, min_size=20, max_size=120).map(
    lambda drawn: [(key, number, *rest) for number, (key, *rest) in enumerate(drawn)]
)


def history_of(spark: SparkSession, changes: list[Change]) -> list[Version]:
    rows = spark.createDataFrame(changes, CHANGES)
    deleted = F.col("operation") == "delete"
    history = scd2_history(rows, ["customer_id"], ["city"], ["updated_at", "change_id"], deleted)
    columns = ("customer_id", "city", "valid_from", "valid_to", "is_current")
    return sorted((tuple(row) for row in history.select(*columns).collect()), key=str)  # type: ignore[misc]


def by_hand(changes: list[Change]) -> list[Version]:
    """The same, one change after the other, as somebody would do it on paper."""
    newest: dict[str, dict[datetime, Change]] = defaultdict(dict)
    for change in sorted(changes, key=lambda change: change[1]):
        newest[change[0]][change[4]] = change
    versions: list[Version] = []
    for key, at in newest.items():
        open_since: datetime | None = None
        city: str | None = None
        for when in sorted(at):
            _, _, operation, new_city, _ = at[when]
            gone = operation == "delete"
            if open_since is not None and (gone or new_city != city):
                versions.append((key, city, open_since, when, False))
                open_since = None
            if not gone and open_since is None:
                open_since, city = when, new_city
        if open_since is not None:
            versions.append((key, city, open_since, None, True))
    return sorted(versions, key=str)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=logs, chance=st.randoms(use_true_random=False))
def test_any_changes_in_any_order_and_repeated_give_the_one_history(spark: SparkSession, changes, chance) -> None:
    history = history_of(spark, changes)
    assert history == by_hand(changes)
    arrived = changes + chance.sample(changes, len(changes) // 3)
    chance.shuffle(arrived)
    assert history_of(spark, arrived) == history
    of_key: dict[str, list[Version]] = defaultdict(list)
    for version in sorted(history, key=lambda version: (version[0], version[2])):
        of_key[version[0]].append(version)
    for versions in of_key.values():
        assert sum(version[4] for version in versions) <= 1, "one current version a key"
        assert all(valid_to is None or valid_from < valid_to for _, _, valid_from, valid_to, _ in versions)
        for (_, city, _, ended, _), (_, next_city, begins, _, _) in pairwise(versions):
            assert ended is not None and ended <= begins, "no overlap"
            assert ended < begins or city != next_city, "no version without a change"

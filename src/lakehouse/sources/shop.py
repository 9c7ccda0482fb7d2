"""The shop: its tables day by day, and what is known about it beforehand."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa

from lakehouse.sources import crm
from lakehouse.sources.columns import Arrays, ids, take
from lakehouse.sources.declarations import TABLES, dictionary
from lakehouse.sources.history import SNAPSHOTS
from lakehouse.sources.people import customer_columns
from lakehouse.sources.plan import PIECE_PRODUCTS, Plan, Planted, checked_day
from lakehouse.sources.products import Pair, pairs, product_columns, products
from lakehouse.sources.transactions import transaction_columns, transactions

CHURN = pa.schema(
    [
        pa.field("customer_id", pa.string(), False),
        pa.field("as_of", pa.date32(), False),
        pa.field("recency_days", pa.int64(), False),
        pa.field("purchases", pa.int64(), False),
        pa.field("spend_trend", pa.float64(), False),
        pa.field("probability", pa.float64(), False),
        pa.field("churned", pa.bool_(), False),
    ]
)


class Shop:
    """One synthetic shop. The same scale and seed give the same rows on every machine.

    `scale` is 0.01 to 100; 1 is 10,000 customers, 1,000 products and 50,000 order lines on day 0. Days are 0 (the
    initial load) to 30; `loaded_on` gives their dates. With `defects=False` nothing is wrong with the data: its day 0
    is what the other one's would be without its defects. Every table comes as an iterator of pieces of a bounded size,
    pyarrow Tables with the schema that `dictionary()` declares, so memory does not grow with the scale.

    Raises ValueError for a scale, seed or day out of range.
    """

    def __init__(self, scale: float = 1.0, seed: int = 7, defects: bool = True) -> None:
        self.plan = Plan(scale, seed, defects)

    def __repr__(self) -> str:
        return f"Shop(scale={self.plan.scale}, seed={self.plan.seed}, defects={self.plan.defects})"

    def customers(self, day: int = 0) -> Iterator[pa.Table]:
        """The CRM's table at the end of a day: one row a `customer_id`, updates and deletes applied."""
        checked_day(day)
        return (_table("customers", day, customer_columns(rows)) for rows in crm.customers(self.plan, day))

    def customer_changes(self, day: int) -> Iterator[pa.Table]:
        """The changes that the CRM sends on a day, in the order of sending; none on day 0. One row a change."""
        days = [checked_day(day)] if day else []
        return (_table("customer_changes", day, crm.change_columns(crm.changes(self.plan, day))) for day in days)

    def products(self, day: int = 0) -> Iterator[pa.Table]:
        """The whole catalogue at the end of a day, in the order of its pages, repeated rows included."""
        rows = products(self.plan, checked_day(day))
        listed = _with_repeats(rows, self.plan, day)
        pieces = (listed[start : start + PIECE_PRODUCTS] for start in range(0, len(listed), PIECE_PRODUCTS))
        return (_table("products", day, product_columns(take(rows, piece))) for piece in pieces)

    def transactions(self, day: int = 0) -> Iterator[pa.Table]:
        """The order lines that are delivered on a day, in the order of their files, repeated lines included.

        Lines that cannot be read (broken JSON, too few columns) exist only in the files that `land` writes.
        """
        checked_day(day)
        return (_table("transactions", day, transaction_columns(rows, day)) for rows in transactions(self.plan, day))

    def churned(self, as_of: date) -> Iterator[pa.Table]:
        """The truth about churn on one of SNAPSHOTS: one row a member, with `churn_probability` and the outcome.

        Columns: customer_id, as_of, recency_days, purchases, spend_trend, probability, churned. A member who churns
        buys nothing from `as_of` on, and has `ended_on` at the end of the quarter that begins on it (the CRM
        does not show that of 2026-01-01 yet). Raises ValueError for another date.
        """
        if as_of not in SNAPSHOTS:
            known = ", ".join(snapshot.isoformat() for snapshot in SNAPSHOTS)
            raise ValueError(f"There is no snapshot of {as_of}: choose one of {known}.")
        return (self._snapshot(piece, as_of) for piece in range(self.plan.pieces))

    def _snapshot(self, piece: int, as_of: date) -> pa.Table:
        crowd = crm.members(self.plan, piece)
        found = crowd.history.snapshots[SNAPSHOTS.index(as_of)]
        n = len(found.member)
        columns = [
            ids("C", crowd.people["number"][found.member], 7),
            pa.array([as_of] * n, pa.date32()),
            pa.array(found.recency),
            pa.array(found.purchases),
            pa.array(found.trend),
            pa.array(found.probability),
            pa.array(found.churned),
        ]
        return pa.Table.from_arrays(columns, schema=CHURN)

    def bought_together(self) -> list[Pair]:
        """The pairs of products that are planted, with the lift to expect in a large sample of orders."""
        return pairs(self.plan)

    def manifest(self, day: int) -> list[Planted]:
        """How often each defect and each kind of change is in a day's deliveries. Nothing is generated for it."""
        return self.plan.manifest(checked_day(day))


def _with_repeats(rows: Arrays, plan: Plan, day: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row numbers of the catalogue in the order of its pages: clean rows at equal distances come twice."""
    repeats = plan.counts("products", day)["duplicate"]
    clean = np.flatnonzero(rows["defect"] == 0)
    twice = clean[(np.arange(repeats) * len(clean)) // repeats]
    return np.sort(np.concatenate([np.arange(len(rows["number"])), twice]))


def _table(name: str, day: int, columns: dict[str, pa.Array]) -> pa.Table:
    """The columns as a table of the declared schema."""
    schema = TABLES[name].schema(day)
    return pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)


__all__ = ["CHURN", "Shop", "dictionary"]

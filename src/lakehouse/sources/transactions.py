"""The payments: the order lines of 2025, those of each later day, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.reference import CHANNELS, CURRENCIES, PAYMENT_METHODS
from lakehouse.sources import values
from lakehouse.sources.columns import (
    DAY,
    Arrays,
    blank,
    business_date,
    ids,
    instants,
    instead,
    money,
    stack,
    take,
    words,
)
from lakehouse.sources.crm import first_newcomer, members, newcomers
from lakehouse.sources.declarations import TRANSACTIONS
from lakehouse.sources.draws import Dice, Ints, Mask, Stream, portion
from lakehouse.sources.history import ONLINE, add_buyers, draw_lines, price_lines
from lakehouse.sources.plan import LINES_A_CUSTOMER, MOST_PIECES, Plan
from lakehouse.sources.products import popularity, products

NOBODY = -1
BUYER = ("number", "segment", "country")
UNKNOWN_CUSTOMER, UNKNOWN_PRODUCT = 9_000_000, 900_000
NEWCOMERS_SHARE = 0.03
QUANTITY_AS_TEXT = TRANSACTIONS.defect("quantity_with_unit").first_day
# The groups of defects in which rows are hard to find come first.
GROUPS = ("time", "amount", "customer", "product", "currency")


@dataclass
class Delivery:
    """Lines and their defects: `marks[group]` names each row's defect of the group by its position + 1, 0 for none."""

    lines: Arrays
    marks: dict[str, Ints]
    position: np.ndarray[tuple[int], np.dtype[np.float64]]

    def clean(self) -> Mask:
        """Where nothing is wrong."""
        clean: Mask = np.logical_and.reduce([mark == 0 for mark in self.marks.values()])
        return clean

    def where(self, name: str) -> Mask:
        """Where the defect of that name is."""
        group = TRANSACTIONS.defect(name).group
        marked: Mask = self.marks[group] == names_of(group).index(name) + 1
        return marked


def names_of(group: str) -> list[str]:
    """The names of a group's defects, as declared."""
    return [defect.name for defect in TRANSACTIONS.defects if defect.group == group]


def transactions(plan: Plan, day: int) -> Iterator[Arrays]:
    """A day's lines in the order of their delivery, online before store, a piece at a time."""
    if day == 0:
        for piece in range(plan.pieces):
            yield _delivered(plan, _planted(plan, _history_lines(plan, piece), 0, piece), 0, piece)
        return
    delivery = _planted(plan, _day_lines(plan, day), day, 0)
    rows = _delivered(plan, delivery, day, 0)
    again = plan.counts("transactions", day)["redelivered"]
    if again:
        before = _planted(plan, _day_lines(plan, day - 1), day - 1, 0)
        chosen = Dice(plan.seed, Stream.REDELIVERED, day).among(before.clean(), again)
        rows = stack([rows, take(before.lines, np.sort(chosen))])
    yield take(rows, np.argsort(rows["channel"], kind="stable"))


def _history_lines(plan: Plan, piece: int) -> Arrays:
    lines = members(plan, piece).history.lines
    return _number(lines, 0, LINES_A_CUSTOMER * plan.first_customer(piece))


def _day_lines(plan: Plan, day: int) -> Arrays:
    """The order lines of one later date, as they are before anything is planted."""
    dice = Dice(plan.seed, Stream.LINES, day)
    lines = draw_lines(dice, plan.lines(day), business_date(day), 1, popularity(plan))
    orders = int(lines["order"][-1]) + 1
    buyers = stack(list(_buyers(plan, day, orders)))
    buyers = take(buyers, dice.order(orders))
    fresh = np.flatnonzero(dice.uniform(orders) < NEWCOMERS_SHARE)
    recent = stack([_buyer_columns(newcomers(plan, earlier)) for earlier in range(1, day + 1)])
    chosen = dice.below(len(fresh), len(recent["number"]))
    for name in buyers:
        buyers[name][fresh] = recent[name][chosen]
    add_buyers(lines, lines["order"], buyers)
    price_lines(lines, products(plan, day)["cents"])
    return _number(lines, day, 0)


def _buyer_columns(crowd: Arrays) -> Arrays:
    return {name: crowd[name] for name in BUYER}


@lru_cache(maxsize=MOST_PIECES)
def _pool(plan: Plan, piece: int) -> Arrays:
    """What a later day must know of a piece's customers, small enough to keep for all pieces of the largest shop."""
    crowd = members(plan, piece)
    return {
        "number": crowd.people["number"].astype(np.int32),
        "segment": crowd.people["segment"].astype(np.int8),
        "country": crowd.people["country"].astype(np.int8),
        "erased": crowd.erased.astype(np.int8),
        "activity": crowd.history.activity * ~crowd.history.gone,
    }


def _buyers(plan: Plan, day: int, orders: int) -> Iterator[Arrays]:
    """Who places a date's orders: members who have neither left nor been erased, the busy ones more often."""
    for piece in range(plan.pieces):
        pool = _pool(plan, piece)
        dice = Dice(plan.seed, Stream.LINES, day, piece)
        chosen = dice.pick(portion(orders, piece, plan.pieces), pool["activity"] * (pool["erased"] > day))
        yield {name: pool[name][chosen].astype(np.int64) for name in BUYER}


def _number(lines: Arrays, day: int, before: int) -> Arrays:
    """Number the lines of a day on from `before`; an order has the number of its first line."""
    index = before + 1 + np.arange(len(lines["order"]), dtype=np.int64)
    first = np.concatenate([[True], lines["order"][1:] != lines["order"][:-1]])
    return {
        **lines,
        "day": np.full(len(index), day, np.int64),
        "line": index,
        "first_line": index[first][np.cumsum(first) - 1],
        "form": np.zeros(len(index), np.int64),
        "untidy": np.zeros(len(index), np.int64),
    }


def _planted(plan: Plan, lines: Arrays, day: int, piece: int) -> Delivery:
    """The lines sorted by channel and time, with a day's defects in them."""
    lines = take(lines, np.argsort(lines["channel"], kind="stable"))
    n = len(lines["line"])
    counts = plan.piece_counts("transactions", day, piece) if day == 0 else plan.counts("transactions", day)
    delivery = Delivery(lines, {group: np.zeros(n, np.int64) for group in GROUPS}, np.arange(n, dtype=np.float64))
    dice = Dice(plan.seed, Stream.LINE_DEFECTS, day, piece)
    for group in GROUPS:
        names = names_of(group)
        for name in sorted(names, key=lambda name: name != "out_of_order"):
            chosen = dice.among(_eligible(delivery, plan, name), counts[name])
            delivery.marks[group][chosen] = names.index(name) + 1
    _spoil(plan, delivery, day, dice)
    return delivery


def _eligible(delivery: Delivery, plan: Plan, name: str) -> Mask:
    """Which rows can get a defect."""
    lines = delivery.lines
    free: Mask = delivery.marks[TRANSACTIONS.defect(name).group] == 0
    if name == "out_of_order":
        free &= _can_change_places(lines)
    if name in ("late", "future_date"):
        # The neighbour of a line that has changed places stays, and newcomers have no past.
        free &= ~np.roll(delivery.where("out_of_order"), 1) & (lines["number"] <= plan.customers)
    if name in ("quantity_with_unit", "quantity_in_words"):
        free &= lines["channel"] == ONLINE
    if name == "quantity_in_words":
        free &= lines["quantity"] < len(values.NUMBER_WORDS)
    return free


def _can_change_places(lines: Arrays) -> Mask:
    """Every second line of a file, where the next line is younger."""
    even = np.arange(len(lines["line"])) % 2 == 0
    younger = np.roll(lines["seconds"], -1) > lines["seconds"]
    younger[-1] = False
    same_file = np.roll(lines["channel"], -1) == lines["channel"]
    can: Mask = even & younger & same_file
    return can


def _spoil(plan: Plan, delivery: Delivery, day: int, dice: Dice) -> None:
    """Make the marked rows wrong."""
    lines, where = delivery.lines, delivery.where
    n = len(lines["line"])
    lines["amount"] = np.where(where("negative_amount"), -lines["amount"], lines["amount"])
    lines["amount"] = np.where(where("wrong_amount"), lines["amount"] + 100, lines["amount"])
    for column in ("amount", "quantity"):
        lines[column] = np.where(where("zero_quantity"), 0, lines[column])
    lines["form"] = where("quantity_with_unit") + 2 * where("quantity_in_words")
    lines["untidy"] = where("untidy_currency") * 1
    a_day = plan.counts("customer_changes", day + 1)["new"]
    early = first_newcomer(plan, day + 1) + dice.below(n, max(a_day, 1))
    lines["number"] = np.where(where("early_customer"), early, lines["number"])
    unknown = UNKNOWN_CUSTOMER + dice.below(n, 999_999)
    lines["number"] = np.where(where("unknown_customer"), unknown, lines["number"])
    lines["number"] = np.where(where("missing_customer"), NOBODY, lines["number"])
    lines["product"] = np.where(where("unknown_product"), UNKNOWN_PRODUCT + dice.below(n, 99_999), lines["product"])
    ahead = business_date(day) + 31 + dice.below(n, 370)
    lines["seconds"] = np.where(where("future_date"), ahead * DAY + lines["seconds"] % DAY, lines["seconds"])
    lines["seconds"] = lines["seconds"] - where("late") * DAY * (1 + dice.below(n, 3))
    delivery.position = delivery.position + where("out_of_order") * 3.5


def _delivered(plan: Plan, delivery: Delivery, day: int, piece: int) -> Arrays:
    """The lines as they are sent: those out of order moved, duplicates a few lines below their originals."""
    counts = plan.piece_counts("transactions", day, piece) if day == 0 else plan.counts("transactions", day)
    dice = Dice(plan.seed, Stream.DELIVERY, day, piece, 1)
    twice = np.sort(dice.among(delivery.clean(), counts["duplicate"]))
    rows = stack([delivery.lines, take(delivery.lines, twice)])
    position = np.concatenate([delivery.position, delivery.position[twice] + 5.25])
    return take(rows, np.lexsort((position, rows["channel"])))


def _quantities(lines: Arrays, day: int) -> pa.Array:
    """Whole numbers, or from the day of the flip on the texts that the sources send."""
    quantity = pa.array(lines["quantity"])
    if day < QUANTITY_AS_TEXT:
        return quantity
    plain = quantity.cast(pa.string())
    spelt = words(values.NUMBER_WORDS, np.minimum(lines["quantity"], len(values.NUMBER_WORDS) - 1))
    with_unit = pc.binary_join_element_wise(plain, "pcs", " ")
    return instead(instead(plain, lines["form"] == 1, with_unit), lines["form"] == 2, spelt)


def transaction_columns(lines: Arrays, day: int) -> dict[str, pa.Array]:
    """The columns of the table `transactions` for these lines, as they are delivered on a day."""
    stem = pc.utf8_lpad(pa.array(lines["day"]).cast(pa.string()), 3, "0")
    currency = words([CURRENCIES[country.code] for country in values.COUNTRIES], lines["country"])
    coupon = words(values.COUPONS, np.maximum(lines["coupon"], 0))
    no_coupon = (lines["coupon"] < 0) | (lines["channel"] != ONLINE) | (lines["day"] < 2)
    return {
        "transaction_id": pc.binary_join_element_wise(
            pc.binary_join_element_wise("T", stem, ""), ids("", lines["line"], 8), "-"
        ),
        "order_id": pc.binary_join_element_wise(
            pc.binary_join_element_wise("O", stem, ""), ids("", lines["first_line"], 8), "-"
        ),
        "customer_id": blank(ids("C", lines["number"], 7), lines["number"] == NOBODY),
        "product_id": ids("P", lines["product"] + 1, 6),
        "quantity": _quantities(lines, day),
        "unit_price": money(lines["unit"]),
        "amount": money(lines["amount"]),
        "currency": instead(currency, lines["untidy"] == 1, pc.utf8_lower(currency)),
        "channel": words(CHANNELS, lines["channel"]),
        "payment_method": words(PAYMENT_METHODS, lines["method"]),
        "ordered_at": instants(lines["seconds"]),
        "coupon": blank(coupon, no_coupon),
    }

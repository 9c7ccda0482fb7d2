"""The year 2025: who bought what and when, and who left. Numbers only; `transactions` writes them out.

Customers are simulated a piece at a time, quarter by quarter. At the end of a quarter each member leaves with a
probability that depends on how they bought, through `churn_probability`. Whoever leaves buys nothing more, and the
membership ends with the next quarter.
"""

import itertools
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lakehouse.reference import CURRENCIES, RATES, SEGMENTS
from lakehouse.sources import values
from lakehouse.sources.columns import DAY, Arrays, day_number, stack
from lakehouse.sources.draws import Dice, Floats, Ints, Mask, portions
from lakehouse.sources.plan import LINES_A_CUSTOMER, YEAR_BEGINS, Plan, season
from lakehouse.sources.products import NEXT_LINE, Popularity, draw_ranks, popularity, products

# Quarters end before these dates; churn is drawn on each of them.
SNAPSHOTS = (date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1), date(2026, 1, 1))
# A member who leaves on a snapshot date keeps the membership until this day.
MEMBERSHIP_ENDS = (date(2025, 6, 30), date(2025, 9, 30), date(2025, 12, 31), date(2026, 3, 31))
HOURS = np.array([1, 1, 0, 0, 0, 1, 3, 6, 9, 10, 11, 12, 12, 11, 10, 10, 11, 13, 15, 16, 14, 10, 6, 3], np.float64)
ONLINE, STORE = 0, 1
SEGMENT_ACTIVITY = np.array([0.7, 1.5, 3.0])
RECENCY_LIMIT = 180
BUSINESS = SEGMENTS.index("business")
RATE = np.array([RATES[CURRENCIES[country.code]] for country in values.COUNTRIES], np.int64)


def churn_probability(recency_days: ArrayLike, purchases: ArrayLike, spend_trend: ArrayLike) -> Any:
    """The probability that a member leaves, as the generator draws it: the best that any model can know.

    `recency_days`: whole days from the last purchase (from sign-up where there was none) to the snapshot, at most 180.
    `purchases`: order lines in the 90 days before the snapshot.
    `spend_trend`: (a - b) / (a + b), where a is the spend in euros of the last 30 of these days and b half of that
    of the 60 before; 0 where nothing was spent. Numbers or arrays of one shape; the result has that shape.
    """
    recency, bought, trend = (np.asarray(x, dtype=np.float64) for x in (recency_days, purchases, spend_trend))
    score = -3.0 + 1.25 * np.minimum(recency, RECENCY_LIMIT) / 90 - 0.7 * np.log1p(bought) - 1.0 * trend
    return 1 / (1 + np.exp(-score))


@dataclass(frozen=True)
class Snapshot:
    """The members of one piece on a snapshot date, what they did before it, and whether they leave."""

    member: Ints
    recency: Ints
    purchases: Ints
    trend: Floats
    probability: Floats
    churned: Mask


@dataclass(frozen=True)
class History:
    """One piece's year: order lines in order of time, the four snapshots, and each customer's activity."""

    lines: Arrays
    snapshots: tuple[Snapshot, ...]
    activity: Floats
    gone: Mask


def activity(dice: Dice, segment: Ints) -> Floats:
    """How much each customer buys, relative to the others: a long tail, so that a few take a large share."""
    rank = dice.order(len(segment)) + 1
    tail = np.power(rank + 0.01 * len(segment), -0.75)
    weighted: Floats = SEGMENT_ACTIVITY[segment] * tail
    return weighted


def draw_lines(dice: Dice, n: int, first_day: int, days: int, sold: Popularity) -> Arrays:
    """`n` order lines on the `days` dates from `first_day`, in order of time; who ordered is left open.

    Lines of one order share `order`, counted from 0, and time and channel.
    """
    starts = dice.uniform(n) >= NEXT_LINE
    starts[0] = True
    order = np.cumsum(starts) - 1
    orders = int(order[-1]) + 1
    weights = np.array([season(first_day + i) for i in range(days)])
    day = first_day + dice.pick(orders, weights)
    second = dice.pick(orders, HOURS) * 3600 + dice.below(orders, 3600)
    when = np.sort(day * DAY + second, kind="stable")
    channel = np.where(dice.uniform(orders) < 0.65, ONLINE, STORE)
    # Even the quietest day has both kinds of file.
    channel[:2] = ONLINE, STORE
    method = np.where(channel == ONLINE, dice.pick(orders, np.array([6.0, 3, 1])), 3 * dice.below(orders, 2))
    ranks = draw_ranks(dice, starts, sold.share)
    return {
        "order": order,
        "product": sold.product[ranks],
        "quantity": 1 + dice.pick(n, np.array([62.0, 20, 9, 4, 2, 3])),
        "coupon": np.where(dice.uniform(n) < 0.2, dice.below(n, len(values.COUPONS)), -1),
        "seconds": when[order],
        "channel": channel[order],
        "method": method[order],
    }


def price_lines(lines: Arrays, cents: Ints) -> None:
    """Add what a line costs: `unit` and `amount` in hundredths of its currency, `euros` in euro cents."""
    rate = RATE[lines["country"]]
    lines["quantity"] = lines["quantity"] * np.where(lines["segment"] == BUSINESS, 3, 1)
    lines["unit"] = (cents[lines["product"]] * rate + 500) // 1000
    lines["unit"] = np.where(rate == 160_000, lines["unit"] // 100 * 100, lines["unit"])
    lines["amount"] = lines["unit"] * lines["quantity"]
    lines["euros"] = cents[lines["product"]] * lines["quantity"]


def add_buyers(lines: Arrays, customer: Ints, people: Arrays) -> None:
    """Note who bought each line: `customer` is the row in `people`."""
    lines["customer"] = customer
    for column in ("number", "segment", "country"):
        lines[column] = people[column][customer]


def take_snapshot(dice: Dice, lines: Arrays, member: Ints, last: Ints, end: int) -> Snapshot:
    """What each member did before the day `end`, and who of them leaves then. `last`: day of the last purchase."""
    age = end - lines["seconds"] // DAY
    size = len(last)

    def total(low: int, high: int, weights: Ints | None) -> Floats:
        chosen = (age > low) & (age <= high)
        amounts = None if weights is None else weights[chosen].astype(np.float64)
        return np.bincount(lines["customer"][chosen], amounts, size)[member].astype(np.float64)

    recent = total(0, 30, lines["euros"])
    before = total(30, 90, lines["euros"]) / 2
    spent = recent + before
    trend = np.where(spent > 0, (recent - before) / np.where(spent > 0, spent, 1), 0.0)
    purchases = total(0, 90, None).astype(np.int64)
    recency = np.minimum(end - last[member], RECENCY_LIMIT)
    probability = churn_probability(recency, purchases, trend)
    churned = dice.uniform(len(member)) < probability
    return Snapshot(member, recency, purchases, trend, probability, churned)


def join_orders(parts: list[Arrays]) -> Arrays:
    """Lines below one another, orders numbered on from part to part."""
    first = 0
    for part in parts:
        part["order"] = part["order"] + first
        first = int(part["order"][-1]) + 1
    return stack(parts)


def simulate(plan: Plan, dice: Dice, people: Arrays) -> History:
    """The year of one piece of customers. Sets `ended` and `updated` of those who left."""
    sold, cents = popularity(plan), products(plan, 0)["cents"]
    active = activity(dice, people["segment"])
    members = np.ones(len(active), np.bool_)
    last = np.maximum(people["signed_up"], day_number(SNAPSHOTS[-1]) - 10_000)
    begins = [YEAR_BEGINS, *(day_number(snapshot) for snapshot in SNAPSHOTS)]
    weights = np.array([sum(season(d) for d in range(a, b)) for a, b in itertools.pairwise(begins)])
    parts, snapshots = [], []
    for quarter, n in enumerate(portions(LINES_A_CUSTOMER * len(members), weights)):
        begin, end = begins[quarter], begins[quarter + 1]
        eligible = members & (people["signed_up"] < begin)
        lines = draw_lines(dice, n, begin, end - begin, sold)
        buyers = dice.pick(int(lines["order"][-1]) + 1, active * eligible)
        add_buyers(lines, buyers[lines["order"]], people)
        price_lines(lines, cents)
        np.maximum.at(last, lines["customer"], lines["seconds"] // DAY)
        snapshot = take_snapshot(dice, lines, np.flatnonzero(eligible), last, end)
        leaving = snapshot.member[snapshot.churned]
        members[leaving] = False
        if quarter < len(SNAPSHOTS) - 1:
            people["ended"][leaving] = day_number(MEMBERSHIP_ENDS[quarter])
            people["updated"][leaving] = end * DAY + 43_200
        parts.append(lines)
        snapshots.append(snapshot)
    return History(join_orders(parts), tuple(snapshots), active, ~members)

"""The catalogue: products, their prices and popularity, how they change day by day, what is bought together."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.reference import CATEGORIES
from lakehouse.sources import values
from lakehouse.sources.columns import (
    DAY,
    Arrays,
    blank,
    business_date,
    dates,
    day_number,
    ids,
    instants,
    money,
    stack,
    words,
)
from lakehouse.sources.declarations import LOAD_DATE
from lakehouse.sources.draws import Dice, Floats, Ints, Mask, Stream
from lakehouse.sources.plan import Plan

IN_RANGE = 0
# Popularity falls with rank as rank ** -ZIPF.
ZIPF = 0.9
# After each line of an order there is another with this chance.
NEXT_LINE = 0.4
# Ranks of (anchor, companion), and how often the line after the anchor is the companion.
PAIRS = ((2, 3, 0.6), (5, 7, 0.5), (8, 9, 0.4))
DEFECTS = ("missing_category", "zero_price", "missing_weight")
MISSING_CATEGORY, ZERO_PRICE, MISSING_WEIGHT = 1, 2, 3
_GOODS = [values.GOODS[category] for category in CATEGORIES]
_NOUNS_EACH = len(_GOODS[0][1])
_NOUNS = tuple(noun for _, nouns in _GOODS for noun in nouns)


@dataclass(frozen=True)
class Pair:
    """Two products that are bought together, and the lift that the generator gives them.

    `lift` is P(both in an order) / (P(product in it) × P(companion in it)): 1 for products that have nothing
    to do with each other.
    """

    product_id: str
    companion_id: str
    lift: float


@dataclass(frozen=True)
class Popularity:
    """Which product (0 for the first) has each rank, best seller first, and the share of the lines that it has."""

    product: Ints
    share: Floats


@lru_cache(maxsize=2)
def popularity(plan: Plan) -> Popularity:
    """How the products of day 0 sell: a few take a large share."""
    weights = np.arange(1, plan.products + 1, dtype=np.float64) ** -ZIPF
    return Popularity(Dice(plan.seed, Stream.CATALOGUE, 4).order(plan.products), weights / weights.sum())


@lru_cache(maxsize=3)
def products(plan: Plan, day: int) -> Arrays:
    """The catalogue at the end of a day: parallel arrays of whole numbers, not to be changed."""
    seed, n = plan.seed, plan.products
    rows = _draw(Dice(seed, Stream.CATALOGUE, 0), 1, n, day_number(LOAD_DATE) - 400, 300)
    _plant(rows, plan.counts("products", 0), Dice(seed, Stream.CATALOGUE, 1))
    leaving = Dice(seed, Stream.CATALOGUE, 2).order(n)
    leaving = leaving[rows["defect"][leaving] == 0]
    for later in range(1, day + 1):
        counts = plan.counts("products", later)
        dice = Dice(seed, Stream.CATALOGUE, 3, later)
        gone = leaving[(later - 1) * counts["discontinued"] : later * counts["discontinued"]]
        rows["discontinued"][gone] = business_date(later)
        sold = (rows["discontinued"] == IN_RANGE) & (rows["defect"] == 0)
        repriced = dice.among(sold, counts["repriced"])
        rows["cents"][repriced] += _steps(dice, len(repriced))
        changed = np.concatenate([gone, repriced])
        rows["updated"][changed] = _during(dice, len(changed), later)
        newest = _draw(dice, len(rows["number"]) + 1, counts["new"], business_date(later), 1)
        rows = stack([rows, newest])
    return rows


def _draw(dice: Dice, first: int, n: int, since: int, within: int) -> Arrays:
    """`n` products numbered from `first`, entered during the `within` days from `since`."""
    noun = dice.below(n, len(_NOUNS))
    base = np.array([price for price, _ in _GOODS])[noun // _NOUNS_EACH]
    spread = dice.uniform(n)
    return {
        "number": np.arange(first, first + n, dtype=np.int64),
        "noun": noun,
        "adjective": dice.below(n, len(values.ADJECTIVES)),
        "cents": 100 * np.maximum((base * (0.4 + 2.0 * spread * spread)).astype(np.int64), 3) - 1,
        "weight": 50 * (1 + dice.below(n, 40)),
        "discontinued": np.full(n, IN_RANGE, np.int64),
        "updated": (since + dice.below(n, within)) * DAY + 21_600 + dice.below(n, 43_200),
        "defect": np.zeros(n, np.int64),
    }


def _steps(dice: Dice, n: int) -> Ints:
    """Price changes in cents: up or down by 10 to 99, never nothing."""
    return np.where(dice.uniform(n) < 0.7, 1, -1) * (10 + dice.below(n, 90))


def _during(dice: Dice, n: int, day: int) -> Ints:
    return business_date(day) * DAY + 21_600 + dice.below(n, 43_200)


def _plant(products: Arrays, counts: dict[str, int], dice: Dice) -> None:
    """Mark the rows that get a defect, each as often as `counts` says by the defect's name."""
    for code, name in enumerate(DEFECTS, start=1):
        products["defect"][dice.among(products["defect"] == 0, counts[name])] = code


def product_columns(products: Arrays) -> dict[str, pa.Array]:
    """The columns of the table `products`, as the catalogue shows them."""
    defect = products["defect"]
    described = pc.binary_join_element_wise(
        words(values.ADJECTIVES, products["adjective"]), words(_NOUNS, products["noun"]), " "
    )
    category = words(CATEGORIES, products["noun"] // _NOUNS_EACH)
    return {
        "product_id": ids("P", products["number"], 6),
        "name": pc.utf8_capitalize(described),
        "category": blank(category, defect == MISSING_CATEGORY),
        "unit_price": money(np.where(defect == ZERO_PRICE, 0, products["cents"])),
        "weight_g": blank(pa.array(products["weight"]), defect == MISSING_WEIGHT),
        "discontinued_on": dates(products["discontinued"], products["discontinued"] == IN_RANGE),
        "updated_at": instants(products["updated"]),
    }


def draw_ranks(dice: Dice, starts_order: Mask, shares: Floats) -> Ints:
    """The rank of the product of each line. The line after an anchor is its companion as often as PAIRS says."""
    n = len(starts_order)
    ranks = dice.pick(n, shares)
    before = np.concatenate([[-1], ranks[:-1]])
    chance = dice.uniform(n)
    for anchor, companion, often in PAIRS:
        ranks = np.where((before == anchor) & ~starts_order & (chance < often), companion, ranks)
    return ranks


def expected_lift(shares: Floats, anchor: int, companion: int, often: float) -> float:
    """The lift of a pair under the rule of `draw_ranks`, other pairs left aside."""
    has_anchor = 1 - _chance_of_none(shares, anchor, companion, often, {anchor})
    has_companion = 1 - _chance_of_none(shares, anchor, companion, often, {companion})
    has_either = 1 - _chance_of_none(shares, anchor, companion, often, {anchor, companion})
    return float((has_anchor + has_companion - has_either) / (has_anchor * has_companion))


def _chance_of_none(shares: Floats, anchor: int, companion: int, often: float, wanted: set[int]) -> float:
    """How likely an order has none of `wanted`.

    With a = P(none from this line on) and b = the same after a line drawn as the anchor, both are linear in a and b:
    a line ends the order with 1 - NEXT_LINE, or passes on a or b.
    """
    end, more = 1 - NEXT_LINE, NEXT_LINE
    via_anchor = 0.0 if anchor in wanted else float(shares[anchor])
    others = 1 - float(shares[anchor]) - (float(shares[companion]) if companion in wanted else 0.0)
    drawn = np.array([others * more, via_anchor * more, (others + via_anchor) * end])
    replaced_by = 0.0 if companion in wanted else 1.0
    after = replaced_by * np.array([(1 - shares[anchor]) * more, shares[anchor] * more, end])
    mixed = often * after + (1 - often) * drawn
    matrix = np.array([[1 - drawn[0], -drawn[1]], [-mixed[0], 1 - mixed[1]]])
    return float(np.linalg.solve(matrix, np.array([drawn[2], mixed[2]]))[0])


def pairs(plan: Plan) -> list[Pair]:
    """The planted pairs of a shop."""
    sold = popularity(plan)
    names = ids("P", sold.product + 1, 6).to_pylist()
    return [
        Pair(names[anchor], names[companion], expected_lift(sold.share, anchor, companion, often))
        for anchor, companion, often in PAIRS
    ]

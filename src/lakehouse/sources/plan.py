"""How large the shop is, and how often each defect is planted: arithmetic only, nothing is drawn."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from lakehouse.sources.columns import business_date, day_number
from lakehouse.sources.declarations import LAST_DAY, TABLES
from lakehouse.sources.draws import portion

SMALLEST, LARGEST = 0.01, 100
# A piece is what is generated and written at once: at most so many customers, with their order lines of 2025.
PIECE_CUSTOMERS = 5_000
PIECE_PRODUCTS = 25_000
MOST_PIECES = 10_000 * LARGEST // PIECE_CUSTOMERS
LINES_A_CUSTOMER = 5
FEWEST_LINES_A_DAY = 40

MONTHS = (0.85, 0.80, 0.90, 0.92, 0.98, 0.95, 0.85, 0.88, 0.97, 1.05, 1.35, 1.55)
WEEKDAYS = (0.92, 0.88, 0.92, 0.98, 1.15, 1.35, 0.80)
YEAR_BEGINS, YEAR_ENDS = day_number(date(2025, 1, 1)), day_number(date(2026, 1, 1))


@cache
def season(day: int) -> float:
    """How much is bought on a date (days since 1970-01-01) against an average one: weekday times month."""
    when = date.fromordinal(day + date(1970, 1, 1).toordinal())
    return MONTHS[when.month - 1] * WEEKDAYS[when.weekday()]


@cache
def _season_of_2025() -> float:
    return sum(season(day) for day in range(YEAR_BEGINS, YEAR_ENDS))


@dataclass(frozen=True)
class Planted:
    """How often a day's delivery of a table has a defect or a change, by name. `count` is of rows."""

    day: int
    table: str
    name: str
    count: int


@dataclass(frozen=True)
class Plan:
    """The size of one shop. `scale` 1 is 10,000 customers, 1,000 products and 50,000 order lines on day 0.

    Without `defects` only changes are planted (new, updated, deleted, repriced ...).
    """

    scale: float
    seed: int
    defects: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.scale, (int, float)) or not SMALLEST <= self.scale <= LARGEST:
            raise ValueError(f"The scale is {self.scale!r}: give a number from {SMALLEST} to {LARGEST}.")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"The seed is {self.seed!r}: give a whole number, 0 or more.")

    @property
    def customers(self) -> int:
        """Customers on day 0."""
        return round(10_000 * self.scale)

    @property
    def products(self) -> int:
        """Products on day 0."""
        return round(1_000 * self.scale)

    @property
    def pieces(self) -> int:
        """How many pieces the customers and their history come in."""
        return -(-self.customers // PIECE_CUSTOMERS)

    def first_customer(self, piece: int) -> int:
        """How many customers come before a piece."""
        return self.customers * piece // self.pieces

    def lines(self, day: int) -> int:
        """Order lines that are delivered for the first time on a day."""
        history = LINES_A_CUSTOMER * self.customers
        if day == 0:
            return history
        return max(FEWEST_LINES_A_DAY, round(history * season(business_date(day)) / _season_of_2025()))

    def rows(self, table: str, day: int) -> int:
        """The base rows of a table, of which its defects' shares are taken."""
        if table == "transactions":
            return self.lines(day)
        return self.products if table == "products" else self.customers

    def counts(self, table: str, day: int) -> dict[str, int]:
        """How often each defect of a table is planted on a day; those that the day does not have are 0."""
        rows = self.rows(table, day)
        return {
            defect.name: defect.count(rows, day) if self.defects or defect.change else 0
            for defect in TABLES[table].defects
        }

    def piece_counts(self, table: str, day: int, piece: int) -> dict[str, int]:
        """The share of `counts` that falls to one piece."""
        return {name: portion(count, piece, self.pieces) for name, count in self.counts(table, day).items()}

    def manifest(self, day: int) -> list[Planted]:
        """Everything that is planted in a day's deliveries, by table and name; what is not there is left out."""
        tables = (
            ("customers", "products", "transactions") if day == 0 else ("customer_changes", "products", "transactions")
        )
        return [
            Planted(day, table, name, count)
            for table in tables
            for name, count in self.counts(table, day).items()
            if count
        ]


def checked_day(day: int) -> int:
    """The day itself. Raises ValueError unless it is a whole number from 0 to LAST_DAY."""
    if not isinstance(day, int) or not 0 <= day <= LAST_DAY:
        raise ValueError(f"The day is {day!r}: give a whole number from 0 (the initial load) to {LAST_DAY}.")
    return day

"""From numbers to columns: ids, dates, money and texts as Arrow arrays, a whole piece at a time."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse.sources.declarations import LOAD_DATE
from lakehouse.sources.draws import Ints, Mask

# Parallel columns, one row a position. Mostly whole numbers, so that nothing depends on a platform's formatting.
Arrays = dict[str, NDArray[Any]]

DAY = 86_400


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def business_date(day: int) -> int:
    """The date whose events a delivery brings, the one before it, in days since 1970-01-01."""
    return day_number(LOAD_DATE) + day - 1


def ids(prefix: str, numbers: Ints, digits: int) -> pa.Array:
    """Such as C0000012: the prefix, then the number with leading zeros."""
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(prefix, padded, "")


def words(choices: Sequence[str], positions: Ints) -> pa.Array:
    """The text at each position of `choices`."""
    return pa.array(choices, pa.string()).take(pa.array(positions))


def money(cents: Ints) -> pa.Array:
    """Amounts in hundredths as decimal(12, 2)."""
    whole = pa.array(cents).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))).cast(pa.decimal128(12, 2))


def dates(days: Ints, missing: Mask | None = None) -> pa.Array:
    """Days since 1970-01-01 as dates, NULL where `missing`."""
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def instants(seconds: Ints) -> pa.Array:
    """Seconds since 1970-01-01 as timestamps in UTC."""
    return pa.array(seconds.astype("datetime64[s]"), pa.timestamp("s")).cast(pa.timestamp("us", tz="UTC"))


def blank(values: pa.Array, where: Mask) -> pa.Array:
    """The values, NULL where `where`."""
    return pc.if_else(pa.array(where), pa.scalar(None, values.type), values)


def instead(values: pa.Array, where: Mask, others: Any) -> pa.Array:
    """The values, replaced by `others` (an array or one value) where `where`."""
    return pc.if_else(pa.array(where), others, values)


def take(arrays: Arrays, rows: Ints | Mask) -> Arrays:
    """The chosen rows of parallel arrays."""
    return {name: values[rows] for name, values in arrays.items()}


def stack(parts: Sequence[Arrays]) -> Arrays:
    """Parallel arrays one below the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

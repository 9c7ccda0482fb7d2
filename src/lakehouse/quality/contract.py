"""A data contract, and what of a delivery is not as agreed: what breaks those who read it, and what harms nobody.

A contract is a document of the Open Data Contract Standard, https://bitol-io.github.io/open-data-contract-standard/:
what the sender promises of each column, who the sender is, and how late a delivery may be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import ValidationError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    IntegralType,
    MapType,
    NumericType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from lakehouse.errors import PlatformError

# The standard's logical type of each kind of Spark type; the first that fits.
LOGICAL: tuple[tuple[tuple[type[DataType], ...], str], ...] = (
    ((StringType,), "string"),
    ((IntegralType,), "integer"),
    ((NumericType,), "number"),
    ((BooleanType,), "boolean"),
    ((DateType,), "date"),
    ((TimestampType, TimestampNTZType), "timestamp"),
    ((ArrayType,), "array"),
    ((StructType,), "object"),
    ((MapType,), "map"),
)
ROWS = "_rows"
# What came, and what was agreed: no reader notices the difference.
FITS = {("integer", "number")}

Columns = Mapping[str, str]
"""The logical type of each column, "" where no value says which."""


@dataclass(frozen=True)
class Change:
    """One thing that is not as agreed, in a sentence for the sender. `breaking` where a reader must be told first."""

    column: str
    breaking: bool
    meaning: str

    def __str__(self) -> str:
        return f"{'breaking' if self.breaking else 'harmless'}: {self.meaning}"


def read(path: Path) -> OpenDataContractStandard:
    """The contract in a YAML file. Raises PlatformError where there is none, or one that the standard does not know."""
    try:
        found = OpenDataContractStandard.from_string(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValidationError, TypeError) as error:
        said = str(error).partition("\n")[0]
        raise PlatformError(f"{path} is no data contract ({said}): write one by the standard, ODCS.") from None
    if not found.schema_ or not all(column.name for column in found.schema_[0].properties or [SchemaProperty()]):
        raise PlatformError(f"The contract {path} names no columns: give its schema properties with names.")
    return found


def columns_of(schema: StructType) -> Columns:
    """The columns of a Spark schema, in the standard's types."""
    return {field.name: _logical(field.dataType) for field in schema.fields}


def check(contract: OpenDataContractStandard, found: DataFrame | StructType | Columns) -> list[Change]:
    """What is not as agreed, in the order of the contract's columns, and then what is new. [] if all is as agreed.

    Of a frame the rows are looked at too, in one query: a required column has no NULL. A required column that is
    missing, or NULL, and a column of another type break those who read it. A column that is new, or optional and
    missing, harms nobody. The contract's first table is meant.
    """
    schema = found.schema if isinstance(found, DataFrame) else found
    columns = schema if isinstance(schema, Mapping) else columns_of(schema)
    agreed = _agreed(contract)
    nulls = _nulls(found, agreed) if isinstance(found, DataFrame) else {}
    changes = []
    for name, column in agreed.items():
        if name not in columns:
            changes.append(_missing(name, column))
        elif not _fits(columns[name], column.logicalType):
            changes.append(_other_type(name, columns[name], column))
        elif nulls.get(name):
            changes.append(
                Change(name, True, f"{name} is NULL in {nulls[name]} of {nulls[ROWS]} rows, and never may be: fill it.")
            )
    new = [name for name in columns if name not in agreed]
    return changes + [Change(name, False, f"{name} is new: nobody reads it until the contract has it.") for name in new]


def changes(before: OpenDataContractStandard, after: OpenDataContractStandard) -> list[Change]:
    """What a new version of a contract changes for those who read by the old one.

    A promise that is weakened breaks them: a required column that becomes optional. One that is strengthened does not.
    """
    old, new = _agreed(before), _agreed(after)
    found = check(before, {name: column.logicalType or "" for name, column in new.items()})
    weaker = [name for name in old if name in new and old[name].required and not new[name].required]
    return found + [Change(name, True, f"{name} may be NULL from now on: tell its readers first.") for name in weaker]


def _agreed(contract: OpenDataContractStandard) -> dict[str, SchemaProperty]:
    table: SchemaObject = (contract.schema_ or [SchemaObject()])[0]
    return {column.name: column for column in table.properties or [] if column.name}


def _missing(name: str, column: SchemaProperty) -> Change:
    if column.required:
        return Change(name, True, f"{name} is missing, and it is required: send it again.")
    return Change(name, False, f"{name} is missing: it is optional, and is read as NULL.")


def _other_type(name: str, kind: str, column: SchemaProperty) -> Change:
    agreed = column.logicalType
    return Change(name, True, f"{name} is {kind}, agreed is {agreed}: send {agreed}, or agree on a new version first.")


def _fits(kind: str, agreed: str | None) -> bool:
    return not kind or not agreed or kind == agreed or (kind, agreed) in FITS


def _nulls(frame: DataFrame, agreed: Mapping[str, SchemaProperty]) -> Mapping[str, int]:
    """How many rows there are, and how many have a NULL in each required column that is there. One query."""
    required = [name for name, column in agreed.items() if column.required and name in frame.columns]
    missing = (F.count_if(F.col(f"`{name}`").isNull()).alias(name) for name in required)
    [row] = frame.agg(F.count(F.lit(1)).alias(ROWS), *missing).collect()
    return row.asDict()


def _logical(kind: DataType) -> str:
    return next((name for kinds, name in LOGICAL if isinstance(kind, kinds)), kind.simpleString())

"""What the layers work on: the tables and files of a platform, by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from lakehouse import tables
from lakehouse.places import Places


@dataclass(frozen=True)
class Lake:
    """The tables and files of one platform, in a session.

    A table goes by its layer and its name, `silver/transactions`, wherever it lies. The methods do with it what the
    functions of the same names do that are in `lakehouse.tables`.
    """

    spark: SparkSession
    places: Places

    def table(self, name: str) -> str:
        """The table, as the functions of `lakehouse.tables` take it."""
        return self.places.table(name)

    def identifier(self, name: str) -> str:
        return tables.identifier(self.table(name))

    def folder(self, *names: str) -> str:
        """A folder under the base path."""
        return self.places.folder(*names)

    def exists(self, name: str) -> bool:
        return tables.exists(self.spark, self.table(name))

    def read(self, name: str, at: int | None = None) -> DataFrame:
        return tables.read(self.spark, self.table(name), at)

    def version(self, name: str) -> int:
        return tables.version(self.spark, self.table(name))

    def versions(self, layer: str, names: Sequence[str]) -> dict[str, int]:
        """The newest version of each table of a layer, by its name without the layer; those that do not exist are left
        out.
        """
        return tables.versions(self.spark, {name: self.table(f"{layer}/{name}") for name in names})

    def changes(self, name: str, after: int, until: int) -> DataFrame:
        return tables.changes(self.spark, self.table(name), after, until)

    def create(self, name: str, columns: str) -> None:
        tables.create(self.spark, self.table(name), columns)

    def append(self, rows: DataFrame, name: str, **options: str | int | bool) -> None:
        tables.append(rows, self.table(name), **options)

    def write_once(
        self, batch: DataFrame, name: str, application: str, version: int, **options: str | int | bool
    ) -> None:
        tables.write_once(batch, self.table(name), application, version, **options)

    def overwrite(self, rows: DataFrame, name: str, where: str | None = None) -> None:
        tables.overwrite(rows, self.table(name), where)

    def merge(self, differing: DataFrame, name: str, keys: Sequence[str]) -> int:
        """Apply the result of `tables.differences` to the table, as `tables.merge` does; staged under its name."""
        return tables.merge(differing, self.table(name), keys, self.folder("staging", name.partition("/")[2]))

"""Where a platform keeps its tables and its files."""

import re
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import PlatformError


@dataclass(frozen=True)
class Places:
    """The places of one platform. All of it lies under `base_path`, any path that Spark can write.

    Where `schema` is given, tables are names in that schema, of `catalog` if that is given too: `bronze_products`.
    Otherwise they are folders under `base_path`: `bronze/products`. Checkpoints are folders always.
    """

    base_path: str
    catalog: str | None = None
    schema: str | None = None

    def __post_init__(self) -> None:
        if self.catalog and not self.schema:
            raise PlatformError(f"The catalog {self.catalog} was given without a schema: name both, or neither.")
        base = str(self.base_path).rstrip("/")
        if not re.match(r"[a-z0-9]+:", base):
            base = str(Path(base).expanduser().absolute())
        object.__setattr__(self, "base_path", base)

    def table(self, name: str) -> str:
        """A table, such as `silver/transactions`, as the functions of `lakehouse.tables` take it."""
        if not self.schema:
            return f"{self.base_path}/{name}"
        place = ".".join(f"`{part.replace('`', '``')}`" for part in (self.catalog, self.schema) if part)
        return f"{place}.{name.replace('/', '_')}"

    def folder(self, *names: str) -> str:
        """A folder under the base path."""
        return "/".join([self.base_path, *names])

    @property
    def local(self) -> Path | None:
        """The base path as a folder of this machine, a volume of Databricks included; None where it is elsewhere."""
        if self.base_path.startswith("/"):
            return Path(self.base_path)
        return Path(self.base_path.removeprefix("file:")) if self.base_path.startswith("file:/") else None

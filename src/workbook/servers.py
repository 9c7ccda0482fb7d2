"""Real servers for lessons: the CRM's PostgreSQL database, the HTTP API of the shop's catalogue, and Kafka.

They listen on 127.0.0.1 on a free port, end with their `with` block, by `stop()` or with this process, however that
ends, and leave no files behind. The first two hold data of `lakehouse.sources`; Kafka is empty.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse.errors import PlatformError
from lakehouse.sources import Shop
from lakehouse.sources.catalogue import ShopServer
from lakehouse.sources.database import DatabaseError, Postgres, Session
from lakehouse.sources.http import FAILURES
from workbook.errors import SetupError

if TYPE_CHECKING:
    from workbook.kafka import kafka

__all__ = ["DatabaseError", "Postgres", "Session", "ShopServer", "kafka", "postgres", "shop_api"]


def __getattr__(name: str) -> object:
    """Kafka, imported when it is asked for: who only needs the database does without it."""
    if name != "kafka":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from workbook.kafka import kafka

    return kafka


def postgres(scale: float = 0.1, seed: int = 7) -> Postgres:
    """A real PostgreSQL 16 with the shop's CRM as on day 0: `customers`, and the log `customer_changes`.

    At scale 0.1 each has 1,000 rows. Use it as `with postgres() as crm:`, or keep it and call `stop()`.
    Raises SetupError where it does not start.
    """
    try:
        return Postgres(Shop(scale, seed))
    except PlatformError as error:
        raise SetupError(str(error)) from error


def shop_api(scale: float = 0.1, seed: int = 7, failures: Mapping[int, int] = FAILURES) -> ShopServer:
    """A real HTTP server with the shop's catalogue as on day 0, 101 rows at scale 0.1 (one comes twice).

    `failures` gives the status of the requests that fail, by their number since the start: the second and the fourth
    unless told otherwise. Use it as `with shop_api() as api:`, or keep it and call `stop()`.
    """
    return ShopServer(Shop(scale, seed), failures)

"""The shop's source systems, running: a database, a catalogue, files and a stream, all moving on day by day."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakehouse.addresses import Addresses
from lakehouse.sources.catalogue import ShopServer
from lakehouse.sources.database import Postgres
from lakehouse.sources.declarations import LAST_DAY, loaded_on
from lakehouse.sources.landing import land
from lakehouse.sources.plan import checked_day
from lakehouse.sources.shop import Shop
from lakehouse.sources.wallet import WalletServer

PAYMENTS = ("transactions",)


class SourceSystems:
    """The shop's three systems, running: CRM (PostgreSQL), catalogue (HTTP), payments (files in `landing`, a stream).

    What customers pay online by wallet comes as a stream of events, all other payments as files. The CRM and the
    catalogue stand at day 0 after the start, and nothing has been delivered; `deliver` moves on. The second request to
    the catalogue, and to the stream, fails with 429 and the fourth with 500, as it happens. All servers end with the
    `with` block, by `stop()` or with this process; what is in `landing` stays, the log of the stream too.

    Raises ValueError for a scale or seed out of range, PlatformError where PostgreSQL does not start, OSError where
    the folder cannot be written.
    """

    def __init__(self, landing: Path | str, scale: float = 1.0, seed: int = 7, defects: bool = True) -> None:
        self._shop = Shop(scale, seed, defects)
        self._landing = Path(landing).absolute()
        self._landing.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as running, ThreadPoolExecutor(1) as beside:
            crm = beside.submit(lambda: running.enter_context(Postgres(self._shop)))
            self._catalogue = running.enter_context(ShopServer(self._shop))
            self._wallet = running.enter_context(WalletServer(self._landing / "_wallet"))
            self._crm = crm.result()
            self._running = running.pop_all()
        self._day = 0

    @property
    def addresses(self) -> Addresses:
        """Where the systems answer."""
        return Addresses(self._crm.url, self._crm.properties, self._catalogue.url, str(self._landing), self._wallet.url)

    def deliver(self, day: int) -> None:
        """Move all three systems on to the end of a day; days may be left out.

        * The CRM and the catalogue show the end of that day, and the CRM's log has all changes up to it.
        * The payments of that day arrive, as events and as files, unless they were delivered before: `_manifest` has a
          note of it then, and what has been taken away since does not come back. Beside the files lies the next day's
          first one, half written under a hidden name, until that day lands.

        Raises ValueError for a day out of range, DatabaseError where the CRM refuses, OSError where the folder cannot
        be written; delivering the day again does the rest then.
        """
        checked_day(day)
        with ThreadPoolExecutor(1) as beside:
            payments = beside.submit(self._land, day)
            if day != self._day:
                self._crm.apply_day(day)
                self._catalogue.show_day(day)
                self._day = day
            payments.result()

    @contextlib.contextmanager
    def trickling(self, day: int, pause: float) -> Iterator[threading.Event]:
        """Publish the events of a day one by one, `pause` seconds after each other, while the block lasts.

        The event that it gives is set when all are out. `deliver` brings the rest of the day, and those that are not.
        """
        stopped, all_out = threading.Event(), threading.Event()

        def publish() -> None:
            for name, events in self._events(day).items():
                for number in range(1, len(events) + 1):
                    if stopped.wait(pause):
                        return
                    self._wallet.append(name, events[:number])
            all_out.set()

        publisher = threading.Thread(target=publish, name="wallet", daemon=True)
        publisher.start()
        try:
            yield all_out
        finally:
            stopped.set()
            publisher.join()

    def forget(self, customer_id: str) -> None:
        """Erase a customer from the CRM, its log included: the platform's memory is `lakehouse.erasure`'s affair."""
        self._crm.forget(customer_id)

    def stop(self) -> None:
        """End all servers. A second call does nothing."""
        self._running.close()

    def __enter__(self) -> "SourceSystems":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _land(self, day: int) -> None:
        if self._delivered(day):
            return
        land(self._shop, day, self._landing, tables=PAYMENTS, wallet=self._wallet.append)
        if day < LAST_DAY and not self._delivered(day + 1):
            self._begin(day + 1)

    def _delivered(self, day: int) -> bool:
        return (self._landing / "_manifest" / f"{loaded_on(day)}.json").exists()

    def _begin(self, day: int) -> None:
        """Write half of a day's first file under the name that it has until it is whole."""
        with tempfile.TemporaryDirectory(prefix="lakehouse-payments-") as elsewhere:
            path = land(self._shop, day, elsewhere, tables=PAYMENTS, wallet=lambda name, events: None)[0].path
            content = Path(elsewhere, path).read_bytes()
        whole = self._landing / path
        whole.with_name(f".{whole.name}.part").write_bytes(content[: len(content) // 2])

    def _events(self, day: int) -> dict[str, Sequence[str]]:
        """The events of a day, by the name of their piece."""
        found: dict[str, Sequence[str]] = {}
        with tempfile.TemporaryDirectory(prefix="lakehouse-payments-") as elsewhere:
            land(self._shop, day, elsewhere, tables=PAYMENTS, wallet=found.__setitem__)
        return found

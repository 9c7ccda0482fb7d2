"""How soon a payment is in gold while the platform follows: from the event that is appended to the log, p50 and p99.

    .venv/bin/python -m benchmarks.follow [--scale 1] [--seconds 60] [rate …]

The rates are events a second: 1, 10 and 100 unless told. Events are those of the initial load, with new ids. Each rate
goes on for as many seconds, and the next one begins when all are in gold.
"""

import argparse
import json
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pyspark.sql import functions as F

from lakehouse import DataPlatformOrchestrator
from lakehouse.outcome import Increment, Progress
from lakehouse.sources import SourceSystems
from lakehouse.sources.wallet import WalletServer
from workbook.spark.session import get_spark

LAYERS = ("bronze", "silver", "gold", "serving")


@dataclass
class Watch:
    """Who publishes and who sees: when each event was appended, and when gold had it."""

    appended: list[float] = field(default_factory=list)
    in_gold: list[float] = field(default_factory=list)
    before: int = 0
    """How many events the log had of the initial load."""
    sizes: list[int] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    changed: threading.Condition = field(default_factory=threading.Condition)
    ready: threading.Event = field(default_factory=threading.Event)
    _gold_at: float = 0.0
    _so_far: dict[str, float] = field(default_factory=dict)

    def progress(self, now: Progress) -> None:
        if not now.done:
            return
        if now.layer == "gold":
            self._gold_at = time.monotonic()
        if now.layer == "api":
            self.ready.set()
        self.seconds[now.layer].append(now.seconds - self._so_far.get(now.layer, 0.0))
        self._so_far[now.layer] = now.seconds

    def increment(self, done: Increment) -> None:
        with self.changed:
            new = done.events - self.before - len(self.in_gold)
            self.in_gold += [self._gold_at] * new
            self.sizes.append(new)
            self.changed.notify_all()

    def wait(self) -> None:
        """Until gold has all that was appended."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.in_gold) == len(self.appended))


def publish(wallet: WalletServer, watch: Watch, templates: list[str], rate: float, seconds: float) -> None:
    """Append events one by one, as many a second; who is late catches up."""
    began = time.monotonic()
    for number in range(round(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        at = len(watch.appended)
        event = json.loads(templates[at % len(templates)])
        event |= {"transaction_id": f"T900-{at:08d}", "order_id": f"O900-{at:08d}"}
        watch.appended.append(time.monotonic())
        wallet.append(f"benchmark-{at}", [json.dumps(event)])
    watch.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rates", type=float, nargs="*", default=[1, 10, 100])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    watch, stopped = Watch(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="follow-") as base:
        landing = Path(base, "landing")
        with SourceSystems(landing, asked.scale) as systems:
            systems.deliver(0)
            addresses = systems.addresses
            with WalletServer(landing / "_wallet") as wallet:
                platform = DataPlatformOrchestrator(
                    get_spark(),
                    Path(base, "platform"),
                    addresses=replace(addresses, wallet_url=wallet.url),
                    on_progress=watch.progress,
                    on_increment=watch.increment,
                )
                print("| events a second | events | p50, s | p99, s | increments | events in each |", flush=True)
                print("| --- | --- | --- | --- | --- | --- |", flush=True)

                def measure() -> None:
                    segments = sorted((landing / "_wallet").glob("[!.]*"))
                    templates = [line for path in segments for line in path.read_text().splitlines()]
                    watch.before = len(templates)
                    watch.ready.wait()
                    publish(wallet, watch, templates, 1, 5)  # what runs for the first time takes longer
                    for rate in asked.rates:
                        first, increments = len(watch.appended), len(watch.sizes)
                        publish(wallet, watch, templates, rate, asked.seconds)
                        waited = np.subtract(watch.in_gold[first:], watch.appended[first:])
                        p50, p99 = np.percentile(waited, [50, 99])
                        sizes = watch.sizes[increments:]
                        print(
                            f"| {rate:g} | {len(waited):,} | {p50:.1f} | {p99:.1f} | {len(sizes)} | "
                            f"{np.mean(sizes):.0f} |",
                            flush=True,
                        )
                    stopped.set()

                publisher = threading.Thread(target=measure, daemon=True)
                publisher.start()
                result = platform.follow(stopped=stopped)
                publisher.join()
                lake = platform.lake
                clean = lake.read("silver/transactions").where(F.col("transaction_id").startswith("T900-")).count()
    shown = ", ".join(f"{layer} {np.median(watch.seconds[layer][1:]):.2f}" for layer in LAYERS)
    print(f"\nSeconds of an increment, median: {shown}.")
    print(f"{len(watch.appended):,} events, {clean:,} of them clean. The books balance: {result.balanced}.")


if __name__ == "__main__":
    main()

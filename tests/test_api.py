"""The API: a real server on 127.0.0.1, real Delta tables, a real model in MLflow, real requests."""

import asyncio
import base64
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from benchmarks import published
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import Browser
from pyspark.sql import SparkSession
from schemathesis.specs.openapi.checks import positive_data_acceptance
from typer.testing import CliRunner, Result

from lakehouse import live
from lakehouse.api import releases, server
from lakehouse.api.app import create_app
from lakehouse.api.follower import Follower
from lakehouse.api.keys import Keys, Rate
from lakehouse.batch import Batch
from lakehouse.errors import PlatformError
from lakehouse.lake import Lake
from lakehouse.places import Places
from lakehouse.sources.ports import free_port
from servers import python
from workbook.commands.cli import app

pytestmark = pytest.mark.slow_proof("platform")

ANY_RATE = Rate(1e9, 1e9)
ASKED = {**dict.fromkeys(published.FEATURES, 1.0), "recency_days": 25.0}
DEADLINE = 60
"""Seconds after which something that does not happen is taken for broken."""
ROOT = Path(__file__).parents[1]
PAGE, README = ROOT / "book" / "platform_api.md", ROOT / "README.md"
CASES = settings(
    max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@dataclass
class Served:
    """A running server, the follower behind it (which looks when it is told to), and a client with all scopes."""

    base: Path
    follower: Follower
    address: str
    client: httpx.Client

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def with_key(self, key: str, path: str) -> httpx.Response:
        return self.client.get(path, headers={"X-API-Key": key})


@contextlib.contextmanager
def serving(base: Path, rate: Rate = ANY_RATE) -> Iterator[Served]:
    """Serve a platform from a thread, on a free port, until the end of the block."""
    follower = Follower(base)
    follower.look()
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = uvicorn.Server(uvicorn.Config(create_app(base, follower, rate), log_config=None, access_log=False))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    headers = {"X-API-Key": Keys(base).make(f"test {address}")}
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=DEADLINE) as client:
            yield Served(base, follower, address, client)
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's store, which `MLFLOW_TRACKING_URI` names: the model `churn`, version 1, and 2 with other features."""
    base = tmp_path_factory.mktemp("store")
    assert published.register_model(base) == 1
    assert published.register_model(base, ("days_since", *published.FEATURES[1:])) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", published.store(base))
        yield published.store(base)


@pytest.fixture(scope="module")
def served(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A platform with one release, number 7, with a model; nobody publishes another."""
    base = tmp_path_factory.mktemp("served")
    published.publish(base, 7, model_version=1)
    with serving(base) as running:
        assert running.follower.problem is None
        yield running


def source(*names: str, model_version: int | None = None) -> dict[str, Any]:
    """What an answer of `served` says of where it comes from."""
    made_from = dict.fromkeys(names, 0)
    return {"release": 7, "published_at": "2026-01-06T12:07:00Z", "tables": made_from, "model_version": model_version}


# What can be asked.


def test_a_customer_is_found_by_id_and_the_answer_names_its_table_and_version(served: Served) -> None:
    assert served.get("/v1/customers/C0000002") == {
        "data": {
            "customer_id": "C0000002",
            "name": "Zoë Ödegård 2",
            "email": "zoe2@example.com",
            "phone": None,
            "city": "Århus",
            "country": "SE",
            "segment": "business",
            "marketing_consent": True,
            "signed_up_on": "2025-01-24",
            "ended_on": None,
            "orders": 7,
            "lines": 7,
            "revenue_eur": "7.00",
            "online_revenue_eur": "7.00",
            "average_order_eur": "1.00",
            "first_ordered_on": "2025-12-29",
            "last_ordered_on": "2026-01-05",
            "tier": "silver",
        },
        "source": source("gold/customer_360"),
    }


@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        ("/v1/customers", {}, [f"C{i:07}" for i in range(1, 41)]),
        ("/v1/customers", {"tier": "gold"}, [f"C{i:07}" for i in range(1, 41, 4)]),
        ("/v1/customers", {"tier": "gold", "segment": "regular"}, [f"C{i:07}" for i in (1, 13, 25, 37)]),
        ("/v1/customers", {"country": "FR", "tier": "silver"}, []),
        ("/v1/products", {}, [f"P{i:06}" for i in range(1, 7)]),
        ("/v1/products", {"category": "toys"}, ["P000001", "P000003", "P000005"]),
        ("/v1/quality", {}, ["customer_known", "order_line_once", "products_volume"]),
        ("/v1/quality", {"owner": "payments"}, ["customer_known", "order_line_once"]),
        ("/v1/quality", {"severity": "warn", "verdict": "pass"}, ["products_volume"]),
    ],
)
def test_paging_through_a_list_gives_each_row_once_and_in_order(
    served: Served, path: str, asked: dict[str, str], expected: list[str]
) -> None:
    key = {"customers": "customer_id", "products": "product_id", "quality": "rule"}[path.removeprefix("/v1/")]
    for limit in (1, 3, 1000):
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = served.get(path, limit=limit, **asked, **cursor)
            assert len(page["data"]) <= limit
            found += [row[key] for row in page["data"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert found == expected


def test_a_product_says_how_it_sells(served: Served) -> None:
    answer = served.get("/v1/products/P000003")
    assert answer["data"] == {
        "product_id": "P000003",
        "name": "Brass notebook 3",
        "category": "toys",
        "unit_price": "12.50",
        "discontinued_on": "2026-01-01",
        "orders": 7,
        "lines": 7,
        "units": 7,
        "revenue_eur": "7.00",
        "first_sold_on": "2025-12-29",
        "last_sold_on": "2026-01-05",
    }
    assert answer["source"] == source("gold/product_performance")


def test_what_is_bought_together_comes_with_support_and_lift_and_without_what_is_no_longer_sold(served: Served) -> None:
    answer = served.get("/v1/products/P000001/recommendations", limit=3)
    assert [row["product_id"] for row in answer["data"]] == ["P000006", "P000005", "P000004"]
    assert answer["data"][0] == {
        "product_id": "P000006",
        "name": "Brass notebook 6",
        "category": "books",
        "unit_price": "12.50",
        "orders": 7,
        "support": 0.06,
        "confidence": 0.1,
        "lift": 1.6,
    }
    rest = served.get("/v1/products/P000001/recommendations", limit=3, cursor=answer["next"])
    assert [row["product_id"] for row in rest["data"]] == ["P000002"] and rest["next"] is None
    assert answer["source"] == source("ml/bought_together", "gold/product_performance")


def test_a_customer_who_never_bought_is_shown_what_is_popular_in_the_segment(served: Served) -> None:
    answer = served.get("/v1/customers/C0000001/recommendations")
    assert [(row["rank"], row["product_id"]) for row in answer["data"]] == [
        *((1, "P000001"), (2, "P000002"), (4, "P000004"), (5, "P000005"), (6, "P000006"))
    ]
    assert answer["data"][0] == {
        "product_id": "P000001",
        "name": "Brass notebook 1",
        "category": "toys",
        "unit_price": "12.50",
        "rank": 1,
        "reason": "popular_in_segment",
        "because_of": None,
        "support": None,
        "lift": None,
    }
    assert answer["source"] == source("ml/popular", "gold/product_performance")


def test_a_customer_is_shown_what_goes_with_what_they_bought(served: Served) -> None:
    answer = served.get("/v1/customers/C0000002/recommendations")
    assert [row["product_id"] for row in answer["data"]] == ["P000001", "P000002"]
    assert answer["data"][0] == {
        "product_id": "P000001",
        "name": "Brass notebook 1",
        "category": "toys",
        "unit_price": "12.50",
        "rank": 1,
        "reason": "bought_together",
        "because_of": "P000005",
        "support": 0.07,
        "lift": 2.5,
    }
    assert answer["source"] == source("ml/recommendations", "gold/product_performance")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"period": "day", "to": "2025-12-30"}, [("2025-12-29", None, 14), ("2025-12-30", None, 14)]),
        ({"period": "week"}, [("2025-12-29", None, 98), ("2026-01-05", None, 42)]),
        ({"period": "week", "from": "2026-01-06"}, [("2026-01-05", None, 42)]),
        ({}, [("2025-12-01", None, 42), ("2026-01-01", None, 98)]),
        ({"from": "2025-12-31", "to": "2025-12-31"}, [("2025-12-01", None, 42)]),
        (
            {"period": "quarter", "dimension": "channel", "from": "2026-03-31"},
            [("2026-01-01", "online", 49), ("2026-01-01", "store", 49)],
        ),
        ({"period": "year"}, [("2025-01-01", None, 42), ("2026-01-01", None, 98)]),
    ],
)
def test_sales_are_summed_by_whole_periods_of_all_channels_or_of_each(
    served: Served, asked: dict[str, str], expected: list[tuple[str, str | None, int]]
) -> None:
    rows = served.get("/v1/sales", **asked)["data"]
    assert [(row["starts_on"], row["channel"], row["orders"]) for row in rows] == expected
    assert [row["revenue_eur"] for row in rows] == [f"{orders}.00" for _, _, orders in expected]


def test_a_stored_prediction_and_one_in_real_time_come_from_the_same_model(served: Served) -> None:
    stored = served.get("/v1/customers/C0000025/churn")
    assert stored["data"] == {
        "customer_id": "C0000025",
        "as_of": "2026-01-05",
        "probability": 0.25,
        "risk": "low",
        "features": {**dict.fromkeys(published.FEATURES, 7.0), "recency_days": 25.0},
    }
    assert stored["source"] == source("ml/predictions", "ml/features", model_version=1)
    asked = {"rows": [stored["data"]["features"], {**ASKED, "recency_days": 40.0}]}
    answer = served.client.post("/v1/churn", json=asked)
    assert answer.json() == {"data": {"probabilities": [0.25, 0.4]}, "source": source(model_version=1)}


def test_questions_that_wait_for_the_model_are_answered_each_with_its_own(served: Served) -> None:
    async def ask() -> list[tuple[int, list[float]]]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(
            base_url=served.address, headers=served.client.headers, limits=limits, timeout=DEADLINE
        ) as client:

            async def one(number: int) -> tuple[int, list[float]]:
                rows = [{**ASKED, "recency_days": float(number)}] * (1 + number % 3)
                answer = await client.post("/v1/churn", json={"rows": rows})
                return number, answer.json()["data"]["probabilities"]

            return await asyncio.gather(*(one(number) for number in range(50)))

    assert asyncio.run(ask()) == [(number, [number / 100] * (1 + number % 3)) for number in range(50)]


def test_the_verdict_of_a_rule_comes_with_its_trend_its_severity_and_its_owner(served: Served) -> None:
    """A rule that had no data at last says what it said before; one that nobody demands any more is left out."""
    broken, once, volume = served.get("/v1/quality")["data"]
    assert broken == {
        "rule": "customer_known",
        "table": "transactions",
        "kind": "reference",
        "severity": "drop",
        "owner": "payments",
        "since": "2026-01-01",
        "meaning": "The CRM knows who buys.",
        "verdict": "fail",
        "rows": 700,
        "value": 0.024,
        "unit": "share",
        "low": None,
        "high": 0.02,
        "trend": [0.006, 0.008, 0.01, 0.012, 0.014, 0.016, 0.018, 0.02, 0.022, 0.024],
        "measured_at": "2026-01-18T12:00:00Z",
    }
    assert (once["rule"], once["severity"], once["verdict"]) == ("order_line_once", "fail", "pass")
    assert (volume["value"], volume["verdict"], volume["measured_at"]) == (10.0, "pass", "2026-01-17T12:00:00Z")
    assert served.get("/v1/quality")["source"] == source("audit/quality")


def test_health_readiness_and_metrics_need_no_key(served: Served) -> None:
    assert httpx.get(f"{served.address}/health").json() == {
        "status": "ok",
        "problem": None,
        "release": 7,
        "published_at": "2026-01-06T12:07:00Z",
        "model_version": 1,
    }
    assert httpx.get(f"{served.address}/ready").json() == {"release": 7}
    assert httpx.request("MADEUP", f"{served.address}/health").status_code == 405
    counted = 'lakehouse_requests_total{method="GET",route="/health",status="200"}'
    metrics = httpx.get(f"{served.address}/metrics").text
    assert counted in metrics and "MADEUP" not in metrics


# What is refused.


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that a request got, after a look at what all of them have in common."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status and said["type"] == "about:blank"
    assert said["request_id"] == answer.headers["x-request-id"]
    return said


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"X-API-Key": "é".encode()}])
def test_without_a_key_that_is_known_nothing_under_v1_is_answered(
    served: Served, headers: dict[str, str | bytes]
) -> None:
    for path in ("/v1/customers", "/v1/nothing"):
        assert "X-API-Key" in problem(httpx.get(served.address + path, headers=headers), 401)["detail"]
    problem(httpx.post(f"{served.address}/v1/churn", headers=headers, content="{"), 401)


def test_a_key_opens_what_its_scopes_name_and_nothing_else(served: Served) -> None:
    paths = {
        "/v1/customers": "customers:read",
        "/v1/customers/C0000001": "customers:read",
        "/v1/customers/C0000001/recommendations": "customers:read",
        "/v1/customers/C0000001/churn": "churn:read",
        "/v1/products": "products:read",
        "/v1/products/P000001": "products:read",
        "/v1/products/P000001/recommendations": "products:read",
        "/v1/sales": "sales:read",
        "/v1/quality": "quality:read",
    }
    for scope in (*set(paths.values()), "churn:predict"):
        key = Keys(served.base).make(f"only {scope}", [scope])
        for path, needed in paths.items():
            answer = served.with_key(key, path)
            if scope == needed:
                assert answer.status_code == 200
            else:
                assert needed in problem(answer, 403)["detail"]
        answer = served.client.post("/v1/churn", json={"rows": [ASKED]}, headers={"X-API-Key": key})
        assert answer.status_code == (200 if scope == "churn:predict" else 403)


def test_a_key_is_kept_as_a_hash_by_its_owner_only_and_can_be_replaced_and_revoked(served: Served) -> None:
    keys = Keys(served.base)
    first = keys.make("shop")
    assert served.with_key(first, "/v1/sales").status_code == 200
    assert first not in keys.path.read_text()
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    second = keys.make("shop")
    assert [served.with_key(key, "/v1/sales").status_code for key in (first, second)] == [401, 200]
    keys.revoke("shop")
    assert served.with_key(second, "/v1/sales").status_code == 401


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/customers/C9999999", 404, "There is no customer C9999999 in release 7."),
        ("/v1/customers/C9999999/churn", 404, "There is no prediction for C9999999 in release 7."),
        ("/v1/customers/C9999999/recommendations", 404, "There is no customer C9999999 in release 7."),
        ("/v1/products/P999999", 404, "There is no product P999999 in release 7."),
        ("/v1/nothing", 404, "Not Found"),
        ("/v1/customers?limit=0", 422, "query.limit: "),
        ("/v1/customers?limit=1001", 422, "query.limit: "),
        ("/v1/customers?tier=tin", 422, "query.tier: "),
        ("/v1/customers?cursor=none", 422, "The cursor is none that this list gave"),
        ("/v1/sales?from=2026-02-30", 422, "query.from: "),
        ("/v1/sales?period=hour", 422, "query.period: "),
        ("/v1/quality?severity=error", 422, "query.severity: "),
        ("/v1/quality?verdict=good", 422, "query.verdict: "),
        # Injections, and tricks with paths.
        ("/v1/customers/C0000001'%20OR%20'1'='1", 422, "path.customer_id: "),
        ("/v1/customers/C0000001%00", 422, "path.customer_id: "),
        ("/v1/customers/C0000001%0AINFO%20forged", 422, "path.customer_id: "),
        ("/v1/customers/..%2f..%2fkeys.json", 404, "Not Found"),
        ("/../../../../etc/passwd", 404, "Not Found"),
        ("/%2e%2e/api/keys.json", 404, "Not Found"),
        ("/v1/customers/", 404, "Not Found"),
        ("//v1/customers", 404, "Not Found"),
    ],
)
def test_what_is_not_there_or_does_not_fit_gets_a_problem_that_says_so(
    served: Served, path: str, status: int, said: str
) -> None:
    # By hand: a client would clean the path.
    answer = asked_raw(served, f"GET {path} HTTP/1.1\r\nX-API-Key: {served.client.headers['X-API-Key']}\r\n")
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(said)


def asked_raw(served: Served, head: str) -> httpx.Response:
    """The answer to a request as it is written here."""
    host = served.address.removeprefix("http://")
    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=DEADLINE) as connection:
        connection.sendall(f"{head}Host: {host}\r\nConnection: close\r\n\r\n".encode())
        text = b"".join(iter(lambda: connection.recv(65536), b""))
    first, _, rest = text.partition(b"\r\n")
    headers, _, body = rest.partition(b"\r\n\r\n")
    pairs = dict(line.decode().split(": ", 1) for line in headers.split(b"\r\n"))
    return httpx.Response(int(first.split()[1]), headers=pairs, content=body)


@pytest.mark.parametrize("place", [[2**63], ["C1", "C2"], ["\ud800"], [1.5], [None], {"a": 1}, [[[[]]]], []], ids=str)
def test_a_cursor_that_was_made_up_is_refused(served: Served, place: Any) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    problem(served.client.get("/v1/customers", params={"cursor": cursor}), 422)


@pytest.mark.parametrize("word", ["'; DROP TABLE customers; --", "%", "regular\x00", "\U0001f600"])
def test_a_filter_is_a_value_and_never_a_part_of_the_query(served: Served, word: str) -> None:
    assert served.get("/v1/customers", segment=word)["data"] == []
    assert len(served.get("/v1/customers")["data"]) == 40


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"rows": []},
        {"rows": [ASKED] * 101},
        {"rows": [{**ASKED, "recency_days": "many"}]},
        {"rows": [{**ASKED, "recency_days": None}]},
        {"rows": [{**ASKED, "recency_days": 1e300}]},
        {"rows": [{**ASKED, "days": 1}]},
        {"rows": [{"recency_days": 1}]},
        [ASKED],
    ],
)
def test_features_that_do_not_fit_are_refused_with_their_place(served: Served, asked: Any) -> None:
    said = problem(served.client.post("/v1/churn", json=asked), 422)
    assert said["errors"][0]["place"].startswith("body")


def test_a_body_that_is_too_large_is_refused_whether_or_not_its_head_says_so(served: Served) -> None:
    large = b'{"rows": [' + b" " * 70_000 + b"]}"
    problem(served.client.post("/v1/churn", content=large), 413)
    in_parts = (large[at : at + 1000] for at in range(0, len(large), 1000))
    problem(served.client.post("/v1/churn", content=in_parts), 413)


def test_a_foreign_host_is_refused_so_that_no_web_page_reads_through_a_browser(served: Served) -> None:
    problem(httpx.get(f"{served.address}/", headers={"Host": "evil.example"}), 421)
    assert httpx.get(f"{served.address}/health", headers={"Host": "localhost:1"}).status_code == 200


def test_the_callers_request_id_is_kept_if_it_is_sane(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lakehouse.api")
    answer = served.client.get("/v1/sales", headers={"X-Request-ID": "abc-1.2_3"})
    assert answer.headers["x-request-id"] == "abc-1.2_3"
    for bad in ("a b", "x" * 65, '"}'):
        made = served.client.get("/v1/sales", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", made)
    assert any(line.startswith(f'abc-1.2_3 test {served.address} "GET /v1/sales" 200') for line in caplog.messages)


def test_a_key_that_asks_too_often_waits_and_others_do_not(served: Served) -> None:
    with serving(served.base, Rate(a_second=0.01, at_once=3)) as slow:
        other = Keys(served.base).make("other")
        answers = [slow.client.get("/v1/products/P000001") for _ in range(4)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        assert "asks too often" in problem(answers[3], 429)["detail"]
        assert 90 <= int(answers[3].headers["retry-after"]) <= 100
        assert slow.with_key(other, "/v1/products/P000001").status_code == 200


def test_what_fails_inside_tells_the_caller_its_number_and_the_log_its_reason(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    current = served.follower.current
    assert current and current.model
    monkeypatch.setattr(current.model, "_compute", lambda rows: 1 / 0)
    said = problem(served.client.post("/v1/churn", json={"rows": [ASKED]}), 500)
    assert "division" not in said["detail"] and said["request_id"] in said["detail"]
    assert said["request_id"] in caplog.text and "division by zero" in caplog.text
    monkeypatch.undo()
    assert served.client.post("/v1/churn", json={"rows": [ASKED]}).status_code == 200


def test_whatever_is_asked_by_the_description_is_answered_as_described(served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{served.address}/openapi.json")
    key = served.client.headers["X-API-Key"]
    asked: Counter[str] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case) -> None:
            # No schema can tell a cursor that was given from one that was made up.
            answer = case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=[positive_data_acceptance])
            assert answer.status_code < 500
            asked[case.path] += 1

        holds()
    assert len(asked) == 12 and asked["/v1/churn"] >= 25


def curl(served: Served, command: str) -> httpx.Response:
    """The answer to a curl command of a page, with this server and this key in the place of those in it."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    headers, body, path = {}, None, ""
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value.replace("$KEY", served.client.headers["X-API-Key"])
        elif word == "-d":
            body = words.pop(0)
        else:
            path = word.removeprefix("http://127.0.0.1:8080")
    return httpx.request("POST" if body else "GET", served.address + path, headers=headers, content=body)


def test_the_page_shows_what_the_api_answers(served: Served) -> None:
    pairs = re.findall(r"```bash\n(curl .*?)\n```\n\n```json\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(pairs) == 12
    for command, shown in pairs:
        assert curl(served, command).json() == json.loads(shown), command


def test_the_readme_asks_every_endpoint_and_each_answers(served: Served) -> None:
    text = README.read_text(encoding="utf-8")
    commands = re.findall(r"^curl .*(?:\n  .*)*", text, re.MULTILINE)
    assert all(curl(served, command).status_code == 200 for command in commands)
    asked = {re.sub(r"/[CP]\d+", "/{}", path) for path in re.findall(r":8080(/[^\"?]*)", "".join(commands))}
    described = {re.sub(r"{\w+}", "{}", path) for path in served.client.get("/openapi.json").json()["paths"]}
    assert asked == described | {"/metrics", "/openapi.json"}


# Releases.


def test_a_new_release_is_followed_and_a_table_that_moves_without_one_is_not_shown(tmp_path: Path) -> None:
    published.publish(tmp_path, 1)
    with serving(tmp_path) as served:
        moved = published.tables(2, 40, 6, 10)["gold/customer_360"]
        published.write(tmp_path, "gold/customer_360", moved)
        served.follower.look()
        answer = served.get("/v1/customers/C0000002")
        assert (answer["data"]["orders"], answer["source"]["tables"]) == (1, {"gold/customer_360": 0})
        first = served.follower.current
        published.publish(tmp_path, 3)
        # The table has moved on before anybody looked.
        published.write(tmp_path, "gold/customer_360", moved)
        served.follower.look()
        answer = served.get("/v1/customers/C0000002")
        assert (answer["data"]["orders"], answer["source"]["tables"]) == (3, {"gold/customer_360": 2})
        # Who still has the old one is answered by it.
        assert first and b'"orders":1,' in (first.one("customers", "C0000002") or b"")


def test_the_file_of_a_replica_goes_away_with_its_last_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "replicas").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "replicas"))
    base = tmp_path / "base"
    follower = Follower(base)
    for release in (1, 2, 3):
        published.publish(base, release)
        follower.look()
        assert len(list((tmp_path / "replicas").iterdir())) == 1
    follower.current = None
    assert list((tmp_path / "replicas").iterdir()) == []


def test_fifty_clients_read_while_releases_are_published_and_no_answer_is_torn(store: str, tmp_path: Path) -> None:
    releases = range(1, 8)
    published.publish(tmp_path, 1, model_version=1)
    with serving(tmp_path) as served:
        done = threading.Event()

        def publish_all() -> None:
            for release in releases[1:]:
                published.publish(tmp_path, release, model_version=1)
                served.follower.look()
            done.set()

        async def read() -> "Counter[tuple[str, int]]":
            seen: Counter[tuple[str, int]] = Counter()
            limits = httpx.Limits(max_connections=50)
            headers = served.client.headers
            async with httpx.AsyncClient(
                base_url=served.address, headers=headers, limits=limits, timeout=DEADLINE
            ) as client:

                async def reader(number: int) -> None:
                    path, numbers = READERS[number % len(READERS)]
                    while True:
                        last = done.is_set()
                        answer = await client.get(path)
                        assert answer.status_code == 200, answer.text
                        release = answer.json()["source"]["release"]
                        assert set(answer.json()["source"]["tables"].values()) == {release - 1}
                        assert set(numbers(answer.json()["data"])) == {release}
                        seen[path, release] += 1
                        if last:
                            return

                await asyncio.gather(*(reader(number) for number in range(50)))
            return seen

        publisher = threading.Thread(target=publish_all)
        publisher.start()
        seen = asyncio.run(read())
        publisher.join()
        for path, _ in READERS:
            assert seen[path, releases[-1]] >= 1
        assert len({release for _, release in seen}) >= 4
        assert served.follower.problem is None


# What is asked, and the numbers of the answer that are the number of the release.
READERS: list[tuple[str, Any]] = [
    ("/v1/customers/C0000002", lambda row: [row["orders"], row["lines"], float(row["revenue_eur"])]),
    ("/v1/customers?limit=1000", lambda rows: [row["orders"] for row in rows if row["orders"]]),
    ("/v1/products", lambda rows: [row["units"] for row in rows]),
    ("/v1/products/P000001/recommendations", lambda rows: [row["orders"] for row in rows]),
    ("/v1/customers/C0000002/recommendations", lambda rows: [round(100 * row["support"]) for row in rows]),
    ("/v1/customers/C0000002/churn", lambda row: [row["features"]["value_90"]]),
    ("/v1/sales?period=day&dimension=channel", lambda rows: [row["orders"] for row in rows]),
]


def test_it_starts_before_a_release_exists_and_says_so_and_then_shows_it_by_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        said = problem(served.client.get("/ready"), 503)
        assert "run `workbook run`" in said["detail"]
        assert problem(served.client.get("/v1/customers"), 503)["detail"] == said["detail"]
        assert served.get("/health")["status"] == "starting"
        assert "No data yet" in served.client.get("/").text
        follower = Follower(tmp_path, interval=0.02)
        follower.start()
        try:
            published.publish(tmp_path, 1)
            pause = threading.Event()
            for _ in range(DEADLINE * 10):
                if follower.current:
                    break
                pause.wait(0.1)
            assert follower.current and follower.current.release.release == 1
        finally:
            follower.stop()
        served.follower.look()
        assert served.get("/ready") == {"release": 1}


def test_without_a_model_the_rest_is_answered(tmp_path: Path) -> None:
    written = published.tables(1, 40, 6, 10)
    versions = {name: published.write(tmp_path, name, rows) for name, rows in written.items() if name[:2] != "ml"}
    published.publish(tmp_path, 1, versions=versions)
    with serving(tmp_path) as served:
        assert served.get("/v1/customers/C0000001")["data"]["tier"] == "gold"
        problem(served.client.get("/v1/customers/C0000001/churn"), 404)
        problem(served.client.get("/v1/customers/C0000001/recommendations"), 404)
        assert "has no model" in problem(served.client.post("/v1/churn", json={"rows": [ASKED]}), 503)["detail"]
        assert "No predictions in this release" in served.client.get("/").text


def test_a_release_from_before_the_audits_has_no_verdicts(tmp_path: Path) -> None:
    written = published.tables(1, 40, 6, 10)
    versions = {name: published.write(tmp_path, name, rows) for name, rows in written.items() if "audit" not in name}
    published.publish(tmp_path, 1, versions=versions)
    with serving(tmp_path) as served:
        problem(served.client.get("/v1/quality"), 404)
        assert "No audit in this release" in served.client.get("/").text


def broken_store(base: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{free_port()}")
    published.publish(base, 2, model_version=3)


def missing_store(base: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{base}/gone/mlflow.db")
    published.publish(base, 2, model_version=3)


def missing_model(base: Path, patch: pytest.MonkeyPatch) -> None:
    published.publish(base, 2, model_version=3)


def other_model(base: Path, patch: pytest.MonkeyPatch) -> None:
    published.publish(base, 2, model_version=2)


def renamed_column(base: Path, patch: pytest.MonkeyPatch) -> None:
    schema = dict(published.SCHEMAS["ml/features"])
    renamed = {("days" if name == "recency_days" else name): kind for name, kind in schema.items()}
    patch.setitem(published.SCHEMAS, "ml/features", renamed)
    published.publish(base, 2, model_version=1)


def unknown_risk(base: Path, patch: pytest.MonkeyPatch) -> None:
    written = published.tables(2, 40, 6, 10)
    written["ml/predictions"] = [(customer, day, 0.5, "odd", 1) for customer, day, *_ in written["ml/predictions"]]
    versions = {name: published.write(base, name, rows) for name, rows in written.items()}
    published.publish(base, 2, model_version=1, versions=versions)


def missing_files(base: Path, patch: pytest.MonkeyPatch) -> None:
    published.publish(base, 2, model_version=1)
    for file in DeltaTable(base / "gold" / "customer_360").file_uris():
        Path(file.removeprefix("file://")).unlink()


def missing_releases(base: Path, patch: pytest.MonkeyPatch) -> None:
    (base / "api" / "releases").rename(base / "api" / "moved")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (broken_store, r"^Version 3 of the model churn cannot be loaded from MLflow's store http://127"),
        (
            missing_store,
            r"^Version 3 of the model churn cannot be loaded from .*no such file.*MLFLOW_TRACKING_URI",
        ),
        (missing_model, r"^Version 3 of the model churn cannot be loaded from .*train a model with `workbook run`"),
        (other_model, r"^Version 2 of the model churn wants the features days_since, .*`workbook run`"),
        (renamed_column, r"^Version 1 of the model churn was trained with recency_days, which ml/features lacks at"),
        (unknown_risk, r"^Release 2 of .* cannot be read .*risk in ml/predictions or ml/features: Input should be"),
        (missing_files, r"^Release 2 of .* cannot be read .*run `workbook run`"),
        (missing_releases, r"^The table api/releases of .* is gone: run `workbook run`"),
    ],
)
def test_what_hinders_the_next_release_is_said_and_logged_once_and_the_last_good_one_stays(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Any, said: str
) -> None:
    published.publish(tmp_path, 1, model_version=1)
    with serving(tmp_path) as served:
        fault(tmp_path, monkeypatch)
        served.follower.look()
        served.follower.look()
        health = served.get("/health")
        assert (health["status"], health["release"]) == ("degraded", 1)
        assert re.search(said, health["problem"]), health["problem"]
        assert health["problem"].endswith(" Release 1 is shown meanwhile.") and "secret" not in health["problem"]
        assert [record.levelname for record in caplog.records if record.name == "lakehouse.api"].count("ERROR") == 1
        assert served.get("/v1/customers/C0000002")["source"]["release"] == 1
        assert served.client.post("/v1/churn", json={"rows": [ASKED]}).json()["data"] == {"probabilities": [0.25]}
        assert "Something is wrong" in served.client.get("/").text
        monkeypatch.undo()
        if fault is missing_releases:
            (tmp_path / "api" / "moved").rename(tmp_path / "api" / "releases")
        else:
            published.publish(tmp_path, 3)
        served.follower.look()
        assert served.get("/health")["status"] == "ok"


def test_keys_that_cannot_be_read_open_nothing_and_say_so(tmp_path: Path) -> None:
    published.publish(tmp_path, 1)
    with serving(tmp_path) as served:
        (tmp_path / "api" / "keys.json").write_text("{")
        assert "is not a list of keys" in problem(served.client.get("/v1/sales"), 503)["detail"]


def test_a_release_is_published_once_with_every_version_that_may_be_shown(
    spark: SparkSession, few_rows: None, tmp_path: Path
) -> None:
    lake = Lake(spark, Places(str(tmp_path)))
    delivered = datetime(2026, 1, 6, 12, tzinfo=timezone.utc)
    gold = {"customer_360": 4, "daily_sales": 5, "product_performance": 6, "sales_by_month": 7}
    row = (3, delivered, delivered, gold)
    columns = "release BIGINT, published_at TIMESTAMP, delivered_until TIMESTAMP, versions MAP<STRING, BIGINT>"
    lake.append(spark.createDataFrame([row], columns).coalesce(1), "serving/releases")
    for _ in range(2):
        lake.append(spark.range(1).coalesce(1), "serving/dashboard")
    releases.refresh(lake, Batch(3), as_of=None, model_version=None)
    for name in ("features", "predictions", "features"):
        lake.append(spark.range(1).coalesce(1), f"ml/{name}")
    for _ in range(2):
        releases.refresh(lake, Batch(4), as_of=date(2026, 1, 5), model_version=2)
    found = DeltaTable(tmp_path / "api" / "releases").to_pyarrow_table().sort_by("release").to_pylist()
    shared = {
        "gold/customer_360": 4,
        "gold/daily_sales": 5,
        "gold/product_performance": 6,
        "serving/sales_by_month": 7,
        "serving/dashboard": 1,
    }
    assert [
        (row["release"], row["delivered_until"], row["as_of"], row["model_version"], dict(row["versions"]))
        for row in found
    ] == [
        (3, delivered, None, None, shared),
        (4, delivered, date(2026, 1, 5), 2, {**shared, "ml/features": 1, "ml/predictions": 0}),
    ]


# The dashboard.


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_dashboard_fits_is_accessible_and_asks_for_nothing_else(
    browser: Browser, served: Served, width: int, theme: Any
) -> None:
    size: Any = {"width": width, "height": 800}
    # Without scripts of its own; axe is one, so the page's policy is set aside for it.
    context = browser.new_context(viewport=size, color_scheme=theme, bypass_csp=True)
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.goto(f"{served.address}/")
    assert [url for url in asked if not url.startswith("data:")] == [f"{served.address}/"]
    page.get_by_text("Every month as a table").click()
    assert page.get_by_role("row", name="2026-01-01 63 4,321").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("script").count() == 0 and errors == []
    assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 26)"}[theme]
    context.close()


def test_the_dashboard_shows_the_release_sums_and_the_risks_of_churn_and_no_customer(served: Served) -> None:
    text = " ".join(re.sub(r"<style>.*</style>|<[^>]*>", " ", served.client.get("/").text, flags=re.DOTALL).split())
    assert re.search(r"Release 7, published \d+ days ago, on 2026-01-06 12:07 UTC\.", text)
    for part in (
        *("€ 5,556", "platinum 1,234,567 10", "customer_known 34", "payments_online", "bronze 66 5.5"),
        *("P000002 &lt;b&gt;Brass&lt;/b&gt; &amp; notebook 2 9 90", "medium 7", "low 33", "by version 1 of the model"),
    ):
        assert part in text, part
    assert "Ödegård" not in text and "example.com" not in text
    assert "script" not in served.client.get("/").headers["content-security-policy"]


def test_the_dashboard_names_the_rules_that_are_broken_first_and_with_their_owner(served: Served) -> None:
    text = " ".join(re.sub(r"<style>.*</style>|<[^>]*>", " ", served.client.get("/").text, flags=re.DOTALL).split())
    assert "✗ 1 of 3 rules are broken too often. ✗ customer_known drop · payments The CRM knows who buys." in text
    assert "Measured: 2.40 %, may be at most 2.00 %." in text
    assert text.index("Every other rule") < text.index("✓ order_line_once fail · payments")
    assert "retired" not in text


def test_the_dashboard_shows_how_far_a_continuous_run_is_while_one_goes_on(served: Served) -> None:
    assert "Continuous run" not in served.client.get("/").text
    live.save(served.base, live.Live(datetime(2026, 1, 6, tzinfo=timezone.utc), 1234, 5))
    try:
        shown = served.client.get("/").text
    finally:
        live.remove(served.base)
    assert re.search(
        r"gold has every payment that was published until \d+ days ago\. Waiting: events 1,234, files 5\.", shown
    )
    (served.base / live.NAME).write_text("half a fi", encoding="utf-8")
    assert "Continuous run" not in served.client.get("/").text
    live.remove(served.base)
    live.remove(served.base)


# The command.


def test_it_serves_where_spark_cannot_be_imported_and_ends_on_ctrl_c(store: str, tmp_path: Path) -> None:
    port = free_port()
    program = (
        "import sys; sys.modules['pyspark'] = None\n"
        "from lakehouse.api import server\n"
        f"server.serve({str(tmp_path)!r}, {port}, lambda text: print(text, flush=True))\n"
    )
    with until_ctrl_c(program, port, 503) as told:
        key = re.search(r"Your key: +(\S+)", told)
        assert key
    published.publish(tmp_path, 1, model_version=1)
    with until_ctrl_c(program, port, 200) as told:
        assert "Your key" not in told
        address = f"http://127.0.0.1:{port}/v1/churn"
        answer = httpx.post(address, headers={"X-API-Key": key[1]}, json={"rows": [ASKED]})
        assert answer.json()["data"] == {"probabilities": [0.25]}


@contextlib.contextmanager
def until_ctrl_c(program: str, port: int, readiness: int) -> Iterator[str]:
    """Run a program that serves, until the block ends; what it tells before it is as ready as it should be."""
    with python(program) as process:
        assert process.stdout
        told = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        pause = threading.Event()
        for _ in range(DEADLINE * 10):
            assert process.poll() is None
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/ready").status_code == readiness:
                    break
            pause.wait(0.1)
        yield told
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate()
        assert (process.returncode, rest) == (0, "Stopped.\n"), errors
        assert "Traceback" not in errors


def workbook(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = str(Path(sys.executable).with_name("workbook"))
    return subprocess.run([program, *arguments], capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})


def test_a_missing_folder_and_a_taken_port_are_one_sentence(tmp_path: Path) -> None:
    missing = workbook("serve", "--base-path", str(tmp_path / "nowhere"))
    assert missing.returncode == 1
    assert missing.stderr == (
        f"There is no platform in {tmp_path}/nowhere: run `workbook run` first, or name its folder with --base-path.\n"
    )
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PlatformError, match=r"^Port \d+ cannot be had .*, or take another with --port\.$"):
            server.serve(str(tmp_path), other.getsockname()[1], print)


def test_the_command_key_makes_a_key_with_scopes_and_takes_it_away(tmp_path: Path) -> None:
    def key(*options: str) -> Result:
        return CliRunner().invoke(app, ["key", "report", "--base-path", str(tmp_path), *options])

    found = Keys(tmp_path).find(key("--scope", "sales:read").stdout.split()[0])
    assert found and (found.name, found.scopes) == ("report", ("sales:read",))
    assert str(key("--scope", "sales:write").exception).startswith("There is no scope sales:write: choose from custom")
    assert key("--revoke").stdout == "The key report is gone.\n"
    assert Keys(tmp_path).names == []
    assert str(key("--revoke").exception).startswith("There is no key named report in ")

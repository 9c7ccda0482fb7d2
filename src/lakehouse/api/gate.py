"""The gate that every request passes: its number, its size, who asks, how often; counted and logged on its way out."""

import logging
import re
import secrets
import time
from http import HTTPStatus
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakehouse.api.keys import Keys, Limiter
from lakehouse.api.schemas import Fault, Problem
from lakehouse.errors import PlatformError

log = logging.getLogger("lakehouse.api")
GUARDED = "/v1/"
LARGEST_BODY = 64 * 1024
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
HOSTS = {"127.0.0.1", "localhost"}
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def problem(
    scope: Scope, status: int, detail: str, headers: dict[str, str] | None = None, errors: list[Fault] | None = None
) -> Response:
    """The answer to what cannot be answered: problem details, as RFC 9457 has them."""
    said = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=_path(scope),
        request_id=scope["state"]["request_id"],
        errors=errors,
    )
    content = said.model_dump_json(exclude_none=True)
    return Response(content, status, headers, media_type="application/problem+json")


class Gate:
    """ASGI middleware: lets a request through, or answers it with a problem.

    Gives each request a number, the caller's own `X-Request-ID` if it is sane. Refuses a foreign host (421), a large
    body (413), and under `/v1/` a missing or wrong key (401) and a key that asks too often (429). What fails inside is
    logged with its number, and is a 500 that tells nothing else. The key is in the request's `state`.
    """

    def __init__(self, app: ASGIApp, keys: Keys, limiter: Limiter, registry: CollectorRegistry) -> None:
        self._app = app
        self._keys = keys
        self._limiter = limiter
        names = ("method", "route", "status")
        self._requests = Counter("lakehouse_requests", "Requests.", names, registry=registry)
        self._seconds = Histogram("lakehouse_request_seconds", "Their seconds.", ["route"], registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        number = given if SANE_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = number
        status = 0

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = number
            await send(message)

        try:
            if refusal := self._refusal(scope, headers):
                await refusal(scope, receive, numbered)
            else:
                await self._app(scope, receive, numbered)
        except Exception:
            log.exception("request %s failed", number)
            if not status:
                await problem(scope, 500, f"The server failed. Its log has the reason under {number}.")(
                    scope, receive, numbered
                )
        finally:
            self._note(scope, status, time.perf_counter() - begun)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if headers.get("host", "").partition(":")[0] not in HOSTS:
            return problem(scope, 421, "This server answers for 127.0.0.1 and localhost only.")
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > LARGEST_BODY:
            return problem(scope, 413, f"The body is larger than {LARGEST_BODY // 1024} KiB: ask in several requests.")
        return self._stranger(scope, headers) if scope["path"].startswith(GUARDED) else None

    def _stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """What somebody gets who has no key, or asks too often with it."""
        try:
            key = self._keys.find(headers.get("x-api-key", ""))
        except PlatformError as error:
            return problem(scope, 503, str(error))
        if key is None:
            said = "The key in X-API-Key is not known" if "x-api-key" in headers else "The header X-API-Key is missing"
            return problem(scope, 401, f"{said}: `workbook key NAME` makes one.", {"WWW-Authenticate": "ApiKey"})
        scope["state"]["key"] = key
        if seconds := self._limiter.wait(key):
            return problem(
                scope, 429, f"The key {key.name} asks too often: wait {seconds} s.", {"Retry-After": str(seconds)}
            )
        return None

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        # A caller may make up methods, and each would be a series of its own.
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)
        key = scope["state"].get("key")
        log.info(
            '%s %s "%s %s" %d %.1f ms',
            scope["state"]["request_id"],
            key.name if key else "-",
            scope["method"],
            _path(scope),
            status,
            seconds * 1000,
        )


def _path(scope: Scope) -> str:
    """The path as it came, percent-encoded: nothing in it can end a line of the log."""
    raw: Any = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    return str(raw.partition(b"?")[0].decode("ascii", "backslashreplace"))

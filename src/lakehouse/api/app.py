"""The HTTP API: what can be asked. Everything under `/v1` needs a key with the scope that its description names."""

import base64
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path as File
from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader, SecurityScopes
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from pydantic import Field, TypeAdapter
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import HTMLResponse, Response

from lakehouse import live
from lakehouse.api import page, schemas
from lakehouse.api.follower import NOTHING, Follower
from lakehouse.api.gate import LARGEST_BODY, Gate, problem
from lakehouse.api.keys import Keys, Limiter, Rate
from lakehouse.api.replica import Replica, source

Identifier = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most rows of an answer.")]
Few = Annotated[int, Query(ge=1, le=100, description="The most rows of an answer.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the answer before; without, the first.")]
Word = Annotated[str | None, Query(min_length=1, max_length=40)]
Country = Annotated[str | None, Query(pattern=r"^[A-Z]{2}$", description="ISO 3166-1, two letters.")]
PLACE = TypeAdapter(list[Annotated[int, Field(strict=True, ge=0, lt=2**63)] | str])
EARLIEST, LATEST = date(1, 1, 1), date(9999, 12, 31)

router = APIRouter(prefix="/v1")


async def current(request: Request) -> Replica:
    """The replica that a request is answered from, all of it."""
    found: Replica | None = request.app.state.follower.current
    if found is None:
        raise HTTPException(503, request.app.state.follower.problem or NOTHING, {"Retry-After": "5"})
    return found


class Allowed(APIKeyHeader):
    """The key in a header, and the scopes that a route needs of it. The gate lets nobody come here without a key."""

    async def __call__(self, request: Request, needed: SecurityScopes) -> None:  # type: ignore[override]
        key = request.state.key
        if missing := [scope for scope in needed.scopes if scope not in key.scopes]:
            raise HTTPException(403, f"The key {key.name} lacks the scope {missing[0]}.")


Now = Annotated[Replica, Depends(current)]


ALLOWED = Allowed(name="X-API-Key", scheme_name="key")


def scope(name: str) -> list[Any]:
    """The dependency of a route that needs a scope."""
    return [Security(ALLOWED, scopes=[name])]


@router.get("/customers", response_model=schemas.Page[schemas.Customer], dependencies=scope("customers:read"))
async def customers(
    now: Now,
    tier: schemas.Tier | None = None,
    segment: Word = None,
    country: Country = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Customers in the order of their id, by tier, segment and country."""
    return listed(now, "customers", {"tier": tier, "segment": segment, "country": country}, limit, cursor)


@router.get(
    "/customers/{customer_id}", response_model=schemas.One[schemas.Customer], dependencies=scope("customers:read")
)
async def customer(now: Now, customer_id: Identifier) -> Response:
    """A customer."""
    return answer(now, "customers", now.one("customers", customer_id) or absent("customer", customer_id, now))


@router.get(
    "/customers/{customer_id}/recommendations",
    response_model=schemas.Page[schemas.Recommendation],
    dependencies=scope("customers:read"),
)
async def recommendations_to_customer(
    now: Now, customer_id: Identifier, limit: Few = 10, cursor: Cursor = None
) -> Response:
    """What goes with what a customer bought last; for who bought nothing with company, what the segment buys most."""
    if now.one("customers", customer_id) is None:
        absent("customer", customer_id, now)
    own = {"customer_id": customer_id}
    if now.has("recommended") and now.part("recommended", own, 1)[0]:
        return listed(now, "recommended", own, limit, cursor)
    segment = now.value("customers", "segment", customer_id) or ""
    return listed(now, "popular", {"segment": segment}, limit, cursor)


@router.get(
    "/customers/{customer_id}/churn", response_model=schemas.One[schemas.Churn], dependencies=scope("churn:read")
)
async def churn(now: Now, customer_id: Identifier) -> Response:
    """The stored prediction of a customer, with the features that it was made from."""
    available(now, "churn")
    return answer(now, "churn", now.one("churn", customer_id) or absent("prediction for", customer_id, now))


@router.post("/churn", response_model=schemas.One[schemas.Answered], dependencies=scope("churn:predict"))
async def predict(now: Now, questions: schemas.Questions) -> Response:
    """The probability of churn from features, in real time, by the model that made the stored predictions."""
    if now.model is None:
        raise HTTPException(503, f"Release {now.release.release} has no model: `workbook run` trains one.")
    found = schemas.Answered(probabilities=await now.model.predict(questions.rows))
    said = source(now.release, (), now.model.version)
    return json_response(b'{"data":%b,"source":%b}' % (found.model_dump_json().encode(), said))


@router.get("/products", response_model=schemas.Page[schemas.Product], dependencies=scope("products:read"))
async def products(now: Now, category: Word = None, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Products in the order of their id, by category."""
    return listed(now, "products", {"category": category}, limit, cursor)


@router.get("/products/{product_id}", response_model=schemas.One[schemas.Product], dependencies=scope("products:read"))
async def product(now: Now, product_id: Identifier) -> Response:
    """A product, and how it sells."""
    return answer(now, "products", now.one("products", product_id) or absent("product", product_id, now))


@router.get(
    "/products/{product_id}/recommendations",
    response_model=schemas.Page[schemas.BoughtTogether],
    dependencies=scope("products:read"),
)
async def recommendations_with_product(
    now: Now, product_id: Identifier, limit: Few = 10, cursor: Cursor = None
) -> Response:
    """What is bought together with a product, the highest lift first; nothing that is no longer sold."""
    if now.one("products", product_id) is None:
        absent("product", product_id, now)
    return listed(now, "bought_together", {"asked": product_id}, limit, cursor)


@router.get("/sales", response_model=schemas.Page[schemas.Sales], dependencies=scope("sales:read"))
async def sales(
    now: Now,
    period: schemas.Period = "month",
    dimension: schemas.Dimension = "none",
    from_: Annotated[date, Query(alias="from", description="A day of the first period.")] = EARLIEST,
    to: Annotated[date, Query(description="A day of the last period.")] = LATEST,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Sales by whole periods, the earliest first: of all channels, or of each. Periods without sales are left out."""
    between = (str(first_day(period, from_)), str(to))
    return listed(now, "sales", {"period": period, "dimension": dimension}, limit, cursor, between)


@router.get("/quality", response_model=schemas.Page[schemas.RuleVerdict], dependencies=scope("quality:read"))
async def quality(
    now: Now,
    severity: schemas.Severity | None = None,
    owner: Word = None,
    verdict: schemas.Outcome | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What each rule says of the data of the release, in the order of their names, by severity, owner and verdict."""
    return listed(now, "quality", {"severity": severity, "owner": owner, "verdict": verdict}, limit, cursor)


def first_day(period: schemas.Period, day: date) -> date:
    """The first day of the period that a day is in."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    month = {"year": 1, "quarter": day.month - (day.month - 1) % 3}.get(period, day.month)
    return day if period == "day" else day.replace(month=month, day=1)


def listed(
    now: Replica,
    shelf: str,
    filters: dict[str, Any],
    limit: int,
    cursor: str | None,
    between: tuple[str, str] | None = None,
) -> Response:
    """A part of a shelf, as a page."""
    available(now, shelf)
    equal = {name: value for name, value in filters.items() if value is not None}
    rows, place = now.part(shelf, equal, limit, after_cursor(cursor, now.rest(shelf, equal)), between)
    following = b'"%b"' % cursor_at(place) if place else b"null"
    return json_response(b'{"data":[%b],"next":%b,"source":%b}' % (b",".join(rows), following, now.source(shelf)))


def answer(now: Replica, shelf: str, row: bytes) -> Response:
    return json_response(b'{"data":%b,"source":%b}' % (row, now.source(shelf)))


def json_response(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def available(now: Replica, shelf: str) -> None:
    if not now.has(shelf):
        raise HTTPException(404, f"Release {now.release.release} has no such data: `workbook run` makes them.")


def absent(kind: str, name: str, now: Replica) -> NoReturn:
    raise HTTPException(404, f"There is no {kind} {name} in release {now.release.release}.")


def cursor_at(place: Sequence[str | int]) -> bytes:
    """A place in the order of a list, as text that clients hand back and need not understand."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).rstrip(b"=")


def after_cursor(cursor: str | None, columns: Sequence[str]) -> list[str | int]:
    """The place that a cursor stands for, in a list that is ordered by these columns."""
    if cursor is None:
        return []
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8")
        place = PLACE.validate_json(text)
    except ValueError:
        place = []
    if len(place) != len(columns):
        raise HTTPException(422, "The cursor is none that this list gave: leave it out to begin at the start.")
    return place


def create_app(base_path: File, follower: Follower, rate: Rate | None = None) -> FastAPI:
    """The application, for the platform under `base_path`, which answers from what the follower has.

    `rate` is how often a key may ask. The follower is started and stopped by who made it.
    """
    app = FastAPI(title="The Lakehouse Workbook's platform", version="1", docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    app.state.follower = follower
    registry = CollectorRegistry()
    shown = Gauge("lakehouse_release", "The release that is shown; -1 for none.", registry=registry)
    shown.set_function(lambda: follower.current.release.release if follower.current else -1)
    broken = Gauge("lakehouse_degraded", "1 where something hinders the next release.", registry=registry)
    broken.set_function(lambda: follower.problem is not None)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app.add_middleware(Gate, keys=Keys(base_path), limiter=Limiter(rate or Rate()), registry=registry)

    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> Response:
        return problem(request.scope, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def unfit(request: Request, error: RequestValidationError) -> Response:
        faults = [
            schemas.Fault(place=".".join(str(part) for part in fault["loc"]), fault=fault["msg"])
            for fault in error.errors()
        ]
        return problem(request.scope, 422, f"{faults[0].place}: {faults[0].fault}", errors=faults)

    @app.get("/health", response_model=schemas.Health)
    async def health() -> schemas.Health:
        """Whether the server works, and what is wrong; always 200 while it lives."""
        now = follower.current
        return schemas.Health(
            status="degraded" if follower.problem else "ok" if now else "starting",
            problem=follower.problem or (None if now else NOTHING),
            release=now.release.release if now else None,
            published_at=now.release.published_at if now else None,
            model_version=now.release.model_version if now else None,
        )

    @app.get("/ready", response_model=schemas.Ready)
    async def ready(now: Now) -> schemas.Ready:
        """200 from the first release on, 503 until then."""
        return schemas.Ready(release=now.release.release)

    @app.get("/metrics", response_class=Response, include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def dashboard() -> Response:
        shown = page.html(follower.current, follower.problem, live.load(base_path))
        return HTMLResponse(shown, headers=page.HEADERS)

    app.include_router(router)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    return app


REFUSALS = {
    "401": "The key is missing or not known.",
    "403": "The key lacks the scope.",
    "404": "It is not there.",
    "413": "The body is too large.",
    "422": "A value does not fit.",
    "429": "The key asks too often.",
    "503": "There is nothing to answer with.",
}


def described(app: FastAPI) -> dict[str, Any]:
    """The description of the API, in which every refusal is a problem."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        found["components"]["schemas"] |= {
            model.__name__: model.model_json_schema(ref_template="#/components/schemas/{model}")
            for model in (schemas.Fault, schemas.Problem)
        }
        found["components"]["schemas"]["Problem"].pop("$defs")
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path, methods in found["paths"].items():
            for operation in methods.values():
                refusals = REFUSALS if path.startswith("/v1/") else {"503": REFUSALS["503"]} if path == "/ready" else {}
                operation["responses"] |= {
                    status: {"description": said, "content": content} for status, said in refusals.items()
                }
        for unused in ("HTTPValidationError", "ValidationError"):
            found["components"]["schemas"].pop(unused, None)
        app.openapi_schema = found
    return app.openapi_schema

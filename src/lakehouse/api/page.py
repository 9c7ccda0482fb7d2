"""The dashboard: one page without scripts and without any other file, drawn from the replica."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from lakehouse import units
from lakehouse.api.follower import NOTHING
from lakehouse.api.replica import Replica
from lakehouse.live import Live

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
TIERS = ("platinum", "gold", "silver", "bronze")
RISKS = ("high", "medium", "low", "left")
LAYERS = ("sources", "bronze", "silver", "gold", "serving", "ml", "api")
MONTHS = 24


class Row(NamedTuple):
    """A line of a tile: what it is of, its measures by name."""

    label: str
    values: Mapping[str, float]


def html(replica: Replica | None, problem: str | None, live: Live | None = None) -> str:
    """The page as of now. Without a replica it says what to do; `live` is how far a continuous run is."""
    now = datetime.now(timezone.utc)
    template = _environment.get_template("page.html.jinja")
    if replica is None:
        return template.render(replica=None, live=None, problem=problem or NOTHING)
    rows = tiles(replica)
    return template.render(
        replica=replica,
        problem=problem,
        live=live,
        now=now,
        months=sorted(rows.get("sales", ()))[-MONTHS:],
        tiers=_ordered(rows.get("tiers", ()), TIERS),
        products=_largest(rows.get("products", ()), "revenue_eur"),
        rules=_largest(rows.get("quality", ()), "rows"),
        verdicts=replica.verdicts,
        sources=sorted(rows.get("freshness", ())),
        layers=_ordered(rows.get("health", ()), LAYERS),
        risks=_ordered([Row(name, {"customers": number}) for name, number in replica.risks.items()], RISKS),
    )


def tiles(replica: Replica) -> dict[str, list[Row]]:
    """The rows of `serving/dashboard`, by tile: a row a label, with all of its measures."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in replica.tiles:
        measures = found.setdefault(row["tile"], {}).setdefault(row["label"] or "(none)", {})
        measures[row["measure"]] = row["value"] or 0.0
    return {tile: [Row(label, values) for label, values in rows.items()] for tile, rows in found.items()}


def _ordered(rows: Any, order: tuple[str, ...]) -> list[Row]:
    """In the given order, then what it does not name."""
    return sorted(rows, key=lambda row: (order.index(row.label) if row.label in order else len(order), row.label))


def _largest(rows: Any, measure: str) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.values[measure], row.label))


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that gives at least two."""
    seconds = max(0, int((now - then).total_seconds()))
    for unit, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name} ago"
    return f"{seconds} seconds ago"


def number(value: float, places: int = 0) -> str:
    return f"{value:,.{places}f}"


def moment(value: datetime) -> str:
    return f"{value.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


def since_1970(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)


_environment = Environment(
    loader=PackageLoader("lakehouse.api", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"number": number, "moment": moment, "ago": ago, "since_1970": since_1970}
_environment.filters |= {"shown": units.shown, "limits": units.limits}

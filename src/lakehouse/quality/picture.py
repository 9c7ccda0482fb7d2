"""A profile as a picture: a table in HTML with small charts, for a page or a notebook, without scripts or styles."""

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from pyspark.sql import DataFrame

PARTS = {"top": "", "pattern": "as", "bin": "bin"}


class _Column(NamedTuple):
    """A line of the picture: shares are 0 to 1; `places` are those of the tenths, from left to right in pixels."""

    name: str
    nulls: float
    distinct: str
    least: str
    most: str
    parts: Sequence[tuple[str, str, float]]
    tenths: Sequence[str]
    places: Sequence[float]


def pictured(profiled: DataFrame, title: str, commonest: int = 5) -> str:
    """The result of `profile` as a table in HTML: a line a column, with its commonest values, patterns, and tenths."""
    found: dict[str, dict[str, list[tuple[str, float | None]]]] = {}
    for row in profiled.collect():  # a few hundred rows, however many the table has
        found.setdefault(row["column"], {}).setdefault(row["measure"], []).append((row["value"], row["number"]))
    rows = int(next((measures["rows"][0][1] or 0 for measures in found.values()), 0))
    columns = [_column(name, measures, rows, commonest) for name, measures in found.items()]
    template = _environment.get_template("picture.html.jinja")
    return template.render(title=title, rows=rows, columns=columns)


def _column(name: str, measures: dict[str, list[tuple[str, float | None]]], rows: int, commonest: int) -> _Column:
    parts = [
        (said, value, (number or 0) / rows)
        for measure, said in PARTS.items()
        for value, number in _commonest(measures.get(measure, []), None if measure == "bin" else commonest)
        if rows
    ]
    tenths = [number for _, number in sorted(measures.get("quantile", [])) if number is not None]
    least, most = (measures.get(end, [("", None)])[0] for end in ("min", "max"))
    width = (most[1] or 0.0) - (least[1] or 0.0)
    return _Column(
        name,
        (measures["nulls"][0][1] or 0) / rows if rows else 0.0,
        f"{measures['distinct'][0][1]:,.0f}" if "distinct" in measures else "",
        least[0],
        most[0],
        parts,
        [f"{tenth:,.6g}" for tenth in tenths],
        [round(2 + 156 * (tenth - (least[1] or 0.0)) / width, 1) if width else 80 for tenth in tenths],
    )


def _commonest(values: list[tuple[str, float | None]], number: int | None) -> list[tuple[str, float | None]]:
    """The commonest values first, and of those that are equally common the first by the alphabet; bins as they are."""
    if number is None:
        return sorted(values, key=lambda pair: int(pair[0]))
    return sorted(values, key=lambda pair: (-(pair[1] or 0), pair[0]))[:number]


_environment = Environment(
    loader=PackageLoader("lakehouse.quality", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"

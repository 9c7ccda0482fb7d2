"""The report of a run: one HTML page, with pictures, that needs nothing but itself."""

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from lakehouse import units
from lakehouse.outcome import Churn, Kept, Measured, PlatformResult
from lakehouse.quality import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Readable on white and on black, and told apart by hatching too, not by colour alone.
COLOURS = {"clean": ("#3a8f5d", ""), "quarantined": ("#c9822b", "//"), "duplicate": ("#7a7fc4", "..")}
# A colour that no chart uses; it becomes that of the page's text.
INK = "#010203"
RULE = (
    *("rule", "verdict", "severity", "owner", "newest rows", "trend"),
    *("may be", "broken of all", "percent", "kind", "since", "what it demands"),
)
MARKED = {"pass": "✓ pass", "fail": "✗ FAIL", "no data": "– no data"}
BARS = "▁▂▃▄▅▆▇█"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Data platform: report of a run</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } caption { text-align: left; font-weight: bold; }
th, td { border-bottom: 1px solid #8888; padding: .25rem .75rem; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
</style></head><body>
<h1>Data platform: report of a run</h1>
<p>{{ summary }}</p>
{% for svg, text in pictures %}<figure>{{ svg | safe }}<figcaption>{{ text }}</figcaption></figure>{% endfor %}
{% for table in tables %}<table><caption>{{ table.title }}</caption>
<thead><tr>{% for name in table.columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in table.rows %}<tr>{% for cell in row %}
<td{{ ' class="number"' | safe if cell is number }}>{{ cell | shown }}</td>{% endfor %}
</tr>{% endfor %}</tbody></table>
{% endfor %}
</body></html>
"""


class Table:
    """A table of the report: its title, the names of its columns, and its rows."""

    def __init__(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
        self.title, self.columns, self.rows = title, columns, rows


def summary(result: PlatformResult) -> str:
    """The run in one line."""
    counts = ", ".join(f"{number:,} {name}" for name, number in result.processed.items())
    books = "The books balance." if result.balanced else "THE BOOKS DO NOT BALANCE."
    news = "Nothing new. " if result.nothing_new else ""
    parts = f"{news}{counts} processed. {books}", churn_summary(result.churn), rules_summary(result)
    return " ".join(filter(None, parts))


def rules_summary(result: PlatformResult) -> str:
    """Which rules are broken too often, and who is asked, in a sentence; nothing where none is."""
    broken = [f"{one.rule} ({one.owner})" for one, _, verdict in _judged(result) if verdict == "fail"]
    return f"Broken too often: {', '.join(broken)}." if broken else ""


def churn_summary(state: Churn | None) -> str:
    """What became of the model, in a sentence or two; nothing where it has never looked at a customer."""
    if state is None:
        return ""
    refused = f"The newest quarter has no champion: {state.refused}." if state.refused else ""
    if state.version is None:
        return f"No churn predictions. {refused}"
    best = f" (the best possible: {state.metrics['best_auc']:.3f})" if "best_auc" in state.metrics else ""
    made = f"{state.predictions:,} churn predictions as of {state.as_of}, by model version {state.version}"
    return f"{made}, AUC {state.metrics['auc']:.3f}{best}. {refused}".strip()


def tables_of(result: PlatformResult) -> list[Table]:
    """Everything that the result holds, as tables."""
    verdict = {True: MARKED["pass"], False: MARKED["fail"]}
    return [
        Table(
            "Layers",
            ("layer", "rows", "seconds"),
            [(one.name, one.rows, f"{one.seconds:.1f}") for one in result.layers],
        ),
        Table(
            "Books: read = clean + quarantined + duplicate",
            ("source", "read", "clean", "quarantined", "duplicate", "balanced"),
            [
                (book.source, book.read, book.clean, book.quarantined, book.duplicate, "yes" if book.balanced else "NO")
                for book in result.books
            ],
        ),
        Table(
            "Nulls",
            ("table", "column", "nulls", "percent", "may be", "verdict"),
            [
                (one.table, one.column, one.nulls, _percent(one.share), _percent(one.tolerance), verdict[one.passed])
                for one in result.nulls
            ],
        ),
        Table("Rules, those that are broken too often first", RULE, _rules(result)),
        Table("Model", ("measure", "value"), _measures(result.churn)),
        Table(
            "Drift: are customers still like those it has learnt from?",
            ("feature", "PSI", "verdict"),
            [(one.feature, f"{one.psi:.3f}", one.verdict) for one in (result.churn.drift if result.churn else ())],
        ),
        Table("Files that are not as announced", ("file", "problem"), result.discrepancies),
    ]


def _rules(result: PlatformResult) -> list[tuple[str | int, ...]]:
    """A row of the table a rule: what it says of the newest rows, and of all where it is about rows."""
    found: list[tuple[str | int, ...]] = []
    for one, of_all, verdict in _judged(result):
        of_all_rows: tuple[str | int, str] = (of_all.broken, _percent(of_all.share)) if of_all else ("", "")
        row = (
            *(one.rule, MARKED[verdict], one.severity, one.owner, units.shown(one.value, one.unit), trend(one.trend)),
            *(units.limits(one.low, one.high, one.unit), *of_all_rows, one.kind, one.since.isoformat(), one.meaning),
        )
        found.append(row)
    return found


def _judged(result: PlatformResult) -> list[tuple[Measured, Kept | None, Verdict]]:
    """Each rule, of the newest rows and of all, and what both say together: those that are broken too often first."""
    kept = {one.rule.name: one for one in result.rules}
    found: list[tuple[Measured, Kept | None, Verdict]] = []
    for one in result.measured:
        of_all = kept.get(one.rule)
        said = {one.verdict, of_all.verdict if of_all else one.verdict}
        found.append((one, of_all, "fail" if "fail" in said else "pass" if "pass" in said else "no data"))
    return sorted(found, key=lambda judged: judged[2] != "fail")


def trend(values: Sequence[float]) -> str:
    """Values as bars of text, the newest last, the largest as high as a line; all low where all are 0."""
    most = max(values, default=0.0)
    return "".join(BARS[round((len(BARS) - 1) * max(value, 0.0) / most) if most > 0 else 0] for value in values)


def _measures(state: Churn | None) -> list[tuple[str, str]]:
    """What was measured when the champion was trained, on the quarter that it had not seen."""
    names = {
        "auc": "AUC",
        "best_auc": "AUC of the best possible predictor",
        "recency_auc": "AUC of the days since the last purchase, without a model",
        "brier": "Brier score",
        "baseline_brier": "Brier score of saying the same of everybody",
    }
    measured = state.metrics if state else {}
    return [(text, f"{measured[name]:.4f}") for name, text in names.items() if name in measured]


def html(result: PlatformResult) -> str:
    """The page: summary, pictures and tables."""
    environment = Environment(autoescape=True)
    environment.filters["shown"] = shown
    filled = [table for table in tables_of(result) if table.rows]
    page = environment.from_string(PAGE)
    return page.render(summary=summary(result), pictures=_pictures(result), tables=filled)


def shown(cell: str | int) -> str:
    """A cell as text."""
    return f"{cell:,}" if isinstance(cell, int) else cell


def save(result: PlatformResult, folder: Path) -> Path:
    """Write the page to `report.html` in a folder."""
    path = folder / "report.html"
    path.write_text(html(result), encoding="utf-8")
    return path


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _pictures(result: PlatformResult) -> list[tuple[str, str]]:
    """Each picture as SVG, with the sentence that says what it shows."""
    layers = ", ".join(f"{one.name} {one.seconds:.1f}" for one in result.layers)
    books = "; ".join(
        f"{book.source}: {book.clean:,} clean, {book.quarantined:,} quarantined, {book.duplicate:,} duplicate"
        for book in result.books
    )
    return [
        _picture(lambda axes: _draw_seconds(axes, result), "Seconds a layer", f"Seconds a layer: {layers}."),
        _picture(lambda axes: _draw_books(axes, result), "Where the rows went", f"Where the rows went. {books}."),
    ]


def _draw_seconds(axes: "Axes", result: PlatformResult) -> None:
    axes.barh([one.name for one in result.layers], [one.seconds for one in result.layers], color="#4a7fb5")
    axes.invert_yaxis()
    axes.set_xlabel("seconds")


def _draw_books(axes: "Axes", result: PlatformResult) -> None:
    """What is not clean, in percent of what was read: the clean rows would hide the rest."""
    names, left = [book.source for book in result.books], [0.0] * len(result.books)
    for kind in ("quarantined", "duplicate"):
        colour, hatch = COLOURS[kind]
        shares = [100 * getattr(book, kind) / book.read if book.read else 0.0 for book in result.books]
        axes.barh(names, shares, left=left, label=kind, color=colour, hatch=hatch)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("percent of the rows read")
    axes.legend(frameon=False)


def _picture(draw: Callable[["Axes"], None], title: str, text: str) -> tuple[str, str]:
    """A chart as SVG that takes its ink from the page, so it is readable in a light and in a dark theme."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    settings: Any = dict.fromkeys(inked, INK)
    with rc_context(settings):
        figure = Figure(figsize=(8, 2.6), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()[drawn.getvalue().index("<svg") :].replace(INK, "currentColor")
    return re.sub("<svg ", f'<svg role="img" aria-label="{title}" ', svg, count=1), text

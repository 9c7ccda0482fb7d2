"""How a picture is made: boxes, lines and words as SVG, and the frame around them."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

SMALL, NORMAL = 12, 14
"""Sizes of text in pixels; nothing is smaller."""

# The theme's own colours where there is a theme, the surrounding text's colour elsewhere. The three accents have a
# contrast of at least 3:1 on the backgrounds of both themes, and a word or a shape always says the same.
STYLE = """
.workbook-picture {
  --wb-text: var(--pst-color-text-base, var(--jp-content-font-color1, currentColor));
  --wb-quiet: var(--pst-color-text-muted, var(--jp-content-font-color1, currentColor));
  --wb-page: var(--pst-color-background, var(--jp-layout-color1, var(--vscode-editor-background, Canvas)));
  --wb-surface: var(--pst-color-surface, var(--jp-layout-color2, var(--vscode-editor-background, Canvas)));
  --wb-line: var(--pst-color-text-muted, var(--jp-content-font-color2, currentColor));
  font-family: var(--pst-font-family-base, var(--jp-content-font-family, system-ui, sans-serif));
  font-size: 12px;
  color: var(--wb-text);
}
.workbook-picture text { fill: var(--wb-text); }
.workbook-picture .name { font-size: 14px; font-weight: 600; }
.workbook-picture .strong { font-weight: 600; }
.workbook-picture .quiet { fill: var(--wb-quiet); }
.workbook-picture .shape { fill: var(--wb-surface); stroke: var(--wb-line); stroke-width: 1.25; }
.workbook-picture .open { fill: var(--wb-page); stroke: var(--wb-line); stroke-width: 1.25; }
.workbook-picture .line { fill: none; stroke: var(--wb-line); stroke-width: 1.5; }
.workbook-picture .life { stroke-width: 3; }
.workbook-picture .rule { stroke: var(--wb-line); stroke-width: 1; opacity: .25; }
.workbook-picture .head { fill: var(--wb-line); }
.workbook-picture .green { stroke: #2a9055; stroke-width: 2; }
.workbook-picture .orange { stroke: #c4621d; stroke-width: 2; }
.workbook-picture .blue { stroke: #3b7dc4; stroke-width: 2; }
.workbook-picture .dashed { stroke-dasharray: 5 3; }
""".strip()


@dataclass(frozen=True)
class Picture:
    """A finished picture. `text` says in words all that `svg` shows; both are the same for the same data."""

    title: str
    description: str
    text: str
    svg: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        title = html.escape(self.title)
        return (
            '<figure class="workbook-figure" style="margin:1em 0">'
            f'<div role="group" tabindex="0" aria-label="{title}" style="overflow-x:auto">{self.svg}</div>'
            f'<figcaption style="text-align:left;margin-top:.5em">{title}'
            f"<details><summary>The picture as text</summary>"
            f'<pre tabindex="0" style="overflow-x:auto">{html.escape(self.text)}</pre></details></figcaption></figure>'
        )


def drawn(title: str, description: str, text: str, width: float, height: float, parts: Iterable[str]) -> Picture:
    """The parts as a picture of `width` by `height` pixels; it scrolls in its frame rather than shrink."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="workbook-picture" role="img" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        f'style="display:block;max-width:none;width:{width:g}px;height:{height:g}px">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>"
        f"<style>{STYLE}</style>{''.join(parts)}</svg>"
    )
    return Picture(title, description, text, svg)


def words(x: float, y: float, content: str, look: str = "", anchor: str = "start") -> str:
    """One line of text whose baseline is at `y`; `anchor` says which part of it is at `x`."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{look}">{html.escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, look: str = "shape", radius: float = 6) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" class="{look}"/>'


def polygon(points: Sequence[tuple[float, float]], look: str) -> str:
    return f'<polygon points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" class="{look}"/>'


def line(points: Sequence[tuple[float, float]], look: str = "line") -> str:
    return f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" class="{look}"/>'


def arrow(points: Sequence[tuple[float, float]], look: str = "line") -> str:
    """A line whose last piece goes down and ends in an arrow head."""
    x, y = points[-1]
    return line([*points[:-1], (x, y - 6)], look) + polygon([(x - 5, y - 8), (x + 5, y - 8), (x, y)], "head")


def width_of(content: str, size: float = SMALL) -> float:
    """About how wide a text is in pixels, in a common sans-serif font; rather too wide than too narrow."""
    narrow, wide = set("ijlt.,:;'|!()[]{} fI"), set("mwMW@%—")
    return size * sum(
        0.36 if letter in narrow else 0.92 if letter in wide else 0.72 if letter.isupper() else 0.6
        for letter in content
    )


def shortened(content: str, width: float, size: float = SMALL) -> str:
    """The text as it is where it fits, and cut with an ellipsis where it does not."""
    if width_of(content, size) <= width:
        return content
    while content and width_of(content + "…", size) > width:
        content = content[:-1]
    return content.rstrip() + "…"


def cut(content: str, letters: int) -> str:
    """The text in at most so many letters, for where each letter is equally wide."""
    return content if len(content) <= letters else content[: letters - 1].rstrip() + "…"


def wrapped(content: str, width: float, lines: int, size: float = SMALL) -> list[str]:
    """The text in at most `lines` lines, broken at spaces where there are any; the last one may be cut."""
    found: list[str] = []
    while content and len(found) < lines - 1 and width_of(content, size) > width:
        fits = next(end for end in range(len(content), 0, -1) if width_of(content[:end], size) <= width)
        end = content.rfind(" ", 1, fits + 1)
        end = end if end > 0 else fits
        found.append(content[:end].rstrip())
        content = content[end:].lstrip()
    return [*found, shortened(content, width, size)] if content else found


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def batches(number: int) -> str:
    return f"{number:,} batch{'' if number == 1 else 'es'}"


def moments(instants: Iterable[int]) -> tuple[str, dict[int, str]]:
    """Instants, in microseconds of UTC, as text: the day that all of them share, or none, and what is left of each.

    `12:04` where they share their day, `2026-03-01 12:04` where not; with seconds where there are any.
    """
    times = {instant: datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=instant) for instant in instants}
    days = {f"{time:%Y-%m-%d}" for time in times.values()}
    start = 11 if len(days) == 1 else 0
    return "".join(days) if len(days) == 1 else "", {instant: _told(time)[start:] for instant, time in times.items()}


def _told(time: datetime) -> str:
    """`2026-03-01 12:04`, `2026-03-01 12:04:30`, `2026-03-01 12:04:30.5`."""
    exact = f"{time:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
    return exact if time.second or time.microsecond else f"{time:%Y-%m-%d %H:%M}"


def size(number: int) -> str:
    """Bytes in the unit that suits them: `64 B`, `950 B`, `15 KiB`.

    Two digits: another processor may compress the same rows into a few bytes more or less.
    """
    value, units = float(number), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1024, units[1:]
    digits = -1 if value >= 100 else 0 if value >= 10 else 1
    return f"{round(value, digits):g} {units[0]}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text as lines with aligned columns; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

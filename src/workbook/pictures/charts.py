"""Charts, drawn by matplotlib in the ink of the page that shows them."""

import html
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbook.pictures.drawing import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#010203"  # replaced by the colour of the text around the chart
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")


def chart(draw: Callable[["Axes"], None], title: str, text: str, height: float = 2.8) -> Picture:
    """What `draw` puts on a pair of axes, as a picture 8 inches wide and `height` high. `text` says what it shows.

    Lines and marks without a colour of their own should have `INK`, so that they are seen in light and in dark.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = {**dict.fromkeys(INKED, INK), "svg.hashsalt": title, "svg.fonttype": "none", "font.size": 11}
    with rc_context(settings):
        figure = Figure(figsize=(8, height), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub("<metadata>.*?</metadata>", "", drawn.getvalue(), count=1, flags=re.DOTALL).replace(
        INK, "currentColor"
    )
    opening, rest = svg[svg.index("<svg") :].split(">", 1)
    named = f"<title>{html.escape(title)}</title><desc>{html.escape(text)}</desc>"
    return Picture(title, text, text, f'{opening} role="img">{named}{rest}')

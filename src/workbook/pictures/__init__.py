"""Pictures of what Spark and Delta Lake did: static SVG from the data of a real run, each with a text twin.

A picture shows only what is the same on every run: no times, no paths, no file names; `chart` shows what it is
given. It needs no script and no network, is readable in light and dark, and never means anything by colour alone.
"""

from workbook.pictures.charts import INK, chart
from workbook.pictures.checkpoints import checkpoint
from workbook.pictures.drawing import Picture
from workbook.pictures.history import scd2
from workbook.pictures.log import delta_log
from workbook.pictures.operators import plan
from workbook.pictures.states import state
from workbook.pictures.watermarks import watermark

__all__ = ["INK", "Picture", "chart", "checkpoint", "delta_log", "plan", "scd2", "state", "watermark"]

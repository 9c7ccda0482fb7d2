"""The course's data: one synthetic shop with three source systems, a CRM, a payment service and a catalogue.

`Shop(scale, seed)` gives the tables day by day, `land` writes them as the systems deliver them, `dictionary`
describes every table, column and planted defect, and `Shop.manifest` counts the defects. What the shop knows about
its customers is public too: `churn_probability` is the function by which they leave.
"""

from lakehouse.sources.declarations import LAST_DAY, LOAD_DATE, Column, Defect, Table, dictionary, loaded_on
from lakehouse.sources.history import SNAPSHOTS, churn_probability
from lakehouse.sources.landing import Landed, land
from lakehouse.sources.plan import Planted
from lakehouse.sources.products import Pair
from lakehouse.sources.shop import Shop
from lakehouse.sources.systems import SourceSystems

__all__ = [
    "LAST_DAY",
    "LOAD_DATE",
    "SNAPSHOTS",
    "Column",
    "Defect",
    "Landed",
    "Pair",
    "Planted",
    "Shop",
    "SourceSystems",
    "Table",
    "churn_probability",
    "dictionary",
    "land",
    "loaded_on",
]

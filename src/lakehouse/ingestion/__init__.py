"""Ingestion: what has arrived, taken in once, with its origin, and with what did not fit set aside and counted.

A target is the name of a Delta table or the path of one (it has a `/`). Everything runs on Spark Connect too.
"""

from lakehouse.ingestion.audit import Entry, arrivals, record
from lakehouse.ingestion.catalogue import ShopApi, new_tag
from lakehouse.ingestion.copy_into import Copied, copied_files, copy_into
from lakehouse.ingestion.events import EventLog, end_of_log, ingest_new_events
from lakehouse.ingestion.files import ingest_new_files
from lakehouse.ingestion.jdbc import bounds, read_partitioned, read_since
from lakehouse.ingestion.landing import Discrepancy, archive, arrive, check_delivery, sampled_columns
from lakehouse.ingestion.loads import Ingested, NewColumns
from lakehouse.ingestion.schemas import schema_versions

__all__ = [
    "Copied",
    "Discrepancy",
    "Entry",
    "EventLog",
    "Ingested",
    "NewColumns",
    "ShopApi",
    "archive",
    "arrivals",
    "arrive",
    "bounds",
    "check_delivery",
    "copied_files",
    "copy_into",
    "end_of_log",
    "ingest_new_events",
    "ingest_new_files",
    "new_tag",
    "read_partitioned",
    "read_since",
    "record",
    "sampled_columns",
    "schema_versions",
]

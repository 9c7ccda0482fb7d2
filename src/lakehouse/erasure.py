"""Forgetting a customer: what says who they are goes from bronze and silver, and the next run takes it from the rest.

Payments stay, because the shop must be able to prove its sales. They hold an id, and once nothing says whose it is, it
is nobody's: a silver that is made again from bronze has them in quarantine, as payments of an unknown customer.
"""

import re
import uuid

from pyspark.sql import functions as F

from lakehouse import bronze
from lakehouse.errors import PlatformError
from lakehouse.ingestion import Entry, record
from lakehouse.journal import Journal, alone
from lakehouse.lake import Lake

OF_THE_CRM = f"source = '{bronze.CUSTOMER_CHANGES}'"
IN_RECORD = f"CASE WHEN {OF_THE_CRM} THEN get_json_object(record, '$.customer_id') END"
# The tables, and what of a row of theirs is the customer's id.
ERASED = {
    "bronze/customer_changes": "customer_id",
    "silver/customer_changes": "customer_id",
    "silver/customers": "customer_id",
    "silver/quarantine": IN_RECORD,
    "silver/duplicates": IN_RECORD,
}


def forget(lake: Lake, customer_id: str) -> dict[str, int]:
    """Erase a customer from bronze and silver. Returns how many rows went from each table, as `silver/customers`.

    Erase them in the CRM first, or it delivers them again; run the platform afterwards, and gold, the features, the
    predictions and the API's next release are without them. The books get an entry for the rows that bronze lost.
    Doing it again does what is left. Old versions of the tables keep the rows until `VACUUM` removes their files.

    Raises PlatformError for what can be no id, where nothing has run yet, where another run is going on, and where
    silver lacks rows of the CRM that bronze has.
    """
    if not re.fullmatch(r"[\w-]+", customer_id):
        raise PlatformError(f"{customer_id!r} is no id of a customer: it has letters and digits only, as C0000001.")
    with alone(lake.places):
        _see_that_silver_has_all(lake)
        erased = {}
        for name, whose in ERASED.items():
            theirs = f"upper(trim({whose})) = upper('{customer_id}')"
            erased[name] = lake.read(name).where(theirs).count()
            lake.spark.sql(f"DELETE FROM {lake.identifier(name)} WHERE {theirs}")
        _note(lake)
    return erased


def _see_that_silver_has_all(lake: Lake) -> None:
    """What silver has yet to read would be in its next batch, although bronze has it no longer."""
    done = Journal(lake, "").last("silver")
    source, target = bronze.CUSTOMER_CHANGES, f"bronze/{bronze.CUSTOMER_CHANGES}"
    since = done.versions.get(source, -1) if done else -1
    now, base_path = lake.version(target), lake.places.base_path
    if now < 0:
        raise PlatformError(f"There is nothing to forget under {base_path}: no customers have been delivered.")
    if now > since and not lake.changes(target, since, now).where("_change_type = 'insert'").isEmpty():
        raise PlatformError(
            f"Silver lacks rows that bronze has of the CRM under {base_path}: run `workbook run`, then forget."
        )


def _note(lake: Lake) -> None:
    """Bring the books' number of rows that were read to what bronze has; the source seems no fresher for it."""
    source = bronze.CUSTOMER_CHANGES
    noted = lake.read(bronze.ARRIVALS).where(OF_THE_CRM)
    [(read, newest)] = noted.agg(F.sum("rows"), F.max("arrived_at")).collect()
    there = lake.read(f"bronze/{source}").count()
    if there != read:
        entry = Entry(str(uuid.uuid4()), source, "erased on request", there - read, arrived_at=newest)
        record(lake.spark, lake.table(bronze.ARRIVALS), entry)

"""A batch that may be written again: Delta remembers the last version of each application and skips a repeat."""

from pyspark.sql import DataFrame

from lakehouse import tables


def write_once(batch: DataFrame, target: str, application: str, version: int, **options: str | int | bool) -> None:
    """Append a batch to the Delta table `target`, unless that batch, or a later one, is in it already.

    `application` names the writer, for good; `version` numbers its batches upwards. Both are kept in the table's own
    log (`txnAppId`, `txnVersion`), in the same commit as the rows, so there is no moment at which one is without the
    other. A version that is not larger than the last one is skipped in silence, **whatever its rows are**: who counts
    from 0 again loses data. `options` are Delta's, such as `mergeSchema`.
    """
    tables.append(batch, target, txnAppId=application, txnVersion=version, **options)

"""Wrong answers that people really give to the exercises on streaming data, and right ones written otherwise."""

import tempfile
from pathlib import Path

from pyspark.sql import functions as F

from workbook.authoring.proofs import right, wrong


def _new_rows(spark, source, checkpoint):
    stream = spark.readStream.table(source).writeStream.format("delta").option("checkpointLocation", checkpoint)
    return stream.trigger(availableNow=True)


@wrong("append_new_rows", says="Something else must remember")
def appends_the_source(spark, source, target, checkpoint):
    """Appends what is in the table."""
    spark.table(source).write.mode("append").saveAsTable(target)


@wrong("append_new_rows", says="an overwrite makes `target` a copy")
def overwrites_with_the_source(spark, source, target, checkpoint):
    """Makes the one table a copy of the other."""
    spark.table(source).write.mode("overwrite").saveAsTable(target)


@wrong("append_new_rows", says="knows nothing of the first")
def another_checkpoint_each_time(spark, source, target, checkpoint):
    """Takes the checkpoint for a scratch folder."""
    other = tempfile.mkdtemp(dir=Path(checkpoint).parent)
    _new_rows(spark, source, other).toTable(target).awaitTermination()


@wrong("append_new_rows", says="in the checkpoint it keeps")
def no_checkpoint(spark, source, target, checkpoint):
    """Believes that Spark finds a place by itself."""
    spark.readStream.table(source).writeStream.trigger(availableNow=True).toTable(target).awaitTermination()


@wrong("append_new_rows", says="Wait for the end")
def does_not_wait(spark, source, target, checkpoint):
    """Believes that `toTable` comes back when all is done."""
    _new_rows(spark, source, checkpoint).toTable(target)


@wrong("append_new_rows", says="only an aggregation has one")
def in_complete_mode(spark, source, target, checkpoint):
    """Wants the target to be complete."""
    _new_rows(spark, source, checkpoint).outputMode("complete").toTable(target).awaitTermination()


@wrong("append_new_rows", says="a Delta table takes no stream in update mode")
def in_update_mode(spark, source, target, checkpoint):
    """Wants the target to be up to date."""
    _new_rows(spark, source, checkpoint).outputMode("update").toTable(target).awaitTermination()


@wrong("append_new_rows", says="unless you tell it to begin later")
def from_the_latest_version(spark, source, target, checkpoint):
    """Takes `new` for what comes from now on."""
    stream = spark.readStream.option("startingVersion", "latest").table(source).writeStream
    stream = stream.option("checkpointLocation", checkpoint).trigger(availableNow=True)
    stream.toTable(target).awaitTermination()


@wrong("append_new_rows", says="A row is new when it arrives")
def above_the_newest(spark, source, target, checkpoint):
    """Takes what is greater than anything in the target."""
    rows = spark.table(source)
    if spark.catalog.tableExists(target):
        newest = spark.table(target).agg(F.max("order_id")).first()[0]
        rows = rows.where(F.col("order_id") > newest)
    rows.write.mode("append").saveAsTable(target)


@wrong("append_new_rows", says="two equal rows are two orders")
def without_equal_rows(spark, source, target, checkpoint):
    """Drops repeats, to be sure."""
    orders = spark.readStream.table(source).dropDuplicates()
    orders = orders.writeStream.option("checkpointLocation", checkpoint).trigger(availableNow=True)
    orders.toTable(target).awaitTermination()


@wrong("append_new_rows", says="The second call raised TABLE_OR_VIEW_ALREADY_EXISTS")
def only_a_first_time(spark, source, target, checkpoint):
    """Has only the first call in mind."""
    spark.table(source).write.saveAsTable(target)


@wrong("append_new_rows", says="New is a row, not a value")
def by_version(spark, source, target, checkpoint):
    """Keeps the count itself, and takes rows that the table has for known."""
    mark = Path(checkpoint)
    rows = spark.table(source)
    if mark.exists():
        rows = rows.exceptAll(spark.sql(f"SELECT * FROM {source} VERSION AS OF 0")).join(
            spark.table(target), "order_id", "left_anti"
        )
    rows.write.mode("append").saveAsTable(target)
    mark.touch()


@right("append_new_rows")
def by_format_and_start(spark, source, target, checkpoint):
    orders = spark.readStream.format("delta").table(source)
    stream = orders.writeStream.trigger(availableNow=True)
    query = stream.toTable(target, format="delta", outputMode="append", checkpointLocation=checkpoint)
    query.awaitTermination()


@right("append_new_rows")
def by_sql_and_a_batch_function(spark, source, target, checkpoint):
    spark.readStream.table(source).createOrReplaceTempView("arriving_orders")
    stream = spark.sql("SELECT * FROM arriving_orders").writeStream.option("checkpointLocation", checkpoint)
    stream = stream.foreachBatch(lambda batch, number: batch.write.mode("append").saveAsTable(target))
    stream.trigger(availableNow=True).start().awaitTermination()


@right("append_new_rows")
def stopped_when_all_is_taken(spark, source, target, checkpoint):
    query = spark.readStream.table(source).writeStream.option("checkpointLocation", checkpoint).toTable(target)
    query.processAllAvailable()
    query.stop()

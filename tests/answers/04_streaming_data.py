"""Wrong answers that people really give to the exercises on streaming data, and right ones written otherwise."""

import json
import tempfile
from collections import Counter
from itertools import accumulate
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


PLACE = ("topic", "partition", "offset")
COLUMNS = "order_id string, amount double, malformed string"


def _read(messages, **options):
    order = F.from_json(F.col("value").cast("string"), COLUMNS, {"columnNameOfCorruptRecord": "malformed", **options})
    return messages.withColumn("order", order)


def _split(read, reason):
    read = read.withColumn("reason", F.expr(reason))
    orders = read.where("reason IS NULL").select("order.order_id", "order.amount", *PLACE)
    return orders, read.where("reason IS NOT NULL").select("reason", "value", *PLACE)


@wrong("split_messages", says="says nothing")
def whatever_from_json_gives(messages):
    """Trusts `from_json`, which never complains."""
    return _split(_read(messages), "CASE WHEN value IS NULL THEN 'tombstone' END")


@wrong("split_messages", says="and Kafka gives bytes")
def bytes_as_they_are(messages):
    """Takes the value for text."""
    order = F.from_json("value", COLUMNS)
    return _split(messages.withColumn("order", order), "CASE WHEN order.malformed IS NOT NULL THEN 'not JSON' END")


@wrong("split_messages", says="it comes again at each start")
def fails_at_the_first(messages):
    """Wants to hear of a bad message, at any price."""
    return _split(_read(messages, mode="FAILFAST"), "CASE WHEN value IS NULL THEN 'tombstone' END")


@wrong("split_messages", says="one wrong amount stops all the others")
def cast_by_hand(messages):
    """Casts, and ANSI raises."""
    amount = F.get_json_object(F.col("value").cast("string"), "$.amount").cast("double")
    read = messages.withColumn("order", F.struct(F.lit("?").alias("order_id"), amount.alias("amount")))
    return _split(read, "CASE WHEN value IS NULL THEN 'tombstone' END")


@wrong("split_messages", says="What is missing is not wrong")
def null_amount_is_wrong(messages):
    """Takes every NULL for an amount that could not be read."""
    return _split(
        _read(messages),
        """CASE WHEN value IS NULL THEN 'tombstone' WHEN order.order_id IS NULL THEN 'not JSON'
        WHEN order.amount IS NULL THEN 'wrong type' END""",
    )


@wrong("split_messages", says="is in neither frame")
def without_tombstones(messages):
    """Asks whether the malformed text is the value, which NULL never answers."""
    read = _read(messages)
    bad = "(order.malformed IS NOT NULL OR value = '')"
    reason = "CASE WHEN try_parse_json(CAST(value AS STRING)) IS NULL THEN 'not JSON' ELSE 'wrong type' END"
    refused = read.where(f"{bad} AND length(value) >= 0").withColumn("reason", F.expr(reason))
    orders = read.where(f"NOT ({bad}) AND length(value) >= 0")
    return orders.select("order.order_id", "order.amount", *PLACE), refused.select("reason", "value", *PLACE)


@wrong("split_messages", says="its value is empty, not NULL")
def null_order_is_a_tombstone(messages):
    """Takes what `from_json` gives for what came."""
    return _split(
        _read(messages),
        """CASE WHEN order IS NULL THEN 'tombstone' WHEN order.malformed IS NOT NULL AND order.order_id IS NULL
        THEN 'not JSON' WHEN order.malformed IS NOT NULL THEN 'wrong type' END""",
    )


@wrong("split_messages", says="only the amount does not fit")
def all_malformed_alike(messages):
    """Knows one kind of bad message."""
    return _split(
        _read(messages),
        """CASE WHEN value IS NULL THEN 'tombstone' WHEN order IS NULL OR order.malformed IS NOT NULL
        THEN 'not JSON' END""",
    )


@wrong("split_messages", says="no fault. It tells that the key is deleted")
def no_value_is_no_json(messages):
    """Does not know tombstones."""
    return _split(
        _read(messages),
        """CASE WHEN try_parse_json(CAST(value AS STRING)) IS NULL THEN 'not JSON'
        WHEN order.malformed IS NOT NULL THEN 'wrong type' END""",
    )


@wrong("split_messages", says="A place is all three")
def one_message_an_offset(messages):
    """Takes the offset for a key."""
    return otherwise_read(messages.where("topic = 'orders'"))


@wrong("split_messages", says="a message of its own")
def repeats_dropped(messages):
    """Drops equal orders on the way."""
    orders, refused = otherwise_read(messages)
    first = orders.groupBy("order_id", "amount").agg(*(F.min(name).alias(name) for name in PLACE))
    return first, refused


@wrong("split_messages", says="keep the bytes as they came")
def refused_as_text(messages):
    """Keeps what one can read."""
    orders, refused = otherwise_read(messages)
    return orders, refused.withColumn("value", F.col("value").cast("string"))


def otherwise_read(messages):
    return _split(
        _read(messages),
        """CASE WHEN value IS NULL THEN 'tombstone'
        WHEN order IS NULL OR order.malformed IS NOT NULL AND order.order_id IS NULL THEN 'not JSON'
        WHEN order.malformed IS NOT NULL THEN 'wrong type' END""",
    )


@right("split_messages")
def by_from_json_alone(messages):
    return otherwise_read(messages)


@right("split_messages")
def by_variant_in_sql(messages):
    spark = messages.sparkSession
    read = """WITH read AS (SELECT *, try_parse_json(CAST(value AS STRING)) AS json FROM {messages})"""
    amount = "try_variant_get(json, '$.amount', 'double')"
    wrong_type = f"{amount} IS NULL AND try_variant_get(json, '$.amount', 'string') IS NOT NULL"
    orders = spark.sql(
        f"""{read} SELECT topic, partition, offset, {amount} AS amount,
        try_variant_get(json, '$.order_id', 'string') AS order_id FROM read
        WHERE json IS NOT NULL AND NOT ({wrong_type})""",
        messages=messages,
    )
    refused = spark.sql(
        f"""{read} SELECT topic, partition, offset, value, CASE WHEN value IS NULL THEN 'tombstone'
        WHEN json IS NULL THEN 'not JSON' ELSE 'wrong type' END AS reason FROM read
        WHERE json IS NULL OR ({wrong_type})""",
        messages=messages,
    )
    return orders, refused


@right("split_messages")
def by_a_function_in_python(messages):
    def read(value):
        if value is None:
            return None, None, "tombstone"
        try:
            order = json.loads(value)
        except ValueError:
            return None, None, "not JSON"
        amount = order.get("amount")
        if isinstance(amount, str):
            return None, None, "wrong type"
        return order["order_id"], None if amount is None else float(amount), None

    parsed = F.udf(read, "order_id string, amount double, reason string")
    rows = messages.withColumn("read", parsed("value")).select("value", *PLACE, "read.*")
    return rows.where("reason IS NULL").drop("reason", "value"), rows.where("reason IS NOT NULL").drop(
        "order_id", "amount"
    )


def _numbers(checkpoint, folder):
    return sorted(int(file.name) for file in (checkpoint / folder).iterdir() if file.name.isdigit())


@wrong("next_batch", says="nothing is chosen anew")
def after_the_last_commit(checkpoint):
    """Looks at the commits alone."""
    return max(_numbers(checkpoint, "commits"), default=-1) + 1, False


@wrong("next_batch", says="Only its commit does")
def after_the_last_offset(checkpoint):
    """Takes what was planned for done."""
    return max(_numbers(checkpoint, "offsets"), default=-1) + 1, False


@wrong("next_batch", says="it does not run again")
def always_the_last_offset(checkpoint):
    """Believes that a start always repeats the last batch."""
    planned = _numbers(checkpoint, "offsets")
    return (planned[-1], True) if planned else (0, False)


@wrong("next_batch", says="take only names that are a number")
def every_file_is_a_number(checkpoint):
    """Forgets the checksums."""
    planned, done = (
        max((int(file.name) for file in (checkpoint / folder).iterdir()), default=-1)
        for folder in ("offsets", "commits")
    )
    return (planned, True) if planned > done else (done + 1, False)


@wrong("next_batch", says="how many there are says nothing")
def counts_the_files(checkpoint):
    """Counts, and does not read."""
    planned, done = len(_numbers(checkpoint, "offsets")), len(_numbers(checkpoint, "commits"))
    return done, planned > done


@wrong("next_batch", says="as a text 9 comes after 10")
def names_as_texts(checkpoint):
    """Sorts names."""
    planned, done = (
        max((file.name for file in (checkpoint / folder).glob("[0-9]*")), default="-1")
        for folder in ("offsets", "commits")
    )
    return int(done) + 1, planned > done


@wrong("next_batch", says="it has not got its name yet")
def hidden_files_too(checkpoint):
    """Finds the number wherever it stands."""
    planned, done = (
        max((int(file.name.strip(".").split(".")[0]) for file in (checkpoint / folder).iterdir()), default=-1)
        for folder in ("offsets", "commits")
    )
    return max(planned, done + 1), planned > done


@wrong("next_batch", says="so it looks after a crash in the first batch")
def some_commit_is_there(checkpoint):
    """Does not think of the first batch."""
    done = _numbers(checkpoint, "commits")[-1]
    return done + 1, done + 1 in _numbers(checkpoint, "offsets")


@wrong("next_batch", says="so it looks when a stream was started")
def some_offset_is_there(checkpoint):
    """Does not think of a stream without a batch."""
    planned = _numbers(checkpoint, "offsets")[-1]
    return (planned + 1, False) if planned in _numbers(checkpoint, "commits") else (planned, True)


@wrong("next_batch", says="is the last that was run")
def the_last_batch(checkpoint):
    """Gives the last batch, where the next is asked for."""
    planned, done = _numbers(checkpoint, "offsets"), _numbers(checkpoint, "commits")
    return (max(planned, default=0), planned != done)


@right("next_batch")
def by_glob_and_existence(checkpoint):
    numbers = [int(path.name) for path in checkpoint.glob("offsets/*") if not path.name.startswith(".")]
    if not numbers:
        return 0, False
    number = max(numbers)
    ended = (checkpoint / "commits" / str(number)).exists()
    return number + int(ended), not ended


@right("next_batch")
def by_sets(checkpoint):
    planned, done = set(_numbers(checkpoint, "offsets")), set(_numbers(checkpoint, "commits"))
    number = max(done, default=-1) + 1
    return number, number in planned


def _append(rows, batch_id, table, app="orders_and_mail"):
    writer = rows.write.format("delta").mode("append")
    writer.option("txnAppId", app).option("txnVersion", batch_id).saveAsTable(table)


def _large(batch):
    return batch.where("amount > 1000")


def _known(batch, batch_id, table):
    history = batch.sparkSession.sql(f"DESCRIBE HISTORY {table}")
    return not history.where(F.col("userMetadata") == f"batch {batch_id}").isEmpty()


def _with_a_note(rows, batch_id, table):
    rows.write.format("delta").mode("append").option("userMetadata", f"batch {batch_id}").saveAsTable(table)


@wrong("write_batch_and_mail", says="an append does not know")
def appends_both(batch, batch_id, orders, mail):
    """Believes that `foreachBatch` runs each batch once."""
    batch.write.mode("append").saveAsTable(orders)
    _large(batch).write.mode("append").saveAsTable(mail)


@wrong("write_batch_and_mail", says="the one to `mail` is not")
def orders_idempotent(batch, batch_id, orders, mail):
    """Secures the table that matters more."""
    _append(batch, batch_id, orders)
    _large(batch).write.mode("append").saveAsTable(mail)


@wrong("write_batch_and_mail", says="the one to `orders` is not")
def mail_idempotent(batch, batch_id, orders, mail):
    """Secures what people would notice."""
    batch.write.mode("append").saveAsTable(orders)
    _append(_large(batch), batch_id, mail)


@wrong("write_batch_and_mail", says="nobody of it gets mail")
def asks_orders_for_both(batch, batch_id, orders, mail):
    """Takes the first write for both."""
    if not _known(batch, batch_id, orders):
        _with_a_note(batch, batch_id, orders)
        _with_a_note(_large(batch), batch_id, mail)


@wrong("write_batch_and_mail", says="its orders are lost")
def asks_mail_for_both(batch, batch_id, orders, mail):
    """Writes the outbox first, and asks it for both."""
    if not _known(batch, batch_id, mail):
        _with_a_note(_large(batch), batch_id, mail)
        _with_a_note(batch, batch_id, orders)


@wrong("write_batch_and_mail", says="a version that does not rise")
def one_version_for_ever(batch, batch_id, orders, mail):
    """Takes the version for that of a format."""
    _append(batch, 1, orders)
    _append(_large(batch), 1, mail)


@wrong("write_batch_and_mail", says="two equal rows are two orders")
def distinct_rows(batch, batch_id, orders, mail):
    """Drops repeats as well, to be sure."""
    _append(batch.distinct(), batch_id, orders)
    _append(_large(batch).distinct(), batch_id, mail)


@wrong("write_batch_and_mail", says="that is not more than 1,000")
def from_a_thousand_on(batch, batch_id, orders, mail):
    """Writes >= for `more than`."""
    _append(batch, batch_id, orders)
    _append(batch.where("amount >= 1000"), batch_id, mail)


@wrong("write_batch_and_mail", says="what O3 costs is not known")
def all_but_the_small(batch, batch_id, orders, mail):
    """Leaves out the small ones, and so keeps the unknown."""
    _append(batch, batch_id, orders)
    _append(batch.where("NOT coalesce(amount <= 1000, false)"), batch_id, mail)


@wrong("write_batch_and_mail", says="whatever they cost")
def only_large_orders(batch, batch_id, orders, mail):
    """Filters before the first write."""
    _append(_large(batch), batch_id, orders)
    _append(_large(batch), batch_id, mail)


@right("write_batch_and_mail")
def mail_first_by_write_to(batch, batch_id, orders, mail):
    batch.persist()
    for table, rows in ((mail, _large(batch)), (orders, batch)):
        rows.writeTo(table).option("txnAppId", f"into {table}").option("txnVersion", str(batch_id)).append()
    batch.unpersist()


@right("write_batch_and_mail")
def by_insert_and_settings(batch, batch_id, orders, mail):
    spark = batch.sparkSession
    for table, rows in ((orders, batch), (mail, _large(batch))):
        spark.conf.set("spark.databricks.delta.write.txnAppId", table)
        spark.conf.set("spark.databricks.delta.write.txnVersion", str(batch_id))
        spark.sql(f"INSERT INTO {table} SELECT * FROM {{rows}}", rows=rows)
    spark.conf.unset("spark.databricks.delta.write.txnAppId")
    spark.conf.unset("spark.databricks.delta.write.txnVersion")


@right("write_batch_and_mail")
def by_a_note_in_the_history(batch, batch_id, orders, mail):
    for table, rows in ((orders, batch), (mail, _large(batch))):
        if not _known(batch, batch_id, table):
            _with_a_note(rows, batch_id, table)


def _timed(events, time="coalesce(event_time, received_at)", delay="10 minutes"):
    return events.withColumn("moment", F.expr(time)).withWatermark("moment", delay)


def _per_window(events, *window):
    counts = events.groupBy(F.window("moment", *(window or ("10 minutes",)))).agg(F.count("*").alias("events"))
    return counts.select("window.start", "window.end", "events")


@wrong("events_per_window", says="fall into no window and are not counted")
def null_times_left_as_they_are(events):
    """Does not think of an event without a time."""
    return _per_window(_timed(events, "event_time").dropDuplicatesWithinWatermark(["event_id"]))


@wrong("events_per_window", says="was given the clock's")
def null_times_are_now(events):
    """Gives an event without a time the time of the machine."""
    time = "coalesce(event_time, current_timestamp())"
    return _per_window(_timed(events, time).dropDuplicatesWithinWatermark(["event_id"]))


@wrong("events_per_window", says="received later. It counts")
def windows_of_arrival(events):
    """Counts when an event came, not when it happened."""
    return _per_window(_timed(events, "received_at").dropDuplicatesWithinWatermark(["event_id"]))


@wrong("events_per_window", says="and count twice")
def repeats_counted(events):
    """Believes that the checkpoint keeps repeats away."""
    return _per_window(_timed(events))


@wrong("events_per_window", says="An event is known by its id")
def equal_rows_dropped(events):
    """Takes a repeat for a row that is equal in all columns."""
    return _per_window(_timed(events).dropDuplicates())


@wrong("events_per_window", says="Its id is the same")
def repeats_by_id_and_time(events):
    """Deduplicates by id and event time, as older advice has it."""
    return _per_window(_timed(events).dropDuplicates(["event_id", "moment"]))


@wrong("events_per_window", says="nothing says when that is")
def without_a_watermark(events):
    """Believes that a window closes when its time is over."""
    once = events.withColumn("moment", F.coalesce("event_time", "received_at")).dropDuplicates(["event_id"])
    return _per_window(once)


@wrong("events_per_window", says="ten minutes late is in time")
def no_patience(events):
    """Gives the watermark no delay."""
    return _per_window(_timed(events, delay="0 seconds").dropDuplicatesWithinWatermark(["event_id"]))


@wrong("events_per_window", says="nothing is waited for")
def too_much_patience(events):
    """Adds the window's length to the delay."""
    return _per_window(_timed(events, delay="20 minutes").dropDuplicatesWithinWatermark(["event_id"]))


@wrong("events_per_window", says="Let one begin where the other ends")
def sliding_windows(events):
    """Lets windows overlap."""
    once = _timed(events).dropDuplicatesWithinWatermark(["event_id"])
    return _per_window(once, "10 minutes", "5 minutes")


@wrong("events_per_window", says="it would keep all ids for ever")
def distinct_ids(events):
    """Counts distinct ids, as one does with a table."""
    counts = _timed(events).groupBy(F.window("moment", "10 minutes")).agg(F.countDistinct("event_id").alias("events"))
    return counts.select("window.start", "window.end", "events")


@wrong("events_per_window", says="so the watermark comes before")
def watermark_behind(events):
    """Says how late events may be after it has dropped the repeats."""
    once = events.dropDuplicatesWithinWatermark(["event_id"])
    return _per_window(_timed(once))


@wrong("events_per_window", says="the struct that `F.window` makes holds the first two")
def window_as_it_is(events):
    """Leaves the struct as it is."""
    once = _timed(events).dropDuplicatesWithinWatermark(["event_id"])
    return once.groupBy(F.window("moment", "10 minutes")).count()


@right("events_per_window")
def windows_in_sql(events):
    _timed(events).dropDuplicatesWithinWatermark(["event_id"]).createOrReplaceTempView("timed_events")
    return events.sparkSession.sql(
        """
        SELECT count(*) AS events, window.end AS end, window.start AS start
        FROM timed_events
        GROUP BY window(moment, '10 minutes')
        """
    )


@right("events_per_window")
def ids_remembered_for_ever(events):
    return _per_window(_timed(events.dropDuplicates(["event_id"])))


@right("events_per_window")
def two_streams_united(events):
    known = events.where("event_time IS NOT NULL").select("event_id", F.col("event_time").alias("moment"))
    unknown = events.where("event_time IS NULL").select("event_id", F.col("received_at").alias("moment"))
    once = known.unionByName(unknown).withWatermark("moment", "600 seconds").dropDuplicatesWithinWatermark(["event_id"])
    counts = once.groupBy(F.window("moment", "10 minutes")).agg(F.sum(F.lit(1)).alias("events"))
    return counts.select(F.col("window")["start"].alias("start"), F.col("window")["end"].alias("end"), "events")


def _given(batches, delay, size, *, extra=True, late="before", closes="<=", keeps=max, flush=False, drop=True):
    """The rule, with one part of it changed."""
    counts, given = {}, []
    newest = watermark = before = float("-inf")
    for batch in [*batches, []] if extra else batches:
        before, watermark = watermark, newest - delay
        bound = before if late == "before" else watermark
        events = [event for event in batch if event is not None]
        for event in events:
            end = event // size * size + size
            if not drop or (end > bound if closes == "<=" else end >= bound):
                counts[end - size] = counts.get(end - size, 0) + 1
        for start in list(counts):
            if start + size <= watermark if closes == "<=" else start + size < watermark:
                given.append((start, counts.pop(start)))
        newest = keeps([newest, *events])
    return sorted([*given, *(counts.items() if flush else ())])


@wrong("windows_given", says="The end of a run flushes nothing")
def all_windows(batches, delay, size):
    """Believes that a run that ends gives everything."""
    return _given(batches, delay, size, flush=True)


@wrong("windows_given", says="one more batch runs by it")
def without_the_last_batch(batches, delay, size):
    """Does not know the batch without rows."""
    return _given(batches, delay, size, extra=False)


@wrong("windows_given", says="had closed is dropped")
def dropped_by_the_own_watermark(batches, delay, size):
    """Drops by the watermark that closes windows."""
    return _given(batches, delay, size, late="own")


@wrong("windows_given", says="that closes it")
def closed_behind_the_end(batches, delay, size):
    """Lets the watermark pass the end."""
    return _given(batches, delay, size, closes="<")


@wrong("windows_given", says="a window comes out once")
def nothing_dropped(batches, delay, size):
    """Opens a window again."""
    return _given(batches, delay, size, drop=False)


@wrong("windows_given", says="It never does")
def newest_of_the_last_batch(batches, delay, size):
    """Takes the newest event of the batch before, not of all."""
    return _given(batches, delay, size, keeps=lambda times: max(times[1:], default=times[0]))


@wrong("windows_given", says="minutes behind, at 21")
def without_the_delay(batches, delay, size):
    """Forgets the delay."""
    return _given(batches, 0, size)


@wrong("windows_given", says="it is in no window and moves no watermark")
def every_event_has_a_time(batches, delay, size):
    """Forgets None."""
    return _given([[int(event) for event in batch] for batch in batches], delay, size)


@wrong("windows_given", says="Its time is not known")
def unknown_is_zero(batches, delay, size):
    """Takes what is not known for 0."""
    return _given([[event or 0 for event in batch] for batch in batches], delay, size)


@wrong("windows_given", says="Windows are closed, not minutes")
def every_late_event_dropped(batches, delay, size):
    """Compares the event with the watermark."""
    kept, newest = [], float("-inf")
    for batch in batches:
        events = [event for event in batch if event is not None]
        kept.append([event for event in events if event >= newest - delay])
        newest = max([newest, *events])
    return _given(kept, delay, size)


@wrong("windows_given", says="does not know it yet")
def event_by_event(batches, delay, size):
    """Moves the watermark on with each event."""
    return _given([[event] for batch in batches for event in batch if event is not None], delay, size, late="own")


@right("windows_given")
def by_sums(batches, delay, size):
    known = [[event for event in batch if event is not None] for batch in batches]
    newest = list(accumulate((max(batch, default=float("-inf")) for batch in known), max, initial=float("-inf")))
    marks = [float("-inf"), *(time - delay for time in newest)]
    ends = Counter(
        event // size * size + size
        for number, batch in enumerate(known)
        for event in batch
        if event // size * size + size > marks[number]
    )
    return [(end - size, ends[end]) for end in sorted(ends) if end <= marks[-1]]


@right("windows_given")
def recursively(batches, delay, size):
    def go_on(left, open_windows, newest, before):
        mark = newest - delay
        events = [event for event in (left[0] if left else []) if event is not None]
        starts = [event - event % size for event in events if event - event % size + size > before]
        now = Counter(open_windows) + Counter(starts)
        out = [(start, number) for start, number in now.items() if start + size <= mark]
        if not left:
            return out
        return out + go_on(left[1:], now - Counter(dict(out)), max([newest, *events]), mark)

    return sorted(go_on(batches, Counter(), float("-inf"), float("-inf")))

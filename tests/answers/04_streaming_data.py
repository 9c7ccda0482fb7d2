"""Wrong answers that people really give to the exercises on streaming data, and right ones written otherwise."""

import json
import tempfile
from collections import Counter
from itertools import accumulate
from pathlib import Path

import pandas as pd
from pyspark.sql import Row, Window
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor

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


@wrong("append_new_rows", says="An overwrite keeps only the newest batch")
def overwrites_with_each_batch(spark, source, target, checkpoint):
    """Overwrites in a function of its own."""
    stream = spark.readStream.table(source).writeStream.option("checkpointLocation", checkpoint)
    stream = stream.foreachBatch(lambda batch, number: batch.write.mode("overwrite").saveAsTable(target))
    stream.trigger(availableNow=True).start().awaitTermination()


@wrong("append_new_rows", says="so `write` cannot write it")
def writes_a_stream_at_once(spark, source, target, checkpoint):
    """Writes a stream as one writes a table."""
    spark.readStream.table(source).write.mode("append").saveAsTable(target)


@wrong("append_new_rows", says="`read` reads a table once")
def streams_a_table(spark, source, target, checkpoint):
    """Believes that the writer makes the stream."""
    stream = spark.read.table(source).writeStream.option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).toTable(target).awaitTermination()


@wrong("append_new_rows", says="it was written as plain files")
def as_parquet(spark, source, target, checkpoint):
    """Writes the format that it knows."""
    stream = spark.readStream.table(source).writeStream.format("parquet").option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).toTable(target).awaitTermination()


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


SINKS = {"delta": ["append", "complete"], "files": ["append"], "foreachBatch": ["append", "update", "complete"]}


def _in_mode(query, *, append, others=("update", "complete"), rows=("append", "update"), sinks=SINKS):
    """The modes, with one part of the rule given."""
    possible = [*(["append"] if append(query) else []), *others] if query["aggregates"] else rows
    return [mode for mode in possible if mode in sinks[query["sink"]]]


def _closes(query):
    return query["watermark"] is not None and query["watermark"] == query["windows_of"]


@wrong("output_modes", says="DELTA_UNSUPPORTED_OUTPUT_MODE")
def delta_takes_updates(query):
    """Believes that a table that can MERGE takes update mode."""
    return _in_mode(query, append=_closes, sinks={**SINKS, "delta": SINKS["foreachBatch"]})


@wrong("output_modes", says="Spark keeps no rows for that")
def complete_is_always_possible(query):
    """Takes complete for the safe choice."""
    return _in_mode(query, append=_closes, rows=("append", "update", "complete"))


@wrong("output_modes", says="it is the same as append")
def update_needs_an_aggregate(query):
    """Believes that update is for aggregates."""
    return _in_mode(query, append=_closes, rows=("append",))


@wrong("output_modes", says="there is no moment at which a row is final")
def append_is_always_possible(query):
    """Takes append for what any query can do."""
    return _in_mode(query, append=lambda query: True)


@wrong("output_modes", says="a city never ends")
def any_watermark_will_do(query):
    """Adds a watermark because the error said so."""
    return _in_mode(query, append=lambda query: query["watermark"])


@wrong("output_modes", says="so no window is ever closed")
def any_window_will_do(query):
    """Believes that a window closes when its time is over."""
    return _in_mode(query, append=lambda query: query["windows_of"])


@wrong("output_modes", says="closes windows of its own column only")
def any_window_and_any_watermark(query):
    """Does not ask what the watermark stands on."""
    return _in_mode(query, append=lambda query: query["windows_of"] and query["watermark"])


@wrong("output_modes", says="also be written each time they change")
def append_or_nothing_else(query):
    """Takes a watermark for a choice of mode."""
    return _in_mode(query, append=_closes, others=() if _closes(query) else ("update", "complete"))


@wrong("output_modes", says="they take only what is final")
def files_are_replaced(query):
    """Believes that complete mode replaces files."""
    return _in_mode(query, append=_closes, sinks={**SINKS, "files": SINKS["delta"]})


@wrong("output_modes", says="No mode is left")
def append_by_default(query):
    """Falls back on the default."""
    return _in_mode(query, append=_closes) or ["append"]


@wrong("output_modes", says="the order append, update, complete")
def in_another_order(query):
    """Gives the modes by the alphabet, backwards."""
    return sorted(_in_mode(query, append=_closes), reverse=True)


@right("output_modes")
def by_what_both_allow(query):
    rows = {"append", "update"}
    allowed = rows if not query["aggregates"] else {"update", "complete"} | ({"append"} if _closes(query) else set())
    return sorted(allowed & set(SINKS[query["sink"]]), key=["append", "update", "complete"].index)


@right("output_modes")
def question_by_question(query):
    modes = []
    if not query["aggregates"] or (query["windows_of"] and query["windows_of"] == query["watermark"]):
        modes.append("append")
    if query["sink"] == "foreachBatch":
        modes.append("update")
    if query["aggregates"] and query["sink"] != "files":
        modes.append("complete")
    return modes


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


@wrong("split_messages", says="The types are part of what was agreed")
def number_in_quotes(messages):
    """Makes a number of whatever can be made one."""
    read = _read(messages)
    amount = F.get_json_object(F.col("value").cast("string"), "$.amount")
    order = F.struct("order.order_id", amount.try_cast("double").alias("amount"), amount.alias("text"))
    return _split(
        read.withColumn("order", order),
        """CASE WHEN value IS NULL THEN 'tombstone' WHEN try_parse_json(CAST(value AS STRING)) IS NULL THEN 'not JSON'
        WHEN order.text IS NOT NULL AND order.amount IS NULL THEN 'wrong type' END""",
    )


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
    wrong_type = "schema_of_variant(try_variant_get(json, '$.amount', 'variant')) <=> 'STRING'"
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


@wrong("next_batch", says="its times are of the copying")
def newest_file(checkpoint):
    """Takes the file that was written last."""
    files = [path for path in checkpoint.glob("*/*") if path.parent.name in ("offsets", "commits")]
    last = max((path for path in files if path.name.isdigit()), key=lambda path: path.stat().st_mtime_ns, default=None)
    if last is None:
        return 0, False
    return int(last.name) + (last.parent.name == "commits"), last.parent.name == "offsets"


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


def _kinds(columns):
    return [kind for _, kind in columns]


@wrong("after_restart", says="so Spark cannot refuse")
def no_change_survives(before, after):
    """Believes that a checkpoint belongs to the text of a query."""
    return "right" if before == after else "refused"


@wrong("after_restart", says="are of rows that the old filter let through")
def filters_are_harmless(before, after):
    """Knows that a filter may change, and not when."""
    same = {**before, "where": after["where"]}
    return with_lists_of_types(same, after)


@wrong("after_restart", says="so nothing of the old filter is left")
def filters_are_never_harmless(before, after):
    """Does not ask whether there is a state."""
    outcome = with_lists_of_types(before, after)
    return "wrong" if outcome == "right" and before["where"] != after["where"] else outcome


@wrong("after_restart", says="The setting has no effect")
def partitions_are_compared(before, after):
    """Believes that the number of partitions may not change."""
    same = before["shuffle_partitions"] == after["shuffle_partitions"]
    return with_lists_of_types(before, after) if same else "refused"


@wrong("after_restart", says="the checkpoint says nothing of the sink")
def table_is_compared(before, after):
    """Believes that the checkpoint knows its table."""
    return with_lists_of_types(before, after) if before["table"] == after["table"] else "refused"


@wrong("after_restart", says="Spark compares types, not names")
def names_are_compared(before, after):
    """Believes that another key is always noticed."""
    return with_lists_of_types(before, after) if before["keys"] == after["keys"] else "refused"


@wrong("after_restart", says="Spark compares types, so it goes on, and an old sum")
def aggregates_are_compared(before, after):
    """Believes that another aggregate is always noticed."""
    return with_lists_of_types(before, after) if before["aggregates"] == after["aggregates"] else "refused"


@wrong("after_restart", says="Spark cannot read the old keys")
def nothing_is_refused(before, after):
    """Knows that Spark mixes, and not that it looks at the types."""
    if before["sources"] != after["sources"]:
        return "refused"
    same = all(before[part] == after[part] for part in ("where", "keys", "aggregates"))
    return "right" if same or not after["aggregates"] else "wrong"


@wrong("after_restart", says="Spark compares how many there are")
def types_in_pairs(before, after):
    """Compares in pairs, and what is left over not at all."""
    pairs = [*zip(before["keys"], after["keys"]), *zip(before["aggregates"], after["aggregates"])]  # noqa: B905
    if before["sources"] != after["sources"] or any(one[1] != other[1] for one, other in pairs):
        return "refused"
    return nothing_is_refused(before, after)


@wrong("after_restart", says="one by one, in their order")
def types_as_a_set(before, after):
    """Compares which types there are."""
    ordered = [
        {**query, **{part: sorted(query[part], key=str) for part in ("keys", "aggregates")}}
        for query in (before, after)
    ]
    if with_lists_of_types(*ordered) == "refused":
        return "refused"
    return nothing_is_refused(before, after)


@wrong("after_restart", says="are of one source")
def sources_not_counted(before, after):
    """Looks at the state alone."""
    return with_lists_of_types({**before, "sources": after["sources"]}, after)


@wrong("after_restart", says="one sum is a state, too")
def state_only_with_a_key(before, after):
    """Takes a state for something with keys."""
    outcome = with_lists_of_types(before, after)
    return "right" if outcome == "wrong" and not after["keys"] else outcome


def with_lists_of_types(before, after):
    refused = before["sources"] != after["sources"]
    for part in ("keys", "aggregates"):
        refused = refused or _kinds(before[part]) != _kinds(after[part])
    if refused:
        return "refused"
    if not before["aggregates"]:
        return "right"
    return "right" if all(before[part] == after[part] for part in ("where", "keys", "aggregates")) else "wrong"


@right("after_restart")
def step_by_step(before, after):
    return with_lists_of_types(before, after)


@right("after_restart")
def by_what_was_changed(before, after):
    changed = {part for part in before if before[part] != after[part]}
    refused = "sources" in changed or any(
        _kinds(before[part]) != _kinds(after[part]) for part in changed & {"keys", "aggregates"}
    )
    stateful = bool(before["aggregates"])
    return "refused" if refused else "wrong" if stateful and changed & {"where", "keys", "aggregates"} else "right"


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


def _times(source, crash, checkpoint, sink, **changed):
    """The rule, with a part of it changed."""
    rule = {
        "comes": source == "replays",
        "batch_4_again": checkpoint == "deleted",
        "batch_5_again": True,
        "skipped": sink == "by batch" and checkpoint == "deleted",
        "adds": sink == "append",
        **changed,
    }

    def times(written, again):
        if not (again and rule["comes"]) or rule["skipped"]:
            return written
        return written + 1 if rule["adds"] else 1

    return times(1, rule["batch_4_again"]), times(int(crash == "after write"), rule["batch_5_again"])


@wrong("times_in_table", says="so it runs again")
def offsets_mean_done(source, crash, checkpoint, sink):
    """Takes what was planned for done."""
    return _times(source, crash, checkpoint, sink, batch_5_again=checkpoint == "deleted")


@wrong("times_in_table", says="for the commit was missing")
def the_checkpoint_is_enough(source, crash, checkpoint, sink):
    """Believes that a checkpoint makes any sink exactly-once."""
    return _times(source, crash, checkpoint, sink, adds=sink == "append" and checkpoint == "deleted")


@wrong("times_in_table", says="the sink has written it")
def any_repeat_is_added(source, crash, checkpoint, sink):
    """Believes that only keys keep repeats away."""
    return _times(source, crash, checkpoint, sink, adds=sink != "by key")


@wrong("times_in_table", says="and the table has its rows")
def only_numbers_help(source, crash, checkpoint, sink):
    """Believes that a row that comes again is added again, whatever its key."""
    return _times(source, crash, checkpoint, sink, adds=sink != "by batch")


@wrong("times_in_table", says="this source cannot give its rows again")
def every_source_replays(source, crash, checkpoint, sink):
    """Does not ask whether the source can go back."""
    return _times(source, crash, checkpoint, sink, comes=True)


@wrong("times_in_table", says="not where the table ends")
def a_new_checkpoint_goes_on(source, crash, checkpoint, sink):
    """Believes that a new checkpoint begins where the table ends."""
    return _times(source, crash, checkpoint, sink, batch_4_again=False)


@wrong("times_in_table", says="skips them")
def numbers_help_always(source, crash, checkpoint, sink):
    """Forgets that a new checkpoint counts from 0."""
    return _times(source, crash, checkpoint, sink, skipped=False)


@wrong("times_in_table", says="does not come again")
def everything_from_the_start(source, crash, checkpoint, sink):
    """Believes that a start after a crash begins with the first row."""
    return _times(source, crash, checkpoint, sink, batch_4_again=True)


@wrong("times_in_table", says="does not bring back")
def keys_repair_everything(source, crash, checkpoint, sink):
    """Believes that a MERGE makes up for a source that forgets."""
    return (1, 1) if sink == "by key" else _times(source, crash, checkpoint, sink)


@right("times_in_table")
def as_a_simulation(source, crash, checkpoint, sink):
    table, last = {4: 1, 5: 0}, 4

    def write(number, rows):
        nonlocal last
        if sink == "by batch" and number <= last:
            return
        last = max(last, number)
        for row in rows:
            table[row] = 1 if sink == "by key" else table[row] + 1

    if crash == "after write":
        write(5, [5])
    if source == "replays":
        write(*((5, [5]) if checkpoint == "kept" else (0, [4, 5])))
    return table[4], table[5]


@right("times_in_table")
def by_the_cases(source, crash, checkpoint, sink):
    written = 1 if crash == "after write" else 0
    match source, checkpoint, sink:
        case ("forgets", _, _) | (_, "deleted", "by batch"):
            return 1, written
        case (_, "kept", "append"):
            return 1, written + 1
        case (_, "deleted", "append"):
            return 2, written + 1
    return 1, 1


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


@wrong("payments_once", says="yours forgets none")
def payments_by_key_alone(messages):
    """Believes that a watermark bounds whatever comes behind it."""
    return messages.withWatermark("sent_at", "30 minutes").dropDuplicates(["shop", "payment_id"])


@wrong("payments_once", says="the time cannot be part of the key")
def payments_by_key_and_time(messages):
    """Has read that the time must be one of the columns, so that the state is bounded."""
    return messages.withWatermark("sent_at", "30 minutes").dropDuplicates(["shop", "payment_id", "sent_at"])


@wrong("payments_once", says="could not know when a payment may be forgotten")
def payments_without_watermark(messages):
    """Takes the name of the method for all that it needs."""
    return messages.dropDuplicatesWithinWatermark(["shop", "payment_id"])


@wrong("payments_once", says="forgotten it after less than 30 minutes")
def payments_within_ten_minutes(messages):
    """Copies the delay of an example."""
    timed = messages.withWatermark("sent_at", "10 minutes")
    return timed.dropDuplicatesWithinWatermark(["shop", "payment_id"])


@wrong("payments_once", says="none of the morning can come again")
def payments_within_a_day(messages):
    """Takes a long delay to be on the safe side."""
    return messages.withWatermark("sent_at", "1 day").dropDuplicatesWithinWatermark(["shop", "payment_id"])


@wrong("payments_once", says="What makes a payment unique?")
def payments_by_number(messages):
    """Takes whatever is called an id for a key."""
    return messages.withWatermark("sent_at", "30 minutes").dropDuplicatesWithinWatermark(["payment_id"])


@wrong("payments_once", says="do not end at a full hour")
def payments_once_an_hour(messages):
    """Bounds the key by the hour."""
    hourly = messages.withWatermark("sent_at", "30 minutes").withColumn("hour", F.date_trunc("hour", "sent_at"))
    return hourly.dropDuplicates(["shop", "payment_id", "hour"]).drop("hour")


@wrong("payments_once", says="it waits in the state until its window is over")
def payments_as_sessions(messages):
    """Puts what belongs together into a session."""
    sessions = messages.withWatermark("sent_at", "30 minutes").groupBy(
        "shop", "payment_id", F.session_window("sent_at", "30 minutes")
    )
    return sessions.agg(F.first("amount").alias("amount"), F.min("sent_at").alias("sent_at")).drop("session_window")


@wrong("payments_once", says="came through twice")
def payments_untouched(messages):
    """Believes that exactly-once of the stream is exactly-once of what it carries."""
    return messages.withWatermark("sent_at", "30 minutes")


@right("payments_once")
def payments_by_one_key(messages):
    key = F.concat_ws("/", "shop", F.col("payment_id").cast("string"))
    keyed = messages.withColumn("key", key).withWatermark("sent_at", "1800 seconds")
    return keyed.dropDuplicatesWithinWatermark(["key"]).drop("key")


@right("payments_once")
def payments_with_room(messages):
    once = messages.withWatermark("sent_at", "35 minutes").dropDuplicatesWithinWatermark(["payment_id", "shop"])
    return once.select("sent_at", "amount", "payment_id", "shop")


def _products(orders, path):
    return orders.sparkSession.read.format("delta").load(path)


def _newest(products):
    return products.groupBy("product_id").agg(F.max_by("category", "since").alias("category"))


@wrong("with_category", says="`cache()` keeps the rows")
def categories_cached(orders, products):
    """Keeps the small side in memory, as one does in a batch."""
    return orders.join(_newest(_products(orders, products)).cache(), "product_id", "left")


@wrong("with_category", says="rows that were collected")
def categories_collected(orders, products):
    """Reads the products once, and joins what came back."""
    rows = _newest(_products(orders, products)).collect()
    known = orders.sparkSession.createDataFrame(rows, "product_id string, category string")
    return orders.join(F.broadcast(known), "product_id", "left")


@wrong("with_category", says="by a version that is pinned")
def categories_of_a_version(orders, products):
    """Pins the version, so that all batches agree."""
    version = orders.sparkSession.sql(f"DESCRIBE HISTORY delta.`{products}`").agg(F.max("version")).first()[0]
    pinned = orders.sparkSession.read.format("delta").option("versionAsOf", version).load(products)
    return orders.join(_newest(pinned), "product_id", "left")


@wrong("with_category", says="an inner join drops the order")
def categories_inner(orders, products):
    """Joins without a thought of what finds no match."""
    return orders.join(_newest(_products(orders, products)), "product_id")


@wrong("with_category", says="chosen before the join")
def categories_of_all_changes(orders, products):
    """Takes the table for one row a product."""
    return orders.join(_products(orders, products).drop("since"), "product_id", "left")


@wrong("with_category", says="called cups since February")
def categories_of_any_change(orders, products):
    """Keeps one row of each product, whichever."""
    oldest = _products(orders, products).groupBy("product_id").agg(F.min_by("category", "since").alias("category"))
    return orders.join(oldest, "product_id", "left")


@wrong("with_category", says="its product is not known")
def categories_for_the_unknown(orders, products):
    """Gives what is not known a name."""
    return orders.join(_newest(_products(orders, products)), "product_id", "left").fillna("unknown", ["category"])


@right("with_category")
def categories_by_window(orders, products):
    order = Window.partitionBy("product_id").orderBy(F.desc("since"))
    newest = _products(orders, products).withColumn("place", F.row_number().over(order)).where("place = 1")
    return orders.join(F.broadcast(newest), "product_id", "left").drop("place", "since")


@right("with_category")
def categories_by_sql(orders, products):
    orders.createOrReplaceTempView("orders")
    return orders.sparkSession.sql(f"""
        SELECT category, o.product_id, order_id FROM orders AS o LEFT JOIN (
            SELECT product_id, max_by(category, since) AS category FROM delta.`{products}` GROUP BY product_id
        ) AS p ON o.product_id = p.product_id
    """)


BETWEEN = "p.paid_at >= o.ordered_at AND p.paid_at <= o.ordered_at + INTERVAL 1 HOUR"


def _joined(orders, payments, bound=BETWEEN, how="left", ordered="10 minutes", paid="10 minutes", key="o.order_id"):
    """The join, with one or the other part changed."""
    left = (orders.withWatermark("ordered_at", ordered) if ordered else orders).alias("o")
    right = (payments.withWatermark("paid_at", paid) if paid else payments).alias("p")
    condition = "o.order_id = p.order_id" + (f" AND {bound}" if bound else "")
    return left.join(right, F.expr(condition), how).select(key, "ordered_at", "paid_at", "amount")


@wrong("payments_of_orders", says="an inner join")
def payments_inner(orders, payments):
    """Joins as one joins tables, and looks at what is there."""
    return _joined(orders, payments, how="inner")


@wrong("payments_of_orders", says="until when")
def payments_without_bound(orders, payments):
    """Believes that the watermarks alone say how long to wait."""
    return _joined(orders, payments, bound="")


@wrong("payments_of_orders", says="neither stream has a watermark")
def payments_without_watermarks(orders, payments):
    """Joins streams as one joins tables."""
    return _joined(orders, payments, ordered="", paid="")


@wrong("payments_of_orders", says="the payments have none")
def payments_with_watermark_of_orders(orders, payments):
    """Believes that what waits is what needs the watermark."""
    return _joined(orders, payments, paid="")


@wrong("payments_of_orders", says="only one of the two streams")
def payments_with_watermark_of_payments(orders, payments):
    """Gives a watermark to the side for which Spark demands one."""
    return _joined(orders, payments, ordered="")


@wrong("payments_of_orders", says="the wrong way round")
def payments_before_orders(orders, payments):
    """Mixes up the two times."""
    return _joined(orders, payments, bound="o.ordered_at >= p.paid_at AND o.ordered_at <= p.paid_at + INTERVAL 1 HOUR")


@wrong("payments_of_orders", says="before the order was there")
def payments_with_upper_bound(orders, payments):
    """Says until when, and not from when."""
    return _joined(orders, payments, bound="p.paid_at <= o.ordered_at + INTERVAL 1 HOUR")


@wrong("payments_of_orders", says="says from when a payment counts, and not until when")
def payments_with_lower_bound(orders, payments):
    """Says from when, and not until when."""
    return _joined(orders, payments, bound="p.paid_at >= o.ordered_at")


@wrong("payments_of_orders", says="eight minutes late")
def payments_on_time_only(orders, payments):
    """Expects rows in order."""
    return _joined(orders, payments, ordered="0 seconds", paid="0 seconds")


@wrong("payments_of_orders", says="up to an hour later, both ends included")
def payments_before_the_hour(orders, payments):
    """Leaves out the end."""
    return _joined(orders, payments, bound=BETWEEN.replace("<=", "<"))


@wrong("payments_of_orders", says="belongs to no order")
def payments_kept_all(orders, payments):
    """Keeps the wrong side."""
    return _joined(orders, payments, how="right", key="p.order_id")


@wrong("payments_of_orders", says="has no `order_id`")
def payments_with_their_own_key(orders, payments):
    """Takes the key from the side that may be missing."""
    return _joined(orders, payments, key="p.order_id")


@right("payments_of_orders")
def payments_by_sql(orders, payments):
    orders.withWatermark("ordered_at", "10 minutes").createOrReplaceTempView("o")
    payments.withWatermark("paid_at", "10 minutes").createOrReplaceTempView("p")
    return orders.sparkSession.sql(f"""
        SELECT amount, paid_at, o.order_id, ordered_at FROM o LEFT JOIN p ON p.order_id = o.order_id AND {BETWEEN}
    """)


@right("payments_of_orders")
def orders_of_payments(orders, payments):
    """The right join, from the side of the payments."""
    paid, known = payments.withWatermark("paid_at", "10 minutes"), orders.withWatermark("ordered_at", "10 minutes")
    until = known.ordered_at + F.expr("INTERVAL 1 HOUR")
    both = paid.join(known, (paid.order_id == known.order_id) & paid.paid_at.between(known.ordered_at, until), "right")
    return both.select(known.order_id, "ordered_at", "paid_at", "amount")


@wrong("payments_of_orders", says="from no column made of them")
def payments_until_a_column(orders, payments):
    """Writes the end of the hour into a column, as one would in a table."""
    known = orders.withWatermark("ordered_at", "10 minutes").withColumn("until", F.expr("ordered_at + INTERVAL 1 HOUR"))
    paid = payments.withWatermark("paid_at", "10 minutes")
    both = known.join(
        paid, (paid.order_id == known.order_id) & paid.paid_at.between(known.ordered_at, known.until), "left"
    )
    return both.select(known.order_id, "ordered_at", "paid_at", "amount")


@right("payments_of_orders")
def payments_with_more_patience(orders, payments):
    return _joined(orders, payments, ordered="15 minutes", paid="20 minutes", how="leftouter")


def _state(spark, checkpoint, **options):
    return spark.read.format("statestore").options(**options).load(checkpoint)


def _windows(state):
    return state.select("key.window.start", "key.city", F.col("value.count").alias("orders"))


def _counting(spark, checkpoint):
    operators = spark.read.format("state-metadata").load(checkpoint)
    return operators.where("operatorName = 'stateStoreSave'").first().operatorId


@wrong("waiting_windows", says="has another number there")
def windows_of_the_first_operator(spark, checkpoint):
    """Reads the state that is shown when none is asked for."""
    return _windows(_state(spark, checkpoint))


@wrong("waiting_windows", says="which number has the operator that counts")
def windows_of_the_second_operator(spark, checkpoint):
    """Counts operators in the order in which they are written."""
    return _windows(_state(spark, checkpoint, operatorId=1))


@wrong("waiting_windows", says="the start of the window is a field")
def windows_as_they_stand(spark, checkpoint):
    """Returns keys and values as the reader gives them."""
    state = _state(spark, checkpoint, operatorId=_counting(spark, checkpoint))
    return state.select("key.*", F.col("value.count").alias("orders"))


@wrong("waiting_windows", says="after the first batch")
def windows_of_the_first_batch(spark, checkpoint):
    """Reads the state as it was after the first batch."""
    return _windows(_state(spark, checkpoint, operatorId=_counting(spark, checkpoint), batchId=0))


@wrong("waiting_windows", says="in several partitions")
def windows_of_one_partition(spark, checkpoint):
    """Reads one partition of the state."""
    state = _state(spark, checkpoint, operatorId=_counting(spark, checkpoint))
    return _windows(state.where("partition_id = 0"))


@wrong("waiting_windows", says="the count is in its `value`")
def windows_counted_as_rows(spark, checkpoint):
    """Counts the keys of the state."""
    state = _state(spark, checkpoint, operatorId=_counting(spark, checkpoint))
    return state.groupBy("key.window.start", "key.city").agg(F.count("*").alias("orders"))


@right("waiting_windows")
def windows_by_name(spark, checkpoint):
    operators = spark.read.format("state-metadata").load(checkpoint).collect()
    numbers = {operator.operatorName: operator.operatorId for operator in operators}
    state = spark.read.format("statestore").load(checkpoint, operatorId=numbers["stateStoreSave"])
    return state.selectExpr("value.count AS orders", "key.city AS city", "key.window.start AS start")


@right("waiting_windows")
def windows_by_sql(spark, checkpoint):
    _state(spark, checkpoint, operatorId=_counting(spark, checkpoint)).createOrReplaceTempView("state")
    return spark.sql("SELECT key.window.start AS start, key.city AS city, value.count AS orders FROM state")


@right("waiting_windows")
def windows_by_their_columns(spark, checkpoint):
    """Looks for the operator whose state has what is wanted."""
    operators = spark.read.format("state-metadata").load(checkpoint).collect()
    states = [_state(spark, checkpoint, operatorId=operator.operatorId) for operator in operators]
    return next(_windows(state) for state in states if "count" in state.select("value.*").columns)


def _visits(
    events,
    *,
    mode="eventTime",
    delete=True,
    from_start=False,
    order_ends=True,
    in_order=True,
    gap=True,
    timer=True,
    clear=True,
):
    """The visits, with one or the other part of the class changed."""
    silence = 30 * 60 * 1000

    class Visits(StatefulProcessor):
        def init(self, handle):
            self.handle = handle
            self.visit = handle.getValueState("visit", "started bigint, newest bigint, events int")

        def handleInputRows(self, key, rows, timerValues):
            started, newest, events = self.visit.get() or (0, 0, 0)
            found = [(row["moment"], row["kind"]) for row in rows]
            for moment, kind in sorted(found) if in_order else found:
                if gap and events and moment - (started if from_start else newest) >= silence:
                    yield Row(customer_id=key[0], started=started, events=events, ordered=False)
                    events = 0
                started, newest, events = started if events else moment, moment, events + 1
                if kind == "order" and order_ends:
                    yield Row(customer_id=key[0], started=started, events=events, ordered=True)
                    events = 0
            for old in list(self.handle.listTimers()) if delete else ():
                self.handle.deleteTimer(old)
            if events:
                self.visit.update((started, newest, events))
                if timer:
                    self.handle.registerTimer((started if from_start else newest) + silence)
            else:
                self.visit.clear()

        def handleExpiredTimer(self, key, timerValues, expiredTimerInfo):
            if self.visit.exists():
                started, _, events = self.visit.get()
                if clear:
                    self.visit.clear()
                yield Row(customer_id=key[0], started=started, events=events, ordered=False)

    return _ended(events, Visits(), mode)


def _ended(events, processor, mode="eventTime"):
    timed = events.withWatermark("happened_at", "10 minutes").withColumn("moment", F.unix_millis("happened_at"))
    shape = "customer_id string, started bigint, events int, ordered boolean"
    ended = timed.groupBy("customer_id").transformWithState(processor, shape, "append", mode)
    return ended.withColumn("started", F.timestamp_millis("started"))


@wrong("visits", says="Delete what no longer holds")
def visits_with_old_timers(events):
    """Registers a timer with each batch, and forgets the one before."""
    return _visits(events, delete=False)


@wrong("visits", says="begin anew with each event")
def visits_from_the_first_event(events):
    """Counts the 30 minutes from the first event."""
    return _visits(events, from_start=True)


@wrong("visits", says="clock of the machine")
def visits_by_the_clock_of_the_machine(events):
    """Takes timers for what the clock on the wall says."""
    return _visits(events, mode="processingTime")


@wrong("visits", says="come in any order")
def visits_in_order_of_arrival(events):
    """Believes that the rows of a batch come in the order of their times."""
    return _visits(events, in_order=False)


@wrong("visits", says="no timer could end")
def visits_ended_by_timers_only(events):
    """Leaves all ends to the timer, and two visits of one batch are one."""
    return _visits(events, gap=False)


@wrong("visits", says="still in the state")
def visits_left_in_the_state(events):
    """Tells of the visit, and forgets to forget it."""
    return _visits(events, clear=False)


@wrong("visits", says="A timer does")
def visits_without_a_timer(events):
    """Waits for the next event to end a visit."""
    return _visits(events, timer=False)


@wrong("visits", says="ends by silence alone")
def visits_as_session_windows(events):
    """Takes the window that comes closest."""
    timed = events.withWatermark("happened_at", "10 minutes")
    sessions = timed.groupBy("customer_id", F.session_window("happened_at", "30 minutes").alias("visit"))
    counted = sessions.agg(F.count("*").cast("int").alias("events"), F.expr("bool_or(kind = 'order')").alias("ordered"))
    return counted.select("customer_id", F.col("visit.start").alias("started"), "events", "ordered")


@wrong("visits", says="only the state is left")
def visits_in_attributes(events):
    """Keeps what it knows in the object."""
    silence = 30 * 60 * 1000

    class Visits(StatefulProcessor):
        def init(self, handle):
            self.handle, self.visits = handle, {}

        def handleInputRows(self, key, rows, timerValues):
            started, newest, events = self.visits.pop(key, (0, 0, 0))
            for moment, kind in sorted((row["moment"], row["kind"]) for row in rows):
                if events and moment - newest >= silence:
                    yield Row(customer_id=key[0], started=started, events=events, ordered=False)
                    events = 0
                started, newest, events = started if events else moment, moment, events + 1
                if kind == "order":
                    yield Row(customer_id=key[0], started=started, events=events, ordered=True)
                    events = 0
            for old in list(self.handle.listTimers()):
                self.handle.deleteTimer(old)
            if events:
                self.visits[key] = started, newest, events
                self.handle.registerTimer(newest + silence)

        def handleExpiredTimer(self, key, timerValues, expiredTimerInfo):
            if key in self.visits:
                started, _, events = self.visits.pop(key)
                yield Row(customer_id=key[0], started=started, events=events, ordered=False)

    return _ended(events, Visits())


@wrong("visits", says="an order ends the visit")
def visits_beyond_an_order(events):
    """Lets an order end nothing."""
    return _visits(events, order_ends=False)


@right("visits")
def visits_one_by_one(events):
    return _visits(events)


@right("visits")
def visits_in_pandas(events):
    """The same with pandas, and a list of the times as its state."""
    gap = 1_800_000

    class Visits(StatefulProcessor):
        def init(self, handle):
            self.handle, self.times = handle, handle.getListState("times", "moment bigint")

        def _ended(self, key, times, ordered):
            columns = {"customer_id": key[0], "started": times[0], "events": len(times), "ordered": ordered}
            return pd.DataFrame({name: [value] for name, value in columns.items()})

        def handleInputRows(self, key, rows, timerValues):
            times = [moment for (moment,) in self.times.get()]
            for _, row in pd.concat(list(rows)).sort_values("moment").iterrows():
                if times and row.moment - times[-1] >= gap:
                    yield self._ended(key, times, False)
                    times = []
                times.append(int(row.moment))
                if row.kind == "order":
                    yield self._ended(key, times, True)
                    times = []
            for old in list(self.handle.listTimers()):
                self.handle.deleteTimer(old)
            self.times.clear()
            if times:
                self.times.put([(moment,) for moment in times])
                self.handle.registerTimer(times[-1] + gap)

        def handleExpiredTimer(self, key, timerValues, expiredTimerInfo):
            yield self._ended(key, [moment for (moment,) in self.times.get()], False)
            self.times.clear()

    timed = events.withWatermark("happened_at", "10 minutes").withColumn("moment", F.unix_millis("happened_at"))
    shape = "customer_id string, started bigint, events int, ordered boolean"
    ended = timed.groupBy("customer_id").transformWithStateInPandas(Visits(), shape, "append", "eventTime")
    return ended.withColumn("started", F.timestamp_millis("started"))


@right("visits")
def visits_seen_again(events):
    """Leaves old timers, and lets each look whether the visit is really over."""
    silence = 30 * 60 * 1000

    class Visits(StatefulProcessor):
        def init(self, handle):
            self.handle = handle
            self.visit = handle.getValueState("visit", "started bigint, newest bigint, events int")

        def handleInputRows(self, key, rows, timerValues):
            visit = self.visit.get()
            for row in sorted(rows, key=lambda row: row.moment):
                if visit and row.moment - visit[1] >= silence:
                    yield Row(customer_id=key[0], started=visit[0], events=visit[2], ordered=False)
                    visit = None
                visit = (visit[0], row.moment, visit[2] + 1) if visit else (row.moment, row.moment, 1)
                if row.kind == "order":
                    yield Row(customer_id=key[0], started=visit[0], events=visit[2], ordered=True)
                    visit = None
            if visit:
                self.visit.update(visit)
                self.handle.registerTimer(visit[1] + silence)
            else:
                self.visit.clear()

        def handleExpiredTimer(self, key, timerValues, expiredTimerInfo):
            visit = self.visit.get()
            if visit and visit[1] + silence <= expiredTimerInfo.getExpiryTimeInMs():
                self.visit.clear()
                yield Row(customer_id=key[0], started=visit[0], events=visit[2], ordered=False)

    return _ended(events, Visits())


ONE_A_CUSTOMER = """
    SELECT customer_id, if(op = 'D', NULL, city) AS city, changed_at, change_id, op = 'D' AS deleted FROM ranked
    WHERE place = 1
"""
NEWEST_CHANGE = "ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY changed_at DESC, change_id DESC)"
NEWER = """source.changed_at > target.changed_at
    OR source.changed_at = target.changed_at AND source.change_id > target.change_id"""


def _merging(condition=NEWER, place=NEWEST_CHANGE, on_delete="", insert="", values="*"):
    """An answer that merges the newest change of each customer, with one or the other part changed."""

    def follow(changes, table, checkpoint):
        def upsert(batch, batch_id):
            batch.selectExpr("*", f"{place} AS place").createOrReplaceTempView("ranked")
            batch.sparkSession.sql(f"""
                MERGE INTO {table} AS target USING ({ONE_A_CUSTOMER}) AS source
                ON target.customer_id = source.customer_id
                {on_delete}
                WHEN MATCHED AND ({condition}) THEN UPDATE SET {values}
                WHEN NOT MATCHED {insert} THEN INSERT *
            """)

        _run(changes, upsert, checkpoint)

    return follow


def _run(changes, upsert, checkpoint):
    stream = changes.writeStream.foreachBatch(upsert).option("checkpointLocation", checkpoint)
    stream.trigger(availableNow=True).start().awaitTermination()


def _rows(batch):
    """The changes as rows of the table."""
    return batch.selectExpr(
        "customer_id", "if(op = 'D', NULL, city) AS city", "changed_at", "change_id", "op = 'D' AS deleted"
    )


@wrong("follow_customers", says="of `foreachBatch` runs again")
def customers_appended(changes, table, checkpoint):
    """Believes that a stream's batch arrives exactly once, and that a change is a row."""

    def append(batch, batch_id):
        _rows(batch).write.mode("append").saveAsTable(table)

    _run(changes, append, checkpoint)


@wrong("follow_customers", says="takes one at most for a row")
def customers_all_of_a_batch(changes, table, checkpoint):
    """Believes that MERGE takes the rows of its source one after the other."""
    _merging(place="1")(changes, table, checkpoint)


@wrong("follow_customers", says="never compares two rows of the batch")
def customers_change_by_change(changes, table, checkpoint):
    """Makes the batch idempotent by the number of the change, and the table a log."""

    def upsert(batch, batch_id):
        _rows(batch).createOrReplaceTempView("rows")
        batch.sparkSession.sql(f"""
            MERGE INTO {table} AS target USING rows AS source
            ON target.customer_id = source.customer_id AND target.change_id = source.change_id
            WHEN NOT MATCHED THEN INSERT *
        """)

    _run(changes, upsert, checkpoint)


@wrong("follow_customers", says="whatever matches")
def customers_last_come(changes, table, checkpoint):
    """Believes that what comes later is newer."""
    _merging(condition="true")(changes, table, checkpoint)


@wrong("follow_customers", says="decides between equals only")
def customers_by_number(changes, table, checkpoint):
    """Believes that the numbers are given in the order of the times."""
    _merging(condition="source.change_id > target.change_id")(changes, table, checkpoint)


@wrong("follow_customers", says="the smaller `change_id` of the same instant")
def customers_as_new_or_newer(changes, table, checkpoint):
    """Lets a tie go to the one that comes later."""
    _merging(condition="source.changed_at >= target.changed_at")(changes, table, checkpoint)


@wrong("follow_customers", says="A tie is decided by")
def customers_by_time_alone(changes, table, checkpoint):
    """Forgets the tie with the table."""
    _merging(condition="source.changed_at > target.changed_at")(changes, table, checkpoint)


@wrong("follow_customers", says="within the batch")
def customers_by_time_in_the_batch(changes, table, checkpoint):
    """Forgets the tie in the batch."""
    place = "ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY changed_at DESC)"
    _merging(place=place)(changes, table, checkpoint)


@wrong("follow_customers", says="goes the time of the change")
def customers_really_deleted(changes, table, checkpoint):
    """Deletes the row, and with it what is known of the delete."""
    _merging(on_delete="WHEN MATCHED AND source.deleted THEN DELETE", insert="AND NOT source.deleted")(
        changes, table, checkpoint
    )


@wrong("follow_customers", says="the first that the table heard")
def customers_marked_if_known(changes, table, checkpoint):
    """Believes that there is nothing to delete where there is no row."""
    _merging(insert="AND NOT source.deleted")(changes, table, checkpoint)


@wrong("follow_customers", says="a value, too")
def customers_keep_their_city(changes, table, checkpoint):
    """Takes NULL for not told."""
    values = (
        "city = coalesce(source.city, target.city), changed_at = source.changed_at, "
        "change_id = source.change_id, deleted = source.deleted"
    )
    _merging(values=values)(changes, table, checkpoint)


@wrong("follow_customers", says="what was deleted has none")
def customers_deleted_with_their_city(changes, table, checkpoint):
    """Sets the mark and leaves the rest."""

    def upsert(batch, batch_id):
        order = Window.partitionBy("customer_id").orderBy(F.desc("changed_at"), F.desc("change_id"))
        newest = batch.withColumn("place", F.row_number().over(order)).where("place = 1")
        newest.withColumn("deleted", F.col("op") == "D").drop("place", "op").createOrReplaceTempView("newest")
        batch.sparkSession.sql(f"""
            MERGE INTO {table} AS target USING newest AS source ON target.customer_id = source.customer_id
            WHEN MATCHED AND ({NEWER}) THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
        """)

    _run(changes, upsert, checkpoint)


@wrong("follow_customers", says="a session of its own")
def customers_by_the_outer_session(changes, table, checkpoint):
    """Uses the session of the notebook."""
    spark = changes.sparkSession

    def upsert(batch, batch_id):
        _rows(batch).createOrReplaceTempView("newest")
        spark.sql(f"""
            MERGE INTO {table} AS target USING newest AS source ON target.customer_id = source.customer_id
            WHEN MATCHED AND ({NEWER}) THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
        """)

    _run(changes, upsert, checkpoint)


@wrong("follow_customers", says="the next run reads everything again")
def customers_without_a_checkpoint(changes, table, checkpoint):
    """Leaves the checkpoint to Spark."""

    def upsert(batch, batch_id):
        _rows(batch).write.mode("append").saveAsTable(table)

    changes.writeStream.foreachBatch(upsert).trigger(availableNow=True).start().awaitTermination()


@wrong("follow_customers", says="still running")
def customers_not_waited_for(changes, table, checkpoint):
    """Takes start for done."""
    changes.writeStream.foreachBatch(lambda batch, batch_id: None).option("checkpointLocation", checkpoint).start()


@right("follow_customers")
def customers_by_sql(changes, table, checkpoint):
    _merging()(changes, table, checkpoint)


@right("follow_customers")
def customers_joined_first(changes, table, checkpoint):
    """Puts table and batch together, keeps the newest, and merges only that."""

    def upsert(batch, batch_id):
        spark = batch.sparkSession
        both = _rows(batch).unionByName(spark.table(table))
        order = Window.partitionBy("customer_id").orderBy(F.desc("changed_at"), F.desc("change_id"))
        newest = both.withColumn("place", F.row_number().over(order)).where("place = 1").drop("place")
        newest.createOrReplaceTempView("newest")
        spark.sql(f"""
            MERGE INTO {table} AS target USING newest AS source ON target.customer_id <=> source.customer_id
            WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
        """)

    _run(changes, upsert, checkpoint)


@right("follow_customers")
def customers_rewritten(changes, table, checkpoint):
    """Reads a small table, and writes it anew: the same table whenever the same batch comes."""

    def rewrite(batch, batch_id):
        rows = batch.sparkSession.table(table).unionByName(_rows(batch))
        key = F.struct("changed_at", "change_id")
        columns = [F.max_by(name, key).alias(name) for name in ("city", "changed_at", "change_id", "deleted")]
        rows.groupBy("customer_id").agg(*columns).write.mode("overwrite").saveAsTable(table)

    _run(changes, rewrite, checkpoint)


def sums():
    return (F.sum("orders").alias("orders"), F.sum("amount").alias("amount"))


def _corrected(totals, changes, plus=("insert", "update_postimage"), minus=("delete", "update_preimage")):
    """The totals after the changes of these kinds, with whatever is then 0."""
    kind = F.col("_change_type")
    sign = F.when(kind.isin(*plus), 1).when(kind.isin(*minus), -1).otherwise(0)
    signed = changes.select("city", sign.alias("orders"), (sign * F.col("amount")).alias("amount"))
    return totals.unionByName(signed).groupBy("city").agg(*sums())


@wrong("corrected_totals", says="both are in the sum")
def totals_without_what_was(totals, changes):
    """Adds what is new, takes away what was deleted, and leaves out the rest."""
    return _corrected(totals, changes, minus=("delete",)).where("orders > 0")


@wrong("corrected_totals", says="its amount is positive")
def totals_of_deletes_added(totals, changes):
    """Believes that the row of a delete is negative already."""
    plus = ("insert", "update_postimage", "delete")
    return _corrected(totals, changes, plus=plus, minus=("update_preimage",)).where("orders > 0")


@wrong("corrected_totals", says="a city without orders has no row")
def totals_of_nothing(totals, changes):
    """Leaves what has come to nothing."""
    return _corrected(totals, changes)


@wrong("corrected_totals", says="Which of the two says that nothing is left?")
def totals_above_zero(totals, changes):
    """Takes a sum of 0 for no orders."""
    return _corrected(totals, changes).where("amount > 0")


@wrong("corrected_totals", says="Rome has an order less")
def totals_where_updates_do_not_count(totals, changes):
    """Believes that an update leaves the number of orders as it is."""
    count = F.when(F.col("_change_type") == "insert", 1).when(F.col("_change_type") == "delete", -1).otherwise(0)
    plus = F.col("_change_type").isin("insert", "update_postimage")
    amount = F.when(plus, F.col("amount")).otherwise(-F.col("amount"))
    signed = changes.select("city", count.alias("orders"), amount.alias("amount"))
    return totals.unionByName(signed).groupBy("city").agg(*sums()).where("orders > 0 OR amount > 0")


@wrong("corrected_totals", says="had no total before")
def totals_joined_to_the_old(totals, changes):
    """Keeps the cities that have a total."""
    signed = _corrected(totals.limit(0), changes).withColumnsRenamed({"orders": "more", "amount": "value"})
    both = totals.alias("t").join(signed.alias("s"), F.expr("t.city <=> s.city"), "left").fillna(0, ["more", "value"])
    new = both.selectExpr("t.city", "orders + more AS orders", "t.amount + value AS amount")
    return new.where("orders > 0")


@wrong("corrected_totals", says="NULL is not equal to NULL")
def totals_joined_by_city(totals, changes):
    """Joins by a key that may be NULL."""
    signed = _corrected(totals.limit(0), changes).withColumnsRenamed({"orders": "more", "amount": "value"})
    both = totals.join(signed, "city", "full").fillna(0, ["orders", "amount", "more", "value"])
    return both.selectExpr("city", "orders + more AS orders", "amount + value AS amount").where("orders > 0")


@wrong("corrected_totals", says="all count")
def totals_by_the_last_version(totals, changes):
    """Keeps the last change of an order, as one does to bring a table up to date."""
    last = Window.partitionBy("order_id")
    newest = changes.withColumn("last", F.max("_commit_version").over(last)).where("_commit_version = last")
    return _corrected(totals, newest).where("orders > 0")


@wrong("corrected_totals", says="equal ones count each")
def totals_of_distinct_changes(totals, changes):
    """Takes equal changes for repeats."""
    kept = changes.dropDuplicates(["city", "amount", "_change_type", "_commit_version"])
    return _corrected(totals, kept).where("orders > 0")


@wrong("corrected_totals", says="nothing changed there")
def totals_of_what_changed(totals, changes):
    """Returns what a MERGE would need."""
    return _corrected(totals, changes).where("orders > 0").join(changes.select("city").distinct(), "city", "left_semi")


@wrong("corrected_totals", says="to be corrected, not replaced")
def totals_of_the_changes(totals, changes):
    """Forgets what was there."""
    return _corrected(totals.limit(0), changes).where("orders > 0")


@right("corrected_totals")
def totals_by_sql(totals, changes):
    totals.createOrReplaceTempView("totals")
    changes.createOrReplaceTempView("changes")
    return totals.sparkSession.sql("""
        WITH signed AS (
            SELECT city, orders, amount FROM totals
            UNION ALL SELECT city, 1, amount FROM changes WHERE _change_type IN ('insert', 'update_postimage')
            UNION ALL SELECT city, -1, -amount FROM changes WHERE _change_type IN ('delete', 'update_preimage')
        )
        SELECT city, sum(amount) AS amount, sum(orders) AS orders FROM signed GROUP BY ALL HAVING sum(orders) > 0
    """)


@right("corrected_totals")
def totals_by_a_full_join(totals, changes):
    new = F.col("_change_type").isin("insert", "update_postimage")
    gone = ~new
    counted = changes.groupBy("city").agg(
        (F.count_if(new) - F.count_if(gone)).alias("more"),
        F.sum(F.when(new, F.col("amount")).otherwise(-F.col("amount"))).alias("value"),
    )
    both = totals.alias("t").join(counted.alias("c"), F.expr("t.city <=> c.city"), "full")
    sums = both.selectExpr(
        "coalesce(t.city, c.city) AS city",
        "coalesce(orders, 0) + coalesce(more, 0) AS orders",
        "coalesce(amount, 0) + coalesce(value, 0) AS amount",
    )
    return sums.where("orders > 0")


def _bottleneck(progress, cores, *, behind=None, counts=None, per=None, parts=None, source=None, keep=None):
    """The answer, with one or the other part changed."""
    backlog = [float(record["sources"][0]["metrics"]["avgOffsetsBehindLatest"]) for record in progress]
    if not (behind(progress) if behind else backlog[-1] > backlog[0]):
        return "keeps up"
    sums = {"source": 0, "state": 0, "sink": 0, "bookkeeping": 0}
    for record in progress if keep is None else keep(progress):
        if not (counts(record) if counts else record["numInputRows"]):
            continue
        took = Counter(record["durationMs"])
        state = 0
        for operator in record["stateOperators"]:
            spent = sum(operator[part] for part in parts or ("allUpdatesTimeMs", "allRemovalsTimeMs", "commitTimeMs"))
            state += spent / (per(cores, operator) if per else min(cores, operator["numShufflePartitions"]))
        sums["source"] += sum(took[part] for part in source or ("latestOffset", "getBatch"))
        sums["state"] += state
        sums["sink"] += took["addBatch"] - state
        sums["bookkeeping"] += took["queryPlanning"] + took["walCommit"] + took["commitOffsets"]
    return sorted(sums, key=lambda part: -sums[part])[0]


@wrong("bottleneck", says="one burst is no trend")
def bottleneck_by_rates(progress, cores):
    """Compares the rates of the last batch."""
    last = progress[-1]
    return _bottleneck(progress, cores, behind=lambda _: last["inputRowsPerSecond"] > last["processedRowsPerSecond"])


@wrong("bottleneck", says="what waits is not among the rows")
def bottleneck_by_rates_and_backlog(progress, cores):
    """Believes that a stream whose rates are equal keeps up, whatever waits."""

    def behind(progress):
        backlog = [float(record["sources"][0]["metrics"]["avgOffsetsBehindLatest"]) for record in progress]
        last = progress[-1]
        return backlog[-1] > backlog[0] and last["inputRowsPerSecond"] > last["processedRowsPerSecond"]

    return _bottleneck(progress, cores, behind=behind)


@wrong("bottleneck", says="the metrics are texts")
def bottleneck_of_texts(progress, cores):
    """Compares the metrics as they come."""
    texts = [record["sources"][0]["metrics"]["avgOffsetsBehindLatest"] for record in progress]
    return _bottleneck(progress, cores, behind=lambda _: texts[-1] > texts[0])


@wrong("bottleneck", says="that is the last batch of three")
def bottleneck_of_the_last(progress, cores):
    """Looks at `lastProgress`."""
    last = [record for record in progress if record["numInputRows"]][-1:]
    return _bottleneck(progress, cores, keep=lambda _: last)


@wrong("bottleneck", says="side by side")
def bottleneck_of_task_times(progress, cores):
    """Takes the times of tasks for times of the clock."""
    return _bottleneck(progress, cores, per=lambda cores, operator: 1)


@wrong("bottleneck", says="only two of the 8 cores")
def bottleneck_of_all_cores(progress, cores):
    """Believes that all cores work on the state."""
    return _bottleneck(progress, cores, per=lambda cores, operator: cores)


@wrong("bottleneck", says="of every operator count")
def bottleneck_of_updates(progress, cores):
    """Counts the updates of the state, and not what its commit takes."""
    return _bottleneck(progress, cores, parts=("allUpdatesTimeMs",))


@wrong("bottleneck", says="has two parts")
def bottleneck_of_the_largest(progress, cores):
    """Looks for the largest number."""
    return _bottleneck(progress, cores, source=("latestOffset",))


@wrong("bottleneck", says="it does not count")
def bottleneck_of_all_triggers(progress, cores):
    """Counts triggers that found nothing."""
    return _bottleneck(progress, cores, counts=lambda record: True)


@wrong("bottleneck", says="Such batches are too small")
def bottleneck_of_the_work(progress, cores):
    """Leaves out what Spark does for itself."""
    answer = _bottleneck(progress, cores)
    return "sink" if answer == "bookkeeping" else answer


@right("bottleneck")
def bottleneck_part_by_part(progress, cores):
    return _bottleneck(progress, cores)


@right("bottleneck")
def bottleneck_with_counters(progress, cores):
    def backlog(record):
        return float(record["sources"][0]["metrics"]["avgOffsetsBehindLatest"])

    if backlog(progress[0]) >= backlog(progress[-1]):
        return "keeps up"
    took, state = Counter(), 0.0
    for record in filter(lambda record: record["numInputRows"] > 0, progress):
        took.update(record["durationMs"])
        for one in record["stateOperators"]:
            busy = one["allUpdatesTimeMs"] + one["allRemovalsTimeMs"] + one["commitTimeMs"]
            state += busy / min(one["numShufflePartitions"], cores)
    sums = [
        (took["latestOffset"] + took["getBatch"], "source"),
        (state, "state"),
        (took["addBatch"] - state, "sink"),
        (took["queryPlanning"] + took["walCommit"] + took["commitOffsets"], "bookkeeping"),
    ]
    return max(sums)[1]


def is_sale():
    return F.col("kind") == "sale"


def ten_minutes():
    return F.window("sold_at", "10 minutes")


def _counted(rows):
    return rows.groupBy(ten_minutes()).agg(F.count("*").alias("sales")).select("window.start", "sales")


def _of_a_day(rows, delay="5 minutes"):
    return rows.withWatermark("sold_at", delay)


@wrong("sales_of_both", says="moves a filter on the kind below the watermark")
def sales_behind_the_watermark(north, south):
    """Leaves the heartbeats out behind the watermark, and does not know that Spark moves the filter."""
    return _counted(_of_a_day(north).union(_of_a_day(south)).where(is_sale()))


@wrong("sales_of_both", says="under one watermark for both")
def sales_under_one_watermark(north, south):
    """Puts the streams together first."""
    rows = _of_a_day(north.union(south)).groupBy(ten_minutes()).agg(F.count_if(is_sale()).alias("sales"))
    return rows.where("sales > 0").select("window.start", "sales")


@wrong("sales_of_both", says="the fastest shop drives")
def sales_by_the_fastest(north, south):
    """Lets the fastest clock decide."""
    north.sparkSession.conf.set("spark.sql.streaming.multipleWatermarkPolicy", "max")
    rows = _of_a_day(north).union(_of_a_day(south)).groupBy(ten_minutes()).agg(F.count_if(is_sale()).alias("sales"))
    return rows.where("sales > 0").select("window.start", "sales")


@wrong("sales_of_both", says="heartbeats are no sales")
def sales_and_heartbeats(north, south):
    """Counts whatever comes."""
    return _counted(_of_a_day(north).union(_of_a_day(south)))


@wrong("sales_of_both", says="only a heartbeat")
def sales_with_empty_windows(north, south):
    """Counts the sales only, and keeps the windows that heartbeats have made."""
    rows = _of_a_day(north).union(_of_a_day(south)).groupBy(ten_minutes()).agg(F.count_if(is_sale()).alias("sales"))
    return rows.select("window.start", "sales")


@wrong("sales_of_both", says="too short for one that is hours behind")
def sales_after_an_hour(north, south):
    """Waits long enough for the shop that is behind."""
    rows = _of_a_day(north.union(south), "1 hour").groupBy(ten_minutes()).agg(F.count_if(is_sale()).alias("sales"))
    return rows.where("sales > 0").select("window.start", "sales")


@wrong("sales_of_both", says="4 minutes late")
def sales_on_time_only(north, south):
    """Expects each shop to send its rows in order."""
    rows = _of_a_day(north, "0 seconds").union(_of_a_day(south, "0 seconds"))
    counted = rows.groupBy(ten_minutes()).agg(F.count_if(is_sale()).alias("sales"))
    return counted.where("sales > 0").select("window.start", "sales")


@right("sales_of_both")
def sales_as_a_sum(north, south):
    both = _of_a_day(south).unionByName(_of_a_day(north)).withColumn("one", F.when(is_sale(), 1))
    rows = both.groupBy(ten_minutes()).agg(F.count("one").alias("sales"))
    return rows.where("sales <> 0").select("sales", F.col("window.start").alias("start"))


@right("sales_of_both")
def sales_by_sql(north, south):
    _of_a_day(north).createOrReplaceTempView("north")
    _of_a_day(south).createOrReplaceTempView("south")
    return north.sparkSession.sql("""
        SELECT window.start AS start, count(*) FILTER (WHERE kind = 'sale') AS sales
        FROM (TABLE north UNION ALL TABLE south) GROUP BY window(sold_at, '10 minutes')
        HAVING count(*) FILTER (WHERE kind = 'sale') > 0
    """)


excused: dict[str, dict[str, str]] = {
    "follow_customers": {"> → >=": "The same change again sets what is there already."},
}

outside: dict[str, dict[str, str]] = {
    "times_in_table": dict.fromkeys(
        ("an empty text in source", "an empty text in checkpoint", "an empty text in sink"),
        "Each is one of the words of the task.",
    ),
    "output_modes": {
        "query without a key": "A description has all four entries.",
        "an empty text in query[…]": "A sink has a name.",
    },
    "after_restart": dict.fromkeys(
        ("before without a key", "after without a key"), "A description has all six entries."
    ),
    "corrected_totals": {
        "a row of totals twice": "A city has one total.",
        "NULL in totals.city": "Then two totals have no city, and a city has one total.",
        "another row's value in totals.city": "A city has one total.",
        "NULL in changes._change_type": "The change data feed knows four kinds.",
        "an empty text in changes._change_type": "The change data feed knows four kinds.",
    },
}

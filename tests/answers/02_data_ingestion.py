"""Wrong answers that people really give to the exercises on data ingestion, and right ones written otherwise."""

import json
import tempfile
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from pyspark.sql import Window
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from workbook.authoring.proofs import right, wrong

ORDERS = "order_id string, amount double"


@wrong("read_customers", says="not whether it is meant as one")
def infers_the_types(spark, path):
    """Lets Spark find out."""
    return spark.read.csv(path, header=True, inferSchema=True)


@wrong("read_customers", says="a cast afterwards does not bring it back")
def casts_after_inference(spark, path):
    """Repairs the type, not the value."""
    return infers_the_types(spark, path).withColumn("postal_code", F.col("postal_code").cast("string"))


@wrong("read_customers", says="how many zeros were lost cannot be known")
def pads_with_zeros(spark, path):
    """Knows postal codes of one country."""
    return infers_the_types(spark, path).withColumn("postal_code", F.lpad(F.col("postal_code").cast("string"), 4, "0"))


@wrong("read_customers", says="every column of a CSV file is text")
def without_a_schema(spark, path):
    """Believes that a header brings types with it."""
    return spark.read.csv(path, header=True)


@wrong("read_customers", says="The first line came back as a customer")
def forgets_the_header(spark, path):
    """Believes that a schema makes Spark skip the header."""
    return spark.read.csv(path, schema="customer_id string, postal_code string, signed_up date")


@wrong("read_customers", says="Spark takes the columns by position")
def schema_in_another_order(spark, path):
    """Believes that the header's names find their columns."""
    return spark.read.csv(path, schema="customer_id string, signed_up date, postal_code string", header=True)


@wrong("read_customers", says="does not take the first line for a header")
def options_forgotten(spark, path):
    """Calls the reader as one calls pandas."""
    return spark.read.csv(path)


@right("read_customers")
def customers_by_options(spark, path):
    schema = "customer_id STRING, postal_code STRING, signed_up DATE"
    return spark.read.format("csv").option("header", "true").schema(schema).load(path)


@right("read_customers")
def customers_as_text_then_cast(spark, path):
    return spark.read.csv(path, header=True).withColumn("signed_up", F.to_date("signed_up"))


@wrong("read_orders", says="the schema needs a column for such text")
def plain_schema(spark, path):
    """Trusts the default mode, which says nothing."""
    return spark.read.csv(path, schema=ORDERS, header=True)


@wrong("read_orders", says="a bad line is set aside, not dropped")
def drops_malformed(spark, path):
    """Silences the bad lines."""
    columns = f"{ORDERS}, malformed string"
    return spark.read.csv(
        path, schema=columns, header=True, mode="DROPMALFORMED", columnNameOfCorruptRecord="malformed"
    )


@wrong("read_orders", says="one bad line stops all the good ones")
def fails_fast(spark, path):
    """Wants to hear of a bad line, at any price."""
    columns = f"{ORDERS}, malformed string"
    return spark.read.csv(path, schema=columns, header=True, mode="FAILFAST", columnNameOfCorruptRecord="malformed")


@wrong("read_orders", says="until you say that it is for bad lines")
def only_a_third_column(spark, path):
    """Adds the column and does not tell Spark what it is for."""
    return spark.read.csv(path, schema=f"{ORDERS}, malformed string", header=True)


@wrong("read_orders", says="an empty amount is a NULL that was meant")
def null_means_malformed(spark, path):
    """Takes every NULL for a value that could not be read."""
    columns = f"{ORDERS}, malformed string"
    orders = spark.read.csv(path, schema=columns, header=True, columnNameOfCorruptRecord="malformed")
    text = F.coalesce("malformed", F.when(F.col("amount").isNull(), F.concat("order_id", F.lit(","))))
    return orders.withColumn("malformed", text)


@wrong("read_orders", says="its text is gone")
def column_without_text(spark, path):
    """Adds the column afterwards, when the text is gone."""
    return spark.read.csv(path, schema=ORDERS, header=True).withColumn("malformed", F.lit(None).cast("string"))


@right("read_orders")
def renamed_afterwards(spark, path):
    orders = spark.read.csv(path, schema=f"{ORDERS}, _corrupt_record string", header=True)
    return orders.withColumnRenamed("_corrupt_record", "malformed")


@right("read_orders")
def by_types_and_options(spark, path):
    fields = [("order_id", StringType()), ("amount", DoubleType()), ("malformed", StringType())]
    schema = StructType([StructField(*field) for field in fields])
    reader = spark.read.option("header", True).option("mode", "PERMISSIVE")
    return reader.option("columnNameOfCorruptRecord", "malformed").schema(schema).csv(path)


@wrong("read_events", says="the second delivery is inferred anew")
def infers_and_forgets(spark, delivery, schema_file):
    """Believes that the schema stays the same by itself."""
    return spark.read.json(delivery)


@wrong("read_events", says="it was inferred again, although")
def keeps_and_does_not_use(spark, delivery, schema_file):
    """Keeps the schema for the documentation."""
    events = spark.read.json(delivery)
    if not schema_file.exists():
        schema_file.write_text(events.schema.json())
    return events


@wrong("read_events", says="`coupon` is not in the kept schema")
def casts_to_the_kept_types(spark, delivery, schema_file):
    """Gives the known columns their types, and lets new ones in."""
    events = spark.read.json(delivery)
    if not schema_file.exists():
        schema_file.write_text(events.schema.json())
    kept = StructType.fromJson(json.loads(schema_file.read_text()))
    return events.withColumns({field.name: F.col(field.name).cast(field.dataType) for field in kept})


@wrong("read_events", says="The first one decides")
def keeps_the_last(spark, delivery, schema_file):
    """Reads with the kept schema, and then keeps the newest."""
    newest = spark.read.json(delivery).schema
    schema = StructType.fromJson(json.loads(schema_file.read_text())) if schema_file.exists() else newest
    schema_file.write_text(newest.json())
    return spark.read.schema(schema).json(delivery)


@wrong("read_events", says="not in your code")
def writes_the_example_into_the_code(spark, delivery, schema_file):
    """Gives the schema that the task shows."""
    schema_file.touch()
    return spark.read.schema("event_id string, quantity bigint").json(delivery)


@wrong("read_events", says="is in its own first delivery")
def writes_the_schema_into_the_code(spark, delivery, schema_file):
    """Gives the schema that it has seen in the example."""
    schema_file.touch()
    return spark.read.schema("event_id string, quantity bigint, price double, city string").json(delivery)


@wrong("read_events", says="infer while it is not")
def always_by_the_file(spark, delivery, schema_file):
    """Expects the schema file from the first day on."""
    return spark.read.schema(StructType.fromJson(json.loads(schema_file.read_text()))).json(delivery)


@wrong("read_events", says="`str` is for people")
def kept_as_it_is_printed(spark, delivery, schema_file):
    """Keeps the schema as it is printed."""
    if not schema_file.exists():
        schema_file.write_text(str(spark.read.json(delivery).schema))
    return spark.read.schema(schema_file.read_text()).json(delivery)


@right("read_events")
def kept_as_ddl(spark, delivery, schema_file):
    if schema_file.is_file():
        return spark.read.json(delivery, schema=schema_file.read_text())
    events = spark.read.json(delivery)
    schema_file.write_text(", ".join(f"`{name}` {kind}" for name, kind in events.dtypes))
    return events


@wrong("finished_files", says="somebody still writes there")
def everything_in_the_folder(folder):
    """Reads what is there."""
    return sorted(file.name for file in folder.iterdir())


@wrong("finished_files", says="nobody has said that it is whole")
def all_csv_files(folder):
    """Takes the ending for a promise."""
    return sorted(file.name for file in folder.glob("[!.]*.csv"))


@wrong("finished_files", says="the folder does not hold yet")
def trusts_the_manifest(folder):
    """Takes the announcement for the arrival."""
    return [entry["name"] for entry in json.loads((folder / "manifest.json").read_text())["files"]]


@wrong("finished_files", says="does not say that it is whole")
def listed_and_there(folder):
    """Forgets the sizes."""
    return [name for name in trusts_the_manifest(folder) if (folder / name).exists()]


@wrong("finished_files", says="the file has yet to come")
def expects_every_file(folder):
    """Expects every file of the manifest to be there."""
    files = json.loads((folder / "manifest.json").read_text())["files"]
    return [entry["name"] for entry in files if (folder / entry["name"]).stat().st_size == entry["bytes"]]


@wrong("finished_files", says="longer than promised")
def at_least_the_size(folder):
    """Believes that a file can only be too short."""
    files = json.loads((folder / "manifest.json").read_text())["files"]
    there = [entry for entry in files if (folder / entry["name"]).exists()]
    return [entry["name"] for entry in there if (folder / entry["name"]).stat().st_size >= entry["bytes"]]


@wrong("finished_files", says="its 8 bytes are 7 characters")
def counts_characters(folder):
    """Takes characters for bytes."""
    files = json.loads((folder / "manifest.json").read_text())["files"]
    there = [entry for entry in files if (folder / entry["name"]).exists()]
    return [entry["name"] for entry in there if len((folder / entry["name"]).read_text()) == entry["bytes"]]


@wrong("finished_files", says="An empty file can be whole")
def empty_is_unfinished(folder):
    """Takes 0 for not there."""
    return [name for name in finished_one_by_one(folder) if (folder / name).stat().st_size]


@wrong("finished_files", says="Begin with the manifest")
def sizes_of_what_is_there(folder):
    """Looks every file of the folder up in the manifest."""
    promised = {file["name"]: file["bytes"] for file in json.loads((folder / "manifest.json").read_text())["files"]}
    return [path.name for path in sorted(folder.iterdir()) if path.stat().st_size == promised[path.name]]


@right("finished_files")
def finished_one_by_one(folder):
    finished = []
    for entry in json.loads((folder / "manifest.json").read_text())["files"]:
        file = folder / entry["name"]
        if file.is_file() and len(file.read_bytes()) == entry["bytes"]:
            finished.append(entry["name"])
    return finished


@wrong("with_source", says="it names a place on this machine")
def whole_path(spark, landing):
    """Takes the path as it is."""
    return spark.read.schema(ORDERS).json(f"{landing}/*").withColumn("source_file", F.col("_metadata.file_path"))


@wrong("with_source", says="both days have a file of that name")
def name_alone(spark, landing):
    """Believes that a file's name is unique."""
    return spark.read.schema(ORDERS).json(f"{landing}/*").withColumn("source_file", F.col("_metadata.file_name"))


@wrong("with_source", says="does not look into the folders in it")
def reads_the_folder(spark, landing):
    """Believes that Spark walks through sub-folders."""
    return _with_source(spark.read.schema(ORDERS).json(landing))


@wrong("with_source", says="a day may bring many files")
def day_alone(spark, landing):
    """Takes the folder for the source."""
    orders = spark.read.schema(ORDERS).json(f"{landing}/*")
    return orders.withColumn("source_file", F.split("_metadata.file_path", "/")[F.lit(-2) + F.size(_parts())])


@wrong("with_source", says="begins without a slash")
def slash_in_front(spark, landing):
    """Cuts off the landing zone, and not the slash behind it."""
    orders = spark.read.schema(ORDERS).json(f"{landing}/*")
    return orders.withColumn("source_file", F.concat(F.lit("/"), F.substring_index("_metadata.file_path", "/", -2)))


@wrong("with_source", says="and O1 is there: read all days")
def one_day(spark, landing):
    """Has the day of the example in mind."""
    return _with_source(spark.read.schema(ORDERS).json(f"{landing}/2026-03-01"))


def _parts():
    return F.split("_metadata.file_path", "/")


def _with_source(orders):
    return orders.withColumn("source_file", F.substring_index("_metadata.file_path", "/", -2))


@right("with_source")
def source_by_regular_expression(spark, landing):
    orders = spark.read.schema(ORDERS).option("recursiveFileLookup", True).json(landing)
    return orders.select("*", F.regexp_extract("_metadata.file_path", r"[^/]+/[^/]+$", 0).alias("source_file"))


@right("with_source")
def source_by_the_old_function(spark, landing):
    orders = spark.read.schema(ORDERS).json(f"{landing}/*/*.json")
    return orders.withColumn("source_file", F.element_at(F.split(F.input_file_name(), f"{landing}/"), -1))


def _jdbc(table, day, lowest, highest, **changed):
    options = {
        "dbtable": f"(SELECT * FROM {table} WHERE ordered_on >= '{day}') AS t",
        "partitionColumn": "order_id",
        "lowerBound": lowest,
        "upperBound": highest,
        "numPartitions": 4,
        "fetchsize": 10_000,
        **changed,
    }
    return {name: value for name, value in options.items() if value is not None}


@wrong("jdbc_options", says="Spark refuses it beside `partitionColumn`")
def with_query(table, day, lowest, highest):
    """Puts the query where its name says."""
    query = f"SELECT * FROM {table} WHERE ordered_on >= '{day}'"
    return _jdbc(table, day, lowest, highest, dbtable=None, query=query)


@wrong("jdbc_options", says="leave no row out")
def bounds_as_a_filter(table, day, lowest, highest):
    """Believes that the bounds filter."""
    return _jdbc(table, day, lowest, highest, dbtable=table)


@wrong("jdbc_options", says="parentheses and an alias")
def bare_query(table, day, lowest, highest):
    """Writes a query where a table stands."""
    return _jdbc(table, day, lowest, highest, dbtable=f"SELECT * FROM {table} WHERE ordered_on >= '{day}'")


@wrong("jdbc_options", says="Spark wants both bounds")
def no_bounds(table, day, lowest, highest):
    """Believes that Spark finds the bounds itself."""
    return _jdbc(table, day, lowest, highest, lowerBound=None, upperBound=None)


@wrong("jdbc_options", says="some connections get nothing")
def bounds_from_zero(table, day, lowest, highest):
    """Cuts the whole number line."""
    return _jdbc(table, day, lowest, highest, lowerBound=0)


@wrong("jdbc_options", says="order 501, of the day itself")
def after_the_day(table, day, lowest, highest):
    """Writes > for `from … on`."""
    query = f"(SELECT * FROM {table} WHERE ordered_on > '{day}') AS t"
    return _jdbc(table, day, lowest, highest, dbtable=query)


@wrong("jdbc_options", says="the driver decides how many rows")
def default_fetch_size(table, day, lowest, highest):
    """Leaves the size of a fetch to the driver."""
    return _jdbc(table, day, lowest, highest, fetchsize=None)


@wrong("jdbc_options", says="all columns were asked for")
def key_only(table, day, lowest, highest):
    """Selects the column that it cuts by."""
    query = f"(SELECT order_id FROM {table} WHERE ordered_on >= '{day}') AS t"
    return _jdbc(table, day, lowest, highest, dbtable=query)


@right("jdbc_options")
def options_as_text(table, day, lowest, highest):
    return {
        "numPartitions": "4",
        "partitioncolumn": "order_id",
        "lowerBound": str(lowest),
        "upperBound": str(highest),
        "fetchSize": "10000",
        "dbtable": f"(select * from {table} where not (ordered_on < date('{day}'))) recent_orders",
    }


@wrong("partition_predicates", says="`BETWEEN` holds both of its ends")
def by_between(column, cuts):
    """Takes BETWEEN for half-open."""
    between = [f"{column} BETWEEN '{a}' AND '{b}'" for a, b in pairwise(cuts)]
    return [f"{column} < '{cuts[0]}' OR {column} IS NULL", *between, f"{column} > '{cuts[-1]}'"]


@wrong("partition_predicates", says="the outer two have one end only")
def inner_pieces_only(column, cuts):
    """Takes the cuts for the ends of the data."""
    return [f"{column} >= '{a}' AND {column} < '{b}'" for a, b in pairwise(cuts)]


@wrong("partition_predicates", says="neither before nor after any cut")
def forgets_the_nulls(column, cuts):
    """Believes that smaller and not smaller are everything."""
    first, *others = _predicates(column, cuts)
    return [first.replace(f" OR {column} IS NULL", ""), *others]


@wrong("partition_predicates", says="one of two neighbours must hold the day of the cut")
def open_on_both_sides(column, cuts):
    """Leaves out the days of the cuts."""
    return [condition.replace(">=", ">") for condition in _predicates(column, cuts)]


@wrong("partition_predicates", says="not both")
def first_piece_closed(column, cuts):
    """Lets the first piece reach its cut."""
    first, *others = _predicates(column, cuts)
    return [first.replace("<", "<="), *others]


@wrong("partition_predicates", says="a NULL is to be read once")
def nulls_everywhere(column, cuts):
    """Adds the NULLs to every piece, to be sure."""
    return [f"{condition} OR {column} IS NULL" for condition in _predicates(column, cuts)]


@wrong("partition_predicates", says="from the cut on it is the next")
def closed_above(column, cuts):
    """Puts the day of a cut into the piece that ends there."""
    return [condition.replace("<", "<=").replace(">=", ">") for condition in _predicates(column, cuts)]


def _predicates(column, cuts):
    between = [f"{column} >= '{a}' AND {column} < '{b}'" for a, b in pairwise(cuts)]
    return [f"{column} < '{cuts[0]}' OR {column} IS NULL", *between, f"{column} >= '{cuts[-1]}'"]


@right("partition_predicates")
def nulls_in_the_last_piece(column, cuts):
    conditions = [f"{column} < '{cuts[0]}'"]
    for number, cut in enumerate(cuts):
        end = f" AND {column} < '{cuts[number + 1]}'" if number + 1 < len(cuts) else f" OR {column} IS NULL"
        conditions.append(f"{column} >= '{cut}'{end}")
    return conditions


@wrong("next_watermark", says="the reader's clock is not the source's")
def reads_the_clock(batch, before):
    """Takes the time of the run."""
    return datetime.now()


@wrong("next_watermark", says="the next run would read everything again")
def newest_of_the_batch(batch, before):
    """Forgets the batch without rows."""
    return batch.agg(F.max("updated_at")).first()[0]


@wrong("next_watermark", says="the watermark went back from 12:00")
def newest_or_before(batch, before):
    """Has the empty batch in mind, and not the late one."""
    return batch.agg(F.max("updated_at")).first()[0] or before


@wrong("next_watermark", says="None cannot be compared")
def compares_always(batch, before):
    """Expects a watermark before the first batch."""
    return max(batch.agg(F.coalesce(F.max("updated_at"), F.lit(before))).first()[0], before)


@wrong("next_watermark", says="For a batch without rows your code raised TypeError")
def compares_the_newest_of_nothing(batch, before):
    """Expects every batch to hold rows."""
    newest = batch.agg(F.max("updated_at")).first()[0]
    return newest if before is None else max(newest, before)


@wrong("next_watermark", says="rows have no order")
def last_row(batch, before):
    """Takes the last row for the newest."""
    rows = batch.tail(1)
    newest = rows[0].updated_at if rows else before
    return newest if before is None or newest > before else before


@right("next_watermark")
def watermark_in_spark(batch, before):
    newest = F.max("updated_at")
    return batch.agg(newest if before is None else F.greatest(newest, F.lit(before))).first()[0]


@right("next_watermark")
def watermark_step_by_step(batch, before):
    [row] = batch.selectExpr("max(updated_at) AS newest").collect()
    if row.newest is None or (before is not None and before > row.newest):
        return before
    return row.newest


KEY = ["order_id", "updated_at"]


@wrong("rows_to_load", says="the run must read from before it")
def behind_the_watermark(orders, loaded, watermark):
    """Believes that what is behind the watermark is loaded."""
    return orders.where(F.col("updated_at") >= watermark).join(loaded, KEY, "left_anti")


@wrong("rows_to_load", says="committed after the last run")
def strictly_newer(orders, loaded, watermark):
    """Writes > and forgets those of the same moment."""
    return orders.where(F.col("updated_at") > watermark)


@wrong("rows_to_load", says="what the overlap brings twice must be left out")
def overlap_alone(orders, loaded, watermark):
    """Reads the overlap and does not look what is loaded."""
    return orders.where(F.col("updated_at") >= watermark - timedelta(minutes=15))


@wrong("rows_to_load", says="reads the rows on the watermark again")
def on_the_watermark_again(orders, loaded, watermark):
    """Writes >= and loads the rows of that moment again."""
    return orders.where(F.col("updated_at") >= watermark)


@wrong("rows_to_load", says="The version is the key, not the order")
def by_order_alone(orders, loaded, watermark):
    """Takes the order for the version."""
    return overlap_alone(orders, loaded, watermark).join(loaded, "order_id", "left_anti")


@wrong("rows_to_load", says="every run reads the whole table")
def all_that_is_not_loaded(orders, loaded, watermark):
    """Compares everything with everything."""
    return orders.join(loaded, KEY, "left_anti")


@wrong("rows_to_load", says="a row on the moment 15 minutes before the watermark counts")
def open_overlap(orders, loaded, watermark):
    """Leaves the moment itself out."""
    return orders.where(F.col("updated_at") > watermark - timedelta(minutes=15)).join(loaded, KEY, "left_anti")


@right("rows_to_load")
def overlap_by_timedelta(orders, loaded, watermark):
    recent = orders.filter(orders.updated_at >= F.lit(watermark - timedelta(minutes=15)))
    return recent.join(loaded.select("order_id", "updated_at"), KEY, "anti")


@wrong("rows_to_load", says="a difference in whole minutes is cut off")
def in_whole_minutes(orders, loaded, watermark):
    """Counts minutes, so that fifteen and a half are fifteen."""
    recent = orders.where(F.timestamp_diff("MINUTE", F.col("updated_at"), F.lit(watermark)) <= 15)
    return recent.join(loaded, KEY, "left_anti")


@right("rows_to_load")
def by_left_join_and_null(orders, loaded, watermark):
    known = loaded.select("order_id", "updated_at", F.lit(True).alias("known"))
    recent = orders.where(F.timestamp_diff("SECOND", F.col("updated_at"), F.lit(watermark)) <= 15 * 60)
    return recent.join(known, KEY, "left").where("known IS NULL").drop("known")


@wrong("rows_to_load", says="a version is the order with its time")
def without_equal_rows(orders, loaded, watermark):
    """Compares whole rows, of which the amount is no part of the version."""
    return orders.where(F.col("updated_at") >= watermark - timedelta(minutes=15)).subtract(loaded)


@right("rows_to_load")
def moment_as_a_text(orders, loaded, watermark):
    since = watermark - timedelta(minutes=15)
    return orders.where(f"updated_at >= TIMESTAMP '{since}'").join(loaded, KEY, "left_anti")


def _step(status, headers, body, attempt, *, last=5, passing=None, waits=None):
    """The right decision, apart from what a wrong answer changes in it."""
    if status == 200:
        return ("done", None) if body.get("next") is None else ("page", body["next"])
    passes = (status == 429 or status >= 500) if passing is None else passing
    if attempt >= last or not passes:
        return ("fail", status)
    named = {name.lower(): value for name, value in headers.items()}
    return ("wait", int(named.get("retry-after", 2 ** (attempt - 1))) if waits is None else waits)


@wrong("next_step", says="empty is not last")
def ends_at_an_empty_page(status, headers, body, attempt):
    """Takes an empty page for the last one."""
    if status == 200 and not body["items"]:
        return ("done", None)
    return _step(status, headers, body, attempt)


@wrong("next_step", says="it says `too many requests`")
def retries_only_5xx(status, headers, body, attempt):
    """Takes every 4xx for a mistake of the client."""
    return _step(status, headers, body, attempt, passing=status >= 500)


@wrong("next_step", says="in small letters it said how long")
def one_spelling(status, headers, body, attempt):
    """Expects the header in one spelling."""
    return _step(status, {}, body, attempt, waits=int(headers.get("Retry-After", 2 ** (attempt - 1))))


@wrong("next_step", says="a text: seconds are a number")
def seconds_as_text(status, headers, body, attempt):
    """Passes the header on as it came."""
    named = {name.lower(): value for name, value in headers.items()}
    return _step(status, headers, body, attempt, waits=named.get("retry-after", 2 ** (attempt - 1)))


@wrong("next_step", says="each wait is twice the one before")
def waits_in_a_straight_line(status, headers, body, attempt):
    """Waits a second more each time."""
    named = {name.lower(): value for name, value in headers.items()}
    return _step(status, headers, body, attempt, waits=int(named.get("retry-after", attempt)))


@wrong("next_step", says="the first wait is 1 second")
def begins_with_two(status, headers, body, attempt):
    """Begins to count at 1 and to double at once."""
    named = {name.lower(): value for name, value in headers.items()}
    return _step(status, headers, body, attempt, waits=int(named.get("retry-after", 2**attempt)))


@wrong("next_step", says="without an end, a server that is down holds the job for ever")
def never_gives_up(status, headers, body, attempt):
    """Tries until it works."""
    return _step(status, headers, body, attempt, last=1_000)


@wrong("next_step", says="asking again gives the same answer")
def retries_everything(status, headers, body, attempt):
    """Takes every status but 200 for passing."""
    return _step(status, headers, body, attempt, passing=True)


@wrong("next_step", says="not only a 429 says how long to wait")
def asks_only_a_429(status, headers, body, attempt):
    """Looks for the header in a 429 only."""
    return _step(status, headers if status == 429 else {}, body, attempt)


@wrong("next_step", says="missing is one of the two ways")
def expects_next(status, headers, body, attempt):
    """Expects `next` on every page."""
    if status == 200:
        return ("page", body["next"]) if body["next"] else ("done", None)
    return _step(status, headers, body, attempt)


@wrong("next_step", says="the server is in trouble and may recover")
def only_some_errors_pass(status, headers, body, attempt):
    """Knows the statuses that it has seen."""
    return _step(status, headers, body, attempt, passing=status in (429, 503))


@wrong("next_step", says="few servers say how long to wait")
def expects_the_header(status, headers, body, attempt):
    """Expects the header in every answer."""
    if status in (429, 500, 502, 503, 599) and attempt < 5:
        return "wait", int({name.lower(): value for name, value in headers.items()}["retry-after"])
    return _step(status, headers, body, attempt)


@wrong("next_step", says="after attempt 4 it waits too")
def three_waits(status, headers, body, attempt):
    """Lists three waits for five attempts."""
    if status in (429, 500, 502, 503, 599) and attempt < 5:
        says = {name.lower(): value for name, value in headers.items()}.get("retry-after")
        return "wait", int(says) if says else [1, 2, 4][attempt - 1]
    return _step(status, headers, body, attempt)


@right("next_step")
def step_by_match(status, headers, body, attempt):
    match status:
        case 200 if body.get("next"):
            return "page", body["next"]
        case 200:
            return "done", None
        case _ if attempt < 5 and (status == 429 or status >= 500):
            told = [int(value) for name, value in headers.items() if name.casefold() == "retry-after"]
            return "wait", told[0] if told else (1, 2, 4, 8)[attempt - 1]
    return "fail", status


def _pages(get, since, more=lambda page: page["next"] is not None, **parameters):
    page = get({"updated_since": since})
    while True:
        yield page
        if not more(page):
            return
        page = get({"updated_since": since, "cursor": page["next"], **parameters})


def _in_order(items):
    return sorted(items, key=lambda item: item["id"])


@wrong("fetch_changed", says="one request: `next` names another page")
def first_page_only(get, since):
    """Takes the first page for all."""
    return _in_order(get({"updated_since": since})["items"])


@wrong("fetch_changed", says="`next` goes on behind it")
def until_an_empty_page(get, since):
    """Takes an empty page for the end."""
    pages = _pages(get, since, more=lambda page: page["items"] and page["next"] is not None)
    return _in_order(item for page in pages for item in page["items"])


@wrong("fetch_changed", says="without `updated_since` the API begins to send everything")
def forgets_since_later(get, since):
    """Believes that a cursor remembers the question."""
    page, items = get({"updated_since": since}), []
    while page["next"] is not None:
        items += page["items"]
        page = get({"cursor": page["next"]})
    return _in_order(items + page["items"])


@wrong("fetch_changed", says="it changed while you read")
def keeps_both_versions(get, since):
    """Puts the pages one behind the other."""
    return _in_order(item for page in _pages(get, since) for item in page["items"])


@wrong("fetch_changed", says="the first version is not the newest")
def keeps_the_first(get, since):
    """Takes what comes again for a duplicate."""
    found = {}
    for page in _pages(get, since):
        for item in page["items"]:
            found.setdefault(item["id"], item)
    return _in_order(found.values())


@wrong("fetch_changed", says="an older version can come late")
def keeps_the_last_that_comes(get, since):
    """Takes the order of arrival for the order of change."""
    found = {item["id"]: item for page in _pages(get, since) for item in page["items"]}
    return _in_order(found.values())


@wrong("fetch_changed", says="the order of `id` was asked for")
def in_order_of_arrival(get, since):
    """Forgets the order."""
    return list(_newest(get, since).values())


@wrong("fetch_changed", says="nothing ends the loop")
def never_moves_on(get, since):
    """Asks for the page of the first cursor, again and again."""
    page, items = get({"updated_since": since}), []
    cursor = page["next"]
    while page["next"] is not None:
        page = get({"updated_since": since, "cursor": cursor})
        items += page["items"]
    return items


@wrong("fetch_changed", says="no page has given a cursor yet")
def cursor_in_the_first_request(get, since):
    """Sends a cursor that nobody gave it."""
    cursor, items = None, []
    while True:
        page = get({"updated_since": since, "cursor": cursor})
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return _in_order(items)


def _newest(get, since):
    found = {}
    for page in _pages(get, since):
        for item in page["items"]:
            if item["id"] not in found or found[item["id"]]["updated_at"] < item["updated_at"]:
                found[item["id"]] = item
    return found


@right("fetch_changed")
def sorted_once(get, since):
    items = [item for page in _pages(get, since) for item in page["items"]]
    newest = {item["id"]: item for item in sorted(items, key=lambda item: item["updated_at"])}
    return [item for _, item in sorted(newest.items())]


@right("fetch_changed")
def by_recursion(get, since):
    def rest(parameters):
        page = get({"updated_since": since, **parameters})
        return page["items"] + (rest({"cursor": page["next"]}) if page["next"] else [])

    items = rest({})
    ids = sorted({item["id"] for item in items})
    return [max((i for i in items if i["id"] == key), key=lambda item: item["updated_at"]) for key in ids]


@wrong("load_new_files", says="an append loads every file that is there")
def appends_the_folder(spark, landing, path, checkpoint):
    """Appends what is in the folder."""
    spark.read.schema(ORDERS).json(landing).write.format("delta").mode("append").save(path)


@wrong("load_new_files", says="an overwrite keeps only what is in the folder today")
def overwrites_with_the_folder(spark, landing, path, checkpoint):
    """Makes the table a copy of the folder."""
    spark.read.schema(ORDERS).json(landing).write.format("delta").mode("overwrite").save(path)


@wrong("load_new_files", says="yours was not used twice")
def new_checkpoint_each_time(spark, landing, path, checkpoint):
    """Takes the checkpoint for a scratch folder."""
    _stream(spark, landing, path, tempfile.mkdtemp(dir=Path(landing).parent)).awaitTermination()


@wrong("load_new_files", says="Wait for the end")
def does_not_wait(spark, landing, path, checkpoint):
    """Believes that `start` comes back when all is done."""
    _stream(spark, landing, path, checkpoint)


def _stream(spark, landing, path, checkpoint):
    stream = spark.readStream.schema(ORDERS).json(landing).writeStream.format("delta")
    return stream.option("checkpointLocation", checkpoint).trigger(availableNow=True).start(path)


@wrong("load_new_files", says="let the write make it")
def merged_into_nothing(spark, landing, path, checkpoint):
    """Expects the table to be there."""
    from delta.tables import DeltaTable

    rows = spark.read.schema("order_id string, amount double").json(landing)
    table = DeltaTable.forPath(spark, path).alias("t")
    table.merge(rows.alias("n"), "t.order_id = n.order_id").whenNotMatchedInsertAll().execute()


@right("load_new_files")
def stopped_when_all_is_there(spark, landing, path, checkpoint):
    orders = spark.readStream.format("json").schema(ORDERS).load(landing)
    query = orders.writeStream.start(path, format="delta", outputMode="append", checkpointLocation=checkpoint)
    query.processAllAvailable()
    query.stop()


def _changes(new=(), missing=(), conflicts=()):
    return {"new": list(new), "missing": list(missing), "conflicts": list(conflicts)}


@wrong("schema_changes", says="it only may be NULL now")
def difference_of_fields(known, arrived):
    """Compares whole fields."""
    return _changes([f.name for f in arrived if f not in known.fields], [f.name for f in known if f not in arrived])


@wrong("schema_changes", says="A conflict is not a new column")
def names_with_types(known, arrived):
    """Takes a name with another type for another column."""
    before = {(f.name.lower(), f.dataType) for f in known}
    now = {(f.name.lower(), f.dataType) for f in arrived}
    return _changes(
        [f.name for f in arrived if (f.name.lower(), f.dataType) not in before],
        [f.name for f in known if (f.name.lower(), f.dataType) not in now],
    )


@wrong("schema_changes", says="to Spark it is the column `Customer`")
def names_as_written(known, arrived):
    """Compares names with their capitals."""
    before, now = {f.name: f.dataType for f in known}, {f.name: f.dataType for f in arrived}
    return _changes(
        [name for name in now if name not in before],
        [name for name in before if name not in now],
        [name for name in before if name in now and before[name] != now[name]],
    )


@wrong("schema_changes", says="You gave no conflict")
def names_only(known, arrived):
    """Compares names only."""
    found = changes_by_loop(known, arrived)
    return {**found, "conflicts": []}


@wrong("schema_changes", says="which does not fit into it")
def numbers_are_numbers(known, arrived):
    """Takes any whole number for the same type."""
    found = changes_by_loop(known, arrived)
    return {**found, "conflicts": [name for name in found["conflicts"] if name != "quantity"]}


@wrong("schema_changes", says="whether a column may be NULL is not its type")
def nullable_is_a_conflict(known, arrived):
    """Compares whole fields of the same name."""
    found = changes_by_loop(known, arrived)
    now = {f.name.lower(): f for f in arrived}
    different = [
        f.name
        for f in known
        if f.name.lower() in now
        and (f.dataType, f.nullable) != (now[f.name.lower()].dataType, now[f.name.lower()].nullable)
    ]
    return {**found, "conflicts": different}


@wrong("schema_changes", says="keeps the name that it arrived with")
def small_letters_everywhere(known, arrived):
    """Gives back the names that it compared."""
    return {kind: [name.lower() for name in found] for kind, found in changes_by_loop(known, arrived).items()}


@wrong("schema_changes", says="so it is missing")
def the_other_way_round(known, arrived):
    """Compares in the wrong direction."""
    found = changes_by_loop(known, arrived)
    return {**found, "new": found["missing"], "missing": found["new"]}


@wrong("schema_changes", says="Look it up in small letters")
def looked_up_as_written(known, arrived):
    """Looks each known column up as it is written."""
    found = changes_by_loop(known, arrived)
    return {**found, "conflicts": [f.name for f in known if arrived[f.name].dataType != f.dataType]}


@wrong("schema_changes", says="has no type to compare")
def looked_up_in_small_letters(known, arrived):
    """Expects every known column to have arrived."""
    types = {field.name.lower(): field.dataType for field in arrived}
    found = changes_by_loop(known, arrived)
    return {**found, "conflicts": [f.name for f in known if types[f.name.lower()] != f.dataType]}


@right("schema_changes")
def changes_by_loop(known, arrived):
    found = {"new": [], "missing": [], "conflicts": []}
    for field in arrived:
        if field.name.lower() not in [other.name.lower() for other in known]:
            found["new"].append(field.name)
    for field in known:
        same = [other for other in arrived if other.name.lower() == field.name.lower()]
        if not same:
            found["missing"].append(field.name)
        elif same[0].dataType.simpleString() != field.dataType.simpleString():
            found["conflicts"].append(field.name)
    return found


@wrong("cast_or_rescue", says="stops all rows for one value")
def casts(orders):
    """Casts as before ANSI mode."""
    return orders.select(
        "order_id",
        F.col("quantity").cast("int"),
        F.col("amount").cast("double"),
        F.lit(None).cast("string").alias("_rescued"),
    )


@wrong("cast_or_rescue", says="nobody can tell it from one that never was")
def tries_and_forgets(orders):
    """Turns what does not fit into NULL."""
    return orders.select(
        "order_id",
        F.col("quantity").try_cast("int").alias("quantity"),
        F.col("amount").try_cast("double").alias("amount"),
    )


def _typed(orders, rescued):
    quantity, amount = F.col("quantity").try_cast("int"), F.col("amount").try_cast("double")
    return orders.select(
        "order_id", quantity.alias("quantity"), amount.alias("amount"), rescued(quantity, amount).alias("_rescued")
    )


@wrong("cast_or_rescue", says="where all values fit, `_rescued` is NULL")
def empty_object(orders):
    """Leaves an empty object where nothing was rescued."""
    return _typed(
        orders,
        lambda quantity, amount: F.to_json(
            F.struct(
                F.when(quantity.isNull(), F.col("quantity")).alias("quantity"),
                F.when(amount.isNull(), F.col("amount")).alias("amount"),
            )
        ),
    )


@wrong("cast_or_rescue", says="nothing is to be rescued")
def rescues_everything(orders):
    """Keeps the text of all values, to be sure."""
    return _typed(orders, lambda quantity, amount: F.to_json(F.struct("quantity", "amount")))


@wrong("cast_or_rescue", says="its amount fits")
def rescues_the_whole_row(orders):
    """Rescues all values of a row in which one does not fit."""
    return _typed(
        orders,
        lambda quantity, amount: F.when(
            (quantity.isNull() & F.col("quantity").isNotNull()) | (amount.isNull() & F.col("amount").isNotNull()),
            F.to_json(F.struct("quantity", "amount")),
        ),
    )


@wrong("cast_or_rescue", says="was not lost on the way")
def null_is_rescued_too(orders):
    """Takes every NULL for a value that did not fit."""
    return _typed(
        orders,
        lambda quantity, amount: F.when(
            quantity.isNull() | amount.isNull(),
            F.to_json(
                F.struct(
                    F.when(quantity.isNull(), F.col("quantity")).alias("quantity"),
                    F.when(amount.isNull(), F.col("amount")).alias("amount"),
                )
            ),
        ),
    )


@wrong("cast_or_rescue", says="both of its values do not fit")
def first_misfit_only(orders):
    """Stops at the first value that does not fit."""
    return _typed(
        orders,
        lambda quantity, amount: F.when(
            quantity.isNull() & F.col("quantity").isNotNull(), F.to_json(F.struct("quantity"))
        ).when(amount.isNull() & F.col("amount").isNotNull(), F.to_json(F.struct("amount"))),
    )


@wrong("cast_or_rescue", says="a loss too, only a quieter one")
def whole_part(orders):
    """Makes an int by way of a double."""
    good = rescued_by_hand(orders)
    return good.withColumn("quantity", F.when(F.col("order_id") == "O5", 2).otherwise(F.col("quantity")))


@wrong("cast_or_rescue", says="'two' is in no column any more")
def column_that_stays_empty(orders):
    """Adds the column and puts nothing into it."""
    return _typed(orders, lambda quantity, amount: F.lit(None).cast("string"))


@right("cast_or_rescue")
def rescued_by_hand(orders):
    misfit = {
        name: F.col(name).isNotNull() & F.expr(f"try_cast({name} AS {kind}) IS NULL")
        for name, kind in (("quantity", "int"), ("amount", "double"))
    }
    entries = F.map_filter(
        F.create_map(F.lit("quantity"), F.col("quantity"), F.lit("amount"), F.col("amount")),
        lambda key, value: ((key == "quantity") & misfit["quantity"]) | ((key == "amount") & misfit["amount"]),
    )
    return orders.withColumn("_rescued", F.when(F.size(entries) > 0, F.to_json(entries))).withColumns(
        {"quantity": F.expr("try_cast(quantity AS int)"), "amount": F.expr("try_cast(amount AS double)")}
    )


def _evolve(batch, known, mode, rescued):
    """The right batch, apart from its `_rescued`."""
    new = [name for name in batch.columns if name not in known.names]
    if new and mode == "failOnNewColumns":
        raise ValueError(str(new))
    columns = [F.col(f.name) if f.name in batch.columns else F.lit(None).cast(f.dataType).alias(f.name) for f in known]
    if mode == "addNewColumns":
        columns += new
    if mode == "rescue":
        columns += rescued(new)
    return batch.select(*columns)


@wrong("evolve", says="is to be there, as NULL")
def as_it_came(batch, known, mode):
    """Forgets what the batch lacks."""
    present = [name for name in known.names if name in batch.columns]
    new = [name for name in batch.columns if name not in known.names]
    return batch.select(*present, *(new if mode == "addNewColumns" else []))


@wrong("evolve", says="the table's own come first")
def in_the_order_of_the_batch(batch, known, mode):
    """Adds what is lacking behind what came."""
    return batch.withColumns({f.name: F.lit(None).cast(f.dataType) for f in known if f.name not in batch.columns})


@wrong("evolve", says="the shape of a table must not change from day to day")
def rescued_only_when_needed(batch, known, mode):
    """Adds `_rescued` on days with new columns."""
    return _evolve(
        batch,
        known,
        mode,
        lambda new: [F.nullif(F.to_json(F.struct(*new)), F.lit("{}")).alias("_rescued")] if new else [],
    )


@wrong("evolve", says="where a row has no value in a new column")
def empty_object_for_a_row(batch, known, mode):
    """Leaves an empty object where a row has none of the new columns."""
    return _evolve(
        batch,
        known,
        mode,
        lambda new: [
            F.to_json(F.struct(*new)).alias("_rescued") if new else F.lit(None).cast("string").alias("_rescued")
        ],
    )


@wrong("evolve", says="it is to be refused")
def fails_by_leaving_out(batch, known, mode):
    """Leaves new columns out where they are to be refused."""
    return evolved_by_cases(batch, known, "none" if mode == "failOnNewColumns" else mode)


@wrong("evolve", says="in mode `failOnNewColumns`, your code raised ValueError")
def always_fails(batch, known, mode):
    """Refuses every batch in that mode."""
    if mode == "failOnNewColumns":
        raise ValueError(f"The table does not have {[name for name in batch.columns if name not in known.names]}.")
    return evolved_by_cases(batch, known, mode)


@wrong("evolve", says="goes into `_rescued`")
def rescue_as_add(batch, known, mode):
    """Adds where it is to rescue."""
    return evolved_by_cases(batch, known, "addNewColumns" if mode == "rescue" else mode)


@wrong("evolve", says="only what has no other place is rescued")
def rescues_the_row(batch, known, mode):
    """Rescues the whole row."""
    return _evolve(batch, known, mode, lambda new: [F.to_json(F.struct(*batch.columns)).alias("_rescued")])


@wrong("evolve", says="name the new columns")
def fails_without_names(batch, known, mode):
    """Refuses, and does not say why."""
    if mode == "failOnNewColumns" and set(batch.columns) - set(known.names):
        raise ValueError("schema mismatch")
    return evolved_by_cases(batch, known, mode)


@wrong("evolve", says="Nothing can be selected that is not there")
def selects_the_known(batch, known, mode):
    """Selects the known columns, whether they are there or not."""
    return batch.select(*known.names, *[name for name in batch.columns if name not in known.names])


@right("evolve")
def evolved_by_cases(batch, known, mode):
    new = [field for field in batch.schema if field.name not in known.names]
    empty = batch.sparkSession.createDataFrame([], known)
    whole = empty.unionByName(batch, allowMissingColumns=True)
    if mode == "addNewColumns":
        return whole
    if mode == "failOnNewColumns" and new:
        raise ValueError("New columns: " + ", ".join(field.name for field in new))
    if mode == "rescue":
        some = F.lit(False)
        for field in new:
            some = some | F.col(field.name).isNotNull()
        text = F.to_json(F.struct(*[field.name for field in new])) if new else F.lit("")
        whole = whole.withColumn("_rescued", F.when(some, text))
    return whole.drop(*[field.name for field in new])


@wrong("rows_of_new_files", says="it would be there twice")
def everything_again(arriving, table):
    """Appends what is in the folder."""
    return arriving


@wrong("rows_of_new_files", says="A file is loaded once, not an order")
def by_order_id(arriving, table):
    """Compares orders, where files are loaded."""
    return arriving.join(table, "order_id", "left_anti")


@wrong("rows_of_new_files", says="no file is known not to be in it")
def by_not_in(arriving, table):
    """Writes NOT IN and forgets the NULL."""
    return arriving.sparkSession.sql(
        "SELECT * FROM {arriving} WHERE source_file NOT IN (SELECT source_file FROM {table})",
        arriving=arriving,
        table=table,
    )


@wrong("rows_of_new_files", says="has this row twice")
def by_subtract(arriving, table):
    """Takes rows away, and with them the equal ones."""
    return arriving.subtract(table)


@right("rows_of_new_files")
def by_not_exists(arriving, table):
    return arriving.sparkSession.sql(
        """
        SELECT * FROM {arriving} AS a
        WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE t.source_file = a.source_file)
        """,
        arriving=arriving,
        table=table,
    )


@right("rows_of_new_files")
def by_left_join(arriving, table):
    known = table.select("source_file").where("source_file IS NOT NULL").distinct().withColumn("known", F.lit(True))
    return arriving.join(known, "source_file", "left").where("known IS NULL").drop("known")


@wrong("replace_day", says="an overwrite replaces the whole table")
def overwrites_the_table(orders, day, path):
    """Takes the table for the day."""
    orders.write.format("delta").mode("overwrite").save(path)


@wrong("replace_day", says="the correction says 2.5")
def appends_the_day(orders, day, path):
    """Adds the correction to what is there."""
    orders.write.format("delta").mode("append").save(path)


@wrong("replace_day", says="an empty batch has no partition to overwrite")
def overwrites_partitions(orders, day, path):
    """Lets the batch decide which day it replaces."""
    orders.write.format("delta").mode("overwrite").option("partitionOverwriteMode", "dynamic").save(path)


@wrong("replace_day", says="between them a reader finds the day empty")
def deletes_then_appends(orders, day, path):
    """Does in two commits what has to be one."""
    orders.sparkSession.sql(f"DELETE FROM delta.`{path}` WHERE ordered_on = '{day}'")
    orders.write.format("delta").mode("append").save(path)


@wrong("replace_day", says="the correction has no O3")
def merges_the_day(orders, day, path):
    """Updates and inserts, and forgets what the correction left out."""
    orders.sparkSession.sql(
        f"""
        MERGE INTO delta.`{path}` AS t USING {{orders}} AS s ON t.order_id = s.order_id
        WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
        """,
        orders=orders,
    )


@right("replace_day")
def replaced_in_sql(orders, day, path):
    orders.sparkSession.sql(
        f"INSERT INTO delta.`{path}` REPLACE WHERE ordered_on = DATE '{day}' SELECT * FROM {{orders}}", orders=orders
    )


@wrong("append_once", says="the repeat of run 1 was appended again")
def plain_append(sales, path, job, run):
    """Believes that a run runs once."""
    sales.write.format("delta").mode("append").save(path)


@wrong("append_once", says="the numbers of one job say nothing of another's")
def one_application(sales, path, job, run):
    """Gives all jobs one name."""
    _write(sales, path, "ingestion", run)


@wrong("append_once", says="a version that never rises")
def one_version(sales, path, job, run):
    """Numbers the writer's code, not its runs."""
    _write(sales, path, job, 1)


@wrong("append_once", says="rows without a key look alike")
def looks_for_equal_rows(sales, path, job, run):
    """Leaves out rows that look like one that is there."""
    spark = sales.sparkSession
    if Path(path).exists():
        sales = sales.join(spark.read.format("delta").load(path), ["sku", "quantity"], "left_anti")
    sales.write.format("delta").mode("append").save(path)


@wrong("append_once", says="a write replaced what was there")
def overwrites(sales, path, job, run):
    """Takes overwrite for the mode in which a repeat changes nothing."""
    sales.write.format("delta").mode("overwrite").save(path)


@wrong("append_once", says="The first append raised DELTA_PATH_EXISTS")
def into_a_new_table(sales, path, job, run):
    """Refuses a table that is there, to write nothing twice."""
    sales.write.format("delta").mode("errorifexists").save(path)


@wrong("append_once", says="The repeat of run 1 raised")
def fails_at_the_repeat(sales, path, job, run):
    """Refuses the repeat with an error, so that the scheduler starts it again."""
    history = sales.sparkSession.sql(f"DESCRIBE HISTORY delta.`{path}`")
    if not history.where(F.col("userMetadata") == f"{job}/{run}").isEmpty():
        raise ValueError(f"Run {run} of {job} was here before.")
    sales.write.format("delta").mode("append").option("userMetadata", f"{job}/{run}").save(path)


def _write(sales, path, application, version):
    options = {"txnAppId": application, "txnVersion": version}
    sales.write.format("delta").mode("append").options(**options).save(path)


@right("append_once")
def application_of_each_run(sales, path, job, run):
    _write(sales, path, f"{job}-{run}", 1)


@wrong("audit", says="a file that never came is what an audit is for")
def inner_join(manifest, rows):
    """Joins as one joins by default."""
    return _books(manifest.join(_counted(rows), "source_file").fillna(0))


@wrong("audit", says="nobody had announced it")
def left_join(manifest, rows):
    """Starts from the manifest alone."""
    return _books(manifest.join(_counted(rows), "source_file", "left").fillna(0))


@wrong("audit", says="of a file that never came, 0 rows are clean")
def nulls_stay(manifest, rows):
    """Forgets what an outer join leaves empty."""
    return _books(manifest.join(_counted(rows), "source_file", "outer"))


@wrong("audit", says="Quarantined rows and duplicates have come too")
def balances_the_clean_rows(manifest, rows):
    """Counts only what it can use."""
    books = manifest.join(_counted(rows), "source_file", "outer").fillna(0)
    return books.withColumn("balanced", F.col("clean") == F.col("promised"))


@wrong("audit", says="Compare with what was promised, not with what came")
def balances_with_itself(manifest, rows):
    """Compares the parts with their own sum."""
    counted = _counted(rows).join(rows.groupBy("source_file").agg(F.count("*").alias("came")), "source_file")
    books = manifest.join(counted, "source_file", "outer").fillna(0)
    total = F.col("clean") + F.col("quarantined") + F.col("duplicates")
    return books.withColumn("balanced", total == F.col("came")).drop("came")


@wrong("audit", says="a filter for false does not find it")
def balance_of_null(manifest, rows):
    """Compares first and fills afterwards."""
    return _books(manifest.join(_counted(rows), "source_file", "outer")).fillna(0)


def _counted(rows):
    kinds = {"clean": "clean", "quarantined": "quarantined", "duplicate": "duplicates"}
    counts = [F.count(F.when(F.col("outcome") == kind, 1)).alias(name) for kind, name in kinds.items()]
    return rows.groupBy("source_file").agg(*counts)


def _books(books):
    return books.withColumn("balanced", F.expr("promised = clean + quarantined + duplicates"))


@right("audit")
def audit_by_pivot(manifest, rows):
    counted = rows.groupBy("source_file").pivot("outcome", ["clean", "quarantined", "duplicate"]).count()
    books = manifest.join(counted, "source_file", "full").na.fill(0).withColumnRenamed("duplicate", "duplicates")
    return books.selectExpr("*", "clean + quarantined + duplicates = promised AS balanced")


@right("audit")
def audit_in_sql(manifest, rows):
    return manifest.sparkSession.sql(
        """
        WITH lines AS (
            SELECT source_file, promised, NULL AS outcome FROM {manifest}
            UNION ALL SELECT source_file, 0, outcome FROM {rows})
        SELECT source_file, sum(promised) AS promised, count_if(outcome = 'clean') AS clean,
               count_if(outcome = 'quarantined') AS quarantined, count_if(outcome = 'duplicate') AS duplicates,
               sum(promised) = count(outcome) AS balanced
        FROM lines GROUP BY source_file
        """,
        manifest=manifest,
        rows=rows,
    )


@wrong("write_batch", says="an append does not look")
def appends_the_batch(batch, batch_id, path):
    """Trusts the checkpoint."""
    batch.dropDuplicates(["event_id"]).write.format("delta").mode("append").save(path)


@wrong("write_batch", says="says nothing about what is in it")
def by_batch_number(batch, batch_id, path):
    """Makes the batch idempotent by a number that begins anew."""
    writer = batch.dropDuplicates(["event_id"]).write.format("delta").mode("append")
    writer.option("txnAppId", "events").option("txnVersion", batch_id).save(path)


@wrong("write_batch", says="and not with itself")
def merges_without_a_look_at_the_batch(batch, batch_id, path):
    """Believes that MERGE also compares the rows of the batch."""
    _merge(batch, path)


@wrong("write_batch", says="the batch replaced the table")
def overwrites_with_the_batch(batch, batch_id, path):
    """Begins anew, as the stream does."""
    batch.dropDuplicates(["event_id"]).write.format("delta").mode("overwrite").save(path)


def _merge(batch, path):
    batch.createOrReplaceTempView("arrived_events")
    batch.sparkSession.sql(
        f"""
        MERGE INTO delta.`{path}` AS t USING arrived_events AS s ON s.event_id = t.event_id
        WHEN NOT MATCHED THEN INSERT (event_id, amount) VALUES (s.event_id, s.amount)
        """
    )


@right("write_batch")
def merged_by_view(batch, batch_id, path):
    newest = Window.partitionBy("event_id").orderBy("amount")
    _merge(batch.withColumn("row", F.row_number().over(newest)).where("row = 1").drop("row"), path)


@right("write_batch")
def appended_after_a_look(batch, batch_id, path):
    known = batch.sparkSession.read.format("delta").load(path)
    new = batch.distinct().join(known, "event_id", "left_anti")
    new.write.format("delta").mode("append").save(path)


@wrong("read_orders", says="its column is to be called `malformed`")
def column_of_the_default_name(spark, path):
    """Leaves the text where Spark puts it by itself."""
    return spark.read.csv(path, schema="order_id string, amount double, _corrupt_record string", header=True)


@wrong("read_orders", says="not of one value")
def text_of_the_value(spark, path):
    """Keeps what was wrong, and not where it stood."""
    rows = spark.read.csv(path, schema="order_id string, amount string", header=True)
    amount = F.col("amount").try_cast("double")
    bad = amount.isNull() & F.col("amount").isNotNull()
    return rows.select("order_id", amount.alias("amount"), F.when(bad, F.col("amount")).alias("malformed"))


@wrong("read_orders", says="a value too many")
def cast_by_hand(spark, path):
    """Sees the bad values, and not the values that two columns have no room for."""
    rows = spark.read.csv(path, schema="order_id string, amount string", header=True)
    amount = F.col("amount").try_cast("double")
    bad = amount.isNull() & F.col("amount").isNotNull()
    text = F.concat_ws(",", "order_id", "amount")
    return rows.select("order_id", amount.alias("amount"), F.when(bad, text).alias("malformed"))


@wrong("read_events", says="inferred anew and then made to fit")
def selects_the_kept_columns(spark, delivery, schema_file):
    """Infers each time, and takes from it what is known."""
    events = spark.read.json(delivery)
    if not schema_file.exists():
        schema_file.write_text(events.schema.json())
    kept = StructType.fromJson(json.loads(schema_file.read_text()))
    return events.select([F.col(field.name).cast(field.dataType) for field in kept])


@wrong("finished_files", says="holds up no other")
def until_the_first_unfinished(folder):
    """Stops at the first file that is not whole."""
    names = []
    for entry in json.loads((folder / "manifest.json").read_text())["files"]:
        file = folder / entry["name"]
        if not file.exists() or file.stat().st_size != entry["bytes"]:
            break
        names.append(entry["name"])
    return names


@wrong("finished_files", says="without the folder")
def paths_as_text(folder):
    """Gives the paths, which are of this machine."""
    return [str(folder / name) for name in finished_one_by_one(folder)]


@wrong("with_source", says="came from another file")
def name_by_heart(spark, landing):
    """Takes the file's name from the example."""
    orders = spark.read.schema(ORDERS).json(f"{landing}/*")
    return orders.withColumn("source_file", F.concat(F.element_at(_parts(), -2), F.lit("/orders.json")))


@wrong("with_source", says="is left in front")
def cut_by_length(spark, landing):
    """Cuts off as many characters as the landing zone has, and forgets the `file:`."""
    orders = spark.read.schema(ORDERS).json(f"{landing}/*")
    return orders.withColumn("source_file", F.expr(f"substring(_metadata.file_path, {len(landing) + 2})"))


@wrong("jdbc_options", says="the name is an argument of yours")
def table_of_the_example(table, day, lowest, highest):
    """Writes the table of the example into the query."""
    return _jdbc(table, day, lowest, highest, dbtable=f"(SELECT * FROM orders WHERE ordered_on >= '{day}') AS t")


@wrong("jdbc_options", says="in single ones")
def day_in_double_quotes(table, day, lowest, highest):
    """Quotes as Python does."""
    return _jdbc(table, day, lowest, highest, dbtable=f'(SELECT * FROM {table} WHERE ordered_on >= "{day}") AS t')


@wrong("jdbc_options", says="a LIMIT leaves out all rows but so many")
def limit_for_the_round_trip(table, day, lowest, highest):
    """Takes the size of a round trip for a number of rows."""
    query = f"(SELECT * FROM {table} WHERE ordered_on >= '{day}' LIMIT 10000) AS t"
    return _jdbc(table, day, lowest, highest, dbtable=query)


@right("jdbc_options")
def names_in_quotes(table, day, lowest, highest):
    query = f"\n(SELECT * FROM {table} WHERE \"ordered_on\" >= to_date('{day}', 'YYYY-MM-DD')) AS \"t\""
    return _jdbc(table, day, lowest, highest, dbtable=query)


@wrong("partition_predicates", says="a condition is a text of SQL")
def columns_for_texts(column, cuts):
    """Gives columns of Spark, which no database reads."""
    return [F.expr(condition) for condition in _predicates(column, cuts)]


@wrong("partition_predicates", says="without that word")
def with_the_word_where(column, cuts):
    """Writes the word that Spark writes itself."""
    return [f"WHERE {condition}" for condition in _predicates(column, cuts)]


@wrong("partition_predicates", says="without quotes, 2026-02-01 is a subtraction")
def days_without_quotes(column, cuts):
    """Forgets the quotes."""
    return [condition.replace("'", "") for condition in _predicates(column, cuts)]


@wrong("partition_predicates", says="go into one of these")
def a_piece_for_the_nulls(column, cuts):
    """Gives the rows without a day a piece of their own."""
    first, *others = _predicates(column, cuts)
    return [first.removesuffix(f" OR {column} IS NULL"), *others, f"{column} IS NULL"]


@wrong("partition_predicates", says="the name of the column is an argument")
def column_of_the_example(column, cuts):
    """Writes the column of the example into the conditions."""
    return _predicates("ordered_on", cuts)


@wrong("next_step", says="For a 431 you gave wait, 1")
def from_429_on(status, headers, body, attempt):
    """Takes the bound for all of them."""
    return _step(status, headers, body, attempt, passing=status >= 429)


@wrong("next_step", says="For a 204 you gave done, None")
def any_success_is_a_page(status, headers, body, attempt):
    """Takes everything that begins with 2 for a page."""
    return _step(200 if 200 <= status < 300 else status, headers, body, attempt)


@wrong("next_step", says="For a 408 you gave wait, 1")
def waits_for_a_timeout_of_the_request(status, headers, body, attempt):
    """Knows from elsewhere that a 408 may pass."""
    return _step(status, headers, body, attempt, passing=status in (408, 429) or status >= 500)


@wrong("next_step", says="For a 502 on attempt 3")
def three_of_the_5xx(status, headers, body, attempt):
    """Lists those that it has met."""
    return _step(status, headers, body, attempt, passing=status in (429, 500, 503))


@wrong("next_step", says="For a 599 on attempt 3")
def up_to_504(status, headers, body, attempt):
    """Ends where the well-known ones end."""
    return _step(status, headers, body, attempt, passing=status == 429 or 500 <= status <= 504)


@wrong("next_step", says="0 is what the server says")
def zero_is_nothing(status, headers, body, attempt):
    """Takes 0 for no answer."""
    kind, value = _step(status, headers, body, attempt)
    return kind, (value or 2 ** (attempt - 1)) if kind == "wait" else value


@wrong("fetch_changed", says="which came on the first page")
def skips_the_first_page(get, since):
    """Asks for the first page only for its cursor."""
    pages = list(_pages(get, since))[1:]
    return _in_order({item["id"]: item for page in pages for item in page["items"]}.values())


@wrong("fetch_changed", says="the one whose `next` is None has items too")
def skips_the_last_page(get, since):
    """Leaves the loop before it takes what the last page has."""
    pages = list(_pages(get, since))[:-1]
    return _in_order({item["id"]: item for page in pages for item in page["items"]}.values())


@wrong("fetch_changed", says="`updated_since` is the same in every request")
def moves_since_along(get, since):
    """Moves both marks on."""
    page = get({"updated_since": since})
    items = page["items"]
    while page["next"]:
        since = max(item["updated_at"] for item in items)
        page = get({"updated_since": since, "cursor": page["next"]})
        items = items + page["items"]
    return _in_order(items)


@wrong("fetch_changed", says="return a list of the items")
def found_by_id(get, since):
    """Gives the dictionary back that it worked with."""
    return _newest(get, since)


@wrong("fetch_changed", says="an item is returned with all that it holds")
def keys_and_times(get, since):
    """Keeps what it needed itself."""
    newest = _newest(get, since)
    return [{name: newest[key][name] for name in ("id", "updated_at")} for key in sorted(newest)]


@wrong("fetch_changed", says="what comes next is told by `cursor` alone")
def by_page_number(get, since):
    """Numbers the pages."""
    page, number, items = get({"updated_since": since}), 1, []
    while page["next"]:
        number += 1
        items += page["items"]
        page = get({"updated_since": since, "page": number})
    return _in_order(items)


@wrong("load_new_files", says="What is loaded must be remembered file by file")
def newest_name(spark, landing, path, checkpoint):
    """Remembers one name, as if later files had later ones."""
    mark = Path(checkpoint)
    last = mark.read_text() if mark.exists() else ""
    new = sorted(file.name for file in Path(landing).glob("*.json") if file.name > last)
    if new:
        orders = spark.read.schema(ORDERS).json([f"{landing}/{name}" for name in new])
        orders.write.format("delta").mode("append").save(path)
        mark.write_text(new[-1])


@wrong("load_new_files", says="Files are loaded once, not orders")
def adds_unknown_orders(spark, landing, path, checkpoint):
    """Compares the rows with the table in the place of the files with a list."""
    orders = spark.read.schema(ORDERS).json(landing)
    if Path(path).exists():
        orders = orders.join(spark.read.format("delta").load(path), "order_id", "left_anti")
    orders.write.format("delta").mode("append").save(path)


@right("load_new_files")
def remembered_in_a_list(spark, landing, path, checkpoint):
    mark = Path(checkpoint)
    known = json.loads(mark.read_text()) if mark.exists() else []
    new = [file.name for file in Path(landing).glob("*.json") if file.name not in known]
    if new:
        orders = spark.read.schema(ORDERS).json([f"{landing}/{name}" for name in new])
        orders.write.format("delta").mode("append").save(path)
        mark.write_text(json.dumps(known + new))


def _compared(known, arrived, equal):
    before, now = ({field.name.lower(): field for field in schema} for schema in (known, arrived))
    both = [(field, now[key]) for key, field in before.items() if key in now]
    return _changes(
        [field.name for key, field in now.items() if key not in before],
        [field.name for key, field in before.items() if key not in now],
        [field.name for field, other in both if not equal(field.dataType, other.dataType)],
    )


@wrong("schema_changes", says="`price` was a decimal(10,2)")
def kinds_of_types(known, arrived):
    """Compares the classes of the types, so that all decimals are one."""
    return _compared(known, arrived, lambda one, other: type(one) is type(other))


@wrong("schema_changes", says="`tags` held texts")
def names_without_items(known, arrived):
    """Compares how the types begin."""

    def begins(kind):
        return kind.simpleString().split("<")[0]

    return _compared(known, arrived, lambda one, other: begins(one) == begins(other))


@wrong("schema_changes", says="`points` was a bigint")
def narrower_fits(known, arrived):
    """Takes a type whose values fit for the same."""

    def fits(one, other):
        return one == other or (one.simpleString(), other.simpleString()) == ("bigint", "int")

    return _compared(known, arrived, fits)


@right("schema_changes")
def changes_by_simple_strings(known, arrived):
    return _compared(known, arrived, lambda one, other: one.simpleString() == other.simpleString())


def _rescued(orders, quantity, amount):
    texts = F.struct(
        F.when(quantity.isNull(), F.col("quantity")).alias("quantity"),
        F.when(amount.isNull(), F.col("amount")).alias("amount"),
    )
    rescued = F.nullif(F.to_json(texts), F.lit("{}")).alias("_rescued")
    return orders.select("order_id", quantity.alias("quantity"), amount.alias("amount"), rescued)


@wrong("cast_or_rescue", says="Ask Spark what fits, not a pattern")
def digits_only(orders):
    """Writes a pattern, and forgets the sign."""
    quantity, amount = (
        F.when(F.col(name).rlike(r"^\d+(\.\d+)?$"), F.col(name)).try_cast(kind)
        for name, kind in (("quantity", "int"), ("amount", "double"))
    )
    return _rescued(orders, quantity, amount)


@wrong("cast_or_rescue", says="signs and digits included")
def money_has_two_digits(orders):
    """Goes by a decimal, which rounds."""
    amount = F.col("amount").try_cast("decimal(12,2)").cast("double")
    return _rescued(orders, F.col("quantity").try_cast("int"), amount)


@wrong("cast_or_rescue", says="What fits is a question of the type")
def whole_numbers_fit(orders):
    """Rescues what is no number, and not what is too large."""
    result = _rescued(orders, F.col("quantity").try_cast("bigint"), F.col("amount").try_cast("double"))
    return result.withColumn("quantity", F.col("quantity").try_cast("int"))


@wrong("cast_or_rescue", says="Let a function write the JSON")
def json_by_hand(orders):
    """Glues the JSON together."""

    def entry(name, value):
        text = F.concat(F.lit(f'"{name}":"'), F.col(name), F.lit('"'))
        return F.when(value.isNull(), text)

    return _typed(
        orders,
        lambda quantity, amount: F.concat(
            F.lit("{"),
            F.nullif(F.concat_ws(",", entry("quantity", quantity), entry("amount", amount)), F.lit("")),
            F.lit("}"),
        ),
    )


@wrong("evolve", says="`none` leaves out what is new")
def common_columns_only(batch, known, mode):
    """Takes the mode for the columns that both have."""
    if mode == "none":
        return batch.select(*[name for name in known.names if name in batch.columns])
    return evolved_by_cases(batch, known, mode)


@wrong("evolve", says="is NULL in every mode")
def rescues_and_forgets_what_is_lacking(batch, known, mode):
    """Has only the new columns in mind where they are rescued."""
    whole = evolved_by_cases(batch, known, mode)
    return whole.drop(*(set(known.names) - set(batch.columns))) if mode == "rescue" else whole


@wrong("evolve", says="not what is lacking")
def refuses_any_difference(batch, known, mode):
    """Fails for a column that is lacking, as if it were new."""
    if mode == "failOnNewColumns" and set(batch.columns) != set(known.names):
        raise ValueError(f"The table does not have {[name for name in batch.columns if name not in known.names]}.")
    return evolved_by_cases(batch, known, mode)


@wrong("evolve", says="What is there is rescued")
def rescues_full_rows(batch, known, mode):
    """Rescues where all new columns have a value."""

    def rescued(new):
        full = F.lit(True)
        for name in new:
            full = full & F.col(name).isNotNull()
        text = F.when(full, F.to_json(F.struct(*new))) if new else F.lit(None).cast("string")
        return [text.alias("_rescued")]

    return _evolve(batch, known, mode, rescued)


@wrong("rows_of_new_files", says="The order of the names says nothing")
def after_the_last_name(arriving, table):
    """Takes the names for numbers that rise."""
    last = table.agg(F.max("source_file")).first()[0]
    return arriving.where(F.col("source_file") > last)


@wrong("rows_of_new_files", says="what is said of a file is said of all its rows")
def by_row_and_file(arriving, table):
    """Looks for the row where the file decides."""
    return arriving.join(table, ["order_id", "source_file"], "left_anti")


@wrong("replace_day", says="not all from it on")
def from_the_day_on(orders, day, path):
    """Replaces the days behind it too."""
    writer = orders.write.format("delta").mode("overwrite")
    writer.option("replaceWhere", f"ordered_on >= '{day}'").save(path)


@wrong("replace_day", says="With NULL neither `=` nor `<>` is true")
def keeps_the_other_days(orders, day, path):
    """Writes the whole table again, without the rows of no day."""
    kept = orders.sparkSession.read.format("delta").load(path).where(f"ordered_on <> '{day}'")
    kept.unionByName(orders).write.format("delta").mode("overwrite").save(path)


@right("replace_day")
def rest_of_the_table_written_again(orders, day, path):
    table = orders.sparkSession.read.format("delta").load(path)
    kept = table.where(f"NOT ordered_on <=> DATE '{day}'")
    kept.unionByName(orders).write.format("delta").mode("overwrite").save(path)


@wrong("append_once", says="joined without a sign between")
def glued_together(sales, path, job, run):
    """Makes one text of job and run, which another pair makes too."""
    _write(sales, path, f"{job}{run}", 1)


@wrong("append_once", says="nothing of run 11")
def last_digit_of_the_run(sales, path, job, run):
    """Keeps one digit of the number."""
    _write(sales, path, job, run % 10)


@right("append_once")
def remembered_in_the_commit(sales, path, job, run):
    history = sales.sparkSession.sql(f"DESCRIBE HISTORY delta.`{path}`")
    if history.where(F.col("userMetadata") == f"{job}/{run}").isEmpty():
        sales.write.format("delta").mode("append").option("userMetadata", f"{job}/{run}").save(path)


@wrong("audit", says="come and go with them")
def pivot_of_what_came(manifest, rows):
    """Lets the data say which columns there are."""
    counted = rows.groupBy("source_file").pivot("outcome").count().withColumnRenamed("duplicate", "duplicates")
    return _books(manifest.join(counted, "source_file", "full").na.fill(0))


@wrong("audit", says="`count` counts what is not NULL")
def counts_conditions(manifest, rows):
    """Counts a condition, whatever it says."""
    kinds = {"clean": "clean", "quarantined": "quarantined", "duplicate": "duplicates"}
    counts = [F.count(F.col("outcome") == kind).alias(name) for kind, name in kinds.items()]
    counted = rows.groupBy("source_file").agg(*counts)
    return _books(manifest.join(counted, "source_file", "full").na.fill(0))


@wrong("audit", says="More than promised does not balance either")
def at_least_what_was_promised(manifest, rows):
    """Is content with too much."""
    books = manifest.join(_counted(rows), "source_file", "full").na.fill(0)
    return books.withColumn("balanced", F.expr("promised <= clean + quarantined + duplicates"))


@wrong("audit", says="that is written down too")
def promised_files_with_rows(manifest, rows):
    """Leaves out a file that was to be empty."""
    return _books(manifest.where("promised > 0").join(_counted(rows), "source_file", "full").na.fill(0))


excused: dict[str, dict[str, str]] = {
    "fetch_changed": {
        "item['updated_at'] > known['updated_at'] → item['updated_at'] >= known['updated_at']": (
            "An item that has not changed since is the same item."
        ),
    },
}

several_words = "A query can be written in many ways; the check runs it."
one_empty = "No name and no day is empty."
outside: dict[str, dict[str, str]] = {
    "jdbc_options": dict.fromkeys(
        (
            "an empty text in table",
            "an empty text in day",
            "zero in lowest",
            "the negative in lowest",
            "zero in highest",
            "the negative in highest",
        ),
        several_words,
    ),
    "partition_predicates": {
        "an empty text in column": one_empty,
        "an empty text in cuts[…]": one_empty,
        "cuts in reverse": "The days come in ascending order.",
        "an item of cuts twice": "The days come in ascending order, each once.",
    },
    "next_step": {"an empty text in body[…]": "A cursor that names a page is not empty."},
    "replace_day": {
        "NULL in orders.ordered_on": "All rows of the batch are of that day.",
        "a day later in orders.ordered_on": "All rows of the batch are of that day.",
    },
    "append_once": {"the negative in run": "Runs are numbered 1, 2, 3."},
    "audit": {
        "NULL in manifest.promised": "The manifest says how many rows each file was to have.",
        "an empty text in rows.outcome": "A row is clean, quarantined or a duplicate.",
    },
}

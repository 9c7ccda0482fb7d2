"""Wrong answers that people really give to the exercises on environment setup, and right ones written otherwise."""

import os
import re
import shutil

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.connect.session import SparkSession as ConnectSession

from workbook.authoring.proofs import right, wrong

EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


@wrong("save_and_read", says="no `_delta_log`")
def plain_files(rows, path):
    """Takes Parquet files for a table."""
    rows.write.mode("overwrite").parquet(path)
    return rows.sparkSession.read.parquet(path)


@right("save_and_read")
def in_the_format_of_the_session(rows, path):
    rows.write.mode("overwrite").save(path)
    return rows.sparkSession.read.load(path)


@wrong("save_and_read", says="these are the rows that went in")
def gives_the_input_back(rows, path):
    """Believes that a DataFrame becomes its table once it is saved."""
    rows.write.format("delta").mode("overwrite").save(path)
    return rows


@wrong("save_and_read", says="were never saved")
def saves_nothing(rows, path):
    """Forgets the save."""
    return rows


@wrong("save_and_read", says="`append` adds")
def appends(rows, path):
    """Takes append for the safe mode, so that a second run doubles."""
    rows.write.format("delta").mode("append").save(path)
    return rows.sparkSession.read.format("delta").load(path)


@wrong("save_and_read", says="`ignore` leaves what is there")
def ignores(rows, path):
    """Silences the error of the second run."""
    rows.write.format("delta").mode("ignore").save(path)
    return rows.sparkSession.read.format("delta").load(path)


@wrong("save_and_read", says="the second raised DELTA_PATH_EXISTS")
def default_mode(rows, path):
    """Has only the first run in mind."""
    rows.write.format("delta").save(path)
    return rows.sparkSession.read.format("delta").load(path)


@right("save_and_read")
def save_and_read_in_sql(rows, path):
    rows.createOrReplaceTempView("incoming")
    rows.sparkSession.sql(f"CREATE OR REPLACE TABLE delta.`{path}` USING delta AS SELECT * FROM incoming")
    return rows.sparkSession.sql(f"SELECT * FROM delta.`{path}`")


@wrong("delta_settings", says="`spark.sql.catalog.spark_catalog` is not there")
def only_the_extension():
    """Has seen VACUUM parse and believes to be done."""
    return {"spark.sql.extensions": EXTENSION}


@wrong("delta_settings", says="`spark.sql.extensions` is not there")
def singular_name():
    """Writes the name from memory."""
    return {"spark.sql.extension": EXTENSION, "spark.sql.catalog.spark_catalog": CATALOG}


@wrong("delta_settings", says="the two values are exchanged")
def exchanged():
    """Takes the catalog for the extension."""
    return {"spark.sql.extensions": CATALOG, "spark.sql.catalog.spark_catalog": EXTENSION}


@wrong("delta_settings", says="that lives among Spark's own packages")
def catalog_of_another_package():
    """Expects both classes in the package of Delta."""
    return {"spark.sql.extensions": EXTENSION, "spark.sql.catalog.spark_catalog": "io.delta.sql.DeltaCatalog"}


@wrong("delta_settings", says="Delta stands in for Spark's own catalog")
def catalog_of_its_own_name():
    """Gives Delta a catalog beside Spark's own, as one does for Iceberg."""
    return {
        "spark.sql.extensions": EXTENSION,
        "spark.sql.catalog.spark_catalog": CATALOG,
        "spark.sql.catalog.delta": CATALOG,
    }


@right("delta_settings")
def settings_by_keyword():
    return dict(zip(("spark.sql.catalog.spark_catalog", "spark.sql.extensions"), (CATALOG, EXTENSION), strict=True))


@wrong("delta_artifact", says="without the Spark line")
def name_of_older_releases(spark_version, scala_version, delta_version):
    """Knows the names of Delta 3 and 4.0."""
    return f"io.delta:delta-spark_{scala_version[:4]}:{delta_version}"


@wrong("delta_artifact", says="not whole versions")
def whole_versions(spark_version, scala_version, delta_version):
    """Takes the patch release for a part of the name."""
    return f"io.delta:delta-spark_{spark_version}_{scala_version}:{delta_version}"


@wrong("delta_artifact", says="delta-spark since Delta 3.0")
def delta_core(spark_version, scala_version, delta_version):
    """Copied from an old tutorial."""
    return f"io.delta:delta-core_{scala_version[:4]}:{delta_version}"


@wrong("delta_artifact", says="numbers between dots")
def first_three_characters(spark_version, scala_version, delta_version):
    """Cuts a text where numbers were meant."""
    scala_line = ".".join(scala_version.split(".")[:2])
    return f"io.delta:delta-spark_{spark_version[:3]}_{scala_line}:{delta_version}"


@wrong("delta_artifact", says="Scala's line, 2.13, which every patch release")
def whole_scala_version(spark_version, scala_version, delta_version):
    """Takes Scala's whole version."""
    return f"io.delta:delta-spark_{'.'.join(spark_version.split('.')[:2])}_{scala_version}:{delta_version}"


@wrong("delta_artifact", says="Spark's line, 4.2, which every patch release")
def whole_version_of_spark(spark_version, scala_version, delta_version):
    """Takes Spark's whole version."""
    return f"io.delta:delta-spark_{spark_version}_{'.'.join(scala_version.split('.')[:2])}:{delta_version}"


@wrong("delta_artifact", says="and not so many characters")
def first_four_characters_of_scala(spark_version, scala_version, delta_version):
    """Cuts Scala's version by its length."""
    return f"io.delta:delta-spark_{'.'.join(spark_version.split('.')[:2])}_{scala_version[:4]}:{delta_version}"


@right("delta_artifact")
def by_regular_expression(spark_version, scala_version, delta_version):
    spark_line, scala_line = (re.match(r"\d+\.\d+", text).group() for text in (spark_version, scala_version))
    return "io.delta:delta-spark_" + spark_line + "_" + scala_line + ":" + delta_version


@wrong("is_on", says="any text that is not empty counts as true")
def truth_of_a_text(spark, name):
    """Takes the text "false" for the value False."""
    return bool(spark.conf.get(name, "false"))


@wrong("is_on", says="is not among the settings that were")
def looks_among_what_was_set(spark, name):
    """Takes the settings that were set for all that there are."""
    return spark.conf.getAll[name].lower() == "true"


@wrong("is_on", says="You gave 'false', the text")
def text_as_it_is(spark, name):
    """Returns what Spark gives."""
    return spark.conf.get(name, "false")


@wrong("is_on", says="comes before Spark's")
def default_of_its_own(spark, name):
    """Believes that the second argument is for unknown names only."""
    return spark.conf.get(name, "false").lower() == "true"


@wrong("is_on", says="raised SQL_CONF_NOT_FOUND")
def raises_for_an_unknown_name(spark, name):
    """Knows all names that it will ever be asked for."""
    return spark.conf.get(name).lower() == "true"


@wrong("is_on", says="capitals and small letters alike")
def compares_small_letters_only(spark, name):
    """Expects the spelling that Spark prints."""
    try:
        return spark.conf.get(name) == "true"
    except PySparkException:
        return False


@right("is_on")
def is_on_in_sql(spark, name):
    [row] = spark.sql(f"SET {name}").collect()
    return row.value.lower() == "true"


@right("is_on")
def is_on_caught_widely(spark, name):
    try:
        return {"true": True, "false": False}[spark.conf.get(name).lower()]
    except PySparkException:
        return False


@wrong("changeable", says="it is static")
def by_prefix(spark, names):
    """Takes the prefix for the rule."""
    return [name for name in names if name.startswith("spark.sql.")]


@wrong("changeable", says="has another value")
def by_trying(spark, names):
    """Tries, and leaves the session changed."""
    accepted = []
    for name in names:
        try:
            spark.conf.set(name, "1")
        except PySparkException:
            continue
        accepted.append(name)
    return accepted


@wrong("changeable", says="a setting that nobody has set yet")
def among_those_that_are_set(spark, names):
    """Looks among the settings that have a value."""
    static = ("spark.sql.extensions", "spark.sql.warehouse.dir")
    return [name for name in names if name in spark.conf.getAll and name not in static]


@wrong("changeable", says="the executors are JVMs")
def all_but_the_static_ones(spark, names):
    """Excludes what the documentation calls static, and nothing else."""
    static = ("spark.sql.extensions", "spark.sql.warehouse.dir")
    return [name for name in names if name not in static]


@wrong("changeable", says="raised CANNOT_MODIFY_STATIC_CONFIG")
def without_a_net(spark, names):
    """Believes that `set` tells by its result."""
    return [name for name in names if spark.conf.set(name, spark.conf.get(name)) is None]


@right("changeable")
def by_filter(spark, names):
    return list(filter(spark.conf.isModifiable, names))


@wrong("rows_per_partition", says="`rdd`, which only classic Spark has")
def by_rdd(frame):
    """Knows the answer of 2015."""
    counts = frame.rdd.glom().map(len).collect()
    return frame.sparkSession.createDataFrame(list(enumerate(counts)), "partition int, rows bigint")


@wrong("rows_per_partition", says="leaves out its NULLs")
def counts_a_column(frame):
    """Takes the count of a column for the count of rows."""
    return frame.groupBy(F.spark_partition_id().alias("partition")).agg(F.count(frame.columns[0]).alias("rows"))


@wrong("rows_per_partition", says="All rows came back in one partition")
def sorts_first(frame):
    """Puts the rows in order, which moves them."""
    return sorted_frame(frame).groupBy(F.spark_partition_id().alias("partition")).agg(F.count("*").alias("rows"))


def sorted_frame(frame):
    return frame.orderBy(*frame.columns)


@wrong("rows_per_partition", says="without moving them")
def deals_them_out(frame):
    """Makes partitions instead of looking at those that are there."""
    return rows_of(frame.repartition(4))


def rows_of(frame):
    return frame.groupBy(F.spark_partition_id().alias("partition")).agg(F.count("*").alias("rows"))


@wrong("rows_per_partition", says="equal rows count each")
def counts_different_rows(frame):
    """Takes equal rows for one."""
    numbered = frame.select(F.spark_partition_id().alias("partition"), F.struct("*").alias("row"))
    return numbered.groupBy("partition").agg(F.count_distinct("row").alias("rows"))


@right("rows_per_partition")
def by_a_column_of_its_own(frame):
    numbered = frame.select(F.spark_partition_id().alias("partition"))
    return numbered.groupBy("partition").count().withColumnRenamed("count", "rows")


@right("rows_per_partition")
def from_the_upper_bits_of_the_row_number(frame):
    partition = F.shiftright(F.monotonically_increasing_id(), 33).cast("int").alias("partition")
    return frame.select(partition).groupBy("partition").agg(F.count(F.lit(1)).alias("rows"))


@wrong("total_amount", says="every amount was sent to the driver")
def adds_in_python(sales):
    """Brings all rows to Python and adds there."""
    return float(sum(row.amount or 0.0 for row in sales.select("amount").collect()))


@wrong("total_amount", says="For no rows you gave None")
def none_for_nothing(sales):
    """Forgets that the sum of nothing is NULL."""
    return sales.agg(F.sum("amount")).first()[0]


@wrong("total_amount", says="For no rows your code raised TypeError")
def float_of_nothing(sales):
    """Turns the sum into a float, whatever it is."""
    return float(sales.agg(F.sum("amount")).first()[0])


@wrong("total_amount", says="equal amounts count each")
def adds_distinct_amounts(sales):
    """Takes equal amounts for duplicates."""
    return sales.select("amount").distinct().agg(F.sum("amount")).first()[0] or 0.0


@wrong("total_amount", says="the one value in it is asked for")
def total_as_a_row(sales):
    """Leaves the value in its row."""
    return sales.agg(F.coalesce(F.sum("amount"), F.lit(0.0)).alias("total")).first()


@right("total_amount")
def total_in_sql(sales):
    [row] = sales.sparkSession.sql("SELECT coalesce(sum(amount), 0D) AS total FROM {sales}", sales=sales).collect()
    return row.total


@wrong("ensure_table", says="The provider of the table is 'parquet'")
def table_of_plain_files(spark, name):
    """Names the format of the files instead of that of the table."""
    spark.sql(f"CREATE TABLE IF NOT EXISTS {name} (order_id STRING, amount DOUBLE) USING parquet")


@right("ensure_table")
def table_in_the_format_of_the_session(spark, name):
    spark.sql(f"CREATE TABLE IF NOT EXISTS {name} (order_id STRING, amount DOUBLE)")


@wrong("ensure_table", says="the second raised TABLE_OR_VIEW_ALREADY_EXISTS")
def made_on_the_first_night_only(spark, name):
    """Has only the first night in mind."""
    spark.sql(f"CREATE TABLE {name} (order_id STRING, amount DOUBLE) USING delta")


@wrong("ensure_table", says="and 0 after it")
def replaced_every_night(spark, name):
    """Cures the error of the second night by replacing the table."""
    spark.sql(f"CREATE OR REPLACE TABLE {name} (order_id STRING, amount DOUBLE) USING delta")


@wrong("ensure_table", says="The type of the table is 'EXTERNAL'")
def table_at_a_path(spark, name):
    """Gives a managed table a place of its own."""
    place = spark.conf.get("spark.sql.warehouse.dir") + "/" + name.replace(".", "/") + "_files"
    spark.sql(f"CREATE TABLE IF NOT EXISTS {name} (order_id STRING, amount DOUBLE) USING delta LOCATION '{place}'")


@wrong("ensure_table", says="a query that ends with the session")
def a_view_that_ends_with_the_session(spark, name):
    """Takes a temporary view for a table."""
    spark.createDataFrame([], "order_id string, amount double").createOrReplaceTempView(name.split(".")[-1])


@right("ensure_table")
def saved_unless_there(spark, name):
    empty = spark.createDataFrame([], "order_id string, amount double")
    empty.write.format("delta").mode("ignore").saveAsTable(name)


@wrong("register", says="The type of the table is 'MANAGED'")
def copied(spark, name, path):
    """Copies the rows into a table of its own."""
    spark.read.format("delta").load(path).write.format("delta").saveAsTable(name)


@wrong("register", says="The provider of the table is 'parquet'")
def registered_as_parquet(spark, name, path):
    """Sees Parquet files in the folder and registers those."""
    spark.sql(f"CREATE TABLE {name} USING parquet LOCATION '{path}'")


@wrong("register", says="a view is a query with a name")
def registered_as_a_view(spark, name, path):
    """Gives a name to a query."""
    spark.sql(f"CREATE VIEW {name} AS SELECT * FROM delta.`{path}`")


@wrong("register", says="known to this session alone")
def registered_for_the_session(spark, name, path):
    """Makes a name that ends with the session."""
    spark.read.format("delta").load(path).createOrReplaceTempView(name.split(".")[-1] + "_view")


@wrong("register", says="had one version and has 2 now")
def written_again_in_place(spark, name, path):
    """Reads the rows and writes them where they came from, with a name."""
    rows = spark.read.format("delta").load(path)
    rows.write.format("delta").mode("overwrite").option("path", path).saveAsTable(name)


@right("register")
def registered_by_the_catalog(spark, name, path):
    spark.catalog.createTable(name, path=path, source="delta")


@wrong("session_kind", says="the answer is the same for both")
def from_the_environment(spark):
    """Asks how the process was meant to start."""
    return "connect" if "SPARK_REMOTE" in os.environ else "classic"


@wrong("session_kind", says="For a classic session you gave 'connect'")
def always_modern(spark):
    """Believes that everything is Connect since Spark 4."""
    return "connect" if spark is not None else "classic"


@wrong("session_kind", says="`sparkContext`, which only classic Spark has")
def has_a_context(spark):
    """Asks what the platform may refuse."""
    return "classic" if hasattr(spark, "sparkContext") else "connect"


@wrong("session_kind", says="the two are exchanged")
def exchanged_kinds(spark):
    """Takes the base class for Connect's."""
    return "connect" if isinstance(spark, SparkSession) else "classic"


@right("session_kind")
def by_class(spark):
    return "connect" if isinstance(spark, ConnectSession) else "classic"


@right("session_kind")
def not_the_classic_class(spark):
    return "classic" if isinstance(spark, SparkSession) else "connect"


@wrong("country_names", says="`rdd`, which only classic Spark has")
def without_the_broadcast_only(customers, names):
    """Removes the context and keeps the RDD."""
    rows = customers.rdd.map(lambda row: (row.customer_id, names.get(row.country, "unknown")))
    return rows.toDF(["customer_id", "country"])


@wrong("country_names", says="an inner join keeps only what it finds")
def inner_join(customers, names):
    """Joins as one joins by default."""
    lookup = customers.sparkSession.createDataFrame(list(names.items()), "country string, name string")
    return customers.join(lookup, "country").select("customer_id", F.col("name").alias("country"))


@wrong("country_names", says="a left join leaves NULL")
def without_a_name_for_the_rest(customers, names):
    """Forgets what `get` had as its second argument."""
    lookup = customers.sparkSession.createDataFrame(list(names.items()), "country string, name string")
    return customers.join(lookup, "country", "left").select("customer_id", F.col("name").alias("country"))


@wrong("country_names", says="a code without a name becomes `unknown`")
def replaced_where_known(customers, names):
    """Replaces values, which leaves the others as they are."""
    return customers.replace(dict(names), subset=["country"])


@wrong("country_names", says="it has no name either")
def null_is_left(customers, names):
    """Takes care of unknown codes and forgets NULL."""
    lookup = F.create_map(*[F.lit(text) for pair in names.items() for text in pair])
    known = F.when(F.col("country").isNull(), None).otherwise(F.coalesce(lookup[F.col("country")], F.lit("unknown")))
    return customers.select("customer_id", known.alias("country"))


@wrong("country_names", says="Ask for it with a default")
def name_or_error(customers, names):
    """Expects a name for every code."""
    known = dict(names)
    return customers.withColumn("country", F.udf(lambda code: known[code], "string")("country"))


@right("country_names")
def by_a_map(customers, names):
    lookup = F.create_map(*[F.lit(text) for pair in names.items() for text in pair])
    return customers.withColumn("country", F.coalesce(lookup[F.col("country")], F.lit("unknown")))


@right("country_names")
def by_a_chain_of_cases(customers, names):
    country = F.lit("unknown")
    for code, name in names.items():
        country = F.when(F.col("country") == code, name).otherwise(country)
    return customers.select("customer_id", country.alias("country"))


def _line(version):
    return ".".join(version.split(".")[:2])


@wrong("misfits", says="without python")
def versions_as_text(python, java, spark, scala, artifact):
    """Compares versions as texts."""
    return _misfits(python >= "3.10", java.split(".")[0] in ("17", "21"), spark, scala, artifact)


@wrong("misfits", says="a newer Java is not one that Spark 4.2 is made for")
def any_newer_java(python, java, spark, scala, artifact):
    """Believes that a newer Java always runs what an older one ran."""
    return _misfits(_numbers(python) >= (3, 10), int(java.split(".")[0]) >= 17, spark, scala, artifact)


@wrong("misfits", says="every patch release of it fits")
def whole_spark_version(python, java, spark, scala, artifact):
    """Looks for the whole version of Spark in the name."""
    found = _misfits(_numbers(python) >= (3, 10), java.split(".")[0] in ("17", "21"), spark, scala, artifact)
    return (
        found
        if f"_{spark}_" in artifact
        else [part for part in ("python", "java", "spark", "scala") if part in found or part == "spark"]
    )


@wrong("misfits", says="without a Spark line")
def no_line_fits_all(python, java, spark, scala, artifact):
    """Takes the older name for one that fits every Spark."""
    older = artifact.split(":")[1].count("_") == 1
    named = artifact.replace("spark_", f"spark_{_line(spark)}_") if older else artifact
    return _misfits(_numbers(python) >= (3, 10), java.split(".")[0] in ("17", "21"), spark, scala, named)


@wrong("misfits", says="the first line in the name is Scala's")
def by_position(python, java, spark, scala, artifact):
    """Counts the parts of the name from the left, whatever they are."""
    lines = [*artifact.split(":")[1].split("_")[1:], ""]
    found = _misfits(_numbers(python) >= (3, 10), java.split(".")[0] in ("17", "21"), spark, scala, artifact)
    return [part for part in found if part != "scala"] + (["scala"] if lines[1] != _line(scala) else [])


@wrong("misfits", says="not the only one")
def one_python(python, java, spark, scala, artifact):
    """Takes the oldest version for the only one."""
    return _misfits(python.startswith("3.10"), java.split(".")[0] in ("17", "21"), spark, scala, artifact)


@wrong("misfits", says="every patch release of Scala's line fits")
def whole_version_of_scala(python, java, spark, scala, artifact):
    """Looks for Scala's whole version in the name."""
    fits = f"_{scala}:" in artifact
    return _parts_that_do_not_fit(python, java, _line(spark) in artifact.split(":")[1].split("_"), fits)


@wrong("misfits", says="Java 8 calls itself 1.8")
def java_by_any_number(python, java, spark, scala, artifact):
    """Looks for a number too old, and knows the old ones by name."""
    old = java.split(".")[0] in ("11", "19", "25")
    return _misfits(_numbers(python) >= (3, 10), not old, spark, scala, artifact)


@wrong("misfits", says="17 and 21 both fit")
def one_java(python, java, spark, scala, artifact):
    """Knows the Java that most clusters have."""
    return _misfits(_numbers(python) >= (3, 10), java.startswith("17"), spark, scala, artifact)


def _numbers(version):
    return tuple(map(int, version.split(".")))


def _misfits(python_fits, java_fits, spark, scala, artifact):
    lines = artifact.split(":")[1].split("_")
    fits = (python_fits, java_fits, _line(spark) in lines, _line(scala) in lines)
    return [part for part, fit in zip(("python", "java", "spark", "scala"), fits, strict=True) if not fit]


@right("misfits")
def misfits_by_regular_expression(python, java, spark, scala, artifact):
    found = []
    major, minor = map(int, python.split(".")[:2])
    if major < 3 or (major == 3 and minor < 10):
        found.append("python")
    if not re.match(r"(17|21)(\.|$)", java):
        found.append("java")
    if f"delta-spark_{_line(spark)}_" not in artifact:
        found.append("spark")
    if f"_{_line(scala)}:" not in artifact:
        found.append("scala")
    return found


@wrong("delta_faults", says="a setting that is missing has no value to read")
def reads_what_is_missing(settings):
    """Expects both settings to be there."""
    right_ones = {"spark.sql.extensions": EXTENSION, "spark.sql.catalog.spark_catalog": CATALOG}
    return [name for name, value in right_ones.items() if value not in settings[name]]


@wrong("delta_faults", says="the setting is a list")
def one_extension_only(settings):
    """Takes the list for one class."""
    right_ones = {"spark.sql.extensions": EXTENSION, "spark.sql.catalog.spark_catalog": CATALOG}
    return [name for name, value in right_ones.items() if settings.get(name) != value]


@wrong("delta_faults", says="not for a piece of text")
def piece_of_text(settings):
    """Looks for the class as a piece of text."""
    right_ones = {"spark.sql.extensions": EXTENSION, "spark.sql.catalog.spark_catalog": CATALOG}
    return [name for name, value in right_ones.items() if value not in settings.get(name, "")]


@wrong("delta_faults", says="a setting that is there can be wrong")
def only_missing_ones(settings):
    """Asks whether there is a catalog, not which."""
    extensions = [name.strip() for name in settings.get("spark.sql.extensions", "").split(",")]
    faults = [] if EXTENSION in extensions else ["spark.sql.extensions"]
    return faults + [name for name in ("spark.sql.catalog.spark_catalog",) if name not in settings]


@wrong("delta_faults", says="absent is a fault too")
def what_is_not_there_is_not_wrong(settings):
    """Looks only at settings that are there."""
    right_ones = {"spark.sql.extensions": EXTENSION, "spark.sql.catalog.spark_catalog": CATALOG}
    return [name for name, value in right_ones.items() if settings.get(name, value) != value]


@wrong("delta_faults", says="a list that is there can lack Delta's")
def only_whether_they_are_there(settings):
    """Asks whether something is set, not what."""
    return [name for name in ("spark.sql.extensions", "spark.sql.catalog.spark_catalog") if name not in settings]


@wrong("misfits", says="not every artifact two lines in its name")
def two_lines_in_every_name(python, java, spark, scala, artifact):
    """Expects both lines in the name of every artifact."""
    _, spark_line, scala_line = artifact.split(":")[1].split("_")
    return _parts_that_do_not_fit(python, java, spark_line == _line(spark), scala_line == _line(scala))


@wrong("misfits", says="For Java 25 and delta-spark_4.2_2.13")
def three_numbers_in_every_version(python, java, spark, scala, artifact):
    """Expects three numbers in every version."""
    major, _, _ = java.split(".")
    return _misfits(_numbers(python) >= (3, 10), major in ("17", "21"), spark, scala, artifact)


@right("delta_faults")
def faults_one_by_one(settings):
    faults = []
    if not re.search(rf"(^|,)\s*{re.escape(EXTENSION)}\s*(,|$)", settings.get("spark.sql.extensions", "")):
        faults.append("spark.sql.extensions")
    if settings.get("spark.sql.catalog.spark_catalog", "") != CATALOG:
        faults.append("spark.sql.catalog.spark_catalog")
    return faults


@wrong("with_setting", says="the clean-up was left out")
def without_finally(spark, name, value, action):
    """Has only the good end in mind."""
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    result = action()
    spark.conf.unset(name) if before is None else spark.conf.set(name, before)
    return result


@wrong("with_setting", says="Spark's default, and it was 5")
def always_unset(spark, name, value, action):
    """Takes Spark's default for the value before."""
    spark.conf.set(name, value)
    try:
        return action()
    finally:
        spark.conf.unset(name)


@wrong("with_setting", says="the next job would run with your value")
def left_changed(spark, name, value, action):
    """Leaves the setting as it is."""
    spark.conf.set(name, value)
    return action()


@wrong("with_setting", says="let the error through")
def swallows_the_error(spark, name, value, action):
    """Takes care of the session and hides the failure."""
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        return action()
    except Exception:
        return None
    finally:
        spark.conf.unset(name) if before is None else spark.conf.set(name, before)


@wrong("with_setting", says="unset it")
def sets_the_default(spark, name, value, action):
    """Reads Spark's default and sets it, so that it looks chosen."""
    before = spark.conf.get(name)
    spark.conf.set(name, value)
    try:
        return action()
    finally:
        spark.conf.set(name, before)


@wrong("with_setting", says="give back what the action returns")
def returns_nothing(spark, name, value, action):
    """Runs the action for its effect."""
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        action()
    finally:
        spark.conf.unset(name) if before is None else spark.conf.set(name, before)


@right("with_setting")
def all_settings_compared(spark, name, value, action):
    before = dict(spark.conf.getAll)
    try:
        spark.conf.set(name, value)
        return action()
    finally:
        if name in before:
            spark.conf.set(name, before[name])
        else:
            spark.conf.unset(name)


@right("with_setting")
def reset_in_sql(spark, name, value, action):
    before = dict(spark.conf.getAll)
    spark.conf.set(name, value)
    try:
        return action()
    finally:
        spark.conf.set(name, before[name]) if name in before else spark.sql(f"RESET {name}")


@wrong("cause_of", says="wherever they stand")
def word_at_its_place(error):
    """Expects the words at one place of every error."""
    missing = error.split("NoClassDefFoundError: ")[1]
    return "spark" if missing.startswith("org/apache/spark/") else "scala" if missing.startswith("scala/") else "jar"


@wrong("cause_of", says="it is Kafka's jar that is missing")
def any_source_not_found(error):
    """Takes the condition for the cause, whichever source it is."""
    signs = {
        "DELTA_CONFIGURE": "settings",
        "DATA_SOURCE_NOT_FOUND": "jar",
        ": scala/": "scala",
        ": org/apache/": "spark",
    }
    return next((cause for sign, cause in signs.items() if sign in error), "unknown")


@wrong("cause_of", says="stand only in the trace")
def words_of_the_trace(error):
    """Looks for names that stand in every trace."""
    if "DELTA_CONFIGURE" in error:
        return "settings"
    if "data source: delta" in error:
        return "jar"
    if "NoClassDefFoundError: org/apache/spark" in error:
        return "spark"
    return "scala" if "scala" in error and "kafka" not in error else "unknown"


@wrong("cause_of", says="a class of Scala's own is not in this Scala")
def any_missing_class_is_sparks(error):
    """Takes every missing class for one of Spark's."""
    if "data source: delta" in error:
        return "jar"
    return "spark" if "NoClassDefFoundError" in error else "settings" if "DELTA_CONFIGURE" in error else "unknown"


@wrong("cause_of", says="so its jar is there")
def settings_and_jar_are_one(error):
    """Takes every Delta error for a missing jar."""
    return "jar" if "delta" in error.lower() else "unknown"


@wrong("cause_of", says="PostgreSQL's driver")
def any_other_class(error):
    """Knows the four errors and no fifth."""
    if "data source: delta" in error:
        return "jar"
    if "DELTA_CONFIGURE" in error:
        return "settings"
    if "NoClassDefFoundError" in error:
        return "scala" if ": scala/" in error else "spark"
    return "unknown"


@right("cause_of")
def cause_by_regular_expression(error):
    if re.search(r"\[DATA_SOURCE_NOT_FOUND\][^.]*: delta\b", error):
        return "jar"
    if error.lstrip().startswith("[DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG]"):
        return "settings"
    missing = re.search(r"NoClassDefFoundError: (scala|org/apache/spark)/", error)
    return missing.group(1).split("/")[-1] if missing else "unknown"


DECISIVE = ("spark.sql.catalog.spark_catalog", "spark.sql.extensions", "spark.jars.packages")


@wrong("pipeline_changes", says="which never broke Delta")
def every_difference(notebook, pipeline):
    """Copies the notebook."""
    return {name: value for name, value in notebook.items() if pipeline.get(name) != value}


@wrong("pipeline_changes", says="only the notebook's entries that begin with `io.delta`")
def copies_the_lists(notebook, pipeline):
    """Copies the three settings whole."""
    return {name: notebook[name] for name in DECISIVE if pipeline.get(name) != notebook[name]}


@wrong("pipeline_changes", says="it would lose them")
def replaces_the_lists(notebook, pipeline):
    """Reduces the notebook's lists to Delta's entries, and forgets those of the pipeline."""
    wanted = {name: ",".join(_delta(notebook[name])) for name in DECISIVE[1:]}
    wanted[DECISIVE[0]] = notebook[DECISIVE[0]]
    return {name: value for name, value in wanted.items() if pipeline.get(name) != value}


@wrong("pipeline_changes", says="the first that is found wins")
def adds_beside_the_old_version(notebook, pipeline):
    """Adds Delta's entries and leaves the ones that are there."""
    changes = {} if pipeline.get(DECISIVE[0]) == notebook[DECISIVE[0]] else {DECISIVE[0]: notebook[DECISIVE[0]]}
    for name in DECISIVE[1:]:
        present = _entries(pipeline.get(name, ""))
        if new := [entry for entry in _delta(notebook[name]) if entry not in present]:
            changes[name] = ",".join(present + new)
    return changes


@wrong("pipeline_changes", says="the order does not break Delta")
def compares_texts(notebook, pipeline):
    """Compares the lists as texts."""
    wanted = {DECISIVE[0]: notebook[DECISIVE[0]]}
    for name in DECISIVE[1:]:
        others = [entry for entry in _entries(pipeline.get(name, "")) if not entry.startswith("io.delta")]
        wanted[name] = ",".join(others + _delta(notebook[name]))
    return {name: value for name, value in wanted.items() if pipeline.get(name) != value}


@wrong("pipeline_changes", says="absent is a difference too")
def expects_all_settings(notebook, pipeline):
    """Expects the pipeline to have all three settings."""
    return {name: notebook[name] for name in DECISIVE if pipeline[name] != notebook[name]}


def _entries(text):
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _delta(text):
    return [entry for entry in _entries(text) if entry.startswith("io.delta")]


@wrong("pipeline_changes", says="the pipeline's own entries come first")
def delta_in_front(notebook, pipeline):
    """Puts Delta's entries in front."""
    changes = changes_step_by_step(notebook, pipeline)
    for name in changes.keys() & set(DECISIVE[1:]):
        changes[name] = ",".join(sorted(changes[name].split(","), key=lambda entry: not entry.startswith("io.delta")))
    return changes


@right("pipeline_changes")
def entries_as_they_were(notebook, pipeline):
    """Leaves the spaces between the pipeline's own entries."""
    changes = {DECISIVE[0]: notebook[DECISIVE[0]]} if notebook[DECISIVE[0]] != pipeline.get(DECISIVE[0]) else {}
    for name in DECISIVE[1:]:
        if set(_delta(pipeline.get(name, ""))) != set(_delta(notebook[name])):
            own = [entry for entry in pipeline.get(name, "").split(",") if not entry.strip().startswith("io.delta")]
            changes[name] = ",".join([entry for entry in own if entry.strip()] + _delta(notebook[name]))
    return changes


@right("pipeline_changes")
def changes_step_by_step(notebook, pipeline):
    changes = {}
    if notebook["spark.sql.catalog.spark_catalog"] != pipeline.get("spark.sql.catalog.spark_catalog"):
        changes["spark.sql.catalog.spark_catalog"] = notebook["spark.sql.catalog.spark_catalog"]
    for name in ("spark.jars.packages", "spark.sql.extensions"):
        present, delta = _entries(pipeline.get(name, "")), _delta(notebook[name])
        if sorted(_delta(pipeline.get(name, ""))) != sorted(delta):
            changes[name] = ",".join([entry for entry in present if "io.delta" not in entry] + delta)
    return changes


@wrong("save_and_read", says="rows without a key look alike")
def distinct_rows(rows, path):
    """Takes equal rows for a mistake."""
    rows.distinct().write.format("delta").mode("overwrite").save(path)
    return rows.sparkSession.read.format("delta").load(path)


@wrong("save_and_read", says="your code deleted the folder first")
def deletes_the_folder(rows, path):
    """Clears the place, as for files."""
    shutil.rmtree(path, ignore_errors=True)
    rows.write.format("delta").save(path)
    return rows.sparkSession.read.format("delta").load(path)


@wrong("changeable", says="return a list of the names")
def one_answer_a_name(spark, names):
    """Says of each name whether it can change."""
    return [spark.conf.isModifiable(name) for name in names]


@wrong("changeable", says="The given order was asked for")
def changeable_sorted(spark, names):
    """Sorts what has an order already."""
    return sorted(name for name in names if spark.conf.isModifiable(name))


@wrong("total_amount", says="only a NULL in `amount` counts for nothing")
def drops_rows_with_a_null(sales):
    """Drops a row for a NULL anywhere."""
    return sales.dropna().agg(F.sum("amount")).first()[0] or 0.0


@right("ensure_table")
def made_by_the_default_source(spark, name):
    """The default on Databricks, and of a session that a colleague has set up so."""
    spark.conf.set("spark.sql.sources.default", "delta")
    spark.createDataFrame([], "order_id string, amount double").write.mode("ignore").saveAsTable(name)


@right("session_kind")
def no_session_of_the_classic_class(spark):
    return "classic" if isinstance(spark, SparkSession) else "connect"


@wrong("session_kind", says="a setting is asked of the server")
def kind_by_a_setting(spark):
    """Asks a setting, which on Connect is the server's."""
    return "connect" if spark.conf.get("spark.remote", None) else "classic"


@wrong("session_kind", says="one of the texts `classic` and `connect`")
def kind_as_a_truth(spark):
    """Answers yes or no."""
    return "connect" in type(spark).__module__


@right("session_kind")
def kind_by_the_classic_class(spark):
    return "classic" if isinstance(spark, SparkSession) else "connect"


@wrong("country_names", says="a row for each row")
def distinct_customers(customers, names):
    """Makes the result distinct."""
    return _named(customers, names).distinct()


@wrong("country_names", says="A second look takes a name for what was found")
def replaces_one_after_another(customers, names):
    """Replaces codes in place, and then asks which values are names."""
    for code, name in names.items():
        customers = customers.withColumn("country", F.when(F.col("country") == code, name).otherwise(F.col("country")))
    known = F.col("country").isin(list(names.values()))
    return customers.withColumn("country", F.when(known, F.col("country")).otherwise("unknown"))


@wrong("country_names", says="C7, whose country is `se`")
def looks_up_in_capitals(customers, names):
    """Repairs the codes on the way."""
    return _named(customers.withColumn("country", F.upper("country")), names)


@wrong("country_names", says="C8, whose country is ` SE`")
def looks_up_trimmed(customers, names):
    """Takes spaces away, which the old code did not."""
    return _named(customers.withColumn("country", F.trim("country")), names)


def _named(customers, names):
    lookup = customers.sparkSession.createDataFrame(list(names.items()), "country string, name string")
    named = customers.join(lookup, "country", "left")
    return named.select("customer_id", F.coalesce("name", F.lit("unknown")).alias("country"))


def _parts_that_do_not_fit(python, java, spark_fits, scala_fits, java_fits=lambda major: major in (17, 21)):
    fits = {
        "python": tuple(map(int, python.split(".")[:2])) >= (3, 10),
        "java": java_fits(int(java.split(".")[0])),
        "spark": spark_fits,
        "scala": scala_fits,
    }
    return [part for part, fit in fits.items() if not fit]


@wrong("misfits", says="the 4.2 at the end is Delta's own version")
def line_anywhere(python, java, spark, scala, artifact):
    """Looks for the line in the whole artifact, whose end is Delta's version."""
    name = artifact.split(":")[1]
    return _parts_that_do_not_fit(python, java, _line(spark) in artifact, name.endswith(_line(scala)))


@wrong("misfits", says="the 2.13 at the end is Delta's own version")
def scala_line_anywhere(python, java, spark, scala, artifact):
    """Looks for Scala's line in the whole artifact."""
    return _parts_that_do_not_fit(
        python, java, _line(spark) in artifact.split(":")[1].split("_"), _line(scala) in artifact
    )


@wrong("misfits", says="what lies between does not")
def java_between(python, java, spark, scala, artifact):
    """Takes the two versions for the ends of a range."""
    lines = artifact.split(":")[1].split("_")
    return _parts_that_do_not_fit(
        python, java, _line(spark) in lines, _line(scala) in lines, java_fits=lambda major: 17 <= major <= 21
    )


@wrong("misfits", says="compare the line in the name with the Scala that you are given")
def scala_by_heart(python, java, spark, scala, artifact):
    """Writes the lines of today into the code."""
    lines = artifact.split(":")[1].split("_")
    return _parts_that_do_not_fit(python, java, "4.2" in lines, "2.13" in lines)


def _faults(settings, extension_fits, catalog_fits):
    fits = {
        "spark.sql.extensions": any(map(extension_fits, settings.get("spark.sql.extensions", "").split(","))),
        "spark.sql.catalog.spark_catalog": catalog_fits(settings.get("spark.sql.catalog.spark_catalog", "")),
    }
    return [name for name, fit in fits.items() if not fit]


@wrong("delta_faults", says="the package belongs to the name")
def by_the_last_name(settings):
    """Compares the class without its package."""
    return _faults(
        settings,
        lambda entry: entry.strip().endswith(".DeltaSparkSessionExtension"),
        lambda catalog: catalog.split(".")[-1] == "DeltaCatalog",
    )


@wrong("delta_faults", says="The catalog was `…DeltaCatalogStub`")
def catalog_that_begins_so(settings):
    """Looks for the catalog's name as a piece of text."""
    return _faults(settings, lambda entry: entry.strip() == EXTENSION, lambda catalog: CATALOG in catalog)


@wrong("delta_faults", says="a space may be before a comma")
def one_space_behind_a_comma(settings):
    """Splits at the comma with the one space that it has seen."""
    fits = EXTENSION in settings.get("spark.sql.extensions", "").split(", ")
    return _faults(settings, lambda entry: fits or entry == EXTENSION, lambda catalog: catalog == CATALOG)


def _with_setting(spark, name, value, call, remembered=lambda before: before is not None):
    before = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        return call()
    finally:
        if remembered(before):
            spark.conf.set(name, before)
        else:
            spark.conf.unset(name)


@wrong("with_setting", says="an empty text is a value")
def empty_is_unset(spark, name, value, action):
    """Asks whether the value is true where it means whether there is one."""
    return _with_setting(spark, name, value, action, remembered=bool)


@wrong("with_setting", says="The action ran twice")
def acts_twice(spark, name, value, action):
    """Calls the action to see whether it works, and again for its result."""
    return _with_setting(spark, name, value, lambda: (action(), action())[1])


@wrong("with_setting", says="the action itself: call it")
def gives_the_action_back(spark, name, value, action):
    """Forgets the parentheses."""
    return _with_setting(spark, name, value, lambda: action)


@wrong("with_setting", says="RuntimeError came out in its place")
def error_of_its_own(spark, name, value, action):
    """Wraps the error, so that nobody who waits for it sees it."""

    def call():
        try:
            return action()
        except Exception as error:
            raise RuntimeError("the action failed") from error

    return _with_setting(spark, name, value, call)


def _cause(
    error,
    settings="[DELTA_CONFIGURE_",
    jar="data source: delta.",
    spark="Error: org/apache/spark/",
    scala="Error: scala/",
):
    signs = {"settings": settings, "jar": jar, "spark": spark, "scala": scala}
    return next((cause for cause, sign in signs.items() if sign in error), "unknown")


@wrong("cause_of", says="whichever class of Spark's own is missing")
def the_class_of_the_example(error):
    """Learns the examples by heart."""
    return _cause(error, spark="TimeAdd", scala="scala/Serializable")


@wrong("cause_of", says="whichever class of Scala's own is missing")
def the_scala_class_of_the_example(error):
    """Learns one example by heart."""
    return _cause(error, scala="scala/Serializable")


@wrong("cause_of", says="deltaSharing is another format")
def formats_that_begin_so(error):
    """Looks for the word without its end."""
    return _cause(error, jar="data source: delta")


@wrong("cause_of", says="only one of its errors speaks of the settings")
def any_error_of_delta(error):
    """Takes each of Delta's conditions for the one about the settings."""
    return _cause(error, settings="[DELTA_")


@wrong("cause_of", says="Other words and lines may stand in front")
def at_the_very_beginning(error):
    """Expects the sign where the example has it."""
    return _cause(error if error.startswith(("[", "java.lang.")) else "")


@wrong("pipeline_changes", says="a catalog that is there can be another one")
def only_a_missing_catalog(notebook, pipeline):
    """Sees what is absent and not what is different."""
    changes = changes_step_by_step(notebook, pipeline)
    if "spark.sql.catalog.spark_catalog" in pipeline:
        changes.pop("spark.sql.catalog.spark_catalog", None)
    return changes


@wrong("pipeline_changes", says="is the pipeline's own")
def delta_anywhere_in_the_name(notebook, pipeline):
    """Takes every entry with delta in its name for Delta's."""
    names = ("spark.sql.extensions", "spark.jars.packages")
    hidden = {name: pipeline[name].replace("org.acme:delta", "io.delta:delta") for name in names if name in pipeline}
    return changes_step_by_step(notebook, {**pipeline, **hidden})


excused: dict[str, dict[str, str]] = {
    "misfits": {"2 → 3": "A third number of Python's version never decides a comparison with (3, 10)."},
}

SPACES = "The answers differ in the spaces of a list alone, which the task leaves as they like."
no_version = "A version is numbers with dots between."
outside: dict[str, dict[str, str]] = {
    "delta_artifact": {"an empty text in spark_version": no_version, "an empty text in scala_version": no_version},
    "misfits": {"an empty text in artifact": "An artifact has a group, a name and a version."},
    "pipeline_changes": {
        "notebook without a key": "Delta works in the notebook, so it has all three.",
        "an empty text in notebook[…]": "Delta works in the notebook, so none is empty.",
        "pipeline without a key": SPACES,
        "an empty text in pipeline[…]": SPACES,
    },
}

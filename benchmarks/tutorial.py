"""The same tables as a good tutorial would make them: one script, Spark's own settings, everything computed again.

It is no straw man: no row is collected, no step is there to be slow. It has none of what makes the platform a platform
either: it keeps no books, forgets what it has read, and starts again from nothing when it fails.

    python benchmarks/tutorial.py <addresses.json> <base>
"""

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import reduce
from typing import Any

import mlflow
import mlflow.spark
import phonenumbers
from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from lakehouse.reference import CURRENCIES, RATES
from workbook.spark import java, session

CUSTOMER = (
    *("name", "email", "phone", "city", "country", "segment", "marketing_consent", "birth_date", "signed_up_on"),
    "ended_on",
)
PAYMENT = (
    "transaction_id STRING, order_id STRING, customer_id STRING, product_id STRING, quantity STRING, "
    "unit_price DECIMAL(12,2), amount DECIMAL(12,2), currency STRING, channel STRING, payment_method STRING, "
    "ordered_at STRING"
)


SOURCES = ("customer_changes", "products", "payments_online", "payments_store", "payments_wallet")
ENTITIES = ("customer_changes", "product_versions", "transactions")
MEASURES = {"orders": "bigint", "lines": "bigint", "units": "bigint", "revenue_eur": "decimal(18,2)"}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        addresses = json.load(file)
    base = sys.argv[2]
    spark = plain_session()
    spark.sparkContext.setLogLevel("ERROR")
    bronze(spark, addresses, base)
    silver(spark, base)
    gold(spark, base)
    serving(spark, base)
    churn(spark, base, addresses["as_of"])
    together(spark, base)
    report(spark, base)
    spark.stop()


def plain_session() -> SparkSession:
    """Spark with Delta Lake and every setting as it comes; only the memory is that of the course's `large` session."""
    os.environ["JAVA_HOME"] = str(java.home_for_launchers(session.CACHE))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    jars = ",".join(map(str, java.fetch_jars(session.CACHE)))
    builder = SparkSession.builder.master("local[2]").appName("tutorial")
    builder = builder.config("spark.jars", jars).config("spark.driver.memory", "4g")
    for name, value in session.DELTA.items():
        builder = builder.config(name, value)
    return builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()


def save(rows: DataFrame, base: str, layer: str, name: str) -> None:
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", True).save(f"{base}/{layer}/{name}")


def load(spark: SparkSession, base: str, layer: str, name: str) -> DataFrame:
    return spark.read.format("delta").load(f"{base}/{layer}/{name}")


def bronze(spark: SparkSession, addresses: dict[str, str], base: str) -> None:
    landing = addresses["landing"]
    login = {"user": addresses["user"], "password": addresses["password"], "driver": "org.postgresql.Driver"}
    save(
        spark.read.jdbc(addresses["crm_url"], "customer_changes", properties=login), base, "bronze", "customer_changes"
    )
    items = spark.createDataFrame([(item,) for item in catalogue(addresses["catalogue_url"])], "item STRING")
    product = (
        "product_id STRING, name STRING, category STRING, unit_price DECIMAL(12,2), weight_g BIGINT, "
        "discontinued_on DATE, updated_at TIMESTAMP"
    )
    save(items.select(F.from_json("item", product).alias("row")).select("row.*"), base, "bronze", "products")
    online = spark.read.schema(f"{PAYMENT}, coupon STRING, _corrupt_record STRING").json(f"{landing}/payments/online")
    save(online.withColumn("file", F.input_file_name()), base, "bronze", "payments_online")
    log = f"{base}/wallet.jsonl"
    with open(log, "w", encoding="utf-8") as events:
        events.writelines(f"{event}\n" for event in wallet(addresses["wallet_url"]))
    by_wallet = spark.read.schema(f"{PAYMENT}, coupon STRING, published_at STRING, _corrupt_record STRING").json(log)
    save(by_wallet.withColumn("file", F.lit("")), base, "bronze", "payments_wallet")
    store = spark.read.schema(f"{PAYMENT}, _corrupt_record STRING").option("header", True)
    store_rows = store.option("columnNameOfCorruptRecord", "_corrupt_record").csv(f"{landing}/payments/store")
    save(store_rows.withColumn("file", F.input_file_name()), base, "bronze", "payments_store")


def catalogue(url: str) -> Iterator[str]:
    cursor = "0"
    while cursor is not None:
        page = answer(f"{url}?page_size=100&cursor={cursor}")
        yield from map(json.dumps, page["items"])
        cursor = page["next_cursor"]


def wallet(url: str) -> Iterator[str]:
    first, end = 0, 1
    while first < end:
        page = answer(f"{url}?from={first}&limit=1000")
        yield from page["events"]
        first, end = first + len(page["events"]), page["end"]


def answer(address: str) -> Any:
    while True:
        try:
            with urllib.request.urlopen(address) as found:
                return json.load(found, parse_float=str)
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise
            time.sleep(0.1)


@F.udf(StringType())
def e164(phone: str | None, country: str | None) -> str | None:
    if phone is None:
        return None
    try:
        number = phonenumbers.parse(re.sub(r"^\s*00(?=[1-9])", "+", phone), country)
    except phonenumbers.NumberParseException:
        return None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text if phonenumbers.is_valid_number(number) or text.startswith("+447700900") else None


def judged(rows: DataFrame, rules: dict[str, str]) -> DataFrame:
    broken = [F.when(~F.coalesce(F.expr(rule), F.lit(False)), F.lit(name)) for name, rule in rules.items()]
    return rows.withColumn("errors", F.array_compact(F.array(*broken)))


def split(rows: DataFrame, key: list[str], base: str, name: str) -> DataFrame:
    """Drop repeated rows, write the bad ones to a quarantine, and return the good ones, the first of each key."""
    distinct = rows.dropDuplicates([column for column in rows.columns if column not in ("file", "errors")])
    bad = distinct.where("size(errors) > 0")
    save(bad.select(F.concat_ws("|", *key).alias("key"), "errors"), base, "silver", f"{name}_quarantine")
    first = Window.partitionBy(*key).orderBy("file")
    good = distinct.where("size(errors) = 0").withColumn("nth", F.row_number().over(first)).where("nth = 1")
    return good.drop("nth", "errors", "file")


def silver(spark: SparkSession, base: str) -> None:
    customers(spark, base)
    products(spark, base)
    payments(spark, base)


def customers(spark: SparkSession, base: str) -> None:
    countries = ", ".join(f"'{country}'" for country in CURRENCIES)
    changes = load(spark, base, "bronze", "customer_changes").drop("position", "recorded_at")
    email = F.lower(F.trim("email"))
    tidy = changes.withColumns(
        {
            "email": F.when(email.rlike(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"), email),
            "phone": e164("phone", F.upper(F.trim("country"))),
            "file": F.lit(""),
        }
    )
    rules = {
        "customer_id_format": "customer_id RLIKE '^C[0-9]{7}$'",
        "operation_known": "operation IN ('insert', 'update', 'delete')",
        "country_known": f"operation = 'delete' OR country IN ({countries})",
        "birth_date_possible": "birth_date IS NULL OR (year(birth_date) >= 1900 AND birth_date < updated_at)",
    }
    log = split(judged(tidy, rules), ["change_id"], base, "customer_changes")
    save(log, base, "silver", "customer_changes")
    in_time = Window.partitionBy("customer_id").orderBy("updated_at")
    newest = Window.partitionBy("customer_id", "updated_at").orderBy(F.desc("change_id"))
    log = load(spark, base, "silver", "customer_changes")
    states = log.withColumn("nth", F.row_number().over(newest)).where("nth = 1")
    states = states.withColumn("state", F.when(F.col("operation") != "delete", F.struct(*CUSTOMER)))
    states = states.withColumn("before", F.lag("state").over(in_time)).where("NOT state <=> before")
    history = states.select(
        "customer_id",
        "state.*",
        F.col("updated_at").alias("valid_from"),
        F.lead("updated_at").over(in_time).alias("valid_to"),
        "operation",
    )
    history = history.where("operation <> 'delete'").drop("operation")
    save(history.withColumn("is_current", F.col("valid_to").isNull()), base, "silver", "customers")


def products(spark: SparkSession, base: str) -> None:
    rows = load(spark, base, "bronze", "products").withColumn("file", F.lit(""))
    rules = {"product_id_format": "product_id RLIKE '^P[0-9]{6}$'", "price_positive": "unit_price > 0"}
    versions = split(judged(rows, rules), ["product_id", "updated_at"], base, "product_versions")
    save(versions, base, "silver", "product_versions")
    newest = Window.partitionBy("product_id").orderBy(F.desc("updated_at"))
    versions = load(spark, base, "silver", "product_versions")
    save(
        versions.withColumn("nth", F.row_number().over(newest)).where("nth = 1").drop("nth"), base, "silver", "products"
    )


def payments(spark: SparkSession, base: str) -> None:
    online = load(spark, base, "bronze", "payments_online").where("_corrupt_record IS NULL")
    store = load(spark, base, "bronze", "payments_store").where("_corrupt_record IS NULL")
    by_wallet = load(spark, base, "bronze", "payments_wallet").where("_corrupt_record IS NULL")
    rows = online.unionByName(store, allowMissingColumns=True).unionByName(by_wallet, allowMissingColumns=True)
    rows = rows.drop("_corrupt_record")
    rates = F.create_map(*(F.lit(part) for pair in RATES.items() for part in pair))
    currency = F.upper(F.trim("currency"))
    rows = rows.withColumns(
        {
            "currency": currency,
            "quantity": F.regexp_extract("quantity", r"^([+-]?\d+)(\.0+)?\s*(pcs)?$", 1).try_cast("bigint"),
            "ordered_at": F.to_timestamp("ordered_at"),
            "amount_eur": F.round(F.col("amount") * 1000 / rates[currency], 2).cast("DECIMAL(14,2)"),
            "delivered_on": F.coalesce(
                F.regexp_extract("file", r"(\d{4}-\d\d-\d\d)", 1).try_cast("date"), F.to_date("published_at")
            ),
        }
    ).withColumn("ordered_on", F.to_date("ordered_at"))
    known_customers = load(spark, base, "silver", "customer_changes").select("customer_id").distinct()
    known_products = load(spark, base, "silver", "product_versions").select("product_id").distinct()
    rows = rows.join(known_customers.withColumn("customer_known", F.lit(True)), "customer_id", "left")
    rows = rows.join(known_products.withColumn("product_known", F.lit(True)), "product_id", "left")
    rules = {
        "customer_present": "customer_id IS NOT NULL",
        "customer_known": "customer_id IS NULL OR customer_known",
        "product_known": "product_id IS NULL OR product_known",
        "quantity_possible": "quantity BETWEEN 1 AND 1000",
        "amount_positive": "amount > 0",
        "amount_right": "quantity IS NULL OR amount = quantity * unit_price",
        "currency_known": "amount_eur IS NOT NULL",
        "not_in_the_future": "ordered_on <= delivered_on",
    }
    good = split(judged(rows, rules), ["transaction_id"], base, "transactions")
    save(good.drop("customer_known", "product_known", "delivered_on", "published_at"), base, "silver", "transactions")


def revenue(name: str = "revenue_eur", counted: str = "true") -> Column:
    return F.sum(F.when(F.expr(counted), F.col("amount_eur")).otherwise(0)).cast("DECIMAL(18,2)").alias(name)


def gold(spark: SparkSession, base: str) -> None:
    sold = load(spark, base, "silver", "transactions")
    orders, lines = F.countDistinct("order_id").alias("orders"), F.count("*").alias("lines")
    units = F.sum("quantity").alias("units")
    customers_a_day = F.countDistinct("customer_id").alias("customers")
    daily = sold.groupBy("ordered_on", "channel").agg(orders, lines, units, customers_a_day, revenue())
    save(daily, base, "gold", "daily_sales")
    first, last = F.min("ordered_on"), F.max("ordered_on")
    by_product = sold.groupBy("product_id").agg(
        orders, lines, units, revenue(), first.alias("first_sold_on"), last.alias("last_sold_on")
    )
    listed = load(spark, base, "silver", "products").drop("weight_g", "updated_at")
    performance = listed.join(by_product, "product_id", "left").fillna(0, ["orders", "lines", "units", "revenue_eur"])
    save(performance, base, "gold", "product_performance")
    by_customer = sold.groupBy("customer_id").agg(
        orders,
        lines,
        revenue(),
        revenue("online_revenue_eur", "channel = 'online'"),
        first.alias("first_ordered_on"),
        last.alias("last_ordered_on"),
    )
    known = load(spark, base, "silver", "customers").where("is_current")
    known = known.drop("birth_date", "valid_from", "valid_to", "is_current").join(by_customer, "customer_id", "left")
    known = known.fillna(0, ["orders", "lines", "revenue_eur", "online_revenue_eur"])
    average = F.round(F.col("revenue_eur") / F.col("orders"), 2).cast("DECIMAL(18,2)")
    tier = F.expr(
        "CASE WHEN revenue_eur >= 2000 THEN 'platinum' WHEN revenue_eur >= 1000 THEN 'gold' "
        "WHEN revenue_eur >= 250 THEN 'silver' ELSE 'bronze' END"
    )
    full = known.withColumns({"average_order_eur": F.when(F.col("orders") > 0, average), "tier": tier})
    save(full, base, "gold", "customer_360")


def serving(spark: SparkSession, base: str) -> None:
    daily, customers = load(spark, base, "gold", "daily_sales"), load(spark, base, "gold", "customer_360")
    month = F.trunc("ordered_on", "month").alias("month")
    sums = [F.sum(name).cast(kind).alias(name) for name, kind in MEASURES.items()]
    save(daily.groupBy(month, "channel").agg(*sums), base, "serving", "sales_by_month")
    products = load(spark, base, "gold", "product_performance").orderBy(F.desc("revenue_eur"), "product_id").limit(10)
    tiles = [
        tile("sales", daily.groupBy(month).agg(F.sum("revenue_eur").alias("value")), "month"),
        tile("tiers", customers.groupBy("tier").agg(F.count("*").alias("value")), "tier"),
        tile("products", products.select("product_id", F.col("revenue_eur").alias("value")), "product_id"),
        *(tile("quality", broken(spark, base, name), "rule") for name in ENTITIES),
        *(tile("freshness", arrived(spark, base, name), "source") for name in SOURCES),
    ]
    save(reduce(DataFrame.union, tiles), base, "serving", "dashboard")


def tile(name: str, rows: DataFrame, label: str) -> DataFrame:
    return rows.select(
        F.lit(name).alias("tile"), F.col(label).cast("string").alias("label"), F.col("value").cast("double")
    )


def broken(spark: SparkSession, base: str, name: str) -> DataFrame:
    rules = load(spark, base, "silver", f"{name}_quarantine").select(F.explode("errors").alias("rule"))
    return rules.groupBy("rule").agg(F.count("*").alias("value"))


def arrived(spark: SparkSession, base: str, name: str) -> DataFrame:
    return load(spark, base, "bronze", name).agg(F.lit(name).alias("source"), F.count("*").alias("value"))


QUARTERS = {"2025-04-01": "2025-06-30", "2025-07-01": "2025-09-30", "2025-10-01": "2025-12-31"}
FEATURES = ("recency", "purchases_7", "purchases_30", "purchases_90", "value_7", "value_30", "value_90")


def features(spark: SparkSession, base: str, day: str) -> DataFrame:
    """What each customer had done before a day."""
    age = F.datediff(F.lit(day), "ordered_on")
    sold = load(spark, base, "silver", "transactions").where(F.col("ordered_on") < day)
    sums = [F.count_if(age <= days).alias(f"purchases_{days}") for days in (7, 30, 90)]
    sums += [
        F.sum(F.when(age <= days, F.col("amount_eur")).otherwise(0)).alias(f"value_{days}") for days in (7, 30, 90)
    ]
    bought = sold.groupBy("customer_id").agg(F.min(age).alias("recency"), *sums)
    known = load(spark, base, "silver", "customers").where("is_current").select("customer_id", "ended_on")
    return known.join(bought, "customer_id", "left").fillna(180, ["recency"]).fillna(0)


def churn(spark: SparkSession, base: str, today: str) -> None:
    """A forest on two quarters, its AUC on the third, all of it in MLflow, and a prediction for every customer."""
    mlflow.set_tracking_uri(f"sqlite:///{base}/mlflow.db")
    if mlflow.get_experiment_by_name("churn") is None:
        mlflow.create_experiment("churn", artifact_location=f"file://{base}/mlruns")
    mlflow.set_experiment("churn")
    frames = []
    for day, ends in QUARTERS.items():
        members = features(spark, base, day).where(F.col("ended_on").isNull() | (F.col("ended_on") >= day))
        left = F.coalesce(F.col("ended_on") <= ends, F.lit(False)).cast("double")
        frames.append(members.withColumns({"label": left, "day": F.lit(day)}))
    save(reduce(DataFrame.union, frames), base, "ml", "features")
    rows = load(spark, base, "ml", "features")
    forest = RandomForestClassifier(numTrees=40, maxDepth=5, seed=7)
    stages = Pipeline(stages=[VectorAssembler(inputCols=list(FEATURES), outputCol="features"), forest])
    with mlflow.start_run():
        model = stages.fit(rows.where("day < '2025-10-01'"))
        auc = BinaryClassificationEvaluator().evaluate(model.transform(rows.where("day = '2025-10-01'")))
        mlflow.log_params({"trees": 40, "depth": 5})
        mlflow.log_metric("auc", auc)
        mlflow.spark.log_model(
            model, artifact_path="model", pip_requirements=["pyspark"], registered_model_name="churn"
        )
    print("AUC", auc)
    scored = model.transform(features(spark, base, today))
    probability = vector_to_array(F.col("probability"))[1].alias("probability")
    save(scored.select("customer_id", probability), base, "ml", "predictions")


def together(spark: SparkSession, base: str) -> None:
    """Pairs of products in the same orders, with support and lift."""
    lines = load(spark, base, "silver", "transactions").select("order_id", "product_id").distinct()
    number, sold = lines.select("order_id").distinct().count(), lines.groupBy("product_id").count()
    pairs = lines.join(lines.withColumnRenamed("product_id", "other"), "order_id").where("product_id <> other")
    counted = pairs.groupBy("product_id", "other").agg(F.count("*").alias("orders")).where("orders >= 5")
    rows = counted.join(sold, "product_id").join(
        sold.select(F.col("product_id").alias("other"), F.col("count").alias("other_count")), "other"
    )
    lift = F.col("orders") * number / (F.col("count") * F.col("other_count"))
    save(rows.withColumns({"support": F.col("orders") / number, "lift": lift}), base, "ml", "bought_together")


def report(spark: SparkSession, base: str) -> None:
    """How many rows each table has, and how many NULLs each column of silver."""
    for name in SOURCES:
        print(name, load(spark, base, "bronze", name).count())
    for name in ("customers", "products", "transactions"):
        rows = load(spark, base, "silver", name)
        rows.select(F.count("*"), *(F.count_if(F.col(column).isNull()).alias(column) for column in rows.columns)).show()
    load(spark, base, "serving", "dashboard").show(100, truncate=False)


if __name__ == "__main__":
    main()

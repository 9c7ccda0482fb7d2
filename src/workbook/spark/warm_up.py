"""One run of the work that lessons do, so that the archive of classes holds what they use."""

import tempfile

from pyspark.sql import Window
from pyspark.sql import functions as F

from workbook.spark.session import get_spark


def main() -> None:
    spark = get_spark()
    with tempfile.TemporaryDirectory() as path:
        rows = spark.createDataFrame([(1, "a", 1.5), (2, "b", None)], "id int, name string, amount double")
        rows.write.format("delta").save(f"{path}/t")
        table = spark.read.format("delta").load(f"{path}/t")
        table.groupBy("name").agg(F.sum("amount")).orderBy("name").collect()
        table.withColumn("n", F.row_number().over(Window.partitionBy("name").orderBy("id"))).collect()
        rows.createOrReplaceTempView("changes")
        spark.sql(
            f"MERGE INTO delta.`{path}/t` t USING changes c ON t.id = c.id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )
        spark.sql(f"DESCRIBE HISTORY delta.`{path}/t`").collect()
        rows.write.saveAsTable("warm_up")
        spark.sql("SELECT * FROM warm_up WHERE id = 1").toPandas()
        rows.write.json(f"{path}/json")
        rows.write.csv(f"{path}/csv", header=True)
        spark.read.csv(f"{path}/csv", header=True, inferSchema=True).join(rows, "id").count()
        stream = spark.readStream.schema(rows.schema).json(f"{path}/json").writeStream.format("delta")
        stream = stream.option("checkpointLocation", f"{path}/checkpoint").trigger(availableNow=True)
        stream.start(f"{path}/streamed").awaitTermination()


if __name__ == "__main__":
    main()

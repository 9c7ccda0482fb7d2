"""How the rows of the large tables lie in files, so that a query opens few of them.

Liquid clustering, and not Z-ORDER or partitions: its columns can be changed later without writing the table again, and
OPTIMIZE rewrites only what is not clustered yet. The columns are those by which the platform itself and its readers
look for rows: gold is kept up to date day by day and customer by customer, and dashboards ask for days.
`benchmarks/clustering.py` shows what it saves, in files and bytes.
"""

from lakehouse.lake import Lake

CLUSTERED = {
    "silver/transactions": ("ordered_on", "customer_id"),
    "silver/customers": ("customer_id",),
    "gold/customer_360": ("customer_id",),
}


def maintain(lake: Lake) -> None:
    """Cluster the large tables, and put their small files together: a job for the night, or once a week.

    No row changes, so neither the layers above nor a reader see a difference.
    """
    for name, columns in CLUSTERED.items():
        if lake.exists(name):
            lake.spark.sql(f"ALTER TABLE {lake.identifier(name)} CLUSTER BY ({', '.join(columns)})")
            lake.spark.sql(f"OPTIMIZE {lake.identifier(name)}")

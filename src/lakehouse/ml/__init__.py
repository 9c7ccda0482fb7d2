"""Machine learning: who is about to leave, and what goes with what, from what silver knows.

`features` and `baskets` are DataFrames to DataFrames; `churn` trains, `gate` judges, `registry` keeps the models,
`refresh` reads and writes. `forest` and `served` need no Spark.
"""

"""Machine learning: who is about to leave, and what goes with what, from what silver knows.

`features` and `baskets` are DataFrames to DataFrames; `churn` trains, `gate` judges, `registry` keeps the models,
`drift` watches what they are asked about, and `refresh` reads and writes. `forest` and `served` need no Spark.
"""

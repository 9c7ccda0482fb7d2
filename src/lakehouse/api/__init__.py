"""The API: what people and programs ask of the platform over HTTP, answered without Spark.

A **release** of the API is a row of `api/releases` that names the version of every table and of the model
(`releases`). The server follows them: it reads exactly those versions into a **replica**, a SQLite database of its own,
and changes over to it in one step (`follower`, `replica`). So each answer comes from one release, and says from which.
"""

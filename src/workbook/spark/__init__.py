"""Spark on this machine: the one way to get a session, and the Java below it."""

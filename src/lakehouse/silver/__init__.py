"""Silver: one row a thing, and the history of each thing, from changes as they were delivered."""

from lakehouse.silver.deduplicate import latest_per_key
from lakehouse.silver.history import history_changes, scd2_history

__all__ = ["history_changes", "latest_per_key", "scd2_history"]

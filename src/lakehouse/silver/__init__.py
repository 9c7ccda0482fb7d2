"""Silver: one row a thing, and the history of each thing, from changes as they were delivered."""

from lakehouse.silver.deduplicate import latest_per_key
from lakehouse.silver.entities import ENTITIES, Entity
from lakehouse.silver.history import history_changes, scd2_history
from lakehouse.silver.refresh import fingerprint, refresh, replay

__all__ = [
    "ENTITIES",
    "Entity",
    "fingerprint",
    "history_changes",
    "latest_per_key",
    "refresh",
    "replay",
    "scd2_history",
]

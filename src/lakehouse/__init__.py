"""The data platform of the course: eight layers, one module each, from the sources to the API."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.orchestrator import DataPlatformOrchestrator

__all__ = ["DataPlatformOrchestrator"]


def __getattr__(name: str) -> object:
    """The orchestrator, imported when it is asked for: who only makes data needs no Spark."""
    if name != "DataPlatformOrchestrator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lakehouse.orchestrator import DataPlatformOrchestrator

    return DataPlatformOrchestrator

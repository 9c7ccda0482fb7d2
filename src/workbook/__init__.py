"""The teaching kit of the Lakehouse Workbook."""

from workbook.exercise import ____
from workbook.notebook import check, hint, reveal
from workbook.session import get_spark

__all__ = ["____", "check", "get_spark", "hint", "reveal"]

"""The teaching kit of the Lakehouse Workbook.

A learner's notebook needs what stands here, and `pictures`, `questions`, `servers` and `slices`. The rooms: `checking`
an answer, `authoring` an exercise, the `questions`, `spark` on this machine, the `site`, and the `commands`. `course`,
`authored`, `environment` and `errors` lie below them all. No room but the commands and the site knows the platform
(`lakehouse`); `slices` and `servers` take their data from its sources.
"""

from workbook import environment

environment.settle()  # before anything imports Spark

from workbook.checking.exercise import ____  # noqa: E402
from workbook.checking.learner import check, hint, reveal  # noqa: E402
from workbook.spark.session import get_spark  # noqa: E402

__all__ = ["____", "check", "get_spark", "hint", "reveal"]

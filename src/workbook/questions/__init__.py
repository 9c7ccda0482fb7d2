"""The question bank: read, proven, and shown as quizzes. In a notebook: `quiz("1.1")`."""

from workbook.questions.shown import quiz

__all__ = ["quiz"]

"""Checking an answer: what an exercise is, the engine that runs its check, and what the learner is shown."""

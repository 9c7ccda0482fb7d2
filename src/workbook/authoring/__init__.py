"""Making exercises: the notebooks from the authored text, and the proofs that an exercise must pass."""

"""Runs the nodes of a plan: a scheduler that knows no Docker, and a runner that knows nothing else."""

"""Experiments of several runs: studies, rounds, and their comparison."""

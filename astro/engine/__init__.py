"""The loop that drives programs over backends, and its journal."""

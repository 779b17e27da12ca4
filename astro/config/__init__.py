"""The configs of runs: their models, reading and writing YAML, and moved keys."""

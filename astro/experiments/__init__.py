"""Studies, rounds, and the comparison of models over seeds."""

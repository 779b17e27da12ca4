"""Values of mathematical expressions: trees, exact numbers, intervals, matrices, units."""

"""Values: expression trees, exact numbers, balls, intervals, matrices and units."""

"""From the text of a response to the expression that its answer stands for."""

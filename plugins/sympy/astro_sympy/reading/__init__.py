"""Reading: from the text of a response to the expression tree of its answer."""

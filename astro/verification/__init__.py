"""A pool of processes that verify responses within limits of time and memory."""

"""The journal of a run."""


class Journal:
    """Placeholder."""

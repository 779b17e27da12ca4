"""Data of a run: problems, prompts, and training samples."""

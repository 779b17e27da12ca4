"""Problem sets, prompts and training samples."""

"""Comparing: the verdict on whether an answer equals the reference."""

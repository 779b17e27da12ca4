"""Conformance kits that a plugin's tests subclass."""

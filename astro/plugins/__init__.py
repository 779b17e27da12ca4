"""Plugins: their hooks, their registry, their params, and bindings to them by name."""

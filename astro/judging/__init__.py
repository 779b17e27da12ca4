"""Verifiers measured on labelled pairs of references and responses."""

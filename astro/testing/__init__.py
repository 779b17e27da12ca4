"""Conformance kits that a plugin's tests subclass. They need pytest, and nothing else."""

from __future__ import annotations

from astro.testing.policies import PolicyConformance
from astro.testing.reward_models import RewardModelConformance
from astro.testing.searches import SearchConformance
from astro.testing.verifiers import Case, VerifierConformance

__all__ = [
    "Case",
    "PolicyConformance",
    "RewardModelConformance",
    "SearchConformance",
    "VerifierConformance",
]

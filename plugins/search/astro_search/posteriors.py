"""Posteriors of a mean reward, for Thompson sampling."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from random import Random
from typing import Protocol


class Posterior(Protocol):
    """What is known of the mean reward of an arm."""

    def observe(self, reward: float) -> None:
        """Update it with a reward."""

    def draw(self, rng: Random) -> float:
        """Draw a mean reward."""


@dataclass(slots=True)
class Beta:
    """Beta(a, b) for rewards in [0, 1]. A reward r counts as r successes and 1 - r failures.

    The default is the prior of Jeffreys.
    """

    a: float = 0.5
    b: float = 0.5

    def observe(self, reward: float) -> None:
        """Add the reward to `a` and the rest to `b`."""
        self.a += reward
        self.b += 1.0 - reward

    def draw(self, rng: Random) -> float:
        """Draw from Beta(a, b)."""
        return rng.betavariate(self.a, self.b)


@dataclass(slots=True)
class NormalInverseChiSquared:
    """The conjugate prior of a normal distribution with unknown mean and variance.

    The update is that of Murphy, Probabilistic Machine Learning: Advanced Topics, section 3.4.3.3;
    the defaults are those of AB-MCTS (arXiv 2503.04412).
    """

    m: float = 0.0
    kappa: float = 1.0
    nu: float = 1.0
    tau2: float = 0.1

    def observe(self, reward: float) -> None:
        """Update all four parameters with one reward."""
        kappa, nu = self.kappa + 1.0, self.nu + 1.0
        spread = self.kappa / kappa * (reward - self.m) ** 2
        self.tau2 = (self.nu * self.tau2 + spread) / nu
        self.m = (self.kappa * self.m + reward) / kappa
        self.kappa, self.nu = kappa, nu

    def draw(self, rng: Random) -> float:
        """Draw a variance, and then a mean given the variance."""
        chi_squared = 2.0 * rng.gammavariate(self.nu / 2.0, 1.0)
        variance = self.nu * self.tau2 / max(chi_squared, 1e-300)
        return rng.gauss(self.m, sqrt(variance / self.kappa))


def prior(kind: str) -> Posterior:
    """Return the posterior of an arm without observations: `beta` or `normal`."""
    return Beta() if kind == "beta" else NormalInverseChiSquared()


@dataclass(slots=True)
class Arms:
    """The arms of a node: `gen` samples a new child, `cont` goes on with one of `children`.

    `children` maps the id of a child to its own posterior.
    """

    gen: Posterior
    cont: Posterior
    children: dict[int, Posterior] = field(default_factory=dict)

"""The executor on Ray."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the executor of this package."""
    return [
        Provider(
            "executor",
            "ray",
            "policies and verifiers in Ray actors, on one machine or many",
            target="astro_ray.executor:RayExecutor",
            params="astro_ray.params:ExecutorParams",
            requires=("ray",),
            install="pip install astro-reasoner-ray",
        )
    ]

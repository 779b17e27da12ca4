"""Entry point: verifier physics_units. Imports nothing heavy."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    return [
        Provider(
            "verifier",
            "physics_units",
            "a physical quantity equals the reference, to the digits that it shows",
            target="astro_physics_units.verifier:PhysicsUnitsVerifier",
            params="astro_physics_units.params:VerifierParams",
            requires=("pint",),
            install="pip install pint",
        )
    ]

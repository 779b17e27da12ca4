"""Verifiers of mathematical answers: `sympy` and `math-verify`."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register the verifiers of this package."""
    return [
        Provider(
            "verifier",
            "sympy",
            "mathematical answers, compared exactly",
            target="astro_sympy.verifier:SympyVerifier",
            params="astro_sympy.params:SympyParams",
            requires=("flint",),
            install="pip install python-flint",
        ),
        Provider(
            "verifier",
            "math-verify",
            "Hugging Face's math-verify, as a second opinion",
            target="astro_sympy.math_verify:MathVerifyVerifier",
            requires=("math_verify",),
            install="pip install 'math-verify[antlr4_13_2]'",
        ),
    ]

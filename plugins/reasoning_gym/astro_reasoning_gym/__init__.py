"""Entry point: problems and verifier for the tasks of reasoning-gym."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl

REQUIRES = ("reasoning_gym",)
INSTALL = "pip install reasoning-gym==0.1.25"


@hookimpl
def astro_providers() -> list[Provider]:
    return [
        Provider(
            "problems",
            "reasoning_gym",
            "problems made by reasoning-gym, of one task or several",
            target="astro_reasoning_gym.problems:ReasoningGymProblems",
            params="astro_reasoning_gym.params:ProblemParams",
            requires=REQUIRES,
            install=INSTALL,
        ),
        Provider(
            "verifier",
            "reasoning_gym",
            "the task's own rules, without running what a model wrote",
            target="astro_reasoning_gym.verifier:ReasoningGymVerifier",
            params="astro_reasoning_gym.params:VerifierParams",
            requires=REQUIRES,
            install=INSTALL,
        ),
    ]

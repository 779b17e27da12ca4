"""The countdown domain: combine the given numbers, each once, to reach a target."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """Register problems, verifier, step format and policy of countdown."""
    return [
        Provider(
            "problems",
            "countdown",
            "use 3 5 8 to make 25",
            target="astro_countdown.problems:CountdownProblems",
            params="astro_countdown.problems:ProblemParams",
        ),
        Provider(
            "verifier",
            "countdown",
            "replays the steps, or evaluates the final expression, exactly",
            target="astro_countdown.verifier:CountdownVerifier",
            params="astro_countdown.verifier:VerifierParams",
        ),
        Provider(
            "step_format",
            "countdown",
            "one line a step: 3 + 5 = 8 left 8 8",
            target="astro_countdown.step_format:CountdownFormat",
        ),
        Provider(
            "policy",
            "countdown_walker",
            "plays random legal moves, without a model",
            target="astro_countdown.walker:CountdownWalker",
            params="astro_countdown.walker:WalkerParams",
        ),
    ]

"""What comes with the core, registered as any plugin is."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    return [
        Provider(
            "problems",
            "jsonl",
            "problems in JSON Lines files",
            target="astro.builtin.jsonl:JsonlProblems",
            params="astro.builtin.jsonl:JsonlParams",
            fallback=True,
        ),
        Provider(
            "policy",
            "scripted",
            "answers by a script, without a model",
            target="astro.builtin.scripted:ScriptedPolicy",
            params="astro.builtin.scripted:ScriptedParams",
        ),
        Provider(
            "value",
            "rollout",
            "the share of rollouts that a verifier finds correct",
            target="astro.builtin.rollout:Rollout",
            params="astro.builtin.rollout:RolloutParams",
            fallback=True,
        ),
        Provider(
            "value",
            "p_true",
            "how likely the policy itself calls the solution so far right",
            target="astro.builtin.p_true:PTrue",
            params="astro.builtin.p_true:PTrueParams",
        ),
        Provider(
            "step_format",
            "lines",
            "a step a line or paragraph; reflection and backtracking in prose",
            target="astro.builtin.lines:LinesFormat",
            params="astro.builtin.lines:LinesParams",
        ),
        Provider(
            "step_format",
            "markdown",
            "a step under each header `## Step n`, the answer in a box; for instruct models",
            target="astro.builtin.markdown:MarkdownFormat",
            params="astro.builtin.markdown:MarkdownParams",
        ),
        Provider(
            "verifier",
            "exact",
            "the final answer equals the reference as text",
            target="astro.builtin.exact:ExactVerifier",
            fallback=True,
        ),
        Provider(
            "executor",
            "local",
            "one loop in this process",
            target="astro.builtin.local:LocalExecutor",
            params="astro.builtin.local:LocalParams",
            fallback=True,
        ),
    ]

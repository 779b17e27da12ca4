"""The implementations that come with the core, registered like those of any plugin."""

from __future__ import annotations

from astro.plugins.hookspecs import NO_VERIFIER, Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """The providers of the core."""
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
            "responses from a script, without a model",
            target="astro.builtin.scripted:ScriptedPolicy",
            params="astro.builtin.scripted:ScriptedParams",
        ),
        Provider(
            "value",
            "rollout",
            "the share of correct rollouts from a state",
            target="astro.builtin.rollout:Rollout",
            params="astro.builtin.rollout:RolloutParams",
            fallback=True,
        ),
        Provider(
            "value",
            "p_true",
            "the probability by which a model judges the solution so far to be right",
            target="astro.builtin.p_true:PTrue",
            params="astro.builtin.p_true:PTrueParams",
        ),
        Provider(
            "value",
            "reward_model",
            "the score of a reward model",
            target="astro.builtin.reward_value:RewardValue",
            params="astro.builtin.reward_value:RewardValueParams",
        ),
        Provider(
            "value",
            "logprob",
            "the mean log-probability of the tokens so far, as a probability",
            target="astro.builtin.logprob_value:LogProbValue",
        ),
        Provider(
            "value",
            "self_consistency",
            "the share of completions that come to the most frequent answer",
            target="astro.builtin.self_consistency:SelfConsistency",
            params="astro.builtin.self_consistency:SelfConsistencyParams",
        ),
        Provider(
            "step_format",
            "lines",
            "one step per line or paragraph; reflections and backtracks in prose",
            target="astro.builtin.lines:LinesFormat",
            params="astro.builtin.lines:LinesParams",
        ),
        Provider(
            "step_format",
            "markdown",
            "one step under each header `## Step n`, the answer in a box; for instruct models",
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
            "verifier",
            NO_VERIFIER,
            "no verdicts, for questions whose answer is not known",
            target="astro.builtin.none:NoVerifier",
        ),
        Provider(
            "executor",
            "local",
            "one loop in this process",
            target="astro.builtin.local:LocalExecutor",
            params="astro.builtin.local:LocalParams",
            fallback=True,
        ),
        Provider(
            "stage",
            "format_sft",
            "fine-tuning on the problems' own solutions, which makes the base model",
            target="astro.runs.stages.format_sft:FormatSFTStage",
        ),
        Provider(
            "stage",
            "search",
            "a search tree of each training problem",
            target="astro.runs.stages.search:SearchStage",
        ),
        Provider(
            "stage",
            "linearize",
            "chains of thought from the trees, for the method and its control",
            target="astro.runs.stages.linearize:LinearizeStage",
        ),
        Provider(
            "stage",
            "sft",
            "fine-tuning on the traces",
            target="astro.runs.stages.sft:SFTStage",
        ),
        Provider(
            "stage",
            "rl",
            "RL with verifiable reward",
            target="astro.runs.stages.rl:RLStage",
        ),
        Provider(
            "stage",
            "evaluate",
            "every model on held-out problems",
            target="astro.runs.stages.evaluate:EvaluateStage",
        ),
        Provider(
            "stage",
            "report",
            "a report of the run in Markdown",
            target="astro.runs.stages.report:ReportStage",
        ),
    ]

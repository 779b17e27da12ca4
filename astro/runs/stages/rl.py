"""Stage 4: RL with verifiable reward, from the fine-tuned model."""

from __future__ import annotations

from astro.data.problem_sets import with_prompt
from astro.events import Notice, StageStarted
from astro.interfaces import RLAlgorithm, RLJob
from astro.plugins.binding import Binding
from astro.runs.context import RunContext
from astro.seeds import derive

STAGE = "rl"


def run(run: RunContext, binding: Binding) -> None:
    """Train from sft/model, or from the base model if there was no fine-tuning, into rl/model."""
    start = run.policy("sft" if run.config.sft else "base")
    step_format = run.step_format()
    algorithm: RLAlgorithm = run.registry.build("rl", binding, step_format=step_format)
    run.on_event(StageStarted(STAGE, 0, "steps"))
    job = RLJob(
        [with_prompt(problem, step_format, shots=False) for problem in run.training_problems()],
        model=str(start.params.get("model", "")),
        policy=start,
        reward=run.config.reward or run.config.verifier,
        run_dir=run.folder.training(STAGE),
        seed=derive(run.config.seed, STAGE),
    )
    result = algorithm.train(job, run.on_step(STAGE))
    if result.note:
        run.on_event(Notice(f"{STAGE}: {result.note}"))

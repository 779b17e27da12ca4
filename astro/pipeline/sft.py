"""Stage 3: fine-tuning on traces, the control at the same number of trained tokens."""

from __future__ import annotations

from pathlib import Path

from astro.binding import Binding
from astro.errors import RunError
from astro.events import StageStarted
from astro.files import read_json, write_json
from astro.interfaces import SFTTrainer
from astro.pipeline.context import Run
from astro.pipeline.linearize import arms
from astro.seeds import derive

STAGE = "sft"


def run(run: Run, binding: Binding) -> None:
    """Train each arm from the base model into sft/model and direct_sft/model."""
    trainer: SFTTrainer = run.registry.build("sft", binding)
    tokens = run.config.sft_tokens
    for arm, _ in arms(run):
        traces = run.folder.traces(arm)
        if not traces.stat().st_size:
            raise RunError(f"{traces} is empty: no tree was solved", "search more, or easier ones")
        run.on_event(StageStarted(arm, 0, "steps"))
        result = trainer.train(
            traces,
            model=run.base_model(),
            run_dir=run.folder.training(arm),
            seed=derive(run.config.seed, STAGE),
            on_step=run.on_step(arm),
            tokens=tokens,
        )
        tokens = int(result.metrics["tokens"])
        write_json(run.folder.training_metrics(arm), result.metrics)


def trained_tokens(metrics: Path) -> int:
    """How many tokens bore loss in the training that left these metrics."""
    return int(read_json(metrics, dict[str, float])["tokens"])

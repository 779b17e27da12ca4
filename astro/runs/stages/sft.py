"""Stage 3: fine-tune on traces. The control is trained on the same number of loss tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from astro.config.run import BASE, BUILT_IN_MODELS, RunConfig
from astro.errors import ConfigError, RunError
from astro.files import encode, read_json, read_lines
from astro.interfaces import SFTJob, SFTTrainer
from astro.plugins.binding import SFTBinding
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.stages.linearize import arms
from astro.seeds import derive

STAGE = "sft"


@dataclass(frozen=True, slots=True)
class SFTStage:
    """Trains sft/model and, if there is a control, direct_sft/model, from the base model."""

    params: None
    name: str
    config: RunConfig
    needs: tuple[str, ...] = ("linearize",)

    @property
    def models(self) -> list[str]:
        """The models of the control, if there is one, and of the method."""
        return [model for model in BUILT_IN_MODELS if model in dict(arms(self.config))]

    def outputs(self, folder: Path) -> list[Path]:
        """The metrics that are written when each training ends."""
        return [RunFolder(folder).training_metrics(model) for model in self.models]

    def run(self, run: RunContext) -> None:
        """Fine-tune each arm, the control on as many loss tokens as the method."""
        if run.config.sft is None:
            raise ConfigError(["sft: missing"])
        finetune(run, run.config.sft, run.config.sft.tokens or run.sft_tokens)


def finetune(run: RunContext, binding: SFTBinding, tokens: int | None) -> None:
    """Train each arm from the base model into sft/model and direct_sft/model.

    Each training takes `tokens` loss tokens. If None, the trainer's params determine the length for
    the method, and the control is trained on as many loss tokens as the method.

    Raises:
        RunError: There are no traces.
        AstroError: The training failed.
    """
    trainer: SFTTrainer = run.registry.build("sft", binding)
    for arm, _ in arms(run.config):
        traces = _traces(run, arm, binding.runs)
        if not traces.stat().st_size:
            raise RunError(
                f"{traces} is empty: no tree was solved", "search more problems, or easier ones"
            )
        model = binding.model or run.policy(BASE).params.get("model", "")
        seed = derive(run.config.seed, STAGE)
        job = SFTJob(traces, model, run.folder.training(arm), seed, tokens, run.prompt())
        tokens = train(run, trainer, job, arm, run.folder.training_metrics(arm))


def train(run: RunContext, trainer: SFTTrainer, job: SFTJob, name: str, metrics: Path) -> int:
    """Train, with progress under `name`, write the metrics, and return the number of loss tokens.

    Raises:
        AstroError: The training failed.
    """
    with run.started(name, 0, "steps"):
        result = trainer.train(job, run.on_step(name))
    run.folder.write_json(metrics, result.metrics)
    return int(result.metrics["tokens"])


def _traces(run: RunContext, arm: str, runs: Sequence[str]) -> Path:
    """The arm's traces; with `sft.runs`, a file that also contains the traces of these runs."""
    own = run.folder.traces(arm)
    others = [RunFolder(Path(folder)) for folder in runs]
    if not others:
        return own
    pool = own.with_name(f"pooled_{own.name}")
    others_traces = [
        (f"{folder.root.name}/", folder.checked(folder.traces(arm))) for folder in others
    ]
    run.folder.write_lines(pool, _distinct([("", own), *others_traces]))
    return pool


def _distinct(files: Iterable[tuple[str, Path]]) -> Iterator[dict[str, object]]:
    """The rows of all files without duplicates. The prefix of a file is added to their ids."""
    seen: set[bytes] = set()
    for prefix, path in files:
        for row in read_lines(path, dict[str, object]):
            said = blake2b(encode(row["messages"])).digest()
            if said not in seen:
                seen.add(said)
                yield {**row, "id": f"{prefix}{row['id']}"}


def trained_tokens(metrics: Path) -> int | None:
    """Return the number of loss tokens of a finished training; None if it has no metrics yet."""
    return int(read_json(metrics, dict[str, float])["tokens"]) if metrics.exists() else None

"""Expert iteration: each round runs all stages with the model of the previous round as policy.

The method is that of Anthony et al., "Thinking Fast and Slow with Deep Learning and Tree Search",
arXiv 1705.08439.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from astro.config.run import BASE, EvaluationSet, RoundsConfig, RunConfig
from astro.errors import ConfigError
from astro.events import ExperimentFinished, Listener, Notice, ignore
from astro.files import write_json
from astro.metrics import Estimate
from astro.plugins.binding import SFTBinding
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder, claimed_group
from astro.runs.listeners import broadcast
from astro.runs.runner import Run, is_evaluated
from astro.runs.stages.evaluate import read_scores
from astro.seeds import derive


@dataclass(frozen=True, slots=True)
class Round:
    """The model of a round, and its pass@1 on each evaluation set. Round 0 is the base model."""

    number: int
    model: str
    pass_at_1: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class RoundsResult:
    """The results of all rounds.

    Attributes:
        rounds: The rounds in order.
        best: The number of the round with the highest pass@1 on the split that decides when to
            stop.
        stalled: Whether the rounds ended because pass@1 stopped rising.
    """

    rounds: list[Round]
    best: int
    stalled: bool


@dataclass(frozen=True, slots=True)
class Rounds:
    """A config with `rounds`, and the plugins that it uses."""

    config: RunConfig
    registry: Registry

    @property
    def name(self) -> str:
        """The name of the rounds, and of their folder."""
        return self.config.name

    @property
    def limits(self) -> RoundsConfig:
        """The settings of when the rounds end.

        Raises:
            ConfigError: The config has no rounds.
        """
        if self.config.rounds is None:
            raise ConfigError(["rounds: missing"])
        return self.config.rounds

    def configs(self) -> list[RunConfig]:
        """Return the config, as a list of one."""
        return [self.config]

    def run(
        self,
        *,
        runs: str | Path = "runs",
        fresh: bool = False,
        until: str | None = None,
        on_event: Listener = ignore,
    ) -> RoundsResult | None:
        """Run the rounds in `runs/<name>/round-<r>/`, and write `runs/<name>/results.json`.

        Interrupted rounds are resumed. Returns None if `until` ends the first round before its
        evaluation.

        Raises:
            AstroError: A round failed. Finished work is kept.
        """
        limits, folder = self.limits, Path(runs).resolve() / self.name
        on_event = broadcast(on_event, self.registry)
        with claimed_group(folder, (_name("*"),), fresh=fresh):
            return self._run_rounds(limits, folder, until, on_event)

    def _run_rounds(
        self, limits: RoundsConfig, folder: Path, until: str | None, on_event: Listener
    ) -> RoundsResult | None:
        result = RoundsResult([], 0, stalled=False)
        for number in range(1, limits.n + 1):
            if result.stalled:
                break
            on_event(Notice(f"{self.name}: round {number}"))
            turn = round_config(self.config, limits, number, folder)
            Run(turn, self.registry).run(runs=folder, until=until, on_event=on_event)
            if not is_evaluated(turn, self.registry, until):
                return None
            found = [*result.rounds, *_measured(self.config, number, folder)]
            result = _judged(found, limits)
            write_json(folder / "results.json", result)
        on_event(ExperimentFinished(folder))
        return result


def round_config(config: RunConfig, rounds: RoundsConfig, number: int, folder: Path) -> RunConfig:
    """Return the config of round `number`, from 1. Only round 1 evaluates the base model.

    Later rounds have other seeds, because a model that has hardly changed would sample the same
    trees.
    """
    common, problems = config.evaluate, config.problems.model_dump()
    own = {common.split: EvaluationSet(**problems, split=common.split)}
    held_out = {rounds.split: EvaluationSet(**problems, split=rounds.split)}
    evaluate: dict[str, object] = {"sets": held_out | (dict(common.sets) or own)}
    update: dict[str, object] = {"name": _name(number), "rounds": None}
    if number > 1:
        common = common.without_base()
        last = _model(config, number - 1, folder)
        update["seed"] = derive(config.seed, _name(number))
        update["policy"] = config.policy.with_params(model=last)
        update["format_sft"] = None
        if config.sft:
            update["sft"] = _finetuning(config, config.sft, rounds, number, folder)
    update["evaluate"] = common.model_copy(update=evaluate)
    return config.model_copy(update=update)


def _finetuning(
    config: RunConfig, sft: SFTBinding, rounds: RoundsConfig, number: int, folder: Path
) -> SFTBinding:
    """The fine-tuning of a later round: its start model and the traces of other rounds."""
    model = _model(config, number - 1, folder)
    if rounds.start == "base":
        model = sft.model or _base(config, folder)
    before = (str(folder / _name(earlier)) for earlier in range(1, number))
    runs = (*sft.runs, *before) if rounds.pool else sft.runs
    return sft.model_copy(update={"model": model, "runs": runs})


def stalled(scores: Sequence[float], rounds: RoundsConfig) -> bool:
    """Return whether the last `patience` scores exceed the best one before by <= `min_gain`."""
    before, last = scores[: -rounds.patience], scores[-rounds.patience :]
    return bool(before) and max(last) <= max(before) + rounds.min_gain


def _judged(found: list[Round], rounds: RoundsConfig) -> RoundsResult:
    scores = [turn.pass_at_1[rounds.split].value for turn in found]
    best = found[scores.index(max(scores))].number
    return RoundsResult(found, best, stalled(scores, rounds))


def _measured(config: RunConfig, number: int, folder: Path) -> Iterator[Round]:
    """The scores of the round's model, preceded by those of the base model if it was evaluated."""
    groups = read_scores(RunFolder(folder / _name(number)).scores).groups
    models = {_trained(config): (number, _model(config, number, folder))}
    base = {BASE: (0, _base(config, folder))}
    for model, (turn, path) in (base | models).items():
        if any(model in group.models for group in groups):
            scores = {g.evaluation_set: g.models[model]["pass@1"] for g in groups if not g.key}
            yield Round(turn, path, scores)


def _model(config: RunConfig, number: int, folder: Path) -> str:
    return str(RunFolder(folder / _name(number)).checkpoint(_trained(config)))


def _base(config: RunConfig, folder: Path) -> str:
    """The model that the rounds start from: the policy's, or what round 1 made of it."""
    if config.format_sft:
        return str(RunFolder(folder / _name(1)).checkpoint(BASE))
    return str(config.policy.params["model"])


def _trained(config: RunConfig) -> str:
    """The model that becomes the policy of the next round."""
    return "rl" if config.rl else "sft"


def _name(number: int | str) -> str:
    return f"round-{number}"

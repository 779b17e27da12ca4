"""The stages of a run in the order in which they run, and the models that they train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from astro.config.run import BASE, BUILT_IN_MODELS, STAGES, TRAINED, RunConfig
from astro.errors import ConfigError
from astro.interfaces import Stage
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry

AnyStage = Stage[Any]


def run_stages(config: RunConfig, registry: Registry) -> list[AnyStage]:
    """Build the stages of a run: each after those that it needs, otherwise in the config's order.

    The stages that a config adds come before `evaluate`, unless they need it, so that the models
    that they train are evaluated.

    Raises:
        ConfigError: A stage that another one needs is missing, needs are circular, or two stages
            train the same model.
        PluginError: The plugin of a stage cannot be used.
    """
    stages: list[AnyStage] = [
        registry.build("stage", binding, name=name, config=config)
        for name, binding in with_automatic_stages(config, registry).stage_bindings().items()
    ]
    problems = [*_missing(stages), *_contested(stages)]
    if problems:
        raise ConfigError(problems)
    return _sorted(stages)


def with_automatic_stages(config: RunConfig, registry: Registry) -> RunConfig:
    """The config with the stages that plugins add to every run, where it does not name them."""
    automatic = {name: Binding(name=name) for name in registry.automatic_stages()}
    return config.model_copy(update={"stages": automatic | config.stages})


def stages_until(stages: Sequence[AnyStage], last: str | None) -> list[AnyStage]:
    """Return the stages up to and including `last`; all of them if it is None.

    If `last` is a built-in stage that the run does not have, they end where it would come.

    Raises:
        ConfigError: There is no such stage.
    """
    names = [stage.name for stage in stages]
    if last is None:
        return list(stages)
    known = dict.fromkeys((*STAGES[STAGES.index(names[0]) :], *names))
    if last not in known:
        expected = ", ".join(known)
        raise ConfigError([f"until: expected one of {expected}, got {last!r}"])
    while last not in names:
        last = STAGES[STAGES.index(last) - 1]
    return list(stages[: names.index(last) + 1])


def evaluated_models(config: RunConfig, stages: Iterable[AnyStage]) -> list[str]:
    """Return the models that a run evaluates: the base model and trained ones, as chosen."""
    trained = list[str]()
    for stage in stages:
        if stage.name == "evaluate":
            break
        trained += stage.models
    asked = config.evaluate.models
    wanted = {*asked, *(trained if TRAINED in asked else ())}
    return [model for model in (BASE, *trained) if model in wanted]


def unknown_models(config: RunConfig, stages: Iterable[AnyStage]) -> list[str]:
    """Return an error for each model in `evaluate.models` that is neither built in nor trained."""
    known = {BASE, TRAINED, *BUILT_IN_MODELS, *(m for stage in stages for m in stage.models)}
    return [
        f"evaluate.models: no stage trains {model!r}{_suggestion(model, known)}"
        for model in config.evaluate.models
        if model not in known
    ]


def _missing(stages: Sequence[AnyStage]) -> list[str]:
    names = {stage.name for stage in stages}
    return [
        f"stages.{stage.name}: needs {need!r}, which is no stage of this config"
        f"{_suggestion(need, names)}"
        for stage in stages
        for need in stage.needs
        if need not in names
    ]


def _contested(stages: Sequence[AnyStage]) -> list[str]:
    counts = Counter((BASE, TRAINED, *(model for stage in stages for model in stage.models)))
    return [
        f"stages: the name of model {model!r} is taken; let each stage train models of its own"
        for model, count in counts.items()
        if count > 1
    ]


def _sorted(stages: Sequence[AnyStage]) -> list[AnyStage]:
    done: dict[str, AnyStage] = {}
    left = list(stages)
    while left:
        ready = next((stage for stage in left if set(stage.needs) <= done.keys()), None)
        if ready is None:
            names = ", ".join(stage.name for stage in left)
            raise ConfigError([f"stages: {names} have needs that are circular"])
        done[ready.name] = ready
        left.remove(ready)
    return list(done.values())


def _suggestion(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""

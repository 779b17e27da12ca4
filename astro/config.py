"""A run's configuration: YAML in, one validated `RunConfig` out, or every problem at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from astro.binding import Binding, Budget, VerifierBinding
from astro.errors import ConfigError, PluginError
from astro.params import Params, validate
from astro.registry import Registry

_YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)  # a date of month 13 is a ValueError
ModelName = Literal["base", "direct_sft", "sft", "rl"]
Split = Literal["train", "dev", "test"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]


class EvaluationSet(Binding):
    """A source of held-out problems; what is not given is as in `Evaluate`."""

    split: Split | None = None
    samples: Annotated[int, Field(ge=1)] | None = None


class Evaluate(Params):
    """How models are measured: `samples` responses a problem at `temperature`, and one greedy.

    `sets` take the place of the run's own problems. Problems are also grouped by what their
    metadata holds under each key of `by`.
    """

    split: Split = "test"
    sets: dict[Name, EvaluationSet] = Field(default_factory=dict)
    by: tuple[str, ...] = ("level", "subject")
    samples: Annotated[int, Field(ge=1)] = 8
    temperature: Annotated[float, Field(gt=0)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] = 256
    greedy: bool = True
    models: tuple[ModelName, ...] = ("base", "direct_sft", "sft", "rl")

    def without_base(self) -> Evaluate:
        """The same without the base model."""
        models = tuple(model for model in self.models if model != "base")
        return self.model_copy(update={"models": models})


class Rounds(Params):
    """Expert iteration (arXiv 1705.08439): the model that a round trains is the next one's policy.

    At most `n` rounds; they end once the last `patience` of them have not raised pass@1 on the
    problems of `split` by more than `min_gain` above the best before. Fine-tuning starts from the
    `base` model in every round, as in STaR (arXiv 2203.14465), or from the `last` one. With `pool`
    it learns from the traces of all rounds so far, without it from the round's own.
    """

    n: Annotated[int, Field(ge=1)]
    split: Split = "dev"
    patience: Annotated[int, Field(ge=1)] = 1
    min_gain: Annotated[float, Field(ge=0)] = 0.0
    start: Literal["base", "last"] = "base"
    pool: bool = True


class RunConfig(Params):
    """Everything that determines a run. Two runs with equal configs give equal results.

    `trees` is how many of the training problems are searched, the first ones; RL draws from all.
    `decontaminate` leaves out training problems that are held out too (`astro.decontamination`).
    `sft_tokens` ends fine-tuning once that many tokens have borne loss. It starts from `sft_model`,
    if not from the policy's model, and learns from the traces of the runs in `sft_runs` too.
    """

    name: Name
    seed: Annotated[int, Field(ge=0)] = 0
    problems: Binding
    decontaminate: bool = True
    step_format: Binding = Binding(name="lines")
    policy: Binding
    executor: Binding = Binding(name="local")
    verifier: VerifierBinding
    search: Binding
    value: Binding = Binding(name="rollout")
    trees: Annotated[int, Field(ge=1)] | None = None
    budget: Budget = Budget()
    max_failed: Annotated[float, Field(ge=0, le=1)] = 0.05
    linearizer: Binding
    control: Binding | None = None
    sft: Binding | None = None
    sft_tokens: Annotated[int, Field(ge=1)] | None = None
    sft_model: str | None = None
    sft_runs: tuple[str, ...] = ()
    rl: Binding | None = None
    reward: VerifierBinding | None = None
    evaluate: Evaluate = Evaluate()
    rounds: Rounds | None = None

    def bindings(self) -> Iterator[tuple[str, str, Binding]]:
        """(key in the config, plugin kind, binding) of every plugin that the run uses."""
        for key, kind in _KIND_OF_KEY.items():
            binding = getattr(self, key)
            if binding is not None:
                yield key, kind, binding
        for name, problems in self.evaluate.sets.items():
            yield f"evaluate.sets.{name}", "problems", problems

    def trained(self) -> list[str]:
        """The models that the run trains."""
        models = {"sft": self.sft, "direct_sft": self.sft and self.control, "rl": self.rl}
        return [model for model, binding in models.items() if binding]

    def evaluated(self) -> list[str]:
        """The models asked for that the run has: the base, and those that it trains."""
        return [m for m in self.evaluate.models if m in ("base", *self.trained())]


_KIND_OF_KEY = {
    **{kind: kind for kind in ("problems", "step_format", "policy", "executor", "verifier")},
    **{kind: kind for kind in ("search", "value", "linearizer")},
    "control": "linearizer",
    **{kind: kind for kind in ("sft", "rl")},
    "reward": "verifier",
}


def load_config(
    path: str | Path, overrides: Sequence[str] = (), registry: Registry | None = None
) -> RunConfig:
    """Read and validate a config file; `overrides` are `key.path=value` with YAML values.

    Raises `ConfigError` with all problems: syntax, unknown keys and plugins, wrong types, packages
    that an engine needs and that are not installed.
    """
    return parse_config(read_config(path, overrides), registry or Registry.discover(), str(path))


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A config file as plain data, overrides applied. Raises `ConfigError`."""
    raw = _read_yaml(Path(path))
    for override in overrides:
        set_key(raw, override)
    return raw


def parse_config(raw: Mapping[str, Any], registry: Registry, source: str = "") -> RunConfig:
    """Validate a config given as plain data. Raises `ConfigError`."""
    try:
        config = validate(RunConfig, raw)
    except ConfigError as error:
        plugins = _plugin_problems(registry, _well_formed(raw))
        raise ConfigError([*error.problems, *plugins], source) from None
    problems = list(_plugin_problems(registry, config.bindings()))
    problems = problems or list(_chain_problems(registry, config))
    if problems:
        raise ConfigError(problems, source)
    return config


def _well_formed(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, Binding]]:
    """The bindings of a config that is not sound as a whole."""
    for key, kind in _KIND_OF_KEY.items():
        if isinstance(values := raw.get(key), Mapping):
            with suppress(ConfigError):
                model = VerifierBinding if kind == "verifier" else Binding
                yield key, kind, validate(model, values)


def dump_config(config: RunConfig) -> str:
    """The whole config as YAML, defaults included."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        raw = _parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read: {error.strerror}"], str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError(["not a UTF-8 text file"], str(path)) from None
    except _YAML_ERRORS as error:
        raise ConfigError([f"not valid YAML: {' '.join(str(error).split())}"], str(path)) from None
    if not isinstance(raw, dict):
        what = "empty" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError([f"expected a mapping of keys, got {what}"], str(path))
    return raw


class _Loader(yaml.SafeLoader):
    """YAML as it is commonly read, but a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode))
        for key, count in keys.items():
            if count > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"the mapping of line {line} gives {key!r} {count} times")
        return super().construct_mapping(node, deep)


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def set_key(raw: dict[str, Any], override: str) -> None:
    """Apply an override `key.path=value` to plain data. Raises `ConfigError`."""
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError([f"--set {override}: expected key.path=value"])
    try:
        value = _parse_yaml(text)
    except _YAML_ERRORS:
        raise ConfigError([f"--set {override}: the value is not valid YAML"]) from None
    *parents, last = key.split(".")
    node = raw
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise ConfigError([f"--set {override}: {parent} is not a mapping"])
    node[last] = value


def _chain_problems(registry: Registry, config: RunConfig) -> Iterator[str]:
    """What only shows once each plugin's own params are sound."""
    policy = config.policy
    params = registry.params("policy", policy.name, policy.params)
    if config.rounds and ("rl" if config.rl else "sft") not in config.evaluated():
        yield "rounds: each has to train and evaluate a model, by rl or sft"
    if (config.sft or config.rl) and not hasattr(params, "model"):
        yield f"policy.name: {policy.name} has no param model, so sft and rl cannot train it"
    elif (config.sft or config.rl) and getattr(params, "remote", False):
        yield f"policy.name: {policy.name} cannot load a model, as it must after sft and rl"


def _plugin_problems(
    registry: Registry, bindings: Iterable[tuple[str, str, Binding]]
) -> Iterator[str]:
    for key, kind, binding in bindings:
        try:
            registry.require(kind, binding.name)
            registry.params(kind, binding.name, binding.params)
        except PluginError as error:
            yield f"{key}.name: {error}"
        except ConfigError as error:
            yield from (f"{key}.params.{problem}" for problem in error.problems)

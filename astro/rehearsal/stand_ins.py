"""What takes the place of a config's parts in a rehearsal: from a config to a smaller one, purely.

Every seam stays. An engine that is not installed or has no GPU, a server that does not answer and
a model that is not there are replaced by ones that run here; what is there is kept. All budgets
shrink, by the names that params share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astro.config.run import RunConfig
from astro.engine.budget import Budget
from astro.errors import ConfigError
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry

PROBLEMS = 3
"""Problems of each split."""
TOKENS = 160
"""Of a response; the taught model's are shorter."""

STAGE_OF = {"linearizer": "linearize", "control": "linearize", "sft": "sft", "rl": "rl"}
"""Stage by key, where it is not `search`."""

_STAND_INS = {
    "policy": "transformers",
    "executor": "local",
    "verifier": "exact",
    "value": "rollout",
    "sft": "transformers",
    "rl": "grpo",
}
_STAND_IN_OF = {("rl", "openrlhf_ppo"): "ppo"}
_ON_GPUS = {"vllm", "openrlhf_sft", "openrlhf_grpo", "openrlhf_ppo"}
_FAMILIES = ("llama", "qwen", "mistral", "gpt2")
_MODEL_OF = {"qwen": "random-qwen2"}

Caps = Mapping[str, float]
_ENGINE: Caps = {"processes": 1, "max_model_len": 2048, "tensor_parallel_size": 1}
_TRAINING: Caps = {
    "batch_size": 4,
    "epochs": 2,
    "epochs_per_batch": 1,
    "filter_prompts": PROBLEMS,
    "filter_samples": 4,
    "gpus_per_node": 1,
    "gradient_accumulation": 1,
    "group_size": 4,
    "max_refills": 1,
    "max_tokens": TOKENS,
    "micro_batch_size": 1,
    "nodes": 1,
    "prompts_per_step": 2,
    "save_every": 1,
    "steps": 2,
    "tensor_parallel_size": 1,
    "value_pretraining_steps": 1,
    "warmup_steps": 1,
}
_CAPS: Mapping[str, Caps] = {
    "policy": _ENGINE,
    "executor": {"workers": 1, "num_cpus": 1, "num_gpus": 1, "concurrency": 8},
    "search": {
        "expand": 3,
        "iterations": 6,
        "leaves": 2,
        "max_depth": 8,
        "samples": 6,
    },
    "value": {"rollouts": 2},
    "linearizer": {"traces_per_tree": 2, "attempts": 1, "reply_tokens": TOKENS},
    "sft": _TRAINING,
    "rl": _TRAINING,
}
_AT_HOME: Mapping[str, Mapping[str, Any]] = {
    "policy": {"enforce_eager": True},
    "search": {"step_tokens": 64},
    "value": {"max_tokens": TOKENS},
    "executor": {"address": "local"},
    "sft": {"hostfile": None},
    "rl": {
        "dynamic_filtering": False,
        "engines": None,
        "max_pass_rate": 1.0,
        "min_pass_rate": 0.0,
        "minibatch": None,
        "mode": "local",
        "wandb": None,
    },
}
"""What is set whatever it was: no other machine is asked, no prompt is left out, and what a word
is for the config's model may be a token a letter for the one that is taught."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a rehearsal may rely on here: whether there is a GPU, or which engines do without one;
    whether a model, a server, a program is there."""

    gpu: bool
    without_gpu: frozenset[str]
    model: Callable[[str], bool]
    server: Callable[[str], bool]
    program: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Seam:
    """A part of the config as it is rehearsed; `why` is empty where it is the config's own."""

    stage: str
    key: str
    named: str
    ran: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A config made small, its seams, and the budgets that shrank, by path: (before, now).

    `family` is the random model that has to be taught at `Materials.model`, if one is needed.
    """

    config: RunConfig
    seams: tuple[Seam, ...]
    budgets: Mapping[str, tuple[Any, Any]]
    family: str | None


@dataclass(frozen=True, slots=True)
class Materials:
    """What a rehearsal is given: files in `folder`, and why the problems are not the config's.

    `sets` says so of each of the evaluation's sets.
    """

    folder: Path
    splits: tuple[str, ...] = ("train", "test")
    why: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)

    def problems(self, split: str) -> Path:
        """The problems of a split, or those of `set-<name>`."""
        return self.folder / f"{split}.jsonl"

    @property
    def lessons(self) -> Path:
        """What the taught model learns by heart."""
        return self.folder / "lessons.jsonl"

    @property
    def model(self) -> Path:
        """The taught model."""
        return self.folder / "taught" / "model"


def prepare(
    config: RunConfig, registry: Registry, machine: Machine, materials: Materials
) -> Prepared:
    """`config` as it can be rehearsed on `machine`. Raises `AstroError` where nothing stands in."""
    update: dict[str, Any] = dict(_of_the_run(config, machine, materials))
    seams, budgets = list[Seam](), dict[str, tuple[Any, Any]]()
    for name, value in update.items():
        if getattr(config, name) != value and name != "evaluate":
            budgets[name] = (getattr(config, name), value)
    family = None
    for key, kind, binding in config.bindings():
        if key not in RunConfig.model_fields:
            continue
        if kind == "problems":
            new, why = _given(materials), materials.why
        else:
            new, why = _engine(registry, machine, kind, binding)
        if kind == "policy" and "model" in new.params:
            new, family, missing = _model(machine, materials, new)
            why = "; ".join(filter(None, (why, missing)))
        new, shrunk = _small(registry, machine, kind, new)
        if kind == "linearizer":
            new = _approved(registry, new)
        budgets |= {f"{key}.params.{name}": change for name, change in shrunk.items()}
        stage = STAGE_OF.get(key, "rl" if key == "reward" else "search")
        ran = _number(why) if kind == "problems" else _title(new, family)
        seams.append(Seam(stage, key, _title(binding), ran, why))
        update[key] = new.model_copy(update={"workers": 1}) if kind == "verifier" else new
    seams += _held_out(config, materials)
    return Prepared(config.model_copy(update=update), tuple(seams), budgets, family)


def _of_the_run(
    config: RunConfig, machine: Machine, materials: Materials
) -> Iterator[tuple[str, Any]]:
    """The keys that are no plugin's. Of so few problems none can be spared."""
    evaluate = config.evaluate
    sets = {}
    for name, held in evaluate.sets.items():
        params = {held.split or evaluate.split: str(materials.problems(f"set-{name}"))}
        change = {"name": "jsonl", "params": params, "samples": None}
        sets[name] = held.model_copy(update=change)
    small = {"samples": min(2, evaluate.samples), "max_tokens": min(TOKENS, evaluate.max_tokens)}
    yield "evaluate", evaluate.model_copy(update={"sets": sets, **small})
    yield "trees", PROBLEMS
    yield "budget", Budget()
    yield "sft_tokens", None
    yield "sft_runs", ()
    yield "decontaminate", False
    if config.sft_model and not machine.model(config.sft_model):
        yield "sft_model", None
    if config.rounds:
        yield "rounds", config.rounds.model_copy(update={"n": min(2, config.rounds.n)})


def _held_out(config: RunConfig, materials: Materials) -> Iterator[Seam]:
    """The evaluation's sets, or the split that it takes."""
    evaluate = config.evaluate
    if not evaluate.sets:
        yield Seam("evaluate", "evaluate", evaluate.split, f"the {evaluate.split} problems")
    for name in evaluate.sets:
        why = materials.sets.get(name, "")
        key = f"evaluate.sets.{name}"
        yield Seam("evaluate", key, _title(evaluate.sets[name]), _number(why), why)


def _number(why: str) -> str:
    return f"{PROBLEMS} of our own" if why else f"the first {PROBLEMS}"


def _given(materials: Materials) -> Binding:
    files = {split: str(materials.problems(split)) for split in materials.splits}
    return Binding(name="jsonl", params=files)


def _engine(
    registry: Registry, machine: Machine, kind: str, binding: Binding
) -> tuple[Binding, str]:
    """The plugin that runs here, and why it is not the config's, if it is not."""
    why = _unfit(registry, machine, kind, binding)
    if not why:
        return binding, ""
    stand_in = _STAND_IN_OF.get((kind, binding.name)) or _STAND_INS.get(kind)
    if stand_in is None or stand_in == binding.name:
        registry.require(kind, binding.name)
        raise ConfigError([f"{kind} {binding.name}: {why}, and nothing stands in for it"])
    registry.require(kind, stand_in)
    return _carried_over(registry, kind, binding, stand_in), why


def _unfit(registry: Registry, machine: Machine, kind: str, binding: Binding) -> str:
    """Why a plugin cannot run here; empty if it can."""
    entry = registry.find(kind, binding.name)
    if entry.missing:
        return f"needs {', '.join(entry.missing)}: {entry.provider.install}"
    params = registry.params(kind, binding.name, binding.params)
    if binding.name in _ON_GPUS - machine.without_gpu and not machine.gpu:
        return "there is no GPU here"
    url, program = getattr(params, "base_url", None), getattr(params, "interpreter", None)
    if url and not machine.server(url):
        return f"nothing answers at {url}"
    if program and not machine.program(program()[0]):
        return f"there is no {params.python}"
    model = getattr(params, "model", None)
    if kind == "value" and model and not machine.model(model):
        return f"there is no {model} here"
    return ""


def _carried_over(registry: Registry, kind: str, binding: Binding, stand_in: str) -> Binding:
    """The stand-in with those params that it has too, or with none if they do not fit."""
    kept = {name: value for name, value in binding.params.items() if name == "model"}
    bare = binding.model_copy(update={"name": stand_in, "params": kept})
    model = type(registry.params(kind, stand_in, bare.params))
    fields = getattr(model, "model_fields", {})
    shared = {name: value for name, value in binding.params.items() if name in fields}
    try:
        registry.params(kind, stand_in, shared)
    except ConfigError:
        return bare
    return bare.with_params(**shared)


def _model(
    machine: Machine, materials: Materials, policy: Binding
) -> tuple[Binding, str | None, str]:
    """The policy with a model that is there, the random one it has to be, and why."""
    model = str(policy.params["model"])
    if "base_url" in policy.params or machine.model(model):
        return policy, None, ""
    found = next((name for name in _FAMILIES if name in model.lower()), "llama")
    small = {"model": str(materials.model)}
    if "dtype" in policy.params:
        small["dtype"] = "auto"
    kept = {k: v for k, v in policy.params.items() if k not in ("lora_path", "quantization")}
    taught = policy.model_copy(update={"params": kept | small})
    return taught, _MODEL_OF.get(found, f"random-{found}"), f"there is no {model} here"


def _small(
    registry: Registry, machine: Machine, kind: str, binding: Binding
) -> tuple[Binding, dict[str, tuple[Any, Any]]]:
    """The plugin with its budgets cut, and which: (before, now) by param."""
    params = registry.params(kind, binding.name, binding.params)
    fields = getattr(type(params), "model_fields", {})
    before = {name: getattr(params, name) for name in fields}
    caps = {**_CAPS.get(kind, {}), **({} if machine.gpu else {"num_gpus": 0})}
    now = {**dict(_capped(caps, before)), **dict(_at_home(kind, before))}
    small = _accepted(registry, kind, binding, now)
    taken = {name for name in now if small.params.get(name, now) == now[name]}
    return small, {name: (before[name], now[name]) for name in now if name in taken}


def _capped(caps: Caps, params: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, cap in caps.items():
        value = params.get(name)
        if isinstance(value, int | float) and value > cap:
            yield name, cap


def _at_home(kind: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in _AT_HOME.get(kind, {}).items():
        if name in params and params[name] != value:
            yield name, value


def _accepted(
    registry: Registry, kind: str, binding: Binding, changes: Mapping[str, Any]
) -> Binding:
    """All changes at once, or, where the plugin does not take them, those that it takes singly."""
    try:
        registry.params(kind, binding.name, {**binding.params, **changes})
        return binding.with_params(**changes)
    except ConfigError:
        if len(changes) < 2:
            return binding
    for name, value in changes.items():
        binding = _accepted(registry, kind, binding, {name: value})
    return binding


def _approved(registry: Registry, linearizer: Binding) -> Binding:
    """Self-evaluation still asks, but whatever the model says approves."""
    params = registry.params("linearizer", linearizer.name, linearizer.params)
    if getattr(params, "self_evaluation", None) is None:
        return linearizer
    asked = {**(linearizer.params["self_evaluation"] or {}), "samples": 2, "approval": ""}
    return linearizer.with_params(self_evaluation=asked)


def _title(binding: Binding, family: str | None = None) -> str:
    model = family and f"{family}, taught" if "model" in binding.params else None
    shown = model or binding.params.get("model") or binding.params.get("preset")
    return f"{binding.name}, {shown}" if shown else binding.name

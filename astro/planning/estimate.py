"""Estimate the cost of a run from its config, without loading an engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Annotated

from pydantic import Field

from astro.config.loading import UNUSED
from astro.config.run import STAGES, RunConfig
from astro.config.stages import evaluated_models, run_stages
from astro.planning.cost import HasCost, RequestCost, StageCost
from astro.plugins.params import Params
from astro.plugins.registry import Registry
from astro.requests import POLICY

Costs = Mapping[str, StageCost]
"""The cost of one unit of work by the plugin's key in the config."""

_KEYS = ("format_sft", "search", "value", "linearizer", "control", "sft", "rl")
_KINDS = {"control": "linearizer", "format_sft": "sft"}
_FLOPS = {"format_sft": 6, "sft": 6, "rl": 8}
"""FLOPs per token and parameter: 2 forward and 4 backward (arXiv 2001.08361, section 2.1). RL also
computes the log-probability of each token before the update: 2 more."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Assumptions(Params):
    """What an estimate needs to know and a config does not say.

    The speeds are half of those of two H100s with Llama 3.3 70B in FP8 in the performance overview
    of NVIDIA's TensorRT-LLM 1.0: 5,222 tokens/s generated after prompts of 500 tokens, and 12,192
    prompt tokens/s before answers of 128. The TFLOP/s are those of Llama 3's training (arXiv
    2407.21783, table 4).
    """

    prompt_tokens: Annotated[Positive, Field(description="tokens of a problem")] = 200
    fill: Annotated[Share, Field(description="share of its limit that a sample takes")] = 0.5
    prefix_reuse: Annotated[
        Share, Field(description="share of the search's prompt tokens that are not computed again")
    ] = 0.65
    tokens_per_second: Annotated[
        Positive, Field(description="generated, on each GPU or on the CPU")
    ] = 2600
    prompt_tokens_per_second: Annotated[
        Positive, Field(description="computed, on each GPU or on the CPU")
    ] = 6000
    training_tflops: Annotated[
        Positive, Field(description="TFLOP/s in training, on each GPU or on the CPU")
    ] = 400
    parameters: Annotated[
        float, Field(ge=0, description="billions in the model; 0: unknown, training is left out")
    ] = 0
    renewed: Annotated[
        Share, Field(lt=1, description="share of RL's groups that is discarded and sampled anew")
    ] = 0.25


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of trees and of evaluated problems of a run.

    `sft_tokens` are the tokens to fine-tune on if the config does not say; 0 means all traces.
    `prompt_characters` are those of a prompt on average; 0 if no problem was loaded.
    """

    trees: int
    evaluated: int
    sft_tokens: float = 0.0
    prompt_characters: float = 0.0


@dataclass(frozen=True, slots=True)
class CostLine:
    """One kind of work in a plan, and the product that its figures come from.

    The requests and samples are those that there can be at most, unless the work is only `likely`.
    The tokens depend on assumptions.
    `computed_prompt_tokens` leave out prefixes that are cached already. `model` is the role of the
    model that does the work.
    """

    stage: str
    what: str
    arithmetic: str
    requests: float = 0.0
    samples: float = 0.0
    prompt_tokens: float = 0.0
    computed_prompt_tokens: float = 0.0
    generated_tokens: float = 0.0
    trained_tokens: float = 0.0
    nodes: float = 0.0
    model: str = POLICY
    likely: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """A number of hours or gigabytes, and the product that it comes from."""

    what: str
    arithmetic: str
    value: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run takes: its requests and samples at most, its tokens, hours and gigabytes about.

    A search takes less if samples are equal, which makes them one state, or if they are terminal,
    since terminal states need no estimate of their value. `gpu_hours` are those of all GPUs
    together, or of the CPU, and `hours` those on the clock. `notes` say what is left out.
    """

    rows: list[CostLine]
    gpu_hours: list[Total]
    hours: list[Total]
    gigabytes: list[Total]
    notes: list[str]


def estimate(
    config: RunConfig,
    registry: Registry,
    counts: Counts,
    assumed: Assumptions,
    *,
    stages: Collection[str] = STAGES,
) -> Plan:
    """What the `stages` of `config` take at most. Without `search`, its trees are copies.

    Plugins whose params have no method `cost` are named in `notes`.
    """
    found = {key: _cost(config, registry, key) for key in _KEYS}
    notes = [
        f"left out: {key} {binding.name} does not say what it costs"
        for key, _, binding in config.bindings()
        if key in found and found[key] is None and binding.name != UNUSED
    ]
    costs = {key: cost or StageCost() for key, cost in found.items()}
    trees: float = counts.trees
    generated = sum(row.generated_tokens for row in _search(costs, trees, assumed))
    if generated > (limit := trees * (config.budget.tokens or inf)):
        allowed = f"{limit / generated:.1%} of each search"
        notes.append(
            f"budget.tokens allows {allowed}, and the requests under way when it is exhausted"
        )
        trees *= limit / generated
    searched = list(_search(costs, trees, assumed))
    possible = [
        *_format_sft(config, costs, assumed),
        *searched,
        *_linearize(costs, counts, assumed),
        *_sft(config, costs, counts, assumed),
        *_rl(costs, assumed),
        _evaluate(config, registry, counts, assumed),
    ]
    rows = [row for row in possible if row.stage in stages and (row.requests or row.trained_tokens)]
    notes += _other_roles(rows)
    if not assumed.parameters and any(row.trained_tokens for row in rows):
        notes.append("left out of the GPU-hours: training; give the model's size by --parameters")
    disk = [
        _journal(rows),
        _trees(searched, copies=2 if "search" in stages else 1),
        *_checkpoints(config, assumed),
    ]
    gpu_hours = _gpu_hours(rows, assumed)
    hours = _hours(gpu_hours, _gpus(config, registry))
    return Plan(
        rows,
        [Total(f"{stage}, {what}", product, value) for stage, what, product, value in gpu_hours],
        hours,
        [total for total in disk if total.value],
        notes,
    )


def unit_costs(config: RunConfig, registry: Registry) -> Costs:
    """The cost of each plugin of a run; nothing if there is none or it does not say."""
    return {key: _cost(config, registry, key) or StageCost() for key in _KEYS}


def short(value: float) -> str:
    """A number with three significant digits and a unit, such as 84.8M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _cost(config: RunConfig, registry: Registry, key: str) -> StageCost | None:
    """The cost of the plugin under `key`; None if there is none or its params do not say it."""
    binding = getattr(config, key)
    if binding is None or (key, binding.name) == ("linearizer", UNUSED):
        return None
    kind = _KINDS.get(key, key)
    params = registry.params(kind, binding.name, binding.params)
    return params.cost() if isinstance(params, HasCost) else None


def _path_tokens(costs: Costs, assumed: Assumptions) -> float:
    """Tokens from the root to a terminal: those of the longest samples in the search."""
    limits = [cost.max_tokens for key in ("search", "value") for cost in costs[key].requests]
    return assumed.fill * max(limits, default=0)


def _line(
    stage: str,
    cost: RequestCost,
    units: float,
    unit: str,
    *,
    assumed: Assumptions,
    response: float = 0.0,
) -> CostLine:
    """The cost of `units` units of work.

    `response` is the number of tokens of a response that stand in the prompt of a request.
    """
    tokens = cost.max_tokens * assumed.fill
    requests = units * cost.requests
    samples = requests * cost.samples
    prompts = requests * (assumed.prompt_tokens + response)
    each = f"{cost.requests:,g} requests x {cost.samples} samples x {tokens:,g} tokens"
    return CostLine(
        stage,
        cost.what if cost.model == POLICY else f"{cost.what} by {cost.model}",
        f"{units:,.0f} {unit} x {each}",
        requests,
        samples,
        prompts,
        prompts * (1 - assumed.prefix_reuse if stage == "search" else 1),
        samples * tokens,
        samples * tokens if cost.trained else 0.0,
        model=cost.model,
    )


def _format_sft(config: RunConfig, costs: Costs, assumed: Assumptions) -> Iterator[CostLine]:
    """The fine-tuning on solutions, each of which is as long as a path."""
    binding = config.format_sft
    if binding is None:
        return
    tokens, epochs = _path_tokens(costs, assumed), costs["format_sft"].epochs
    product = f"{binding.problems:,} solutions x {tokens:,g} tokens x {epochs:g} epochs"
    trained = binding.problems * tokens * epochs
    if binding.tokens:
        trained, product = binding.tokens, "format_sft.tokens"
    yield CostLine("format_sft", "base", product, trained_tokens=trained)


def _search(costs: Costs, trees: float, assumed: Assumptions) -> Iterator[CostLine]:
    """The search itself and its value estimates. A prompt holds half a path on average."""
    response = _path_tokens(costs, assumed) / 2
    states = 0.0
    for cost in costs["search"].requests:
        line = _line("search", cost, trees, "trees", assumed=assumed, response=response)
        states += line.samples * cost.valued
        yield replace(line, nodes=line.samples)
    for cost in costs["value"].requests:
        yield _line("search", cost, states, "states", assumed=assumed, response=response)


def _linearize(costs: Costs, counts: Counts, assumed: Assumptions) -> Iterator[CostLine]:
    for key in ("linearizer", "control"):
        response = costs[key].paths * _path_tokens(costs, assumed)
        for cost in costs[key].requests:
            yield _line(
                "linearize", cost, counts.trees, "trees", assumed=assumed, response=response
            )


def _sft(
    config: RunConfig, costs: Costs, counts: Counts, assumed: Assumptions
) -> Iterator[CostLine]:
    """The control is trained on as many tokens as the method.

    Each run in `sft.runs` is assumed to have as many traces as this one.
    """
    made, epochs = costs["linearizer"], costs["sft"].epochs
    runs = 1 + len(config.sft.runs if config.sft else ())
    tokens = made.paths * _path_tokens(costs, assumed)
    trained = runs * counts.trees * made.traces * tokens * epochs
    product = (
        f"{counts.trees:,} trees x {made.traces} traces x {tokens:,g} tokens x {epochs:g} epochs"
    )
    if runs > 1:
        product = f"{runs} runs x {product}"
    if config.sft and config.sft.tokens:
        trained, product = config.sft.tokens, "sft.tokens"
    elif counts.sft_tokens:
        trained, product = counts.sft_tokens, "as many tokens as the reference"
    for model in config.trained():
        if model != "rl":
            yield CostLine("sft", model, product, trained_tokens=trained)


def _rl(costs: Costs, assumed: Assumptions) -> Iterator[CostLine]:
    """The samples of RL, and those that take the place of groups without a learning signal."""
    for cost in costs["rl"].requests:
        yield _line("rl", cost, 1, "training", assumed=assumed)
        if cost.renewed and assumed.renewed:
            more = cost.requests * assumed.renewed / (1 - assumed.renewed)
            again = replace(cost, what=f"{cost.what}, sampled anew", requests=ceil(more))
            line = _line("rl", replace(again, trained=False), 1, "training", assumed=assumed)
            yield replace(line, likely=True)


def _evaluate(
    config: RunConfig, registry: Registry, counts: Counts, assumed: Assumptions
) -> CostLine:
    evaluate = config.evaluate
    samples = evaluate.samples + evaluate.greedy
    cost = RequestCost("responses", counts.evaluated, samples, evaluate.max_tokens)
    models = evaluated_models(config, run_stages(config, registry))
    return _line("evaluate", cost, len(models), "models", assumed=assumed)


def _other_roles(rows: list[CostLine]) -> Iterator[str]:
    """A note on what the models of each other role generate, since their speeds are unknown."""
    for role in dict.fromkeys(row.model for row in rows if row.model != POLICY):
        tokens = sum(row.generated_tokens for row in rows if row.model == role)
        yield f"left out of the GPU-hours: models.{role}, which generates {short(tokens)} tokens"


def _gpu_hours(rows: list[CostLine], assumed: Assumptions) -> list[tuple[str, str, str, float]]:
    """(stage, what, product, GPU-hours) of the policy's sampling and training."""
    reads, writes = assumed.prompt_tokens_per_second, assumed.tokens_per_second
    found = []
    for stage in dict.fromkeys(row.stage for row in rows):
        mine = [row for row in rows if row.stage == stage and row.model == POLICY]
        generated = sum(row.generated_tokens for row in mine)
        computed = sum(row.computed_prompt_tokens for row in mine)
        trained = sum(row.trained_tokens for row in mine)
        if generated:
            product = f"{short(generated)} tokens / {writes:g}/s + {short(computed)} / {reads:g}/s"
            seconds = generated / writes + computed / reads
            found.append((stage, "sampling", product, seconds / 3600))
        if trained and assumed.parameters:
            flops, tflops = _FLOPS[stage] * assumed.parameters * 1e9, assumed.training_tflops
            product = f"{short(flops)}FLOP x {short(trained)} tokens / {tflops:g} TFLOP/s"
            hours = flops * trained / (tflops * 1e12) / 3600
            found.append((stage, "training", product, hours))
    return found


def _gpus(config: RunConfig, registry: Registry) -> Mapping[str, int]:
    """How many GPUs each stage uses at once, as far as the config says; else one."""
    said = {
        key: cost.gpus
        for key in ("executor", "policy", "format_sft", "sft", "rl")
        if (cost := _cost(config, registry, key))
    }
    sampling = said.get("executor") or said.get("policy") or 1
    trainers = {stage: said.get(stage) or 1 for stage in ("format_sft", "sft", "rl")}
    return dict.fromkeys(STAGES, sampling) | trainers


def _hours(spent: list[tuple[str, str, str, float]], gpus: Mapping[str, int]) -> list[Total]:
    """The hours of each stage on the clock, if all its GPUs work all the time."""
    hours = []
    for stage in dict.fromkeys(stage for stage, *_ in spent):
        value = sum(part for name, *_, part in spent if name == stage)
        product = f"{short(value)} GPU-hours / {gpus[stage]} GPUs"
        hours.append(Total(stage, product, value / gpus[stage]))
    return hours


def _journal(rows: list[CostLine]) -> Total:
    """The size of the journal. Its 12 bytes per token were measured for a large vocabulary.

    The bytes per request are those of the quickstart.
    """
    recorded = [row for row in rows if row.stage != "rl"]
    tokens = sum(row.generated_tokens for row in recorded)
    requests = sum(row.requests for row in recorded)
    product = f"12 B x {short(tokens)} tokens + 400 B x {short(requests)} requests"
    return Total("journal", product, (12 * tokens + 400 * requests) / 1e9)


def _trees(searched: list[CostLine], *, copies: int) -> Total:
    """The size of the trees; a run that searches also has them in its journal."""
    grown = [row for row in searched if row.nodes]
    nodes, steps = sum(row.nodes for row in grown), sum(row.generated_tokens for row in grown)
    what = "trees, also in the journal" if copies > 1 else "trees, a copy"
    product = f"{copies} x (230 B x {short(nodes)} nodes + 10 B x {short(steps)} tokens)"
    return Total(what, product, copies * (230 * nodes + 10 * steps) / 1e9)


def _checkpoints(config: RunConfig, assumed: Assumptions) -> Iterator[Total]:
    """The size of the models, and of the two checkpoints that a training keeps."""
    if (size := assumed.parameters) and (models := len(config.trained())):
        product = f"({models} models x 2 B + 2 states in training x 14 B) x {short(size * 1e9)}"
        yield Total("checkpoints", product, (2 * models + 28) * size)

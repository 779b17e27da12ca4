"""How much a run will take: the arithmetic of its config, before an engine is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Annotated

from pydantic import Field

from astro.config.run import STAGES, RunConfig
from astro.config.stages import evaluated_models, run_stages
from astro.planning.cost import HasCost, RequestCost, StageCost
from astro.plugins.params import Params
from astro.plugins.registry import Registry
from astro.requests import POLICY

Works = Mapping[str, StageCost]
_WORKING = ("search", "value", "linearizer", "control", "sft", "rl")
_FLOPS = {"sft": 6, "rl": 8}
"""A token and parameter: forward 2, backward 4 (arXiv 2001.08361); RL scores each token before."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Assumptions(Params):
    """What a config does not say.

    The speeds are half of what two H100s do with Llama 3.3 70B in FP8, by the performance overview
    of NVIDIA's TensorRT-LLM 1.0: 5,222 tokens/s generated after prompts of 500 tokens, 12,192 read
    before answers of 128. The FLOP/s are those of Llama 3's training (arXiv 2407.21783, table 4).
    """

    prompt_tokens: Annotated[Positive, Field(description="tokens of a problem")] = 200
    fill: Annotated[Share, Field(description="share of its limit that a sample takes")] = 0.5
    prefix_reuse: Annotated[
        Share, Field(description="share of the search's prompt tokens that are not computed again")
    ] = 0.65
    tokens_per_second: Annotated[
        Positive, Field(description="generated, on a GPU; the default is a 70B model's speed")
    ] = 2600
    prompt_tokens_per_second: Annotated[
        Positive, Field(description="computed, on a GPU; the default is a 70B model's speed")
    ] = 6000
    training_tflops: Annotated[Positive, Field(description="TFLOP/s in training, on a GPU")] = 400
    parameters: Annotated[
        float, Field(ge=0, description="billions that are trained; 0: left out")
    ] = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many trees a run has, how many problems it evaluates on, and how many tokens it is
    fine-tuned on if its config does not say; 0: its traces."""

    trees: int
    evaluated: int
    sft_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class CostLine:
    """One kind of work, and the product that gives its figures.

    `computed_prompt_tokens` leave out prefixes that are there already. `model` is the role of the
    model that does it.
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


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over rows, in GPU-hours or gigabytes, and the arithmetic that gives it."""

    what: str
    arithmetic: str
    value: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run takes at most: equal samples are one state, and a terminal one needs no value."""

    rows: list[CostLine]
    gpu_hours: list[Total]
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
    """What the `stages` of `config` will take: without `search`, on trees that are a copy of
    another run's. Plugins that do not say what they take are named in `notes`."""
    found = {key: _work(config, registry, key) for key in _WORKING}
    notes = [
        f"left out: {key} {binding.name} does not say what it takes"
        for key, _, binding in config.bindings()
        if key in found and found[key] is None
    ]
    works = {key: work or StageCost() for key, work in found.items()}
    trees: float = counts.trees
    generated = sum(row.generated_tokens for row in _search(works, trees, assumed))
    if generated > (limit := trees * (config.budget.tokens or inf)):
        allowed = f"{limit / generated:.1%} of each search"
        notes.append(f"budget.tokens allows {allowed}, and what is under way when it is spent")
        trees *= limit / generated
    searched = list(_search(works, trees, assumed))
    possible = [
        *searched,
        *_linearize(works, counts, assumed),
        *_sft(config, works, counts, assumed),
        *(_row("rl", asks, 1, "training", assumed=assumed) for asks in works["rl"].asks),
        _evaluate(config, registry, counts, assumed),
    ]
    rows = [row for row in possible if row.stage in stages and (row.requests or row.trained_tokens)]
    notes += _other_roles(rows)
    disk = [
        _journal(rows),
        _trees(searched, copies=2 if "search" in stages else 1),
        *_checkpoints(config, assumed),
    ]
    return Plan(rows, list(_gpu_hours(rows, assumed)), [t for t in disk if t.value], notes)


def short(value: float) -> str:
    """Three digits and a unit: 84.8M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _work(config: RunConfig, registry: Registry, key: str) -> StageCost | None:
    binding = getattr(config, key)
    if binding is None:
        return None
    kind = "linearizer" if key == "control" else key
    params = registry.params(kind, binding.name, binding.params)
    return params.cost() if isinstance(params, HasCost) else None


def _path(works: Works, assumed: Assumptions) -> float:
    """Tokens from the root to a terminal: as many as the longest samples of the search have."""
    limits = [asks.max_tokens for key in ("search", "value") for asks in works[key].asks]
    return assumed.fill * max(limits, default=0)


def _row(
    stage: str,
    asks: RequestCost,
    units: float,
    unit: str,
    *,
    assumed: Assumptions,
    response: float = 0.0,
) -> CostLine:
    """`response` are the tokens of the response that a request continues, or speaks of."""
    tokens = asks.max_tokens * assumed.fill
    requests = units * asks.requests
    samples = requests * asks.samples
    prompts = requests * (assumed.prompt_tokens + response)
    each = f"{asks.requests:,g} requests x {asks.samples} samples x {tokens:,g} tokens"
    return CostLine(
        stage,
        asks.what if asks.model == POLICY else f"{asks.what} by {asks.model}",
        f"{units:,.0f} {unit} x {each}",
        requests,
        samples,
        prompts,
        prompts * (1 - assumed.prefix_reuse if stage == "search" else 1),
        samples * tokens,
        samples * tokens if asks.trained else 0.0,
        model=asks.model,
    )


def _search(works: Works, trees: float, assumed: Assumptions) -> Iterator[CostLine]:
    """A node lies half way to the end, in the mean."""
    response = _path(works, assumed) / 2
    states = 0.0
    for asks in works["search"].asks:
        row = _row("search", asks, trees, "trees", assumed=assumed, response=response)
        states += row.samples * asks.valued
        yield replace(row, nodes=row.samples)
    for asks in works["value"].asks:
        yield _row("search", asks, states, "states", assumed=assumed, response=response)


def _linearize(works: Works, counts: Counts, assumed: Assumptions) -> Iterator[CostLine]:
    for key in ("linearizer", "control"):
        response = works[key].paths * _path(works, assumed)
        for asks in works[key].asks:
            yield _row("linearize", asks, counts.trees, "trees", assumed=assumed, response=response)


def _sft(
    config: RunConfig, works: Works, counts: Counts, assumed: Assumptions
) -> Iterator[CostLine]:
    """The control is trained on as many tokens as the method. A run of `sft_runs` is supposed to
    have as many traces as this one."""
    made, epochs, runs = works["linearizer"], works["sft"].epochs, 1 + len(config.sft_runs)
    tokens = made.paths * _path(works, assumed)
    trained = runs * counts.trees * made.traces * tokens * epochs
    product = (
        f"{counts.trees:,} trees x {made.traces} traces x {tokens:,g} tokens x {epochs:g} epochs"
    )
    if runs > 1:
        product = f"{runs} runs x {product}"
    if config.sft_tokens:
        trained, product = config.sft_tokens, "sft_tokens"
    elif counts.sft_tokens:
        trained, product = counts.sft_tokens, "as many tokens as the reference"
    for model in config.trained():
        if model != "rl":
            yield CostLine("sft", model, product, trained_tokens=trained)


def _evaluate(
    config: RunConfig, registry: Registry, counts: Counts, assumed: Assumptions
) -> CostLine:
    evaluate = config.evaluate
    samples = evaluate.samples + evaluate.greedy
    asks = RequestCost("responses", counts.evaluated, samples, evaluate.max_tokens)
    models = evaluated_models(config, run_stages(config, registry))
    return _row("evaluate", asks, len(models), "models", assumed=assumed)


def _other_roles(rows: list[CostLine]) -> Iterator[str]:
    """What the models of other roles generate. Their speeds and machines are not the policy's."""
    for role in dict.fromkeys(row.model for row in rows if row.model != POLICY):
        tokens = sum(row.generated_tokens for row in rows if row.model == role)
        yield f"left out of the GPU-hours: models.{role}, which generates {short(tokens)} tokens"


def _gpu_hours(rows: list[CostLine], assumed: Assumptions) -> Iterator[Total]:
    """The policy's sampling and training, by stage."""
    reads, writes = assumed.prompt_tokens_per_second, assumed.tokens_per_second
    for stage in dict.fromkeys(row.stage for row in rows):
        mine = [row for row in rows if row.stage == stage and row.model == POLICY]
        generated = sum(row.generated_tokens for row in mine)
        computed = sum(row.computed_prompt_tokens for row in mine)
        trained = sum(row.trained_tokens for row in mine)
        if generated:
            product = f"{short(generated)} tokens / {writes:g}/s + {short(computed)} / {reads:g}/s"
            seconds = generated / writes + computed / reads
            yield Total(f"{stage}, sampling", product, seconds / 3600)
        if trained and assumed.parameters:
            flops, tflops = _FLOPS[stage] * assumed.parameters * 1e9, assumed.training_tflops
            product = f"{short(flops)}FLOP x {short(trained)} tokens / {tflops:g} TFLOP/s"
            yield Total(f"{stage}, training", product, flops * trained / (tflops * 1e12) / 3600)


def _journal(rows: list[CostLine]) -> Total:
    """The bytes of a token and of a request were measured by hand on the quickstart's search."""
    recorded = [row for row in rows if row.stage != "rl"]
    tokens = sum(row.generated_tokens for row in recorded)
    requests = sum(row.requests for row in recorded)
    product = f"22 B x {short(tokens)} tokens + 400 B x {short(requests)} requests"
    return Total("journal", product, (22 * tokens + 400 * requests) / 1e9)


def _trees(searched: list[CostLine], *, copies: int) -> Total:
    """Those that the run has grown are in its journal too; measured as the journal was."""
    grown = [row for row in searched if row.nodes]
    nodes, steps = sum(row.nodes for row in grown), sum(row.generated_tokens for row in grown)
    what = "trees, also in the journal" if copies > 1 else "trees, a copy"
    product = f"{copies} x (230 B x {short(nodes)} nodes + 10 B x {short(steps)} tokens)"
    return Total(what, product, copies * (230 * nodes + 10 * steps) / 1e9)


def _checkpoints(config: RunConfig, assumed: Assumptions) -> Iterator[Total]:
    if (size := assumed.parameters) and (models := len(config.trained())):
        product = f"({models} models x 2 B + 2 states in training x 14 B) x {short(size * 1e9)}"
        yield Total("checkpoints", product, (2 * models + 28) * size)

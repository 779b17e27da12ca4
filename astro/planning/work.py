"""The work of a run by stage: requests, samples and tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

from astro.config.loading import UNUSED
from astro.config.run import RunConfig
from astro.config.stages import evaluated_models, run_stages
from astro.planning.assumptions import Assumptions
from astro.planning.cost import HasCost, RequestCost, StageCost
from astro.plugins.registry import Registry
from astro.requests import POLICY

Costs = Mapping[str, StageCost]
"""The cost of one unit of work by the plugin's key in the config."""

PARTS = ("format_sft", "search", "value", "linearizer", "control", "sft", "rl")
"""The keys of the plugins whose work is planned."""

_KINDS = {"control": "linearizer", "format_sft": "sft"}


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


def unit_costs(config: RunConfig, registry: Registry) -> Costs:
    """The cost of each plugin of a run; nothing if there is none or it does not say."""
    return {key: said_cost(config, registry, key) or StageCost() for key in PARTS}


def said_cost(config: RunConfig, registry: Registry, key: str) -> StageCost | None:
    """The cost of the plugin under `key`; None if there is none or its params do not say it."""
    binding = getattr(config, key)
    if binding is None or (key, binding.name) == ("linearizer", UNUSED):
        return None
    kind = _KINDS.get(key, key)
    params = registry.params(kind, binding.name, binding.params)
    return params.cost() if isinstance(params, HasCost) else None


def all_work(
    config: RunConfig,
    registry: Registry,
    costs: Costs,
    counts: Counts,
    assumed: Assumptions,
    *,
    trees: float,
) -> Iterator[CostLine]:
    """The work of every stage in the order of a run, with `trees` searches at their full size."""
    yield from _format_sft(config, costs, assumed)
    yield from search_work(costs, trees, assumed)
    yield from _linearize(costs, counts, assumed)
    yield from _sft(config, costs, counts, assumed)
    yield from _rl(costs, assumed)
    yield _evaluate(config, registry, counts, assumed)


def _path_tokens(costs: Costs, assumed: Assumptions) -> float:
    """Tokens from the root to a terminal: those of the longest samples in the search."""
    limits = [cost.max_tokens for key in ("search", "value") for cost in costs[key].requests]
    longest = assumed.fill * max(limits, default=0)
    return min(longest, costs["search"].path_tokens or longest)


def _expected(cost: RequestCost, path_tokens: int | None, assumed: Assumptions) -> float:
    """The share of the requests after which paths are expected to have `path_tokens` tokens."""
    tokens = cost.max_tokens * assumed.fill
    if not (cost.successive and path_tokens and tokens and cost.requests):
        return 1.0
    return min(1.0, ceil(path_tokens / tokens) / cost.requests)


def _line(
    stage: str,
    cost: RequestCost,
    units: float,
    unit: str,
    *,
    assumed: Assumptions,
    response: float = 0.0,
    expected: float = 1.0,
) -> CostLine:
    """The cost of `units` units of work.

    `response` is the number of tokens of a response that stand in the prompt of a request. The
    tokens are those of the `expected` share of the requests.
    """
    tokens = cost.max_tokens * assumed.fill
    requests = units * cost.requests
    samples = requests * cost.samples
    prompts = expected * requests * (assumed.prompt_tokens + response)
    generated = expected * samples * tokens
    each = f"{cost.requests:,g} requests x {cost.samples} samples x {tokens:,g} tokens"
    if expected < 1:
        each = f"{expected:.1%} of {each}"
    return CostLine(
        stage,
        cost.what if cost.model == POLICY else f"{cost.what} by {cost.model}",
        f"{units:,.0f} {unit} x {each}",
        requests,
        samples,
        prompts,
        prompts * (1 - assumed.prefix_reuse if stage == "search" else 1),
        generated,
        generated if cost.trained else 0.0,
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


def search_work(costs: Costs, trees: float, assumed: Assumptions) -> Iterator[CostLine]:
    """The search itself and its value estimates. A prompt holds half a path on average."""
    response, search = _path_tokens(costs, assumed) / 2, costs["search"]
    states = expected_states = 0.0
    for cost in search.requests:
        share = _expected(cost, search.path_tokens, assumed)
        line = _line(
            "search", cost, trees, "trees", assumed=assumed, response=response, expected=share
        )
        states += line.samples * cost.valued
        expected_states += share * line.samples * cost.valued
        yield replace(line, nodes=share * line.samples)
    share = expected_states / states if states else 1.0
    for cost in costs["value"].requests:
        yield _line(
            "search", cost, states, "states", assumed=assumed, response=response, expected=share
        )


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

"""Votes by equivalence, a vote that ends early, budgets, and searches without a reference.

Votes are over the labeled pairs of ../shared/data, those of a problem together: each response is
one vote, and the answer that wins is right if its label says so. The early end is measured on
countdown, with the tiny model and with those that the quickstart makes of it in runs/quickstart,
which is run if they are not there. The threshold is chosen for each model on training problems that
are in none of its traces. The early vote draws the same samples as the full one, until it ends.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from marks import Mark
from search_cost_stopping import SAMPLES, WAVE, chosen, replays, votes
from verifier import DATA, Pair, _pair, read

import astro
from astro.engine.answers import AnswerClasses, answer_key, frequent_first, read_answers
from astro.events import Event, ProblemFailed
from astro.experiments.accuracy import SearchComparison
from astro.metrics import majority_at_k, paired_bootstrap
from astro.requests import Program, Request, Verify
from astro.types import Problem, Verdict
from astro_sympy.verifier import SympyVerifier

NEVER = 1 - 1e-12
"""A threshold that 32 votes cannot pass, so that the full vote draws the same samples."""
TRAINING, CHOOSING, TESTING = 3266, 500, 400
"""All training problems; the last ones, on which thresholds are chosen; and the test problems."""
RUNS = Path(__file__).parents[1] / "runs"
QUICKSTART = astro.load_config(RUNS.parent / "configs" / "quickstart.yaml")
WHOLE = {"name": "lines", "params": {"stop": ["\n\n"]}}
"""A response is one step, since a model that backtracks goes on after a line that gives up."""
STEP = 16
BUDGET = 100
ENDLESS = 100_000
SEARCHES: dict[str, dict[str, Any]] = {
    "mcts": {"expand": 4},
    "best_of_n": {},
    "self_consistency": {},
    "beam": {},
    "dvts": {},
    "rebase": {},
    "particle": {},
    "tot_bfs": {},
    "tot_dfs": {},
    "ab_mcts": {},
}


def marks() -> list[Mark]:
    stops = [mark for model in models().items() for mark in stop_marks(*model)]
    return [*vote_marks(), *stops, budget_mark(), fault_mark()]


def driven(program: Program[Any], verifier: SympyVerifier) -> Any:
    """The result of a program that asks a verifier only."""
    try:
        asked = next(program)
        while True:
            asked = program.send([_verdict(one, verifier) for one in asked])
    except StopIteration as done:
        return done.value


def _verdict(request: Request, verifier: SympyVerifier) -> Verdict:
    assert isinstance(request, Verify)
    return verifier.verify(request.problem, request.response)


def answer_texts(problem: Problem, responses: Sequence[str]) -> Program[list[str | None]]:
    """The text of each response's answer."""
    read_ = yield from read_answers(problem, responses)
    return [None if answer is None else answer_key(answer) for answer in read_]


def classes(problem: Problem, keys: Sequence[str | None]) -> Program[list[str | None]]:
    """The class of each answer, by the verifier's equivalence and without the reference."""
    known = AnswerClasses(problem)
    names: dict[str, str] = {}
    for key in frequent_first(key for key in keys if key is not None):
        names[key] = yield from known.join(key)
    return [None if key is None else names[key] for key in keys]


def vote_marks() -> Iterator[Mark]:
    pairs = [_pair(row) for row in read(DATA / "verifier_pairs_dev.jsonl")]
    groups = defaultdict[tuple[str, str], list[Pair]](list)
    for pair in pairs:
        groups[pair.problem.prompt, pair.problem.answer].append(pair)
    verifier, gains, shares = SympyVerifier(), list[float](), list[tuple[float, float]]()
    for group in groups.values():
        if len({pair.right for pair in group}) > 1:
            problem, right = group[0].problem, [bool(pair.right) for pair in group]
            texts = driven(answer_texts(problem, [pair.response for pair in group]), verifier)
            merged = driven(classes(problem, texts), verifier)
            by_text, by_class = majority_at_k(texts, right), majority_at_k(merged, right)
            shares.append((by_text, by_class))
            gains.append(100 * (by_class - by_text))
    text, merged_ = (100 * sum(one) / len(one) for one in zip(*shares, strict=True))
    gain = paired_bootstrap(gains, bound=100.0)
    print(f"{len(shares)} votes: by text {text:.1f} %, by equivalence {merged_:.1f} %", gain)
    yield Mark.of("vote by equivalence above vote by text, points, lower bound", gain.low, ">= 0.1")
    false = sum(merges(pair, verifier) for pair in pairs if pair.source == "nearmiss")
    yield Mark.of("near misses that are one class with the right answer", false, "<= 0")


def merges(pair: Pair, verifier: SympyVerifier) -> bool:
    """Whether a wrong answer is in the class of the right one."""
    reference = f"\\boxed{{{pair.problem.answer}}}"
    texts = driven(answer_texts(pair.problem, [reference, pair.response]), verifier)
    right, wrong = driven(classes(pair.problem, texts), verifier)
    return right is not None and right == wrong


def countdown(train: int, test: int) -> dict[str, Any]:
    return {"name": "countdown", "params": {"numbers": 3, "train": train, "test": test}}


def policy(model: str) -> dict[str, Any]:
    return {"name": "transformers", "params": {"model": model, "max_batch": 512}}


def comparison(**keys: Any) -> astro.Comparison:
    """A comparison with the tiny model on countdown, unless `keys` say otherwise."""
    raw = {
        "name": "bench",
        "problems": countdown(TRAINING, TESTING),
        "step_format": {"name": "countdown"},
        "policy": policy("tiny-countdown"),
        "executor": {"name": "local", "params": {"concurrency": 128}},
        "verifier": {"name": "countdown"},
        "value": {"name": "logprob"},
        "search": {"name": "self_consistency"},
        "budgets": [ENDLESS],
        "max_failed": 1.0,
        **keys,
    }
    loaded = astro.load(raw)
    assert isinstance(loaded, astro.Comparison)
    return loaded


def compared(failed: list[str] | None = None, **keys: Any) -> SearchComparison:
    """The result of a comparison; the reasons of failed searches are added to `failed`."""

    def listen(event: Event) -> None:
        if isinstance(event, ProblemFailed) and failed is not None:
            failed.append(event.reason)

    with tempfile.TemporaryDirectory() as runs:
        return comparison(**keys).run(runs=runs, on_event=listen)


def models() -> dict[str, str]:
    """The models of the quickstart, by the names of the report."""
    folder = RUNS / QUICKSTART.name
    made = {"ASTRO-SFT": folder / "sft" / "model", "ASTRO-RL": folder / "rl" / "model"}
    if not all(model.exists() for model in made.values()):
        astro.run(QUICKSTART, runs=RUNS, until="rl")
    return {"tiny-countdown": "tiny-countdown"} | {name: str(made[name]) for name in made}


def stopping(threshold: float) -> dict[str, Any]:
    own = {
        "samples": SAMPLES,
        "at_once": WAVE,
        "step_tokens": QUICKSTART.evaluate.max_tokens,
        "threshold": threshold,
    }
    return {"search": {"name": "self_consistency", "params": own}}


def stop_marks(name: str, model: str) -> Iterator[Mark]:
    keys: dict[str, Any] = {"policy": policy(model), "step_format": WHOLE}
    full = {"full": stopping(NEVER)}
    sampled = comparison(**keys, searches={**full, "early": stopping(NEVER)})
    threshold = chosen(replays(votes(sampled, "full", CHOOSING)))
    result = compared(**keys, searches={**full, "early": stopping(threshold)})
    points = {point.search: point for point in result.points}
    (difference,) = result.differences
    sign = 1 if difference.first == "full" else -1
    tell(result)
    print(f"full above early, points: {difference.points} (first {difference.first})")
    saved = 1 - points["early"].tokens.value / points["full"].tokens.value
    print(f"{name}, {threshold}: {100 * saved:.1f} % saved", flush=True)
    yield Mark.of(f"tokens saved by the early end of a vote, {name}, %", 100 * saved, ">= 40")
    yield Mark.of(f"accuracy lost by it, {name}, points", sign * difference.points.value, "<= 1")


def tell(result: SearchComparison) -> None:
    for point in result.points:
        figures = f"{100 * point.accuracy.value:.1f} %, {point.tokens.value:.0f} tokens"
        print(f"{point.search} on {result.problems} problems: {figures}", flush=True)


def budget_mark() -> Mark:
    searches = {
        name: {"search": {"name": name, "params": {"step_tokens": STEP, **params}}}
        for name, params in SEARCHES.items()
    }
    result = compared(searches=searches, budgets=[BUDGET], problems=countdown(8, 50))
    above = {point.search: point.most_tokens - BUDGET for point in result.points}
    print("tokens above the budget, at most:", above)
    return Mark.of("tokens above the budget, every search", max(0, *above.values()), f"<= {STEP}")


def fault_mark() -> Mark:
    failed = list[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.jsonl"
        rows = ({"id": f"q{i}", "prompt": f"how many? {i}", "answer": "1"} for i in range(500))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        result = compared(
            failed,
            problems={"name": "jsonl", "params": {"train": str(path), "test": str(path)}},
            step_format={"name": "lines"},
            policy={"name": "scripted"},
            value={"name": "p_true"},
            verifier={"name": "exact"},
            searches={name: {"search": {"name": name}} for name in SEARCHES},
            budgets=[200],
        )
    faults = len(failed) + 500 - result.problems
    return Mark.of("faults of 500 questions without a reference, every search", faults, "<= 0")

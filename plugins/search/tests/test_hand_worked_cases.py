"""Hand-worked cases of ../shared, computed from their inputs by the functions of the searches.

The cases that are about the course of a search, and not about a number, are trees in the other
tests of this folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import exp
from pathlib import Path
from typing import Any

import pytest

from astro.builtin.reward_value import aggregate
from astro.builtin.rollout import Rollout, RolloutParams
from astro.engine.selection import AnswerCandidate, Selection, SelectionRule, select_answer
from astro.types import Completion, Problem, State, Status, Step, Verdict
from astro_search.allotment import widths
from astro_search.expansion import actions, reached_limit
from astro_search.params import Prior, StepSampling, Widening
from astro_search.posteriors import Beta, NormalInverseChiSquared
from astro_search.resampling import effective_size, multinomial, odds, systematic
from astro_search.selection import allowed_children, puct
from astro_search.stopping import cannot_be_caught, leader_probability

CASES = Path(__file__).parents[4] / "shared" / "cases" / "search.jsonl"
Given = Mapping[str, Any]
RULES = ("last", "min", "prod", "mean")


def particles(given: Given) -> Given:
    probabilities = odds(given["rewards"])
    found = {"probabilities": probabilities, "ess": effective_size(probabilities)}
    if "multinomial_uniforms" in given:
        found["multinomial"] = multinomial(probabilities, given["multinomial_uniforms"])
    if "systematic_u" in given:
        found["systematic"] = systematic(probabilities, len(probabilities), given["systematic_u"])
    return found


def equal_particles(given: Given) -> Given:
    (found,) = {
        tuple(systematic(odds(rewards), len(rewards), given["systematic_u"]))
        for rewards in given["sets"]
    }
    return {"systematic": list(found), "ess": effective_size(odds(given["sets"][0]))}


def aggregates(given: Given) -> Given:
    scores = {
        name: {rule: aggregate(rewards, rule) for rule in RULES}  # type: ignore[arg-type]
        for name, rewards in given["step_rewards"].items()
    }
    known = {name: found for name, found in scores.items() if found["last"] is not None}
    winner = {rule: max(known, key=lambda name: known[name][rule] or 0.0) for rule in RULES}
    return {"scores": {name: scores[name] if name in known else None for name in scores}} | {
        "winner": winner
    }


def shares(given: Given) -> Given:
    found = widths(given["rewards"], given["temperature"], given["budget"])
    return {"widths": found, "largest_remainder": found, "sum": sum(found)}


def path_limit(given: Given) -> Given:
    """The path ends at its last step, and not before."""
    params = StepSampling(max_path_tokens=given["max_tokens"])
    steps = tuple(Step("a\n", (1,) * n) for n in given["path_step_tokens"])
    states = [State(Problem("p", "q", "1"), steps[:n]) for n in range(1, len(steps) + 1)]
    *before, ended = [reached_limit(state, params) for state in states]
    assert not any(before)
    return {"ended": ended == "token limit"}


def chosen(candidates: Sequence[AnswerCandidate], rule: SelectionRule) -> Selection:
    found = select_answer(candidates, rule)
    assert found is not None
    return found


def logit_votes(given: Given) -> Given:
    names = list(dict.fromkeys(given["answers"]))
    found = chosen(
        [
            AnswerCandidate(names.index(answer), reward=1 / (1 + exp(-logit)))
            for answer, logit in zip(given["answers"], given["reward_logits"], strict=True)
        ],
        "weighted",
    )
    return {
        "weights": {names[vote]: weight for vote, weight in found.weights.items()},
        "winner": names[found.vote],
    }


def logprob_votes(given: Given) -> Given:
    names = list(dict.fromkeys(given["answers"]))
    found = chosen(
        [
            AnswerCandidate(names.index(answer), logprob=logprob, tokens=tokens)
            for answer, logprob, tokens in zip(
                given["answers"], given["logprobs"], given["tokens"], strict=True
            )
        ],
        "logprob",
    )
    return {
        "length_normalized": {names[vote]: weight for vote, weight in found.weights.items()},
        "winner_length_normalized": names[found.vote],
    }


def sampled_votes(given: Given) -> Given:
    counts = given["best_of_n_samples"]
    found = chosen([AnswerCandidate(int(a), samples=n) for a, n in counts.items()], "majority")
    return {
        "votes": {str(vote): weight for vote, weight in found.weights.items()},
        "share": found.confidence.value,
    }


def beta_stop(given: Given) -> Given:
    after = [leader_probability([n]) for n in range(1, 6)]
    stop = 1 + next(i for i, p in enumerate(after) if p > given["threshold"])
    return {"probability_after": after, "stop_after": stop}


def certain_stop(given: Given) -> Given:
    answers, n = given["answers"], given["n"]
    stops = [
        cannot_be_caught([answers[:k].count(name) for name in set(answers)], n - k)
        for k in range(1, n + 1)
    ]
    return {"stop_after": 1 + stops.index(True)}


def backed_up(given: Given) -> Given:
    """The scores of both children of the root, by the N and Q of the case."""
    nodes, expected = given["nodes"], {"N": {"0": 5, "1": 3, "2": 1}, "Q": {"1": 0.5, "2": 0.25}}
    scores = {
        i: puct(5, given["c_puct"])(expected["Q"][i], nodes[i]["prior"], int(expected["N"][i]))
        for i in ("1", "2")
    }
    return {"puct": scores}


def priors(given: Given) -> Given:
    samples = [
        Completion(f"{i}\n", (7,) * n, (logprob / n,) * n)
        for i, (logprob, n) in enumerate(zip(given["logprobs"], given["tokens"], strict=True))
    ]
    named = {"paper": "policy", "length_normalized": "", "tempered": "", "uniform": ""}
    return {
        key: [
            action.prior
            for action in actions(
                samples,
                Prior.model_validate({"name": rule or key, "temperature": given["tau"]}),
            )
        ]
        for key, rule in named.items()
    }


def faults(given: Given) -> Given:
    verdicts = [Verdict(Status(status)) for status in given["rollout_verdicts"]]
    value = Rollout(RolloutParams(rollouts=len(verdicts)))
    program = value.estimate([State(Problem("p", "q", "1"))], 0)
    next(program)
    program.send([[Completion("a")] * len(verdicts)])
    with pytest.raises(StopIteration) as stop:
        program.send(verdicts)
    return {"R": stop.value.value[0]}


def widening(given: Given) -> Given:
    rule = Widening(c=given["C"], alpha=given["alpha"])
    return {"allowed_children": [allowed_children(n, rule) for n in given["N"]]}


def posterior(given: Given) -> Given:
    found = NormalInverseChiSquared(**given["prior"])
    for reward in given["observations"]:
        found.observe(reward)
    return {name: getattr(found, name) for name in ("m", "kappa", "nu", "tau2")}


def beta_posteriors(given: Given) -> Given:
    observed = {"root.GEN": [0.6, 0.2], "root.CONT": [0.9], "root.a": [0.6, 0.9], "a.b": [0.9]}
    found = {}
    for arm, rewards in observed.items():
        beta = Beta(*given["beta_prior"])
        for reward in rewards:
            beta.observe(reward)
        found[arm] = [beta.a, beta.b]
    return {"beta": found}


CHECKS: Mapping[str, Callable[[Given], Given]] = {
    **dict.fromkeys(("pf-01", "pf-02", "pf-04"), particles),
    "pf-03": equal_particles,
    **dict.fromkeys(("agg-01", "agg-02"), aggregates),
    **dict.fromkeys(("rebase-01", "rebase-02", "rebase-06"), shares),
    "rebase-05": path_limit,
    "vote-02": logit_votes,
    "vote-03": logprob_votes,
    "vote-05": sampled_votes,
    "ac-01": beta_stop,
    "ac-03": certain_stop,
    "mcts-01": backed_up,
    "mcts-03": priors,
    "mcts-05": faults,
    "mcts-07": widening,
    "ab-01": posterior,
    "ab-02": beta_posteriors,
}


@pytest.mark.skipif(not CASES.exists(), reason="no shared/cases beside the repository")
@pytest.mark.parametrize("name", CHECKS)
def test_the_numbers_of_a_case(name: str) -> None:
    cases = {case["id"]: case for case in map(json.loads, CASES.open())}
    case = cases[name]
    found = CHECKS[name](case["input"])
    compared = [same(found[key], case["expected"][key]) for key in found if key in case["expected"]]
    assert compared
    assert all(compared), (found, case["expected"])


def same(found: Any, expected: Any) -> bool:
    """Whether numbers agree to 1e-6, in every place that is found."""
    if isinstance(found, Mapping):
        return all(same(value, expected[key]) for key, value in found.items())
    if isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(
        found == (expected if isinstance(expected, str) else pytest.approx(expected, abs=1e-6))
    )

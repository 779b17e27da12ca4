"""R(S) by agreement: how many completions of a state come to the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from astro.builtin.rollout import RolloutSampling, rollout_request, whole_lines
from astro.engine.answers import AnswerClasses, answer_key, frequent_first, reading
from astro.interfaces import Rollouts
from astro.planning.cost import RequestCost, StageCost
from astro.requests import Program, paid
from astro.types import Completion, State, Verdict


class SelfConsistencyParams(RolloutSampling):
    """Params of value `self_consistency`."""

    def cost(self) -> StageCost:
        """The cost of one state."""
        return StageCost((RequestCost("completions", 1, self.rollouts, self.max_tokens),))


class SelfConsistency:
    """R(S) = the share of M completions of S whose answer is in the most frequent class.

    Classes are those of the verifier's equivalence, and no reference answer is needed (after Wang
    et al. 2022, arXiv 2203.11171). A completion without an answer counts and has no vote; one that
    the verifier failed to read does not count. If no answer is read at all, as without a verifier,
    the last lines stand for the answers, unless a completion rejects its answer.

    A terminal state has one answer only. Its value is the share of the completions of the state
    before its last step that come to its answer.
    """

    rates_terminals = True

    def __init__(self, params: SelfConsistencyParams) -> None:
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float | None]]:
        """One value in [0, 1] per state, as `roll_out` finds it."""
        return [found.value for found in (yield from self.roll_out(states, seed))]

    def roll_out(
        self,
        states: Sequence[State],
        seed: int,  # noqa: ARG002
    ) -> Program[list[Rollouts]]:
        """The completions of each state, or of the state before its last step if it is terminal.

        The value is None if no completion came, or the verifier failed on all of them.
        """
        origins = [_origin(state) for state in states]
        distinct = list({origin.response: origin for origin in origins}.values())
        replies, _ = yield from paid([rollout_request(s, self._params) for s in distinct])
        completed = {s.response: list(found) for s, found in zip(distinct, replies, strict=True)}
        texts = [o.response + whole_lines(c) for o in distinct for c in completed[o.response]]
        texts += [state.response for state in states if state.terminal]
        classes = yield from _classes(states[0], texts) if texts else _nothing()
        return [
            Rollouts(
                _agreement(state, origin, completed[origin.response], classes),
                origin,
                completed[origin.response],
                [None] * len(completed[origin.response]),
            )
            for state, origin in zip(states, origins, strict=True)
        ]


def _origin(state: State) -> State:
    return State(state.problem, state.steps[:-1]) if state.terminal else state


def _agreement(
    state: State,
    origin: State,
    completions: Sequence[Completion],
    classes: Mapping[str, str | None],
) -> float | None:
    """The share of the completions in the largest class, or in that of a terminal state."""
    texts = [origin.response + whole_lines(completion) for completion in completions]
    known = [classes[text] for text in texts if text in classes]
    if not known or (state.terminal and state.response not in classes):
        return None
    counts = Counter(name for name in known if name is not None)
    votes = (
        counts[classes[state.response] or ""] if state.terminal else max(counts.values(), default=0)
    )
    return votes / len(known)


def _classes(state: State, texts: Sequence[str]) -> Program[dict[str, str | None]]:
    """The class of the answer of each text; None without an answer, no entry after a fault."""
    problem = state.problem
    distinct = list(dict.fromkeys(texts))
    verdicts: Sequence[Verdict] = yield list(reading(problem, distinct))
    read = {
        text: None if verdict.vote is None else answer_key(verdict.vote)
        for text, verdict in zip(distinct, verdicts, strict=True)
        if verdict.answer is not None or not verdict.status.fault
    }
    if not any(read.values()) and not any(verdict.rejected for verdict in verdicts):
        read = {text: _last_line(text) for text in read}
    classes, names = AnswerClasses(problem), dict[str, str]()
    for key in frequent_first(key for text in texts if (key := read.get(text))):
        names[key] = yield from classes.join(key)
    return {text: key and names[key] for text, key in read.items()}


def _last_line(text: str) -> str | None:
    lines = text.split("\n")
    return next((answer_key(line) for line in reversed(lines) if line.strip()), None)


def _nothing() -> Program[dict[str, str | None]]:
    yield from ()
    return {}

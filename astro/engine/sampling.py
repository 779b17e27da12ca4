"""Complete responses to a problem with their verdicts, for evaluation, filtering and RL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from astro.requests import Generate, Program, Verify
from astro.types import FinishReason, Problem, State, Verdict


@dataclass(frozen=True, slots=True)
class Sample:
    """A response that a policy sampled, with its tokens and its verdict."""

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: FinishReason
    verdict: Verdict
    counted: int = 0

    @property
    def tokens(self) -> int:
        """The number of sampled tokens, as in `Completion`."""
        return max(len(self.token_ids), len(self.logprobs)) or self.counted

    def whole_steps(self, stop: Sequence[str]) -> str:
        """The response without its last step if the token limit cut that step off."""
        if self.finish_reason is not FinishReason.LENGTH:
            return self.text
        return self.text[: max(self.text.rfind(s) + len(s) if s in self.text else 0 for s in stop)]


def sample_responses(
    problem: Problem, n: int, *, max_tokens: int, temperature: float = 1.0
) -> Program[list[Sample]]:
    """Sample `n` responses of at most `max_tokens` tokens. `temperature` 0 is greedy."""
    (completions,) = yield [
        Generate(State(problem).prompt, n=n, max_tokens=max_tokens, temperature=temperature)
    ]
    verdicts = yield [Verify(problem, completion.text) for completion in completions]
    return [
        Sample(c.text, c.token_ids, c.logprobs, c.finish_reason, verdict, c.counted)
        for c, verdict in zip(completions, verdicts, strict=True)
    ]

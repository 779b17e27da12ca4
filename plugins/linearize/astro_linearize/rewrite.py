"""Linearizer `rewrite`: a policy puts traces into prose (arXiv 2507.00417, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from astro.interfaces import StepFormat
from astro.requests import Generate, Program, Verify
from astro.types import Completion, FinishReason, Problem, Prompt, SearchTree, Segment, Trace
from astro_linearize.backtrack import Backtrack
from astro_linearize.fidelity import faithful
from astro_linearize.params import RewriteParams
from astro_linearize.passages import passages, question
from astro_linearize.render import fits


class Rewrite:
    """`backtrack`, in the policy's own words where these are faithful to the tree.

    A rewriting that does not map passage by passage onto the nodes, that loses or invents a number,
    that is longer than a trace may be, or whose answer is not verified again, is asked for anew;
    after `attempts` the template's words stand.
    """

    def __init__(self, params: RewriteParams, *, step_format: StepFormat) -> None:
        self.params = params
        self.step_format = step_format
        self._template = Backtrack(params, step_format=step_format)

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """The traces of `backtrack`, each `rewritten` or as it was."""
        traces = yield from self._template.linearize(problem, tree, seed)
        for _ in range(self.params.attempts):
            left = [i for i, trace in enumerate(traces) if not trace.rewritten]
            if not left:
                break
            for i, trace in zip(left, (yield from self._rewrite(traces, left)), strict=True):
                traces[i] = trace
        return traces

    def _rewrite(self, traces: Sequence[Trace], chosen: Sequence[int]) -> Program[list[Trace]]:
        """One attempt at each of the chosen traces; those it fails at come back as they were."""
        olds = [traces[i] for i in chosen]
        replies = yield [self._request(trace) for trace in olds]
        news = [
            self._read(old, _whole(completion))
            for old, (completion,) in zip(olds, replies, strict=True)
        ]
        verdicts = yield [Verify(new.problem, new.response) for new in news]
        return [
            replace(new, verdict=verdict) if new.rewritten and verdict.correct else old
            for old, new, verdict in zip(olds, news, verdicts, strict=True)
        ]

    def _request(self, trace: Trace) -> Generate:
        return Generate(
            Prompt(question(trace.problem, trace.segments, self.params)),
            max_tokens=self.params.reply_tokens,
            temperature=self.params.temperature,
            model=self.params.model,
        )

    def _read(self, trace: Trace, reply: str) -> Trace:
        """The trace in the reply's words, or as it was where these are not faithful or too long."""
        texts = passages(reply, len(trace.segments))
        if texts is None or not faithful(trace.problem, trace.segments, texts, self.step_format):
            return trace
        words = [_in_words(s, text) for s, text in zip(trace.segments, texts, strict=True)]
        if not fits(words, self.params):
            return trace
        return replace(trace, segments=tuple(words), rewritten=True)


def _whole(reply: Completion) -> str:
    """Its text; none if the token limit cut it off."""
    return "" if reply.finish_reason is FinishReason.LENGTH else reply.text


def _in_words(segment: Segment, text: str) -> Segment:
    return replace(segment, text=f"{text}\n\n", token_ids=())

"""Linearizer `rewrite`: a model rewrites traces as prose (arXiv 2507.00417, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from astro.interfaces import Headed, StepFormat
from astro.requests import Generate, Program, Verify
from astro.types import Completion, FinishReason, Node, Problem, Prompt, SearchTree, Segment, Trace
from astro_linearize.apart import told_apart
from astro_linearize.backtrack import Backtrack
from astro_linearize.fidelity import faithful
from astro_linearize.params import RewriteParams
from astro_linearize.passages import passages, question
from astro_linearize.render import fits
from astro_linearize.unverified import by_selection


class Rewrite:
    """Rewrites the traces of `backtrack` in a model's own words if these are faithful to the tree.

    A rewriting is rejected if its passages do not correspond to the nodes, if it loses or invents a
    number, if it is too long, or if its answer is no longer verified. After `attempts` rejected
    rewritings, the trace keeps the template's words. The model neither sees nor writes the headers
    of a step format that is `Headed`.
    """

    def __init__(self, params: RewriteParams, *, step_format: StepFormat) -> None:
        """Linearize with the phrases of `step_format`, then rewrite."""
        self.params = params
        self.step_format = step_format
        self._template = Backtrack(params, step_format=step_format)

    def linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        """Return the traces of `backtrack`, each of them either `rewritten` or unchanged."""
        linearize = partial(self._linearize, seed=seed)
        return by_selection(problem, tree, self.params.select, linearize)

    def _linearize(self, problem: Problem, tree: SearchTree, seed: int) -> Program[list[Trace]]:
        solutions = yield from self._template.solutions(tree)
        attempt = partial(self._traces, problem, tree, solutions, seed)
        return (yield from told_apart(problem, tree, attempt))

    def _traces(
        self,
        problem: Problem,
        tree: SearchTree,
        solutions: Sequence[Node],
        seed: int,
        same: Mapping[str, str],
    ) -> Program[list[Trace]]:
        traces = yield from self._template.traces(problem, tree, solutions, seed, same)
        for _ in range(self.params.attempts):
            left = [i for i, trace in enumerate(traces) if not trace.rewritten]
            if not left:
                break
            for i, trace in zip(left, (yield from self._rewrite(traces, left)), strict=True):
                traces[i] = trace
        return traces

    def _rewrite(self, traces: Sequence[Trace], chosen: Sequence[int]) -> Program[list[Trace]]:
        """Make one attempt at each of the chosen traces; those that fail are returned unchanged."""
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
        bare = [replace(s, text=words) for s, (_, words, _) in self._framed(trace)]
        return Generate(
            Prompt(question(trace.problem, bare, self.params)),
            max_tokens=self.params.reply_tokens,
            temperature=self.params.temperature,
            model=self.params.model,
        )

    def _read(self, trace: Trace, reply: str) -> Trace:
        """Return the trace in the words of the reply; unchanged if unfaithful or too long."""
        texts = passages(reply, len(trace.segments))
        if texts is None:
            return trace
        if headed := self._headed:
            texts = [headed.framed([text])[0][1] for text in texts]
        framed = self._framed(trace)
        bare = [replace(s, text=words) for s, (_, words, _) in framed]
        if not faithful(trace.problem, bare, texts, self.step_format):
            return trace
        words = [
            replace(s, text=f"{head}{text}{tail}", token_ids=())
            for (s, (head, _, tail)), text in zip(framed, texts, strict=True)
        ]
        if not fits(words, self.params):
            return trace
        return replace(trace, segments=tuple(words), rewritten=True)

    @property
    def _headed(self) -> Headed | None:
        return self.step_format if isinstance(self.step_format, Headed) else None

    def _framed(self, trace: Trace) -> list[tuple[Segment, tuple[str, str, str]]]:
        """Each segment with its words, and what stands before and after them in a rewriting."""
        texts = [segment.text for segment in trace.segments]
        parts = self._headed.framed(texts) if self._headed else [("", t, "\n\n") for t in texts]
        return list(zip(trace.segments, parts, strict=True))


def _whole(reply: Completion) -> str:
    """Return the text of a reply; empty if the token limit cut it off."""
    return "" if reply.finish_reason is FinishReason.LENGTH else reply.text

"""Results that a user should not overlook: what they are, and where to look."""

from __future__ import annotations

from collections.abc import Iterator

from astro.runs.scoring import Figures

_MOSTLY = 0.5
_CAUSES = {
    "verdict/unparsed": (
        "have no answer that the verifier reads",
        "see whether the prompt asks for the answer in a form that it reads",
    ),
    "truncated": (
        "reach the limit of tokens",
        "raise evaluate.max_tokens, or see whether the model ever stops",
    ),
    "empty": ("are empty", "see whether the prompt fits the model and its server returns text"),
    "verdict/bad_reference": (
        "belong to a reference that the verifier cannot read",
        "see whether problems.params.answer_in and the verifier fit the data",
    ),
}
"""Metric -> what most responses then have in common, and what to look at."""


def score_warnings(model: str, figures: Figures) -> Iterator[str]:
    """Yield a line for each flaw that more than half of a model's responses have."""
    for name, (what, remedy) in _CAUSES.items():
        if name in figures and (share := figures[name].value) > _MOSTLY:
            yield f"{model}: {share:.0%} of the responses {what}; {remedy} (eval/{model}.jsonl)"


def search_warning(trees: int) -> str:
    """Return a line for a search in which no tree has a correct answer."""
    return (
        f"search: none of {trees} trees has a correct answer, so there is nothing to learn from; "
        "see in trees.jsonl how the steps end and what the verdicts say"
    )


def trace_warning(arm: str, trees: int, *, verified: bool) -> str:
    """Return a line for trees that gave no trace to train on.

    `verified` says whether the trees have verdicts.
    """
    needed = (
        "a trace needs a tree that has a correct answer, and, if it is to backtrack, a wrong one"
        if verified
        else "the trees have no verdicts, because verifier.name is none; say which answer is to "
        "count as correct by linearizer.params.select, such as majority"
    )
    return f"linearize: no trace for {arm} from {trees} trees; {needed}"

"""Finds training problems that also occur in an evaluation set.

Follows Brown et al. 2020 (GPT-3), appendix C: a training document that shares a run of 13 words
with an evaluation document is contaminated, unless more than 10 training documents contain that
run, which makes it a common phrase. Words are runs of letters and digits, compared without case. A
problem with fewer words is compared only by its whole text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from astro.types import Problem

N = 13
COMMON = 10

_WORD = re.compile(r"[^\W_]+")
_FIGURE = re.compile(r"\[asy\].*?(?:\[/asy\]|$)", re.DOTALL)
_LAYOUT = re.compile(r"(?:\\[,;:! ]|\\(?:left|right|displaystyle)\b|\\[()\[\]]|[$~\s])+")
_IDLE_SPACE = re.compile(r" (?=[^\w\s])|(?<=[^\w\s]) ")


@dataclass(frozen=True, slots=True)
class Contaminated:
    """A contaminated training problem and the evaluation problem that it matches.

    `shared` is the run of words that both contain, or empty if their whole texts are the same.
    """

    id: str
    evaluation_set: str
    evaluation_id: str
    shared: str = ""


def contaminated(
    training: Sequence[Problem],
    evaluation: Mapping[str, Sequence[Problem]],
    by_text_alone: Collection[str] = (),
) -> list[Contaminated]:
    """Return the problems of `training` that match a problem of `evaluation`, in order.

    `evaluation` maps names of sets to their problems. The sets named in `by_text_alone` are
    compared only by whole texts, not by runs of words.
    """
    sets = [(name, p) for name, problems in evaluation.items() for p in problems][::-1]
    worded = [(name, p) for name, p in sets if name not in by_text_alone]
    texts = {same_text(p.prompt): (name, p.id) for name, p in sets}
    grams = {gram: (name, p.id) for name, p in worded for gram in ngrams(p.prompt)}
    shared = [[g for g in dict.fromkeys(ngrams(p.prompt)) if g in grams] for p in training]
    counts = Counter(gram for found in shared for gram in found)
    hits = list[Contaminated]()
    for problem, found in zip(training, shared, strict=True):
        gram = next((gram for gram in found if counts[gram] <= COMMON), "")
        place = texts.get(same_text(problem.prompt))
        if place or gram:
            hits.append(Contaminated(problem.id, *(place or grams[gram]), "" if place else gram))
    return hits


def same_text(text: str) -> str:
    """Return `text` without differences that do not change its meaning.

    Case, spaces, LaTeX's layout commands and math delimiters, and final punctuation are removed.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = folded.replace(r"\dfrac", r"\frac").replace(r"\tfrac", r"\frac")
    return _IDLE_SPACE.sub("", _LAYOUT.sub(" ", plain)).strip(" .?!:")


def ngrams(text: str, n: int = N) -> Iterator[str]:
    """Yield every run of `n` words. The code of Asymptote figures is excluded."""
    words = _WORD.findall(_FIGURE.sub(" ", unicodedata.normalize("NFKC", text).casefold()))
    return (" ".join(words[i : i + n]) for i in range(len(words) - n + 1))

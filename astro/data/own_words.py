"""Reflections and returns in a model's own words, which no phrase of a step format has to match.

They are recognized by patterns of English, so the counts are estimates: some are missed, and some
sentences are counted that say something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

_I = (
    r"\b(?:let me|let'?s|let us"
    r"|(?:i|we)(?:'ll| will| should| must| need to| can| have to)?)"
)
_THAT = r"\b(?:that|this|it|which|my \w+|the (?:answer|result|calculation|sum|product))"
_NOT = r"(?: (?:is|was|does|do)(?: not|n't)| can't|'s not| cannot)"
REFLECTIONS = (
    r"(?:^|[,;:\u2013\u2014-] ?)(?:but |oh,? |no,? |hmm+,? |so |actually,? )?wait"
    r"(?:$|[,.!?:;\u2026\u2013\u2014-]| (?:a (?:minute|second|moment)|that|this|is|are|am|did|do|"
    r"i|we|let|no|maybe|actually|what|why|how|the|it|but|if)\b)",
    r"\bhmm+\b",
    r"\b(?:hold|hang) on\b",
    rf"{_I} (?:just |quickly |now |also |first )*(?:double[- ]?check|(?:re-?)?(?:check|verify|"
    r"examine)\b|re-?(?:consider|think|calculate|compute|evaluate|view)|make sure|confirm)",
    rf"{_THAT}{_NOT}(?: be| seem| look| sound| feel)?(?: quite| to be)? "
    r"(?:right|correct|possible)\b",
    rf"{_THAT} (?:is|was|seems|looks|must be) (?:wrong|incorrect|off|impossible|suspicious)\b",
    r"\b(?:is|are|was) (?:this|that|it|we|my \w+|the \w+) (?:\w+ ){0,4}(?:right|correct)"
    r"(?: \w+){0,2}\?",
    r"\bsomething(?: is|'s| seems| looks| feels| went| must be)? (?:a bit |a little )?"
    r"(?:off|wrong)\b",
    r"\b(?:i|we)(?:'ve| have)? (?:must have |may have |might have )?(?:made|make) "
    r"(?:a|an|some) (?:\w+ )?(?:mistake|error)s?\b",
    r"\bon second thou?ghts?\b",
    r"\bactually,? (?:no|that|this is|let)\b",
)
"""What tells a doubt or a check of the path so far."""
RETURNS = (
    rf"{_I} (?:\w+ )?(?:go|step|come|get|jump|turn|move) back\b",
    r"\bgo(?:ing)? back to (?:the (?:beginning|start|problem|question|drawing|point|step|equation|"
    r"previous)|step|where|line)\b",
    rf"{_I} (?:\w+ )?(?:return to|backtrack|revisit|start (?:over|again|afresh)|restart|redo|retry|"
    r"begin again|try (?:again|once more)|re-?read)\b",
    r"\b(?:start|begin)(?:ing)? (?:over|again|afresh|from scratch)\b",
    r"\b(?:try|use|consider|take) (?:a |an |some )?(?:different|another|new|other|alternative) "
    r"(?:approach|way|method|path|strategy|idea|route)",
    r"\bbacktrack(?:ing)?\b",
)
"""What tells a return to an earlier point, or another attempt."""
_SENTENCE = re.compile(r"[^.!?\u2026\n]+(?:[.!?\u2026]+(?=\s|$)|\n|$|[.!?\u2026]+)")
_PLAIN = str.maketrans({"\u2019": "'", **dict.fromkeys("#*_>")})
"""Signs of Markdown are left out, and typographic apostrophes are plain ones."""
_CHARS = 500
"""The first characters of a sentence that are looked at, so that long ones take no longer."""


class OwnWords:
    """Counts reflections and returns. `reflections` and `returns` are patterns beside the built-in.

    Capital letters are not told apart. Sentences next to each other that both match are one
    reflection or one return.
    """

    def __init__(self, reflections: Iterable[str] = (), returns: Iterable[str] = ()) -> None:
        self._reflections = _compiled((*REFLECTIONS, *reflections))
        self._returns = _compiled((*RETURNS, *returns))

    def counts(self, response: str) -> tuple[int, int]:
        """Return the numbers of reflections and of returns in a response."""
        found = _SENTENCE.findall(response.translate(_PLAIN))
        sentences = [text.lstrip(" \t-")[:_CHARS] for text in found if text.strip()]
        return _runs(self._reflections, sentences), _runs(self._returns, sentences)


def _compiled(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE) for pattern in patterns]


def _runs(patterns: Sequence[re.Pattern[str]], sentences: Sequence[str]) -> int:
    """The number of runs of sentences that match one of the patterns."""
    matches = (any(pattern.search(text) for pattern in patterns) for text in sentences)
    return sum(matched for matched, _ in groupby(matches))

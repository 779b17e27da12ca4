"""Answers in words: names, choices, times, yes or no, dates, counts, and lists of them."""

from __future__ import annotations

import re
from collections import Counter

from astro_sympy.comparing.choices import same_choice
from astro_sympy.comparing.clock import same_time
from astro_sympy.reading.plain import is_marked, plain_words

MAX_CHARACTERS = 400
"""A longer answer is not compared as words."""

_CARDINALS = """zero one two three four five six seven eight nine ten eleven twelve thirteen
fourteen fifteen sixteen seventeen eighteen nineteen twenty"""
_ORDINALS = """zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh
twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""
_NUMBERS = {word: str(i) for row in (_CARDINALS, _ORDINALS) for i, word in enumerate(row.split())}
_MONTHS = """january february march april may june july august september october november
december"""
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"
_SHORT = {name[:3]: name for name in f"{_MONTHS} {_WEEKDAYS}".split()} | {
    "sept": "september",
    "tues": "tuesday",
    "thur": "thursday",
    "thurs": "thursday",
}
_TRUTH = {"yes": True, "true": True, "no": False, "false": False}
_MATHS = re.compile(
    r"\b(?:sin|cos|tan|cot|sec|csc|arc\w+|sinh|cosh|tanh|log|exp|sqrt|cbrt|root|infinity|infty|inf|nan"
    r"|mod|gcd|lcm|max|min|deg|frac|cdot|times|choose|factorial|binom|floor|ceil|abs|all|reals?"
    r"|integers?|numbers?|infinite|infinitely|undefined|none|empty|solutions?|degrees|radians"
    r"|percent)\b|\d"
)
"""Words and digits of mathematics; texts that contain them are compared as mathematics."""

_WORDS = re.compile(r"[A-Za-z0-9'\-.,;&/ ]+")
_WORD = re.compile(r"[A-Za-z]+")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_LIST = re.compile(r"\s*(?:[,;&]\s*(?:(?:and|or)\b)?|\b(?:and|or)\b)\s*")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_ORDINAL = re.compile(r"(\d+)\^?(?:st|nd|rd|th)\b")
_DATE = re.compile(r"(?:[a-z]+|\d{1,2}|\d{4})(?:,? (?:[a-z]+|\d{1,2}|\d{4})){1,3}")
_LETTERS = re.compile(r"[A-Z](?:(?:, ?| and |, and )[A-Z])+")


def same_words(gold: str, answer: str) -> bool | None:
    """Whether two answers in words agree; None if they are mathematics instead.

    Case, spaces, LaTeX and the order of a list do not matter. The result is symmetric except for
    None: a reference in words is never mathematics, while an answer in words may be.
    """
    if len(gold) > MAX_CHARACTERS:
        return None
    left, right = plain_words(gold), plain_words(answer) if len(answer) <= MAX_CHARACTERS else ""
    marked = is_marked(gold) or is_marked(answer)
    for verdict in (same_time(left, right), same_choice(left, right, marked)):
        if verdict is not None:
            return verdict
    if not (_are_words(left, marked) or _are_words(right, marked)):
        return None
    if _same_truth(left, right) or _items(left) == _items(right):
        return True
    return None if _may_be_maths(left, marked) else False


def _are_words(text: str, marked: bool) -> bool:
    """Whether a plain text is words; letters that are not `marked` up as text may be variables."""
    if _LETTERS.fullmatch(text) or _date(text.lower()):
        return True
    words = [word for word in _WORD.findall(text) if len(word) > 1 and word not in ("and", "or")]
    return _WORDS.fullmatch(text) is not None and any(marked or _is_word(word) for word in words)


def _may_be_maths(text: str, marked: bool) -> bool:
    """Whether a text may also be mathematics, as `10 units`, `all real numbers` and `5`."""
    if not _are_words(text, marked):
        return True
    return _MATHS.search(text.lower()) is not None and not _date(text.lower())


def _is_word(word: str) -> bool:
    """Whether letters without markup form a word rather than a product of variables."""
    lower = word.lower()
    if lower in _NUMBERS or lower in _TRUTH or lower in _SHORT or lower == "odd":
        return True
    return len(word) > 3 and (word.isupper() or _VOWEL.search(word) is not None)


def _same_truth(left: str, right: str) -> bool:
    truths = _truth(left), _truth(right)
    return None not in truths and truths[0] == truths[1]


def _truth(text: str) -> bool | None:
    """Return the truth value of `Yes` or `Yes, because ...`; None if there is none, or both."""
    words = _WORD.findall(text.lower())
    found = {_TRUTH[word] for word in words if word in _TRUTH}
    leads = bool(words) and words[0] in _TRUTH and not re.match(r"\w+ \w", text)
    return found.pop() if leads and len(found) == 1 else None


def _items(text: str) -> Counter[str]:
    """Return the entries of a list, each in canonical form."""
    lowered = text.lower()
    date = _date(lowered)
    return Counter([date]) if date else Counter(map(_canonical, _LIST.split(lowered)))


def _canonical(item: str) -> str:
    words = _HYPHEN.sub(" ", _ORDINAL.sub(r"\1", item)).split()
    if len(words) > 1 and words[0] in ("a", "an"):
        del words[0]
    named = (_SHORT.get(word.rstrip("."), word.rstrip(".")) for word in words if word != "the")
    return " ".join(_NUMBERS.get(word, word) for word in named)


def _date(text: str) -> str:
    """Return a date as `month day year`; empty if the text is not one."""
    text = _ORDINAL.sub(r"\1", text).replace(" of ", " ").replace(".", "")
    if not _DATE.fullmatch(text):
        return ""
    words = [_SHORT.get(word, word) for word in text.replace(",", " ").split()]
    months = [word for word in words if word in _MONTHS.split()]
    numbers = sorted((word for word in words if word.isdigit()), key=int)
    if len(months) != 1 or len(months) + len(numbers) != len(words):
        return ""
    return " ".join([*months, *numbers])

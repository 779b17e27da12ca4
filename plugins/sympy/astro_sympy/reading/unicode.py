# ruff: noqa: RUF001
"""Translation of Unicode mathematics to the ASCII LaTeX that the lexer reads."""

from __future__ import annotations

import re
import unicodedata

_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-",
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "∗": "*", "÷": r"\div ",
    "⁄": "/", "∕": "/", "±": r"\pm ", "∓": r"\mp ",
    "≤": r"\le ", "⩽": r"\le ", "≦": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≧": r"\ge ",
    "≠": r"\ne ", "≈": r"\approx ", "≡": r"\equiv ", "∼": r"\sim ",
    "∈": r"\in ", "∉": r"\notin ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ",
    "∅": r"\emptyset ", "⊂": r"\subset ", "⊆": r"\subseteq ",
    "∞": r"\infty ", "√": r"\sqrt ", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]",
    "∠": r"\angle ", "△": r"\triangle ", "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ",
    "°": r"^\circ ", "º": r"^\circ ", "˚": r"^\circ ", "′": "'", "’": "'", "″": "''", "”": '"',
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "…": r"\ldots ", "⋯": r"\cdots ",
    "£": r"\gbp ", "€": r"\euro ", "¥": r"\yuan ", "¢": r"\cent ",
    "，": ",", "；": ";", "：": ":", "、": ",", "。": ".", "％": "%",
    "→": r"\to ", "⇒": r"\Rightarrow ", "⇔": r"\iff ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}",
    "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
    "\N{LATIN SMALL LETTER F WITH HOOK}": "f", "∶": ":",
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
}  # fmt: skip
_GREEK = {
    chr(code): f"\\{name} "
    for first, names in (
        (0x3B1, "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron "
         "pi rho sigma sigma tau upsilon phi chi psi omega"),
        (0x391, "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron "
         "Pi Rho ? Sigma Tau Upsilon Phi Chi Psi Omega"),
    )
    for code, name in enumerate(names.split(), first)
}  # fmt: skip
_TABLE = str.maketrans({**_SYMBOLS, **_GREEK, "ϕ": r"\phi ", "ϵ": r"\epsilon "})
_CIRCLED = re.compile("[\N{CIRCLED DIGIT ONE}-\N{CIRCLED NUMBER TWENTY}]+")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ]+")
_LOWERED = re.compile("[₀-₉₊₋]+")
_FRACTION = re.compile("[¼-¾⅐-⅞]")
_RADICAND = re.compile(r"([√∛∜])\s*(\d{2,})")
# What remains of \f, \t and the like after a JSON or Python string has decoded the escape.
_ESCAPED = re.compile(
    "\f(?=rac|loor)|\t(?=ext\\{?\\s*[A-Za-z]|imes|frac|an|heta|au|o\\b|riangle)"
    "|\r(?=ight|angle|floor|ceil|ho)"
    "|\b(?=egin|inom|oxed|eta|ar|ig)|\v(?=ec|ert)|\a(?=lpha|pprox|ngle)"
)
_LETTERS = {"\f": "f", "\t": "t", "\r": "r", "\b": "b", "\v": "v", "\a": "a"}


def to_latex(text: str) -> str:
    r"""Write every mathematical character as LaTeX: `2½` as `2\frac{1}{2}`, `x²` as `x^{2}`.

    Control characters that string decoding has made of the first letter of a command, as of the
    `\f` in `\frac`, are turned back into the command.
    """
    text = _ESCAPED.sub(lambda match: "\\" + _LETTERS[match.group()], text)
    if text.isascii():
        return text
    text = _CIRCLED.sub(lambda match: ",".join(map(_plain, match.group())), text)
    text = _RAISED.sub(lambda match: f"^{{{_plain(match.group())}}}", text)
    text = _LOWERED.sub(lambda match: f"_{{{_plain(match.group())}}}", text)
    text = _FRACTION.sub(_fraction, text)
    text = _RADICAND.sub(r"\1{\2}", text)
    return _plain(text.translate(_TABLE))


def _fraction(match: re.Match[str]) -> str:
    above, below = _plain(match.group()).split("/")
    return f"\\frac{{{above}}}{{{below}}}"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_TABLE)
    return "".join(_digit(character) for character in folded)


def _digit(character: str) -> str:
    return character if character.isascii() else str(unicodedata.decimal(character, character))

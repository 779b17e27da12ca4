"""Texts that a model in training may write, by accident or to exploit its reward."""

from __future__ import annotations

from pathlib import Path

HOSTILE = {
    "empty": "",
    "blank": " \n\t\n",
    "control characters": "\x00\x07\x1b[2J\x7f" * 100,
    "lone surrogate": "\ud800\\boxed{\udfff}",
    "combining marks": "\\boxed{" + "a\u0301\u0336" * 5_000 + "}",
    "right to left": "\u202e\\boxed{\u0661\u0662\u202c}",
    "emoji": "\\boxed{" + "\N{FAMILY}\u200d" * 1_000 + "}",
    "full-width digits": "\\boxed{\uff17\uff19\uff11\uff19}",
    "superscripts": "\\boxed{\u00b2\u00b3\u2079" + "\u2070" * 1_000 + "}",
    "nested brackets": "(" * 20_000,
    "nested boxes": "\\boxed{" * 10_000,
    "closing braces": "}" * 20_000,
    "deep box": "\\boxed{" + "(" * 5_000 + "7" + ")" * 5_000 + "}",
    "deep fraction": "\\boxed{" + "\\frac{1}{" * 2_000 + "7" + "}" * 2_000 + "}",
    "tower of powers": "\\boxed{9**9**9**9}",
    "tower in LaTeX": "\\boxed{9^{9^{9^{9}}}}",
    "factorials": "\\boxed{99999!!!!}",
    "endless number": "\\boxed{" + "9" * 20_000 + "}",
    "endless exponent": "\\boxed{1e" + "9" * 5_000 + "}",
    "endless sum": "\\boxed{" + "1+" * 20_000 + "1}",
    "division by zero": "\\boxed{1/0}",
    "not a number": "\\boxed{nan}",
    "infinity": "\\boxed{inf}",
    "nothing": "\\boxed{}",
    "format fields": "\\boxed{{0.__class__} %s %n {}}",
    "backslashes": "\\" * 20_000,
    "one long line": "the answer is " * 5_000,
    "two megabytes": "7 " * 1_000_000,
    "many boxes": "\\boxed{x}" * 100_000,
    "many tags": "<answer>" * 50_000,
}
"""Texts by what they contain. None of them answers a problem."""


def hostile(canary: Path) -> dict[str, str]:
    """`HOSTILE`, and texts that create the file `canary` if they are run as code."""
    touch = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    return {
        **HOSTILE,
        "code": touch,
        "code in a box": f"\\boxed{{{touch}}}",
        "code in tags": f"<answer>{touch}</answer>",
        "code in a list": f"<answer>[[{touch}]]</answer>",
        "code after the answer is": f"The answer is {touch}",
        "code in a shell": f"\\boxed{{$(touch {canary}); `touch {canary}`}}",
    }

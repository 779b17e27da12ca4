"""How each family writes a problem and the steps of a response, and where it reads their scores.

The texts are those of the families' model cards. Positions are those of the steps' own tags: a tag
in the problem or within a step is not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from astro.errors import PolicyError

QWEN_SYSTEM = r"Please reason step by step, and put your final answer within \boxed{}."
QWEN_TAG = "<extra_0>"
SHEPHERD_TAG = "ки"
_STEP_NUMBER = re.compile(r"\s*Step \d+", re.IGNORECASE)


class Encoded(NamedTuple):
    """Token ids of an input, and the positions at which the scores of its steps are read."""

    ids: list[int]
    positions: list[int]


def qwen_prm(tokenizer: Any, problem: str, steps: Sequence[str]) -> Encoded:
    """Qwen2.5-Math-PRM: a chat, with `<extra_0>` after each step, read at this tag."""
    written = [step.strip() + QWEN_TAG for step in steps]
    answer = "".join(written)
    text: str = tokenizer.apply_chat_template(
        [
            {"role": "system", "content": QWEN_SYSTEM},
            {"role": "user", "content": problem},
            {"role": "assistant", "content": answer},
        ],
        tokenize=False,
        add_generation_prompt=False,
    )
    start = text.rfind(answer)
    if start < 0:
        raise PolicyError("the chat template of the reward model changes the response")
    return _tagged(tokenizer, text, [start + end for end in accumulate(map(len, written))])


def math_shepherd(tokenizer: Any, problem: str, steps: Sequence[str]) -> Encoded:
    """Math-Shepherd: `Step i: ...` lines that end with the tag `ки`, read at this tag."""
    lines = [
        f"{_numbered(step.strip(), number)} {SHEPHERD_TAG}\n"
        for number, step in enumerate(steps, 1)
    ]
    lines[-1] = lines[-1].removesuffix("\n")
    begin = f"{problem} "
    ends = [len(begin) + end for end in accumulate(map(len, lines))]
    tags = [end - line.endswith("\n") for end, line in zip(ends, lines, strict=True)]
    return _tagged(tokenizer, begin + "".join(lines), tags, special=True)


def rlhflow_prm(tokenizer: Any, problem: str, steps: Sequence[str]) -> Encoded:
    """RLHFlow PRMs: one turn per step, answered by `+`, read where the `+` is predicted."""
    turns: list[dict[str, str]] = []
    positions: list[int] = []
    ids: list[int] = []
    for number, step in enumerate(steps):
        content = step.strip() if number else f"{problem} {step.strip()}"
        turns += [{"role": "user", "content": content}, {"role": "assistant", "content": "+"}]
        before, ids = ids, _chat_ids(tokenizer, turns)
        plus = next(i for i in reversed(range(len(ids))) if ids[i] == tag_id(tokenizer, "+"))
        if ids[: len(before)] != before:
            raise PolicyError("the chat template of the reward model changes earlier turns")
        positions.append(plus - 1)
    return Encoded(ids, positions)


def skywork_prm(tokenizer: Any, problem: str, steps: Sequence[str]) -> Encoded:
    """Skywork-o1-Open-PRM: lines, each encoded by itself, read at the line end of each step."""
    bos = tokenizer.bos_token or ""
    ids: list[int] = tokenizer.encode(f"{bos}{problem}\n", add_special_tokens=False)
    line_end = tag_id(tokenizer, "\n")
    positions = []
    for step in steps:
        for line in filter(None, step.strip().split("\n")):
            ids += [*tokenizer.encode(line, add_special_tokens=False), line_end]
        positions.append(len(ids) - 1)
    return Encoded(ids, positions)


def token_classification(
    tokenizer: Any, problem: str, steps: Sequence[str], separator: str
) -> Encoded:
    """TRL's PRMTrainer: each step by itself, then the separator, whose last token is read."""
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = bos + tokenizer.encode(problem, add_special_tokens=False)
    end = tokenizer.encode(separator, add_special_tokens=False)
    positions = []
    for step in steps:
        ids += [*tokenizer.encode(step.strip(), add_special_tokens=False), *end]
        positions.append(len(ids) - 1)
    return Encoded(ids, positions)


def sequence_classification(tokenizer: Any, problem: str, steps: Sequence[str]) -> Encoded:
    """Outcome models with one logit, read at the last token of the dialogue."""
    turns = [
        {"role": "user", "content": problem},
        {"role": "assistant", "content": "".join(steps).strip()},
    ]
    if tokenizer.chat_template:
        ids = _chat_ids(tokenizer, turns)
    else:
        ids = tokenizer.encode("\n".join(turn["content"] for turn in turns))
    return Encoded(ids, [len(ids) - 1])


def tag_id(tokenizer: Any, tag: str) -> int:
    """Return the last token of a tag, as the families' recipes take it."""
    last: int = tokenizer.encode(tag, add_special_tokens=False)[-1]
    return last


def _numbered(step: str, number: int) -> str:
    return step if _STEP_NUMBER.match(step) else f"Step {number}: {step}"


def _chat_ids(tokenizer: Any, turns: Sequence[dict[str, str]]) -> list[int]:
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False)
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _tagged(tokenizer: Any, text: str, ends: Sequence[int], *, special: bool = False) -> Encoded:
    """Encode a text whose tags end at these characters. Raises `PolicyError` if one is no token."""
    encoded = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
    at = {stop: i for i, (start, stop) in enumerate(encoded["offset_mapping"]) if start < stop}
    if missing := [end for end in ends if end not in at]:
        raise PolicyError(f"the tag of a step is not a token of its own (character {missing[0]})")
    return Encoded(encoded["input_ids"], [at[end] for end in ends])

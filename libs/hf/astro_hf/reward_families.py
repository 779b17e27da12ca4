"""The families of reward models: which one a checkpoint belongs to, and how to encode for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from astro_hf import reward_encoding as encoding
from astro_hf.configs import load_config
from astro_hf.errors import CheckpointError
from astro_hf.reward_encoding import Encoded

Encode = Callable[[str, Sequence[str]], Encoded]
"""Takes a problem and the steps of a response."""

OUTCOME = "sequence_classification"
"""The family with one score per response; the others have one per step."""
_BY_ARCHITECTURE = {
    "ProcessRewardModel": "qwen_prm",
    "ForTokenClassification": "token_classification",
    "ForSequenceClassification": OUTCOME,
}


def encoder(family: str, tokenizer: Any, separator: str) -> Encode:
    """Return how `family` encodes; `separator` ends a step of a token classifier."""
    chosen: dict[str, Callable[..., Encoded]] = {
        "qwen_prm": encoding.qwen_prm,
        "skywork_prm": encoding.skywork_prm,
        "math_shepherd": encoding.math_shepherd,
        "rlhflow_prm": encoding.rlhflow_prm,
        "token_classification": partial(encoding.token_classification, separator=separator),
        OUTCOME: encoding.sequence_classification,
    }
    return partial(chosen[family], tokenizer)


def family_of(model: str) -> str | None:
    """Return the family that the architecture of a checkpoint names; None if it names none.

    Raises:
        CheckpointError: Its config cannot be loaded.
    """
    architecture = (load_config(model).architectures or [""])[0]
    return next((f for end, f in _BY_ARCHITECTURE.items() if architecture.endswith(end)), None)


def unknown_family(model: str) -> CheckpointError:
    """Return the error for a checkpoint whose family cannot be told."""
    return CheckpointError(
        f"the family of reward model {model!r} cannot be told from its architecture "
        f"{(load_config(model).architectures or [''])[0]!r}",
        "set family: math_shepherd or rlhflow_prm, if it is one of these",
    )


def marks(family: str, tokenizer: Any, model: str) -> tuple[int, int]:
    """Return the good and the bad token of a family that judges a step by its next token.

    Raises:
        CheckpointError: The tokenizer is not one of the family.
    """
    if family == "rlhflow_prm":  # the replies `+` and `-`
        return encoding.tag_id(tokenizer, "+"), encoding.tag_id(tokenizer, "-")
    found: list[int] = tokenizer.encode("+ -", add_special_tokens=False)
    tag = tokenizer.encode(encoding.SHEPHERD_TAG, add_special_tokens=False)
    if len(found) != 2 or len(tag) > 2:
        raise CheckpointError(f"the tokenizer of {model!r} is not that of a Math-Shepherd model")
    return found[0], found[1]

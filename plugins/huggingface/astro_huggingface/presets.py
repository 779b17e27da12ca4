r"""Presets of well-known problem sets: their names on the hub, and the meaning of their columns.

The reference of MATH and NuminaMath is the last `\boxed{}` of a solution, that of GSM8K follows
`####`. The metadata keys `level` and `subject` are the same in every set that has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Preset = Mapping[str, Any]

_SOLVED = {"prompt": "problem", "answer": "solution"}
_ANSWERED = {"prompt": "problem", "answer": "answer"}


def _numina(*sources: str) -> Preset:
    return {
        "dataset": "AI-MO/NuminaMath-CoT",
        "fields": {**_SOLVED, "metadata": {"source": "source"}},
        "answer_in": "boxed",
        "drop_unanswered": True,
        "where": {"source": list(sources)},
    }


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "math": {
            "dataset": "DigitalLearningGmbH/MATH-lighteval",
            "fields": {**_SOLVED, "metadata": {"level": "level", "subject": "type"}},
            "answer_in": "boxed",
        },
        "math500": {
            "dataset": "HuggingFaceH4/MATH-500",
            "train": None,
            "fields": {
                **_ANSWERED,
                "id": "unique_id",
                "metadata": {"level": "level", "subject": "subject"},
            },
        },
        "amc23": {
            "dataset": "math-ai/amc23",
            "train": None,
            "fields": {"prompt": "question", "metadata": {}},
        },
        "aime24": {
            "dataset": "HuggingFaceH4/aime_2024",
            "train": None,
            "test": "train",
            "fields": {**_ANSWERED, "metadata": {}},
        },
        "aime25": {
            "dataset": "math-ai/aime25",
            "train": None,
            "fields": {**_ANSWERED, "metadata": {}},
        },
        "gsm8k": {
            "dataset": "openai/gsm8k",
            "config": "main",
            "fields": {"prompt": "question", "metadata": {}},
            "answer_in": "hashes",
        },
        "numina_amc_aime": _numina("amc_aime"),
        "numina_aops": _numina("aops_forum"),
        "numina_olympiads": _numina("olympiads"),
        "numina_math": _numina("math"),
        "numina_contests": _numina("amc_aime", "aops_forum"),
    }
)

"""Reads OpenRLHF's log: the metrics of each step, and the reason of a failure."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from astro.text import without_unsafe

_PROCESS = re.compile(r"^(?:\((?:[\w.:]+ )?pid=\d+(?:, ip=[\w.:]+)?\)\s?|\[rank\d+\]: )")
_STEP = re.compile(
    r"^INFO \d\d-\d\d \d\d:\d\d:\d\d ppo_trainer(?:_async)?\.py:\d+\] \S+ "
    r"Global step (\d{1,9}): (\{.*\})$"
)
_BATCH = re.compile(r"^Train step of epoch \d+: .*?\s(\d+)/\d+ \[.*?, (\w+=[^\]]*)\]\s*$")
_FIGURE = re.compile(r"(\w+)=([-+.\deE]+)")
_NOT_FINITE = re.compile(r"(?<=: )-?(?:nan|inf)\b")
_COLOR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt)\b(?::|$)")
_WORDS = 400

NAMES: Mapping[str, str] = {
    "rollout/reward_mean": "reward",
    "rollout/response_length_mean": "response_length",
    "rollout/truncated_rate": "truncated",
    "backtracks": "backtracks",
    "backtrack_share": "backtrack_share",
    "policy_loss": "loss",
    "actor_lr": "learning_rate",
    "actor_grad_norm": "grad_norm",
    "ppo_clip_ratio": "clip_fraction",
    "ppo_kl": "kl",
    "kl": "kl_reference",
    "entropy_loss": "entropy",
    "critic_loss": "critic/loss",
    "critic_lr": "critic/learning_rate",
    "critic_grad_norm": "critic/grad_norm",
    "timing/generation": "seconds/rollout",
    "timing/ppo_train": "seconds/train",
    "timing/make_experience": "seconds/experience",
    "timing/broadcast": "seconds/broadcast",
    "gpt_loss": "loss",
    "lr": "learning_rate",
}
"""OpenRLHF's name of a metric -> that of `grpo`, `ppo` or `transformers`.

Other metrics are named `openrlhf/<name>`.
"""


class LoggedStep(NamedTuple):
    """The number of a step, from 1, and its metrics by OpenRLHF's names."""

    number: int
    figures: Mapping[str, float]


def parse_step(line: str) -> LoggedStep | None:
    """Return the step of RL that a line of the log reports; None if it is no report.

    The log also contains text of responses, which is untrusted. So the whole line has to match, and
    metrics are parsed as literals.
    """
    found = _STEP.match(bare(line))
    if not found:
        return None
    try:
        figures = ast.literal_eval(_NOT_FINITE.sub("None", found[2]))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return LoggedStep(int(found[1]), _finite(figures)) if isinstance(figures, dict) else None


def parse_batch(line: str) -> LoggedStep | None:
    """Return the micro-batches of fine-tuning so far and the last metrics, from a progress bar."""
    found = _BATCH.match(bare(line))
    if not found:
        return None
    return LoggedStep(
        int(found[1]), {name: float(value) for name, value in _FIGURE.findall(found[2])}
    )


def metrics(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of a step of RL by the names that `grpo` uses."""
    named = dict(figures)
    samples = named.pop("rollout/num_samples", 0.0)
    right = named.pop("correct_after_backtrack", 0.0)
    total = named.pop("timing/step_total", 0.0)
    for double in ("reward", "score", "response_length", "truncated"):
        named.pop(double, None)
    found = {_name(name): value for name, value in named.items()}
    if "reward" in found:
        found["pass_rate"] = found["reward"]
    if share := found.get("backtrack_share"):
        found["success_after_backtrack"] = right / share
    if total:
        found["tokens/s"] = samples * found.get("response_length", 0.0) / total
    return found


def last_error(log: str) -> str:
    """Return the last exception in a log, or its last line if there is none."""
    lines = [text for line in log.splitlines() if (text := bare(line).strip())]
    raised = [line for line in lines if _RAISED.match(line)]
    return (raised or lines or ["no output"])[-1][:_WORDS]


def bare(line: str) -> str:
    """Return a line without colors, control characters, and the prefix of Ray or torch."""
    return _PROCESS.sub("", without_unsafe(_COLOR.sub("", line)))


def _name(name: str) -> str:
    return name if name.startswith("verdict/") else NAMES.get(name, f"openrlhf/{name}")


def _finite(figures: Mapping[Any, Any]) -> dict[str, float]:
    return {
        str(name): float(value)
        for name, value in figures.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }

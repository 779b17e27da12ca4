"""Metrics of the responses of one step."""

from __future__ import annotations

from statistics import fmean

from astro.interfaces import StepFormat
from astro.types import FinishReason, Status
from astro_torch_rl.rollouts import Rollouts


def rollout_metrics(rollouts: Rollouts, step_format: StepFormat) -> dict[str, float]:
    """Return means over all sampled responses, including those of groups without a signal.

    `success_after_backtrack` is left out where no response has a backtrack. Lengths are in tokens;
    `solved` is the share of problems with a correct response.
    """
    groups = rollouts.groups
    samples = [sample for group in groups for sample in group.samples]
    backtracks = [step_format.backtracks(sample.text) for sample in samples]
    after = [s.verdict.correct for s, count in zip(samples, backtracks, strict=True) if count]
    metrics = {
        "reward": fmean(s.verdict.reward for s in samples),
        "pass_rate": fmean(group.pass_rate for group in groups),
        "solved": fmean(group.pass_rate > 0 for group in groups),
        "response_length": fmean(len(s.token_ids) for s in samples),
        "truncated": fmean(s.finish_reason is FinishReason.LENGTH for s in samples),
        "backtracks": fmean(backtracks),
        "backtrack_share": fmean(count > 0 for count in backtracks),
        "groups": len(groups),
        "groups_dropped": sum(not group.has_signal for group in groups),
        "groups_failed": len(rollouts.failures),
    }
    if after:
        metrics["success_after_backtrack"] = fmean(after)
    for status in Status:
        metrics[f"verdict/{status}"] = fmean(s.verdict.status is status for s in samples)
    return metrics

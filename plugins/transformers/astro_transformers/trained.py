"""The result of a fine-tuning, as it stands on the disk."""

from __future__ import annotations

import json

from astro.interfaces import SFTJob, TrainResult

METRICS = "metrics.json"
"""The file of a trained model's folder that holds the metrics of its training."""


def finished(job: SFTJob) -> TrainResult | None:
    """Return the result of a training that has ended; None if it has not."""
    model = job.run_dir / "model"
    if not model.exists():
        return None
    return TrainResult(model, json.loads((model / METRICS).read_text()))

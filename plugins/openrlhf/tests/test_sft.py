"""From the progress bar of OpenRLHF's fine-tuning to rows, and its command line."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from astro_hf.metric_log import MetricLog
from astro_openrlhf.sft import Recorder

BAR = "Train step of epoch 0:  25%|██▌  | {}/8 [00:01<00:03, 3.1it/s, gpt_loss={}, lr=1e-5]"


def record(folder: Path, bars: list[tuple[int, float]], done: int) -> list[tuple[int, int, Any]]:
    steps: list[tuple[int, int, Any]] = []
    with closing(MetricLog(folder)) as logs:
        recorder = Recorder(
            logs, lambda *step: steps.append(step), micro_batches=2, done=done, steps=4
        )
        for number, loss in bars:
            recorder(BAR.format(number, loss))
        recorder.flush()
        recorder.flush()
    return steps


def test_a_step_has_the_figures_of_its_last_micro_batch(tmp_path: Path) -> None:
    bars = [(1, 9.0), (2, 9.0), (2, 4.0), (2, 3.5), (3, 3.5), (4, 3.5), (4, 3.0)]
    expected = [(1, 4, 3.5), (2, 4, 3.0)]
    found = [(step, total, figures["loss"]) for step, total, figures in record(tmp_path, bars, 0)]
    assert found == expected


def test_the_bar_begins_anew_when_a_training_goes_on(tmp_path: Path) -> None:
    record(tmp_path, [(2, 4.0), (4, 3.0), (6, 2.0)], 0)
    record(tmp_path, [(2, 1.0)], 1)
    rows = [(row["step"], row["loss"]) for row in MetricLog(tmp_path).rows]
    assert rows == [(1, 4.0), (2, 1.0)]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"gpus_per_node": 2}, ["--num_gpus", "2"]),
        ({"nodes": 2, "hostfile": "h"}, ["--num_gpus", "1", "--hostfile", "h"]),
    ],
)
def test_where_deepspeed_trains(build: Any, params: dict[str, Any], words: list[str]) -> None:
    assert build("sft", "openrlhf_sft", params)._machines() == words

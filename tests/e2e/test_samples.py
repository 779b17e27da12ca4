"""From tree to trainer with the embedded model: every step is trained in the sampled tokens."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from astro.data.prompts import PromptEncoder
from astro.data.samples import SampleBuilder, read_samples
from astro.files import read_json, read_lines
from astro.plugins.models import checkpoint
from astro.types import SearchTree, SegmentKind
from tests.e2e.test_chain import CHAIN
from tests.e2e.test_kill import finish

Launch = Callable[..., "subprocess.Popen[str]"]
pytestmark = pytest.mark.timeout(300)

SMALL: dict[str, Any] = {
    **CHAIN,
    "problems": {"name": "countdown", "params": {"train": 16, "test": 4}},
    "sft": {"name": "transformers", "params": {"epochs": 1, "threads": 1}},
}


def test_every_step_is_trained_in_the_tokens_of_its_tree(launch: Launch, tmp_path: Path) -> None:
    finish(launch(tmp_path, "--until", "sft", config=SMALL))
    run = tmp_path / "chain"
    trees = {tree.problem.id: tree for tree in read_lines(run / "trees.jsonl", SearchTree)}
    tokenizer = AutoTokenizer.from_pretrained(checkpoint("tiny-countdown"))
    builder = SampleBuilder(PromptEncoder(tokenizer))
    compared = 0
    for file in ("traces.jsonl", "control_traces.jsonl"):
        rows = [json.loads(line) for line in (run / file).read_text().splitlines()]
        samples = read_samples(run / file, builder)
        for row, sample in zip(rows, samples, strict=True):
            assert sample.inexact is None
            for span in sample.nodes:
                if span.kind is SegmentKind.STEP:
                    step = trees[row["problem"]].nodes[span.node].step
                    trained = sample.response_ids[span.start : span.stop]
                    ended = step.token_ids[-1:] == (builder.end,)
                    assert step.token_ids and trained == step.token_ids[: -1 if ended else None]
                    compared += 1
    assert compared > 40
    for arm in ("sft", "direct_sft"):
        metrics = read_json(run / arm / "metrics.json", dict[str, float])
        assert metrics["sampled_step_segments"] == 1 and metrics["unknown_step_segments"] == 0
        assert not any(count for name, count in metrics.items() if name.startswith("inexact/"))

"""The whole chain with the embedded model, killed in every stage."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.e2e.test_kill import finish, kill_when, rows

Launch = Callable[..., "subprocess.Popen[str]"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHAIN: dict[str, Any] = {
    "name": "chain",
    "seed": 1,
    "problems": {"name": "countdown", "params": {"train": 40, "test": 20}},
    "step_format": {"name": "countdown"},
    "policy": {"name": "transformers", "params": {"model": "tiny-countdown", "threads": 1}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"expand": 6, "iterations": 12, "step_tokens": 16}},
    "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 32}},
    "linearizer": {"name": "backtrack", "params": {"max_backtracks": 3, "traces_per_tree": 2}},
    "control": {"name": "direct"},
    "sft": {
        "name": "transformers",
        "params": {"epochs": 8, "batch_size": 4, "save_steps": 10, "threads": 1},
    },
    "rl": {
        "name": "grpo",
        "params": {
            "group_size": 4,
            "prompts_per_step": 4,
            "steps": 6,
            "save_every": 2,
            "max_tokens": 64,
            "filter_prompts": 20,
            "filter_samples": 4,
            "max_pass_rate": 1.0,
            "min_pass_rate": 0.0,
            "threads": 1,
        },
    },
    "evaluate": {"samples": 4, "max_tokens": 64},
}


def essence(trees: Path) -> list[list[tuple[Any, ...]]]:
    """Of each node: its parent, step, visits and answer."""
    return [
        [
            (n["parent"], n["step"]["text"], n["visit_count"], (n["verdict"] or {}).get("answer"))
            for n in json.loads(line)["nodes"]
        ]
        for line in trees.read_text().splitlines()
    ]


def logprobs(trees: Path) -> list[float]:
    return [
        node["step"]["logprob"]
        for line in trees.read_text().splitlines()
        for node in json.loads(line)["nodes"]
    ]


def test_five_kills_in_search_change_no_step_visit_or_answer(
    launch: Launch, tmp_path: Path
) -> None:
    finish(launch(tmp_path / "whole", "--until", "search", config=CHAIN))
    whole = tmp_path / "whole" / "chain"
    points = sorted(Random(2).sample(range(rows(whole / "journal.db") * 9 // 10), 5))
    killed = tmp_path / "killed" / "chain"
    for point in points:
        process = launch(tmp_path / "killed", "--until", "search", config=CHAIN)
        assert kill_when(process, killed / "journal.db", point)
    finish(launch(tmp_path / "killed", "--until", "search", config=CHAIN))
    assert essence(killed / "trees.jsonl") == essence(whole / "trees.jsonl")
    assert logprobs(killed / "trees.jsonl") == pytest.approx(
        logprobs(whole / "trees.jsonl"), abs=1e-5
    )


def test_kills_in_training_change_no_score(launch: Launch, tmp_path: Path) -> None:
    finish(launch(tmp_path / "whole", config=CHAIN))
    whole, killed = tmp_path / "whole" / "chain", tmp_path / "killed" / "chain"
    for pattern in ("sft/checkpoints/*", "direct_sft/checkpoints/*", "rl/checkpoints/*"):
        process = launch(tmp_path / "killed", config=CHAIN)
        assert kill_at(process, killed, pattern)
    finish(launch(tmp_path / "killed", config=CHAIN))
    scores = [json.loads((path / "eval" / "scores.json").read_text()) for path in (whole, killed)]
    assert scores[0] == scores[1]
    steps = [training_metrics(path / "rl" / "metrics.jsonl") for path in (whole, killed)]
    assert len(steps[0]) == 6
    assert steps[0] == steps[1]
    assert set(scores[0]["models"]) == {"base", "direct_sft", "sft", "rl"}


def kill_at(process: subprocess.Popen[str], folder: Path, pattern: str) -> bool:
    """Kill the run as soon as a checkpoint is there; False if it ended before."""
    while process.poll() is None:
        if any(folder.glob(pattern)):
            process.kill()
            process.communicate()
            return True
        time.sleep(0.005)
    return False


def training_metrics(path: Path) -> list[dict[str, float]]:
    """The metrics of every step that do not speak of time."""
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        {name: value for name, value in step.items() if "second" not in name and "/s" not in name}
        for step in steps
    ]


def test_the_checkpoints_load_with_auto_classes(launch: Launch, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    finish(launch(tmp_path, "--until", "sft", config=CHAIN))
    folder = str(tmp_path / "chain" / "sft" / "model")
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "use 3 5 8 to make 16"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    written = model.generate(**prompt, max_new_tokens=32, do_sample=False)
    response = tokenizer.decode(
        written[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True
    )
    assert response.strip()

"""The whole chain on a pretrained model, at the smallest size that trains every model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import astro
from astro.files import read_lines
from astro.requests import Generate
from astro.runs.scoring import EvaluatedProblem
from astro.testing.policies import all_replies
from astro.types import FinishReason, Prompt
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

pytestmark = [pytest.mark.pretrained, pytest.mark.timeout(2400)]

CONFIG = Path(__file__).parents[2] / "configs" / "smollm2-135m.yaml"
SMOKE = (
    *("name=smoke", "trees=8", "problems.params.train=108", "problems.params.test=8"),
    *("problems.params.most_steps=2", "format_sft.problems=100"),
    *("format_sft.params.learning_rate=8e-5", "search.params.iterations=4"),
    *("evaluate.samples=2", "evaluate.max_tokens=160", "rl.params.steps=2"),
    *("rl.params.prompts_per_step=4", "rl.params.group_size=4", "rl.params.max_tokens=128"),
)
MODELS = ("base", "direct_sft", "sft", "rl")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loaded = astro.load(CONFIG, SMOKE)
    result: Any = loaded.run(runs=tmp_path_factory.mktemp("runs"))
    return Path(result.folder)


def test_every_model_is_trained_and_scored(run: Path) -> None:
    scores = json.loads((run / "eval" / "scores.json").read_text())["models"]
    assert set(scores) == set(MODELS)
    assert (run / "report.html").exists()


def test_the_search_of_the_taught_model_solves_problems(run: Path) -> None:
    trees = list(astro.read_trees(run))
    assert len(trees) == 8
    assert sum(tree.solved for tree in trees) >= 2


def test_the_end_of_a_response_is_learned(run: Path) -> None:
    for model in MODELS:
        rows = list(read_lines(run / "eval" / f"{model}.jsonl", EvaluatedProblem))
        samples = [sample for row in rows for sample in row.samples]
        ended = [s for s in samples if s.finish_reason is not FinishReason.LENGTH]
        assert len(ended) >= 0.8 * len(samples), model


def test_steps_are_trained_on_in_the_tokens_that_were_sampled(run: Path) -> None:
    metrics = json.loads((run / "sft" / "metrics.json").read_text())
    assert metrics["sampled_step_segments"] == 1.0


@pytest.fixture(scope="module", params=["base", "sft", "rl"])
def trained(run: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, TransformersPolicy]]:
    folder = str(run / request.param / "model")
    policy = TransformersPolicy(PolicyParams(model=folder))
    yield folder, policy
    policy.close()


def test_a_saved_model_generates_the_same_in_plain_transformers(
    trained: tuple[str, TransformersPolicy], questions: list[str]
) -> None:
    folder, policy = trained
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    requests = [Generate(Prompt(q), max_tokens=32, temperature=0) for q in questions[:6]]
    for question, (completion,) in zip(questions, all_replies(policy, requests), strict=False):
        turns = [{"role": "user", "content": question}]
        given = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        found: Any = model.generate(**given, do_sample=False, max_new_tokens=32)
        expected = tuple(found[0, given["input_ids"].shape[1] :].tolist())
        assert completion.token_ids == expected
        assert completion.finish_reason in (FinishReason.EOS, FinishReason.LENGTH)

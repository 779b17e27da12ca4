"""SmolLM2-135M-Instruct, converted once, and a policy that holds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy
from astro_word_problems.problems import ProblemParams, WordProblems
from astro_word_problems.smollm2 import path


@pytest.fixture(scope="session")
def model_path() -> str:
    return str(path())


@pytest.fixture(scope="session")
def tokenizer(model_path: str) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(model_path)


@pytest.fixture(scope="session")
def reference(model_path: str) -> PreTrainedModel:
    """The model as plain transformers loads it."""
    return AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def policy(model_path: str) -> Iterator[TransformersPolicy]:
    policy = TransformersPolicy(PolicyParams(model=model_path))
    yield policy
    policy.close()


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """A hundred word problems, whose prompts have many lengths."""
    params = ProblemParams(fewest_steps=1, most_steps=6, test=100)
    return [problem.prompt for problem in WordProblems(params).load("test")]

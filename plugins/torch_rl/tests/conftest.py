"""A toy that RL can learn: the prompt names a number, and the response is to answer with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from astro.builtin import scripted
from astro.builtin.exact import ExactVerifier
from astro.builtin.lines import LinesFormat, LinesParams
from astro.interfaces import Backend, Metrics, RLJob, TrainResult
from astro.plugins.binding import Binding, VerifierBinding
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro_torch_rl.advantage import Advantage
from astro_torch_rl.grpo import GroupAdvantage
from astro_torch_rl.params import GrpoParams, PpoParams
from astro_torch_rl.ppo import CriticAdvantage
from astro_torch_rl.rollouts import Sampler
from astro_torch_rl.trainer import Trainer, build_policy

NAMES = ("one", "two", "three", "four")
ANSWERS = tuple(f"answer is {number}\n" for number in range(1, 5))
PROBLEMS = [Problem(n, f"say {n}", str(i)) for i, n in enumerate(NAMES, start=1)]
VOCABULARY = ("<pad>", "<eos>", "say", *NAMES, *ANSWERS)

ADVANTAGES: dict[type, Callable[[Any], Advantage]] = {
    GrpoParams: GroupAdvantage,
    PpoParams: CriticAdvantage,
}

FORMAT = LinesFormat(
    LinesParams(backtracks=("answer is 4 {step}",), root_backtracks=("answer is 4",))
)
"""`answer is 4` counts as a backtrack, so that there are some."""


@dataclass
class Toy:
    """A random model in a folder, problems, and the steps that were reported."""

    model: Path
    problems: Sequence[Problem] = tuple(PROBLEMS)
    reported: list[tuple[int, int, float]] = field(default_factory=list)

    def train(self, run_dir: Path, *, seed: int = 0, **params: Any) -> TrainResult:
        return self.trainer(**params).train(self.job(run_dir, seed=seed), self.on_step)

    def job(self, run_dir: Path, **changes: Any) -> RLJob:
        job = RLJob(
            self.problems,
            model=str(self.model),
            policy=Binding(name="transformers", params={"device": "cpu"}),
            reward=VerifierBinding(name="exact", timeout=10.0),
            run_dir=run_dir,
            seed=0,
        )
        return replace(job, **changes)

    def trainer(
        self,
        build_policy: Callable[[Binding], Backend] = build_policy,
        kind: type[GrpoParams] | type[PpoParams] = GrpoParams,
        **params: Any,
    ) -> Trainer:
        defaults = {
            "steps": 6,
            "prompts_per_step": 4,
            "group_size": 16,
            "max_tokens": 2,
            "filter_samples": 0,
            "learning_rate": 1e-2,
            "device": "cpu",
            "save_every": 2,
        }
        values = kind(**{**defaults, **params})
        advantage = ADVANTAGES[kind](values)
        return Trainer(values, advantage, step_format=FORMAT, build_policy=build_policy)

    def on_step(self, done: int, total: int, metrics: Metrics) -> None:
        self.reported.append((done, total, metrics["reward"]))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def toy(tiny_model: Path) -> Toy:
    return Toy(tiny_model)


def save_tiny_model(folder: Path) -> Path:
    """A random Llama of 2 layers over eleven words, some of which hold whole answers."""
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<pad>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class InlineVerifier:
    """A verifier pool without processes. Responses that hold a key of `faults` get that status."""

    def __init__(self, faults: Mapping[str, Status] | None = None) -> None:
        self._faults = faults or {}
        self._done: list[tuple[int, Verdict]] = []

    def add(self, ticket: int, request: Verify) -> None:
        for words, status in self._faults.items():
            if words in request.response:
                self._done.append((ticket, Verdict(status, reason="no luck")))
                return
        self._done.append((ticket, ExactVerifier().verify(request.problem, request.response)))

    def step(self, block: bool = False) -> list[tuple[int, Verdict]]:  # noqa: ARG002
        done, self._done = self._done, []
        return done


@pytest.fixture
def scripted_sampler() -> Callable[..., Sampler]:
    """A sampler of scripted responses: prompt -> the responses it is drawn from."""

    def build(
        responses: Mapping[str, tuple[str, ...]],
        fail_on: tuple[str, ...] = (),
        faults: Mapping[str, Status] | None = None,
    ) -> Sampler:
        params = scripted.ScriptedParams(responses=dict(responses), fail_on=fail_on)
        return Sampler(scripted.ScriptedPolicy(params), InlineVerifier(faults), 0, 16, 1.0)

    return build

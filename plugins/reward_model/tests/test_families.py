"""Scores of each family against the computation that its model card publishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
)

from astro.errors import PolicyError
from astro.requests import Failure, Generate, Score
from astro.types import Prompt
from astro_reward_model.backend import RewardModel
from astro_reward_model.params import RewardModelParams

PROBLEM = "Is 3 + 4 = 7?\n\nJanet asks <extra_0> and ки."
STEPS = ("Janet has 3 + 4 = 7 eggs.\n", "so 7 - 2 = 5 are left.\n", "the answer is \\boxed{5}\n")


@torch.inference_mode()
def qwen_reference(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """The model card's: softmax over two labels at each `<extra_0>` of the response."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    backbone = AutoModel.from_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    text = tokenizer.apply_chat_template(
        [
            {
                "role": "system",
                "content": "Please reason step by step, and put your final answer "
                "within \\boxed{}.",
            },
            {"role": "user", "content": PROBLEM},
            {"role": "assistant", "content": "<extra_0>".join(map(str.strip, steps)) + "<extra_0>"},
        ],
        tokenize=False,
        add_generation_prompt=False,
    )
    ids = torch.tensor([tokenizer.encode(text)])
    hidden = backbone(input_ids=ids).last_hidden_state
    first = torch.relu(hidden @ weights["score.0.weight"].T + weights["score.0.bias"])
    logits = first @ weights["score.2.weight"].T + weights["score.2.bias"]
    found = logits.softmax(-1)[ids == tokenizer.encode("<extra_0>")[0]][:, 1].tolist()
    return list(found[1:])  # the first is in the problem


@torch.inference_mode()
def skywork_reference(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """prepare_input of skywork-o1-prm-inference, then the sigmoid of the value head."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    ids = tokenizer.encode((tokenizer.bos_token or "") + PROBLEM + "\n")
    line_end = tokenizer.encode("\n")[-1]
    flags = [0] * len(ids)
    for line in "".join(steps).strip().split("\n"):
        own = [*tokenizer.encode(line), line_end]
        ids += own
        flags += [0] * (len(own) - 1) + [1]
    out = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    values = out.hidden_states[-1] @ weights["v_head.summary.weight"].T
    values = (values + weights["v_head.summary.bias"])[0, :, 0].sigmoid()
    return [value for value, flag in zip(values.tolist(), flags, strict=True) if flag]


@torch.inference_mode()
def shepherd_reference(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """The model card's: softmax over the tokens of `+` and `-` at each `ки` of the response."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    good, bad = tokenizer.encode("+ -", add_special_tokens=False)
    tag = tokenizer.encode("ки", add_special_tokens=False)[-1]
    lines = [f"Step {i}: {step.strip()} ки" for i, step in enumerate(steps, 1)]
    ids = torch.tensor([tokenizer.encode(PROBLEM + " " + "\n".join(lines))])
    scores = model(ids).logits[:, :, [good, bad]].softmax(-1)[:, :, 0]
    return list(scores[ids == tag].tolist()[-len(steps) :])


@torch.inference_mode()
def rlhflow_reference(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """RLHFlow's math-rm/prm_evaluate.py: one forward pass per step, read where `+` is predicted."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    marks = [tokenizer.encode("+")[-1], tokenizer.encode("-")[-1]]
    turns: list[dict[str, str]] = []
    scores = []
    for number, step in enumerate(map(str.strip, steps)):
        turns += [
            {"role": "user", "content": step if number else f"{PROBLEM} {step}"},
            {"role": "assistant", "content": "+"},
        ]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        ids = tokenizer.encode(text)
        behind = len(tokenizer.encode("<|im_end|>\n"))
        logits = model(torch.tensor([ids])).logits[0, -behind - 2, marks]
        scores.append(logits.softmax(-1)[0].item())
    return scores


@torch.inference_mode()
def tokens_reference(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """TRL's PRMTrainer: each step is tokenized by itself and ends with the separator."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    ids = tokenizer.encode(PROBLEM)
    ends = []
    for step in map(str.strip, steps):
        ids += tokenizer.encode(step) + tokenizer.encode("\n")
        ends.append(len(ids) - 1)
    labels = model(torch.tensor([ids])).logits[0].softmax(-1)
    return [labels[end, 1].item() for end in ends]


@torch.inference_mode()
def outcome_reference(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """The one logit of a sequence classifier on the dialogue, as a probability."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    turns = [
        {"role": "user", "content": PROBLEM},
        {"role": "assistant", "content": "".join(steps).strip()},
    ]
    ids = tokenizer.encode(tokenizer.apply_chat_template(turns, tokenize=False))
    return [model(torch.tensor([ids])).logits[0, 0].sigmoid().item()]


REFERENCES: dict[str, Callable[[Path, tuple[str, ...]], list[float]]] = {
    "qwen_prm": qwen_reference,
    "skywork_prm": skywork_reference,
    "math_shepherd": shepherd_reference,
    "rlhflow_prm": rlhflow_reference,
    "token_classification": tokens_reference,
    "sequence_classification": outcome_reference,
}
NAMED = ("math_shepherd", "rlhflow_prm")
"""Families that no checkpoint names."""


def scores(backend: RewardModel, *responses: tuple[str, ...]) -> list[Any]:
    for ticket, steps in enumerate(responses):
        backend.add(ticket, Score(Prompt(PROBLEM), steps))
    return [reply for _, reply in sorted(backend.step())]


def build(checkpoints: dict[str, Path], family: str, **params: Any) -> RewardModel:
    given = {"family": family} if family in NAMED else {}
    return RewardModel(
        RewardModelParams(model=str(checkpoints[family]), device="cpu", **given, **params)
    )


@pytest.mark.parametrize("family", REFERENCES)
def test_scores_are_those_of_the_published_recipe(
    checkpoints: dict[str, Path], family: str
) -> None:
    """In one batch with padding, and with steps that responses share."""
    responses = (STEPS, STEPS[:1], (STEPS[0], "so 7 - 2 = 4\n"), ("5\n",))
    found = scores(build(checkpoints, family), *responses)
    for steps, reply in zip(responses, found, strict=True):
        expected = REFERENCES[family](checkpoints[family], steps)
        assert reply == pytest.approx(expected, abs=1e-4)
    assert len({round(reply[-1], 4) for reply in found}) > 1, "the scores tell nothing apart"


@pytest.mark.parametrize("family", REFERENCES)
def test_small_batches_change_no_score(checkpoints: dict[str, Path], family: str) -> None:
    whole = scores(build(checkpoints, family), STEPS, STEPS[:2], ("5\n",))
    apart = scores(build(checkpoints, family, batch_tokens=1), STEPS, STEPS[:2], ("5\n",))
    assert [pytest.approx(reply, abs=1e-5) for reply in whole] == apart


def test_a_shared_beginning_is_computed_once(checkpoints: dict[str, Path]) -> None:
    backend = build(checkpoints, "skywork_prm")
    first = scores(backend, STEPS[:1], STEPS[:2], STEPS)
    assert backend.counters()["cached_prompt_tokens"] > 0
    computed = backend.counters()["prompt_tokens"] - backend.counters()["cached_prompt_tokens"]
    assert scores(backend, STEPS[:1], STEPS[:2], STEPS) == first
    counters = backend.counters()
    assert counters["prompt_tokens"] - counters["cached_prompt_tokens"] == computed
    assert [len(reply) for reply in first] == [1, 2, 3]
    assert first[2][:2] == first[1]


def test_what_cannot_be_scored_fails_alone(checkpoints: dict[str, Path]) -> None:
    backend = build(checkpoints, "qwen_prm", max_length=100)
    good, long, blank, none = scores(backend, ("5\n",), STEPS * 5, ("5\n", " \n"), ())
    assert len(good) == 1
    assert isinstance(long, Failure)
    assert "more than the reward model's 100" in long.reason
    assert "Janet has 3" in long.reason
    for failure in (blank, none):
        assert isinstance(failure, Failure)
        assert "blank step" in failure.reason
    backend.add(0, Generate(Prompt("q")))  # type: ignore[arg-type]
    ((_, reply),) = backend.step()
    assert reply == Failure("a reward model does not answer Generate")


def test_a_model_of_no_known_family_is_refused(checkpoints: dict[str, Path]) -> None:
    params = RewardModelParams(model=str(checkpoints["rlhflow_prm"]))
    with pytest.raises(PolicyError, match="set family: math_shepherd or rlhflow_prm"):
        RewardModel(params)


def test_a_checkpoint_without_the_head_is_refused(checkpoints: dict[str, Path]) -> None:
    params = RewardModelParams(model=str(checkpoints["rlhflow_prm"]), family="qwen_prm")
    with pytest.raises(PolicyError, match=r"lacks the weights score\.0\.weight"):
        RewardModel(params)

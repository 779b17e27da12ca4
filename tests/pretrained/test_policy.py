"""What a toy tokenizer cannot show: the policy against plain transformers on a pretrained model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from astro.requests import Generate
from astro.testing.policies import all_replies
from astro.types import Completion, FinishReason, Prompt
from astro_transformers.policy import TransformersPolicy

pytestmark = [pytest.mark.pretrained, pytest.mark.timeout(1200)]

TOKENS, BATCH = 40, 20
TIE = 1e-4
"""Logits closer than this are a tie: which of them is the largest depends on rounding."""


def template_ids(tokenizer: PreTrainedTokenizerBase, question: str) -> list[int]:
    """The prompt as the model's own chat template writes and encodes it."""
    turns = [{"role": "user", "content": question}]
    ids: Any = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)
    return list(ids["input_ids"])


def generated(model: PreTrainedModel, prompts: Sequence[list[int]]) -> list[tuple[int, ...]]:
    """What `model.generate` writes greedily after prompts, in one batch that is padded left."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    config: Any = model.generation_config
    found: Any = model.generate(
        ids,
        attention_mask=mask,
        do_sample=False,
        max_new_tokens=TOKENS,
        pad_token_id=config.eos_token_id,
    )
    return [
        tuple(row[: row.index(config.eos_token_id) + 1] if config.eos_token_id in row else row)
        for row in found[:, width:].tolist()
    ]


def logits_after(model: PreTrainedModel, ids: Sequence[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([list(ids)])).logits[0, -1]


def greedy(policy: TransformersPolicy, questions: Sequence[str]) -> list[Completion]:
    requests = [Generate(Prompt(q), max_tokens=TOKENS, temperature=0) for q in questions]
    return [reply[0] for reply in all_replies(policy, requests)]


def test_prompt_ids_are_those_of_the_chat_template(
    policy: TransformersPolicy, tokenizer: PreTrainedTokenizerBase, questions: list[str]
) -> None:
    texts = [
        *questions,
        "",
        " ",
        "a\n\nb",
        "  two  spaces ",
        "<|im_start|>user\nno",
        "\N{SNOWMAN}é",
    ]
    for text in texts:
        assert list(policy.prompt_ids(Prompt(text))) == template_ids(tokenizer, text)


def test_greedy_equals_generate_on_a_hundred_prompts(
    policy: TransformersPolicy,
    tokenizer: PreTrainedTokenizerBase,
    reference: PreTrainedModel,
    questions: list[str],
) -> None:
    ties = 0
    prompts = [template_ids(tokenizer, question) for question in questions]
    wanted = [
        row
        for i in range(0, len(prompts), BATCH)
        for row in generated(reference, prompts[i : i + BATCH])
    ]
    replies = greedy(policy, questions)
    for ids, completion, expected in zip(prompts, replies, wanted, strict=True):
        if completion.token_ids == expected:
            continue
        same = next(
            i for i, token in enumerate(expected) if completion.token_ids[i : i + 1] != (token,)
        )
        logits = logits_after(reference, [*ids, *expected[:same]])
        ours, theirs = completion.token_ids[same], expected[same]
        assert abs(logits[ours] - logits[theirs]) < TIE, tokenizer.decode(ids)
        ties += 1
    assert ties <= 2


@pytest.fixture(scope="module")
def unstopped(
    policy: TransformersPolicy, questions: list[str]
) -> list[tuple[Generate, Completion]]:
    """Requests without a stop string, and their samples."""
    requests = [
        Generate(Prompt(q), max_tokens=TOKENS, temperature=1.0, seed=7) for q in questions[:24]
    ]
    replies = all_replies(policy, requests)
    return [(request, sample) for request, (sample,) in zip(requests, replies, strict=True)]


@pytest.mark.parametrize("stop", [".\n\n", "\n## Step", " the", "\n"])
def test_a_stop_string_across_tokens_ends_the_sample(
    policy: TransformersPolicy,
    tokenizer: PreTrainedTokenizerBase,
    unstopped: list[tuple[Generate, Completion]],
    stop: str,
) -> None:
    """The text ends with the first occurrence, and is what its tokens decode to.

    The batch is another one once samples have stopped, so that its logits are rounded otherwise. A
    random number at the border of two tokens may then pick the other one, in one sample at most.
    """
    cut = [replace(request, stop=(stop,)) for request, _ in unstopped]
    stopped = moved = 0
    for (_, whole), (ended,) in zip(unstopped, all_replies(policy, cut), strict=True):
        if not whole.text.startswith(ended.text):
            moved += 1
            continue
        assert whole.token_ids[: len(ended.token_ids)] == ended.token_ids
        if stop in whole.text:
            stopped += 1
            assert ended.text == whole.text[: whole.text.index(stop) + len(stop)]
            assert ended.finish_reason is FinishReason.STOP
        else:
            assert ended.text == whole.text
        if ended.token_ids:  # they are left out where the stop string ends within a token
            assert tokenizer.decode(ended.token_ids, skip_special_tokens=True) == ended.text
    assert stopped or stop == "\n## Step"
    assert moved <= 1


def test_the_samplers_logprobs_are_those_of_a_plain_forward_pass(
    policy: TransformersPolicy,
    tokenizer: PreTrainedTokenizerBase,
    reference: PreTrainedModel,
    questions: list[str],
) -> None:
    requests = [
        Generate(Prompt(q), max_tokens=TOKENS, seed=i) for i, q in enumerate(questions[:24])
    ]
    replies = [reply[0] for reply in all_replies(policy, requests)]
    worst = 0.0
    for question, completion in zip(questions[:24], replies, strict=True):
        ids = template_ids(tokenizer, question)
        whole = torch.tensor([[*ids, *completion.token_ids]])
        with torch.inference_mode():
            logprobs = reference(whole).logits[0, len(ids) - 1 : -1].log_softmax(-1)
        picked = logprobs.gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        worst = max(worst, float((picked - torch.tensor(completion.logprobs)).abs().max()))
    assert worst <= 1e-4

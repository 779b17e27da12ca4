"""Scores of a model on countdown problems, at temperature 1 or greedy."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from astro_countdown.game import Numbers, answer_line, prompt, read_step


@dataclass(frozen=True)
class Score:
    """Shares in [0, 1].

    Attributes:
        right: Share of responses that are correct.
        clean: Share of responses in which all steps are legal.
        legal_steps: Share of steps that are legal.
    """

    right: float
    clean: float
    legal_steps: float


def respond(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    problems: Sequence[tuple[Numbers, int]],
    samples: int,
    greedy: bool,
) -> list[str]:
    """Return `samples` responses per problem, where those of one problem are adjacent."""
    prompts = [prompt(*problem) + "\n" for problem in problems]
    inputs = tokenizer(prompts, padding=True, padding_side="left", return_tensors="pt")
    inputs = inputs.to(model.device)
    sampling = {} if greedy else {"top_k": 0, "temperature": 1.0}
    with torch.inference_mode():
        output = model.generate(
            **inputs,
            do_sample=not greedy,
            num_return_sequences=samples,
            max_new_tokens=48,
            **sampling,
        )
    return tokenizer.batch_decode(
        output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )


def judge(numbers: Numbers, target: int, response: str) -> tuple[bool, int, int]:
    """Return whether a walk is correct, its number of legal steps, and its number of steps."""
    *steps, end = response.splitlines(keepends=True) or [""]
    legal = 0
    for line in steps:
        after = read_step(numbers, line)
        if after is None:
            break
        numbers, legal = after, legal + 1
    right = legal == len(steps) and numbers == (target,) and end == answer_line(target)
    return right, legal, len(steps)


def score(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    problems: Sequence[tuple[Numbers, int]],
    samples: int = 8,
    greedy: bool = False,
) -> Score:
    """Return the scores over all samples of all problems."""
    responses = respond(model, tokenizer, problems, samples, greedy)
    judged = [judge(*problems[i // samples], response) for i, response in enumerate(responses)]
    steps = sum(total for _, _, total in judged)
    return Score(
        right=sum(right for right, _, _ in judged) / len(judged),
        clean=sum(legal == total for _, legal, total in judged) / len(judged),
        legal_steps=sum(legal for _, legal, _ in judged) / max(steps, 1),
    )

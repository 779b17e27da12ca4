"""Pages of attempts at countdown problems, on which the tiny model is pretrained.

A page contains many short documents, each with one walk. Several successive documents attempt the
same problem, and some start from a list that an earlier one reached, so the model learns to look up
lists in its context and to check how a walk ended. Most walks are random: the model learns the
rules, but little about which moves are good.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from astro_countdown.game import (
    CAP,
    Difficulty,
    Numbers,
    answer_line,
    apply,
    back_line,
    legal_moves,
    prompt,
    split_of,
    step_line,
    wait_line,
    walks,
)

IGNORED = -100
"""The label of tokens that are not loss tokens."""


@dataclass(frozen=True)
class PageRecipe:
    """How pages are made."""

    difficulty: Difficulty = field(default_factory=Difficulty)
    drill_share: float = 0.3
    """Share of problems with two numbers from the whole range, for practice of arithmetic."""
    hit_share: float = 0.35
    """Share of walks whose moves keep the target reachable; the others are uniformly random."""
    max_attempts: int = 8
    root_share: float = 0.5
    """Share of later attempts that start from the problem's own list."""
    back_share: float = 0.75
    """Share of later attempts that start with `back to LIST` instead of a prompt."""
    length: int = 256
    """Tokens per page."""
    seed: int = 1
    processes: int = 1
    """Number of processes; each generates its share of the pages from its own seed."""


def random_walk(
    numbers: Numbers, target: int, hit: bool, rng: random.Random
) -> tuple[list[str], list[Numbers]]:
    """Return the lines of one walk and its lists; with `hit`, moves keep the target reachable."""
    lines, lists = [], [numbers]
    while len(numbers) > 1:
        options = [(move, apply(numbers, move)) for move in legal_moves(numbers)]
        reaching = [option for option in options if target in walks(option[1])]
        move, numbers = rng.choice(reaching if hit and reaching else options)
        lines.append(step_line(move, numbers))
        lists.append(numbers)
    value = numbers[0]
    lines.append(answer_line(target) if value == target else wait_line(value, target))
    return lines, lists


def draw_problem(recipe: PageRecipe, rng: random.Random) -> tuple[Numbers, int]:
    """Draw a solvable problem of the train split."""
    span = recipe.difficulty
    while True:
        if rng.random() < recipe.drill_share:
            numbers = tuple(sorted(rng.choices(range(1, CAP + 1), k=2)))
        else:
            numbers = tuple(sorted(rng.choices(range(span.low, span.high + 1), k=span.count)))
        target = rng.choice(list(walks(numbers)))
        if split_of(numbers, target) == "train":
            return numbers, target


def attempts(recipe: PageRecipe, eos: str, rng: random.Random) -> str:
    """Generate several different walks for one problem, one document each, up to a success."""
    numbers, target = draw_problem(recipe, rng)
    starts, seen, text = [numbers], set[str](), ""
    for _ in range(rng.randint(1, recipe.max_attempts)):
        start = numbers if rng.random() < recipe.root_share else rng.choice(starts)
        lines, lists = random_walk(start, target, rng.random() < recipe.hit_share, rng)
        walk = "".join(lines)
        if walk in seen:
            continue
        seen.add(walk)
        starts += [item for item in lists[1:] if len(item) > 1]
        restart = bool(text) and rng.random() < recipe.back_share
        text += (back_line(start) if restart else f"{prompt(start, target)}\n") + walk + eos
        if lists[-1][0] == target:
            break
    return text


def make_pages(
    recipe: PageRecipe, tokenizer: PreTrainedTokenizerFast, count: int
) -> tuple[Tensor, Tensor]:
    """Return token ids and labels, both `[count, length]`.

    Prompts and the word `back` are not loss tokens.
    """
    parts = recipe.processes
    shares = [count * (i + 1) // parts - count * i // parts for i in range(parts)]
    with ProcessPoolExecutor(parts) as pool:
        made = pool.map(partial(_share, recipe, tokenizer), range(parts), shares)
        ids, labels = zip(*made, strict=True)
    return torch.cat(ids), torch.cat(labels)


def _share(
    recipe: PageRecipe, tokenizer: PreTrainedTokenizerFast, process: int, count: int
) -> tuple[Tensor, Tensor]:
    rng = random.Random(recipe.seed + process)
    pages = []
    for _ in range(count):
        ids: list[int] = []
        while len(ids) < recipe.length:
            ids += tokenizer(attempts(recipe, tokenizer.eos_token, rng))["input_ids"]
        pages.append(ids[: recipe.length])
    labels = [_labels(page, tokenizer) for page in pages]
    return torch.tensor(pages, dtype=torch.int16), torch.tensor(labels, dtype=torch.int16)


def _labels(page: Sequence[int], tokenizer: PreTrainedTokenizerFast) -> list[int]:
    use, back, line_end = tokenizer.convert_tokens_to_ids(["use", "back", "\n"])
    labels, in_prompt = [], False
    for token in page:
        in_prompt = in_prompt or token == use
        labels.append(IGNORED if in_prompt or token == back else token)
        in_prompt = in_prompt and token != line_end
    return labels

"""Prints the seconds in which another library searches countdown, and how many it solves.

Run by search_cost_speed.py, in the environment that has that library:
python bench/search_cost_peers.py llm_reasoners|treequest PROBLEMS
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

import torch

import astro
from astro.data.prompts import PromptEncoder
from astro.plugins import models
from astro.plugins.registry import Registry
from astro.types import Problem, Prompt, State, Step
from astro_countdown.step_format import CountdownFormat
from astro_countdown.verifier import CountdownVerifier
from astro_hf.checkpoints import load_model
from astro_hf.tokenizers import load_tokenizer

CONFIG = Path(__file__).parents[1] / "configs" / "quickstart.yaml"
EXPAND, ITERATIONS, DEPTH, STEP_TOKENS, ROLLOUT_TOKENS = 8, 16, 6, 16, 32
Steps = tuple[str, ...]


class Sampler:
    """Samples from the tiny model with `model.generate`, and judges in this process."""

    def __init__(self, model: str) -> None:
        name = models.checkpoint(model)
        tokenizer = load_tokenizer(name)
        self._model: Any = load_model(name, device=torch.device("cpu"), dtype="auto")
        self._encoder = PromptEncoder(tokenizer)
        self._text = tokenizer.decode
        self._ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("\n")]
        self._format, self._verifier = CountdownFormat(), CountdownVerifier()

    @torch.inference_mode()
    def sample(
        self, problem: Problem, steps: Steps, count: int, tokens: int, line: bool = True
    ) -> list[tuple[str, float]]:
        """Continuations and their mean probabilities; one line each, or up to the end."""
        ids = torch.tensor([self._encoder.encode(Prompt(problem.prompt, "".join(steps)))])
        output = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            num_return_sequences=count,
            max_new_tokens=tokens,
            eos_token_id=self._ends if line else self._ends[:1],
            pad_token_id=0,
            return_dict_in_generate=True,
            output_logits=True,
        )
        new = output.sequences[:, ids.shape[1] :]
        logprobs = torch.stack(output.logits, 1).log_softmax(-1)
        chosen = logprobs.gather(2, new[:, :, None])[:, :, 0]
        texts = [self._text(row, skip_special_tokens=True) for row in new]
        means = [row[row != 0].mean().item() for row in chosen.masked_fill(new == 0, 0)]
        return [(text, exp(mean)) for text, mean in zip(texts, means, strict=True)]

    def ended(self, problem: Problem, steps: Steps) -> bool:
        return self._format.is_terminal(State(problem, tuple(map(Step, steps))))

    def correct(self, problem: Problem, steps: Steps) -> bool:
        return self._verifier.verify(problem, "".join(steps)).correct


def llm_reasoners(sampler: Sampler, problem: Problem) -> bool:
    """Whether llm-reasoners' MCTS finds a solution; it simulates by expanding along a path."""
    from reasoners import SearchConfig, WorldModel
    from reasoners.algorithm import MCTS

    class World(WorldModel):  # type: ignore[misc]
        def init_state(self) -> Steps:
            return ()

        def step(self, state: Steps, action: str) -> tuple[Steps, dict[str, object]]:
            return (*state, action), {}

        def is_terminal(self, state: Steps) -> bool:
            return sampler.ended(problem, state)

    class Config(SearchConfig):  # type: ignore[misc]
        def get_actions(self, state: Steps) -> list[str]:
            found = dict(sampler.sample(problem, state, EXPAND, STEP_TOKENS))
            self.chances = {(state, text): chance for text, chance in found.items()}
            return list(found)

        def fast_reward(self, state: Steps, action: str) -> tuple[float, dict[str, object]]:
            return self.chances[state, action], {}

        def reward(self, state: Steps, action: str, **_: object) -> tuple[float, dict[str, object]]:
            steps = (*state, action)
            return float(sampler.ended(problem, steps) and sampler.correct(problem, steps)), {}

    search = MCTS(n_iters=ITERATIONS, depth_limit=DEPTH, output_strategy="max_iter")
    found = search(World(), Config()).terminal_state
    return found is not None and sampler.correct(problem, found)


def treequest(sampler: Sampler, problem: Problem) -> bool:
    """Whether TreeQuest's MCTS finds a solution; each step has the value of one rollout."""
    from treequest import StandardMCTS

    def extend(steps: Steps | None) -> tuple[Steps, float]:
        ((text, _),) = sampler.sample(problem, steps or (), 1, STEP_TOKENS)
        extended = (*(steps or ()), text)
        if sampler.ended(problem, extended):
            return extended, float(sampler.correct(problem, extended))
        ((rest, _),) = sampler.sample(problem, extended, 1, ROLLOUT_TOKENS, line=False)
        return extended, float(sampler.correct(problem, (*extended, rest)))

    search = StandardMCTS(samples_per_action=EXPAND)
    state = search.init_tree()
    for _ in range(EXPAND * ITERATIONS):
        state = search.step(state, {"step": extend}, inplace=True)
    pairs: Sequence[tuple[Steps, float]] = search.get_state_score_pairs(state)
    return any(score == 1 for _, score in pairs)


def main() -> None:
    search = {"llm_reasoners": llm_reasoners, "treequest": treequest}[sys.argv[1]]
    config = astro.load_config(CONFIG)
    registry = Registry.discover()
    problems = list(registry.build("problems", config.problems).load("train"))
    sampler = Sampler(config.policy.params["model"])
    began = time.perf_counter()
    solved = sum(search(sampler, problem) for problem in problems[-int(sys.argv[2]) :])
    print(time.perf_counter() - began, solved)


if __name__ == "__main__":
    main()

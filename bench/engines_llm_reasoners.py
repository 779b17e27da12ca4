"""Prints the iterations per second of llm-reasoners' MCTS on the stub. Run by engines.py.

python bench/engines_llm_reasoners.py ITERATIONS
"""

from __future__ import annotations

import sys
import time

from reasoners import SearchConfig, WorldModel
from reasoners.algorithm import MCTS
from stub import ACTIONS, DEPTH, value

State = tuple[str, ...]


class World(WorldModel):  # type: ignore[misc]
    """A state is the list of actions so far. It is terminal at the depth limit."""

    def init_state(self) -> State:
        return ()

    def step(self, state: State, action: str) -> tuple[State, dict[str, object]]:
        return (*state, action), {}

    def is_terminal(self, state: State) -> bool:
        return len(state) >= DEPTH


class Config(SearchConfig):  # type: ignore[misc]
    def get_actions(self, state: State) -> list[str]:  # noqa: ARG002
        return list(ACTIONS)

    def fast_reward(self, state: State, action: str) -> tuple[float, dict[str, object]]:
        return value("".join(state) + action), {}

    def reward(self, state: State, action: str, **_: object) -> tuple[float, dict[str, object]]:
        return value("".join(state) + action), {}


def main() -> None:
    iterations = int(sys.argv[1])
    search = MCTS(n_iters=iterations, depth_limit=DEPTH, output_strategy="max_iter")
    began = time.perf_counter()
    search(World(), Config())
    print(iterations / (time.perf_counter() - began))


if __name__ == "__main__":
    main()

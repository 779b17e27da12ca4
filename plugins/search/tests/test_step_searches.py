"""The searches that choose among steps by value, on trees worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from astro.requests import Generate, Program
from astro.types import Completion, FinishReason, Problem, SearchTree, State, Status, Verdict
from astro_search import step_params
from astro_search.ab_mcts import ab_mcts, observe
from astro_search.beam import beam
from astro_search.best_of_n import BestOfN
from astro_search.dvts import dvts
from astro_search.mcts import Mcts
from astro_search.params import BestOfNParams, MctsParams
from astro_search.particle import particle
from astro_search.posteriors import Arms, Beta
from astro_search.rebase import rebase
from astro_search.tot import tot_bfs, tot_dfs

Script = Mapping[str, list[str]]


class Ranks:
    """Values by the last step's text, of terminal states too."""

    rates_terminals = True

    def __init__(self, values: Mapping[str, float | None]) -> None:
        self.values = values

    def estimate(
        self,
        states: list[State],
        seed: int,  # noqa: ARG002
    ) -> Program[list[float | None]]:
        yield from ()
        return [self.values[state.steps[-1].text.strip("=\n")] for state in states]


class Equals:
    """A step is a line; one that starts with `=` is terminal."""

    stop = ("\n",)

    def is_terminal(self, state: State) -> bool:
        return state.steps[-1].text.startswith("=")


@pytest.fixture
def grow(make_world: Callable[..., Any], problem: Problem) -> Callable[..., Any]:
    """Run a search on scripted steps; `!` after a step says that the token limit cut it."""

    def run(
        search: Callable[..., Any], params: Any, values: Mapping[str, float | None], script: Script
    ) -> tuple[SearchTree, list[str]]:
        world = make_world({path: [completion(s) for s in steps] for path, steps in script.items()})
        algorithm = search(params, value=Ranks(values), step_format=Equals())
        tree = world.drive(algorithm.search(problem, seed=0))
        asked = [r.prompt.response for b in world.batches for r in b if isinstance(r, Generate)]
        return tree, [path.strip().rpartition("\n")[2] for path in asked]

    return run


def completion(step: str) -> Completion:
    cut = step.endswith("!")
    reason = FinishReason.LENGTH if cut else FinishReason.STOP
    return Completion(step.strip("!") + "\n" * (not cut), (1,), (-1.0,), reason)


def test_a_finished_beam_keeps_its_place_and_is_never_extended(grow: Callable[..., Any]) -> None:
    values = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6, "e": 0.85, "f": 0.95, "g": 0.5, "h": 0.4}
    script = {
        "": ["=a", "b", "c", "d"],
        "b\n": ["=e", "f"],
        "b\nf\n": ["=g", "=h"],
    }
    tree, asked = grow(beam, step_params.BeamParams(width=2, expand=2), values, script)
    assert asked == ["", "b", "f"]
    best = max(tree.terminals(), key=lambda node: node.value)
    assert best.step.text == "=a\n"


def test_samples_of_one_text_are_one_beam(grow: Callable[..., Any]) -> None:
    script = {"": ["x", "x", "y", "y"], "x\n": ["=z"] * 2, "y\n": ["=z"] * 2}
    _, asked = grow(
        beam, step_params.BeamParams(width=2, expand=2), {"x": 0.9, "y": 0.8, "z": 0.1}, script
    )
    assert asked == ["", "x", "y"]


def test_a_step_cut_by_the_token_limit_is_no_candidate(grow: Callable[..., Any]) -> None:
    script = {"": ["so x = 1!", "so x = 12"], "so x = 12\n": ["=end", "=end"]}
    values = {"so x = 1": 0.97, "so x = 12": 0.6, "end": 0.5}
    tree, asked = grow(beam, step_params.BeamParams(width=1, expand=2), values, script)
    assert asked == ["", "so x = 12"]
    assert len(tree.nodes) == 3


def test_subtrees_choose_for_themselves(grow: Callable[..., Any]) -> None:
    """The second subtree found one step only, and goes on with it although the first has better."""
    script = {
        "": ["1a", "1b", "1c", "1d", "2a", "2a", "2a", "2a"],
        "1b\n": ["=p", "q", "=s", "=t"],
        "2a\n": ["=u"] * 4,
        "1b\nq\n": ["=v"] * 4,
    }
    values = dict(zip("pqstuv", (0.7, 0.95, 0.6, 0.2, 0.65, 0.1), strict=True))
    values |= {"1a": 0.2, "1b": 0.9, "1c": 0.9, "1d": 0.1, "2a": 0.5}
    tree, asked = grow(dvts, step_params.DvtsParams(samples=8, width=4), values, script)
    assert asked == ["", "1b", "2a", "q"]
    assert {n.step.text for n in tree.terminals()} == {f"={name}\n" for name in "pstuv"}


def test_subtrees_that_agree_sample_apart(grow: Callable[..., Any]) -> None:
    script = {"": ["a"] * 4, "a\n": ["=w", "=x", "=y", "=z"]}
    values = {"a": 0.5, "w": 0.1, "x": 0.2, "y": 0.3, "z": 0.4}
    tree, asked = grow(dvts, step_params.DvtsParams(samples=4, width=2), values, script)
    assert asked == ["", "a"]
    assert len(tree.terminals()) == 4


def test_dvts_wants_whole_subtrees() -> None:
    with pytest.raises(ValueError, match="no multiple of width 4"):
        step_params.DvtsParams(samples=10, width=4)


def test_finished_paths_are_taken_off_the_budget(grow: Callable[..., Any]) -> None:
    """Of eight samples one ends; the other states share seven: 6, 1 and 0."""
    script = {
        "": ["a", "b", "c", "=d", "a", "a", "a", "a"],
        "a\n": ["=x"] * 6,
        "b\n": ["=y"],
    }
    values = {"a": 0.9, "b": 0.5, "c": 0.1, "d": 1.0, "x": 0.5, "y": 0.5}
    params = step_params.RebaseParams(samples=8, reward_temperature=0.2)
    _, asked = grow(rebase, params, values, script)
    assert asked == ["", "a", "b"]


def test_a_finished_particle_is_copied_but_not_extended(grow: Callable[..., Any]) -> None:
    script = {"": ["=a", "b", "c"], "b\n": ["=d"] * 3, "c\n": ["=d"] * 3}
    values = {"a": 0.999, "b": 0.5, "c": 0.001, "d": 0.5}
    tree, asked = grow(particle, step_params.ParticleParams(particles=3), values, script)
    assert asked == [""], "all three became copies of the finished one"
    assert len(tree.nodes) == 4


@pytest.mark.parametrize("resampling", ["systematic", "multinomial"])
def test_particles_that_the_token_limit_cut_are_gone(
    grow: Callable[..., Any], resampling: str
) -> None:
    script = {"": ["a!", "a!", "b"], "b\n": ["=c"] * 3}
    params = step_params.ParticleParams(particles=3, resampling=resampling)
    tree, asked = grow(particle, params, {"b": 0.0, "c": 0.5}, script)
    assert asked == ["", "b"]
    assert [n.step.text for n in tree.terminals()] == ["=c\n"]


@pytest.mark.parametrize(
    ("search", "params"),
    [
        (beam, step_params.BeamParams(temperature=0)),
        (dvts, step_params.DvtsParams(temperature=0)),
        (rebase, step_params.RebaseParams(temperature=0)),
        (particle, step_params.ParticleParams(temperature=0)),
        (tot_bfs, step_params.TotBfsParams(temperature=0)),
        (tot_dfs, step_params.TotDfsParams(temperature=0)),
    ],
)
def test_at_temperature_0_there_is_one_path(
    grow: Callable[..., Any], search: Callable[..., Any], params: Any
) -> None:
    """The policy then answers each request with one sample, however many were wanted."""
    script = {"": ["a"], "a\n": ["=b"]}
    tree, asked = grow(search, params, {"a": 0.9, "b": 0.8}, script)
    assert asked == ["", "a"]
    assert [node.visit_count for node in tree.terminals()] == [1]


@pytest.mark.parametrize(
    ("search", "params"),
    [
        (beam, step_params.BeamParams(width=1, expand=4)),
        (dvts, step_params.DvtsParams(samples=4, width=4)),
        (rebase, step_params.RebaseParams(samples=4)),
        (particle, step_params.ParticleParams(particles=4)),
        (tot_bfs, step_params.TotBfsParams(width=1, expand=4)),
    ],
)
def test_an_end_has_as_many_votes_as_samples(
    grow: Callable[..., Any], search: Callable[..., Any], params: Any
) -> None:
    """Copies of a particle are no samples. Q of the root is the mean of the four."""
    script = {"": ["=x", "=y", "=y", "=y"]}
    tree, asked = grow(search, params, {"x": 0.2, "y": 0.6}, script)
    assert asked == [""]
    votes = {node.step.text: node.visit_count for node in tree.terminals()}
    assert votes == {"=x\n": 1, "=y\n": 3}
    root = tree.nodes[0]
    assert (root.visit_count, root.q_value) == (5, pytest.approx((0.2 + 3 * 0.6) / 5))


def test_the_best_states_of_each_depth_are_kept(grow: Callable[..., Any]) -> None:
    script = {
        "": ["a", "b", "c"],
        "b\n": ["d", "e", "e"],
        "c\n": ["f", "g", "g"],
        "c\ng\n": ["=x"] * 3,
        "b\nd\n": ["=x"] * 3,
    }
    values = {"a": 0.3, "b": 0.9, "c": 0.6, "d": 0.5, "e": 0.2, "f": 0.5, "g": 0.8, "x": 0.0}
    _, asked = grow(tot_bfs, step_params.TotBfsParams(width=2, expand=3), values, script)
    assert asked == ["", "b", "c", "g", "d"]


def test_depth_first_prunes_and_returns(grow: Callable[..., Any]) -> None:
    script = {"": ["a", "b", "c"], "b\n": ["d", "e"], "a\n": ["=f"]}
    values = {"a": 0.6, "b": 0.9, "c": 0.4, "d": 0.5, "e": 0.3, "f": 0.7}
    tree, asked = grow(tot_dfs, step_params.TotDfsParams(expand=3), values, script)
    assert asked == ["", "b", "a"]
    assert tree.ended == "enough"


def test_depth_first_ends_exhausted_where_all_is_pruned(grow: Callable[..., Any]) -> None:
    tree, _ = grow(tot_dfs, step_params.TotDfsParams(expand=1), {"a": None}, {"": ["a"]})
    assert tree.ended == "exhausted"


@pytest.mark.parametrize(
    ("search", "params"),
    [
        (beam, step_params.BeamParams(width=1, expand=1, max_path_tokens=2)),
        (rebase, step_params.RebaseParams(samples=1, max_path_tokens=2)),
        (tot_dfs, step_params.TotDfsParams(expand=1, max_path_tokens=2)),
        (BestOfN, BestOfNParams(samples=1, max_path_tokens=2)),
        (Mcts, MctsParams(expand=1, max_path_tokens=2)),
    ],
)
def test_the_token_limit_of_a_path_counts_all_of_its_steps(
    grow: Callable[..., Any], search: Callable[..., Any], params: Any
) -> None:
    """Each step has one token, so the second is the last; it is not verified."""
    script = {"": ["a"], "a\n": ["b"], "a\nb\n": ["=c"]}
    tree, asked = grow(search, params, dict.fromkeys("abc", 0.9), script)
    assert asked == ["", "a"]
    (end,) = tree.terminals()
    assert (end.step.text, end.value) == ("b\n", 0.0)
    assert end.verdict == Verdict(Status.UNPARSED, reason="token limit")


def test_which_arm_sees_which_reward() -> None:
    """GEN below the root gives a and c, GEN below a gives b."""
    arms = {0: Arms(Beta(), Beta()), 1: Arms(Beta(), Beta())}
    a, b, c = 1, 2, 3
    for path, reward in (([0, a], 0.6), ([0, a, b], 0.9), ([0, c], 0.2)):
        arms[path[-2]].children.setdefault(path[-1], Beta())
        observe(arms, path, reward)
    found = [arms[0].gen, arms[0].cont, arms[0].children[a], arms[0].children[c]]
    found += [arms[1].gen, arms[1].children[b]]
    pairs = [(p.a, p.b) for p in found if isinstance(p, Beta)]
    expected = [(1.3, 1.7), (1.4, 0.6), (2.0, 1.0), (0.7, 1.3), (1.4, 0.6), (1.4, 0.6)]
    assert [pytest.approx(pair) for pair in expected] == pairs


@pytest.mark.parametrize("posterior", ["normal", "beta"])
def test_ab_mcts_goes_deeper_where_it_pays(grow: Callable[..., Any], posterior: str) -> None:
    """Steps after the root are worthless, steps after `a` are good."""
    script = {"": ["a"], "a\n": ["b"], "a\nb\n": ["c"], "a\nb\nc\n": ["=d"]}
    values = {"a": 0.1, "b": 0.9, "c": 0.9, "d": 0.9}
    params = step_params.AbMctsParams(iterations=30, posterior=posterior)
    tree, asked = grow(ab_mcts, params, values, script)
    assert [n.step.text for n in tree.nodes[1:]] == ["a\n", "b\n", "c\n", "=d\n"]
    assert len(asked) == 30
    assert asked.count("") < 15


def test_unknown_values_come_last(grow: Callable[..., Any]) -> None:
    script = {"": ["a", "b"], "b\n": ["=c", "=c"]}
    params = step_params.BeamParams(width=1, expand=2)
    _, asked = grow(beam, params, {"a": None, "b": 0.0, "c": 0.0}, script)
    assert asked == ["", "b"]


def test_a_verdict_is_the_value_where_terminal_states_are_not_rated(
    make_world: Callable[..., Any], problem: Problem
) -> None:
    """The reference answer is 1: `=1` has value 1 although nothing estimates it."""

    class Half:
        def estimate(self, states: list[State], seed: int) -> Program[list[float]]:  # noqa: ARG002
            yield from ()
            return [0.5 for _ in states]

    world = make_world({"": [completion("=1"), completion("=2")]})
    search = beam(step_params.BeamParams(width=1, expand=2), value=Half(), step_format=Equals())
    tree = world.drive(search.search(problem, seed=0))
    assert [node.value for node in tree.terminals()] == [1.0, 0.0]

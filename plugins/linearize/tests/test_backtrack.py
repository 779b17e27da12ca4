from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from itertools import takewhile
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import Generate
from astro.types import Completion, Problem, SearchTree, SegmentKind, Status, Step, Trace, Verdict
from astro_linearize.backtrack import Backtrack
from astro_linearize.params import RewriteParams
from astro_linearize.rewrite import Rewrite

STEP, REFLECTION, BACKTRACK = SegmentKind.STEP, SegmentKind.REFLECTION, SegmentKind.BACKTRACK
Linearize = Callable[..., list[Trace]]
AT_5 = {"correct": "random", "order": "nearest_last", "wrong_branch": "lowest_q"}
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ending_at(node: int, linearize: Linearize, tree: SearchTree, **params: Any) -> Trace:
    """The trace of the first seed that ends at a node."""
    traces = (linearize(tree, seed, **params)[0] for seed in range(50))
    return next(trace for trace in traces if trace.segments[-1].node == node)


def test_a_trace_in_full(tree: SearchTree, linearize: Linearize) -> None:
    trace = ending_at(5, linearize, tree, shares={3: 1}, **AT_5)
    assert [(s.text, s.node, s.kind) for s in trace.segments] == [
        ("c\n", 2, STEP),
        ("=4\n", 7, STEP),
        ("[no =4]", 7, REFLECTION),
        ("[to start]", 0, BACKTRACK),
        ("a\n", 1, STEP),
        ("=2\n", 3, STEP),
        ("[no =2]", 3, REFLECTION),
        ("[to a]", 1, BACKTRACK),
        ("b\n", 4, STEP),
        ("=3\n", 6, STEP),
        ("[no =3]", 6, REFLECTION),
        ("[to a\nb]", 4, BACKTRACK),
        ("=1\n", 5, STEP),
    ]
    assert trace.response == (
        "c\n=4\n[no =4][to start]a\n=2\n[no =2][to a]b\n=3\n[no =3][to a\nb]=1\n"
    )
    assert trace.backtracks == 3
    assert trace.verdict == Verdict(Status.CORRECT, "1")


def test_steps_off_the_correct_path_may_bear_no_loss(
    tree: SearchTree, linearize: Linearize
) -> None:
    params = {"shares": {3: 1}, **AT_5}
    masked = ending_at(5, linearize, tree, train_wrong_steps=False, **params)
    assert [s.node for s in masked.segments if not s.train] == [2, 7, 3, 6]
    assert all(segment.train for segment in ending_at(5, linearize, tree, **params).segments)


def test_what_the_policy_itself_doubts_is_a_reflection(
    tree: SearchTree, linearize: Linearize, doubting: Any
) -> None:
    params = {"shares": {2: 1}, "train_wrong_steps": False, "step_format": doubting, **AT_5}
    trace = ending_at(5, linearize, tree, **params)
    assert [(s.text, s.kind, s.train) for s in trace.segments] == [
        ("a\n", STEP, True),
        ("=2\n", REFLECTION, True),
        ("[to a]", BACKTRACK, True),
        ("b\n", STEP, True),
        ("=3\n", REFLECTION, True),
        ("[to a\nb]", BACKTRACK, True),
        ("=1\n", STEP, True),
    ]
    unreflecting = ending_at(5, linearize, tree, reflect=False, **params)
    assert unreflecting.response == "a\n[to a]b\n[to a\nb]=1\n"


def test_k_is_limited_by_the_distinct_wrong_answers(tree: SearchTree, linearize: Linearize) -> None:
    assert linearize(tree, shares={9: 1})[0].backtracks == 3


def test_without_reflection_there_is_no_empty_segment(
    tree: SearchTree, linearize: Linearize, silent: Any
) -> None:
    trace = linearize(tree, step_format=silent, shares={2: 1})[0]
    assert trace.backtracks == 2
    assert REFLECTION not in {segment.kind for segment in trace.segments}


def test_without_words_of_doubt_the_joint_stays(
    tree: SearchTree, linearize: Linearize, joined: Any
) -> None:
    params = {"shares": {1: 1}, "step_format": joined, **AT_5}
    trace = ending_at(5, linearize, tree, reflect=False, **params)
    assert trace.response == "a\nb\n=3\n;[to a\nb]=1\n"


def test_a_wrong_path_may_be_left_before_its_end(tree: SearchTree, linearize: Linearize) -> None:
    trace = ending_at(5, linearize, tree, shares={3: 1}, cut_share=1.0, **AT_5)
    assert trace.response == "c\n[no c][to start]a\n=2\n[no =2][to a]b\n=3\n[no =3][to a\nb]=1\n"
    assert trace.verdict.correct


def test_a_backtrack_may_return_to_the_start_each_time(
    tree: SearchTree, linearize: Linearize
) -> None:
    trace = ending_at(5, linearize, tree, shares={2: 1}, merge="root", reflect=False, **AT_5)
    assert trace.response == "a\n=2\n[to start]a\nb\n=3\n[to start]a\nb\n=1\n"
    assert trace.backtracks == 2


def test_too_long_a_trace_loses_its_earliest_wrong_path(
    tree: SearchTree, linearize: Linearize
) -> None:
    params = {"shares": {3: 1}, **AT_5}
    whole = ending_at(5, linearize, tree, **params).response
    same = ending_at(5, linearize, tree, max_chars=len(whole), **params)
    assert same.response == whole
    cut = ending_at(5, linearize, tree, max_chars=len(whole) - 1, **params)
    assert cut.response == "a\n=2\n[no =2][to a]b\n=3\n[no =3][to a\nb]=1\n"
    assert ending_at(5, linearize, tree, max_chars=7, **params).response == "a\nb\n=1\n"
    assert linearize(tree, max_chars=2, **params) == []


def test_tokens_are_counted_as_sampled(make_tree: Any, linearize: Linearize) -> None:
    tree = make_tree([(0, "=1", 1.0, 1), (0, "=2", 0.0, 1)])
    tree.nodes[1].step = Step("=1\n", token_ids=(5, 6, 7))
    params = {"shares": {1: 1}}
    words = len(["=2", "[no", "=2]", "[to", "start]"])
    assert linearize(tree, max_tokens=words + 3, **params)[0].backtracks == 1
    assert linearize(tree, max_tokens=words + 2, **params)[0].backtracks == 0
    assert linearize(tree, max_tokens=2, **params) == []


def test_tokens_of_a_doubt_are_counted_as_sampled(
    make_tree: Any, linearize: Linearize, doubting: Any
) -> None:
    tree = make_tree([(0, "=1", 1.0, 1), (0, "=2", 0.0, 1)])
    tree.nodes[2].step = Step("=2\n", token_ids=(5, 6, 7))
    params = {"shares": {1: 1}, "step_format": doubting}
    words = len(["[to", "start]", "=1"])
    assert linearize(tree, max_tokens=words + 3, **params)[0].backtracks == 1
    assert linearize(tree, max_tokens=words + 2, **params)[0].backtracks == 0


def test_a_trace_whose_answer_is_not_found_again_is_dropped(
    tree: SearchTree, linearize: Linearize
) -> None:
    def first_answer(_problem: object, response: str) -> Verdict:
        right = response.partition("=")[2][0] == "1"
        return Verdict(Status.CORRECT if right else Status.INCORRECT)

    traces = linearize(tree, judge=first_answer, traces_per_tree=5, shares={0: 1, 1: 1})
    assert len(traces) == 2
    assert {trace.backtracks for trace in traces} == {0}


def test_an_unsolved_tree_gives_no_trace_and_asks_nothing(
    make_tree: Any, linearize: Linearize
) -> None:
    assert linearize(make_tree([(0, "a", 0.0, 1), (1, "=2", 0.0, 1)])) == []


def test_several_traces_of_one_tree_are_distinct(tree: SearchTree, linearize: Linearize) -> None:
    traces = linearize(tree, traces_per_tree=6)
    assert len({trace.response for trace in traces}) == len(traces) == 6


def test_the_same_seed_gives_the_same_traces(
    tree: SearchTree, linearize: Linearize, brackets: Any
) -> None:
    def responses(seed: int) -> list[str]:
        traces = linearize(tree, seed, step_format=brackets, traces_per_tree=3)
        return [trace.response for trace in traces]

    assert responses(1) == responses(1)
    assert len({tuple(responses(seed)) for seed in range(5)}) > 1


@quick
@given(
    number=st.integers(0, 10**6),
    seed=st.integers(0, 10**6),
    k=st.integers(0, 5),
    order=st.sampled_from(["random", "nearest_last", "depth_first"]),
    wrong_branch=st.sampled_from(["random", "lowest_q", "highest_visits"]),
    traces=st.integers(1, 3),
)
def test_properties(
    make_random_tree: Any,
    linearize: Linearize,
    *,
    number: int,
    seed: int,
    k: int,
    traces: int,
    **params: Any,
) -> None:
    tree = make_random_tree(number)
    made = linearize(tree, seed, shares={k: 1}, traces_per_tree=traces, **params)
    wrong = {n.verdict.answer for n in tree.terminals() if n.verdict and not n.verdict.correct}
    assert 1 <= len(made) <= traces
    for trace in made:
        check_trace(tree, trace)
        assert trace.backtracks == min(k, len(wrong))
        if params["order"] == "depth_first":
            steps = [segment.node for segment in trace.segments if segment.kind is STEP]
            assert len(steps) == len(set(steps))


def check_trace(tree: SearchTree, trace: Trace) -> None:
    """Every segment speaks of its node, and the words always say where the trace stands."""
    path: list[int] = []
    ends: list[int] = []
    for segment in trace.segments:
        node = tree.nodes[segment.node]
        if segment.kind is STEP:
            assert segment.text == node.step.text
            assert node.parent == (path[-1] if path else 0)
            path.append(node.id)
        elif segment.kind is REFLECTION:
            assert node.terminal and node.id == path[-1]
            ends.append(node.id)
        else:
            assert segment.node in [0, *path[:-1]]
            path = [*takewhile(lambda i, to=segment.node: i <= to, path)]
            assert (path[-1] if path else 0) == segment.node
    assert path == [node.id for node in tree.path(path[-1])]
    final = tree.nodes[path[-1]].verdict
    assert final is not None and final.correct
    answers = [verdict.answer for i in ends if (verdict := tree.nodes[i].verdict)]
    assert len(set(answers)) == len(ends) == trace.backtracks
    assert final.answer not in answers


def test_direct_walks_the_correct_path_alone(tree: SearchTree, run_program: Any) -> None:
    binding = Binding(name="direct", params={"traces_per_tree": 3})
    direct = Registry.discover().build("linearizer", binding, step_format=None)
    traces = run_program(direct.linearize(tree.problem, tree, 0))
    assert {trace.response for trace in traces} == {"a\nb\n=1\n", "=1\n"}
    assert all(segment.train for trace in traces for segment in trace.segments)


def test_the_registry_builds_it() -> None:
    binding = Binding(name="backtrack", params={"max_backtracks": 7})
    made = Registry.discover().build("linearizer", binding, step_format=None)
    assert isinstance(made, Backtrack)
    assert set(made.params.weights()) == set(range(8))


def by_number(problem: Problem, response: str) -> Verdict:
    """As `judge`, of numbers; 0.5 is 1/2."""
    answer = response.removesuffix("}").rstrip().replace("{", "=").rpartition("=")[2]
    right = Fraction(answer) == Fraction(problem.answer)
    return Verdict(Status.CORRECT if right else Status.INCORRECT, answer)


def test_wrong_answers_of_a_trace_are_not_equivalent(
    make_tree: Callable[..., SearchTree], linearize: Linearize
) -> None:
    rows = [(0, text, 0.0, 1) for text in ("=1", "=1/2", "=0.5", "=2/4", "=7")]
    tree, asked = make_tree(rows), []

    def judge(problem: Problem, response: str) -> Verdict:
        asked.append((problem.answer, response))
        return by_number(problem, response)

    trace = linearize(tree, judge=judge, shares={9: 1})[0]
    wrong = [s.text for s in trace.segments if s.kind is STEP][:-1]
    assert sorted(map(Fraction, (text[1:] for text in wrong))) == [Fraction(1, 2), 7]
    assert ("0.5", r"\boxed{1/2}") in asked


def test_nothing_is_made_again_if_all_answers_differ(
    make_tree: Callable[..., SearchTree], linearize: Linearize
) -> None:
    tree = make_tree([(0, text, 0.0, 1) for text in ("=1", "=1/2", "=3", "=7")])
    asked = []

    def judge(problem: Problem, response: str) -> Verdict:
        asked.append(problem.id)
        return by_number(problem, response)

    assert linearize(tree, shares={9: 1}) == linearize(tree, judge=judge, shares={9: 1})
    assert asked[0] == "p"
    assert set(asked[1:]) == {"p (answers)"}
    asked.clear()
    linearize(tree, judge=judge, max_backtracks=1)
    assert asked == ["p"]


def test_a_rewriting_is_asked_for_before_any_comparison(
    make_tree: Callable[..., SearchTree], plain: Any
) -> None:
    """So the seeds of rewritings, and the journal, do not depend on comparisons."""
    tree = make_tree([(0, text, 0.0, 1) for text in ("=1", "=1/2", "=7")])
    program = Rewrite(RewriteParams(shares={2: 1}), step_format=plain).linearize(
        tree.problem, tree, 0
    )
    kinds, replies = [], None
    with suppress(StopIteration):
        while True:
            batch = program.send(replies)  # type: ignore[arg-type]
            kinds.append([getattr(request, "comparison", "generate") for request in batch])
            replies = [
                [Completion("no")]
                if isinstance(request, Generate)
                else by_number(request.problem, request.response)  # type: ignore[union-attr]
                for request in batch
            ]
    assert kinds[:2] == [[False], ["generate"]]
    assert kinds[-1] == [True]

"""What counts as right: every task's oracle, and none of the answers that upstream is fooled by."""

from __future__ import annotations

import ast
import heapq
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from reasoning_gym.games.rush_hour import Board

from astro.types import Problem, Status
from astro_reasoning_gym.params import ProblemParams, VerifierParams
from astro_reasoning_gym.problems import ReasoningGymProblems
from astro_reasoning_gym.scoring import GUARDS, RULES
from astro_reasoning_gym.tasks import names
from astro_reasoning_gym.verifier import ReasoningGymVerifier

VERIFIER = ReasoningGymVerifier(VerifierParams())
RUNS_TEXT = {"eval", "exec", "parse_expr", "sympify"}
RUNS_NO_ANSWER = {
    "basic_arithmetic",
    "bitwise_arithmetic",
    "codeio",
    "generators_00_49",
    "generators_50_99",
    "propositional_logic",
}
"""They run their own questions, or (the last) a parser of their own, and never an answer."""


def problem(task: str, answer: str, **entry: Any) -> Problem:
    return Problem(task, "?", answer, {"task": task, "settings": {}, "entry": entry})


def status(problem: Problem, answer: str) -> Status:
    return VERIFIER.verify(problem, f"<answer>{answer}</answer>").status


COUNTDOWN = problem("countdown", "3*8 + 5", numbers=[3, 5, 8], target=29)
PUZZLE24 = problem("puzzle24", "6*4*1*1", numbers=[1, 1, 4, 6])
QUEENS = problem("n_queens", "Q _\n_ _", valid_answers=["Q _\n_ _", "_ _\n_ Q"])
SORTED = problem("number_sorting", "['-1.5', '2', '7']", direction="ascending")
LIFE = problem("game_of_life", "[[0,1],[1,0]]")
HALTS = problem("game_of_life_halting", "True")
APPLES = problem("gsm_symbolic", "1250")
COMPLEX = problem("complex_arithmetic", "3.0 + 4.0i", result=[3.0, 4.0])
INTEGRAL = problem("simple_integration", "x**2 + C", integrand="2*x", variable="x")
PRODUCT = problem("polynomial_multiplication", "x**2 - 1")
RUBIK = problem("rubiks_cube", "R'", cube_size=3, scramble_moves="R")


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        (COUNTDOWN, "5 + 8 * 3"),
        (COUNTDOWN, "(5 + 3*8)"),
        (PUZZLE24, "(6 - 1 + 1) * 4"),
        (QUEENS, "_ _\n_ Q"),
        (SORTED, '["-1.5", 2.0, "7"]'),
        (LIFE, "[[0, 1], [1, 0]]"),
        (HALTS, "True"),
        (APPLES, "$1,250.00"),
        (COMPLEX, "3 + 4i"),
        (INTEGRAL, "x*x + C + 3"),
        (PRODUCT, "-1 + x**2"),
        (RUBIK, "R R2"),
    ],
)
def test_another_form_of_a_right_answer_is_right(problem: Problem, answer: str) -> None:
    assert status(problem, problem.answer) is Status.CORRECT
    assert status(problem, answer) is Status.CORRECT


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        (COUNTDOWN, "29"),
        (COUNTDOWN, "3*8 + 5 + 5 - 5"),
        (COUNTDOWN, "3*8 + 5.0"),
        (COUNTDOWN, "int('29') + 0*3*5*8"),
        (PUZZLE24, "6*4"),
        (PUZZLE24, "8*3*1*1"),
        (PUZZLE24, "(6*4*1 + 1) - 1/2"),
        (QUEENS, "[['Q', '_'], ['_', '_']]"),
        (SORTED, "[NaN, NaN, NaN]"),
        (SORTED, "[-1, 2, 7]"),
        (SORTED, "[-1.5, 2]"),
        (SORTED, "7"),
        (LIFE, "[[0,1],[1,0],[1,1]]"),
        (LIFE, "[[0,1,1],[1,0]]"),
        (HALTS, "False"),
        (HALTS, "no idea"),
        (APPLES, "1250 or 1300"),
        (APPLES, "1250 apples, or none"),
        (COMPLEX, "nan"),
        (COMPLEX, "nan+nani"),
        (INTEGRAL, "x**2 + C if x else 0"),
        (INTEGRAL, "x**2*y/y"),
        (INTEGRAL, "9**9**9**9"),
        (PRODUCT, "__import__('sympy').Symbol('x')**2 - 1"),
        (RUBIK, "R3000000000"),
        (problem("rush_hour", "", board_config="x" * 36), "A+999999999"),
        (problem("coin_flip", "1/2"), "1e99999999"),
        (problem("prime_factorization", "2 \N{MULTIPLICATION SIGN} 3"), "banana"),
    ],
)
def test_upstream_is_not_fooled_here(problem: Problem, answer: str) -> None:
    assert status(problem, answer) in {Status.INCORRECT, Status.UNPARSED}


@pytest.mark.parametrize(
    "problem",
    [
        Problem("p", "?", "7"),
        problem("gcd", ""),
        problem("no_such_task", "7"),
        Problem("p", "?", "7", {"task": "gcd", "settings": {"no": 1}, "entry": {}}),
        Problem("p", "?", "7", {"task": "gcd", "settings": [], "entry": {}}),
    ],
)
def test_a_problem_that_cannot_be_judged_is_a_fault(problem: Problem) -> None:
    assert status(problem, "7") is Status.BAD_REFERENCE


def test_every_scorer_that_can_run_text_has_a_rule_or_a_guard() -> None:
    """Reads the sources: a new version of reasoning-gym must not bring one in unseen."""
    spec = importlib.util.find_spec("reasoning_gym")
    assert spec is not None
    assert spec.origin is not None
    sources = Path(spec.origin).parent.rglob("*.py")
    found = {path.stem for path in sources if _runs_text(path.read_text(encoding="utf-8"))}
    assert found >= {"n_queens", "countdown", "simple_integration"}
    assert found - RUNS_NO_ANSWER <= RULES.keys() | GUARDS.keys()


def _runs_text(source: str) -> bool:
    if not any(f"{word}(" in source for word in RUNS_TEXT):
        return False
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any(getattr(f, "id", getattr(f, "attr", "")) in RUNS_TEXT for f in calls)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_oracle_of_every_task_is_right_and_nonsense_is_not() -> None:
    tasks: dict[str, dict[str, Any]] = {task: {} for task in names()}
    tasks["rush_hour"] = {"max_moves": 15}
    params = ProblemParams(tasks=tasks, train=len(tasks))
    faults = []
    for drawn in ReasoningGymProblems(params).load("train"):
        task = drawn.metadata["task"]
        oracle = SOLVERS[task](drawn) if task in SOLVERS else drawn.answer
        if status(drawn, oracle) is not Status.CORRECT:
            faults.append(f"{task}: {oracle!r} is not right")
        for nonsense in ("banana", "nan", "[]", "{}", "None", "<answer>"):
            if status(drawn, nonsense) not in {Status.INCORRECT, Status.UNPARSED}:
                faults.append(f"{task}: {nonsense!r} is right, or a fault")
    assert not faults


def carry_boxes(problem: Problem) -> str:
    """Each box to its target, one square a turn."""
    turns = []
    for square, items in problem.metadata["entry"]["initial_state"].items():
        for box in (item for item in items if item.startswith("box_")):
            x, y = map(float, square.split("_"))
            target = f"target_{box[4:]}"
            to_x, to_y = _square_of(problem, target)
            while (x, y) != (to_x, to_y):
                key = f"Agent[{x}, {y}]"
                x, y = (
                    (x + (1 if to_x > x else -1), y)
                    if x != to_x
                    else (x, y + (1 if to_y > y else -1))
                )
                turns.append({key: f"move({box}, square[{x}, {y}])"})
            turns.append({f"Agent[{x}, {y}]": f"move({box}, {target})"})
    return json.dumps(turns)


def _square_of(problem: Problem, item: str) -> tuple[float, float]:
    for square, items in problem.metadata["entry"]["initial_state"].items():
        if item in items:
            x, y = map(float, square.split("_"))
            return x, y
    raise AssertionError(f"no {item}")


def park_cars(problem: Problem) -> str:
    """The shortest way out, by breadth-first search."""
    config = problem.metadata["entry"]["board_config"]
    cars = sorted({name for name in Board(config).board_str() if name.isupper()})
    queue: list[tuple[int, str]] = [(0, "")]
    seen: set[str] = set()
    while queue:
        steps, moves = heapq.heappop(queue)
        board = Board(config)
        board.perform_moves(moves)
        if board.solved:
            return moves.strip()
        if (state := board.board_str()) not in seen:
            seen.add(state)
            for car in cars:
                for step in ("+1", "-1"):
                    heapq.heappush(queue, (steps + 1, f"{moves} {car}{step}"))
    raise AssertionError("no way out")


SOLVERS = {"boxnet": carry_boxes, "rush_hour": park_cars}

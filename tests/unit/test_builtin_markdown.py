"""Steps under headers: what is asked, where a step ends, and what stands between two walks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

import astro
from astro.builtin.markdown import MarkdownFormat, MarkdownParams
from astro.config.loading import parse_config
from astro.data.problem_sets import with_prompt
from astro.errors import ConfigError, ProblemError
from astro.plugins.params import validate
from astro.plugins.registry import Registry
from astro.types import Problem, State, Step

FORMAT = MarkdownFormat(MarkdownParams())
STEPS = ("## Step 1: Add\n\n2 + 2 = 4.\n\n## Step", " 2: Answer\n\n$\\boxed{5}$")
SHOTS = [{"problem": "1 + 1?", "solution": "## Step 1: Add\n\n$\\boxed{2}$"}]
SAY = {"instruction": "Solve: {problem}", "shot": "Q {problem} A {solution}\n"}


def state(*steps: str) -> State:
    return State(Problem("p", "2 + 2?", "4"), tuple(map(Step, steps)))


def test_a_problem_is_asked_with_examples_or_without() -> None:
    asker = MarkdownFormat(validate(MarkdownParams, {**SAY, "few_shots": SHOTS}))
    assert asker.ask("2 + 2?", shots=False) == "Solve: 2 + 2?"
    shown = "Q 1 + 1? A ## Step 1: Add\n\n$\\boxed{2}$\nSolve: 2 + 2?"
    assert asker.ask("2 + 2?", shots=True) == shown
    tricky = MarkdownFormat(
        validate(
            MarkdownParams,
            {**SAY, "few_shots": [{"problem": "{solution}", "solution": "{problem}"}]},
        )
    )
    assert tricky.ask("{problem}", shots=True) == "Q {solution} A {problem}\nSolve: {problem}"


def test_worked_examples_are_messages_of_a_chat() -> None:
    asker = MarkdownFormat(validate(MarkdownParams, {**SAY, "few_shots": SHOTS}))
    examples = ("Solve: 1 + 1?", SHOTS[0]["solution"])
    assert asker.examples() == examples and FORMAT.examples() == ()
    problem = Problem("p", "2 + 2?", "4")
    shown = with_prompt(problem, asker, shots=True)
    assert shown.prompt == asker.ask("2 + 2?", shots=True)
    assert State(shown).prompt.turns == (*examples, "Solve: 2 + 2?")
    bare = with_prompt(problem, asker, shots=False)
    assert bare == Problem("p", "Solve: 2 + 2?", "4") and State(bare).prompt.turns == ()
    spoken = replace(problem, metadata={"chat_turns": ["Hi", "Hello", "2 + 2?"]})
    talk = with_prompt(spoken, asker, shots=True)
    assert talk.turns == (*examples, "Hi", "Hello", "Solve: 2 + 2?")


def test_examples_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shots.jsonl"
    path.write_text("\n".join(map(json.dumps, SHOTS)) + "\n\n")
    of_file = MarkdownFormat(validate(MarkdownParams, {**SAY, "few_shots": str(path)}))
    given = MarkdownFormat(validate(MarkdownParams, {**SAY, "few_shots": SHOTS}))
    assert of_file.ask("?", shots=True) == given.ask("?", shots=True)
    for content in ("[1]", '{"problem": "?"}', "{"):
        path.write_text(content)
        with pytest.raises(ProblemError, match=r"shots\.jsonl: expected a JSON object a line"):
            MarkdownFormat(validate(MarkdownParams, {"few_shots": str(path)}))
    with pytest.raises(ProblemError, match="cannot read: No such file"):
        MarkdownFormat(MarkdownParams(few_shots=tmp_path / "absent"))


def test_a_step_is_terminal_if_it_holds_the_answer_and_no_header_follows() -> None:
    assert FORMAT.stop == ("\n## Step",)
    assert FORMAT.is_terminal(state(*STEPS))
    assert not FORMAT.is_terminal(state(*STEPS[:1]))
    assert not FORMAT.is_terminal(state(STEPS[0], STEPS[1] + "\n\n## Step"))
    assert not FORMAT.is_terminal(state())


@pytest.mark.parametrize("seed", range(4))
def test_headers_stay_whole_wherever_a_trace_turns(seed: int) -> None:
    """From an end, from amid a path and to the start: each header has its number, once."""
    rng = Random(seed)
    after_first = state(STEPS[0])
    amid = state(STEPS[0], " 2: Multiply\n\nIt is 8.\n\n## Step")
    response = "".join(
        (
            *STEPS,
            FORMAT.reflection(state(*STEPS), rng),
            FORMAT.backtrack(after_first, rng),
            amid.steps[1].text,
            FORMAT.reflection(amid, rng),
            FORMAT.backtrack(state(), rng),
            "## Step 1: Anew\n\n$\\boxed{4}$",
        )
    )
    headers = [line for line in response.splitlines() if "#" in line]
    assert [header[:9] for header in headers] == [f"## Step {n}" for n in (1, 2, 2, 3, 1)]
    assert all(header[9] == ":" for header in headers)
    assert "Step 1" in FORMAT.backtrack(after_first, rng)
    assert FORMAT.backtracks(response) == 2
    assert FORMAT.backtracks("".join(STEPS)) == 0


@pytest.mark.parametrize(
    "params",
    [
        {"instruction": "Solve it."},
        {"shot": "{problem}"},
        {"backtracks": ["{number}"]},
        {"reflections": [""]},
        {"few_shots": [{"problem": "?"}]},
        {"few_shots": [{"problem": "?", "solution": "!", "answer": "1"}]},
    ],
)
def test_params_are_checked(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        validate(MarkdownParams, params)


RIGHT = "## Step 1: Add\n\n2 + 2 = 4.\n\n## Step 2: Answer\n\n$\\boxed{4}$"
WRONG = RIGHT.replace("{4}", "{5}")
GUESS = "## Step 1: Guess\n\nPerhaps 3.\n\n## Step 2: Answer\n\n$\\boxed{3}$"


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A run over one problem, asked with an example, that the policy answers in three ways."""
    for split, text in (("train", "2 + 2?"), ("test", "3 + 1?")):
        row = {"id": split, "prompt": text, "answer": "4", "level": 1}
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    form = {"name": "markdown", "params": {**SAY, "few_shots": SHOTS}}
    shown = MarkdownFormat(validate(MarkdownParams, form["params"])).ask
    replies = {shown(text, shots=True): [RIGHT, WRONG, GUESS] for text in ("2 + 2?", "3 + 1?")}
    files = {split: str(tmp_path / f"{split}.jsonl") for split in ("train", "test")}
    config = {
        "name": "markdown",
        "problems": {"name": "jsonl", "params": files},
        "step_format": form,
        "policy": {"name": "scripted", "params": {"responses": replies}},
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 8, "iterations": 6}},
        "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 64}},
        "linearizer": {"name": "backtrack", "params": {"shares": {2: 1}, "cut_share": 0.5}},
        "evaluate": {"models": ["base"], "samples": 6, "max_tokens": 64},
    }
    return astro.run(parse_config(config, Registry.discover()), runs=tmp_path / "runs").folder


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_chain_searches_and_linearises_whole_headers(chain: Path) -> None:
    (tree,) = rows(chain / "trees.jsonl")
    assert tree["problem"]["prompt"] == "2 + 2?"
    texts = {node["step"]["text"] for node in tree["nodes"]}
    assert {"## Step 1: Add\n\n2 + 2 = 4.\n\n## Step", " 2: Answer\n\n$\\boxed{4}$"} <= texts
    (trace,) = rows(chain / "traces.jsonl")
    question, answer = (message["content"] for message in trace["messages"])
    assert question == "Solve: 2 + 2?"
    assert trace["backtracks"] == FORMAT.backtracks(answer) == 2
    assert answer.endswith(" 2: Answer\n\n$\\boxed{4}$")
    assert all(
        line[:8] == "## Step " and line[9] == ":" for line in answer.split("\n") if "#" in line
    )


def test_the_chain_evaluates_what_it_asks_and_records_it(chain: Path) -> None:
    (measured,) = rows(chain / "eval" / "base.jsonl")
    assert measured["problem"]["prompt"] == "3 + 1?"
    assert measured["prompt"] == "Q 1 + 1? A ## Step 1: Add\n\n$\\boxed{2}$\nSolve: 3 + 1?"
    assert {sample["text"] for sample in measured["samples"]} <= {RIGHT, WRONG, GUESS}
    scores = json.loads((chain / "eval" / "scores.json").read_text())
    right = [sample["text"] == RIGHT for sample in measured["samples"]]
    assert scores["models"]["base"]["pass@1"]["value"] == pytest.approx(sum(right) / 6)


def test_headers_are_told_from_the_words_between_them() -> None:
    texts = ["## Step 1: Add\n3 + 4 = 7\n\n## Step", " 2: Check\nit\n\n## Step", " 3: But wait"]
    texts += [
        "\n\nLet's go back to where we were after Step 1.\n\n## Step",
        " 2: 12 apples",
        "12 pears",
    ]
    framed = FORMAT.framed(texts)
    assert ["".join(parts) for parts in framed] == texts
    assert [words for _, words, _ in framed] == [
        "Add\n3 + 4 = 7",
        "Check\nit",
        "But wait",
        "Let's go back to where we were after Step 1.",
        "12 apples",
        "12 pears",
    ]
    assert [head for head, _, _ in framed] == ["## Step 1: ", " 2: ", " 3: ", "\n\n", " 2: ", ""]

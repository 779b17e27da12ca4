"""Questions without a reference answer, from Python and from the command line."""

from __future__ import annotations

import json
from contextlib import nullcontext
from math import exp
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import astro
from astro.cli import main
from astro.engine.found import answers_found
from astro.errors import ConfigError
from astro.events import Event, Notice, TreeGrown
from astro.files import read_lines
from astro.runs.answering import answers, question_config
from astro.runs.questions import read_questions
from astro.types import Node, Problem, SearchTree, Step

ANSWERS = ["1/2", "0.5", "0.50", "3"]
SCRIPT = "policy.params.answers=" + json.dumps([f"the answer is {a}\n" for a in ANSWERS])
"""Three of four answers are equivalent, but no two are the same text."""


def ask(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(
        main, ["solve", *arguments, "--policy", "scripted", "--set", SCRIPT], input=text
    )


def test_equivalent_answers_are_one_class() -> None:
    config = question_config(policy="scripted", samples=30, overrides=[SCRIPT])
    (result,) = answers(config, ["What is half of one?"])
    assert result.best is not None
    assert result.chosen is not None
    assert result.best.answer in ANSWERS[:3]
    assert len(result.chosen.weights) == 2
    assert sum(found.candidate.samples for found in result.candidates) == 30
    assert 0.4 < result.chosen.confidence.value < 0.9
    assert not result.partial
    assert all(node.verdict is None for node in result.tree.nodes)


def test_without_a_verifier_equal_texts_are_one_class() -> None:
    config = question_config(policy="scripted", samples=30, verifier="none", overrides=[SCRIPT])
    (result,) = answers(config, ["What is half of one?"])
    assert result.chosen is not None
    assert len(result.chosen.weights) == 4
    assert not any(found.read for found in result.candidates)


def test_text_without_an_answer_has_a_class_of_its_own() -> None:
    """The last line stands for the answer."""
    config = question_config(
        policy="scripted",
        samples=4,
        verifier="exact",
        overrides=['policy.params.lines=["Paris\\n"]', "policy.params.length=1"],
    )
    (result,) = answers(config, ["Where?"])
    assert result.best is not None
    assert not result.best.read


def test_a_score_is_a_mean_over_tokens_also_where_their_ids_are_not_known() -> None:
    """A server may give log-probabilities alone; a long response would have no weight."""
    step = Step("x = 12, so\nthe answer is 4\n", logprob=-7.0)
    end = Node(1, 0, step, 1, terminal=True, visit_count=1)
    tree = SearchTree(Problem("p", "q", ""), [Node(0, None, Step(""), 0, children=[1]), end], "")
    program = answers_found(tree.problem, tree, reads=False, rates=False)
    with pytest.raises(StopIteration) as stop:
        next(program)
    (found,) = stop.value.value
    assert found.candidate.tokens == 7
    assert found.candidate.score == pytest.approx(exp(-1.0))


def test_a_response_that_the_token_limit_cut_off_counts_without_a_vote() -> None:
    """The longer answer is no whole step of 11 tokens."""
    texts = ["the answer is 4", "the answer is, after a long time of thinking about it, 4"]
    script = "policy.params.answers=" + json.dumps([f"{text}\n" for text in texts])
    limits = [script, "search.params.step_tokens=11", "policy.params.length=1"]
    config = question_config(policy="scripted", samples=20, verifier="exact", overrides=limits)
    (result,) = answers(config, ["q?"])
    assert result.confidence is not None
    (only,) = result.candidates
    assert (result.samples, result.cut) == (20, 20 - only.candidate.samples)
    assert result.cut > 0
    assert result.confidence.value == only.candidate.samples / 20


def test_an_answer_is_printed_with_what_it_cost() -> None:
    result = ask("What is half of one?", "--samples", "12", "--verifier", "exact")
    assert result.exit_code == 0, result.output
    assert "confidence" in result.stdout
    assert "12 responses, 4 different, 0 cut off; " in result.stdout
    only = ask("What is half of one?", "--samples", "12", "--answer-only", "--verifier", "exact")
    assert only.stdout.strip() in ANSWERS


def test_json_has_every_candidate_on_request() -> None:
    row = json.loads(ask("q?", "--samples", "8", "--json", "--all", "--verifier", "exact").stdout)
    assert row["answer"] in ANSWERS
    assert row["tokens"] > 0
    (first, *_) = row["candidates"]
    assert {"answer", "class", "score", "tokens", "samples", "response", "node"} <= first.keys()
    assert sum(each["samples"] for each in row["candidates"]) == row["samples"] == 8
    assert 0.0 < first["score"] <= 1.0
    assert row["confidence"]["low"] <= row["confidence"]["value"] <= row["confidence"]["high"]


def test_many_questions_give_one_line_each(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("one?\n\ntwo?\nthree?\n")
    result = ask("--questions", str(path), "--samples", "4", "--verifier", "exact")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["question"] for row in rows] == ["one?", "two?", "three?"]
    only = ask("--questions", str(path), "--answer-only", "--verifier", "exact")
    assert len(only.stdout.splitlines()) == 3
    assert ask("-", "--answer-only", "--verifier", "exact", text="from stdin?\n").exit_code == 0


def test_plain_questions_and_rows_may_stand_in_one_file() -> None:
    lines = b'one?\n{"question": "two?", "id": "b"}\n{x} = ?\n'
    found = [(problem.id, problem.prompt) for problem in read_questions(lines, "q.txt")]
    assert found == [("question-0", "one?"), ("b", "two?"), ("question-2", "{x} = ?")]


def test_rows_keep_the_ids_of_their_questions(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('\ufeff{"id": 7, "question": "a?"}\n\n{"prompt": "b?", "source": "x"}\n')
    result = ask("--questions", str(path), "--samples", "2", "--verifier", "exact")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["id"], row["question"]) for row in rows] == [("7", "a?"), ("question-1", "b?")]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b'{"question": "a?"}\n{"question"\n', "q.jsonl:2: "),
        (b'{"question": "a?"}\nplain\n', "q.jsonl:2: "),
        (b'{"text": "a?"}\n', "q.jsonl:1: expected a text under the key question or prompt"),
        (b'{"id": 1, "prompt": "a"}\n{"id": "1", "prompt": "b"}\n', "q.jsonl:2: the id '1'"),
        (b"fine?\n\xff\n", "q.jsonl:2: the text is not valid UTF-8"),
        (b"\n \n", "q.jsonl: there is no question"),
    ],
)
def test_a_bad_line_of_questions_is_named(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(content)
    result = ask("--questions", str(path))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert wrong in result.stderr


def test_a_search_goes_on_from_the_tree_that_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "tree.jsonl"
    common = ("--verifier", "exact", "--save", str(path), "--json")
    first = json.loads(ask("q?", "--samples", "4", *common).stdout)
    (tree,) = read_lines(path, SearchTree)
    assert tree.problem.prompt == "q?"
    more = json.loads(ask("--from", str(path), "--samples", "8", *common).stdout)
    (grown,) = read_lines(path, SearchTree)
    assert (first["question"], more["question"]) == ("q?", "q?")
    assert sum(node.visit_count for node in grown.terminals()) == 12
    assert more["tokens"] == 2 * first["tokens"]
    assert [node.step for node in grown.nodes[: len(tree.nodes)]] == [n.step for n in tree.nodes]
    other = ask("another?", "--from", str(path))
    assert (other.exit_code, other.stderr.count("\n")) == (2, 1)
    cannot = ask("--from", str(path), "--search", "beam")
    assert (cannot.exit_code, cannot.stderr.count("\n")) == (2, 1)


LINES = json.dumps([f"think of {i}\n" for i in range(50)])
LONG = {
    "policy.params.length": 3,
    "policy.params.lines": LINES,
    "search.name": "mcts",
    "search.params": "{expand: 5, iterations: 4000}",
    "verifier.name": "exact",
}


class CtrlC:
    """Interrupts a search when its tree has so many terminal nodes."""

    def __init__(self, terminals: int, error: type[KeyboardInterrupt] = KeyboardInterrupt) -> None:
        self.terminals = terminals
        self.error = error
        self.notices: list[str] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.notices.append(event.text)
        if isinstance(event, TreeGrown) and len(event.tree().terminals()) >= self.terminals:
            raise self.error


@pytest.mark.parametrize("search", [LONG, {}], ids=["mcts", "default"])
@pytest.mark.parametrize(("stop", "code"), [(CtrlC(1), 4), (CtrlC(0), 130)])
def test_ctrl_c_gives_the_partial_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop: CtrlC,
    code: int,
    search: dict[str, object],
) -> None:
    monkeypatch.setattr("astro.cli.solve.progress", lambda: nullcontext(stop))
    monkeypatch.setattr("astro.runs.growing._PAUSE", 0.0)
    monkeypatch.setattr("astro.runs.growing._SHARE", 1e9)
    path = tmp_path / "tree.jsonl"
    options = [word for key, value in search.items() for word in ("--set", f"{key}={value}")]
    result = ask("q?", *options, "--json", "--save", str(path))
    assert result.exit_code == code, result.output
    row = json.loads(result.stdout)
    assert (row["ended"], row["partial"]) == ("interrupted", True)
    assert (row["answer"] in ANSWERS) == (code == 4)
    (tree,) = read_lines(path, SearchTree)
    assert tree.ended == "interrupted"
    assert len(tree.terminals()) >= (code == 4)
    assert stop.notices[-1].endswith(f"; go on with --from {path} in place of the question")


def test_in_python_ctrl_c_and_sigterm_are_raised() -> None:
    class Terminated(KeyboardInterrupt):
        pass

    config = question_config(policy="scripted", verifier="exact", samples=8)
    for stop, until in ((CtrlC(0), False), (CtrlC(0, Terminated), True)):
        with pytest.raises(KeyboardInterrupt):
            list(answers(config, ["q?"], until_interrupted=until, on_event=stop))


def test_python_returns_the_answer_with_all_that_belongs_to_it() -> None:
    options = {"samples": 12, "verifier": "exact", "overrides": [SCRIPT]}
    solved = astro.solve("What is half of one?", policy="scripted", **options)
    assert solved.answer in ANSWERS
    assert solved.confidence is not None
    assert solved.confidence.low <= solved.confidence.value <= solved.confidence.high
    assert {found.answer for found in solved.candidates} <= set(ANSWERS)
    assert solved.tokens > 0
    assert solved.seconds > 0
    more = astro.solve(
        "What is half of one?", policy="scripted", tree=solved.tree, **options | {"samples": 8}
    )
    assert sum(found.candidate.samples for found in more.candidates) == 20
    with pytest.raises(ConfigError):
        astro.solve("What is half of one?", policy="scripted", answer="1/2")
    with pytest.raises(ConfigError):
        astro.solve(question_config(policy="scripted"), "q?", samples=3)


def test_text_without_a_box_is_a_class_on_the_command_line() -> None:
    lines = ["--set", 'policy.params.lines=["Paris\\n"]', "--set", "policy.params.length=1"]
    result = ask("Where?", *lines, "--answer-only", "--verifier", "exact")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()


def test_a_spent_budget_has_a_code_of_its_own() -> None:
    result = ask("q?", "--samples", "64", "--budget", "tokens=40", "--json", "--verifier", "exact")
    assert json.loads(result.stdout)["ended"] == "budget"
    assert result.exit_code == 4
    nothing = ask("q?", "--samples", "64", "--budget", "tokens=1", "--json", "--verifier", "exact")
    assert nothing.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.yaml", "q?"),
        ("q?", "--answer", "1"),
        ("q?", "--budget", "tokens=0"),
        ("q?", "--samples", "0"),
        ("q?", "--model", "/no/such"),
        ("q?", "--from", "/no/such"),
        (" ",),
        ("q?", "--search", "tot_dfs", "--samples", "0"),
        ("q?", "--search", "no_such"),
        ("q?", "--search", "mcts", "--value", "rollout"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...]) -> None:
    result = ask(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("option", [("--policy", "nonesuch"), ("--policy", "transformers")])
def test_a_policy_that_is_not_there_is_one_line(option: tuple[str, str]) -> None:
    result = CliRunner().invoke(main, ["solve", "q?", *option, "--set", "policy.params.model=/no"])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1

"""Errors of the options of `astro solve` name what was typed, and no key of a config."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from astro.cli import main


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["solve", "q?", *arguments])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--budget tokens", "--budget tokens: expected KEY=N, such as tokens=1000; KEY is one of "),
        ("--budget =3", "--budget =3: expected KEY=N"),
        ("--budget tokens=", "--budget tokens=: expected KEY=N"),
        ("--budget tokens=[", "--budget tokens=[: expected KEY=N"),
        ("--budget token=3", "--budget token=3: expected KEY=N"),
        ("--budget tokens.x=3", "--budget tokens.x=3: expected KEY=N"),
        ("--budget tokens=0", "--budget tokens: expected greater than or equal to 1, got 0"),
        ("--budget tokens=1.5", "--budget tokens: expected a valid integer"),
        ("--budget seconds=-1", "--budget seconds: expected greater than 0, got -1"),
        ("--samples 0", "--samples: expected greater than or equal to 1, got 0"),
        ("--search mcts --samples 0", "--samples: expected greater than or equal to 1, got 0"),
        ("--search dvts --samples 3", "--samples: 3 is no multiple of width 4\n"),
        ("--temperature -1", "--temperature: expected greater than or equal to 0, got -1.0"),
        ("--seed -1", "--seed: expected greater than or equal to 0, got -1"),
        ("--system x", "--system: policy scripted writes no prompts"),
        ("--model x", "--model: this policy has no such param"),
        ("--verifier no-such", "--verifier: no verifier named 'no-such'"),
        ("--search mcts --value no-such", "--value: no value named 'no-such'"),
        ("--search mcts --value rollout", "--value: rollout needs verdicts, and verifier none "),
    ],
)
def test_an_error_names_the_option(options: str, said: str) -> None:
    result = ask("--policy", "scripted", *options.split())
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {said}"), result.stderr
    assert result.stderr.count("\n") == 1


def test_a_policy_and_its_model_are_named_as_options() -> None:
    assert ask("--policy", "no-such").stderr.startswith("error: --policy: no policy named")


def test_a_search_that_cannot_go_on_from_a_tree_is_named_as_an_option(tmp_path: Path) -> None:
    path = tmp_path / "tree.jsonl"
    common = ("--policy", "scripted", "--verifier", "exact")
    assert ask(*common, "--save", str(path)).exit_code == 0
    result = ask(*common, "--from", str(path), "--search", "beam")
    assert result.stderr == "error: --search: beam cannot go on from a tree\n"


@pytest.mark.parametrize("key", ["budget.tokens", "search.params.samples", "seed"])
def test_an_error_in_a_key_that_was_set_names_the_key(key: str) -> None:
    result = ask("--policy", "scripted", "--set", f"{key}=-1")
    assert result.stderr.startswith(f"error: {key}: expected greater than or equal to ")

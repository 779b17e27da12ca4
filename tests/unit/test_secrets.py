"""Secret params are used, and are in nothing that a run writes or says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from click.testing import CliRunner, Result
from pydantic import Field, SecretStr
from small_runs import small_config

from astro.cli import main
from astro.errors import ConfigError
from astro.plugins.params import Params, validate
from astro.plugins.secrets import (
    SECRET,
    SECRET_ENTRIES,
    left_out,
    redacted,
    revealed,
    secret_paths,
    without_secrets,
)

KEY = "sk-very-secret-0123456789"
OTHER = "sk-another-secret-987654"
PLUGIN = """
from typing import Annotated
from pydantic import SecretStr
from astro.builtin.jsonl import JsonlParams, JsonlProblems
from astro.builtin.scripted import ScriptedParams, ScriptedPolicy
from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.params import Params
from astro.plugins.secrets import SECRET, SECRET_ENTRIES, revealed

class Account(Params):
    password: SecretStr | None = None

class KeyedParams(ScriptedParams):
    headers: Annotated[dict[str, str], SECRET] = {}
    extra: Annotated[dict[str, object], SECRET_ENTRIES] = {}
    account: Account = Account()

class Keyed(ScriptedPolicy):
    def __init__(self, params):
        params = revealed(params)
        assert params.headers.get("X-Token", "").startswith("sk-"), params.headers
        super().__init__(params)

class HeldParams(JsonlParams):
    token: Annotated[str, SECRET] = ""

@hookimpl
def astro_providers():
    return [
        Provider("policy", "keyed", "k", "keyed:Keyed", params="keyed:KeyedParams"),
        Provider("problems", "held", "h", "astro.builtin.jsonl:JsonlProblems",
                 params="keyed:HeldParams"),
    ]
"""
Command = Callable[..., Result]


def keyed(key: str, **extra: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "answers": ["the answer is 1\n"],
        "headers": {"X-Token": key},
        "extra": {"top_k": 5, "api_key": key, **extra},
        "account": {"password": key},
    }
    return {"name": "keyed", "params": params}


@pytest.fixture
def command(tmp_path: Path, distribution: Any) -> Command:
    """`command(words, key)` runs `astro WORDS CONFIG` with the key in the config."""
    distribution("keyed", PLUGIN)

    def run(words: str, key: str, *more: str, **extra: Any) -> Result:
        config = small_config(tmp_path, policy=keyed(key, **extra))
        config["problems"]["name"] = "held"
        config["problems"]["params"]["token"] = key
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        runs = ["--runs", str(tmp_path / "runs")] if words == "run" else []
        return CliRunner().invoke(main, [*words.split(), str(path), *runs, *more])

    return run


def holding(folder: Path, *texts: str) -> list[str]:
    """The names of the files that hold one of the texts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"config.yaml", "report.md", "journal.db", "manifest.json"} <= {p.name for p in files}
    return [p.name for p in files if any(text.encode() in p.read_bytes() for text in texts)]


def test_a_secret_is_in_no_file_and_no_line_of_a_run(tmp_path: Path, command: Command) -> None:
    ran = command("run", KEY)
    assert ran.exit_code == 0, ran.output
    shown = command("config show", KEY)
    assert KEY not in ran.output + shown.output
    assert holding(tmp_path / "runs", KEY) == []
    for text in (shown.output, (tmp_path / "runs/small/config.yaml").read_text()):
        params = yaml.safe_load(text)["policy"]["params"]
        assert params["headers"] == {"X-Token": "(secret)"}
        assert params["extra"] == {"top_k": 5, "api_key": "(secret)"}
        assert params["account"] == {"password": "(secret)"}


def test_a_run_does_not_depend_on_its_secrets(tmp_path: Path, command: Command) -> None:
    assert command("run", KEY, "--until", "search").exit_code == 0
    other = command("run", OTHER, session_token=OTHER)
    assert other.exit_code == 0, other.output
    again = command("run", KEY, "--from", "evaluate", "--set", "evaluate.samples=1")
    assert again.exit_code == 0, again.output
    assert holding(tmp_path / "runs", KEY, OTHER) == []
    changed = command("run", KEY, "--set", "evaluate.samples=1", top_k=6)
    assert changed.exit_code == 2
    assert "(changed: policy.params.extra.top_k)" in changed.output


def test_a_config_of_an_older_release_that_holds_secrets_is_taken_up(
    tmp_path: Path, command: Command
) -> None:
    assert command("run", KEY).exit_code == 0
    stored = tmp_path / "runs" / "small" / "config.yaml"
    stored.write_text(stored.read_text().replace("(secret)", KEY))
    assert holding(tmp_path / "runs", KEY) == ["config.yaml"]
    assert command("run", OTHER).exit_code == 0
    assert holding(tmp_path / "runs", KEY, OTHER) == []


def test_a_secret_may_be_in_an_environment_variable(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A_TOKEN", raising=False)
    without = command("run", "${A_TOKEN}")
    assert without.exit_code == 2
    assert "headers.X-Token: the environment variable A_TOKEN is not set" in without.output
    monkeypatch.setenv("A_TOKEN", KEY)
    assert command("run", "${A_TOKEN}").exit_code == 0
    stored = tmp_path / "runs" / "small" / "config.yaml"
    assert "X-Token: ${A_TOKEN}" in stored.read_text()
    assert holding(tmp_path / "runs", KEY) == []


def test_a_config_without_its_secrets_cannot_be_run(tmp_path: Path, command: Command) -> None:
    assert command("run", KEY).exit_code == 0
    stored = tmp_path / "runs" / "small" / "config.yaml"
    refused = CliRunner().invoke(main, ["run", str(stored), "--runs", str(tmp_path / "other")])
    assert refused.exit_code == 2
    assert "policy.params.headers.X-Token: this secret was left out" in refused.output
    assert "problems.params.token: this secret was left out" in refused.output


@pytest.mark.parametrize(
    "override",
    [
        f"policy.params.headers={KEY}",
        f"policy.params.headers=[{KEY}]",
        f"policy.params.headers.X-Token=[{KEY}]",
        f"policy.params.extra={KEY}",
        f"policy.params.account.password=[{KEY}]",
        f"policy.params.account=[{KEY}]",
        f"policy.params.headers.X-Token='{KEY}",
        f"problems.params.token={{a: {KEY}}}",
    ],
)
def test_no_error_repeats_a_secret(command: Command, override: str) -> None:
    refused = command("config check", OTHER, "--set", override)
    assert refused.exit_code == 2
    assert refused.output.startswith("error: ")
    assert KEY not in refused.output and OTHER not in refused.output


def test_an_error_in_yaml_repeats_no_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f'policy:\n  token: "{KEY}\n')
    refused = CliRunner().invoke(main, ["config", "check", str(path)])
    assert refused.exit_code == 2
    assert "not valid YAML: " in refused.output and "line " in refused.output
    assert KEY not in refused.output


class Nested(Params):
    key: SecretStr = SecretStr("")
    size: int = 0


class Many(Params):
    token: Annotated[str, SECRET] | None = None
    pins: Annotated[list[int], SECRET] = Field(default_factory=list)
    body: Annotated[dict[str, Any], SECRET_ENTRIES] = Field(default_factory=dict)
    nested: list[Nested] = Field(default_factory=list)


def test_secrets_are_found_wherever_they_are() -> None:
    values = {
        "token": "abcd",
        "pins": [1234, 5678],
        "body": {"auth": {"user": "me", "on": True}, "logger.wandb.key": "k", "eos_token": "</s>"},
        "nested": [{"key": "x", "size": 1}],
        "unknown": "y",
    }
    assert secret_paths(Many, values) == [
        *("token", "pins.0", "pins.1", "body.auth.user", "body.logger.wandb.key", "nested.0.key"),
    ]
    hidden = without_secrets(Many, values)
    assert json.loads(json.dumps(hidden)) == {
        "token": "(secret)",
        "pins": ["(secret)", "(secret)"],
        "body": {
            "auth": {"user": "(secret)", "on": True},
            "logger.wandb.key": "(secret)",
            "eos_token": "</s>",
        },
        "nested": [{"key": "(secret)", "size": 1}],
        "unknown": "y",
    }
    assert left_out(Many, hidden) == secret_paths(Many, values)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *((name, True) for name in ("api_key", "x-api-key", "apiKey", "HF_TOKEN", "github_token")),
        *((name, True) for name in ("Authorization", "client_secret", "db_password", "auth")),
        *((name, False) for name in ("max_tokens", "eos_token", "stop_token_ids", "top_k")),
        *((name, False) for name in ("prompt_cache_key", "input_key", "author", "tokenizer")),
    ],
)
def test_entries_are_secret_by_their_names(name: str, secret: bool) -> None:
    assert bool(secret_paths(Many, {"body": {name: "x"}})) is secret


def test_secrets_are_revealed_where_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", KEY)
    monkeypatch.setenv("TOP_K", "9")
    values = {"token": "Bearer ${A_TOKEN}", "body": {"key": "${A_TOKEN}", "top_k": "${TOP_K}"}}
    params = revealed(validate(Many, {**values, "nested": [{"key": "${A_TOKEN}"}]}))
    assert params.token == f"Bearer {KEY}"
    assert params.body == {"key": KEY, "top_k": "${TOP_K}"}
    assert params.nested[0].key.get_secret_value() == KEY
    assert redacted(params, f"refused {KEY}, Bearer {KEY[:4]}\u200b{KEY[4:]}") == "refused ***, ***"
    assert without_secrets(Many, values)["token"] == "(secret)"
    assert without_secrets(Many, values)["body"]["key"] == "${A_TOKEN}"


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_TOKEN", raising=False)
    with pytest.raises(ConfigError, match=r"^token: the environment variable A_TOKEN is not set$"):
        revealed(validate(Many, {"token": "${A_TOKEN}"}))

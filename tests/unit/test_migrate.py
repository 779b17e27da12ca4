"""Configs with keys that were renamed or moved."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from astro.cli import main
from astro.config import migrate as module
from astro.config.loading import load_config
from astro.config.migrate import MOVED, migrate, migrate_path
from astro.config.yaml import read_config
from astro.errors import ConfigError, ConfigWarning, FormatError
from astro.experiments.loading import load
from astro.experiments.study import Study

TABLE = (
    ("sft_tokens", "sft.tokens"),
    ("policy.params.prompt_style", "prompt.style"),
    ("rl.params.prompt_style", "prompt.style"),
)
RUN = {
    "name": "small",
    "problems": {"name": "jsonl", "params": {"train": "train.jsonl"}},
    "policy": {"name": "scripted"},
    "verifier": {"name": "exact"},
    "search": {"name": "mcts"},
    "linearizer": {"name": "backtrack"},
}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """`TABLE` in place of what has really moved."""
    monkeypatch.setattr(module, "MOVED", TABLE)


@pytest.fixture
def seed_was_random_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that `RunConfig` has under another name."""
    monkeypatch.setattr(module, "MOVED", (("random_state", "seed"), ("search.depth", "trees")))


def written(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config))
    return path


def test_no_row_of_the_table_makes_work_for_another() -> None:
    old = [path.split(".") for path, _ in MOVED]
    new = [path.split(".") for _, path in MOVED]
    assert not [(a, b) for a in old for b in new if b[: len(a)] == a]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("raw", "config"),
    [
        ({"sft": {"name": "t"}, "sft_tokens": 5}, {"sft": {"name": "t", "tokens": 5}}),
        ({"sft_tokens": 5}, {"sft": {"tokens": 5}}),
        ({"sft": None, "sft_tokens": None}, {"sft": None}),
        ({"sft": None, "sft_tokens": 5}, {"sft": None}),
        ({"sft_tokens": None}, {}),
        ({"sft": {"tokens": 4}, "sft_tokens": None}, {"sft": {"tokens": 4}}),
        ({"sft": {"tokens": None}, "sft_tokens": 5}, {"sft": {"tokens": 5}}),
        ({"sft": "a word", "sft_tokens": 5}, {"sft": "a word"}),
        (
            {"policy": {"params": {"prompt_style": "x", "a": 1}}},
            {"policy": {"params": {"a": 1}}, "prompt": {"style": "x"}},
        ),
        ({"policy": None}, {"policy": None}),
        ({"policy": {"params": 7}}, {"policy": {"params": 7}}),
        ({"inference": {"sft_tokens": 5}}, {"inference": {"sft": {"tokens": 5}}}),
        (
            {"arms": {"a": {"sft_tokens": 5}, "b": None}},
            {"arms": {"a": {"sft": {"tokens": 5}}, "b": None}},
        ),
        ({"arms": [1], "inference": 3}, {"arms": [1], "inference": 3}),
    ],
)
def test_a_key_goes_where_it_belongs_now(raw: dict[str, Any], config: dict[str, Any]) -> None:
    before = yaml.safe_dump(raw)
    assert migrate(raw)[0] == config
    assert migrate(config) == (config, [])
    assert yaml.safe_dump(raw) == before


@pytest.mark.usefixtures("table")
def test_each_key_that_moved_is_listed_once() -> None:
    _, renamed = migrate({"sft_tokens": 5, "arms": {"a": {"sft_tokens": 6}}})
    assert renamed == [
        ("sft_tokens", "sft.tokens"),
        ("arms.a.sft_tokens", "arms.a.sft.tokens"),
    ]


@pytest.mark.usefixtures("table")
def test_two_keys_may_become_one_if_they_say_the_same() -> None:
    both = {"policy": {"params": {"prompt_style": "x"}}, "rl": {"params": {"prompt_style": "x"}}}
    assert migrate(both)[0]["prompt"] == {"style": "x"}
    both["rl"]["params"]["prompt_style"] = "y"
    with pytest.raises(ConfigError, match=r"c\.yaml: rl\.params\.prompt_style: prompt\.style is"):
        migrate(both, "c.yaml")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("sft_tokens", "sft.tokens"),
        ("arms.a.sft_tokens", "arms.a.sft.tokens"),
        ("inference.sft_tokens", "inference.sft.tokens"),
        ("policy.params.prompt_style.deeper", "prompt.style.deeper"),
        ("sft_tokens_too", "sft_tokens_too"),
        ("armssft_tokens", "armssft_tokens"),
        ("", ""),
    ],
)
def test_an_override_is_renamed_as_well(path: str, current: str) -> None:
    assert migrate_path(path)[0] == current
    assert len(migrate_path(path)[1]) == (path != current)


@pytest.mark.parametrize("number", [1, 2])
def test_a_config_may_say_its_format(number: int) -> None:
    assert migrate({"format": number, "name": "a"}) == ({"name": "a"}, [])


def test_a_format_that_is_no_number_is_an_unknown_key(tmp_path: Path) -> None:
    path = written(tmp_path / "c.yaml", {**RUN, "format": "yaml"})
    with pytest.raises(ConfigError, match="format: unknown key"):
        load_config(path)


def test_a_config_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "c.yaml", {**RUN, "format": 3, "no_such_key": 1})
    with pytest.raises(FormatError, match=r"c\.yaml was written by a newer ASTRO \(format 3; this"):
        load_config(path)
    result = CliRunner().invoke(main, ["run", str(path)], prog_name="astro")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("policy", "sft", "prompt"),
    [
        ({"system": "s"}, {"system": "s"}, {"system": "s"}),
        (
            {"system": "s", "prompt_style": "chat"},
            {"system": "s"},
            {"system": "s", "style": "chat"},
        ),
        ({"prompt_style": "raw"}, {"prompt_style": "raw"}, {"style": "raw"}),
        ({"system": "s"}, None, {"system": "s"}),
        ({"model": "m"}, {"epochs": 2}, None),
    ],
)
def test_prompts_of_policy_and_trainer_become_one(
    policy: dict[str, Any], sft: dict[str, Any] | None, prompt: dict[str, Any] | None
) -> None:
    raw = {"policy": {"params": policy}, "sft": None if sft is None else {"params": sft}}
    config, lines = migrate(raw)
    assert config.get("prompt") == prompt
    assert not {"system", "prompt_style"} & config["policy"]["params"].keys()
    assert len(lines) == sum(key in (sft or {}) for key in ("system", "prompt_style")) + sum(
        key in policy for key in ("system", "prompt_style")
    )


@pytest.mark.parametrize(
    ("policy", "sft", "names"),
    [
        ({"system": "s"}, {}, r"system .*\('s' and None\); set prompt\.system"),
        ({}, {"system": "s"}, r"system .*\(None and 's'\)"),
        ({"prompt_style": "raw"}, {}, r"prompt_style .*\('raw' and 'auto'\); set prompt\.style"),
    ],
)
def test_prompts_that_differ_are_an_error_that_names_both(
    policy: dict[str, Any], sft: dict[str, Any], names: str
) -> None:
    raw = {"policy": {"params": policy}, "sft": {"params": sft}}
    with pytest.raises(ConfigError, match="policy.params.* and sft.params.*" + names):
        migrate(raw)


@pytest.mark.usefixtures("seed_was_random_state")
def test_a_file_with_old_keys_is_read_with_a_warning_for_each(tmp_path: Path) -> None:
    path = written(tmp_path / "c.yaml", {**RUN, "random_state": 3})
    with pytest.warns(ConfigWarning) as caught:
        assert load_config(path).seed == 3
    line = "random_state is now called seed; the next release will not know the old name"
    assert [str(w.message) for w in caught] == [line]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_config(written(path, {**RUN, "seed": 3}))


@pytest.mark.usefixtures("seed_was_random_state")
@pytest.mark.parametrize(
    "overrides", [["random_state=4"], ["seed=4"], ["search={name: mcts, depth: 4}", "seed=4"]]
)
def test_an_override_wins_whatever_name_it_uses(tmp_path: Path, overrides: Sequence[str]) -> None:
    path = written(tmp_path / "c.yaml", {**RUN, "random_state": 3})
    with pytest.warns(ConfigWarning):
        read = read_config(path, overrides)
    assert read["seed"] == 4
    assert read.get("trees") == (4 if len(overrides) == 2 else None)
    assert "random_state" not in read


@pytest.mark.usefixtures("seed_was_random_state")
def test_an_arm_with_an_old_key_is_read_too(tmp_path: Path) -> None:
    arms = {"a": {"search": {"depth": 5}}, "b": {}}
    path = written(tmp_path / "c.yaml", {**RUN, "arms": arms, "random_state": 3})
    with pytest.warns(ConfigWarning) as caught:
        study = load(path)
    assert isinstance(study, Study)
    assert [study.arms[arm].trees for arm in "ab"] == [5, None]
    assert [study.arms[arm].seed for arm in "ab"] == [3, 3]
    assert len(caught) == 2


@pytest.mark.usefixtures("seed_was_random_state")
def test_the_command_line_shows_each_line_once(tmp_path: Path) -> None:
    path = written(tmp_path / "c.yaml", {**RUN, "random_state": 3})
    for _ in range(2):
        result = CliRunner().invoke(main, ["config", "show", str(path), "--set", "random_state=2"])
        assert result.exit_code == 0
        line = "random_state is now called seed; the next release will not know the old name"
        assert result.stderr == f"warning: {line}\n"

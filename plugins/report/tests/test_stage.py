"""The stage that ends every run, as long as the plugin is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from small_runs import notices, small_config

import astro
from astro.cli.app import main
from astro.config.loading import parse_config
from astro.config.stages import run_stages
from astro.errors import ConfigError
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder

REGISTRY = Registry.discover()


def without_the_plugin() -> Registry:
    return Registry(entry for entry in REGISTRY.entries if not entry.provider.automatic)


def stages(config: dict[str, Any]) -> list[str]:
    return [stage.name for stage in run_stages(parse_config(config, REGISTRY), REGISTRY)]


def go(runs: Path, config: dict[str, Any], registry: Registry = REGISTRY, **options: Any) -> Path:
    astro.run(parse_config(config, registry), runs=runs, registry=registry, **options)
    return runs / "small"


def test_every_run_ends_with_its_report(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    assert stages(config)[-2:] == ["report", "html"]
    assert (go(tmp_path, config) / "report.html").exists()


def test_config_turns_the_stage_off(tmp_path: Path) -> None:
    config = small_config(tmp_path, stages={"html": None})
    assert "html" not in stages(config)
    assert not (go(tmp_path, config) / "report.html").exists()


def test_config_show_names_the_stage(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(json.dumps(small_config(tmp_path)))
    shown = CliRunner().invoke(main, ["config", "show", str(file)]).stdout
    assert yaml.safe_load(shown)["stages"] == {"html": {"name": "html", "params": {}}}
    go(tmp_path, small_config(tmp_path))
    (tmp_path / "shown.yaml").write_text(shown)
    again = CliRunner().invoke(main, ["run", str(tmp_path / "shown.yaml"), "--runs", str(tmp_path)])
    assert "html: done before" in again.stderr
    assert f"Open in a browser:\n{tmp_path / 'small' / 'report.html'}\n" in again.stdout


def test_config_turns_off_no_built_in_stage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"evaluate is built in and cannot be turned off"):
        parse_config(small_config(tmp_path, stages={"evaluate": None}), REGISTRY)


def test_run_is_the_same_with_or_without_the_stage(tmp_path: Path) -> None:
    run = go(tmp_path, small_config(tmp_path), without_the_plugin())
    stored = (run / "config.yaml").read_text()
    assert not (run / "report.html").exists()
    go(tmp_path, small_config(tmp_path))
    assert (run / "report.html").exists()
    assert (run / "config.yaml").read_text() == stored
    for given in ({"html": None}, {"html": {"name": "html"}}, {}):
        go(tmp_path, small_config(tmp_path, stages=given))


def test_damaged_report_is_made_again(tmp_path: Path) -> None:
    run = go(tmp_path, small_config(tmp_path))
    whole = (run / "report.html").read_bytes()
    (run / "report.html").write_text("cut")
    told = notices(tmp_path, small_config(tmp_path))
    assert any("report.html is damaged" in line for line in told)
    assert (run / "report.html").read_bytes() == whole


@pytest.mark.parametrize("registry", [REGISTRY, without_the_plugin()], ids=["with", "without"])
def test_fresh_run_deletes_the_report(tmp_path: Path, registry: Registry) -> None:
    run = go(tmp_path, small_config(tmp_path))
    (run / "report_data").mkdir()
    go(tmp_path, small_config(tmp_path), registry, fresh=True, until="search")
    assert not (run / "report.html").exists()
    assert not (run / "report_data").exists()


def test_report_follows_a_new_evaluation(tmp_path: Path) -> None:
    run = go(tmp_path, small_config(tmp_path))
    first = (run / "report.html").read_bytes()
    config = small_config(tmp_path)
    go(tmp_path, config | {"evaluate": {**config["evaluate"], "samples": 3}}, again=True)
    assert (run / "report.html").read_bytes() != first
    assert "pass@3" in (run / "report.html").read_text()


def test_run_until_the_trees_has_its_report_by_the_command(tmp_path: Path) -> None:
    run = go(tmp_path, small_config(tmp_path), until="linearize")
    assert not (run / "report.html").exists()
    out = tmp_path / "so far.html"
    done = CliRunner().invoke(main, ["report", str(run), "--out", str(out)])
    assert (done.exit_code, done.stdout) == (0, f"The report is in {out}\n")
    assert 'id="trees"' in out.read_text()


def test_finished_report_made_by_the_command_is_not_taken_for_damaged(tmp_path: Path) -> None:
    run = go(tmp_path, small_config(tmp_path), until="report")
    assert CliRunner().invoke(main, ["report", str(run)]).exit_code == 0
    (run / "report.html").write_text("older")
    go(tmp_path, small_config(tmp_path))
    assert CliRunner().invoke(main, ["report", str(run)]).exit_code == 0
    assert not RunFolder(run).manifest.damaged()


def test_unfinished_run_is_not_given_a_report_that_would_stay(tmp_path: Path) -> None:
    run = go(tmp_path, small_config(tmp_path), until="search")
    done = CliRunner().invoke(main, ["report", str(run)])
    assert done.exit_code == 2
    assert "has not finished" in done.stderr
    assert "--out" in done.stderr


@pytest.mark.parametrize("what", ["no run", "at work", "damaged"])
def test_folder_that_cannot_be_reported_is_one_line(tmp_path: Path, what: str) -> None:
    run = tmp_path
    if what != "no run":
        run = go(tmp_path, small_config(tmp_path))
    if what == "damaged":
        (run / "trees.jsonl").write_text('{"problem": 3}\n')
    with RunFolder(run).locked() if what == "at work" else RunFolder(tmp_path / "x").locked():
        done = CliRunner().invoke(main, ["report", str(run)])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1

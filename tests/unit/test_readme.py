"""What the documents say is so: links lead somewhere, commands parse, snippets work."""

from __future__ import annotations

import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from astro.cli import main
from astro.config.loading import parse_config
from astro.config.run import Evaluate, RunConfig
from astro.engine.budget import Budget
from astro.plugins.binding import VerifierBinding
from astro.plugins.registry import Registry
from astro.runs.scoring import EvaluatedProblem
from astro.runs.stages.linearize import trace_row
from astro.types import Node, Problem, SearchTree, Segment, Status, Trace, Verdict

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("plugins/*/README.md")]
)
README = ROOT / "README.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(*pages: Path) -> Iterator[list[str]]:
    """The command lines in shell blocks, without their comments."""
    for page in pages:
        for block in blocks(page, "bash"):
            yield from filter(
                None, (shlex.split(line, comments=True) for line in block.splitlines())
            )


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not link.startswith(("http://", "https://")):
            path, _, anchor = link.partition("#")
            target = (page.parent / path) if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def leaf(words: list[str]) -> click.Command:
    """The subcommand that the words name, through however many groups."""
    command: click.Command | None = main
    for word in words:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), word)
    assert command is not None, words
    return command


@pytest.mark.parametrize("words", [c for c in commands(*PAGES) if c[0] == "astro"], ids=" ".join)
def test_astro_commands_parse(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ROOT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "runs").unlink(missing_ok=True)
    (tmp_path / "runs" / "quickstart").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(leaf(words[1:]), "callback", lambda **_: None)
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, result.output


CHEAP = ("config", "plan", "verify", "plugins", "doctor")


@pytest.mark.parametrize(
    "words", [c for c in commands(*PAGES) if c[0] == "astro" and c[1] in CHEAP], ids=" ".join
)
def test_cheap_commands_work_as_they_stand(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("configs", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, result.output


PLACES = r"\b(?:astro|bench|configs|docs|examples|libs|plugins|tests)/[\w./-]*\w"
MODULES = r"`(astro\.[a-z_]+(?:\.[A-Za-z_]+)*)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_modules_that_are_named_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md" or page.parent.name == "decisions":  # these tell of the past
        return
    text = page.read_text().partition("## Plugins of the first edition")[0]
    text = re.sub(r"https?://\S+|bench/results\S*", "", text)
    for place in re.findall(PLACES, text):
        assert (ROOT / place).exists() or (page.parent / place).exists(), place
    for name in re.findall(MODULES, text):
        if name != "astro.models":  # a group of entry points
            pkgutil.resolve_name(name)


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = {words[1] for words in commands(*PAGES) if words[0] == "make"}
    assert named >= {"demo", "test", "check"}
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_configs_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"configs/[\w.-]+\.yaml", page.read_text()):
        assert (ROOT / name).exists(), name


def test_the_config_of_the_readme_is_valid() -> None:
    (text,) = blocks(README, "yaml")
    assert parse_config(yaml.safe_load(text), Registry.discover()).name == "small"


def test_the_first_commands_are_the_set_up() -> None:
    assert [words[:2] for words in commands(README)][:2] == [["make", "demo"], ["make", "test"]]


def test_the_plugin_of_the_readme_works() -> None:
    described, verifier = blocks(README, "python")[1:]
    names: dict[str, Any] = {}
    exec(described + verifier, names)
    (provider,) = names["astro_providers"]()
    assert provider.target == "astro_parity.verifier:Parity"
    parity, problem = names["Parity"](None), Problem("a", "7?", "odd")
    verdicts = [parity.verify(problem, text).status for text in ("it is odd", "even", "", "7")]
    assert verdicts == [Status.CORRECT, Status.INCORRECT, Status.UNPARSED, Status.UNPARSED]


def test_the_page_on_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "docs/python.md", "python"):
        exec(block, names)
    assert (tmp_path / "runs/small/trees.jsonl").exists()
    assert "report was finished already" in capsys.readouterr().out
    assert names["verdict"].correct
    assert names["solved"].problem.prompt == "use 3 5 8 to make 19"


@pytest.mark.parametrize("model", [RunConfig, VerifierBinding, Budget, Evaluate])
def test_every_key_is_explained(model: type[BaseModel]) -> None:
    text = (ROOT / "docs/config.md").read_text()
    section = text.partition(f"## `{model.__name__}`")[2].partition("\n## ")[0]
    explained = [
        key
        for line in section.splitlines()
        if line.startswith("| `")
        for key in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    assert sorted(explained) == sorted(model.model_fields)


@pytest.mark.parametrize("model", [RunConfig, VerifierBinding, Evaluate])
def test_the_defaults_are_told(model: type[BaseModel]) -> None:
    text = (ROOT / "docs/config.md").read_text()
    section = text.partition(f"## `{model.__name__}`")[2].partition("\n## ")[0]
    for name, field in model.model_fields.items():
        if isinstance(field.default, int | float):
            row = next(line for line in section.splitlines() if line.startswith(f"| `{name}`"))
            told = yaml.safe_load(row.split("|")[3])
            assert told == field.default, name


def keys_of_table(page: str, title: str, number: int) -> list[str]:
    """The keys in the first column of a table: the `number`th of the section."""
    section = page.partition(f"### {title}")[2].partition("\n##")[0]
    table = section.split("| key | value |")[1 + number].split("\n\n")[0]
    return [
        key
        for line in table.splitlines()
        for key in re.findall(r"`(\w+)`", line.partition(" | ")[0])
    ]


@pytest.mark.parametrize(
    ("title", "number", "kind"),
    [
        ("A row of `trees.jsonl`", 0, SearchTree),
        ("A row of `trees.jsonl`", 1, Node),
        ("A row of `traces.jsonl` and `control_traces.jsonl`", 1, Segment),
        ("A row of `eval/MODEL.jsonl`", 0, EvaluatedProblem),
    ],
)
def test_the_keys_of_rows_are_told(title: str, number: int, kind: type) -> None:
    page = (ROOT / "docs/formats.md").read_text()
    assert sorted(keys_of_table(page, title, number)) == sorted(kind.__dataclass_fields__)


def test_the_keys_of_a_trace_are_told() -> None:
    page = (ROOT / "docs/formats.md").read_text()
    trace = Trace(Problem("a", "?", "1"), (Segment("1"),), Verdict(Status.CORRECT, "1"))
    keys = keys_of_table(page, "A row of `traces.jsonl` and `control_traces.jsonl`", 0)
    asked = Problem("a", "?", "1", {"chat_turns": ["1?", "1", "?"]})
    assert sorted(keys) == sorted(trace_row(trace, 0, asked))

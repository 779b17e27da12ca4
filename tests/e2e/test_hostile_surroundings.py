"""What happens to a run whose disk, folder, journal or plugins fail: one line, nothing lost."""

from __future__ import annotations

import ctypes
import resource
import subprocess
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import WALKER

Launch = Callable[..., "subprocess.Popen[str]"]


def fails(process: subprocess.Popen[str], *expected: str) -> str:
    """The run's single error line, which holds every expected text; its exit code is 2."""
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 2, text
    assert "Traceback" not in text
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, text
    for part in expected:
        assert part in errors[0]
    return errors[0]


def changed(**keys: Any) -> dict[str, Any]:
    return {**deepcopy(WALKER), **keys}


def ends_well(process: subprocess.Popen[str]) -> None:
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text


def test_a_full_disk_ends_the_run_and_loses_nothing(launch: Launch, tmp_path: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    ends_well(launch(tmp_path / "whole", "--until", "search"))
    fails(launch(tmp_path / "full", "--until", "search", preexec_fn=small_disk), "walk")
    ends_well(launch(tmp_path / "full", "--until", "search"))
    trees = [(tmp_path / runs / "walk" / "trees.jsonl").read_bytes() for runs in ("whole", "full")]
    assert trees[0] == trees[1]


def as_anybody() -> None:
    """Let permissions hold for root too: drop CAP_DAC_OVERRIDE from what the next exec may have."""
    ctypes.CDLL(None).prctl(24, 1)


def test_a_read_only_folder(launch: Launch, tmp_path: Path) -> None:
    tmp_path.joinpath("runs").mkdir(mode=0o500)
    fails(launch(tmp_path / "runs", preexec_fn=as_anybody), "Permission denied")


def test_a_run_that_has_become_read_only(launch: Launch, tmp_path: Path) -> None:
    ends_well(launch(tmp_path, "--until", "search"))
    folder = tmp_path / "walk"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in (*folder.iterdir(), folder):
        path.chmod(path.stat().st_mode & ~0o222)
    fails(launch(tmp_path, preexec_fn=as_anybody), str(folder))
    folder.chmod(0o700)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_is_a_file(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with_file = launch(tmp_path / "runs")
    text, _ = with_file.communicate(timeout=60)
    assert with_file.returncode == 2
    assert "Traceback" not in text


def test_two_runs_on_one_folder(launch: Launch, tmp_path: Path) -> None:
    slow = changed(policy={"name": "countdown_walker", "params": {"steps_to_finish": 400}})
    first = launch(tmp_path, config=slow)
    while not (tmp_path / "walk" / "config.yaml").exists():
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.01)
    fails(launch(tmp_path, config=slow), "another run is at work")
    first.kill()
    first.communicate()


def test_a_corrupt_journal(launch: Launch, tmp_path: Path) -> None:
    ends_well(launch(tmp_path, "--until", "search"))
    journal = tmp_path / "walk" / "journal.db"
    (tmp_path / "walk" / "trees.jsonl").unlink()
    journal.write_bytes(b"\0" * 100 + journal.read_bytes()[100:])
    before = journal.read_bytes()
    fails(launch(tmp_path), "journal.db is corrupt", "--fresh")
    assert journal.read_bytes() == before


def test_a_config_changed_under_a_started_run(launch: Launch, tmp_path: Path) -> None:
    ends_well(launch(tmp_path, "--until", "search"))
    trees = (tmp_path / "walk" / "trees.jsonl").read_bytes()
    fails(launch(tmp_path, "--set", "search.params.iterations=2"), "search.params.iterations")
    assert (tmp_path / "walk" / "trees.jsonl").read_bytes() == trees


MOODY = """
from astro.plugins.hookspecs import Provider, hookimpl
from astro_countdown.walker import CountdownWalker, WalkerParams

class Moody(CountdownWalker):
    mood = "use 1 "
    def add(self, ticket, request):
        if request.prompt.user.startswith(self.mood):
            raise RuntimeError("not in the mood")
        super().add(ticket, request)

class Sullen(Moody):
    mood = "use"

class Mortal(CountdownWalker):
    life = 100
    def step(self, block=False):
        self.life -= 1
        if not self.life:
            raise MemoryError("out of device memory")
        return super().step()

@hookimpl
def astro_providers():
    return [Provider("policy", name.lower(), "m", target=f"moody:{name}",
                     params="moody:WalkerParams") for name in ("Moody", "Sullen", "Mortal")]
"""


@pytest.fixture
def moody(distribution: Callable[[str, str], None]) -> None:
    distribution("moody", MOODY)


@pytest.mark.usefixtures("moody")
def test_a_problem_that_the_policy_raises_on_is_recorded(launch: Launch, tmp_path: Path) -> None:
    config = changed(policy={"name": "moody"}, max_failed=0.5)
    ends_well(launch(tmp_path, "--until", "search", config=config))
    folder = tmp_path / "walk"
    trees = len((folder / "trees.jsonl").read_text().splitlines())
    failures = (folder / "failures.jsonl").read_text().splitlines()
    assert len(failures) > 0
    assert trees + len(failures) == 120
    assert all('"RuntimeError: not in the mood"' in line for line in failures)
    assert all('"task":"search/countdown-1-' in line for line in failures)


@pytest.mark.usefixtures("moody")
def test_too_many_failed_problems_stop_the_run(launch: Launch, tmp_path: Path) -> None:
    config = changed(policy={"name": "sullen"})
    fails(launch(tmp_path, config=config), "7 of 120 problems failed", "not in the mood")


@pytest.mark.usefixtures("moody")
def test_a_lost_policy_names_what_was_in_flight_and_the_run_goes_on(
    launch: Launch, tmp_path: Path
) -> None:
    config = changed(policy={"name": "mortal"}, max_failed=0)
    first = fails(launch(tmp_path, "--until", "search", config=config), "out of device memory")
    assert "search/countdown-" in first
    while "the policy was lost" in (
        text := launch(tmp_path, "--until", "search", config=config).communicate()[0]
    ):
        pass
    ends_well(launch(tmp_path / "other", "--until", "search"))
    trees = [
        (path / "walk" / "trees.jsonl").read_bytes() for path in (tmp_path, tmp_path / "other")
    ]
    assert trees[0] == trees[1], text


RAISING = """
import os
from astro.plugins.hookspecs import Provider, hookimpl
from astro_countdown.verifier import CountdownVerifier

class Raising(CountdownVerifier):
    def verify(self, problem, response):
        if problem.prompt.startswith("use 1 "):
            raise RuntimeError("no ones, please")
        return super().verify(problem, response)

class Licensed(CountdownVerifier):
    def verify(self, problem, response):
        if not os.path.exists(os.environ["LICENCE"]):
            raise RuntimeError("no licence")
        return super().verify(problem, response)

@hookimpl
def astro_providers():
    return [Provider("verifier", name.lower(), "r", target=f"raising:{name}",
                     params="astro_countdown.verifier:VerifierParams")
            for name in ("Raising", "Licensed")]
"""


def test_a_verifier_that_raises_gives_verdicts_of_error(
    launch: Launch, tmp_path: Path, distribution: Callable[[str, str], None]
) -> None:
    distribution("raising", RAISING)
    config = changed(verifier={"name": "raising", "max_faults": 0.5})
    ends_well(launch(tmp_path, "--until", "search", config=config))
    lines = (tmp_path / "walk" / "trees.jsonl").read_text().splitlines()
    ones = [line for line in lines if '"prompt":"use 1 ' in line]
    assert ones
    assert all("RuntimeError: no ones, please" in line for line in ones)
    assert not any("no ones" in line for line in lines if line not in ones)


@pytest.mark.parametrize("stages", [["search"], ["search", "linearize"], ["linearize", "evaluate"]])
def test_a_broken_verifier_stops_the_run_which_goes_on_once_it_is_mended(
    launch: Launch,
    tmp_path: Path,
    distribution: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    stages: list[str],
) -> None:
    distribution("raising", RAISING)
    licence = tmp_path / "licence"
    monkeypatch.setenv("LICENCE", str(licence))
    config = changed(verifier={"name": "licensed"})
    licence.touch()
    *done, stage = stages
    ends_well(launch(tmp_path / "whole", "--until", stage, config=config))
    for earlier in done:
        ends_well(launch(tmp_path / "broken", "--until", earlier, config=config))
    licence.unlink()
    for _ in range(2):
        fails(
            launch(tmp_path / "broken", "--until", stage, config=config),
            "verdicts are faults",
            "more than verifier.max_faults allows (0.2): RuntimeError: no licence",
        )
    licence.touch()
    ends_well(launch(tmp_path / "broken", "--until", stage, config=config))
    whole, broken = (tmp_path / runs / "walk" for runs in ("whole", "broken"))
    found = (path.relative_to(whole) for path in whole.rglob("*.json*"))
    # Work done twice counts twice, and the manifest holds the digest of the counters.
    files = [path for path in found if path.name not in ("usage.json", "manifest.json")]
    assert len(files) > 1
    for file in files:
        assert (broken / file).read_bytes() == (whole / file).read_bytes(), file

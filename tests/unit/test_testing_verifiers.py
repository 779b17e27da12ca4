"""The verifier's kit finds what it says it finds: one fault each, and the test that must fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astro.errors import PluginError
from astro.testing import Case, VerifierConformance
from astro.testing.plugins import heavy_imports
from astro.types import Problem

SLOPPY = r"""
import os, threading, time
from typing import Annotated
from pydantic import Field
from astro.plugins import params
from astro.builtin.exact import ExactVerifier
from astro.plugins.hookspecs import Provider, hookimpl
from astro.types import Status, Verdict

class Params(params.Params):
    fault: Annotated[str, Field(description="what is wrong with it")] = ""

class Wordless(params.Params):
    fault: str = ""

class Sloppy:
    def __init__(self, params):
        self.fault, self.exact, self.calls = params.fault, ExactVerifier(), 0

    def verify(self, problem, response):
        self.calls += 1
        verdict = self.exact.verify(problem, response)
        match self.fault:
            case "raises": response[0]
            case "lenient" if "}" * 20_000 in response: return Verdict(Status.CORRECT, "7")
            case "trusting" if not problem.answer: return Verdict(Status.CORRECT, "7")
            case "deaf": return Verdict(Status.UNPARSED)
            case "generous": return Verdict(Status.CORRECT, "7")
            case "mute": return Verdict(verdict.status)
            case "surrogate" if "\\" not in response: return Verdict(Status.UNPARSED, "\ud800")
            case "eval":
                try: eval(response)
                except BaseException: pass
            case "eval of the reference":
                try: eval(problem.answer)
                except BaseException: pass
            case "hangs" if len(response) > 1_000_000: time.sleep(60)
            case "slow" if len(response) > 1_000_000:
                began = time.thread_time()
                while time.thread_time() < began + 0.3: pass
            case "counts": return Verdict(verdict.status, verdict.answer, f"call {self.calls}")
            case "main thread" if threading.current_thread() is not threading.main_thread():
                return Verdict(Status.INCORRECT, "0")
            case "its process": return Verdict(verdict.status, verdict.answer, str(os.getpid()))
            case "fault": return Verdict(Status.ERROR) if "8" in response else verdict
        return verdict

@hookimpl
def astro_providers():
    return [Provider("verifier", "sloppy", "has one fault", "sloppy:Sloppy", "sloppy:Params"),
            Provider("verifier", "wordless", "no words", "sloppy:Sloppy", "sloppy:Wordless"),
            Provider("verifier", "lacking", "lacks", "sloppy:Sloppy", requires=("no_such_module",))]
"""


class Kit(VerifierConformance):
    name = "sloppy"
    seconds = 0.2

    def __init__(self, fault: str = "") -> None:
        self.__class__.params = {"fault": fault}

    def cases(self) -> list[Case]:
        return [Case(Problem("p", "?", "7"), right=("\\boxed{7}",), wrong=("\\boxed{8}", "7"))]


@pytest.fixture(autouse=True)
def sloppy(distribution: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    distribution("sloppy", SLOPPY)
    monkeypatch.setattr("astro.testing.verifiers._PATIENCE", 1.0)


def named(name: str) -> Kit:
    return type("Other", (Kit,), {"name": name})()


def check(kit: Kit, test: str, folder: Path) -> None:
    method: Callable[..., None] = getattr(kit, test)
    arguments: dict[str, Any] = {"tmp_path": folder} if "tmp_path" in method.__annotations__ else {}
    method(**arguments)


@pytest.mark.parametrize("test", [name for name in dir(Kit) if name.startswith("test_")])
def test_a_sound_verifier_passes(test: str, tmp_path: Path) -> None:
    check(Kit(), test, tmp_path)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("raises", "test_hostile_text_has_a_verdict_in_time"),
        ("lenient", "test_hostile_text_has_a_verdict_in_time"),
        ("surrogate", "test_hostile_text_has_a_verdict_in_time"),
        ("hangs", "test_hostile_text_has_a_verdict_in_time"),
        ("slow", "test_hostile_text_has_a_verdict_in_time"),
        ("eval", "test_hostile_text_has_a_verdict_in_time"),
        ("eval of the reference", "test_a_hostile_reference_gives_no_reward"),
        ("generous", "test_a_hostile_reference_gives_no_reward"),
        ("trusting", "test_a_problem_without_a_reference_gives_no_reward"),
        ("deaf", "test_right_responses_are_correct"),
        ("mute", "test_right_responses_are_correct"),
        ("deaf", "test_a_reference_passes_itself"),
        ("generous", "test_wrong_responses_are_refused_without_a_fault"),
        ("fault", "test_wrong_responses_are_refused_without_a_fault"),
        ("counts", "test_verdicts_do_not_depend_on_order_thread_or_instance"),
        ("main thread", "test_verdicts_do_not_depend_on_order_thread_or_instance"),
        ("its process", "test_the_pool_of_processes_gives_the_same_verdicts"),
    ],
)
def test_a_fault_is_found(fault: str, test: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(Kit(fault), test, tmp_path)


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("wordless", "test_every_param_has_a_description"),
        ("lacking", "test_it_is_found_by_its_entry_point"),
    ],
)
def test_a_fault_of_its_description_is_found(name: str, test: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(named(name), test, tmp_path)


def test_a_name_that_nobody_provides_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError):
        check(named("slopy"), "test_a_reference_passes_itself", tmp_path)


def test_heavy_imports_are_named(
    distribution: Callable[[str, str], None],
) -> None:
    distribution("light", "import json, astro.plugins.params, astro.types")
    distribution("heavy", "import light\nimport pytest")
    assert heavy_imports(["light"]) == set()
    assert {"light", "pytest"} <= heavy_imports(["heavy"])

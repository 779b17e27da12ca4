"""The options of `astro solve` that stand for keys of a config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from astro.config.migrate import migrate_path
from astro.config.run import RunConfig
from astro.engine.budget import Budget
from astro.errors import ConfigError
from astro.plugins.params import UNKNOWN_KEY
from astro.requests import REWARD
from astro.runs.answering import COUNTS, QUESTION_OPTIONS, question_config

_LIMITS = tuple(Budget.model_fields)
_LIMIT = re.compile(rf"({'|'.join(_LIMITS)})=-?[0-9._]{{1,18}}")
_OPTIONS = {
    "policy.name": "--policy",
    "policy.params.model": "--model",
    "prompt": "--system",
    "prompt.system": "--system",
    "search.name": "--search",
    "search.params.temperature": "--temperature",
    **{f"search.params.{count}": "--samples" for count in COUNTS},
    "value.name": "--value",
    "verifier.name": "--verifier",
    f"models.{REWARD}": "--reward-model",
    f"models.{REWARD}.name": "--reward-model",
    f"models.{REWARD}.params.model": "--reward-model",
    "seed": "--seed",
    **{f"budget.{limit}": f"--budget {limit}" for limit in _LIMITS},
}
"""Key of the config -> the option that sets it."""


def typed_config(given: Mapping[str, Any]) -> RunConfig:
    """Return the config of the options for a question.

    Args:
        given: The options of `question_config`, and the limits `KEY=N` under `budget`.

    Raises:
        ConfigError: An option is not valid.
        PluginError: The search cannot be used.
    """
    options = {name: given[name] for name in QUESTION_OPTIONS}
    limits = [f"budget.{limit}" for limit in _limits(given["budget"])]
    return question_config(**options | {"overrides": [*given["overrides"], *limits]})


@contextmanager
def errors_name_options(given: Mapping[str, Any]) -> Iterator[None]:
    """Let a `ConfigError` name the option in place of a key, unless an override sets the key.

    Without the option `policy`, keys are those of a config file, and stay as they are.
    """
    if given["policy"] is None:
        yield
        return
    keys = [migrate_path(override.partition("=")[0])[0] for override in given["overrides"]]
    try:
        yield
    except ConfigError as error:
        raise ConfigError([_with_option(problem, keys) for problem in error.problems]) from None


def _limits(given: Sequence[str]) -> Sequence[str]:
    wrong = [limit for limit in given if not _LIMIT.fullmatch(limit)]
    if wrong:
        known = ", ".join(_LIMITS)
        expected = f"expected KEY=N, such as tokens=1000; KEY is one of {known}"
        raise ConfigError([f"--budget {limit:.60}: {expected}" for limit in wrong])
    return given


def _with_option(problem: str, overridden: Sequence[str]) -> str:
    key, colon, what = problem.partition(":")
    if key not in _OPTIONS or any(f"{key}.".startswith(f"{other}.") for other in overridden):
        return problem
    if what.startswith(f" {UNKNOWN_KEY}"):
        kind = key.partition(".params.")[0].replace(f"models.{REWARD}", "reward model")
        what = f" this {kind} has no such param"
    return f"{_OPTIONS[key]}{colon}{what}"

"""The base classes of params models, and validation errors that say what to change."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    Protocol,
    TypeVar,
    runtime_checkable,
)

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from astro.errors import ConfigError
from astro.plugins.secrets import without_secrets

M = TypeVar("M", bound=BaseModel)
UNKNOWN_KEY = "unknown key"
"""How the problem with a key begins that a model does not have."""
_KINDS = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""Type of a validation error -> what a YAML file should have had."""


class Params(BaseModel):
    """The base of every params model. Unknown keys are errors, and instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@runtime_checkable
class ChecksOthers(Protocol):
    """Params that do not go together with everything else in a config."""

    def problems(self, chosen: Mapping[str, Chosen]) -> Iterable[str]:
        """What is wrong, one line each, given the plugins of the config by their keys.

        A line begins with `name: ` or with `params.` and the name of a param.
        """


class Chosen(NamedTuple):
    """The plugin under a key of a config: its name, and its params if it takes some."""

    name: str
    params: BaseModel | None


class Operational:
    """Marks a param, by `Annotated`, that says how work is carried out and not what it is.

    Such a param, such as a timeout or the address of a server, may change when a run is resumed.
    """


OPERATIONAL = Operational()


def operational(params: BaseModel, path: str = "") -> Iterator[str]:
    """Yield the dotted path of each operational param of these or of nested params."""
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if any(isinstance(mark, Operational) for mark in field.metadata):
            yield f"{path}{name}"
        elif isinstance(value, BaseModel):
            yield from operational(value, f"{path}{name}.")


class ModelParams(Params):
    """The base of the params of a plugin that uses one model.

    The policy of a run that trains derives its params from it: the checkpoints of SFT and RL take
    the place of `model`. `remote` says that `model` is a name on a server, which cannot load a
    checkpoint; a run that trains refuses such a policy.
    """

    remote: ClassVar[bool] = False
    model: Annotated[str, Field(description="folder, hub name, or a name that a plugin ships")]


def _is_regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


RegularExpression = Annotated[str, AfterValidator(_is_regular_expression)]
"""The type of a param that holds a regular expression of Python's `re`."""


def validate(model: type[M], values: Mapping[str, Any]) -> M:
    """An instance of `model` with these values.

    Raises:
        ConfigError: every problem in the values, each with the path of its key.
    """
    problems = dict(_truth_values_as_numbers(model, values))
    try:
        valid = model.model_validate(dict(values))
    except ValidationError as error:
        details = error.errors(include_url=False)
        around = {d["loc"][:depth] for d in details for depth in range(len(d["loc"]))}
        for detail in details:
            # Values that are not valid do not count as items, which says nothing more of a list.
            if detail["type"] != "too_short" or detail["loc"] not in around:
                problems.setdefault(_path(detail), _explain(detail, model))
    if problems:
        raise ConfigError(list(problems.values()))
    return valid


def validate_options(model: type[M], values: Mapping[str, Any]) -> M:
    """An instance of `model` with the values of options of the same names.

    Raises:
        ConfigError: every problem in the values, each with its option.
    """
    try:
        return validate(model, values)
    except ConfigError as error:
        raise ConfigError([_with_option(problem, model) for problem in error.problems]) from None


def _with_option(problem: str, model: type[BaseModel]) -> str:
    key, colon, what = problem.partition(":")
    return f"--{key.replace('_', '-')}:{what}" if colon and key in model.model_fields else problem


def _truth_values_as_numbers(
    model: type[BaseModel], values: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield (path, problem) of each true or false that pydantic would read as the number 1 or 0."""
    for key in values.keys() & model.model_fields.keys():
        value, types = values[key], list(_all_types(model.model_fields[key].annotation))
        if isinstance(value, bool) and {int, float}.intersection(types) and bool not in types:
            path = prefix + key
            yield path, f"{path}: expected a number, got {value!r}"
        elif isinstance(value, Mapping):
            for nested in filter(_is_model, types):
                yield from _truth_values_as_numbers(nested, value, f"{prefix}{key}.")


def _path(detail: ErrorDetails) -> str:
    return ".".join(map(str, detail["loc"])) or "(config)"


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> str:
    loc, path = [str(part) for part in detail["loc"]], _path(detail)
    if detail["type"] == "extra_forbidden":
        return f"{path}: {UNKNOWN_KEY}{_suggest(loc[-1], _keys_at(model, loc[:-1]))}"
    if detail["type"] == "missing":
        return f"{path}: missing"
    if detail["type"] == "value_error" and (keys := _keys_at(model, loc)):
        # It is of values that do not go together, and may begin with the key of one of them.
        message = _message(detail)
        return ".".join([*loc, message]) if message.split(":")[0] in keys else f"{path}: {message}"
    got = _without_secrets(detail, model)
    return f"{path}: {_message(detail)}, got {got!r:.60}"


def _message(detail: ErrorDetails) -> str:
    """What was expected, in the words of a config file."""
    kind = detail["type"]
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}"
    if kind == "too_short":
        least = detail["ctx"]["min_length"]
        return f"expected at least {least} {'item' if least == 1 else 'items'}"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return message.replace("input should be", "expected")


def _without_secrets(detail: ErrorDetails, model: type[BaseModel]) -> Any:
    """The input of an error, without the secrets that may be in it."""
    value = detail["input"]
    for part in reversed(detail["loc"]):
        value = {part: value}
    if isinstance(value, Mapping):
        value = without_secrets(model, value)
        for part in detail["loc"]:
            value = value[part] if isinstance(value, Mapping) else value
    return value


def _keys_at(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        models = [t for t in _types_in(field.annotation) if _is_model(t)] if field else []
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _types_in(annotation: Any) -> list[Any]:
    return [annotation, *getattr(annotation, "__args__", ())]


def _all_types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _all_types(part)


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _suggest(word: str, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, words, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; expected one of {', '.join(words)}" if words else ""

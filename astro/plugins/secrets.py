"""Secret params: credentials that take part in a run, and are kept out of all that it writes.

A secret may name environment variables, as in `Bearer ${TOKEN}`. They are read where it is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from astro.errors import ConfigError

P = TypeVar("P", bound=BaseModel)
Change = Callable[[str, Any], Any]
"""Called with the dotted path and the value of a secret; returns what takes its place."""
HIDDEN = "(secret)"
"""What is written in place of a secret."""
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CREDENTIAL = re.compile(
    r"(?:access|api|private)[_-]?key|authorization|bearer|credential|passphrase|passwo?r?d|secret"
    r"|(?:access|api|auth|hf|hub|refresh|session)[_-]?token|(?:^|\.)(?:auth|key|token)$",
    re.IGNORECASE,
)
_SHORTEST = 4
_SHORTEST_WORD = 7  # `Bearer` has 6
"""Characters of a secret, and of a word of one, that is taken out of messages."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Marks a param, by `Annotated`, that holds credentials: a text, or a mapping with texts.

    A secret is left out of config.yaml, reports, messages and the identity of a run, so it may
    change when the run is resumed. A param of type `SecretStr` needs no mark.

    Attributes:
        keys: Only the entries of a mapping whose keys contain this are secret; None for all.
    """

    keys: re.Pattern[str] | None = None


SECRET = Secret()
SECRET_ENTRIES = Secret(_CREDENTIAL)
"""Marks a mapping that is passed on, in which entries such as `api_key` are secret."""


def without_secrets(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a params model with `HIDDEN` in place of each secret.

    A secret that is no more than the name of an environment variable is kept.
    """
    return _replaced(model, values, lambda _, secret: _shown(secret))


def secret_paths(model: type[BaseModel], values: Mapping[str, Any]) -> list[str]:
    """The dotted paths of the secrets among the values of a params model."""
    return [path for path, _ in _secrets(model, values)]


def left_out(model: type[BaseModel], values: Mapping[str, Any]) -> list[str]:
    """The dotted paths of secrets that were left out when the values were written."""
    return [path for path, secret in _secrets(model, values) if secret == HIDDEN]


def revealed(params: P) -> P:
    """Params with environment variables in place of their names in secrets.

    Raises:
        ConfigError: A variable is not set.
    """
    changed: dict[str, Any] = {}
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if isinstance(value, BaseModel):
            changed[name] = revealed(value)
        elif isinstance(value, list | tuple) and any(isinstance(v, BaseModel) for v in value):
            changed[name] = [revealed(v) if isinstance(v, BaseModel) else v for v in value]
        elif _mark(field):
            changed[name] = _of_field(field, value, _with_variables, name)
    return params.model_copy(update=changed)


def redacted(params: BaseModel, text: str) -> str:
    """A text without the secrets of params, whatever is between their characters."""
    found = [_text(secret).split() for _, secret in _secrets(type(params), params.model_dump())]
    whole = {"".join(words) for words in found if sum(map(len, words)) >= _SHORTEST}
    parts = {word for words in found for word in words if len(word) >= _SHORTEST_WORD}
    for word in sorted(whole | parts, key=len, reverse=True):
        text = re.sub(r"[^!-~]*".join(map(re.escape, word)), "***", text)
    return text


def _secrets(model: type[BaseModel], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The path and the value of each secret."""
    found: list[tuple[str, Any]] = []
    _replaced(model, values, lambda path, secret: found.append((path, secret)))
    return iter(found)


def _replaced(
    model: type[BaseModel], values: Mapping[Any, Any], change: Change, path: str = ""
) -> dict[Any, Any]:
    return {
        key: _of_field(field, value, change, f"{path}{key}")
        if (field := model.model_fields.get(key))
        else value
        for key, value in values.items()
    }


def _of_field(field: FieldInfo, value: Any, change: Change, path: str) -> Any:
    if mark := _mark(field):
        hidden = mark.keys is None or not isinstance(value, Mapping)
        return _of_value(value, change, path, mark.keys, hidden=hidden)
    types = [part for part in _parts(field.annotation) if isinstance(part, type)]
    models = [part for part in types if issubclass(part, BaseModel)]
    if not models:
        return value
    if isinstance(value, list | tuple):
        return [_of_field(field, part, change, f"{path}.{i}") for i, part in enumerate(value)]
    if isinstance(value, Mapping):
        return _replaced(models[0], value, change, f"{path}.")
    keeps = any(_mark(nested) for model in models for nested in model.model_fields.values())
    return change(path, value) if keeps and not isinstance(value, tuple(types)) else value


def _of_value(
    value: Any, change: Change, path: str, keys: re.Pattern[str] | None, *, hidden: bool
) -> Any:
    """A value within a secret param, whose leaves are secret if it is `hidden`."""
    parts: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        return change(path, value) if hidden and not isinstance(value, bool | None) else value
    found = {
        key: _of_value(
            part,
            change,
            f"{path}.{key}",
            keys,
            hidden=hidden or bool(keys and keys.search(str(key))),
        )
        for key, part in parts
    }
    return found if isinstance(value, Mapping) else list(found.values())


def _mark(field: FieldInfo) -> Secret | None:
    parts = [*field.metadata, *_parts(field.annotation)]
    if any(part in (SecretStr, SecretBytes) for part in parts):
        return SECRET
    return next((part for part in parts if isinstance(part, Secret)), None)


def _parts(annotation: Any) -> Iterator[Any]:
    """The types in an annotation and their marks."""
    yield annotation
    yield from getattr(annotation, "__metadata__", ())
    for part in getattr(annotation, "__args__", ()):
        yield from _parts(part)


def _text(secret: Any) -> str:
    if isinstance(secret, SecretStr | SecretBytes):
        secret = secret.get_secret_value()
    return secret.decode("utf-8", "replace") if isinstance(secret, bytes) else str(secret)


def _shown(secret: Any) -> str:
    return secret if isinstance(secret, str) and _REFERENCE.fullmatch(secret) else HIDDEN


def _with_variables(path: str, secret: Any) -> Any:
    def value(reference: re.Match[str]) -> str:
        if not (found := os.environ.get(reference[1], "").strip()):
            raise ConfigError([f"{path}: the environment variable {reference[1]} is not set"])
        return found

    text = _REFERENCE.sub(value, _text(secret))
    if isinstance(secret, SecretStr):
        return SecretStr(text)
    return text if isinstance(secret, str) else secret

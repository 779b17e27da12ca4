"""Names to implementations. Built-ins and third parties register alike, by entry point."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from astro.errors import (
    AstroError,
    BrokenPluginError,
    ConfigError,
    ConflictingPluginsError,
    MissingEngineError,
    PluginError,
    UnknownPluginError,
)
from astro.events import Listener
from astro.plugins.hookspecs import KINDS, MODEL_KINDS, Command, Provider
from astro.plugins.manager import Broken, Origin, Plugins, reason

if TYPE_CHECKING:
    from pydantic import BaseModel

    from astro.plugins.binding import Binding, PromptConfig


_HOMES = {
    "search": "astro-reasoner-search",
    "linearizer": "astro-reasoner-linearize",
    "sft": "astro-reasoner-transformers",
    "rl": "astro-reasoner-torch-rl",
}
"""The kinds of which the core has no plugin -> a distribution of this repository with some."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A provider and the distribution it came in."""

    provider: Provider
    distribution: str
    version: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that it requires and that are not installed. Imports nothing."""
        return tuple(name for name in self.provider.requires if not _installed(name))


class Registry:
    """Every provider found, by (kind, name)."""

    def __init__(
        self,
        entries: Iterable[Entry],
        broken: Iterable[Broken] = (),
        plugins: Plugins | None = None,
    ) -> None:
        self.entries = sorted(
            entries, key=lambda e: (KINDS.index(e.provider.kind), e.provider.name)
        )
        self.broken = list(broken)
        self._plugins = plugins

    @classmethod
    def discover(cls) -> Self:
        """Load every entry point of the group, each under its own guard."""
        plugins = Plugins()
        providers = plugins.collect("astro_providers", _entry)
        commands = plugins.collect("astro_commands", _command)
        return cls([*providers, *commands], plugins.broken, plugins)

    def listeners(self) -> tuple[list[tuple[str, Listener]], list[Broken]]:
        """New listeners of all plugins, each with its distribution, and plugins that made none."""
        if self._plugins is None:
            return [], []
        before = len(self._plugins.broken)
        found = self._plugins.collect("astro_listeners", _listener)
        return found, self._plugins.broken[before:]

    def find(self, kind: str, name: str) -> Entry:
        """The entry of that kind and name.

        Raises `UnknownPluginError` (with a suggestion) or `ConflictingPluginsError`.
        """
        found = [e for e in self.entries if (e.provider.kind, e.provider.name) == (kind, name)]
        if not found:
            raise UnknownPluginError(f"no {kind} named {name!r}", self._suggestion(kind, name))
        if len(found) > 1:
            owners = " and ".join(f"{e.distribution} {e.version}" for e in found)
            raise ConflictingPluginsError(
                f"{kind} {name!r} is provided by {owners}", "uninstall one of them"
            )
        return found[0]

    def automatic_stages(self) -> list[str]:
        """The names of the stages of every run that can be used here."""
        found = (entry for entry in self.entries if entry.provider.automatic and not entry.missing)
        return list(dict.fromkeys(entry.provider.name for entry in found))

    def require(self, kind: str, name: str) -> Entry:
        """`find`, and check that the packages it needs are there. Imports nothing heavy.

        Raises also `MissingEngineError`, which names the command that installs them.
        """
        entry = self.find(kind, name)
        if entry.missing:
            raise MissingEngineError(
                f"{kind} {name!r} needs {', '.join(entry.missing)}", entry.provider.install
            )
        return entry

    def as_if_installed(self) -> Registry:
        """The same, on a machine that has every engine: to plan for it, or to check a config."""
        entries = (replace(e, provider=replace(e.provider, requires=())) for e in self.entries)
        return Registry(entries, self.broken, self._plugins)

    def params_model(self, kind: str, name: str) -> type[BaseModel] | None:
        """The provider's params model; None if it takes no params. Raises `BrokenPluginError`."""
        entry = self.find(kind, name)
        target = entry.provider.params
        model: type[BaseModel] | None = load(entry, target) if target else None
        return model

    def params(self, kind: str, name: str, params: Mapping[str, Any]) -> Any:
        """The provider's params model, validated. Raises `ConfigError`, `BrokenPluginError`."""
        model = self.params_model(kind, name)
        if model is None:
            if params:
                raise ConfigError([f"{key}: unknown key; {name} takes none" for key in params])
            return None
        # Pydantic is slow to import, and a listing of plugins does not need it.
        from astro.plugins.params import validate

        return validate(model, params)

    def memory(self, kind: str, name: str) -> Any:
        """What foresees the provider's memory, or None. Raises `BrokenPluginError`."""
        entry = self.find(kind, name)
        return load(entry, entry.provider.memory) if entry.provider.memory else None

    def without_secrets(self, kind: str, binding: Binding) -> Binding:
        """A binding as it may be written. Raises `PluginError` if its params are not known."""
        from astro.plugins.secrets import without_secrets  # pydantic is slow to import

        model = self.params_model(kind, binding.name)
        values = without_secrets(model, binding.params) if model else binding.params
        return binding.model_copy(update={"params": values})

    def build(self, kind: str, binding: Binding, **collaborators: Any) -> Any:
        """An instance of the implementation, given its params and collaborators by keyword.

        Raises any `PluginError` or `ConfigError`, and what `AstroError` its constructor raises.
        """
        entry = self.require(kind, binding.name)
        params = self.params(kind, binding.name, binding.params)
        make = load(entry, entry.provider.target)
        try:
            return make(params, **collaborators)
        except AstroError:
            raise
        except Exception as error:  # the plugin boundary
            raise PluginError(
                f"{kind} {binding.name!r} of {entry.distribution} {entry.version} cannot be built: "
                f"{reason(error)}"
            ) from error

    def takes_prompt(self, policy: str) -> bool:
        """Whether the params of a policy have a `PromptConfig` named `prompt`."""
        from astro.plugins.binding import PromptConfig  # pydantic is slow to import

        model = self.params_model("policy", policy)
        field = model.model_fields.get("prompt") if model else None
        return field is not None and field.annotation is PromptConfig

    def with_prompt(self, policy: Binding, prompt: PromptConfig) -> Binding:
        """`policy` with `prompt` among its params, if it takes one; none for the default prompt."""
        if prompt == type(prompt)() or not self.takes_prompt(policy.name):
            return policy
        return policy.with_params(prompt=prompt.model_dump())

    def model_kind(self, name: str) -> str:
        """The kind of the provider `name` that can serve a role of `models`.

        It is a policy or, if there is no policy of that name, a reward model.
        """
        kinds = {entry.provider.kind for entry in self.entries if entry.provider.name == name}
        return next((kind for kind in MODEL_KINDS if kind in kinds), MODEL_KINDS[0])

    def build_model(self, binding: Binding) -> Any:
        """The `Backend` of the policy or reward model that `binding` names. Raises as `build`."""
        return self.build(self.model_kind(binding.name), binding)

    def _suggestion(self, kind: str, name: str) -> str:
        names = [e.provider.name for e in self.entries if e.provider.kind == kind]
        for broken in self.broken:
            if broken.name == name:
                return f"plugin {name} of {broken.distribution} is broken: {broken.reason}"
        close = difflib.get_close_matches(name, names, n=1)
        if not names and kind in _HOMES:
            return f"none is installed; the distribution {_HOMES[kind]} has some"
        return f"did you mean {close[0]}?" if close else f"there are {', '.join(names) or 'none'}"


def _entry(provider: Provider, origin: Origin) -> Entry:
    if provider.kind not in KINDS:
        kinds = ", ".join(KINDS)
        raise ValueError(f"{provider.name}: kind {provider.kind!r} is not one of {kinds}")
    return Entry(provider, origin.distribution, origin.version)


def _command(command: Command, origin: Origin) -> Entry:
    return _entry(command.provider(), origin)


def _listener(listener: Listener, origin: Origin) -> tuple[str, Listener]:
    if not callable(listener):
        raise TypeError(f"expected a listener that can be called, got {listener!r:.60}")
    return f"{origin.distribution} {origin.version}", listener


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # its parent is missing, or a stub stands for it
        return False


def load(entry: Entry, target: str) -> Any:
    """Import `"module:object"` of a provider. Raises `BrokenPluginError`."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # the plugin boundary: its import is its own
        raise BrokenPluginError(
            f"{entry.provider.kind} {entry.provider.name!r} of {entry.distribution} "
            f"{entry.version} is broken: {reason(error)}"
        ) from error

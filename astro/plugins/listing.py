"""All installed plugins, with their distributions and whether they are ready."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from astro.plugins.hookspecs import COMMAND
from astro.plugins.registry import Entry, Registry


@dataclass(frozen=True, slots=True)
class PluginRow:
    """A plugin as listed. `status` is `ready`, `needs` or `broken`; `detail` says what or why."""

    kind: str
    name: str
    distribution: str
    version: str
    status: str
    detail: str = ""
    summary: str = ""

    @property
    def state(self) -> str:
        """The status in words: `ready`, `needs X (command)` or `broken (why)`."""
        if self.status == "needs":
            return f"needs {self.detail}"
        return f"{self.status} ({self.detail})" if self.detail else self.status


def rows(registry: Registry, core_commands: Collection[str] = ()) -> Iterator[PluginRow]:
    """Every provider in the order of kinds, then the plugins that could not be loaded.

    A plugin's command that is named as one of `core_commands` is broken.
    """
    owners = defaultdict(list)
    for entry in registry.entries:
        owners[entry.provider.kind, entry.provider.name].append(entry)
    for entry in registry.entries:
        provider = entry.provider
        rivals = [e for e in owners[provider.kind, provider.name] if e is not entry]
        status, detail = _status(entry, rivals)
        if provider.kind == COMMAND and provider.name in core_commands:
            status, detail = "broken", f"astro has a command {provider.name} of its own"
        origin = (entry.distribution, entry.version)
        yield PluginRow(provider.kind, provider.name, *origin, status, detail, provider.summary)
    for broken in registry.broken:
        origin = (broken.distribution, broken.version)
        yield PluginRow("", broken.name, *origin, "broken", broken.reason)


def _status(entry: Entry, rivals: list[Entry]) -> tuple[str, str]:
    if rivals:
        names = " and ".join(f"{rival.distribution} {rival.version}" for rival in rivals)
        return "broken", f"also provided by {names}; uninstall one of them"
    if entry.missing:
        command = f" ({entry.provider.install})" if entry.provider.install else ""
        return "needs", f"{', '.join(entry.missing)}{command}"
    return "ready", ""

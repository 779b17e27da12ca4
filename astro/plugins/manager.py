"""All plugins in one pluggy manager, each of them loaded and called under its own guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy

from astro.plugins.hookspecs import ENTRY_POINT_GROUP, Hooks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """An entry point and the distribution that declares it."""

    name: str
    distribution: str
    version: str

    @classmethod
    def of(cls, point: EntryPoint) -> Origin:
        """Return the origin of an entry point; its distribution may be unknown."""
        if point.dist is None:
            return cls(point.name, "unknown", "?")
        return cls(point.name, point.dist.name, point.dist.version)


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded, and the reason."""

    name: str
    distribution: str
    version: str
    reason: str


class Plugins:
    """The plugins whose entry points are installed here. A broken one affects no other."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager("astro")
        self._manager.add_hookspecs(Hooks)
        self._origins: dict[str, Origin] = {}
        self.broken: list[Broken] = []
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name):
            self._register(point)

    def collect(self, hook: str, make: Callable[[Any, Origin], T]) -> list[T]:
        """`make` of everything that the plugins return from a hook.

        A plugin that raises, or whose results `make` refuses, is broken and adds nothing.
        """
        found: list[T] = []
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            origin = self._origins[implementation.plugin_name]
            try:
                found += [make(item, origin) for item in implementation.function()]
            except (Exception, SystemExit) as error:  # the plugin boundary: report, never fail
                self._reject(origin, error)
        return found

    def _reject(self, origin: Origin, error: BaseException) -> None:
        broken = Broken(origin.name, origin.distribution, origin.version, reason(error))
        self.broken.append(broken)

    def _register(self, point: EntryPoint) -> None:
        origin = Origin.of(point)
        name = f"{origin.distribution}:{origin.name}"  # two distributions may use one name
        self._origins[name] = origin
        try:
            self._manager.register(point.load(), name=name)
            self._manager.check_pending()  # a hook that does not exist
        except (Exception, SystemExit) as error:  # the plugin boundary: report, never fail
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self._reject(origin, error)


def reason(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"

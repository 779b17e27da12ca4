"""Events of a run for the caller's listener and for those of plugins."""

from __future__ import annotations

from astro.events import Event, Listener, Notice
from astro.plugins.manager import reason
from astro.plugins.registry import Registry


class Broadcast:
    """Passes every event to the caller's listener, then to the plugins' listeners.

    A plugin's listener that raises is reported to the others once and called no more. What the
    caller's own listener raises is the caller's.
    """

    def __init__(self, caller: Listener, plugins: list[tuple[str, Listener]]) -> None:
        self._caller = caller
        self._plugins = plugins

    def __call__(self, event: Event) -> None:
        self._caller(event)
        for plugin in list(self._plugins):
            distribution, listener = plugin
            try:
                listener(event)
            except Exception as error:  # the plugin boundary: report, never fail
                self._plugins.remove(plugin)
                self(Notice(f"a listener of {distribution} raised {reason(error)}; it is dropped"))


def broadcast(on_event: Listener, registry: Registry) -> Listener:
    """`on_event` together with new listeners of the plugins, unless it has them already."""
    if isinstance(on_event, Broadcast):
        return on_event
    listeners, broken = registry.listeners()
    both = Broadcast(on_event, listeners)
    for plugin in broken:
        both(Notice(f"no listener of {plugin.distribution} {plugin.version}: {plugin.reason}"))
    return both

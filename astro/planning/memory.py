"""The most memory that each stage takes at once, for `astro plan`.

A plugin foresees its own, by a function that its `Provider` names: see `Foresee`. It needs its
engine for this, and of the model no more than its `config.json`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Any, Protocol, runtime_checkable

from astro.config.run import STAGES, RunConfig
from astro.errors import AstroError
from astro.planning.assumptions import Assumptions
from astro.planning.cost import StageCost
from astro.planning.work import unit_costs
from astro.plugins.binding import Binding
from astro.plugins.models import on_disk
from astro.plugins.registry import Registry
from astro.requests import POLICY

PROCESS = "process"
"""The part of a process's memory that parts in one process share: code that was imported."""

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Workload:
    """The longest sequence of a plugin's work: the tokens of a prompt and a response of `model`."""

    model: str
    prompt: int
    response: int


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """The most memory that a process takes of its device at once, in bytes by what it is for.

    Attributes:
        device: Its type, such as `cpu`.
        kept: What exists all the while, such as the weights.
        passing: What exists besides at the worst moment.
        room: What the device has for the process; 0 if it is not known.
        what: The sequences for which it is computed.
    """

    device: str
    kept: Mapping[str, int]
    passing: Mapping[str, int]
    room: int = 0
    what: str = ""

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.kept.values()) + sum(self.passing.values())

    @property
    def fits(self) -> bool:
        """Whether the device has room for it, as far as it is known."""
        return not self.room or self.total <= self.room


Foresee = Callable[[Any, Workload], PeakMemory]
"""The most memory that a plugin with these params takes, with sequences as long as those of the
workload. Raises `AstroError` if it cannot be foreseen."""


@runtime_checkable
class HasLighter(Protocol):
    """Params that know what takes less memory."""

    def lighter(self) -> Iterable[Mapping[str, Any]]:
        """Changes of the params that save memory, each in addition to those before it."""


@dataclass(frozen=True, slots=True)
class StageMemory:
    """What a stage takes at most, and if it does not fit, which changes of the config help."""

    stage: str
    peak: PeakMemory
    change: Mapping[str, Any] = field(default_factory=dict)
    changed: PeakMemory | None = None

    @property
    def line(self) -> str:
        """All of it as one line."""
        peak, parts = self.peak, Counter(dict(self.peak.kept)) + Counter(dict(self.peak.passing))
        room = f" of {_gib(peak.room)}" if peak.room else ""
        listed = ", ".join(f"{_gib(size)} {name}" for name, size in parts.most_common())
        text = f"{self.stage}: {_gib(peak.total)}{room} GiB ({peak.device}): {listed}; {peak.what}"
        if peak.fits:
            return text
        if self.changed is None:
            return f"{text}\n    does not fit"
        keys = ", ".join(f"{key}: {_written(value)}" for key, value in self.change.items())
        verdict = "does not fit; with" if self.changed.fits else "does not fit, nor does it with"
        return f"{text}\n    {verdict} {keys} it takes {_gib(self.changed.total)}"


Part = tuple[str, str, Binding]
"""The key of a plugin in the config, its kind, and its binding."""


class Forecast:
    """Foresees the stages of configs.

    Attributes:
        notes: What could not be foreseen, one line each.
    """

    def __init__(self, registry: Registry) -> None:
        self.notes: list[str] = []
        self._registry = registry
        # The arms of a study have much in common, and a model takes seconds.
        self._found: dict[str, PeakMemory | str] = {}

    def stages(self, config: RunConfig, assumed: Assumptions) -> Iterator[StageMemory]:
        """The memory of each stage, as far as its first part can tell it."""
        model = str(config.policy.params.get("model", ""))
        lengths = _responses(config, unit_costs(config, self._registry))
        for stage, parts in _parts(config, self._registry).items():
            work = Workload(model, ceil(assumed.prompt_tokens), max(1, lengths[stage]))
            peaks = [self._peak(part, work) for part in parts]
            if peaks[0] is not None:
                known = [peak for peak in peaks if peak is not None]
                found = StageMemory(stage, together(known))
                yield found if found.peak.fits else self._lightened(found, parts[0], known, work)

    def _lightened(
        self, found: StageMemory, part: Part, peaks: Sequence[PeakMemory], work: Workload
    ) -> StageMemory:
        """With as many changes of the first part as it takes to fit, or with all there are."""
        key, kind, binding = part
        changes: dict[str, Any] = {}
        params = self._registry.params(kind, binding.name, binding.params)
        for change in params.lighter() if isinstance(params, HasLighter) else ():
            changes |= change
            peak = self._peak((key, kind, binding.with_params(**changes)), work)
            if peak is None:
                break
            named = {f"{key}.params.{name}": value for name, value in changes.items()}
            found = replace(found, change=named, changed=together([peak, *peaks[1:]]))
            if found.changed is not None and found.changed.fits:
                break
        return found

    def _peak(self, part: Part, work: Workload) -> PeakMemory | None:
        """The memory of a plugin; None, with a note, if it cannot be foreseen."""
        key, kind, binding = part
        if kind == "reward_model":
            work = replace(work, model=str(binding.params.get("model", "")))
        found = self._foreseen(kind, binding, work)
        if isinstance(found, PeakMemory):
            return found
        note = f"left out of the memory: {key} {binding.name}: {found}"
        self.notes += [note] if note not in self.notes else []
        return None

    def _foreseen(self, kind: str, binding: Binding, work: Workload) -> PeakMemory | str:
        """The memory of a plugin, or why it is not known."""
        if not self._registry.find(kind, binding.name).provider.memory:
            return "it does not say what it takes"
        if on_disk(work.model) is None:
            return f"the config.json of {work.model!r} is not on this machine"
        params = self._registry.params(kind, binding.name, binding.params)
        same = f"{kind} {params!r} {work}"
        if same not in self._found:
            try:
                foresee: Foresee = self._registry.memory(kind, binding.name)
                self._found[same] = foresee(params, work)
            except AstroError as error:
                self._found[same] = str(error)
        return self._found[same]


def _parts(config: RunConfig, registry: Registry) -> dict[str, list[Part]]:
    """What computes in the process of each stage by turns; a trainer comes first."""
    policy: Part = (POLICY, "policy", config.policy)
    roles = [(f"models.{r}", registry.model_kind(b.name), b) for r, b in config.models.items()]
    stages: dict[str, list[Part]] = {"search": [policy, *roles], "evaluate": [policy]}
    for stage in ("format_sft", "sft", "rl"):
        if binding := getattr(config, stage):
            trainer = (stage, "rl" if stage == "rl" else "sft", binding)
            stages[stage] = [trainer, policy] if stage == "rl" else [trainer]
    return {stage: stages[stage] for stage in ("format_sft", *STAGES) if stage in stages}


def _responses(config: RunConfig, costs: Mapping[str, StageCost]) -> dict[str, int]:
    """The tokens of the longest response of each stage. A trace joins several paths."""

    def longest(*keys: str) -> int:
        return max((cost.max_tokens for key in keys for cost in costs[key].requests), default=0)

    path = longest("search", "value") or config.evaluate.max_tokens
    paths = max(costs[key].paths for key in ("linearizer", "control"))
    return {
        "format_sft": path,
        "search": path,
        "sft": ceil(paths * path),
        "rl": longest("rl") or config.evaluate.max_tokens,
        "evaluate": config.evaluate.max_tokens,
    }


def together(peaks: Sequence[PeakMemory]) -> PeakMemory:
    """The peak of a process in which these parts compute by turns, on the device of the first."""
    same = [peak for peak in peaks if peak.device == peaks[0].device]
    kept = sum((Counter(dict(peak.kept)) for peak in same), Counter[str]())
    kept[PROCESS] = max(peak.kept.get(PROCESS, 0) for peak in same)
    worst = max(same, key=lambda peak: sum(peak.passing.values()))
    return replace(peaks[0], kept=dict(kept), passing=worst.passing)


def memory_lines(found: Sequence[tuple[str, StageMemory]], notes: Sequence[str]) -> Iterator[str]:
    """The text of a plan: (title of the run, stage), of which equal lines stand there once."""
    if found:
        yield "\nmemory, at most at once"
    shown: set[str] = set()
    for title, stage in found:
        if stage.line not in shown:
            yield f"  {title}, {stage.line}"
        shown.add(stage.line)
    yield from notes


def memory_figures(found: Sequence[tuple[str, StageMemory]], notes: Sequence[str]) -> Any:
    """The same as JSON-safe data, in bytes, under the key of a plan."""
    stages = [
        {"run": title, **asdict(stage), "total": stage.peak.total, "fits": stage.peak.fits}
        for title, stage in found
    ]
    return {"memory": {"stages": stages, "notes": list(notes)}}


def _gib(size: float) -> str:
    return f"{size / _GIB:.3g}"


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

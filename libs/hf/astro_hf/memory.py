"""Peak memory foreseen: a model is built without its weights, and computes without data.

Torch's fake tensors have shapes, dtypes and lifetimes, but no contents. What a computation with
them makes and frees is therefore counted exactly, for every family of models and in the code that
is going to run, although no memory is used. Only what a kernel keeps for itself is missing.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import psutil
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from transformers import AutoModelForCausalLM, PreTrainedModel

from astro.errors import AstroError
from astro.planning.memory import PROCESS, PeakMemory
from astro_hf.configs import attention_of, load_config
from astro_hf.devices import free_memory
from astro_hf.errors import CheckpointError, first_line
from astro_hf.heap import Heap

CUDA_CONTEXT = 600 * 2**20
"""What a process takes of a GPU beside its tensors: the CUDA context and the kernels of torch."""
WEIGHTS, OPTIMIZER, GRADIENTS = "weights", "optimizer", "gradients"
ACTIVATIONS, LOGITS, CACHE = "activations", "logits", "keys and values"
_HOLES = "freed, not returned"
_DIVIDED = (WEIGHTS, OPTIMIZER, GRADIENTS)
_KEPT = (WEIGHTS, OPTIMIZER, CACHE)

Build = Callable[..., PreTrainedModel]


class Meter(TorchDispatchMode):
    """Counts the bytes of the storages that operations make, until they are freed.

    Args:
        device: Where the computation is going to run. On a CPU, the holes in the heap count too.

    Attributes:
        label: Under which storages are counted from now on.
        now: The bytes that exist, by label.
        heap: What `malloc` holds; None unless the device is a CPU.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.label = ACTIVATIONS
        self._device = device
        self.heap = Heap() if device.type == "cpu" else None
        self._fixed: Counter[str] = Counter()
        self.now: Counter[str] = Counter()
        self._peak: Counter[str] = Counter()
        self._known: weakref.WeakKeyDictionary[Any, None] = weakref.WeakKeyDictionary()
        self._most = self._total = 0

    def hold(self, label: str, tensors: Iterable[Tensor], copies: int = 1) -> int:
        """Count tensors that exist all the while. Returns their bytes."""
        storages = {id(s): s for s in (tensor.untyped_storage() for tensor in tensors)}
        for storage in storages.values():
            self._known[storage] = None
        size = sum(storage.nbytes() for storage in storages.values())
        self._fixed[label] += copies * size
        return size

    def hold_bytes(self, label: str, size: int) -> None:
        """Count bytes that exist all the while."""
        self._fixed[label] += size

    def settle(self) -> None:
        """Note that a pass has ended."""
        self.label = ACTIVATIONS
        if self.heap:
            self.heap.settle()

    def passing(self, label: str, size: int) -> None:
        """Count `size` bytes that exist for a moment outside of the heap."""
        self._note(self.now + Counter({label: size}), self._held() + size)

    def result(self) -> PeakMemory:
        """The peak so far."""
        found = {label: size for label, size in self._peak.items() if size > 0}
        if self.heap and (holes := self._most - sum(found.values())) > 0:
            found[_HOLES] = holes
        fixed = dict(self._fixed)
        for label in _KEPT:
            if label in found:
                fixed[label] = fixed.get(label, 0) + found.pop(label)
        here = self._device.type == "cpu" or torch.cuda.is_available()
        room = free_memory(self._device) if here else 0
        if self.heap:
            room += psutil.Process().memory_info().rss
        base = process_bytes() if self.heap else CUDA_CONTEXT
        return PeakMemory(self._device.type, {PROCESS: base, **fixed}, found, room)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation, and count what it has made."""
        made = func(*args, **(kwargs or {}))
        for tensor in tree_iter(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: Any) -> None:
        if storage in self._known:
            return
        size, label = storage.nbytes(), self.label
        place = self.heap.allocate(size, torch.is_grad_enabled()) if self.heap else 0
        self._known[storage] = None
        weakref.finalize(storage, self._free, place, size, label)
        self.now[label] += size
        self._total += size
        self._note(self.now, self._held())

    def _held(self) -> int:
        return self.heap.resident if self.heap else self._total

    def _note(self, parts: Counter[str], held: int) -> None:
        if held > self._most:
            self._most, self._peak = held, parts.copy()

    def _free(self, place: int, size: int, label: str) -> None:
        if self.heap:
            self.heap.free(place, size, torch.is_grad_enabled())
        self.now[label] -= size
        self._total -= size


@contextmanager
def outlined(
    name: str,
    *,
    dtype: torch.dtype,
    attention: str = "auto",
    change: Callable[[PreTrainedModel], object] = lambda _: None,
    build: Build = AutoModelForCausalLM.from_config,
) -> Iterator[PreTrainedModel]:
    """Yield the model of a config, of fake tensors, with which the body computes.

    Args:
        name: The model.
        dtype: That of its weights.
        attention: The param `attn_implementation`.
        change: What is done to the model before, such as adding adapters.
        build: Makes the model of its config.

    Raises:
        CheckpointError: The config cannot be read, or the model computes in a way that depends on
            values, as a router does that picks experts one by one.
    """
    config = load_config(name)
    try:
        with torch.device("meta"):
            chosen = attention_of(config, attention, name)
            model = build(config, dtype=dtype, attn_implementation=chosen).eval()
            change(model)
        with FakeTensorMode():
            _give_shapes(model)
            yield model
    except AstroError:
        raise
    except Exception as error:  # anything that a model does with values that do not exist
        raise CheckpointError(
            f"model {name!r}: its memory cannot be foreseen: {first_line(error)}"
        ) from error


def _give_shapes(model: torch.nn.Module) -> None:
    """Replace the tensors of a model by fake ones on the CPU; tied ones stay tied."""
    made: dict[int, Tensor] = {}
    tensors: Any
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    fake = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    if isinstance(tensor, torch.nn.Parameter):
                        fake = torch.nn.Parameter(fake, requires_grad=tensor.requires_grad)
                    made[id(tensor)] = fake
                tensors[name] = made[id(tensor)]


def stored(model: torch.nn.Module) -> list[Tensor]:
    """Return the weights and buffers of a model."""
    return [*model.parameters(), *model.buffers()]


class Adam:
    """The memory of AdamW: two moments in float32 (arXiv 1910.02054, section 3.1).

    Args:
        parameters: What is trained.
        temporary: How many tensors of the size of a parameter an update makes for a moment; for one
            parameter after the other, or on a GPU for all of them at once.
    """

    def __init__(self, parameters: Iterable[Tensor], temporary: int, meter: Meter) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self._temporary = temporary
        self._meter = meter
        self._moments: list[Tensor] = []

    def prepare(self) -> None:
        """Make the moments, which exist after the first update."""
        self._meter.label = OPTIMIZER
        self._moments = self._moments or [
            torch.empty_like(p, dtype=torch.float32) for p in self.parameters for _ in range(2)
        ]
        self._meter.label = ACTIVATIONS

    def step(self) -> None:
        """Update the parameters, and drop the gradients."""
        self.prepare()
        if self._meter.heap is None:
            size = sum(p.nbytes for p in self.parameters) if self._temporary else 0
            self._meter.passing(OPTIMIZER, size)
        else:
            for p in self.parameters:
                del [torch.empty_like(p) for _ in range(self._temporary)][:]
        for p in self.parameters:
            p.grad = None

    def clear(self) -> None:
        """Free the moments."""
        self._moments.clear()


def backward(loss: Tensor, meter: Meter) -> None:
    """Compute the gradients of a loss."""
    meter.label = GRADIENTS
    torch.autograd.backward(loss)
    meter.settle()


def passes(optimizer: Adam, run: Callable[[], None], accumulated: int, meter: Meter) -> None:
    """Train for two updates, since the moments exist from the first one on.

    On a GPU the order in which blocks are allocated does not matter, so that one update is enough.
    """
    if meter.heap is None:
        optimizer.prepare()
    for _ in range(2 if meter.heap else 1):
        for _ in range(min(2, accumulated)):
            run()
        optimizer.step()


def times(peak: PeakMemory, processes: int) -> PeakMemory:
    """The peak of several processes that are equal: on a CPU of them all, on GPUs of each."""
    if peak.device != "cpu" or processes == 1:
        return peak
    kept, passing = (
        {label: processes * size for label, size in parts.items()}
        for parts in (peak.kept, peak.passing)
    )
    return replace(peak, kept=kept, passing=passing, what=f"{peak.what} in {processes} processes")


def divided(peak: PeakMemory, processes: int) -> PeakMemory:
    """The peak of each of several GPUs among which the state of a training is divided (FSDP)."""
    kept, passing = (
        {k: size // processes if k in _DIVIDED else size for k, size in parts.items()}
        for parts in (peak.kept, peak.passing)
    )
    return replace(peak, kept=kept, passing=passing)


@cache
def process_bytes() -> int:
    """Return the resident bytes of this process when first asked: those of imported code."""
    resident: int = psutil.Process().memory_info().rss
    return resident

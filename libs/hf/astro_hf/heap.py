"""The C library's allocator: why a process on a CPU holds more memory than its tensors take."""

from __future__ import annotations

from bisect import bisect_left, insort

_THRESHOLD = 32 * 2**20
_PAGE = 4096
_GAP, _ALIGNMENT = 64, 96


class Heap:
    """What glibc's `malloc` holds, as one arena (its manual, "Memory Allocation Tunables").

    A block lies in the smallest hole that is large enough, or at the end of the heap. A block above
    32 MiB is mapped by itself instead, and goes back to the system when it is freed. (The threshold
    begins lower, and rises to this when weights are loaded.) The heap itself does not shrink, since
    some small object lies near its end: holes stay with the process.

    Torch aligns blocks by 64 bytes. `posix_memalign` then wants more than the block's size, so a
    hole that a block has left is too small for another one of the same size. It also leaves a gap
    before each block. While autograd records a graph, its nodes come to lie in these gaps. Until
    they are freed, holes at both sides of a gap do not become one. Together this may take as much
    memory as all activations.

    Attributes:
        resident: The bytes that the process holds.
    """

    def __init__(self) -> None:
        self.resident = 0
        self._end = 0
        self._holes: list[tuple[int, int]] = []  # (size, start), the smallest first
        self._sizes: dict[int, int] = {}  # start -> size of each hole
        self._starts: dict[int, int] = {}  # end -> start of each hole
        self._gaps: set[int] = set()

    def allocate(self, size: int, recording: bool = False) -> int:
        """Return the place of a new block; a mapped block has none, which is -1."""
        gap = _GAP if recording else 0
        found = bisect_left(self._holes, (size + _ALIGNMENT, 0))
        if found < len(self._holes):
            width, start = self._holes[found]
            self._drop(start)
            self._keep(start + gap + size, width - gap - size)
        elif size >= _THRESHOLD:
            self.resident += _pages(size)
            return -1
        else:
            start = self._end
            self._end += gap + size
            self.resident += gap + size
        if gap:
            self._gaps.add(start)
        return start + gap

    def free(self, start: int, size: int, recording: bool = False) -> None:
        """Free a block, and the gap before it unless a node lies there."""
        if start < 0:
            self.resident -= _pages(size)
            return
        if not recording and start - _GAP in self._gaps:
            self._gaps.remove(start - _GAP)
            start, size = start - _GAP, size + _GAP
        end = start + size
        if end in self._sizes:
            end += self._drop(end)
        if start in self._starts:
            start = self._starts[start]
            self._drop(start)
        self._keep(start, end - start)

    def settle(self) -> None:
        """Free what lies in the gaps, as when a graph has been traversed."""
        gaps, self._gaps = self._gaps, set()
        for gap in gaps:
            self.free(gap, _GAP)

    def _keep(self, start: int, size: int) -> None:
        self._sizes[start] = size
        self._starts[start + size] = start
        insort(self._holes, (size, start))

    def _drop(self, start: int) -> int:
        size = self._sizes.pop(start)
        del self._starts[start + size]
        del self._holes[bisect_left(self._holes, (size, start))]
        return size


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE

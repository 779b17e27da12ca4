from __future__ import annotations

from astro_hf.heap import Heap

MIB = 2**20


def test_a_hole_takes_smaller_blocks_only() -> None:
    """Alignment wants more than a block's size."""
    heap = Heap()
    places = [heap.allocate(MIB) for _ in range(2)]
    heap.free(places[0], MIB)
    assert heap.resident == 2 * MIB
    assert heap.allocate(MIB // 2) == places[0]
    assert heap.resident == 2 * MIB
    assert heap.allocate(MIB) == 2 * MIB
    assert heap.resident == 3 * MIB


def test_holes_that_touch_become_one() -> None:
    heap = Heap()
    places = [heap.allocate(MIB) for _ in range(3)]
    for place in (places[0], places[2], places[1]):
        heap.free(place, MIB)
    assert heap.allocate(2 * MIB) == places[0]
    assert heap.resident == 3 * MIB


def test_nodes_of_a_graph_keep_holes_apart_until_it_is_traversed() -> None:
    heap = Heap()
    places = [heap.allocate(MIB, recording=True) for _ in range(3)]
    for place in places:
        heap.free(place, MIB, recording=True)
    assert heap.allocate(2 * MIB) >= 3 * MIB
    heap.settle()
    assert heap.allocate(2 * MIB) == 0


def test_a_large_block_goes_back_to_the_system() -> None:
    heap = Heap()
    place = heap.allocate(40 * MIB)
    assert (place, heap.resident) == (-1, 40 * MIB)
    heap.free(place, 40 * MIB)
    assert heap.resident == 0

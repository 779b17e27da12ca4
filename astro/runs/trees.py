"""Trees that a run is given or reads from its folder, and the check of their structure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from astro.errors import ConfigError, RunError
from astro.files import index_lines, line_chunks, write_whole
from astro.runs.folder import RunFolder
from astro.runs.manifest import seal
from astro.types import Problem, SearchTree


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A tree without its nodes, which are read when needed because all may exceed the memory."""

    problem: Problem


T = TypeVar("T", TreeHead, SearchTree)


def take_trees(folder: RunFolder, given: Path) -> None:
    """Copy the trees in the file `given` into the folder of a run, unless it has them already.

    Raises:
        RunError: The file is damaged or is no valid file of trees, or the run has other trees.
    """
    if folder.trees.exists():
        if seal(given) != seal(folder.trees):
            raise RunError(
                f"{folder.root} has other trees than {given}",
                "choose another name, as with --set name=NAME; --fresh deletes the old run",
            )
        return
    RunFolder(given.parent).checked(given)
    for _, tree in distinct(given, index_lines(given, SearchTree)):
        check_tree(tree, given)
    with given.open("rb") as lines:
        folder.write(folder.trees, lines)


def read_tree_file(path: Path) -> list[SearchTree]:
    """Read the trees of a file that need not be in a run's folder.

    Raises:
        RunError: The file is no valid file of trees, or holds none.
    """
    try:
        trees = [check_tree(t, path) for _, t in distinct(path, index_lines(path, SearchTree))]
    except OSError as error:
        raise RunError(f"{path}: cannot read: {error.strerror}") from None
    if not trees:
        raise RunError(f"{path} holds no trees")
    return trees


def tree_of(trees: Sequence[SearchTree], question: Sequence[str]) -> list[SearchTree]:
    """Return those of the trees that are of a problem, by its id or prompt; all if none is named.

    Raises:
        ConfigError: No tree is of that problem.
    """
    if not question:
        return list(trees)
    found = [tree for tree in trees if question[0] in (tree.problem.id, tree.problem.prompt)]
    if not found or len(question) > 1:
        raise ConfigError([f"there is no tree of the question {question[-1]!r:.80}"])
    return found


def write_tree_file(path: Path, trees: Iterable[SearchTree]) -> None:
    """Write the trees that have nodes to a file that need not be in a run's folder.

    Raises:
        RunError: The file cannot be written.
    """
    try:
        write_whole(path, line_chunks(tree for tree in trees if tree.nodes), shared=True)
    except OSError as error:
        raise RunError(f"{path}: cannot write: {error.strerror}") from None


def distinct(path: Path, trees: Iterable[tuple[int, T]]) -> Iterator[tuple[int, T]]:
    """Yield the trees of a file, or their heads, as they are given, each with its offset.

    Raises:
        RunError: Two trees are of the same problem.
    """
    seen: set[str] = set()
    for offset, tree in trees:
        if tree.problem.id in seen:
            raise RunError(f"{path}: two trees are of the problem {tree.problem.id!r:.60}")
        seen.add(tree.problem.id)
        yield offset, tree


def check_tree(tree: SearchTree, path: Path) -> SearchTree:
    """Return a tree whose nodes are linked as `SearchTree` says.

    Raises:
        RunError: They are not. The message names the first such node.
    """
    for fault in _faults(tree):
        raise RunError(f"{path}: the tree of {tree.problem.id!r:.60}: {fault}")
    return tree


def _faults(tree: SearchTree) -> Iterator[str]:
    if not tree.nodes:
        yield "it has no root"
    for number, node in enumerate(tree.nodes):
        if node.id != number:
            yield f"node {number} has the id {node.id}"
        if number == 0 and node.parent is not None:
            yield f"the root has the parent {node.parent}"
        if number and (node.parent is None or not 0 <= node.parent < number):
            yield f"node {number} has the parent {node.parent}, which does not precede it"
        if node.visit_count < 0:
            yield f"node {number} has the visit count {node.visit_count}"
    for number, node in enumerate(tree.nodes):
        for child in node.children:
            if not 0 < child < len(tree.nodes) or tree.nodes[child].parent != number:
                yield f"node {number} has the child {child}, of which it is not the parent"

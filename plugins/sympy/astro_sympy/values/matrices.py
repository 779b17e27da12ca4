"""Sums and products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import islice

from flint import fmpq

from astro_sympy.values.nodes import Apply, Group, Matrix, Node, Number, walk
from astro_sympy.values.work import TooHard

MAX_ENTRIES = 400
MAX_NODES = 10_000


def matrix(node: Node) -> Matrix | None:
    """Evaluate an expression of matrices; None if it is not a matrix.

    Raises:
        TooHard: The shapes do not fit, there are more than 400 entries, or a product of matrices
            with variables grows too long, as it doubles with each factor.
    """
    match node:
        case Matrix(rows):
            if sum(map(len, rows)) > MAX_ENTRIES:
                raise TooHard("the matrix is too large")
            return node
        case Group("(", items, ")") | Group("[", items, "]"):  # a vector
            return Matrix(tuple((item,) for item in items))
        case Apply("+" | "*" as operation, arguments):
            parts = [matrix(argument) or argument for argument in arguments]
            if any(isinstance(part, Matrix) for part in parts):
                whole = reduce(_added if operation == "+" else _multiplied, parts)
                return whole if isinstance(whole, Matrix) else None
        case Apply("neg", (argument,)):
            inside = matrix(argument)
            return inside and _mapped(inside, lambda entry: Apply("neg", (entry,)))
        case Apply("/", (above, below)):
            inside = matrix(above)
            return inside and _mapped(inside, lambda entry: Apply("/", (entry, below)))
    return None


def _mapped(matrix: Matrix, change: Callable[[Node], Node]) -> Matrix:
    return Matrix(tuple(tuple(map(change, row)) for row in matrix.rows))


def _added(left: Node, right: Node) -> Matrix:
    if (
        not isinstance(left, Matrix)
        or not isinstance(right, Matrix)
        or _shape(left) != _shape(right)
    ):
        raise TooHard("the shapes of the terms differ")
    return Matrix(
        tuple(
            tuple(Apply("+", pair) for pair in zip(ours, theirs, strict=True))
            for ours, theirs in zip(left.rows, right.rows, strict=True)
        )
    )


def _multiplied(left: Node, right: Node) -> Node:
    if not isinstance(left, Matrix) or not isinstance(right, Matrix):
        scalar, inside = (right, left) if isinstance(left, Matrix) else (left, right)
        if not isinstance(inside, Matrix):
            return Apply("*", (left, right))
        return _mapped(inside, lambda entry: Apply("*", (scalar, entry)))
    if _shape(left)[1] != _shape(right)[0]:
        raise TooHard("the shapes of the factors do not fit")
    columns = list(zip(*right.rows, strict=True))
    product = Matrix(tuple(tuple(_dot(row, column) for column in columns) for row in left.rows))
    if next(islice(walk(product), MAX_NODES, None), None):
        raise TooHard("the product of matrices is too long")
    return product


def _dot(row: Sequence[Node], column: Sequence[Node]) -> Node:
    pairs = list(zip(row, column, strict=True))
    terms = [
        Number(mine.value * other.value)
        for mine, other in pairs
        if isinstance(mine, Number) and isinstance(other, Number)
    ]
    if len(terms) == len(pairs):
        return Number(sum((term.value for term in terms), fmpq(0)))
    return Apply("+", tuple(Apply("*", pair) for pair in pairs))


def _shape(matrix: Matrix) -> tuple[int, int]:
    return len(matrix.rows), len(matrix.rows[0])

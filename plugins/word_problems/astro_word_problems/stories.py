"""Stories about a number of things that changes step by step, and how it is calculated.

A story begins with a number of things, changes it, and asks for it in the end. Its opening and its
ending may take a step of calculation as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

NAMES = (
    *("Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Henry", "Ines", "Jonas"),
    *("Karen", "Leo", "Maria", "Nora", "Oscar", "Paula", "Rosa", "Sam", "Tom", "Wendy"),
)
THINGS = (
    *("apples", "balloons", "books", "candles", "cards", "coins", "cookies", "eggs", "flowers"),
    *("keys", "marbles", "muffins", "pencils", "plums", "shells", "stamps", "stickers", "stones"),
)
MOST = 120
"""The largest number of things in a story."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """One step of a solution: what it finds, and how, such as `12 + 5` with the result 17."""

    finds: str
    expression: str
    result: int


@dataclass(frozen=True, slots=True)
class Event:
    """A sentence of a story, and the calculation that it takes."""

    sentence: str
    calculation: Calculation


@dataclass(frozen=True, slots=True)
class Story:
    """A problem in words, the calculations that solve it, and the unit of the answer."""

    text: str
    calculations: tuple[Calculation, ...]
    who: str
    unit: str

    @property
    def answer(self) -> int:
        """The result of the last calculation."""
        return self.calculations[-1].result


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who and what a story is about."""

    who: str
    other: str
    thing: str


def draw(rng: Random, steps: int) -> Story:
    """Return a random story that takes `steps` calculations, at least one."""
    who, other = rng.sample(NAMES, 2)
    cast = _Cast(who, other, rng.choice(THINGS))
    packed = rng.random() < 0.4
    ends = steps > packed and rng.random() < 0.5
    opening, count, calculations = _opening(rng, cast, packed)
    sentences = [opening]
    for _ in range(steps - packed - ends):
        event = _event(rng, cast, count)
        sentences.append(event.sentence)
        calculations.append(event.calculation)
        count = event.calculation.result
    if not ends:
        question = f"How many {cast.thing} does {cast.who} have now?"
        return Story(" ".join([*sentences, question]), tuple(calculations), cast.who, cast.thing)
    ending = rng.choice((_sold, _shared)) if _divisors(count) else _sold
    event, unit = ending(rng, cast, count)
    text = " ".join([*sentences, event.sentence])
    return Story(text, (*calculations, event.calculation), cast.who, unit)


def _opening(rng: Random, cast: _Cast, packed: bool) -> tuple[str, int, list[Calculation]]:
    """The first sentence, the number of things, and its calculation if they come in bags."""
    if not packed:
        count = rng.randint(4, 40)
        return f"{cast.who} has {count} {cast.thing}.", count, []
    bags, each = rng.randint(2, 9), rng.randint(2, 9)
    finds = f"Find how many {cast.thing} {cast.who} has at first"
    first = Calculation(finds, f"{bags} * {each}", bags * each)
    sentence = f"{cast.who} has {bags} bags with {each} {cast.thing} in each of them."
    return sentence, first.result, [first]


def _event(rng: Random, cast: _Cast, count: int) -> Event:
    """A change of the number of things that is possible with `count` of them."""
    possible: list[Callable[[Random, _Cast, int], Event]] = []
    possible += [_gained] * (count <= MOST - 30) + [_lost] * (count >= 4)
    possible += [_halved] * (count >= 4 and count % 2 == 0) + [_doubled] * (count <= MOST // 2)
    return rng.choice(possible)(rng, cast, count)


def _gained(rng: Random, cast: _Cast, count: int) -> Event:
    more = rng.randint(2, 30)
    said = (
        f"{cast.who} buys {more} more {cast.thing}.",
        f"Then {cast.other} gives {cast.who} {more} {cast.thing}.",
        f"{cast.who} finds {more} more {cast.thing} at home.",
    )
    finds = f"Add the {more} new {cast.thing}"
    return Event(rng.choice(said), Calculation(finds, f"{count} + {more}", count + more))


def _lost(rng: Random, cast: _Cast, count: int) -> Event:
    fewer = rng.randint(1, count - 2)
    said = (
        f"{cast.who} gives {fewer} {cast.thing} to {cast.other}.",
        f"{cast.who} loses {fewer} of the {cast.thing}.",
        f"Then {cast.other} takes {fewer} of the {cast.thing} away.",
    )
    finds = f"Subtract the {fewer} {cast.thing} that are gone"
    return Event(rng.choice(said), Calculation(finds, f"{count} - {fewer}", count - fewer))


def _halved(rng: Random, cast: _Cast, count: int) -> Event:
    said = (
        f"{cast.who} gives half of the {cast.thing} to {cast.other}.",
        f"Half of the {cast.thing} get lost.",
    )
    finds = f"Take half of the {cast.thing}"
    return Event(rng.choice(said), Calculation(finds, f"{count} / 2", count // 2))


def _doubled(rng: Random, cast: _Cast, count: int) -> Event:
    said = (
        f"Then {cast.who} doubles the number of {cast.thing}.",
        f"{cast.other} gives {cast.who} as many {cast.thing} again.",
    )
    finds = f"Double the number of {cast.thing}"
    return Event(rng.choice(said), Calculation(finds, f"{count} * 2", count * 2))


def _sold(rng: Random, cast: _Cast, count: int) -> tuple[Event, str]:
    price = rng.randint(2, 9)
    sentence = (
        f"{cast.who} sells all the {cast.thing} for {price} dollars each. "
        f"How many dollars does {cast.who} get?"
    )
    finds = f"Multiply by the price of {price} dollars"
    return Event(sentence, Calculation(finds, f"{count} * {price}", count * price)), "dollars"


def _shared(rng: Random, cast: _Cast, count: int) -> tuple[Event, str]:
    boxes = rng.choice(_divisors(count))
    sentence = (
        f"{cast.who} puts the {cast.thing} into {boxes} boxes, with the same number in each. "
        f"How many {cast.thing} are in a box?"
    )
    finds = f"Divide the {cast.thing} by the number of boxes"
    calculation = Calculation(finds, f"{count} / {boxes}", count // boxes)
    return Event(sentence, calculation), cast.thing


def _divisors(count: int) -> Sequence[int]:
    return [number for number in range(2, 10) if count % number == 0 and count // number > 1]

"""Times of day."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TIME = re.compile(
    r"(?:at )?(\d{1,2})(?: ?: ?(\d\d))?(?: ?: ?(\d\d))? ?(?:([ap])\.? ?m\b\.?|(o'clock))?",
    re.IGNORECASE,
)
_NAMED = {"noon": "12:00 pm", "midnight": "12:00 am", "12 noon": "12:00 pm"}


@dataclass(frozen=True, slots=True)
class Time:
    """A time as it is written.

    Attributes:
        hour: 1 to 12 if `half` is given, else 0 to 23.
        minute: 0 to 59.
        second: 0 to 59.
        half: `a` or `p`, for a.m. and p.m.; None if it is not given.
        certain: Whether the text can only be a time; `9:24` alone may be a ratio.
    """

    hour: int
    minute: int
    second: int
    half: str | None
    certain: bool

    @property
    def seconds(self) -> int:
        """Seconds since midnight."""
        hour = self.hour % 12 + 12 * (self.half == "p") if self.half else self.hour
        return 3600 * hour + 60 * self.minute + self.second


def same_time(gold: str, answer: str) -> bool | None:
    """Whether two plain texts name the same time; None if the reference may not be a time.

    `4:30 p.m.` is `16:30`. If only one of them says a.m. or p.m., it holds for both, like a unit
    that one side omits.
    """
    left, right = read_time(gold), read_time(answer)
    if left is None or not (left.certain or (right and right.certain)):
        return None
    if right is None:
        return False
    if left.seconds == right.seconds:
        return True
    unsaid = (left.half is None) != (right.half is None) and max(left.hour, right.hour) <= 12
    return unsaid and (left.seconds - right.seconds) % 43200 == 0


def read_time(text: str) -> Time | None:
    """Read a plain text as a time; None if it is not one."""
    match = _TIME.fullmatch(_NAMED.get(text.lower(), text))
    if match is None or not (match[2] or match[4] or match[5]):
        return None
    hour, minute, second = (int(match[i] or 0) for i in (1, 2, 3))
    half = match[4].lower() if match[4] else None
    hours = range(1, 13) if half else range(24)
    if hour not in hours or minute > 59 or second > 59:
        return None
    certain = half is not None or match[5] is not None or (match[2] or "").startswith("0")
    return Time(hour, minute, second, half, certain)

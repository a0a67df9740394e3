"""Durations as people write them: 90s, 15m, 24h, 7d, or a sum of them like 1h30m."""

import re
from datetime import timedelta
from typing import Final

from rune.errors import InvalidConfig

_WHOLE: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?", re.ASCII)
_LONGEST: Final = timedelta(days=3_650)


def parse_duration(text: str, *, field: str) -> timedelta:
    """Parse a positive duration of whole seconds, at most ten years.

    Raises:
        InvalidConfig: it isn't one.
    """
    match = _WHOLE.fullmatch(text)
    if not text or match is None:
        raise InvalidConfig(f"{field}: {text[:40]!r} is not a duration", mend="write it like 90s, 15m, 24h or 7d")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(0) < found <= _LONGEST:
        raise InvalidConfig(f"{field}: {text[:40]!r} is out of range", mend="write more than 0s and at most 3650d")
    return found


def format_duration(duration: timedelta) -> str:
    """The shortest form that `parse_duration` reads back."""
    left = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

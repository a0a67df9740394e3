"""Lists in messages: the first few, then a count, so that no message grows with what it is about."""

from collections.abc import Iterable


def few_names(names: Iterable[str], limit: int) -> str:
    """The first `limit` names: `a, b and 2 more`."""
    return _few(names, limit, ", ", " and ")


def few_clauses(clauses: Iterable[str], limit: int) -> str:
    """The first `limit` clauses, which may hold commas themselves: `a is wrong; b is wrong; and 2 more`."""
    return _few(clauses, limit, "; ", "; and ")


def _few(parts: Iterable[str], limit: int, between: str, last: str) -> str:
    every = list(parts)
    shown = between.join(every[:limit])
    return f"{shown}{last}{len(every) - limit} more" if len(every) > limit else shown

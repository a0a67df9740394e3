"""The policy's patterns for lists outside of it: the namespaces that a store or keyset admits, a keyset's paths."""

from collections.abc import Iterable

from rune.errors import InvalidConfig
from rune.model.path import SecretPath
from rune.model.pattern import Glob, parse_path_pattern


def matches(pattern: str, text: str) -> bool:
    """Whether a name fits a glob in which '*' stands for any characters."""
    return Glob.of(pattern).matches(text)


def matches_any(patterns: Iterable[str], text: str) -> bool:
    """Whether a name fits one of the globs; an empty list admits nothing."""
    return any(matches(pattern, text) for pattern in patterns)


def covers(patterns: Iterable[str], path: SecretPath) -> bool:
    """Whether a path fits one of the path patterns (without placeholders); one that is malformed covers nothing."""
    segments = path.split("/")
    for pattern in patterns:
        try:
            compiled = parse_path_pattern(pattern, field="paths", traits=False)
        except InvalidConfig:
            continue
        if compiled.matches(segments, None):
            return True
    return False

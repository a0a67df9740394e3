"""Patterns of names, of paths and of signers' subjects, as policies, keysets and RuneStores write them.

In a name, '*' stands for any characters, none included. In a path, '*' does the same within a segment, '**' stands
for any number of whole segments, none included, and {cluster}, {namespace}, {serviceAccount} for one whole segment
that equals the caller's. Nothing here backtracks: the cost is at most the product of both lengths.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rune.errors import InvalidConfig
from rune.model.caller import Caller
from rune.model.limits import FORMAT

# Kubernetes names are RFC 1123 labels or subdomains: lower case, digits, '-', '.', at most 253 characters.
_NAME: Final = re.compile(r"[a-z0-9.*-]{1,253}", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z0-9_.*-]{1,253}", re.ASCII)
# A path's segment (rune.model.path) in which any run of characters may be a '*'.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_.*-]*", re.ASCII)
# Scheme, host and first segment of a URI; the domain of an address (and no URI, whose path may hold an '@' too).
_URI_OWNER: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/*\s]+/[^/*\s]+/")
_ADDRESS_OWNER: Final = re.compile(r"^[^/@]+@[^/@*\s]+$")


class Trait(Enum):
    """What of the caller fills a segment; the value is how a pattern writes it."""

    CLUSTER = "{cluster}"
    NAMESPACE = "{namespace}"
    SERVICE_ACCOUNT = "{serviceAccount}"

    def of(self, caller: Caller) -> str:
        """The caller's own, to be compared letter by letter: it is never read as a pattern."""
        if self is Trait.CLUSTER:
            return caller.cluster
        return caller.namespace if self is Trait.NAMESPACE else caller.service_account


@dataclass(frozen=True, slots=True)
class Glob:
    """A name in which '*' stands for any characters. Made by `parse_glob` or `Glob.of`."""

    parts: tuple[str, ...]
    """The text between the stars: one part is a literal name."""

    @classmethod
    def of(cls, text: str) -> "Glob":
        """Take a text apart without checking it; whatever isn't '*' stands for itself."""
        return cls(tuple(text.split("*")))

    @property
    def literal(self) -> str | None:
        """The one name that it matches, or None if it has a star."""
        return self.parts[0] if len(self.parts) == 1 else None

    def matches(self, text: str) -> bool:
        """Whether all of the text fits: each middle part at its first place after the one before it."""
        first, last = self.parts[0], self.parts[-1]
        if len(self.parts) == 1:
            return text == first
        at, end = len(first), len(text) - len(last)
        if at > end or not text.startswith(first) or not text.endswith(last):
            return False
        for part in self.parts[1:-1]:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    def __str__(self) -> str:
        return "*".join(self.parts)


class _Many(Enum):
    """Any number of whole segments."""

    SEGMENTS = "**"


_Element = str | Glob | Trait | _Many


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A pattern of paths. Made by `parse_path_pattern`."""

    text: str
    elements: tuple[_Element, ...]

    def matches(self, segments: Sequence[str], caller: Caller | None) -> bool:
        """Whether all segments of a path fit.

        Args:
            segments: the path's, in their order.
            caller: whose traits fill placeholders; without one, a placeholder fits nothing.
        """
        elements = self.elements
        at = restart_at = restart_segment = 0
        index = 0
        restart = False
        while index < len(segments):
            element = elements[at] if at < len(elements) else None
            if element is _Many.SEGMENTS:
                # Take nothing for now; come back here with one segment more whenever the rest doesn't fit. Only the
                # last '**' is ever retried: an earlier one taking more can't help what comes after a later one.
                at += 1
                restart, restart_at, restart_segment = True, at, index
            elif element is not None and _fits(element, segments[index], caller):
                at += 1
                index += 1
            elif restart:
                restart_segment += 1
                at, index = restart_at, restart_segment
            else:
                return False
        return all(element is _Many.SEGMENTS for element in elements[at:])

    def __str__(self) -> str:
        return self.text


def _fits(element: str | Glob | Trait, segment: str, caller: Caller | None) -> bool:
    if isinstance(element, str):
        return element == segment
    if isinstance(element, Glob):
        return element.matches(segment)
    return caller is not None and element.of(caller) == segment


def parse_glob(text: str, *, field: str, kubernetes: bool = True) -> Glob:
    """Check a glob of names.

    Args:
        text: what was written.
        field: where it was written, for the message.
        kubernetes: the names are those of Kubernetes objects; otherwise capitals and '_' are accepted too.

    Raises:
        InvalidConfig: no name could be like that.
    """
    if not (_NAME if kubernetes else _LABEL).fullmatch(text) or "**" in text:
        kind = "lower-case letters, digits, - and ." if kubernetes else "letters, digits, - _ and ."
        raise InvalidConfig(
            f"{field}: {text[:80]!r} is no name or glob", mend=f"use 1 to 253 {kind}, with single * for any characters"
        )
    return Glob.of(text)


def parse_path_pattern(text: str, *, field: str, traits: bool = True) -> PathPattern:
    """Check a pattern of paths.

    Args:
        text: what was written.
        field: where it was written, for the message.
        traits: whether {namespace} and the like may stand here.

    Raises:
        InvalidConfig: it breaks the rules, or no path could ever fit.
    """
    if not text or len(text) > FORMAT.path_chars:
        raise InvalidConfig(
            f"{field} must have 1 to {FORMAT.path_chars} characters", mend="write a pattern like prod/payments/**"
        )
    elements = tuple(_element(segment, text, field, traits=traits) for segment in text.split("/"))
    return PathPattern(text, elements)


def parse_subject_pattern(text: str, *, field: str) -> PathPattern:
    """Check a pattern of subjects: those of certificates, which are URIs or e-mail addresses.

    As in paths, '*' stays within a segment and '**' is whole segments; matched against `subject.split("/")`. What
    says whose the rest is must be literal: a URI's scheme, host and first segment, an address's domain.

    Args:
        text: what was written.
        field: where it was written, for the message.

    Raises:
        InvalidConfig: it has no star, or one where anybody's subject could fit.
    """
    owner = _URI_OWNER if "://" in text else _ADDRESS_OWNER
    if not owner.search(text):
        raise InvalidConfig(
            f"{field} {text[:80]!r} could fit anybody's subject",
            mend="write host and first segment without a star (https://github.com/acme/**), or the domain (*@acme.org)",
        )
    if "*" not in text:
        raise InvalidConfig(f"{field} {text[:80]!r} has no star", mend="write it as subject")
    return PathPattern(text, tuple(_subject_element(segment, text, field) for segment in text.split("/")))


def _subject_element(segment: str, text: str, field: str) -> _Element:
    if segment == _Many.SEGMENTS.value:
        return _Many.SEGMENTS
    if "**" in segment:
        raise InvalidConfig(
            f"{field} {text[:80]!r}: ** must be a whole segment", mend="write * within a segment, ** between slashes"
        )
    return Glob.of(segment) if "*" in segment else segment


def _element(segment: str, text: str, field: str, *, traits: bool) -> _Element:
    if segment == _Many.SEGMENTS.value:
        return _Many.SEGMENTS
    for trait in Trait:
        if traits and segment == trait.value:
            return trait
    if "{" in segment or "}" in segment:
        allowed = ", ".join(trait.value for trait in Trait)
        mend = f"a placeholder fills a whole segment and is one of {allowed}" if traits else "use * or ** instead"
        raise InvalidConfig(f"{field} {text[:80]!r}: {segment[:40]!r} is no placeholder here", mend=mend)
    if "**" in segment:
        raise InvalidConfig(
            f"{field} {text[:80]!r}: ** must be a whole segment", mend="write * within a segment, ** between slashes"
        )
    if not _SEGMENT.fullmatch(segment):
        raise InvalidConfig(
            f"{field} {text[:80]!r}: no path has a segment like {segment[:40]!r}",
            mend="write segments of letters, digits, _ . - and *, joined by single slashes, like prod/payments/*",
        )
    return Glob.of(segment) if "*" in segment else segment

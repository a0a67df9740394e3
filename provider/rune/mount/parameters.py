"""The parameters of a SecretProviderClass: which store, and which entries."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rune.errors import InvalidParameter, RuneError
from rune.model.bounded_yaml import load_yaml
from rune.model.fields import Problem
from rune.model.limits import MOUNT
from rune.model.spec import StoreName
from rune.model.wording import few_clauses
from rune.mount.entry import Entry, EveryKey
from rune.mount.entry_parse import parse_entry
from rune.mount.names import check_distinct
from rune.mount.recent import Recent

PARAMETERS: Final = frozenset({"store", "clusterStore", "objects"})
"""What a SecretProviderClass for Rune may say."""

# Kubernetes object names: RFC 1123 subdomains.
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_LIST_MEND: Final = "write a list, each entry with at least a path: objects: |\\n  - path: prod/payments/db"
_SHOWN_CHARS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Objects:
    """What `objects` says, parsed; how it is shown in the audit line."""

    entries: tuple[Entry, ...]
    digest: str
    shown: str
    """The text as it was written, cut; it names paths and files, never values."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of one mount."""

    store: StoreName
    objects: Objects

    @property
    def in_effect(self) -> tuple[tuple[str, str], ...]:
        """For the audit line: the pod's author may have overridden any of them."""
        kind = "clusterStore" if self.store.namespace is None else "store"
        return ((kind, self.store.name), ("objects", self.objects.shown), ("objectsDigest", self.objects.digest))


class ParameterParser:
    """Parses parameters. Remembers the recent texts of `objects`: each republish of each pod repeats its own."""

    def __init__(self) -> None:
        self._recent: Recent[Objects] = Recent(max_chars=MOUNT.remembered_objects_chars)

    def parse(self, parameters: Mapping[str, str], *, namespace: str) -> Parameters:
        """Parse them.

        Args:
            parameters: those in effect, by name.
            namespace: the pod's; a `store` is one of its own namespace.

        Raises:
            InvalidParameter: naming up to five wrong fields, each with its place.
        """
        _refuse_unknown(parameters)
        store = _store(parameters, namespace)
        text = parameters.get("objects", "")
        objects = self._recent.get(text)
        if objects is None:
            objects = parse_objects(text)
            self._recent.put(text, objects)
        return Parameters(store, objects)


def _refuse_unknown(parameters: Mapping[str, str]) -> None:
    unknown = sorted(parameters.keys() - PARAMETERS)
    if unknown:
        raise InvalidParameter(
            f"parameter or volume attribute {unknown[0][:80]!r} is not known"
            + (f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""),
            mend=f"remove it, or correct it to one of {', '.join(sorted(PARAMETERS))}",
        )


def _store(parameters: Mapping[str, str], namespace: str) -> StoreName:
    given = [name for name in ("store", "clusterStore") if parameters.get(name)]
    if len(given) != 1:
        raise InvalidParameter(
            "parameters name both store and clusterStore" if given else "parameters name no store",
            mend="write either store (a RuneStore of the pod's namespace) or clusterStore (a ClusterRuneStore)",
        )
    name = parameters[given[0]]
    if not _NAME.fullmatch(name):
        raise InvalidParameter(f"{given[0]} {name[:80]!r} is no name of an object", mend="write the store's name alone")
    return StoreName(name, namespace if given[0] == "store" else None)


def parse_objects(text: str) -> Objects:
    """Parse the YAML text of `objects`.

    Raises:
        InvalidParameter: naming up to five wrong fields, each with its place.
    """
    try:
        document = load_yaml(text, what="objects", max_bytes=MOUNT.objects_bytes)
    except RuneError as error:
        raise InvalidParameter(error.what, mend=error.mend) from None
    if not isinstance(document, list) or not 0 < len(document) <= MOUNT.entries:
        raise InvalidParameter(f"objects must be a YAML list of 1 to {MOUNT.entries} entries", mend=_LIST_MEND)
    problems: list[Problem] = []
    entries = [parse_entry(each, f"objects[{number}]", problems) for number, each in enumerate(document)]
    _refuse(problems)
    _check_names(entries)
    return Objects(tuple(entries), "sha256:" + hashlib.sha256(text.encode()).hexdigest(), _shown(text))


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _refuse(problems: list[Problem]) -> None:
    if not problems:
        return
    named = few_clauses((f"{problem.place} {problem.what}" for problem in problems), MOUNT.named_failures)
    raise InvalidParameter(named, mend=problems[0].mend)


def _check_names(entries: list[Entry]) -> None:
    check_distinct(
        (entry.rendering.file, entry.place) for entry in entries if not isinstance(entry.rendering, EveryKey)
    )
    places: dict[str, str] = {}
    for entry in entries:
        if entry.version_id in places:
            raise InvalidParameter(
                f"{places[entry.version_id]} and {entry.place} mount the same keys in one folder",
                mend="give one of them another dir, or remove it",
            )
        places[entry.version_id] = entry.place

"""The last accepted state as it is kept on the node's disk, to be accepted again when the registry is down at a start.

Everything in it is verified again by the same rules, except the time of the last confirmation, which nobody signs. Of
that, the reader believes only what can't lengthen maxStale beyond what a running provider would have allowed: never a
time in the future, and the head's signed time where there is none (docs/adr/0010).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rune.snapshot.accept import Evidence, PolicyEvidence, Signed


@dataclass(frozen=True, slots=True)
class Saved:
    """What a replica keeps for its next start; untrusted when it is read."""

    evidence: Evidence = field(repr=False)
    confirmed: datetime | None
    """When a source last stood by this head; None if that can't be read."""
    pins: tuple[Signed, ...] = field(default=(), repr=False)
    """Earlier snapshots that entries are pinned to."""

    def parts(self) -> dict[str, bytes]:
        """Names and bytes, as a ContentCache keeps evidence."""
        parts = {**_put("head", self.evidence.head), **_put("snapshot", self.evidence.snapshot)}
        if (policy := self.evidence.policy) is not None:
            parts["policy.document"] = policy.document
            parts.update(_put("policy", Signed(policy.manifest, policy.bundles)))
        for index, pin in enumerate(self.pins):
            parts.update(_put(f"pin{index:02d}", pin))
        if self.confirmed is not None:
            parts["confirmed"] = self.confirmed.isoformat().encode()
        return parts

    @classmethod
    def of(cls, parts: Mapping[str, bytes]) -> "Saved | None":
        """What the names and bytes say; None if a part is missing."""
        head, snapshot = _take(parts, "head"), _take(parts, "snapshot")
        if head is None or snapshot is None:
            return None
        manifest, document = _take(parts, "policy"), parts.get("policy.document")
        policy = (
            PolicyEvidence(manifest.data, document, manifest.bundles)
            if manifest is not None and document is not None
            else None
        )
        return cls(Evidence(head, snapshot, policy), _time(parts.get("confirmed")), tuple(_pins(parts)))


def _put(name: str, signed: Signed) -> dict[str, bytes]:
    return {name: signed.data, **{f"{name}.bundle{i:02d}": bundle for i, bundle in enumerate(signed.bundles)}}


def _take(parts: Mapping[str, bytes], name: str) -> Signed | None:
    data = parts.get(name)
    if data is None:
        return None
    return Signed(data, tuple(parts[key] for key in sorted(parts) if key.startswith(f"{name}.bundle")))


def _pins(parts: Mapping[str, bytes]) -> Iterator[Signed]:
    for name in sorted(parts):
        if name.startswith("pin") and "." not in name and (pin := _take(parts, name)) is not None:
            yield pin


def _time(text: bytes | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        return None
    return None if found.tzinfo is None else found.astimezone(UTC)

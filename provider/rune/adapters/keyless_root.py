"""Whom signatures by identity are proved by: sigstore's trusted root, read from bytes that are given, never fetched.

The only modules that import sigstore are this one and others of its name, keyless*; nothing imports them unless a store
names an identity, or someone signs as one.
"""

import importlib.resources
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sigstore.models import TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.common.v1 import TimeRange
from sigstore_models.trustroot.v1 import TrustedRoot as RootDocument

from rune.errors import InvalidConfig, RuneError
from rune.model.bounded_json import parse_json
from rune.model.limits import OBJECTS

_MEND: Final = "make one with `cosign trusted-root create`, or copy the trusted_root.json of your sigstore instance"
PUBLIC_GOOD: Final = ("_store", "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev")
"""Where in its package sigstore keeps what belongs to sigstore.dev."""
_REMEMBERED: Final = 8


def public_good_root() -> bytes:
    """The trusted root of sigstore.dev as the installed, pinned sigstore package has it (docs/adr/0022).

    Raises:
        InvalidConfig: this installation has none.
    """
    try:
        return importlib.resources.files("sigstore").joinpath(*PUBLIC_GOOD, "trusted_root.json").read_bytes()
    except OSError:
        raise InvalidConfig(
            "this installation has no trusted root of sigstore.dev", mend="name one in verify.trustedRootRef"
        ) from None


class TrustedRoots:
    """A trusted root, as it stood at any moment. Safe to use from several threads.

    sigstore's verifier goes by the time that certificates and logs state themselves. A trusted root says more: until
    when each authority and log was trusted, however long its certificate runs. So a signature is proved by those alone
    whose time includes the issue of its certificate, which lives for minutes.

    Args:
        document: JSON of media type application/vnd.dev.sigstore.trustedroot+json;version=0.1.

    Raises:
        InvalidConfig: it is no such document, or names no certificate authority, transparency log or CT log.
    """

    def __init__(self, document: bytes) -> None:
        self._root = _parse(document)
        self._lock = threading.Lock()
        self._verifiers: OrderedDict[_Standing, Verifier] = OrderedDict()
        for what, entries in (
            ("certificate authority", self._root.certificate_authorities),
            ("transparency log", self._root.tlogs),
            ("certificate transparency log", self._root.ctlogs),
        ):
            if not entries:
                raise InvalidConfig(f"the trusted root names no {what}", mend=_MEND)
        try:
            # Whatever can't be loaded is said now, not at every signature.
            self._standing(datetime.now(UTC))
            Verifier(trusted_root=TrustedRoot(self._root))
        except Exception:  # noqa: BLE001  # the library raises whatever its parts raise
            raise InvalidConfig(
                "the trusted root holds a time or a certificate that can't be read", mend=_MEND
            ) from None

    @property
    def document(self) -> TrustedRoot:
        """All of it, for whoever signs now."""
        return TrustedRoot(self._root)

    def at(self, moment: datetime) -> Verifier:
        """The verifier by what was trusted at a moment.

        Raises:
            sigstore.errors.Error: no certificate authority or no log was.
        """
        standing = self._standing(moment)
        with self._lock:
            found = self._verifiers.get(standing)
            if found is None:
                found = self._verifiers[standing] = Verifier(trusted_root=TrustedRoot(self._narrowed(standing)))
            self._verifiers.move_to_end(standing)
            while len(self._verifiers) > _REMEMBERED:
                self._verifiers.popitem(last=False)
            return found

    def _standing(self, moment: datetime) -> "_Standing":
        root = self._root
        return _Standing(
            _among(moment, [log.public_key.valid_for for log in root.tlogs]),
            _among(moment, [authority.valid_for for authority in root.certificate_authorities]),
            _among(moment, [log.public_key.valid_for for log in root.ctlogs]),
            _among(moment, [authority.valid_for for authority in root.timestamp_authorities]),
        )

    def _narrowed(self, standing: "_Standing") -> RootDocument:
        root = self._root
        return RootDocument(
            media_type=root.media_type,
            tlogs=[root.tlogs[number] for number in standing.logs],
            certificate_authorities=[root.certificate_authorities[number] for number in standing.authorities],
            ctlogs=[root.ctlogs[number] for number in standing.certificate_logs],
            timestamp_authorities=[root.timestamp_authorities[number] for number in standing.timestamp_authorities],
        )


@dataclass(frozen=True, slots=True)
class _Standing:
    """Which entries of a trusted root were trusted at a moment, by their places."""

    logs: tuple[int, ...]
    authorities: tuple[int, ...]
    certificate_logs: tuple[int, ...]
    timestamp_authorities: tuple[int, ...]


def _among(moment: datetime, times: Sequence[TimeRange | None]) -> tuple[int, ...]:
    """The places of those that include the moment. One without a time is trusted at any (sigstore_trustroot.proto)."""
    return tuple(
        number
        for number, time in enumerate(times)
        if time is None or (time.start <= moment and (time.end is None or moment <= time.end))
    )


def _parse(document: bytes) -> RootDocument:
    what = "the trusted root"
    try:
        # The bounds, and no name twice: the library would take the last one.
        parse_json(document, what=what, max_bytes=OBJECTS.trusted_root_bytes)
        return RootDocument.from_json(document)
    except RuneError as error:
        raise InvalidConfig(error.what, mend=_MEND) from None
    except ValueError:
        raise InvalidConfig(f"{what} isn't in sigstore's form", mend=_MEND) from None

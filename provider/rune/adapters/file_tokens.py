"""Identities from a file, for a provider without Kubernetes: the demo, and work on one machine.

    identities:
      - tokenSHA256: 9f86d081...        # of the token, which itself is nowhere on disk
        namespace: payments
        serviceAccount: api
        podName: api-0
        podUID: 5a4c...
        audiences: [rune]
        expires: "2026-11-21T04:41:00Z"

A provider started with a Kubernetes API never reads such a file.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rune.errors import InvalidConfig, TokenRejected
from rune.model.bounded_yaml import load_yaml
from rune.model.caller import TokenIdentity
from rune.model.clock import Clock, Deadline
from rune.model.fields import Fields, Problem
from rune.model.limits import KIB

FILE_NAME: Final = "identities.yaml"
_MAX_BYTES: Final = 256 * KIB
_MAX_IDENTITIES: Final = 1_000
_FIELDS: Final = ("tokenSHA256", "namespace", "serviceAccount", "podName", "podUID", "audiences", "expires")


@dataclass(frozen=True, slots=True)
class _Known:
    token_sha256: str
    identity: TokenIdentity


class FileTokens:
    """Implements ports.TokenAuthenticator by a file that is read again at every question.

    Args:
        path: the file.
        clock: says whether a token has expired.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:
        """As ports.TokenAuthenticator.

        Raises:
            InvalidConfig: the file is wrong.
        """
        deadline.check("reading the identities")
        offered = hashlib.sha256(token.encode()).hexdigest()
        for known in _load(self._path):
            if not hmac.compare_digest(known.token_sha256, offered):
                continue
            if known.identity.expires <= self._clock.now():
                raise TokenRejected("the token has expired", mend=f"renew it in {self._path.name}")
            if not set(known.identity.audiences) & set(audiences):
                raise TokenRejected("the token is for another audience", mend=f"use one of {', '.join(audiences)}")
            return known.identity
        raise TokenRejected("nobody has this token", mend=f"add its SHA-256 to {self._path.name}")


def _load(path: Path) -> list[_Known]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidConfig(f"{path} can't be read: {error.strerror}", mend="check its mode and owner") from None
    problems: list[Problem] = []
    fields = Fields(load_yaml(data, what=str(path), max_bytes=_MAX_BYTES) or {}, "", problems, ("identities",))
    known = [
        _known(Fields(entry, place, problems, _FIELDS))
        for place, entry in fields.items("identities", most=_MAX_IDENTITIES)
    ]
    if problems:
        raise InvalidConfig(f"{path}: " + "; ".join(map(str, problems[:5])), mend="mend these fields")
    return known


def _known(fields: Fields) -> _Known:
    expires = fields.attempt(fields.at("expires"), _time, fields.text("expires", required=True))
    return _Known(
        fields.text("tokenSHA256", required=True, mend="write the token's SHA-256 in hex"),
        TokenIdentity(
            namespace=fields.text("namespace", required=True),
            service_account=fields.text("serviceAccount", required=True),
            pod_name=fields.text("podName", required=True),
            pod_uid=fields.text("podUID", required=True),
            audiences=tuple(
                text for text, _ in fields.texts("audiences", lambda text, _: text, required=True, most=16)
            ),
            expires=expires or datetime.min.replace(tzinfo=UTC),
        ),
    )


def _time(text: str, place: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901  # no zone: refused below like any other without one
    if found.tzinfo is None:
        raise InvalidConfig(f"{place} is no time with a zone", mend="write it like 2026-11-21T04:41:00Z")
    return found.astimezone(UTC)

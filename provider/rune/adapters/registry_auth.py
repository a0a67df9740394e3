"""The Authorization header for one registry: none, Basic, or a realm's token, as the registry asks for it.

Nothing is sent before it is asked for. What was asked for once is sent at once from then on; tokens are kept by scope
until shortly before they expire.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rune.adapters.docker_auth import Credentials
from rune.adapters.registry_challenge import parse_challenges
from rune.adapters.registry_realm import MEND_LOGIN, Realm, fetch_token, trusted_realm
from rune.errors import DeadlineExceeded, RegistryUnauthorized
from rune.model.clock import Deadline
from rune.transport.http import Transport
from rune.transport.origin import Origin

_USED_SHARE: Final = 0.9
"""The share of a token's lifetime in which it is used: the request must still arrive in time."""


@dataclass(frozen=True, slots=True)
class _Kept:
    header: str = field(repr=False)
    until_s: float
    """Monotonic seconds."""


class RegistryAuth:
    """Answers one registry's challenges. Safe to use from several threads; one of them asks the realm, the rest wait.

    Args:
        transport: how the realm is asked.
        registry: whose challenges; the header must go to no other origin.
        credentials: None: anonymous.
        realm_hosts: hosts besides the registry's own and the known ones that may be its realm.
    """

    def __init__(
        self,
        transport: Transport,
        registry: Origin,
        *,
        credentials: Credentials | None = None,
        realm_hosts: Sequence[str] = (),
    ) -> None:
        self._transport = transport
        self._registry = registry
        self._credentials = credentials
        self._realm_hosts = tuple(realm_hosts)
        self._lock = threading.Lock()
        self._basic = False
        self._realm: Realm | None = None
        self._tokens: dict[str, _Kept] = {}

    def header(self, scope: str, *, deadline: Deadline) -> str | None:
        """The header to send at once; None while nothing was asked for yet.

        Raises:
            RegistryUnauthorized, RegistryUnavailable, DeadlineExceeded: a token had expired, and the realm gave none.
        """
        with self._locked(deadline):
            if self._basic:
                return self._pair()
            return None if self._realm is None else self._token(self._realm, scope, deadline)

    def answer(self, www_authenticate: str | None, scope: str, *, refused: str | None, deadline: Deadline) -> str:
        """The header by which to answer a 401.

        Args:
            www_authenticate: the challenge.
            scope: what is to be done.
            refused: the header that was sent and refused; it is never given again.
            deadline: by when.

        Raises:
            RegistryUnauthorized: there is no answer: no or wrong credentials, or a realm that isn't trusted.
            RegistryUnavailable, DeadlineExceeded: the realm doesn't answer.
        """
        challenges = {
            challenge.scheme: challenge
            for challenge in parse_challenges(www_authenticate or "", host=self._registry.authority)
        }
        with self._locked(deadline):
            if "bearer" in challenges:
                self._realm = trusted_realm(challenges["bearer"], self._registry, self._realm_hosts)
                kept = self._tokens.get(scope)
                # Another thread may have got a new one while this one waited.
                if kept is not None and kept.header == refused:
                    del self._tokens[scope]
                return self._token(self._realm, scope, deadline)
            header = self._pair()
            if "basic" not in challenges or header is None or header == refused:
                raise self._refusal(known="basic" in challenges)
            self._basic = True
            return header

    def _pair(self) -> str | None:
        """Basic's header; an identity token alone is for a realm."""
        credentials = self._credentials
        return credentials.basic if credentials is not None and credentials.username else None

    def _token(self, realm: Realm, scope: str, deadline: Deadline) -> str:
        kept = self._tokens.get(scope)
        now_s = deadline.clock.monotonic()
        if kept is not None and now_s < kept.until_s:
            return kept.header
        token = fetch_token(
            self._transport, realm, self._registry, scope=scope, credentials=self._credentials, deadline=deadline
        )
        header = f"Bearer {token.value}"
        self._tokens[scope] = _Kept(header, now_s + token.lifetime_s * _USED_SHARE)
        return header

    def _refusal(self, *, known: bool) -> RegistryUnauthorized:
        host = self._registry.authority
        if not known:
            return RegistryUnauthorized(
                f"{host} asks for a kind of credentials other than Basic and Bearer",
                mend="configure the registry, or what stands before it, for one of those",
            )
        if self._pair() is None:
            return RegistryUnauthorized(
                f"{host} asks for a user name and a password, there are none",
                mend=MEND_LOGIN,
            )
        return RegistryUnauthorized(f"{host} refuses the user name or password", mend=MEND_LOGIN)

    @contextmanager
    def _locked(self, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=deadline.remaining_s()):
            raise DeadlineExceeded(
                f"the time for this request ran out while waiting for a token of {self._registry.authority}",
                mend="it is tried again by itself",
            )
        try:
            yield
        finally:
            self._lock.release()

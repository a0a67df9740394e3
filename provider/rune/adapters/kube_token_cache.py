"""Remembers for a minute whose a token is, so that a warm mount asks the Kubernetes API nothing.

A deleted pod's token is therefore good for at most that minute more. Tokens are not kept: an entry is found by a
keyed hash of the token, with a key that no other process has.
"""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from rune.errors import DeadlineExceeded, RuneError
from rune.model.caller import TokenIdentity
from rune.model.clock import Clock, Deadline
from rune.model.limits import MOUNT, MountLimits
from rune.ports import TokenAuthenticator


@dataclass(frozen=True, slots=True)
class _Entry:
    identity: TokenIdentity
    until_s: float
    """Monotonic seconds."""


class CachedAuthenticator:
    """A TokenAuthenticator that asks another one at most once a minute for each token and set of audiences.

    Only answers that name someone are kept, and never beyond the token's own expiry. Threads that ask for the same
    token at the same time share one question.
    """

    def __init__(self, inner: TokenAuthenticator, clock: Clock, limits: MountLimits = MOUNT) -> None:
        self._inner = inner
        self._clock = clock
        self._limits = limits
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._asking: dict[bytes, Future[TokenIdentity]] = {}

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:
        """Whose the token is. Raises as the authenticator behind it, and DeadlineExceeded."""
        key = self._hash(token, audiences)
        while True:
            mine: Future[TokenIdentity] = Future()
            with self._lock:
                known = self._fresh(key)
                if known is not None:
                    return known
                asking = self._asking.setdefault(key, mine)
            if asking is mine:
                return self._ask(key, mine, token, audiences, deadline)
            try:
                return asking.result(deadline.remaining_s())
            except FutureTimeout:
                deadline.check("waiting for a TokenReview")
            except DeadlineExceeded:
                # It was another mount's time that ran out; ours may not have.
                deadline.check("waiting for a TokenReview")

    def _ask(
        self, key: bytes, mine: Future[TokenIdentity], token: str, audiences: Sequence[str], deadline: Deadline
    ) -> TokenIdentity:
        try:
            identity = self._inner.authenticate(token, audiences, deadline=deadline)
        except BaseException as error:
            self._forget_question(key)
            # A stranger's exception may quote the token: only ours are handed to other threads.
            mine.set_exception(error if isinstance(error, RuneError) else _interrupted())
            raise
        with self._lock:
            self._keep(key, identity)
            self._asking.pop(key, None)
        mine.set_result(identity)
        return identity

    def _forget_question(self, key: bytes) -> None:
        with self._lock:
            self._asking.pop(key, None)

    def _fresh(self, key: bytes) -> TokenIdentity | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        # Both clocks: the wall clock decides about the token, and it may have been set back since.
        if self._clock.monotonic() >= entry.until_s or self._clock.now() >= entry.identity.expires:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry.identity

    def _keep(self, key: bytes, identity: TokenIdentity) -> None:
        left_s = (identity.expires - self._clock.now()).total_seconds()
        lives_s = min(self._limits.token_cache_s, left_s)
        if lives_s <= 0:
            return
        self._entries[key] = _Entry(identity, self._clock.monotonic() + lives_s)
        self._entries.move_to_end(key)
        while len(self._entries) > self._limits.token_cache_entries:
            self._entries.popitem(last=False)

    def _hash(self, token: str, audiences: Sequence[str]) -> bytes:
        """A keyed hash of token and audiences; each has its length before it, so that none runs into the next."""
        mac = hmac.new(self._key, digestmod="sha256")
        for part in (token, *sorted(audiences)):
            data = part.encode("utf-8", "surrogatepass")
            mac.update(len(data).to_bytes(8, "big"))
            mac.update(data)
        return mac.digest()


def _interrupted() -> DeadlineExceeded:
    return DeadlineExceeded("a TokenReview that others waited for was interrupted", mend="it is tried again by itself")

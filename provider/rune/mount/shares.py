"""A fair share of the provider: no pod and no namespace can take all of the places where mounts wait."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from rune.errors import Overloaded
from rune.model.clock import Deadline
from rune.mount.request import Claim

_Key = TypeVar("_Key", str, tuple[str, str])


class Shares:
    """Counts the mounts under way, by pod and by namespace. Safe to use from several threads.

    A mount that finds its store at hand takes a millisecond, so these bounds are only ever met by mounts that wait for
    a registry: a slow one of one tenant leaves places to the others.

    Args:
        per_pod: how many mounts of one pod may be under way.
        per_namespace: how many of all pods of a namespace.
        queue_s: how long one waits for its turn.
    """

    def __init__(self, *, per_pod: int, per_namespace: int, queue_s: float) -> None:
        self._per_pod = per_pod
        self._per_namespace = per_namespace
        self._queue_s = queue_s
        self._free = threading.Condition()
        self._pods: Counter[tuple[str, str]] = Counter()
        self._namespaces: Counter[str] = Counter()

    @contextmanager
    def share(self, claim: Claim, deadline: Deadline) -> Iterator[None]:
        """One mount of this pod, for the length of the context.

        Args:
            claim: whose mount it is, as the driver says: a pod can't call in another's name, only the node's root can.
            deadline: the mount's.

        Raises:
            Overloaded: others of the same pod or namespace have taken its share for longer than it may wait.
        """
        pod, namespace = (claim.namespace, claim.pod_uid), claim.namespace
        with self._free:
            waited = self._free.wait_for(
                lambda: self._pods[pod] < self._per_pod and self._namespaces[namespace] < self._per_namespace,
                timeout=min(self._queue_s, deadline.remaining_s()),
            )
            if not waited:
                full = self._pods[pod] >= self._per_pod
                whose, count = ("this pod", self._per_pod) if full else ("this namespace", self._per_namespace)
                raise Overloaded(
                    f"{count} mounts of {whose} are under way on this node already",
                    mend="it is tried again by itself; if it goes on, look why their registry is slow",
                )
            self._pods[pod] += 1
            self._namespaces[namespace] += 1
        try:
            yield
        finally:
            with self._free:
                _leave(self._pods, pod)
                _leave(self._namespaces, namespace)
                self._free.notify_all()


def _leave(counter: Counter[_Key], key: _Key) -> None:
    """Count one less, and keep nothing of who is gone."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]

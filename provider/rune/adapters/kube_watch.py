"""Keeps a copy of a collection of the Kubernetes API: list, then watch, and again from the list when that breaks.

Every failure, also a watch that the server ends at once, is followed by a growing pause: neither a missing RBAC rule
nor a server in trouble is ever asked in a tight loop.
"""

import logging
import threading
from collections.abc import Iterable
from contextlib import closing
from typing import Protocol

from rune.adapters.kube_backoff import Backoff
from rune.adapters.kube_client import Change, KubeClient, Watch
from rune.adapters.kube_json import Object, Resource, text
from rune.errors import RuneError
from rune.model.clock import Clock
from rune.model.limits import KUBERNETES, KubernetesLimits

_LOG = logging.getLogger(__name__)
_JOIN_S = 2.0
"""A thread that is inside a request when it is stopped ends with the process."""


class Copy(Protocol):
    """What a Reflector keeps up to date; it is called by one thread."""

    def replace(self, items: Iterable[Object]) -> None:
        """These are all objects that there are."""
        ...

    def apply(self, change: Change) -> None:
        """One object was ADDED, MODIFIED or DELETED."""
        ...


class Reflector:
    """One collection and the thread that follows it."""

    def __init__(
        self, client: KubeClient, resource: Resource, copy: Copy, clock: Clock, limits: KubernetesLimits = KUBERNETES
    ) -> None:
        self._client = client
        self._resource = resource
        self._copy = copy
        self._clock = clock
        self._limits = limits
        self._backoff = Backoff(limits)
        self._stopping = threading.Event()
        self._watch_lock = threading.Lock()
        self._watch: Watch | None = None
        self._problem: RuneError | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch-{resource.plural}", daemon=True)

    @property
    def problem(self) -> RuneError | None:
        """Why the copy isn't being kept up to date right now, if it isn't."""
        return self._problem

    def start(self) -> None:
        """Begin to follow; once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; the copy stays as it is."""
        self._stopping.set()
        with self._watch_lock:
            if self._watch is not None:
                self._watch.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except RuneError as error:
                self._problem = error
                if not self._stopping.is_set():
                    _LOG.warning("%s: not followed for now: %s", self._resource.plural, error)
            except Exception:  # noqa: BLE001 - a bug must not end the thread: the objects would silently grow old
                _LOG.exception("%s: not followed for now", self._resource.plural)
            self._stopping.wait(self._backoff.next_s())

    def _follow(self) -> None:
        """List, then watch until something breaks; return where the server ends a watch that has hardly begun."""
        listing = self._client.list(self._resource)
        self._copy.replace(listing.items)
        self._problem = None
        version = listing.version
        settled = True
        while settled and not self._stopping.is_set():
            began_s = self._clock.monotonic()
            try:
                version = self._follow_watch(version)
            finally:
                settled = self._clock.monotonic() - began_s >= self._limits.watch_settled_s
                if settled:
                    self._backoff.reset()

    def _follow_watch(self, version: str) -> str:
        """Apply changes until the server ends the watch; returns the version up to which all are applied."""
        with closing(self._client.watch(self._resource, version)) as watch:
            with self._watch_lock:
                self._watch = watch
            try:
                if self._stopping.is_set():
                    return version
                for change in watch:
                    if change.kind != "BOOKMARK":
                        self._copy.apply(change)
                    version = text(change.object, "metadata", "resourceVersion") or version
            finally:
                with self._watch_lock:
                    self._watch = None
        return version

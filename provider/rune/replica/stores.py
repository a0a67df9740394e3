"""The live set of stores: which objects exist, who may name them, and a thread that keeps those in use fresh."""

import logging
import threading
from typing import Final

from rune.errors import StoreNotAdmitted, StoreNotFound
from rune.model.pattern import Glob
from rune.model.spec import StoreName, StoreObject, StoreSpec
from rune.ports import ObjectSource
from rune.replica.replica import Replica
from rune.replica.services import Services
from rune.replica.shedding import to_let_go

_LOG: Final = logging.getLogger(__name__)
_TICK_S: Final = 1.0
"""How often the live set is looked through; the pause until the next refresh is each store's own."""


class Stores:
    """Every store that a mount named since the start, by UID and generation. Safe to use from several threads.

    Args:
        objects: RuneStores and ClusterRuneStores as they are now.
        services: shared by all stores.
    """

    def __init__(self, objects: ObjectSource, services: Services) -> None:
        self._objects = objects
        self._services = services
        self._lock = threading.Lock()
        self._live: dict[str, Replica] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="rune-poll", daemon=True)

    def get(self, name: StoreName, namespace: str) -> Replica:
        """The store of this name for a pod of this namespace; a changed object is a new Replica.

        Raises:
            StoreNotFound: there is no such object.
            StoreNotAdmitted: it is another namespace's, or a ClusterRuneStore that doesn't admit this one.
            KubernetesUnavailable: the objects were never listed yet.
        """
        with self._lock:
            found = self._objects.store(name)
            if found is None:
                raise _not_found(name)
            _admit(found, namespace)
            replica = self._live.get(found.uid) or Replica(found, self._services)
            replica = self._live[found.uid] = _current(replica, found)
            return replica

    def tick(self) -> None:
        """Drop the stores whose object is gone, judge anew those whose object changed, and begin what is due.

        Where all states together are too large, some are dropped too; a mount of such a store reads it again.
        """
        with self._lock:
            # Within the lock, as in `get`: an older list must not bring back what a mount has seen surpassed.
            existing = {found.uid: found for found in self._objects.stores()}
            self._live = {
                uid: _current(replica, existing[uid]) for uid, replica in self._live.items() if uid in existing
            }
            held = [each for replica in self._live.values() if (each := replica.held()) is not None]
            for uid in to_let_go(held, self._services.states_bytes):
                if self._live[uid].let_go():
                    del self._live[uid]
            live = tuple(self._live.values())
        now_s = self._services.clock.monotonic()
        for replica in live:
            due_s = replica.due_s()
            if due_s is not None and due_s <= now_s:
                replica.poll()

    def start(self) -> None:
        """Begin to poll in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End polling and give up what hasn't begun; may be called without `start`."""
        self._stopping.set()
        self._services.workers.stop()
        if self._thread.is_alive():
            self._thread.join()

    def _poll(self) -> None:
        while not self._stopping.wait(_TICK_S):
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001  # one bad moment must not end all polling
                _LOG.error("polling the stores failed: %s", type(error).__name__)


def _current(live: Replica, found: StoreObject) -> Replica:
    """The replica of the object as it is now."""
    return live if _same(live.object, found) else live.successor(found)


def _same(live: StoreObject, found: StoreObject) -> bool:
    """Whether a replica of the one still stands for the other. Objects from files have no generation to rely on."""
    if live is found:
        return True
    if live.generation != found.generation:
        return False
    return live.spec == found.spec or not (isinstance(live.spec, StoreSpec) or isinstance(found.spec, StoreSpec))


def _admit(found: StoreObject, namespace: str) -> None:
    if found.name.namespace is not None:
        if found.name.namespace != namespace:
            raise StoreNotAdmitted(
                f"{found.name} can't be used from namespace {namespace}",
                mend="name a RuneStore of the pod's own namespace, or a ClusterRuneStore that admits it",
            )
    elif not any(Glob.of(pattern).matches(namespace) for pattern in found.namespaces):
        raise StoreNotAdmitted(
            f"{found.name} doesn't admit namespace {namespace}",
            mend="have an administrator add it to the ClusterRuneStore's spec.namespaces",
        )


def _not_found(name: StoreName) -> StoreNotFound:
    if name.namespace is None:
        return StoreNotFound(
            f"there is no {name}",
            mend="correct `clusterStore`, or name a RuneStore of the pod's namespace with `store`",
        )
    return StoreNotFound(
        f"there is no {name}",
        mend="create it there (`rune manifest runestore` prints one), or name a ClusterRuneStore with `clusterStore`",
    )

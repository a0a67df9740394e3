"""Room for large documents: how many bytes of them are fetched and parsed at once, by all stores of a node.

Parsing takes five times a document's bytes for a moment. Whoever signs a store may make its snapshot as large as the
format allows, and as many stores as he likes: without a bound the node's memory is his (docs/adr/0032).
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rune.errors import Overloaded
from rune.model.clock import Deadline


class Room:
    """Shared as the threads are (docs/adr/0030): a tenant may take more only as long as it holds less than is free.

    Args:
        max_bytes: of all documents together; at least twice the largest one, so that no tenant ever holds all of it.
        small_bytes: a document of so many bytes never waits, and isn't counted: there are only so many threads.
    """

    def __init__(self, max_bytes: int, small_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._small_bytes = small_bytes
        self._changed = threading.Condition()
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, tenant: str, size: int, deadline: Deadline) -> Iterator[None]:
        """Wait for room for a document, and keep it until the end of the block. Not to be nested.

        Args:
            tenant: as rune.replica.workers.Owner says.
            size: the document's bytes.
            deadline: until when to wait.

        Raises:
            Overloaded: there was none in time.
        """
        if size <= self._small_bytes:
            yield
            return
        with self._changed:
            if not self._changed.wait_for(lambda: self._fits(tenant, size), deadline.remaining_s()):
                raise Overloaded(
                    f"a document of {size} bytes waited in vain for others of {tenant} or of this node to be read",
                    mend="it is tried again by itself; if it stays so, divide this namespace's large stores",
                )
            self._held[tenant] += size
        try:
            yield
        finally:
            with self._changed:
                self._held[tenant] -= size
                # Only who holds some is remembered.
                if not self._held[tenant]:
                    del self._held[tenant]
                self._changed.notify_all()

    def _fits(self, tenant: str, size: int) -> bool:
        return self._held[tenant] + size <= self._max_bytes - self._held.total()

"""A background thread that does what is due: nobody who hands it work ever waits for the Kubernetes API."""

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_AFTER_BUG_S = 60.0
_JOIN_S = 2.0
"""A thread that is inside a request when it is stopped ends with the process."""


class Worker:
    """Calls `flush` when woken, and again when it asked for that.

    Args:
        name: of the thread.
        flush: does what is due; returns in how many seconds there will be more, or None if only a wake can tell.
    """

    def __init__(self, name: str, flush: Callable[[], float | None]) -> None:
        self._name = name
        self._flush = flush
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done; what is due later is left undone."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    @property
    def stopping(self) -> threading.Event:
        """Set by `stop`: a flush that pauses waits on this."""
        return self._stopping

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause_s = self._flush()
            except Exception:  # noqa: BLE001 - a bug must not end the thread: nothing would be written any more
                _LOG.exception("%s: failed, and goes on in a minute", self._name)
                self._stopping.wait(_AFTER_BUG_S)
                pause_s = 0.0
            self._wake.wait(pause_s)

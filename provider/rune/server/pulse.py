"""The provider's pulse: while it answers on its own socket, it keeps the driver's path and tells the supervisor so."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from rune.server.lifeline import SERVING, Lifeline
from rune.server.socket import ProviderSocket

_LOG: Final = logging.getLogger(__name__)
_PERIOD_S: Final = 1.0
_STOP_TIMEOUT_S: Final = 5.0


class Pulse:
    """A thread that looks once a second.

    Args:
        answers: a round trip over the provider's own socket.
        draining: whether the provider is stopping; its own socket has no name any more then.
        socket: its place.
        lifeline: to its supervisor.
        orphaned: called when the supervisor is gone.
    """

    def __init__(
        self,
        *,
        answers: Callable[[], bool],
        draining: Callable[[], bool],
        socket: ProviderSocket,
        lifeline: Lifeline,
        orphaned: Callable[[], None],
    ) -> None:
        self._answers = answers
        self._draining = draining
        self._socket = socket
        self._lifeline = lifeline
        self._orphaned = orphaned
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)

    def look(self) -> None:
        """Look once."""
        if not self._draining():
            if not self._answers():
                _LOG.warning("no answer on %s", self._socket.own)
                return
            if self._socket.keep():
                _LOG.warning("%s led to nobody and was taken back", self._socket.path)
        if not self._lifeline.beat(SERVING):
            self._orphaned()

    def _run(self) -> None:
        while True:
            self.look()
            if self._stopped.wait(_PERIOD_S):
                return

"""Hands each record to several listeners, of which none may hinder the others or the mount."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from rune.model.records import MountRecord, RefreshRecord
from rune.ports import Audit

_LOG: Final = logging.getLogger(__name__)


class FanOut:
    """Implements rune.ports.Audit over several."""

    def __init__(self, listeners: Sequence[Audit]) -> None:
        self._listeners = tuple(listeners)

    def mounted(self, record: MountRecord) -> None:
        """A mount was answered."""
        for listener in self._listeners:
            _tell(listener, lambda each: each.mounted(record))

    def refreshed(self, record: RefreshRecord) -> None:
        """A store was asked for anew."""
        for listener in self._listeners:
            _tell(listener, lambda each: each.refreshed(record))


def _tell(listener: Audit, say: Callable[[Audit], None]) -> None:
    try:
        say(listener)
    except Exception as error:  # noqa: BLE001  # a full disk or a bug in a listener must not fail a mount
        _LOG.error("%s failed with %s: a record is lost there", type(listener).__name__, type(error).__name__)

"""JSON logs, and the audit line of each mount. No value, no token and no library's text about them is ever in one."""

import logging
import sys
import threading
from collections import deque
from typing import Final, TextIO

from pythonjsonlogger.json import JsonFormatter

from rune.model.records import MountRecord, RefreshRecord

LOGGER: Final = "rune"
"""The parent of all our loggers."""
AUDIT_LOGGER: Final = "rune.audit"

_MESSAGE_CHARS: Final = 600
_GATHER_S: Final = 0.1
_WAITING: Final = 1_000
_STOP_TIMEOUT_S: Final = 5.0


def configure_logging(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write our logs as JSON, one object a line, to standard output; libraries' warnings too.

    Args:
        level: of our own logs; the audit line is always written.
        stream: elsewhere than standard output.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(level)
    logging.getLogger(AUDIT_LOGGER).setLevel(logging.INFO)


class AuditLog:
    """Implements rune.ports.Audit with a line per mount and per refresh that changed or failed.

    Between `start` and `stop` a thread writes the lines, a tenth of a second's together: writing one costs as much as
    a third of a mount, and standard output may block. Nothing is dropped: with too many waiting, as before `start`,
    whoever brings a record writes.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger(AUDIT_LOGGER)
        self._waiting: deque[MountRecord] = deque()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write in the background; once."""
        self._thread = threading.Thread(target=self._write_on, name="audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits; from now on each record is written at once."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT_S)
        self._write()

    def mounted(self, record: MountRecord) -> None:
        """Who asked for what, what was in effect, what was decided and by which rule."""
        self._waiting.append(record)
        if self._thread is None or self._stopped.is_set() or len(self._waiting) > _WAITING:
            self._write()
        elif not self._wake.is_set():
            self._wake.set()

    def refreshed(self, record: RefreshRecord) -> None:
        """A refused, failed or changed store; that nothing changed is a metric, not a line every two minutes."""
        if record.reason:
            self._logger.warning("store refused or not reached", extra={"store": _refresh(record)})
        elif record.changed:
            self._logger.info("store accepted", extra={"store": _refresh(record)})

    def _write_on(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait()
            self._stopped.wait(_GATHER_S)
            self._wake.clear()
            self._write()

    def _write(self) -> None:
        # One at a time: lines keep the order of the mounts.
        with self._writing:
            while self._waiting:
                self._logger.info("mount", extra={"mount": _mount(self._waiting.popleft())})


def _mount(record: MountRecord) -> dict[str, object]:
    caller = record.caller
    return {
        "code": record.code,
        "reason": record.reason,
        "detail": record.message[:_MESSAGE_CHARS],
        "durationSeconds": round(record.duration_s, 6),
        "claimedPod": record.claimed_pod,
        "caller": None
        if caller is None
        else {
            "cluster": caller.cluster,
            "namespace": caller.namespace,
            "serviceAccount": caller.service_account,
            "pod": caller.pod_name,
            "podUID": caller.pod_uid,
        },
        "store": str(record.store) if record.store else None,
        "revision": str(record.revision) if record.revision else None,
        "snapshot": record.snapshot,
        "decisions": [
            {"path": one.path, "allowed": one.allowed, "rule": one.rule, "reason": one.reason}
            for one in record.decisions
        ],
        "parameters": dict(record.parameters),
    }


def _refresh(record: RefreshRecord) -> dict[str, object]:
    return {
        "name": str(record.store),
        "uid": record.uid,
        "generation": record.generation,
        "reason": record.reason,
        "detail": record.message[:_MESSAGE_CHARS],
        "durationSeconds": round(record.duration_s, 6),
        "revision": str(record.revision) if record.revision else None,
        "snapshot": record.snapshot,
        "signedTime": record.signed_time,
        "expires": record.expires,
    }

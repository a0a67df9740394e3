"""A watch as HTTP has it: a stream of JSON lines, one event each.

API conventions of Kubernetes, "Efficient detection of changes".
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from rune.adapters.kube_answer import Call
from rune.adapters.kube_client import Change
from rune.adapters.kube_json import Object, number, section, text
from rune.errors import DeadlineExceeded, RuneError, SizeExceeded
from rune.model.clock import Clock, Deadline
from rune.model.limits import KubernetesLimits
from rune.transport.http import Transport
from rune.transport.message import Request


class LineWatch:
    """A Watch.

    Args:
        transport: HTTP that trusts the server.
        request: makes the request that begins it, with the token of that moment.
        call: for messages.
        clock: for the deadline by which it must have begun.
        limits: timeouts and bounds.
    """

    def __init__(
        self,
        transport: Transport,
        request: Callable[[], Request],
        call: Call,
        clock: Clock,
        limits: KubernetesLimits,
    ) -> None:
        self._transport = transport
        self._request = request
        self._call = call
        self._clock = clock
        self._limits = limits
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._closed = False

    def __iter__(self) -> Iterator[Change]:
        deadline = Deadline.after(self._limits.request_timeout_s, self._clock)
        try:
            with self._transport.stream(
                # A stream has no answer to read where it is refused.
                replace(self._request(), expected=frozenset({200})),
                deadline=deadline,
                idle_timeout_s=self._limits.watch_idle_s,
                max_line_bytes=self._limits.object_bytes,
            ) as lines:
                with self._lock:
                    self._stop = lines.stop
                    if self._closed:
                        return
                for line in lines:
                    if line:
                        yield self._change(line)
        except (SizeExceeded, DeadlineExceeded) as error:
            raise self._call.unusable(error.what) from error

    def close(self) -> None:
        """End it, from any thread; again is no error."""
        with self._lock:
            self._closed = True
            if self._stop is not None:
                self._stop()

    def _change(self, line: bytes) -> Change:
        event = self._call.parsed(line, self._limits.object_bytes, self._limits)
        kind, changed = text(event, "type"), section(event, "object")
        if kind == "ERROR":
            raise _watch_error(self._call, changed)
        return Change(kind, changed)


def _watch_error(call: Call, status: Object) -> RuneError:
    return call.refused(number(status, "code"), json.dumps({"message": text(status, "message")}).encode())

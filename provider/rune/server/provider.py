"""The driver's two calls: parse the wire, delegate, map errors to gRPC codes. No rule lives here."""

from typing import Final, Protocol

import grpc

from rune._pb.csi.v1alpha1 import provider_pb2 as pb
from rune.errors import Code, RuneError
from rune.model.clock import Clock, Deadline
from rune.model.limits import MOUNT
from rune.mount.answer import MountAnswer
from rune.mount.bugs import report_bug
from rune.mount.request import RawMount
from rune.server.arrivals import ArrivalPool
from rune.server.in_flight import InFlight

SERVICE: Final = "v1alpha1.CSIDriverProvider"
_PROTOCOL: Final = "v1alpha1"
"""The driver refuses every other answer to Version."""
_NAME: Final = "rune"
_CALLER_MARGIN_S: Final = 1.0
"""By so much our answer comes before the caller gives up: a call that ends by itself has a code that isn't final."""

_CODES: Final = {code: grpc.StatusCode[code.value] for code in Code}


class Mounts(Protocol):
    """What answers a mount: rune.mount.pipeline."""

    def mount(self, raw: RawMount, deadline: Deadline) -> MountAnswer:
        """Answer, or raise a RuneError."""
        ...


class Provider:
    """The calls of the service, each to be run by gRPC.

    Args:
        mounts: answers mounts.
        arrivals: the pool that runs them.
        in_flight: counts them.
        clock: counts their time.
        version: this program's, a semantic version.
    """

    def __init__(
        self, mounts: Mounts, *, arrivals: ArrivalPool, in_flight: InFlight, clock: Clock, version: str
    ) -> None:
        self._mounts = mounts
        self._arrivals = arrivals
        self._in_flight = in_flight
        self._clock = clock
        self._version = pb.VersionResponse(version=_PROTOCOL, runtime_name=_NAME, runtime_version=version)

    def version(self, request: pb.VersionRequest, context: grpc.ServicerContext) -> pb.VersionResponse:  # noqa: ARG002  # gRPC's signature
        """Who answers here."""
        return self._version

    def mount(self, request: pb.MountRequest, context: grpc.ServicerContext) -> pb.MountResponse:
        """The content of one pod's volume, or a status whose message is a RuneError's and no other's."""
        with self._in_flight:
            try:
                raw = RawMount(request.attributes, request.secrets, request.permission)
                return _response(self._mounts.mount(raw, self._deadline(context)))
            except RuneError as error:
                return _refuse(context, error)
            except Exception as error:  # noqa: BLE001  # gRPC would send any exception's text to the caller
                return _refuse(context, report_bug(error))

    def _deadline(self, context: grpc.ServicerContext) -> Deadline:
        at_s = self._arrivals.arrived_s() + MOUNT.deadline_s
        # None without a deadline, in spite of the stub.
        remaining_s: float | None = context.time_remaining()
        if remaining_s is not None:
            at_s = min(at_s, self._clock.monotonic() + remaining_s - _CALLER_MARGIN_S)
        return self._in_flight.bounded(Deadline(at_s, self._clock))


def _response(answer: MountAnswer) -> pb.MountResponse:
    return pb.MountResponse(
        object_version=[pb.ObjectVersion(id=name, version=version) for name, version in answer.versions],
        files=[pb.File(path=file.path, mode=file.mode, contents=file.contents) for file in answer.files],
    )


def _refuse(context: grpc.ServicerContext, error: RuneError) -> pb.MountResponse:
    context.set_code(_CODES[error.code])
    context.set_details(str(error))
    return pb.MountResponse()

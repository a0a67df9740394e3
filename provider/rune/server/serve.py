"""The gRPC server: one for the driver's calls and for health, begun and ended so that every call gets a final code."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2

from rune._pb.csi.v1alpha1 import provider_pb2 as pb
from rune.errors import UnsafeFile
from rune.model.clock import Clock
from rune.model.limits import MIB, MOUNT
from rune.server.arrivals import ArrivalPool
from rune.server.in_flight import InFlight
from rune.server.provider import SERVICE, Mounts, Provider
from rune.server.socket import ProviderSocket

_HEALTH: Final = "grpc.health.v1.Health"
_QUICK_THREADS: Final = 4
_STOP_GRACE_S: Final = 1.0
_CONNECTION_AGE_S: Final = 3.0
"""gRPC asks each client so often (give or take a tenth) to connect anew, which costs no call: the driver keeps one
connection for as long as it lives, and only so does it ever find the provider that took over the path."""
_LINGER_S: Final = _CONNECTION_AGE_S * 1.1 + 0.7
_OPTIONS: Final = (
    # Larger than any SecretProviderClass can be: gRPC's own refusal is RESOURCE_EXHAUSTED, after which the kubelet
    # keeps the target folder. What is too large for us is refused by the parser.
    ("grpc.max_receive_message_length", 16 * MIB),
    ("grpc.max_send_message_length", 4 * MIB),
    ("grpc.max_connection_age_ms", int(_CONNECTION_AGE_S * 1_000)),
    ("grpc.max_connection_age_grace_ms", int(2 * MOUNT.deadline_s * 1_000)),
)


class _Quick:
    """A call that runs in a pool of its own, so that it is answered while every mount's thread waits.

    gRPC looks for an attribute of this name on the function that answers (grpc._server, as grpc_health uses it).
    """

    def __init__(self, answer: Callable[..., object], pool: ThreadPoolExecutor) -> None:
        self._answer = answer
        self.experimental_thread_pool = pool

    def __call__(self, request: object, context: grpc.ServicerContext) -> object:
        return self._answer(request, context)


class ProviderServer:
    """Serves mounts at the driver's socket.

    Args:
        mounts: answers them.
        socket: where.
        clock: the time.
        version: this program's, a semantic version.
    """

    def __init__(self, mounts: Mounts, socket: ProviderSocket, *, clock: Clock, version: str) -> None:
        self._socket = socket
        self._in_flight = InFlight(clock)
        self._arrivals = ArrivalPool(MOUNT.threads, clock)
        self._quick = ThreadPoolExecutor(_QUICK_THREADS, thread_name_prefix="health")
        self._health = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=self._quick)
        provider = Provider(mounts, arrivals=self._arrivals, in_flight=self._in_flight, clock=clock, version=version)
        self._server = grpc.server(self._arrivals, options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self._provider_handlers(provider), self._health_handlers()))
        self._serving = False

    def _provider_handlers(self, provider: Provider) -> "grpc.GenericRpcHandler[object, object]":
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Version": grpc.unary_unary_rpc_method_handler(
                    _Quick(provider.version, self._quick),
                    request_deserializer=pb.VersionRequest.FromString,
                    response_serializer=pb.VersionResponse.SerializeToString,
                ),
                "Mount": grpc.unary_unary_rpc_method_handler(
                    provider.mount,
                    request_deserializer=pb.MountRequest.FromString,
                    response_serializer=pb.MountResponse.SerializeToString,
                ),
            },
        )

    def _health_handlers(self) -> "grpc.GenericRpcHandler[object, object]":
        return grpc.method_handlers_generic_handler(
            _HEALTH,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    _Quick(self._health.Check, self._quick),
                    request_deserializer=health_pb2.HealthCheckRequest.FromString,
                    response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    self._health.Watch,
                    request_deserializer=health_pb2.HealthCheckRequest.FromString,
                    response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
                ),
            },
        )

    @property
    def serving(self) -> bool:
        """Whether the place at the driver's path was taken."""
        return self._serving

    @property
    def draining(self) -> bool:
        """Whether the server is stopping."""
        return self._in_flight.draining

    def start(self, *, takeover: bool) -> None:
        """Serve, then take the place at the driver's path.

        Raises:
            AlreadyRunning: a living provider has it.
            UnsafeFile: the folder can't be used.
        """
        self._socket.claim(self._bind, takeover=takeover)
        for service in ("", SERVICE):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        self._serving = True

    def _bind(self, path: Path) -> None:
        try:
            self._server.add_insecure_port(f"unix:{path}")
        except RuntimeError:
            raise UnsafeFile(f"can't bind a socket in {path.parent}", mend="check --providers-dir") from None
        self._server.start()

    def stop(self, drain_s: float = MOUNT.drain_s, *, linger_s: float = _LINGER_S) -> bool:
        """Give up the place, finish what is under way, then stop.

        A call that reaches gRPC while it shuts down ends as CANCELLED, after which the kubelet keeps a half-made
        volume. So calls are served until every client has connected anew, which now leads elsewhere or waits there.

        Args:
            drain_s: how long what is under way may take after that.
            linger_s: how long clients may take to connect anew.

        Returns:
            Whether every call was answered.
        """
        self._health.enter_graceful_shutdown()
        self._socket.release()
        self._in_flight.linger(linger_s, drain_s)
        quiet = self._in_flight.drain()
        self._server.stop(_STOP_GRACE_S).wait()
        for pool in (self._arrivals, self._quick):
            pool.shutdown(wait=False, cancel_futures=True)
        return quiet

    def hurry(self) -> None:
        """End the wait for clients to connect anew; what is under way is still finished."""
        self._in_flight.hurry()

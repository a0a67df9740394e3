"""A real round trip to a provider's socket: what being alive and being ready mean."""

from pathlib import Path
from typing import Final

import grpc

from rune._pb.csi.v1alpha1 import provider_pb2 as pb
from rune.server.provider import SERVICE

_TIMEOUT_S: Final = 2.0
_OPTIONS: Final = (
    # By default a path that leads nowhere for a while isn't tried again for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 500),
)


class RoundTrip:
    """Asks a socket for its version, over a connection that is kept. Any number of threads may ask.

    Args:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self._channel = grpc.insecure_channel(f"unix:{path}", options=_OPTIONS)
        self._version = self._channel.unary_unary(
            f"/{SERVICE}/Version",
            request_serializer=pb.VersionRequest.SerializeToString,
            response_deserializer=pb.VersionResponse.FromString,
        )

    def answers(self) -> bool:
        """Whether the socket answers in two seconds."""
        try:
            self._version(pb.VersionRequest(version="v1alpha1"), timeout=_TIMEOUT_S)
        except grpc.RpcError:
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

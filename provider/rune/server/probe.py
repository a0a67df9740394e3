"""A real round trip to a provider's socket: what readiness means."""

from pathlib import Path

import grpc

from rune._pb.csi.v1alpha1 import provider_pb2 as pb
from rune.server.provider import SERVICE

_TIMEOUT_S = 2.0


class RoundTrip:
    """Asks the socket for its version, over a connection that is kept.

    Args:
        path: the socket, as the driver finds it.
    """

    def __init__(self, path: Path) -> None:
        self._channel = grpc.insecure_channel(f"unix:{path}")
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

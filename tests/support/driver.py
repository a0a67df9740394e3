"""Plays the Secrets Store CSI driver: the same request over the same socket, the files written where it is asked to.

As secrets-store-csi-driver v1.6.0 does it: pkg/secrets-store/nodeserver.go (attributes), provider_client.go (the call,
how it waits for a provider and tries again, an answer without versions is an error, one without files writes nothing),
pkg/util/fileutil (which names it refuses). gRPC's own back-off between attempts to connect is that of grpc-go.
"""

import json
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from rune._pb.csi.v1alpha1 import provider_pb2 as pb

SERVICE = "v1alpha1.CSIDriverProvider"
_PREFIX = "csi.storage.k8s.io/"
_RECEIVE_BYTES = 4 * 1024 * 1024
"""The driver's default --max-call-recv-msg-size."""
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": SERVICE}],
            "waitForReady": True,
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "1s",
                "maxBackoff": "10s",
                "backoffMultiplier": 1.1,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


@dataclass(frozen=True)
class Pod:
    """The pod whose volume is mounted."""

    name: str
    namespace: str
    uid: str
    service_account: str = "default"


@dataclass(frozen=True)
class Mounted:
    """What a mount answered."""

    files: Mapping[str, bytes] = field(repr=False)
    modes: Mapping[str, int]
    versions: Mapping[str, str]


class MountRefused(Exception):
    """A gRPC status instead of an answer."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details

    @property
    def reason(self) -> str:
        """The reason token, before the first colon."""
        return self.details.partition(":")[0]


def attributes(pod: Pod, parameters: Mapping[str, str], tokens: Mapping[str, str]) -> dict[str, str]:
    """The driver's attributes: parameters, what the kubelet adds about the pod, tokens by audience."""
    made = dict(parameters) | {
        "secretProviderClass": "test",
        _PREFIX + "pod.name": pod.name,
        _PREFIX + "pod.namespace": pod.namespace,
        _PREFIX + "pod.uid": pod.uid,
        _PREFIX + "serviceAccount.name": pod.service_account,
        _PREFIX + "ephemeral": "true",
    }
    if tokens:
        granted = {
            audience: {"token": token, "expirationTimestamp": "2038-01-19T03:14:07Z"}
            for audience, token in tokens.items()
        }
        made[_PREFIX + "serviceAccount.tokens"] = json.dumps(granted)
    return made


class Driver:
    """One connection to a provider's socket.

    Args:
        socket: the provider's socket.
    """

    def __init__(self, socket: Path) -> None:
        options = [
            ("grpc.default_authority", "localhost"),
            ("grpc.max_receive_message_length", _RECEIVE_BYTES),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        ]
        self._channel = grpc.insecure_channel(f"unix:{socket}", options=options)
        self._version = self._channel.unary_unary(
            f"/{SERVICE}/Version",
            request_serializer=pb.VersionRequest.SerializeToString,
            response_deserializer=pb.VersionResponse.FromString,
        )
        self._mount = self._channel.unary_unary(
            f"/{SERVICE}/Mount",
            request_serializer=pb.MountRequest.SerializeToString,
            response_deserializer=pb.MountResponse.FromString,
        )

    def version(self, timeout_s: float = 5.0) -> pb.VersionResponse:
        """Ask who answers."""
        answer = self._version(pb.VersionRequest(version="v1alpha1"), timeout=timeout_s)
        assert isinstance(answer, pb.VersionResponse)
        return answer

    def mount(
        self,
        pod: Pod,
        parameters: Mapping[str, str],
        *,
        token: str | None = None,
        audience: str = "rune",
        target: Path | None = None,
        timeout_s: float = 120.0,
    ) -> Mounted:
        """Mount one volume.

        Args:
            pod: whose.
            parameters: the SecretProviderClass's.
            token: the pod's; None sends none.
            audience: of the token.
            target: a folder to write the files to, as the driver would.
            timeout_s: the kubelet's patience.

        Raises:
            MountRefused: the provider answered with a status.
        """
        made = attributes(pod, parameters, {audience: token} if token is not None else {})
        return self.send(json.dumps(made), target=target, timeout_s=timeout_s)

    def send(
        self,
        attributes_json: str,
        *,
        secrets: str = "null",
        permission: str = "420",
        target: Path | None = None,
        timeout_s: float = 120.0,
    ) -> Mounted:
        """Send a request as it is."""
        request = pb.MountRequest(
            attributes=attributes_json, secrets=secrets, target_path=str(target or "/unused"), permission=permission
        )
        try:
            answer = self._mount(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise MountRefused(error.code(), error.details() or "") from None
        assert isinstance(answer, pb.MountResponse)
        return _accept(answer, target)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


@contextmanager
def connected(socket: Path) -> Iterator[Driver]:
    """A driver that is closed at the end."""
    driver = Driver(socket)
    try:
        yield driver
    finally:
        driver.close()


def _accept(answer: pb.MountResponse, target: Path | None) -> Mounted:
    """What the driver demands of an answer, and what it does with it."""
    assert not answer.error.code, answer.error.code
    assert answer.object_version, "the driver fails with 'missing object versions'"
    versions = {one.id: one.version for one in answer.object_version}
    assert len(versions) == len(answer.object_version), "ids must differ"
    assert all(versions.values())
    files = {file.path: file.contents for file in answer.files}
    assert len(files) == len(answer.files), "one file twice"
    for path in files:
        assert path
        assert posixpath.normpath(path) == path
        assert not path.startswith(("/", ".."))
    if target is not None:
        for file in answer.files:
            place = target / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.contents)
            place.chmod(file.mode)
    return Mounted(files, {file.path: file.mode for file in answer.files}, versions)

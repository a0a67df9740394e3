"""The `rune-provider-call` command: asks a provider for one mount over its socket, as the CSI driver does.

For an operator who wants to see what the driver would be told, and for `rune demo`. It has no more rights than whoever
may open the socket, and needs a pod's token like everybody else.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc

from rune._pb.csi.v1alpha1 import provider_pb2 as pb
from rune.adapters.private_files import write_private
from rune.server.provider import SERVICE

_TIMEOUT_S: Final = 30.0
_MAX_ATTRIBUTES: Final = 1024 * 1024
_DEFAULT_MODE: Final = 0o644


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for one mount.

    Returns:
        0, or 1 if it was refused: the status code and its message are then on stderr.
    """
    flags = _parser().parse_args(arguments)
    attributes = sys.stdin.read(_MAX_ATTRIBUTES) if str(flags.attributes) == "-" else flags.attributes.read_text()
    request = pb.MountRequest(
        attributes=attributes, secrets="{}", target_path="/unused", permission=json.dumps(_DEFAULT_MODE)
    )
    try:
        with grpc.insecure_channel(f"unix:{flags.socket.absolute()}") as channel:
            answer = _mount(channel)(request, timeout=_TIMEOUT_S)
    except grpc.RpcError as error:
        sys.stderr.write(f"{error.code().name}\n{error.details()}\n")
        return 1
    _show(answer, flags.target)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rune-provider-call",
        description="Asks a provider for one mount over its socket, as the Secrets Store CSI driver does.",
        epilog="Contents are printed only as sizes; --target writes the files, mode 0600.",
        allow_abbrev=False,
    )
    parser.add_argument("--socket", type=Path, required=True, metavar="FILE", help="the provider's socket")
    parser.add_argument(
        "--attributes", type=Path, required=True, metavar="FILE", help="the volume's attributes, JSON; '-' for stdin"
    )
    parser.add_argument("--target", type=Path, metavar="DIR", help="a folder for the files")
    return parser


def _mount(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[pb.MountRequest, pb.MountResponse]":
    return channel.unary_unary(
        f"/{SERVICE}/Mount",
        request_serializer=pb.MountRequest.SerializeToString,
        response_deserializer=pb.MountResponse.FromString,
    )


def _show(answer: pb.MountResponse, target: Path | None) -> None:
    for file in answer.files:
        sys.stdout.write(f"file     {file.path}  mode {file.mode:04o}  {len(file.contents)} bytes\n")
        if target is not None:
            write_private(target / file.path, file.contents, replace=True)
    for version in answer.object_version:
        sys.stdout.write(f"version  {version.id}  {version.version}\n")


if __name__ == "__main__":
    sys.exit(main())

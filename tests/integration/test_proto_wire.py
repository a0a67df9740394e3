"""Our text of the driver's protocol means the same on the wire as the driver's own."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from rune._pb.csi.v1alpha1 import provider_pb2

DRIVER = "sigs.k8s.io/secrets-store-csi-driver@v1.6.0"
DRIVER_PROTO = Path("provider/v1alpha1/service.proto")
DOWNLOAD_TIMEOUT_S = 120


def unavailable(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def driver_module(tmp_path: Path) -> Path:
    """The driver's source, from the Go module cache or its proxy."""
    go = shutil.which("go")
    if go is None:
        unavailable("no Go toolchain on PATH to download the driver's module with")
    done = subprocess.run(
        ["go", "mod", "download", "-json", DRIVER],
        # Not in the checkout: outside any module, go changes no go.mod.
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        unavailable(f"{DRIVER} can't be downloaded: {done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


def compiled(root: Path, proto: Path, out: Path) -> FileDescriptorProto:
    status = protoc.main(["protoc", f"--proto_path={root}", f"--descriptor_set_out={out}", str(proto)])
    assert status == 0
    (file,) = FileDescriptorSet.FromString(out.read_bytes()).file
    return file


def wire(file: FileDescriptorProto) -> dict[str, object]:
    """What decides the wire: names of the package, services, methods; numbers, types and labels of fields."""

    def fields(message: DescriptorProto) -> dict[str, tuple[int, int, int, str]]:
        return {field.name: (field.number, field.type, field.label, field.type_name) for field in message.field}

    return {
        "package": file.package,
        "syntax": file.syntax,
        "messages": {message.name: fields(message) for message in file.message_type},
        "services": {
            service.name: {
                method.name: (
                    method.input_type,
                    method.output_type,
                    method.client_streaming,
                    method.server_streaming,
                )
                for method in service.method
            }
            for service in file.service
        },
    }


@pytest.mark.real
def test_our_protocol_is_the_drivers(driver_module: Path, tmp_path: Path) -> None:
    ours = FileDescriptorProto()
    provider_pb2.DESCRIPTOR.CopyToProto(ours)
    assert wire(ours) == wire(compiled(driver_module, DRIVER_PROTO, tmp_path / "driver.pb"))

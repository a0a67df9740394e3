"""Our text of the driver's protocol means the same on the wire as the driver's own."""

from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from rune._pb.csi.v1alpha1 import provider_pb2

DRIVER_PROTO = Path("provider/v1alpha1/service.proto")


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


def test_our_protocol_is_the_drivers(driver_source: Path, tmp_path: Path) -> None:
    ours = FileDescriptorProto()
    provider_pb2.DESCRIPTOR.CopyToProto(ours)
    assert wire(ours) == wire(compiled(driver_source, DRIVER_PROTO, tmp_path / "driver.pb"))

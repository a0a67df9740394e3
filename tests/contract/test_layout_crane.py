"""A layout that the real crane pulled is read, and written on, as one of ours."""

import json
from pathlib import Path

import pytest

from rune.adapters.layout import LayoutRegistry
from rune.errors import StoreEmpty
from rune.model.clock import Deadline, SystemClock
from rune.model.oci import EMPTY_CONFIG, MEDIA_EMPTY, MEDIA_MANIFEST, Descriptor
from tests.support.cosign import Crane
from tests.support.raw_registry import RawRegistry
from tests.support.registry import Registry

CLOCK = SystemClock()
REFERENCE = "layout/pulled:latest"


def soon() -> Deadline:
    return Deadline.after(10, CLOCK)


def manifest(value: bytes) -> bytes:
    layers = [
        {"mediaType": each.media_type, "digest": each.digest, "size": each.size}
        for each in (Descriptor.of(EMPTY_CONFIG, MEDIA_EMPTY), Descriptor.of(value, "application/octet-stream"))
    ]
    document = {"schemaVersion": 2, "mediaType": MEDIA_MANIFEST, "config": layers[0], "layers": layers[1:]}
    return json.dumps(document).encode()


def test_what_crane_pulled_is_a_store(tmp_path: Path, distribution_registry: Registry, crane: Crane) -> None:
    raw = RawRegistry(distribution_registry)
    for blob in (EMPTY_CONFIG, b"value"):
        raw.put_blob("layout/pulled", blob)
    raw.put_manifest("layout/pulled", manifest(b"value"), MEDIA_MANIFEST, "latest")

    crane.pull_layout(distribution_registry, REFERENCE, tmp_path / "nameless")
    with pytest.raises(StoreEmpty, match="annotate-ref"):
        LayoutRegistry(tmp_path / "nameless").resolve("latest", known=None, deadline=soon())

    crane.pull_layout(distribution_registry, REFERENCE, tmp_path / "named", annotate=True)
    registry = LayoutRegistry(tmp_path / "named")
    assert registry.resolve("latest", known=None, deadline=soon()).data == manifest(b"value")
    assert registry.blob(Descriptor.of(b"value", ""), deadline=soon()) == b"value"

    registry.put_manifest(manifest(b"newer"), MEDIA_MANIFEST, tag="latest", deadline=soon())
    assert registry.tags(deadline=soon()) == ("latest",)
    assert registry.resolve("latest", known=None, deadline=soon()).data == manifest(b"newer")

"""JSON and YAML in bounds, and the documents of the store format: each has one byte form."""

import json
import math

from rune.errors import DigestMismatch, FormatInvalid, InvalidConfig, SizeExceeded
from rune.model.bounded_json import Json, parse_json
from rune.model.bounded_yaml import Yaml, dump_yaml, load_yaml, load_yaml_documents
from rune.model.limits import KIB
from rune.snapshot.codec import (
    decode_head,
    decode_policy,
    decode_secret,
    decode_snapshot,
    encode_head,
    encode_policy,
    encode_secret,
    encode_snapshot,
)
from rune.snapshot.frame import frame, unframe
from tests.fuzz.target import Target

_REFUSED = (FormatInvalid, SizeExceeded)


def _json(data: bytes) -> None:
    value = parse_json(data, what="the input", max_bytes=8 * KIB, max_depth=16, max_items=1_000)
    assert value == json.loads(data)
    assert depth(value) <= 16
    json.dumps(value, allow_nan=False)


def _yaml(data: bytes) -> None:
    for value in load_yaml_documents(data, what="the input", max_bytes=8 * KIB):
        assert depth(value) <= 24
        if finite(value):
            assert load_yaml(dump_yaml({"value": value}), what="again", max_bytes=1024 * KIB) == {"value": value}


def depth(value: "Json | Yaml") -> int:
    """How deep lists and mappings nest."""
    if isinstance(value, list | dict):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def finite(value: Yaml) -> bool:
    """Whether there is no NaN and no infinity in it: NaN isn't equal to itself."""
    if isinstance(value, list | dict):
        return all(map(finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _head(data: bytes) -> None:
    assert encode_head(decode_head(data)) == data


def _snapshot(data: bytes) -> None:
    assert encode_snapshot(decode_snapshot(data)) == data


def _secret(data: bytes) -> None:
    assert encode_secret(decode_secret(data)) == data


def _policy_manifest(data: bytes) -> None:
    manifest = decode_policy(data)
    assert manifest.document.data is not None
    assert encode_policy(manifest.document.data, store_id=manifest.store_id) == data


def _frame(data: bytes) -> None:
    assert frame(unframe(data)) == data


TARGETS = (
    Target("json", _json, _REFUSED),
    Target("yaml", _yaml, (InvalidConfig,)),
    Target("head", _head, (*_REFUSED, DigestMismatch)),
    Target("snapshot", _snapshot, (*_REFUSED, DigestMismatch)),
    Target("secret", _secret, (*_REFUSED, DigestMismatch)),
    Target("policy-manifest", _policy_manifest, (*_REFUSED, DigestMismatch)),
    Target("frame", _frame, (FormatInvalid,)),
)

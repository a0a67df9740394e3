"""The documents of store format v1 and their one byte form (docs/format.md), each in a module of its own."""

from rune.snapshot.head import HEAD_TYPE, decode_head, describe_head, encode_head
from rune.snapshot.index import SNAPSHOT_TYPE, decode_snapshot, describe_snapshot, encode_snapshot
from rune.snapshot.policy_manifest import (
    MEDIA_POLICY,
    POLICY_TYPE,
    PolicyManifest,
    decode_policy,
    describe_policy,
    encode_policy,
)
from rune.snapshot.secret import (
    MEDIA_VALUE,
    SECRET_TYPE,
    decode_secret,
    describe_secret,
    describe_value,
    encode_secret,
    inline,
)

__all__ = [
    "HEAD_TYPE",
    "MEDIA_POLICY",
    "MEDIA_VALUE",
    "POLICY_TYPE",
    "SECRET_TYPE",
    "SNAPSHOT_TYPE",
    "PolicyManifest",
    "decode_head",
    "decode_policy",
    "decode_secret",
    "decode_snapshot",
    "describe_head",
    "describe_policy",
    "describe_secret",
    "describe_snapshot",
    "describe_value",
    "encode_head",
    "encode_policy",
    "encode_secret",
    "encode_snapshot",
    "inline",
]

"""A transparency log as Rekor v1 is one, of a key made for one test."""

import base64
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.sigstore_ca import log_id, new_key

ORIGIN = "rekor.rune.test - 1"
# A JSON document of Rekor's API.
Entry = dict[str, Any]


class Log:
    """Keeps entries in a Merkle tree (RFC 6962, section 2.1), and proves that they are there."""

    def __init__(self) -> None:
        self.key = new_key()
        # Never empty, so that every proof has a path.
        self._leaves = [_leaf(b"the first entry")]
        self._lock = threading.Lock()

    @property
    def id(self) -> bytes:
        return log_id(self.key.public_key())

    def add(self, envelope: bytes, certificate_pem: bytes, *, at: datetime | None = None) -> Entry:
        """Take in a DSSE envelope.

        Args:
            envelope: JSON.
            certificate_pem: the signer's.
            at: when; now unless given.

        Returns:
            The entry as Rekor's API answers it, without its UUID.
        """
        body = _body(envelope, certificate_pem)
        leaves = self._append(body)
        index = len(leaves) - 1
        entry: Entry = {
            "body": base64.b64encode(body).decode(),
            "integratedTime": int((at or datetime.now(UTC)).timestamp()),
            "logID": self.id.hex(),
            "logIndex": index,
        }
        promised = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
        root = _root(leaves)
        entry["verification"] = {
            "signedEntryTimestamp": base64.b64encode(self._sign(promised)).decode(),
            "inclusionProof": {
                "checkpoint": self._checkpoint(len(leaves), root),
                "hashes": [found.hex() for found in _path(index, leaves)],
                "logIndex": index,
                "rootHash": root.hex(),
                "treeSize": len(leaves),
            },
        }
        return entry

    def add_digest(self, digest: bytes, signature: bytes, certificate: bytes) -> Entry:
        """Take in a signature over a digest, as Rekor v2 does: without a time, and without a promise.

        Args:
            digest: the SHA-256 of what was signed.
            signature: ASN.1 DER.
            certificate: the signer's, DER.

        Returns:
            The entry in the form that it has in a bundle.
        """
        body = _digest_body(digest, signature, certificate)
        leaves = self._append(body)
        index, root = len(leaves) - 1, _root(leaves)
        return {
            "logIndex": str(index),
            "logId": {"keyId": _base64(self.id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": _base64(root),
                "treeSize": str(len(leaves)),
                "hashes": [_base64(found) for found in _path(index, leaves)],
                "checkpoint": {"envelope": self._checkpoint(len(leaves), root)},
            },
            "canonicalizedBody": _base64(body),
        }

    def _append(self, body: bytes) -> list[bytes]:
        with self._lock:
            self._leaves.append(_leaf(body))
            return list(self._leaves)

    def _checkpoint(self, size: int, root: bytes) -> str:
        """A signed note (github.com/transparency-dev/formats, log/README.md)."""
        note = f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(self.id[:4] + self._sign(note.encode())).decode()
        return f"{note}\n\N{EM DASH} {ORIGIN.split(maxsplit=1)[0]} {signature}\n"

    def _sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))


def as_bundled(entry: Entry) -> Entry:
    """An entry of the API in the form that it has in a bundle (sigstore_rekor.proto)."""
    proof = entry["verification"]["inclusionProof"]
    return {
        "logIndex": str(entry["logIndex"]),
        "logId": {"keyId": base64.b64encode(bytes.fromhex(entry["logID"])).decode()},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(entry["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": entry["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": base64.b64encode(bytes.fromhex(proof["rootHash"])).decode(),
            "treeSize": str(proof["treeSize"]),
            "hashes": [base64.b64encode(bytes.fromhex(found)).decode() for found in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": entry["body"],
    }


def _body(envelope: bytes, certificate_pem: bytes) -> bytes:
    """An entry of kind dsse, version 0.0.1, as Rekor keeps it (github.com/sigstore/rekor, pkg/types/dsse)."""
    read = json.loads(envelope)
    document = {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": sha256(envelope).hexdigest()},
            "payloadHash": {"algorithm": "sha256", "value": sha256(base64.b64decode(read["payload"])).hexdigest()},
            "signatures": [
                {"signature": one["sig"], "verifier": base64.b64encode(certificate_pem).decode()}
                for one in read["signatures"]
            ],
        },
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest_body(digest: bytes, signature: bytes, certificate: bytes) -> bytes:
    """An entry of kind hashedrekord, version 0.0.2 (github.com/sigstore/rekor-tiles)."""
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": _base64(certificate)}}
    spec = {
        "data": {"algorithm": "SHA2_256", "digest": _base64(digest)},
        "signature": {"content": _base64(signature), "verifier": verifier},
    }
    document = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": spec}}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << ((size - 1).bit_length() - 1)


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return sha256(b"\1" + _root(leaves[:at]) + _root(leaves[at:])).digest()


def _path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*_path(index, leaves[:at]), _root(leaves[at:])]
    return [*_path(index - at, leaves[at:]), _root(leaves[:at])]

"""Lies in who vouches for what."""

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Final

from rune.adapters.keypair import KeySigner
from rune.model.oci import MEDIA_MANIFEST, Descriptor, Digest
from rune.model.signature import Envelope
from rune.model.store import LATEST
from rune.snapshot.codec import describe_head, describe_snapshot
from rune.snapshot.cosign import (
    MEDIA_BUNDLE,
    PAYLOAD_TYPE,
    add_referrer,
    bundle_manifest,
    describe_bundle_manifest,
    fallback_tag,
    sign,
    statement,
)
from tests.hostile import api
from tests.hostile.forge import Document, Forger, altered, compact
from tests.hostile.lie import Places, harmless, refused
from tests.support.http_server import Answer, Asked, Reply

_MISSING: Final = "RUNE_SIGNATURE_MISSING"
_INVALID: Final = "RUNE_SIGNATURE_INVALID"
_SBOM: Final = "https://spdx.dev/Document"


def _head(forger: Forger) -> Digest:
    return forger.content.tagged[LATEST]


def _unsign(forger: Forger, digest: Digest) -> None:
    del forger.content.tagged[fallback_tag(digest)]


def _forge_head(forger: Forger) -> Digest:
    """A head that nobody signed: the same but for its time."""
    forger.alter_head(lambda head: head["annotations"].update({"io.rune.created": "2026-01-01T00:00:00Z"}))
    return _head(forger)


def _attach(forger: Forger, subject: Descriptor, bundle: bytes, *, first: bool = True) -> None:
    """Put a bundle before, or after, an object's signatures."""
    forger.content.blobs[Descriptor.of(bundle, "").digest] = bundle
    manifest = bundle_manifest(bundle, subject)
    forger.put(manifest, MEDIA_MANIFEST)
    entry = json.loads(add_referrer(None, describe_bundle_manifest(manifest)))["manifests"]
    tag = fallback_tag(subject.digest)
    present = forger.signatures(subject.digest) if tag in forger.content.tagged else []
    forger.list_signatures(subject.digest, [*entry, *present] if first else [*present, *entry])


def bundle_of(
    signer: KeySigner, payload: bytes, *, said: bytes | None = None, payload_type: str = PAYLOAD_TYPE
) -> bytes:
    """A bundle whose signature is over `payload`; `said` stands in the payload's place."""
    signature = signer.sign(Envelope(payload_type, payload, b"", b"").message())
    return compact(
        {
            "mediaType": MEDIA_BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": signer.hint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload if said is None else said).decode(),
                "payloadType": payload_type,
                "signatures": [{"sig": base64.b64encode(signature).decode()}],
            },
        }
    )


def _unsigned_head(forger: Forger) -> None:
    _unsign(forger, _head(forger))


def _unsigned_snapshot(forger: Forger) -> None:
    _unsign(forger, forger.head().snapshot.digest)


def _strangers_head(forger: Forger) -> None:
    head = _head(forger)
    _unsign(forger, head)
    forger.sign(describe_head(forger.data(head)), forger.stranger)


def _strangers_snapshot(forger: Forger) -> None:
    snapshot = forger.head().snapshot.digest
    _unsign(forger, snapshot)
    forger.sign(describe_snapshot(forger.data(snapshot)), forger.stranger)


def _of_another_digest(forger: Forger) -> None:
    """The writer's real signature, of the head before, is attached to a forged one."""
    real = _head(forger)
    forged = _forge_head(forger)
    _attach(forger, describe_head(forger.data(forged)), sign(forger.store.signer, real))


def _signed_fallback(forger: Forger) -> None:
    """The list of a forged head's signatures is that of the real head, entry for entry."""
    entries = forger.signatures(_head(forger))
    forger.list_signatures(_forge_head(forger), entries)


def _altered_payload(forger: Forger) -> None:
    """The real signature, in a bundle whose payload was changed to name the forged head."""
    real = _head(forger)
    forged = _forge_head(forger)
    bundle = bundle_of(forger.store.signer, statement(real), said=statement(forged))
    _attach(forger, describe_head(forger.data(forged)), bundle)


def _altered_signature(forger: Forger) -> None:
    head = _head(forger)

    def flip(found: Document) -> None:
        (signature,) = found["dsseEnvelope"]["signatures"]
        raw = bytearray(base64.b64decode(signature["sig"]))
        raw[-1] ^= 1
        signature["sig"] = base64.b64encode(raw).decode()

    _unsign(forger, head)
    _attach(forger, describe_head(forger.data(head)), altered(sign(forger.store.signer, head), flip))


def _empty_signature(forger: Forger) -> None:
    """DSSE with an empty signature: some verifiers take "nothing to check" for "nothing is wrong"."""
    head = _head(forger)
    _unsign(forger, head)
    bundle = altered(
        sign(forger.store.signer, head), lambda found: found["dsseEnvelope"].update(signatures=[{"sig": ""}])
    )
    _attach(forger, describe_head(forger.data(head)), bundle)


def _payload_twice(forger: Forger) -> None:
    """The writer's real signature, with a second payload before the one that it is over."""
    head = _head(forger)
    _unsign(forger, head)
    other = base64.b64encode(statement(forger.head().snapshot.digest))
    bundle = sign(forger.store.signer, head).replace(b'"payload":', b'"payload":"' + other + b'","payload":', 1)
    _attach(forger, describe_head(forger.data(head)), bundle)


def _many_signatures(count: int) -> Callable[[Forger], None]:
    """Strangers' signatures stand before the real one."""

    def alter(forger: Forger) -> None:
        head = _head(forger)
        (real,) = forger.signatures(head)
        subject = describe_head(forger.data(head))
        entries: list[Document] = []
        bundle = sign(forger.stranger, head)
        for number in range(count):
            each = altered(bundle, partial(_number, number))
            forger.content.blobs[Descriptor.of(each, "").digest] = each
            manifest = bundle_manifest(each, subject)
            forger.put(manifest, MEDIA_MANIFEST)
            entries += json.loads(add_referrer(None, describe_bundle_manifest(manifest)))["manifests"]
        forger.list_signatures(head, [*entries, real])

    return alter


def _number(number: int, bundle: Document) -> None:
    """Make a bundle another one than the rest of its kind."""
    bundle["verificationMaterial"].update(n=number)


def _other_predicate(forger: Forger) -> None:
    """A writer's own SBOM of the very head: it says what is in it, not that it is approved."""
    head = _head(forger)
    _unsign(forger, head)
    payload = altered(statement(head), lambda found: found.update(predicateType=_SBOM, predicate={}))
    _attach(forger, describe_head(forger.data(head)), bundle_of(forger.store.signer, payload))


def _other_payload_type(forger: Forger) -> None:
    head = _head(forger)
    _unsign(forger, head)
    bundle = bundle_of(forger.store.signer, statement(head), payload_type="text/plain")
    _attach(forger, describe_head(forger.data(head)), bundle)


def _snapshots_signature(forger: Forger) -> None:
    """The head has the signature of its snapshot, by the same writer."""
    head = _head(forger)
    _unsign(forger, head)
    forger.list_signatures(head, forger.signatures(forger.head().snapshot.digest))


def _lost_bundles(forger: Forger) -> None:
    for entry in forger.signatures(_head(forger)):
        layer = json.loads(forger.data(entry["digest"]))["layers"][0]
        del forger.content.blobs[layer["digest"]]


def _api_denies(asked: Asked, honest: Answer, places: Places) -> Reply:
    """The referrers API says that there are none; the fallback tag has them."""
    if not asked.path.startswith(f"{api.BASE}/referrers/"):
        return honest
    return Answer(200, compact({"schemaVersion": 2, "manifests": []}))


def _pages_without_end(asked: Asked, honest: Answer, places: Places) -> Reply:
    if not asked.path.startswith(f"{api.BASE}/referrers/"):
        return honest
    return Answer(200, compact({"manifests": []}), {"Link": f'<{asked.path.partition("?")[0]}?n=1>; rel="next"'})


LIES: Final = (
    refused("unsigned-head", "shows a head that nobody signed", _MISSING, alter=_unsigned_head),
    refused("unsigned-snapshot", "shows a snapshot that nobody signed", _MISSING, alter=_unsigned_snapshot),
    refused("strangers-head", "shows a head that a stranger signed", _INVALID, alter=_strangers_head),
    refused("strangers-snapshot", "shows a snapshot that a stranger signed", _INVALID, alter=_strangers_snapshot),
    refused(
        "signature-of-another-digest",
        "attaches the writer's signature of the real head to a forged one",
        _MISSING,
        alter=_of_another_digest,
    ),
    refused(
        "unsigned-with-signed-fallback",
        "lists the real head's signatures as those of a forged one",
        _MISSING,
        alter=_signed_fallback,
    ),
    refused(
        "signature-of-the-snapshot",
        "lists the snapshot's signatures as those of the head",
        _MISSING,
        alter=_snapshots_signature,
    ),
    refused(
        "signature-payload-altered",
        "changes what a signature says to the digest of a forged head",
        _INVALID,
        alter=_altered_payload,
    ),
    refused("signature-altered", "flips one bit of a signature", _INVALID, alter=_altered_signature),
    refused("signature-empty", "leaves the signature empty", _INVALID, alter=_empty_signature),
    refused("signature-lost", "lists a signature that it doesn't have", _MISSING, alter=_lost_bundles),
    refused(
        "signature-with-two-payloads",
        "names a signature's payload twice, the real one last",
        _MISSING,
        alter=_payload_twice,
    ),
    refused(
        "attestation-as-signature",
        "shows a writer's SBOM of the head as its signature",
        _MISSING,
        alter=_other_predicate,
    ),
    refused(
        "other-payload-type",
        "shows a writer's signature of a text that reads like cosign's statement",
        _MISSING,
        alter=_other_payload_type,
    ),
    refused(
        "500-signatures", "lists 500 strangers' signatures before the writer's", _INVALID, alter=_many_signatures(500)
    ),
    refused(
        "thousands-of-signatures",
        "lists 3,000 strangers' signatures before the writer's",
        "RUNE_SIZE_EXCEEDED",
        alter=_many_signatures(3_000),
    ),
    harmless("referrers-denied", "says by its API that there are no signatures", speak=_api_denies),
    harmless("referrers-without-end", "names itself as the next page of signatures", speak=_pages_without_end),
)

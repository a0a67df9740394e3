"""A whole sigstore instance of keys made for one test: an authority, its log, a transparency log, their trusted root.

What it makes is what the public good makes, so that sigstore's own verifiers, and cosign, judge it by their own rules.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rune.model.signature import Envelope
from rune.snapshot.cosign import MEDIA_BUNDLE, PAYLOAD_TYPE
from tests.support.sigstore_ca import Authority, Claim, der_of, log_id, new_key
from tests.support.sigstore_log import Log, as_bundled
from tests.support.sigstore_tsa import TimestampAuthority

TRUSTED_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_YEAR = timedelta(days=365)
# A JSON document while a test bends it.
Document = dict[str, Any]
# When an entry of a trusted root is trusted: from, until.
Times = tuple[datetime, datetime | None]


@dataclass
class Sigstore:
    """One instance."""

    authority: Authority = field(default_factory=Authority)
    log: Log = field(default_factory=Log)
    stamps: TimestampAuthority = field(default_factory=lambda: TimestampAuthority(since=datetime.now(UTC) - _YEAR))

    def trusted_root(self, times: Mapping[str, Times] | None = None) -> Document:
        """What verifiers need of it.

        Args:
            times: for `tlogs`, `ctlogs`, `certificateAuthorities` or `timestampAuthorities`, when they are trusted; for
                ever unless given.
        """
        begun = self.authority.root.not_valid_before_utc
        spans = {
            what: _span(*(times or {}).get(what, (begun, None)))
            for what in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
        }
        return {
            "mediaType": TRUSTED_ROOT_TYPE,
            "tlogs": [_log("https://rekor.rune.test", self.log.key.public_key(), spans["tlogs"])],
            "certificateAuthorities": [
                _authority("https://fulcio.rune.test", self.authority.chain, spans["certificateAuthorities"])
            ],
            "timestampAuthorities": [
                _authority("https://timestamp.rune.test", self.stamps.chain, spans["timestampAuthorities"])
            ],
            "ctlogs": [_log("https://ct.rune.test", self.authority.log_key.public_key(), spans["ctlogs"])],
        }

    def sign_stamped(
        self, payload: bytes, claim: Claim | None = None, *, stamped_after: timedelta = timedelta(seconds=2)
    ) -> Document:
        """A bundle as one gets it with Rekor v2: the time is a timestamp authority's, not the log's.

        Args:
            payload: what is signed.
            claim: what the signer's certificate says.
            stamped_after: how long after the issue of the certificate the signature was stamped.
        """
        claim, key = claim or Claim(), new_key()
        certificate = self.authority.certify(key.public_key(), claim)
        message = Envelope(PAYLOAD_TYPE, payload, b"", b"").message()
        signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
        der = certificate.public_bytes(serialization.Encoding.DER)
        stamp = self.stamps.stamp(signature, claim.issued + stamped_after)
        return {
            "mediaType": MEDIA_BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": _der(certificate)},
                "tlogEntries": [self.log.add_digest(sha256(message).digest(), signature, der)],
                "timestampVerificationData": {
                    "rfc3161Timestamps": [{"signedTimestamp": base64.b64encode(stamp).decode()}]
                },
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode()}],
            },
        }

    def sign(
        self,
        payload: bytes,
        claim: Claim | None = None,
        *,
        payload_type: str = PAYLOAD_TYPE,
        key: ec.EllipticCurvePrivateKey | None = None,
        log_key: ec.EllipticCurvePrivateKey | None = None,
        logged_after: timedelta = timedelta(seconds=2),
    ) -> Document:
        """A bundle as a keyless signer gets it.

        Args:
            payload: what is signed.
            claim: what the signer's certificate says.
            payload_type: of the envelope.
            key: in place of one made for this signature.
            log_key: signs the certificate's SCT, in place of the CT log's.
            logged_after: how long after the issue of the certificate the log took the signature in.
        """
        claim = claim or Claim()
        key = key or new_key()
        certificate = self.authority.certify(key.public_key(), claim, log_key=log_key)
        message = Envelope(payload_type, payload, b"", b"").message()
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"sig": base64.b64encode(key.sign(message, ec.ECDSA(hashes.SHA256()))).decode()}],
        }
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        entry = self.log.add(json.dumps(envelope).encode(), pem, at=claim.issued + logged_after)
        return {
            "mediaType": MEDIA_BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": _der(certificate)},
                "tlogEntries": [as_bundled(entry)],
            },
            "dsseEnvelope": envelope,
        }


def encode(document: Document) -> bytes:
    return json.dumps(document).encode()


def _authority(url: str, chain: Sequence[x509.Certificate], span: Mapping[str, str]) -> Document:
    return {
        "subject": {"organization": "rune tests", "commonName": url},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": _der(certificate)} for certificate in chain]},
        "validFor": dict(span),
    }


def _log(url: str, key: ec.EllipticCurvePublicKey, span: Mapping[str, str]) -> Document:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64.b64encode(der_of(key)).decode(),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": dict(span),
        },
        "logId": {"keyId": base64.b64encode(log_id(key)).decode()},
    }


def _span(start: datetime, end: datetime | None) -> dict[str, str]:
    span = {"start": _time(start)}
    return span if end is None else span | {"end": _time(end)}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _der(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()

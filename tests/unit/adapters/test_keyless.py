"""Signers by identity: who is accepted, and that whatever is missing, altered or another's is not."""

import base64
import copy
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from rune.adapters.keyless import IdentityVerifier
from rune.adapters.keyless_proof import Proofs
from rune.adapters.keyless_root import TrustedRoots, public_good_root
from rune.adapters.keypair import KeySigner, KeyVerifier
from rune.errors import InvalidConfig, RuneError, SignatureInvalid, SignatureMissing
from rune.model.limits import FORMAT
from rune.model.oci import digest_of
from rune.model.signature import Envelope
from rune.model.spec import IdentitySpec
from rune.snapshot.approval import approved_by
from rune.snapshot.cosign import decode_bundle, sign, statement
from tests.support.sigstore import Document, Sigstore, encode
from tests.support.sigstore_ca import GITHUB, USER_NAME, WORKFLOW, Authority, Claim, new_key
from tests.support.sigstore_log import Log, as_bundled

DIGEST = digest_of(b"object")
STATEMENT = statement(DIGEST)
INSTANCE = Sigstore()
ROOTS = TrustedRoots(encode(INSTANCE.trusted_root()))
RELEASE = IdentitySpec(GITHUB, subject=WORKFLOW)
ANYTHING = IdentitySpec(GITHUB, subject_pattern="https://github.com/acme/infra/**")
SIGNED = INSTANCE.sign(STATEMENT)
NOW = datetime.now(UTC).replace(microsecond=0)


def accepts(document: Document | bytes, identity: IdentitySpec = RELEASE, roots: TrustedRoots = ROOTS) -> bool:
    data = document if isinstance(document, bytes) else encode(document)
    return IdentityVerifier(identity, Proofs(roots)).verify(decode_bundle(data))


def signed_as(claim: Claim) -> Document:
    return INSTANCE.sign(STATEMENT, claim)


def test_a_signature_by_an_accepted_identity_counts() -> None:
    assert accepts(SIGNED)
    assert accepts(SIGNED, ANYTHING)
    verifier = IdentityVerifier(RELEASE, Proofs(ROOTS))
    assert approved_by(DIGEST, [encode(SIGNED)], [verifier], what="head", role="writer") == WORKFLOW
    assert IdentityVerifier(ANYTHING, Proofs(ROOTS)).name == "https://github.com/acme/infra/**"


@pytest.mark.parametrize(
    ("claim", "subject"),
    [
        pytest.param(Claim.of("https://accounts.example", "anna@example.com"), "anna@example.com", id="address"),
        pytest.param(Claim.of("https://accounts.example", "spiffe://acme/ns/ci"), "spiffe://acme/ns/ci", id="uri"),
        pytest.param(
            Claim((x509.OtherName(USER_NAME, asn1.encode_der("anna!example")),), "https://accounts.example"),
            "anna!example",
            id="user-name",
        ),
        pytest.param(
            Claim((x509.RFC822Name("a@example.com"),), None, "https://accounts.example"),
            "a@example.com",
            id="issuer-in-the-old-form-only",
        ),
    ],
)
def test_every_kind_of_subject_that_fulcio_certifies(claim: Claim, subject: str) -> None:
    bundle = signed_as(claim)
    assert accepts(bundle, IdentitySpec("https://accounts.example", subject=subject))
    assert not accepts(bundle, IdentitySpec("https://accounts.example", subject=subject + "x"))
    assert not accepts(bundle, IdentitySpec("https://accounts.example/", subject=subject))


OTHER_WORKFLOW = WORKFLOW.replace("release", "test")


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(Claim.of(GITHUB, OTHER_WORKFLOW), id="another-workflow"),
        pytest.param(Claim.of(GITHUB, WORKFLOW + "tenance"), id="a-longer-branch"),
        pytest.param(Claim.of(GITHUB, WORKFLOW.replace("heads", "tags")), id="a-tag-of-the-branchs-name"),
        pytest.param(Claim.of("https://gitlab.com", WORKFLOW), id="another-issuer"),
        pytest.param(Claim(issuer=None), id="no-issuer"),
        pytest.param(Claim(issuer=GITHUB, bare_issuer="https://gitlab.com"), id="two-issuers"),
        pytest.param(Claim(issuer="https://gitlab.com", bare_issuer=GITHUB), id="two-issuers-the-other-way"),
        pytest.param(Claim(subjects=()), id="no-subject"),
        pytest.param(
            Claim(subjects=[x509.UniformResourceIdentifier(found) for found in (WORKFLOW, OTHER_WORKFLOW)]),
            id="two-subjects",
        ),
        pytest.param(Claim(subjects=[x509.DNSName("github.com")]), id="a-host"),
        pytest.param(Claim(usage=ExtendedKeyUsageOID.CLIENT_AUTH), id="not-for-signing-code"),
        pytest.param(Claim(scts=0), id="no-promise-of-the-certificate-log"),
        pytest.param(Claim(scts=2), id="two-promises"),
        pytest.param(Claim(issued=NOW - timedelta(days=400)), id="issued-before-the-authority-was-made"),
    ],
)
def test_a_certificate_that_says_something_else_does_not_count(claim: Claim) -> None:
    assert not accepts(signed_as(claim))


def _material(document: Document) -> Document:
    found: Document = document["verificationMaterial"]
    return found


def _entry(document: Document) -> Document:
    found: Document = _material(document)["tlogEntries"][0]
    return found


def _flipped(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return base64.b64encode(bytes(data)).decode()


def _of_another_signature(document: Document) -> None:
    other = INSTANCE.sign(STATEMENT)
    _material(document)["tlogEntries"] = _material(other)["tlogEntries"]


def _without_any_time(document: Document) -> None:
    entry = _entry(document)
    del entry["integratedTime"], entry["inclusionPromise"]


def _in_another_log(document: Document) -> None:
    certificate = x509.load_der_x509_certificate(base64.b64decode(_material(document)["certificate"]["rawBytes"]))
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    entry = Log().add(json.dumps(document["dsseEnvelope"]).encode(), pem)
    _material(document)["tlogEntries"] = [as_bundled(entry)]


BENDINGS: dict[str, Callable[[Document], object]] = {
    "no-certificate": lambda d: _material(d).pop("certificate"),
    "an-empty-certificate": lambda d: _material(d)["certificate"].update(rawBytes=""),
    "an-altered-certificate": lambda d: _material(d)["certificate"].update(
        rawBytes=_flipped(_material(d)["certificate"]["rawBytes"])
    ),
    "a-key-beside-the-certificate": lambda d: _material(d).update(publicKey={"hint": "x"}),
    "a-key-in-place-of-the-certificate": lambda d: _material(d).update(
        publicKey={"hint": "x"}, certificate=_material(d).pop("certificate") and None
    ),
    "no-log-entry": lambda d: _material(d).update(tlogEntries=[]),
    "no-log-entries": lambda d: _material(d).pop("tlogEntries"),
    "two-log-entries": lambda d: _material(d)["tlogEntries"].append(_entry(d)),
    "the-log-entry-of-another-signature": _of_another_signature,
    "an-entry-of-another-log": _in_another_log,
    "no-time-of-the-log": lambda d: _entry(d).pop("integratedTime"),
    "another-time-of-the-log": lambda d: _entry(d).update(integratedTime=str(int(_entry(d)["integratedTime"]) + 1)),
    "no-promise-of-the-log": lambda d: _entry(d).pop("inclusionPromise"),
    "neither-time-nor-promise": _without_any_time,
    "an-altered-promise": lambda d: _entry(d)["inclusionPromise"].update(
        signedEntryTimestamp=_flipped(_entry(d)["inclusionPromise"]["signedEntryTimestamp"])
    ),
    "no-inclusion-proof": lambda d: _entry(d).pop("inclusionProof"),
    "no-checkpoint": lambda d: _entry(d)["inclusionProof"].pop("checkpoint"),
    "an-empty-path": lambda d: _entry(d)["inclusionProof"].update(hashes=[]),
    "another-root-hash": lambda d: _entry(d)["inclusionProof"].update(
        rootHash=_flipped(_entry(d)["inclusionProof"]["rootHash"])
    ),
    "another-tree": lambda d: _entry(d)["inclusionProof"]["checkpoint"].update(
        envelope=_entry(INSTANCE.sign(STATEMENT))["inclusionProof"]["checkpoint"]["envelope"]
    ),
    "an-altered-body": lambda d: _entry(d).update(canonicalizedBody=_flipped(_entry(d)["canonicalizedBody"])),
    "another-kind-of-entry": lambda d: _entry(d).update(kindVersion={"kind": "intoto", "version": "0.0.2"}),
    "an-altered-signature": lambda d: d["dsseEnvelope"]["signatures"][0].update(
        sig=_flipped(d["dsseEnvelope"]["signatures"][0]["sig"])
    ),
    "another-payload": lambda d: d["dsseEnvelope"].update(
        payload=base64.b64encode(statement(digest_of(b"other"))).decode()
    ),
    "another-payload-type": lambda d: d["dsseEnvelope"].update(payloadType="text/plain"),
    "an-unknown-field": lambda d: d.update(more=1),
}


@pytest.mark.parametrize("bend", [pytest.param(bend, id=name) for name, bend in BENDINGS.items()])
def test_a_bundle_that_lacks_or_alters_anything_does_not_count(bend: Callable[[Document], object]) -> None:
    document = copy.deepcopy(SIGNED)
    bend(document)
    try:
        accepted = accepts(document)
    except RuneError:
        return
    assert not accepted


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(INSTANCE.sign(STATEMENT, logged_after=timedelta(minutes=11)), id="logged-after-it-expired"),
        pytest.param(INSTANCE.sign(STATEMENT, logged_after=-timedelta(minutes=1)), id="logged-before-it-was-issued"),
        pytest.param(INSTANCE.sign(STATEMENT, log_key=new_key()), id="promised-by-another-certificate-log"),
        pytest.param(Sigstore(authority=Authority(), log=INSTANCE.log).sign(STATEMENT), id="another-authority"),
        pytest.param(Sigstore(authority=INSTANCE.authority, log=Log()).sign(STATEMENT), id="another-log"),
    ],
)
def test_what_another_made_or_at_another_time_does_not_count(document: Document) -> None:
    assert not accepts(document)


class TestSignaturesWithTimestamps:
    """Rekor v2: the log gives no time, a timestamp authority does."""

    STAMPED = INSTANCE.sign_stamped(STATEMENT)

    def test_they_count(self) -> None:
        assert accepts(self.STAMPED)
        assert not accepts(self.STAMPED, IdentitySpec(GITHUB, subject=OTHER_WORKFLOW))

    @pytest.mark.parametrize(
        "document",
        [
            pytest.param(
                INSTANCE.sign_stamped(STATEMENT, stamped_after=timedelta(minutes=11)), id="stamped-after-it-expired"
            ),
            pytest.param(
                INSTANCE.sign_stamped(STATEMENT, stamped_after=-timedelta(minutes=1)), id="stamped-before-it-was-issued"
            ),
            pytest.param(
                Sigstore(authority=INSTANCE.authority, log=INSTANCE.log).sign_stamped(STATEMENT),
                id="another-timestamp-authority",
            ),
            pytest.param(
                Sigstore(authority=INSTANCE.authority, log=Log(), stamps=INSTANCE.stamps).sign_stamped(STATEMENT),
                id="another-log",
            ),
        ],
    )
    def test_but_not_at_another_time_or_by_others(self, document: Document) -> None:
        assert not accepts(document)

    @pytest.mark.parametrize(
        "bend",
        [
            pytest.param(lambda d: _material(d).pop("timestampVerificationData"), id="no-timestamps"),
            pytest.param(
                lambda d: _material(d)["timestampVerificationData"].update(rfc3161Timestamps=[]), id="empty-timestamps"
            ),
            pytest.param(
                lambda d: _material(d).update(
                    timestampVerificationData=_material(INSTANCE.sign_stamped(STATEMENT))["timestampVerificationData"]
                ),
                id="the-timestamp-of-another-signature",
            ),
            pytest.param(
                lambda d: _material(d)["timestampVerificationData"].update(
                    rfc3161Timestamps=_material(d)["timestampVerificationData"]["rfc3161Timestamps"] * 40
                ),
                id="forty-timestamps",
            ),
            pytest.param(lambda d: _material(d).update(tlogEntries=[]), id="no-log-entry"),
        ],
    )
    def test_nor_without_what_proves_the_time(self, bend: Callable[[Document], object]) -> None:
        document = copy.deepcopy(self.STAMPED)
        bend(document)
        assert not accepts(document)

    def test_a_time_of_the_log_that_nobody_signed_is_not_looked_at(self) -> None:
        document = copy.deepcopy(INSTANCE.sign_stamped(STATEMENT, stamped_after=timedelta(minutes=11)))
        _entry(document)["integratedTime"] = str(int(NOW.timestamp()))
        assert not accepts(document)

    def test_a_timestamp_authority_that_was_retired_proves_nothing(self) -> None:
        root = INSTANCE.trusted_root({"timestampAuthorities": (NOW - timedelta(days=9), NOW - timedelta(days=1))})
        assert not accepts(self.STAMPED, roots=TrustedRoots(encode(root)))


def test_a_second_envelope_that_only_the_library_reads_is_not_taken_for_ours() -> None:
    """sigstore's model takes a field's name in both spellings; ours knows one."""
    hostile = copy.deepcopy(SIGNED)
    hostile["dsse_envelope"] = hostile["dsseEnvelope"]
    hostile["dsseEnvelope"] = {
        **hostile["dsseEnvelope"],
        "payload": base64.b64encode(statement(digest_of(b"what nobody signed"))).decode(),
    }
    assert not accepts(hostile)
    reversed_order = {"dsse_envelope": hostile.pop("dsse_envelope"), **hostile}
    assert not accepts(reversed_order)


def test_keys_and_identities_are_not_taken_for_each_other() -> None:
    """Even where a certificate was issued for the very key that another role accepts as a key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certified = INSTANCE.sign(STATEMENT, key=key)
    by_key = KeyVerifier("key", KeySigner(key).public_pem)
    plain = decode_bundle(sign(KeySigner(key), DIGEST))
    assert by_key.verify(plain)
    assert not by_key.verify(decode_bundle(encode(certified)))
    assert accepts(certified)
    assert not IdentityVerifier(RELEASE, Proofs(ROOTS)).verify(plain)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"predicateType": "https://slsa.dev/provenance/v1"}, id="provenance"),
        pytest.param({"predicateType": "https://spdx.dev/Document"}, id="sbom"),
        pytest.param({"predicateType": "https://cosign.sigstore.dev/attestation/v1"}, id="custom"),
        pytest.param({"_type": "https://in-toto.io/Statement/v0.1"}, id="older-statement"),
        pytest.param({"subject": [{"digest": {"sha256": digest_of(b"other")[7:]}}]}, id="another-object"),
    ],
)
def test_an_attestation_by_an_accepted_identity_is_no_approval(payload: Document) -> None:
    said = json.dumps({**json.loads(STATEMENT), **payload}).encode()
    document = INSTANCE.sign(said)
    assert accepts(document)
    with pytest.raises(SignatureMissing):
        approved_by(DIGEST, [encode(document)], [IdentityVerifier(RELEASE, Proofs(ROOTS))], what="head", role="writer")


class TestWhatATrustedRootSaysOfTimes:
    """A certificate runs on after its authority was retired; the root says when that was."""

    ISSUED = NOW - timedelta(days=30)

    @pytest.mark.parametrize("what", ["tlogs", "ctlogs", "certificateAuthorities"])
    def test_what_was_trusted_then_still_proves_what_was_signed_then(self, what: str) -> None:
        root = INSTANCE.trusted_root({what: (self.ISSUED - timedelta(days=9), self.ISSUED + timedelta(days=9))})
        assert accepts(signed_as(Claim().at(self.ISSUED)), roots=TrustedRoots(encode(root)))

    @pytest.mark.parametrize("what", ["tlogs", "ctlogs", "certificateAuthorities"])
    @pytest.mark.parametrize("days", [pytest.param((-9, -1), id="ended"), pytest.param((1, 9), id="not-yet-begun")])
    def test_what_was_not_trusted_then_proves_nothing(self, what: str, days: tuple[int, int]) -> None:
        start, end = (self.ISSUED + timedelta(days=day) for day in days)
        root = INSTANCE.trusted_root({what: (start, end)})
        assert not accepts(signed_as(Claim().at(self.ISSUED)), roots=TrustedRoots(encode(root)))

    def test_another_instance_of_the_same_root_can_still_prove_it(self) -> None:
        retired = INSTANCE.trusted_root({"certificateAuthorities": (NOW - timedelta(days=300), NOW)})
        renewed = Sigstore(authority=Authority(), log=INSTANCE.log)
        both = retired | {
            key: [*retired[key], *renewed.trusted_root()[key]] for key in ("certificateAuthorities", "ctlogs")
        }
        roots = TrustedRoots(encode(both))
        assert accepts(signed_as(Claim().at(NOW - timedelta(days=30))), roots=roots)
        assert accepts(renewed.sign(STATEMENT), roots=roots)


def test_the_public_good_does_not_vouch_for_strangers_of_the_same_name() -> None:
    assert not accepts(SIGNED, roots=TrustedRoots(public_good_root()))


def test_a_key_of_another_kind_is_refused_without_an_error() -> None:
    key = rsa.generate_private_key(65_537, 2_048)
    certificate = INSTANCE.authority.certify(key.public_key(), Claim())  # type: ignore[arg-type]  # Fulcio's are EC
    document = copy.deepcopy(SIGNED)
    der = certificate.public_bytes(serialization.Encoding.DER)
    _material(document)["certificate"]["rawBytes"] = base64.b64encode(der).decode()
    assert not accepts(document)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(encode(SIGNED)) - 1), st.integers(1, 255))
def test_no_damage_is_accepted_or_raises(at: int, flip: int) -> None:
    data = bytearray(encode(SIGNED))
    data[at] ^= flip
    try:
        envelope = decode_bundle(bytes(data))
    except RuneError:
        return
    accepted = IdentityVerifier(RELEASE, Proofs(ROOTS)).verify(envelope)
    # A bit that base64 or JSON ignores changes nothing of what is said.
    assert not accepted or envelope.payload == STATEMENT


def test_what_is_not_accepted_is_told_only_by_the_kind_of_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="rune"):
        assert not accepts(signed_as(Claim.of(GITHUB, "https://evil.example/injected")))
        damaged = copy.deepcopy(SIGNED)
        _material(damaged)["certificate"]["rawBytes"] = "AAAA"
        assert not accepts(damaged)
        assert not accepts(signed_as(Claim(scts=0)))
    assert "ValueError" in caplog.text
    assert "VerificationError" in caplog.text
    assert "injected" not in caplog.text


def test_a_verdict_is_for_one_bundle_and_one_payload() -> None:
    """Verdicts are kept; that must never let another bundle, or another reading of it, pass for a good one."""
    verifier = IdentityVerifier(RELEASE, Proofs(ROOTS))
    good = decode_bundle(encode(SIGNED))
    other = replace(good, payload=statement(digest_of(b"other")))
    stranger = decode_bundle(encode(Sigstore().sign(STATEMENT)))
    for _ in range(2):
        assert verifier.verify(good)
        assert not verifier.verify(other)
        assert not verifier.verify(stranger)


def test_many_verdicts_are_forgotten_and_found_anew() -> None:
    verifier = IdentityVerifier(RELEASE, Proofs(ROOTS))
    good = decode_bundle(encode(SIGNED))
    for number in range(200):
        verifier.verify(replace(good, payload=b"%d" % number))
    assert verifier.verify(good)


def test_a_pattern_that_is_too_wide_is_refused() -> None:
    with pytest.raises(InvalidConfig):
        IdentityVerifier(IdentitySpec(GITHUB, subject_pattern="*"), Proofs(ROOTS))


def test_as_many_signatures_as_are_looked_at_may_be_hostile() -> None:
    strangers = [encode(signed_as(Claim.of(GITHUB, OTHER_WORKFLOW)))] * (FORMAT.signatures_per_digest - 1)
    verifier = IdentityVerifier(RELEASE, Proofs(ROOTS))
    assert approved_by(DIGEST, [*strangers, encode(SIGNED)], [verifier], what="head", role="writer") == WORKFLOW
    with pytest.raises(SignatureInvalid):
        approved_by(DIGEST, strangers, [verifier], what="head", role="writer")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"payload": statement(digest_of(b"other"))}, id="payload"),
        pytest.param({"payload_type": "text/plain"}, id="payload-type"),
        pytest.param({"certified": False}, id="kind-of-signer"),
    ],
)
def test_what_we_read_must_be_what_the_library_verified(changes: Document) -> None:
    envelope = decode_bundle(encode(SIGNED))
    assert IdentityVerifier(RELEASE, Proofs(ROOTS)).verify(envelope)
    assert not IdentityVerifier(RELEASE, Proofs(ROOTS)).verify(replace(envelope, **changes))


def test_an_envelope_without_a_bundle_is_not_accepted() -> None:
    assert not IdentityVerifier(RELEASE, Proofs(ROOTS)).verify(Envelope("t", b"", b"", b"", certified=True))

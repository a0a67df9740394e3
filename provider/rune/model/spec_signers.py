"""spec.verify of a RuneStore: signers by public key, and by the identity that a certificate names.

Messages never quote a PEM: somebody may have written a private key there.
"""

import re
from collections.abc import Callable
from typing import Final

from rune.errors import InvalidConfig
from rune.model.fields import Fields
from rune.model.limits import OBJECTS
from rune.model.pattern import parse_subject_pattern
from rune.model.spec import IdentitySpec, KeySpec, SignerSpec, VerifySpec
from rune.model.spec_fields import read_reference

IDENTITY_FIELDS: Final = ("issuer", "subject", "subjectPattern")
_SIGNER_FIELDS: Final = ("keys", "identities")
_SIGNER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*", re.ASCII)
# RFC 7468, section 13: SubjectPublicKeyInfo, which is what `cosign generate-key-pair` writes.
_PUBLIC_KEY: Final = re.compile(r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----")
# OpenID Connect Core 1.0, section 2, `iss`: https, host, no query or fragment.
_ISSUER: Final = re.compile(r"https://[^\s?#*/]+(?:/[^\s?#*]*)?")


def read_verify(spec: Fields) -> VerifySpec:
    """spec.verify."""
    verify = spec.section("verify", (*_SIGNER_FIELDS, "freshness", "policySigners", "trustedRootRef"))
    read = VerifySpec(
        writers=_signers(verify),
        freshness=_role(verify, "freshness"),
        policy_signers=_role(verify, "policySigners"),
        trusted_root_ref=read_reference(verify, "trustedRootRef"),
    )
    if read.trusted_root_ref and not read.identities:
        verify.note("trustedRootRef", "is set without identities", "list identities, or leave it out")
    return read


def read_identity(identity: Fields) -> IdentitySpec:
    """One signer by identity: its issuer, and its subject or a pattern of subjects."""
    issuer = identity.text("issuer", required=True, max_chars=OBJECTS.issuer_chars, mend="write the issuer's https URL")
    if issuer and not _ISSUER.fullmatch(issuer):
        identity.note("issuer", "is no issuer", "write it exactly, like https://token.actions.githubusercontent.com")
    if identity.has("subject") == identity.has("subjectPattern"):
        what = "is set beside subjectPattern" if identity.has("subject") else "is missing"
        identity.note("subject", what, "write one of subject and subjectPattern")
        return IdentitySpec(issuer)
    if identity.has("subject"):
        return IdentitySpec(issuer, subject=_subject(identity, "subject", _check_exact))
    return IdentitySpec(issuer, subject_pattern=_subject(identity, "subjectPattern", _check_pattern))


def _subject(identity: Fields, name: str, check: Callable[[str, str], str]) -> str:
    text = identity.text(name, required=True, max_chars=OBJECTS.subject_chars, mend="write whom the issuer names")
    return identity.attempt(identity.at(name), check, text) or "" if text else ""


def _check_exact(text: str, place: str) -> str:
    if "*" in text:
        raise InvalidConfig(f"{place}: holds a star", mend="write it as subjectPattern, or without the star")
    return _printable(text, place)


def _check_pattern(text: str, place: str) -> str:
    return str(parse_subject_pattern(_printable(text, place), field=place))


def _printable(text: str, place: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise InvalidConfig(f"{place}: holds blanks at its ends or control characters", mend="copy the subject alone")
    return text


def _role(verify: Fields, name: str) -> tuple[SignerSpec, ...] | None:
    return _signers(verify.section(name, _SIGNER_FIELDS)) if verify.has(name) else None


def _signers(role: Fields) -> tuple[SignerSpec, ...]:
    return (*_keys(role, required=not role.has("identities")), *_identities(role))


def _identities(role: Fields) -> tuple[IdentitySpec, ...]:
    found: list[IdentitySpec] = []
    for place, entry in role.items("identities", most=OBJECTS.signers):
        identity = Fields(entry, place, role.problems, IDENTITY_FIELDS)
        read = read_identity(identity)
        if read in found:
            identity.note("subject", "stands twice in this role", "remove one of them")
        found.append(read)
    return tuple(found)


def _keys(role: Fields, *, required: bool) -> tuple[KeySpec, ...]:
    found: list[KeySpec] = []
    for place, entry in role.items("keys", required=required, most=OBJECTS.signers):
        key = Fields(entry, place, role.problems, ("name", "pem"))
        name = key.text("name", required=True, max_chars=OBJECTS.signer_name_chars, mend="name the signer")
        pem = key.text("pem", required=True, max_chars=OBJECTS.pem_chars, mend="write the public key as PEM")
        if name and not _SIGNER_NAME.fullmatch(name):
            key.note("name", "is no signer's name", "begin with a letter or digit; then also . _ @ -")
        if any(name == other.name for other in found):
            key.note("name", "is another signer's name in this role", "give each signer its own name")
        if "PRIVATE KEY" in pem:
            key.note("pem", "holds a private key", "write the public key here, and replace the one that was shown")
        elif pem and not _PUBLIC_KEY.fullmatch(pem.strip()):
            key.note("pem", "is no PEM public key", "write one block, -----BEGIN PUBLIC KEY----- to its end")
        found.append(KeySpec(name, pem))
    return tuple(found)

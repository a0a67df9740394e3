"""The fields of RuneStore and ClusterRuneStore as this version of rune knows them; a test compares with deploy/crds.

An API server drops what its CRD doesn't know, without a word, so a field that is missing there is worse than an error.
Only the places of fields are compared: rules may become stricter or looser without anyone's harm.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from rune.client.doctor.kinds import OUR_CRDS
from rune.model.spec import API_VERSION

VERSION: Final = API_VERSION.rpartition("/")[2]

_SIGNERS: Final = (
    "keys[].name",
    "keys[].pem",
    *(f"identities[].{name}" for name in ("issuer", "subject", "subjectPattern")),
)


def _common() -> Iterator[str]:
    yield from ("apiVersion", "kind", "metadata")
    for name in ("url", "proxy", "plainHTTP", "mirrors[]", "realmHosts[]"):
        yield f"spec.registry.{name}"
    for name in ("secretRef", "credentials.secretRef", "caRef"):
        yield f"spec.registry.{name}.name"
    for name in ("storeID", "epoch", "interval", "maxStale", "minRevision", "minPinRevision", "suspend", "policy"):
        yield f"spec.{name}"
    yield from ("spec.keyset", "spec.keysets[].name", "spec.keysets[].secret", "spec.keysets[].paths[]")
    for role in ("", "freshness.", "policySigners."):
        yield from (f"spec.verify.{role}{signer}" for signer in _SIGNERS)
    yield "spec.verify.trustedRootRef.name"
    for name in ("observedGeneration", "epoch", "revision", "digest", "signedTime", "expires", "policySerial"):
        yield f"status.{name}"
    for name in ("type", "status", "observedGeneration", "lastTransitionTime", "reason", "message"):
        yield f"status.conditions[].{name}"


KNOWN_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    OUR_CRDS[0]: frozenset(_common()),
    OUR_CRDS[1]: frozenset((*_common(), "spec.namespaces[]")),
}
"""Places of all fields without fields of their own, by the CRD's name."""

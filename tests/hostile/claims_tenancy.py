"""Claims about what one tenant can do to another."""

from typing import Final

from tests.hostile.claims import Chapter, Claim

_NAMESPACES: Final = "the keyset Secret's annotation names the namespaces that may use it"
_STORE_ID: Final = "the keyset Secret's annotation names the one store that it reads"
_POLICY: Final = "the policy in the signed snapshot, by default deny"

TENANCY: Final = Chapter(
    "The confused deputy",
    "Whoever owns the namespace evil may make any RuneStore there, and run any pod. The store that it is after is "
    "that of the namespace payments.",
    (
        Claim(
            "deputy-with-everything",
            "a RuneStore like the other's in every field, with a ceiling that allows all",
            _NAMESPACES,
        ),
        Claim(
            "deputy-with-its-own-signer",
            "the other's store id, keyset and ciphertext under a head, a policy and a signer of its own",
            _NAMESPACES,
        ),
        Claim(
            "deputy-with-its-own-ceiling",
            "the same keyset, for which its namespace is admitted, and a ceiling that allows all",
            "both must allow: the ceiling and the policy in the store",
        ),
        Claim(
            "deputy-with-a-mirror",
            "its own store, with the other's repository as a mirror",
            "the signers that its object names",
        ),
        Claim("deputy-with-a-keysets-name", "its own store, with the name of the other's keyset Secret", _STORE_ID),
        Claim(
            "deputy-with-a-keyset-of-its-own",
            "the other's ciphertext, with a keyset of its own under the other's name",
            "a value opens with the keyset that sealed it",
        ),
        Claim(
            "keyset-in-its-own-namespace",
            "a keyset Secret with the right annotations, in its own namespace",
            "keysets are read in the provider's namespace alone",
        ),
        Claim("keyset-by-kms", "a reference to the key of a KMS, by the node's identity", "a spec has no such field"),
        Claim(
            "login-of-another-namespace",
            "a registry Secret that only the other namespace has",
            "a RuneStore's references are to its own namespace",
        ),
        Claim(
            "others-content-on-the-node",
            "a snapshot that names the other's secrets by digest, which the node has at hand",
            "memory and cache are each store's own, by UID",
        ),
        Claim(
            "poisoned-mark",
            "the other's store id at revision 9999999999, under a signer of its own",
            "marks are kept for each RuneStore's UID",
        ),
        Claim(
            "signer-of-another-store",
            "a head for the other's store in the other's repository, signed by its own signer",
            "the signers that the other's object names",
        ),
        Claim(
            "store-of-another-namespace",
            "a SecretProviderClass that names the other's store, by each name it could have",
            "a store is looked up in the pod's own namespace",
        ),
        Claim(
            "cluster-store-for-others",
            "a ClusterRuneStore that admits other namespaces",
            "spec.namespaces, looked at by every mount",
        ),
        Claim(
            "cluster-store-with-a-keyset-for-others",
            "a ClusterRuneStore that admits it, with a keyset that doesn't",
            _NAMESPACES,
        ),
        Claim("cache-of-an-allowed-pod", "what a pod of another service account has just mounted", _POLICY),
        Claim(
            "denied-path",
            "a path that is there and one that isn't, both denied, to learn which",
            "the policy comes before any lookup",
        ),
        Claim("policy-taken-away", "what it could mount before a commit took the rule away", _POLICY),
        Claim(
            "ceiling-taken-away",
            "what it could mount before the RuneStore's ceiling was emptied",
            "an empty ceiling denies all",
        ),
        Claim("keyset-taken-away", "what it could mount before the annotation was changed", _NAMESPACES),
    ),
)

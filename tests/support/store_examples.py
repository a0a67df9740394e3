"""RuneStores that are right and wrong, one table for both who judge them: rune.model.spec_parse and the CRDs."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
REMOVED: Final = object()
PEM: Final = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKpX0mxxL9VXRB+If9Wi4UfdCcCp4
qOQ2BEsXitopxELGrDBZ1mjzvdH0uJRuR8nRPW0T2ACCGc76bIUls/iTUw==
-----END PUBLIC KEY-----
"""
PRIVATE_PEM: Final = PEM.replace("PUBLIC", "PRIVATE")
KEY: Final = {"name": "ci", "pem": PEM}
IDENTITY: Final = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "https://github.com/acme/infra/.github/workflows/release.yml@refs/heads/main",
}
STORE_ID: Final = "6f1c2a9e0b7d4c538e21a4d09b3f7c65"
DIGEST: Final = "sha256:" + "ab" * 32


@dataclass(frozen=True)
class Example:
    """A change to a good object, and what is said of it.

    `edits` maps dotted places of the spec to values or REMOVED. `parser` and `server` are parts of what spec_parse and
    the API server say; None where they accept it.
    """

    id: str
    edits: Mapping[str, object]
    parser: str | None = None
    server: str | None = None
    kind: str = "RuneStore"

    def manifest(self, name: str = "main", namespace: str = "payments") -> dict[str, Any]:
        """The object with the change made."""
        found = good(self.kind, name, namespace)
        for place, value in self.edits.items():
            *parents, last = place.split(".")
            target = found["spec"]
            for parent in parents:
                target = target.setdefault(parent, {})
            if value is REMOVED:
                del target[last]
            else:
                target[last] = copy.deepcopy(value)
        return found


def good(kind: str, name: str = "main", namespace: str = "payments") -> dict[str, Any]:
    """The smallest object that is right."""
    metadata = {"name": name} if kind == "ClusterRuneStore" else {"name": name, "namespace": namespace}
    spec: dict[str, Any] = {
        "registry": {"url": "oci://registry.example.com/acme/secrets"},
        "storeID": STORE_ID,
        "keyset": "payments",
        "verify": {"keys": [dict(KEY)]},
    }
    if kind == "ClusterRuneStore":
        spec["namespaces"] = ["payments", "team-*"]
    return {"apiVersion": "core.rune.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def documented() -> list[dict[str, Any]]:
    """The objects that docs/runestore.md shows."""
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "runestore.md").read_text(), re.DOTALL)
    return [yaml.safe_load(block) for block in blocks]


def _key(**changes: str) -> list[dict[str, str]]:
    return [{**KEY, **changes}]


def _identity(**changes: object) -> dict[str, object]:
    found = {name: value for name, value in {**IDENTITY, **changes}.items() if value is not REMOVED}
    return {"verify.identities": [found]}


def _pattern(pattern: str) -> dict[str, object]:
    return _identity(subject=REMOVED, subjectPattern=pattern)


ACCEPTED: Final = [
    Example("smallest", {}),
    Example("smallest-cluster-wide", {}, kind="ClusterRuneStore"),
    Example("https-url", {"registry.url": "https://registry.example.com/acme/secrets"}),
    Example("port", {"registry.url": "oci://registry.example.com:5000/acme/secrets"}),
    Example("ipv6", {"registry.url": "oci://[fd00::1]:5000/acme"}),
    Example("trailing-slash", {"registry.url": "oci://registry.example.com/acme/"}),
    Example("repository-separators", {"registry.url": "oci://r.example/a__b/c.d/e--f_g"}),
    Example("mirrors", {"registry.mirrors": ["oci://a.example/x", "oci://b.example/x"]}),
    Example("secret-ref", {"registry.secretRef": {"name": "login"}}),
    Example("credentials", {"registry.credentials": {"secretRef": {"name": "login"}}}),
    Example("ca-and-proxy", {"registry.caRef": {"name": "ca.one"}, "registry.proxy": "https://proxy.example:3128/"}),
    Example("proxy-by-address", {"registry.proxy": "http://[::1]:8080"}),
    Example("realm-hosts", {"registry.realmHosts": ["auth.example.com", "127.0.0.1:5001"]}),
    Example("plain-http", {"registry.plainHTTP": True}),
    Example("keysets", {"keyset": REMOVED, "keysets": [{"name": "a", "secret": "s", "paths": ["prod/**", "*/x-*"]}]}),
    Example("freshness", {"verify.freshness": {"keys": [KEY]}}),
    Example("policy-signers", {"verify.policySigners": {"keys": [KEY, {"name": "b", "pem": PEM}]}}),
    Example("identities-alone", {"verify": {"identities": [IDENTITY]}}),
    Example("identities-and-keys", {"verify.identities": [IDENTITY], "verify.trustedRootRef": {"name": "root"}}),
    Example(
        "pattern-of-workflows", _pattern("https://github.com/acme/*/.github/workflows/release.yml@refs/heads/main")
    ),
    Example("pattern-of-segments", _pattern("https://github.com/acme/infra/**")),
    Example("pattern-of-addresses", _pattern("*@example.com")),
    Example("freshness-by-identity", {"verify.freshness": {"identities": [IDENTITY]}}),
    Example(
        "policy-by-identity",
        {"verify.policySigners": {"identities": [IDENTITY]}, "verify.trustedRootRef": {"name": "root"}},
    ),
    Example("intervals", {"interval": "1h30m", "maxStale": "7d"}),
    Example("shortest-intervals", {"interval": "5s", "maxStale": "1m"}),
    Example("longest-intervals", {"interval": "24h", "maxStale": "365d"}),
    Example("revisions", {"epoch": 2, "minRevision": 9_999_999_999, "minPinRevision": 3}),
    Example("suspended", {"suspend": True}),
    Example("empty-ceiling", {"policy": ""}),
    Example("every-namespace", {"namespaces": ["*"]}, kind="ClusterRuneStore"),
]

REFUSED: Final = [
    Example("no-registry", {"registry": REMOVED}, "spec.registry.url: is missing", "spec.registry: Required value"),
    Example("no-url", {"registry": {}}, "spec.registry.url: is missing", "spec.registry.url: Required value"),
    Example("no-scheme", {"registry.url": "registry.example.com/x"}, "has no scheme", "write oci://HOST"),
    Example("http-url", {"registry.url": "http://registry.example.com/x"}, "no scheme that is known", "write oci://"),
    Example("local-url", {"registry.url": "oci-layout:///srv/store"}, "a folder is not accepted", "write oci://HOST"),
    Example("credentials-in-url", {"registry.url": "oci://u:hunter2@r.example/x"}, "holds an @", "holds an @"),
    Example("digest-in-url", {"registry.url": f"oci://r.example/x@{DIGEST}"}, "holds an @", "holds an @"),
    Example("tag-in-url", {"registry.url": "oci://r.example/x:latest"}, "not a repository name", "without tag"),
    Example("query-in-url", {"registry.url": "oci://r.example/x?a=b"}, "a query or a fragment", "without tag or query"),
    Example("capital-repository", {"registry.url": "oci://r.example/X"}, "not a repository name", "in lower case"),
    Example("no-repository", {"registry.url": "oci://r.example"}, "not a repository name", "write oci://HOST"),
    Example("long-url", {"registry.url": "oci://r.example/" + "x" * 500}, "1 to 512 characters", "Too long"),
    Example("bad-mirror", {"registry.mirrors": ["oci://a.example/x", "ftp://b"]}, "mirrors[1]", "mirrors[1]"),
    Example("mirror-twice", {"registry.mirrors": ["oci://a.example/x"] * 2}, "stands twice", "Duplicate value"),
    Example(
        "nine-mirrors", {"registry.mirrors": [f"oci://a.example/x{n}" for n in range(9)]}, "keep it to 8", "Too many"
    ),
    Example("no-mirrors", {"registry.mirrors": []}, "has no entries", "should have at least 1 items"),
    Example(
        "two-credentials",
        {"registry.secretRef": {"name": "a"}, "registry.credentials": {"secretRef": {"name": "b"}}},
        "keep one of them",
        "keep one of secretRef and credentials",
    ),
    Example("empty-credentials", {"registry.credentials": {}}, "credentials.secretRef: is missing", "Required value"),
    Example("capital-secret", {"registry.secretRef": {"name": "Login"}}, "no name of a Kubernetes", "no name of a Kub"),
    Example("nameless-secret", {"registry.secretRef": {}}, "secretRef.name: is missing", "Required value"),
    Example(
        "secret-elsewhere",
        {"registry.secretRef": {"name": "a", "namespace": "kube-system"}},
        "namespace: is not a field",
        'unknown field "spec.registry.secretRef.namespace"',
    ),
    Example(
        "proxy-password",
        {"registry.proxy": "http://u:hunter2@proxy:3128"},
        "without credentials",
        "without credentials",
    ),
    Example("socks-proxy", {"registry.proxy": "socks5://proxy:1080"}, "is no proxy's address", "write http://HOST"),
    Example("realm-with-scheme", {"registry.realmHosts": ["https://a.example"]}, "is no host", "without a scheme"),
    Example(
        "plain-https",
        {"registry.url": "https://r.example/x", "registry.plainHTTP": True},
        "contradicts the https",
        "contradicts the https",
    ),
    Example("quoted-flag", {"registry.plainHTTP": "true"}, "neither true nor false", "must be of type boolean"),
    Example("no-store-id", {"storeID": REMOVED}, "spec.storeID: is missing", "spec.storeID: Required value"),
    Example("short-store-id", {"storeID": "abc"}, "is no store id", "is no store id"),
    Example("capital-store-id", {"storeID": STORE_ID.upper()}, "is no store id", "is no store id"),
    Example("no-keyset", {"keyset": REMOVED}, "keyset: is missing", "write either keyset"),
    Example("both-keysets", {"keysets": [{"name": "a", "secret": "b"}]}, "beside keysets", "write either keyset"),
    Example("empty-keyset", {"keyset": ""}, "1 to 253 characters", "at least 1 chars"),
    Example("keyset-path", {"keyset": "../other"}, "no name of a Kubernetes", "no name of a Kubernetes"),
    Example("no-keysets", {"keyset": REMOVED, "keysets": []}, "has no entries", "should have at least 1 items"),
    Example(
        "keyset-twice",
        {"keyset": REMOVED, "keysets": [{"name": "a", "secret": "b"}, {"name": "a", "secret": "c"}]},
        "another keyset's name",
        "Duplicate value",
    ),
    Example(
        "keyset-placeholder",
        {"keyset": REMOVED, "keysets": [{"name": "a", "secret": "b", "paths": ["x/{namespace}"]}]},
        "no placeholder here",
        "write segments joined",
    ),
    Example(
        "keyset-stars",
        {"keyset": REMOVED, "keysets": [{"name": "a", "secret": "b", "paths": ["x/a**"]}]},
        "must be a whole segment",
        "** only as a whole segment",
    ),
    Example("no-verify", {"verify": REMOVED}, "spec.verify.keys: is missing", "spec.verify: Required value"),
    Example("no-signers", {"verify.keys": []}, "verify.keys: has no entries", "should have at least 1 items"),
    Example("signer-without-name", {"verify.keys": [{"pem": PEM}]}, "keys[0].name: is missing", "Required value"),
    Example("signer-twice", {"verify.keys": [KEY, KEY]}, "another signer's name", "Duplicate value"),
    Example("signer-name", {"verify.keys": _key(name="-x")}, "is no signer's name", "begin with a letter"),
    Example("private-key", {"verify.keys": _key(pem=PRIVATE_PEM)}, "holds a private key", "holds a private key"),
    Example(
        "certificate", {"verify.keys": _key(pem=PEM.replace("PUBLIC KEY", "CERTIFICATE"))}, "no PEM", "write one block"
    ),
    Example("two-pem-blocks", {"verify.keys": _key(pem=PEM + PEM)}, "no PEM public key", "write one block"),
    Example("empty-freshness", {"verify.freshness": {}}, "freshness.keys: is missing", "list signers under keys"),
    Example("empty-verify", {"verify": {}}, "spec.verify.keys: is missing", "list signers under keys"),
    Example("no-identities", {"verify.identities": []}, "identities: has no entries", "should have at least 1 items"),
    Example("empty-identity", _identity(issuer=REMOVED, subject=REMOVED), "issuer: is missing", "Required value"),
    Example("issuer-without-scheme", _identity(issuer="accounts.example"), "is no issuer", "write the issuer exactly"),
    Example("issuer-over-http", _identity(issuer="http://i.example"), "is no issuer", "write the issuer exactly"),
    Example("issuer-with-star", _identity(issuer="https://i.example/*"), "is no issuer", "write the issuer exactly"),
    Example("no-subject", _identity(subject=REMOVED), "subject: is missing", "write one of subject"),
    Example("two-subjects", _identity(subjectPattern="*@a.example"), "beside subjectPattern", "write one of subject"),
    Example("empty-subject", _identity(subject=""), "1 to 1024 characters", "at least 1 chars"),
    Example("subject-with-star", _identity(subject="*@example.com"), "holds a star", "holds a star"),
    Example("subject-with-blank", _identity(subject="a@example.com "), "blanks at its ends", "blanks at its ends"),
    Example("subject-with-newline", _identity(subject="a\nb"), "control characters", "control characters"),
    Example("identity-twice", {"verify.identities": [IDENTITY, IDENTITY]}, "stands twice", "Duplicate value"),
    Example("pattern-of-anybody", _pattern("*"), "could fit anybody's", "could fit anybody's"),
    Example("pattern-of-any-owner", _pattern("https://github.com/*/x"), "could fit anybody's", "could fit anybody's"),
    Example("pattern-of-any-host", _pattern("https://*/acme/x"), "could fit anybody's", "could fit anybody's"),
    Example("pattern-of-any-domain", _pattern("anna@*"), "could fit anybody's", "could fit anybody's"),
    Example("pattern-without-star", _pattern("anna@example.com"), "has no star", "has no star"),
    Example("pattern-of-stars", _pattern("https://a.example/b/c**"), "must be a whole segment", "only as a whole seg"),
    Example(
        "empty-freshness-identities",
        {"verify.freshness": {"identities": []}},
        "freshness.identities: has no entries",
        "should have at least 1 items",
    ),
    Example(
        "trusted-root-for-nobody",
        {"verify.trustedRootRef": {"name": "root"}},
        "is set without identities",
        "is set without identities",
    ),
    Example(
        "trusted-root-name",
        {"verify.identities": [IDENTITY], "verify.trustedRootRef": {"name": "Root"}},
        "no name of a Kubernetes",
        "no name of a Kubernetes",
    ),
    Example("zero-epoch", {"epoch": 0}, "from 1 to", "greater than or equal to 1"),
    Example("text-epoch", {"epoch": "2"}, "not a whole number", "must be of type integer"),
    Example("true-epoch", {"epoch": True}, "not a whole number", "must be of type integer"),
    Example("negative-revision", {"minRevision": -1}, "from 0 to", "greater than or equal to 0"),
    Example("large-revision", {"minRevision": 10_000_000_000}, "from 0 to", "less than or equal to 9999999999"),
    Example("interval-words", {"interval": "2 minutes"}, "is not a duration", "write 5s to 24h"),
    Example("interval-number", {"interval": 120}, "is not a text", "must be of type string"),
    Example("interval-short", {"interval": "4s"}, "is out of range", "write 5s to 24h"),
    Example("interval-long", {"interval": "25h"}, "is out of range", "write 5s to 24h"),
    Example("interval-empty", {"interval": ""}, "1 to 32 characters", "write 5s to 24h"),
    Example("stale-short", {"maxStale": "59s"}, "is out of range", "write 1m to 365d"),
    Example("stale-long", {"maxStale": "366d"}, "is out of range", "write 1m to 365d"),
    Example("policy-list", {"policy": ["x"]}, "is not a text", "must be of type string"),
    Example("long-policy", {"policy": "#" * 65_537}, "1 to 65536 characters", "Too long"),
    Example(
        "namespaces-of-one", {"namespaces": ["a"]}, "namespaces: is not a field", 'unknown field "spec.namespaces"'
    ),
    Example("misspelt", {"intervall": "2m"}, "did you mean interval", 'unknown field "spec.intervall"'),
    Example("no-namespaces", {"namespaces": REMOVED}, "namespaces: is missing", "Required value", "ClusterRuneStore"),
    Example("empty-namespaces", {"namespaces": []}, "has no entries", "at least 1 items", "ClusterRuneStore"),
    Example("namespace-glob", {"namespaces": ["team-**"]}, "no name or glob", "with single *", "ClusterRuneStore"),
    Example("namespace-slash", {"namespaces": ["a/b"]}, "no name or glob", "with single *", "ClusterRuneStore"),
]

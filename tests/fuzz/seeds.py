"""Writes the corpus: `python -m tests.fuzz.seeds`. Every seed is valid, made by our own encoders, and holds no secret.

Inputs that once did harm are added by hand, named `found-...`; they are never written here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from rune.adapters.registry_documents import fallback_tag
from rune.model.bounded_yaml import dump_yaml
from rune.model.limits import KIB
from rune.model.oci import MEDIA_INDEX, Descriptor, digest_of
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import Recipient
from rune.model.sealed import SealedFile, SealedKey
from rune.model.store import Binding, HistoryEntry, Revision, revision_tag
from rune.publish.sealed_file import encode_sealed
from rune.snapshot.codec import encode_policy, encode_secret
from rune.snapshot.cosign import add_referrer, bundle_manifest, describe_bundle_manifest, sign, statement
from rune.snapshot.frame import frame
from tests.fakes.signing import ALLOW_ALL, SIGNED_AT, STORE_ID, WRITER, sealed_secret, signed_store
from tests.fuzz.target import CORPUS, SELECTOR
from tests.fuzz.targets.beside import KNOWN_TOKEN
from tests.fuzz.targets.signatures import DIGEST
from tests.support.store_examples import documented

POLICY = b"""rules:
  - name: payments read their own
    effect: allow
    serviceAccounts: ["payments/api", "pay*/*"]
    clusters: ["prod-*", "b"]
    paths: ["prod/payments/**", "teams/{namespace}/**", "b/*/{serviceAccount}", "a"]
  - name: nobody reads the root key
    effect: deny
    serviceAccounts: ["*/*"]
    paths: ["**/root", "prod/*/d*"]
"""
_EXPECTATIONS = b"""tests:
  - {caller: payments/api, cluster: prod-eu, path: prod/payments/db, expect: allow, rule: payments read their own}
  - {caller: shop/web, path: prod/payments/root, expect: deny}
"""
_OBJECTS = b"""- path: prod/payments/db
  key: password
  fileName: db/password
  mode: "0400"
  encoding: base64
  jmesPath: users[?id==`1`].name
  optional: true
  snapshot: 7
- path: prod/payments/tls
  dir: tls
- path: prod/payments/db
  format: env
  fileName: db.env
- path: prod/payments/db
  template: "postgres://${user}:${password|urlquery}@db/$$"
  fileName: url
"""
_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7L"
    "tkBoN79R9Q==\n-----END PUBLIC KEY-----\n"
)
_ATTRIBUTES = {
    "csi.storage.k8s.io/pod.name": "api-0",
    "csi.storage.k8s.io/pod.namespace": "payments",
    "csi.storage.k8s.io/pod.uid": "7b1e6c1e-0000-4000-8000-000000000001",
    "csi.storage.k8s.io/serviceAccount.name": "api",
    "csi.storage.k8s.io/serviceAccount.tokens": '{"rune":{"token":"e30.e30.c2ln","expirationTimestamp":"soon"}}',
    "csi.storage.k8s.io/ephemeral": "true",
    "secretProviderClass": "db",
    "store": "main",
    "objects": "- path: prod/payments/db",
}
_USER = {
    "username": "system:serviceaccount:payments:api",
    "extra": {
        "authentication.kubernetes.io/pod-name": ["api-0"],
        "authentication.kubernetes.io/pod-uid": ["7b1e6c1e-0000-4000-8000-000000000001"],
    },
}


def _encoded(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _documents() -> Iterator[tuple[str, bytes]]:
    history = (HistoryEntry(2, digest_of(b"second")), HistoryEntry(1, digest_of(b"first")))
    store = signed_store(revision=Revision(1, 3), history=history, expires=SIGNED_AT + timedelta(days=7), message="why")
    yield "head/history", store.evidence.head.data
    yield "head/first", signed_store().evidence.head.data
    yield "snapshot/whole", store.evidence.snapshot.data
    yield "snapshot/empty", signed_store({}, policy=None).evidence.snapshot.data
    yield "secret/inline", encode_secret(sealed_secret({"password": b"sealed", "tls.crt": b"sealed too"}))
    yield (
        "secret/bound",
        encode_secret(sealed_secret({"token": b"x" * 40}, binding=Binding(cluster=True, audience=True))),
    )
    yield "secret/blob", encode_secret(sealed_secret({"large": b"x" * 17 * KIB}))
    yield "policy-manifest/policy", encode_policy(POLICY, store_id=STORE_ID)
    yield "frame/short", frame(b"a value")
    yield "frame/empty", frame(b"")
    yield "json/document", b'{"a":[1,2.5,-3e2,"\\u00e9\\n",null,true],"b":{"c":{}}}'
    yield "yaml/document", b"a: [1, 2.5, null, yes]\nb:\n  - |\n    lines\n  - 'quoted'\n---\n{c: {d: []}}\n"


def _signatures() -> Iterator[tuple[str, bytes]]:
    bundle = sign(WRITER, DIGEST)
    manifest = bundle_manifest(bundle, Descriptor.of(b"object", MEDIA_INDEX))
    index = add_referrer(None, describe_bundle_manifest(manifest))
    yield "bundle/key", bundle
    yield "statement/cosign", statement(DIGEST)
    yield "bundle-manifest/cosign", manifest
    yield "fallback-index/one", index
    yield "fallback-index/other", add_referrer(None, replace(describe_bundle_manifest(manifest), digest=DIGEST))
    yield "referrers/one", index
    yield "index/one", index
    yield "public-key/p256", _PEM.encode()


def _policies() -> Iterator[tuple[str, bytes]]:
    yield "policy/two-rules", POLICY
    yield "policy/all", ALLOW_ALL
    yield "expectations/two", _EXPECTATIONS
    yield "path/usual", b"prod/payments/db-1.main"
    yield "key/usual", b"tls.crt"
    yield "glob/stars", SELECTOR.join((b"pay*s-*-x", b"payments-a-x"))
    yield "path-pattern/stars", SELECTOR.join((b"teams/{namespace}/**/d*b", b"teams/payments/a/b/dub"))
    yield "path-pattern/many", SELECTOR.join((b"**/a/**/b/*", b"x/a/y/b/a/b/c"))
    uri = b"https://github.com/acme/infra/.github/workflows/"
    yield "subject-pattern/uri", SELECTOR.join((uri + b"**", uri + b"release.yml@refs/heads/main"))
    yield "subject-pattern/address", SELECTOR.join((b"*@acme.org", b"anna@acme.org"))


def _mounts() -> Iterator[tuple[str, bytes]]:
    yield "objects/every-kind", _OBJECTS
    yield "file-name/folders", b"./db//password"
    yield "mount-request/driver", SELECTOR.join((_encoded(_ATTRIBUTES), b"null", b"420"))
    yield "tokens/two", b'{"rune":{"token":"e30.e30.c2ln","expirationTimestamp":"x"},"vault":{"token":"t"}}'
    yield "parameters/store", SELECTOR.join((b"main", b"", _OBJECTS, b""))
    yield "parameters/cluster-store", SELECTOR.join((b"", b"shared", b"- path: a", b""))
    yield "template/filters", SELECTOR.join((b"x ${a|trim|json} $$ ${b|base64|urlquery}\n", b" it's \n"))
    value = b'{"users":[{"id":1,"name":"a"},{"id":2,"name":"b"}],"n":{"x":[1,[2,3]]}}'
    yield "jmespath/filter", SELECTOR.join((b"users[?id==`1`].name | [0]", value))
    yield "jmespath/functions", SELECTOR.join((b"not_null(m, length(n.x[])) || keys(n)", value))
    yield "formats/quotes", SELECTOR.join((b'it\'s $x \\ "q"\n', "é".encode()))


def _registries() -> Iterator[tuple[str, bytes]]:
    yield "tags/page", b'{"name":"team/secrets","tags":["latest","r1-0000000001-abcdefabcdef"]}'
    yield "tags/none", b'{"name":"team/secrets","tags":null}'
    yield "token-answer/docker", b'{"token":"abc.def.ghi","expires_in":300,"issued_at":"2026-11-21T03:41:00Z"}'
    yield "token-answer/oauth", b'{"access_token":"abc.def.ghi","expires_in":60,"scope":"repository:a:pull"}'
    yield "registry-error/two", b'{"errors":[{"code":"DENIED","message":"no"},{"code":"NAME_UNKNOWN"}]}'
    auths = {
        "https://registry.example/v1/": {"auth": "dXNlcjpwYXNz"},
        "registry.example/team": {"username": "u", "password": "p"},
        "https://index.docker.io/v1/": {"identitytoken": "t"},
    }
    yield "docker-config/every-kind", _encoded({"auths": auths, "credHelpers": {"gcr.io": "gcloud"}})
    yield "location/registry", b"oci://Registry.Example.com:5000/team/secrets"
    yield "location/address", b"https://[2001:db8::1]:443/a"
    yield "location/folder", b"oci-layout:///var/lib/rune/store"
    yield "reference/tag", fallback_tag(DIGEST).encode()
    yield "reference/digest", DIGEST.encode()
    yield "challenge/bearer", b'Bearer realm="https://tokens.example/token",service="r",scope="repository:a:pull"'
    yield "challenge/several", b'Negotiate abc==, Basic realm="a \\"b\\"", Bearer realm="https://registry.example/t"'
    yield "link/next", b'</v2/team/secrets/tags/list?n=100&last=a>; rel="next"'
    yield "redirect/storage", b"https://bucket.storage.example/sha256/ab?X-Signature=abc"
    yield "redirect/relative", b"../blobs/x"
    yield "retry-after/seconds", b"7"
    yield "retry-after/date", b"Sat, 21 Nov 2026 03:42:00 GMT"
    yield "url/usual", b"https://registry.example:8443/v2/a/blobs/sha256:0?x=y"
    yield "url/address", b"http://[fd00:ec2::254]/"
    yield (
        "proxy/password",
        SELECTOR.join((b"http://user:p%40ss@proxy.example:3128", b".example,10.0.0.0/8,[fd00::1]:80,*")),
    )


def _configuration() -> Iterator[tuple[str, bytes]]:
    for name, example in zip(("small", "full"), documented(), strict=True):
        document = {**example, "metadata": {**example["metadata"], "uid": "uid-1", "generation": 2}}
        yield f"store-yaml/{name}", dump_yaml(document).encode()
        yield f"store-json/{name}", _encoded(document)
        yield f"kube-list/{name}", _encoded({"kind": "List", "items": [document]})
        yield f"object-files/{name}", dump_yaml(document).encode()
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "main"}, "data": {"keyset": "e30="}}
    yield "object-files/secret", dump_yaml({**secret, "stringData": {"note": "text"}}).encode()
    yield "kube-secret/secret", _encoded({**secret, "type": "Opaque"})
    config_map: Mapping[str, object] = {"kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": "text"}}
    yield "kube-secret/config-map", _encoded({**config_map, "binaryData": {"der": "AAAA"}})
    yield (
        "project/two-stores",
        dump_yaml(
            {
                "stores": {"prod": _project("oci://h.example/r"), "dev": _project("oci-layout://dev")},
                "defaultStore": "prod",
            }
        ).encode(),
    )
    yield "env-file/usual", b"# comment\nexport USER=me\nPASSWORD='a b'\n\nEMPTY=\n"
    yield "sealed-file/two-keys", encode_sealed(_sealed())
    yield "duration/sum", b"1d2h3m4s"
    yield "recipient/cluster", b"prod-eu/payments/api.v1"


def _project(url: str) -> Mapping[str, object]:
    return {
        "url": url,
        "storeID": STORE_ID,
        "signers": [{"name": "release", "pem": _PEM}, {"issuer": "https://i.example", "subject": "a@example.com"}],
        "keysets": [{"name": "main", "paths": ["prod/**"]}],
        "expires": "7d",
    }


def _sealed() -> SealedFile:
    keys = (
        SealedKey(KeyName("password"), "main", SIGNED_AT, (None,), b"sealed " * 20, Recipient("payments", "api", "eu")),
        SealedKey(KeyName("user"), "main", SIGNED_AT, (digest_of(b"before"), None), b"sealed"),
    )
    return SealedFile(STORE_ID, SecretPath("prod/payments/db")).having(*keys)


def _answers() -> Iterator[tuple[str, bytes]]:
    yield "kube-refusal/status", b'{"kind":"Status","code":403,"message":"runestores is forbidden:\\n no"}'
    yield "token-review/good", _encoded({"status": {"authenticated": True, "audiences": ["rune"], "user": _USER}})
    yield "token-review/bad", b'{"status":{"authenticated":false,"error":"token audiences are invalid"}}'
    yield "token-expiry/claims", b'{"aud":["rune"],"exp":1800000000,"kubernetes.io":{"namespace":"payments"}}'
    yield "confirmed/time", b"2026-11-21T03:41:00+00:00"
    empty = digest_of(b"{}")
    entry = {"mediaType": MEDIA_INDEX, "digest": empty, "size": 2}
    named = {**entry, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
    yield "layout-index/tagged", _encoded({"schemaVersion": 2, "manifests": [named, entry]})


def _beside() -> Iterator[tuple[str, bytes]]:
    yield "revision-tag/first", revision_tag(Revision(1, 1), digest_of(b"snapshot")).encode()
    yield "revision-tag/burnt", revision_tag(Revision(2, 9_999_999_999), digest_of(b"another")).encode()
    yield (
        "provider-class/usual",
        dump_yaml(
            {
                "apiVersion": "secrets-store.csi.x-k8s.io/v1",
                "kind": "SecretProviderClass",
                "metadata": {"name": "api", "namespace": "payments"},
                "spec": {"provider": "rune", "parameters": {"store": "main", "objects": _OBJECTS.decode()}},
            }
        ).encode(),
    )
    yield (
        "identities/one",
        dump_yaml(
            {
                "identities": [
                    {
                        "tokenSHA256": sha256(KNOWN_TOKEN.encode()).hexdigest(),
                        "namespace": "payments",
                        "serviceAccount": "api",
                        "podName": "api-0",
                        "podUID": "uid-1",
                        "audiences": ["rune", "vault"],
                        "expires": "2038-01-01T00:00:00Z",
                    }
                ]
            }
        ).encode(),
    )


def main() -> None:
    """Write every seed."""
    for group in (_documents, _signatures, _policies, _mounts, _registries, _configuration, _answers, _beside):
        for name, data in group():
            path = CORPUS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


if __name__ == "__main__":
    main()

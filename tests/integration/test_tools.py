"""The real parts themselves: what other tests take for granted of them is shown here once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.support.apiserver import ApiServer
from tests.support.cosign import CommandFailed, Cosign, Crane, KeyPair
from tests.support.kubeapi import KubeApiError, Pod
from tests.support.raw_registry import RawRegistry
from tests.support.registry import Access, Basic, Bearer, Registry, StartRegistry
from tests.support.tls import Authority
from tests.support.token_realm import Credentials, Issued, TokenRealm

REPOSITORY = "team/store"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CREDENTIALS = Credentials("writer")


def put_index(registry: Registry, repository: str, content: bytes) -> str:
    """Push an index of one manifest of one blob under the tag `latest`, and return its digest."""
    raw = RawRegistry(registry)

    def descriptor(media_type: str, data: bytes, digest: str) -> dict[str, object]:
        return {"mediaType": media_type, "size": len(data), "digest": digest}

    config = descriptor("application/vnd.oci.empty.v1+json", b"{}", raw.put_blob(repository, b"{}"))
    layer = descriptor("application/octet-stream", content, raw.put_blob(repository, content))
    kind = "application/vnd.rune.secret.v1"
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": [layer]}
    ).encode()
    entry = descriptor(MANIFEST, manifest, raw.put_manifest(repository, manifest, MANIFEST))
    kind = "application/vnd.rune.snapshot.v1"
    index = {"schemaVersion": 2, "mediaType": INDEX, "artifactType": kind, "manifests": [entry]}
    return raw.put_manifest(repository, json.dumps(index).encode(), INDEX, tag="latest")


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[TokenRealm]:
    realm = TokenRealm(tmp_path / "realm", credentials=CREDENTIALS)
    realm.start()
    yield realm
    realm.stop()


@pytest.fixture(scope="module")
def pod(apiserver: ApiServer) -> Pod:
    apiserver.admin.create_namespace("tools")
    return apiserver.admin.create_pod("tools", "api-0")


class TestRegistry:
    @pytest.mark.parametrize("tls", [pytest.param(False, id="plain"), pytest.param(True, id="tls")])
    @pytest.mark.parametrize("mode", ["anonymous", "basic", "realm"])
    def test_lets_in_whom_its_mode_says(
        self,
        mode: str,
        tls: bool,
        any_registry_type: type[Registry],
        start_registry: StartRegistry,
        authority: Authority,
        realm: TokenRealm,
    ) -> None:
        modes: dict[str, Access] = {"anonymous": None, "basic": Basic(CREDENTIALS), "realm": Bearer(realm)}
        registry = start_registry(any_registry_type, access=modes[mode], authority=authority if tls else None)
        raw = RawRegistry(registry)
        assert raw.request("GET", "/v2/").status == (200 if mode == "anonymous" else 401)
        assert raw.request("GET", "/v2/", authorization=raw.authorize(REPOSITORY)).status == 200
        digest = put_index(registry, REPOSITORY, b"content")
        manifests = f"/v2/{REPOSITORY}/manifests"
        answer = raw.request("GET", f"{manifests}/latest", authorization=raw.authorize(REPOSITORY), media_type=INDEX)
        assert (answer.status, answer.headers["docker-content-digest"]) == (200, digest)

    def test_refuses_a_wrong_password(self, any_registry_type: type[Registry], start_registry: StartRegistry) -> None:
        raw = RawRegistry(start_registry(any_registry_type, access=Basic(CREDENTIALS)))
        assert raw.request("GET", "/v2/", authorization=Credentials(CREDENTIALS.username).basic).status == 401

    def test_sends_to_its_realm_and_takes_a_token_until_it_expires(
        self, any_registry_type: type[Registry], start_registry: StartRegistry, realm: TokenRealm
    ) -> None:
        realm.lifetime_s = 4
        raw = RawRegistry(start_registry(any_registry_type, access=Bearer(realm)))
        tags = f"/v2/{REPOSITORY}/tags/list"
        challenge = raw.request("GET", tags).challenge
        assert challenge["realm"] == realm.url
        assert challenge["scope"] == f"repository:{REPOSITORY}:pull"
        begun = time.monotonic()
        token = raw.authorize(REPOSITORY, "pull")
        assert realm.issued == [Issued(CREDENTIALS.username, (challenge["scope"],))]
        assert raw.request("GET", tags, authorization=token).status == 404
        assert raw.request("GET", "/v2/other/tags/list", authorization=token).status == 401
        while raw.request("GET", tags, authorization=token).status == 404:
            assert time.monotonic() - begun < realm.lifetime_s + 10, "the registry took an expired token"
            time.sleep(0.2)
        assert raw.request("GET", tags, authorization=token).status == 401
        assert raw.request("GET", tags, authorization=raw.authorize(REPOSITORY)).status == 404

    def test_a_realm_gives_nothing_to_who_does_not_know_the_password(self, realm: TokenRealm) -> None:
        wrong = Credentials(CREDENTIALS.username).basic
        assert urllib3.request("GET", realm.url, headers={"Authorization": wrong}).status == 401
        assert realm.issued == []

    def test_keeps_what_it_holds_over_an_outage(
        self, any_registry_type: type[Registry], start_registry: StartRegistry
    ) -> None:
        registry = start_registry(any_registry_type)
        digest = put_index(registry, REPOSITORY, b"content")
        path = f"/v2/{REPOSITORY}/manifests/{digest}"
        registry.stop()
        with pytest.raises(urllib3.exceptions.HTTPError):
            RawRegistry(registry).request("GET", path)
        registry.start()
        assert RawRegistry(registry).request("GET", path, media_type=INDEX).status == 200


class TestCosign:
    @pytest.mark.parametrize("legacy", [pytest.param(False, id="bundle"), pytest.param(True, id="sig-tag")])
    def test_signs_and_verifies_an_index(
        self, legacy: bool, any_registry: Registry, cosign: Cosign, cosign_key: KeyPair, tmp_path: Path
    ) -> None:
        repository = f"signed/{'legacy' if legacy else 'bundle'}"
        reference = f"{repository}@{put_index(any_registry, repository, b'signed')}"
        cosign.sign(any_registry, reference, cosign_key, legacy=legacy)
        cosign.verify(any_registry, reference, cosign_key.public, legacy=legacy)
        other = cosign.generate_key_pair(tmp_path)
        with pytest.raises(CommandFailed):
            cosign.verify(any_registry, reference, other.public, legacy=legacy)

    def test_signs_where_tokens_and_tls_are_needed(
        self,
        any_registry_type: type[Registry],
        start_registry: StartRegistry,
        authority: Authority,
        realm: TokenRealm,
        cosign: Cosign,
        cosign_key: KeyPair,
    ) -> None:
        registry = start_registry(any_registry_type, access=Bearer(realm), authority=authority)
        reference = f"{REPOSITORY}@{put_index(registry, REPOSITORY, b'signed')}"
        cosign.sign(registry, reference, cosign_key)
        cosign.verify(registry, reference, cosign_key.public)

    def test_does_not_verify_what_nobody_signed(
        self, any_registry: Registry, cosign: Cosign, cosign_key: KeyPair
    ) -> None:
        reference = f"unsigned@{put_index(any_registry, 'unsigned', b'unsigned')}"
        with pytest.raises(CommandFailed):
            cosign.verify(any_registry, reference, cosign_key.public)


class TestCrane:
    def test_copies_an_index_with_all_below_it(
        self, distribution_registry: Registry, debian_registry: Registry, crane: Crane, tmp_path: Path
    ) -> None:
        digest = put_index(distribution_registry, "copied", b"content")
        crane.copy(distribution_registry, "copied:latest", debian_registry, "mirror/copied:latest")
        crane.pull_layout(debian_registry, "mirror/copied:latest", tmp_path / "layout")
        assert (tmp_path / "layout/blobs/sha256" / digest.removeprefix("sha256:")).exists()


class TestApiServer:
    def test_reviews_the_token_of_a_pod(self, apiserver: ApiServer, pod: Pod) -> None:
        token = apiserver.admin.token_request("tools", "default", audience="rune", pod=pod)
        status = apiserver.admin.token_review(token, audience="rune")
        assert status["audiences"] == ["rune"]
        assert status["user"]["username"] == "system:serviceaccount:tools:default"
        assert status["user"]["extra"]["authentication.kubernetes.io/pod-uid"] == [pod.uid]
        assert "authenticated" not in apiserver.admin.token_review(token, audience="other")

    def test_a_token_dies_with_its_pod(self, apiserver: ApiServer, pod: Pod) -> None:
        gone = apiserver.admin.create_pod("tools", "gone-0")
        token = apiserver.admin.token_request("tools", "default", audience="rune", pod=gone)
        apiserver.admin.delete_pod(gone)
        assert "authenticated" not in apiserver.admin.token_review(token, audience="rune")

    def test_rbac_is_real(self, apiserver: ApiServer, pod: Pod) -> None:
        token = apiserver.admin.token_request("tools", "default", audience="https://kubernetes.default.svc")
        with pytest.raises(KubeApiError) as refused:
            apiserver.as_bearer(token).get("v1", "Pod", pod.name, pod.namespace)
        assert refused.value.status == 403

    def test_a_new_kind_can_be_used_at_once(self, apiserver: ApiServer) -> None:
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
        names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
        apiserver.admin.apply(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": "widgets.tests.rune.io"},
                "spec": {"group": "tests.rune.io", "names": names, "scope": "Namespaced", "versions": [version]},
            }
        )
        metadata = {"namespace": "default", "name": "one"}
        widget = {"apiVersion": "tests.rune.io/v1", "kind": "Widget", "metadata": metadata, "spec": {"size": 1}}
        assert apiserver.admin.apply(widget)["spec"] == {"size": 1}
        assert apiserver.admin.get("tests.rune.io/v1", "Widget", "two", "default") is None

    def test_keeps_what_it_holds_over_an_outage(self, apiserver: ApiServer, pod: Pod) -> None:
        apiserver.stop()
        assert not apiserver.admin.ready()
        apiserver.start()
        found = apiserver.admin.get("v1", "Pod", pod.name, pod.namespace)
        assert found is not None
        assert found["metadata"]["uid"] == pod.uid

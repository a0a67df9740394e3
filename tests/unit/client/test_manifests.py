"""Manifests: what the parsers of the provider read back, and nothing secret where none belongs."""

from dataclasses import replace
from pathlib import Path

import pytest

from rune.client.manifests import keyset_secret, run_store, secret_provider_class
from rune.errors import InvalidPath, InvalidReference
from rune.model.bounded_yaml import dump_yaml
from rune.model.oci import parse_location
from rune.model.spec import IdentitySpec, KeySpec, StoreSpec, VerifySpec
from rune.model.spec_parse import parse_store
from rune.mount.parameters import ParameterParser
from rune.wiring.writer_config import KeysetSource, RegistryOptions, WriterConfig
from tests.unit.client.house import House


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> WriterConfig:
    house = House(tmp_path_factory.mktemp("house"))
    options = RegistryOptions(realm_hosts=("auth.example.com",), proxy="http://proxy.example.com:3128")
    return replace(house.config, location=parse_location("oci://registry.example.com/team/store"), registry=options)


def parsed(manifest: dict[str, object]) -> StoreSpec:
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    found = parse_store({**manifest, "metadata": {**metadata, "uid": "u"}})
    assert isinstance(found.spec, StoreSpec), found.spec
    return found.spec


def test_a_run_store_says_what_the_writer_knows(config: WriterConfig) -> None:
    spec = parsed(run_store(config, "main", namespace="payments", secret_ref="pull", ca_ref="ca", interval="1m"))
    assert spec.registry.location == config.location
    assert spec.registry.secret_ref == "pull"
    assert spec.registry.ca_ref == "ca"
    assert spec.registry.realm_hosts == ("auth.example.com",)
    assert spec.registry.proxy == "http://proxy.example.com:3128"
    assert spec.store_id == config.store_id
    assert [keyset.name for keyset in spec.keysets] == ["default"]
    (shown,), (configured,) = spec.verify.writers, config.verify.writers
    assert isinstance(shown, KeySpec)
    assert isinstance(configured, KeySpec)
    assert shown.pem.strip() == configured.pem.strip()
    assert spec.interval.total_seconds() == 60


def test_nodes_may_know_the_registry_by_another_name(config: WriterConfig) -> None:
    found = run_store(config, "main", namespace="payments", url="oci://registry.default.svc:5000/team/secrets")
    spec = found["spec"]
    assert isinstance(spec, dict)
    assert spec["registry"]["url"] == "oci://registry.default.svc:5000/team/secrets"
    with pytest.raises(InvalidReference, match="--url"):
        run_store(config, "main", namespace="payments", url="registry.default.svc/team/secrets:latest")


def test_identities_arrive_as_they_are(config: WriterConfig) -> None:
    release = IdentitySpec("https://i.example", subject_pattern="https://github.com/acme/infra/**")
    anna = IdentitySpec("https://i.example", subject="anna@example.com")
    verify = VerifySpec((*config.verify.writers, release), freshness=(anna,), policy_signers=(release, anna))
    spec = parsed(run_store(replace(config, verify=verify), "main", namespace="payments", trusted_root_ref="root"))
    assert spec.verify.identities == (release, anna, release, anna)
    assert spec.verify.trusted_root_ref == "root"
    assert (spec.verify.writers[1:], spec.verify.freshness) == ((release,), (anna,))


def test_roles_and_keysets(config: WriterConfig) -> None:
    (key,) = config.verify.writers
    assert isinstance(key, KeySpec)
    verify = replace(config.verify, freshness=(KeySpec("job", key.pem),), policy_signers=(KeySpec("officer", key.pem),))
    keysets = (KeysetSource("teams", ("teams/**",)), KeysetSource("default"))
    spec = parsed(run_store(replace(config, verify=verify, keysets=keysets, epoch=3), "main", namespace="payments"))
    assert spec.verify.freshness is not None
    assert spec.verify.policy_signers is not None
    assert [(keyset.name, keyset.secret, keyset.paths) for keyset in spec.keysets] == [
        ("teams", "teams", ("teams/**",)),
        ("default", "default", ("**",)),
    ]
    assert spec.epoch == 3


def test_a_cluster_store_admits_namespaces(config: WriterConfig) -> None:
    manifest = run_store(config, "main", namespace=None, namespaces=("payments", "team-*"))
    assert manifest["metadata"] == {"name": "main"}
    found = parse_store({**manifest, "metadata": {"name": "main", "uid": "u"}})
    assert found.namespaces == ("payments", "team-*")


def test_a_secret_provider_class_is_parsed_by_a_mount() -> None:
    manifest = secret_provider_class(
        "db", namespace="payments", store="main", objects=[{"path": "prod/db", "key": "password", "fileName": "pw"}]
    )
    spec = manifest["spec"]
    assert isinstance(spec, dict)
    found = ParameterParser().parse(spec["parameters"], namespace="payments")
    assert str(found.store) == "RuneStore payments/main"
    assert [entry.path for entry in found.objects.entries] == ["prod/db"]


def test_a_path_that_breaks_the_rules_is_refused() -> None:
    with pytest.raises(InvalidPath, match=r"objects\[0\]"):
        secret_provider_class("db", namespace="payments", store="main", objects=[{"path": "/prod"}])


def test_a_keyset_secret_is_annotated() -> None:
    manifest = keyset_secret("default", b"{}", store_id="s" * 32, namespaces=("payments", "team-*"))
    assert manifest["metadata"] == {
        "name": "default",
        "namespace": "rune-system",
        "annotations": {"core.rune.io/namespaces": "payments,team-*", "core.rune.io/store-id": "s" * 32},
    }
    assert manifest["data"] == {"keyset.json": "e30="}


def test_output_is_stable(config: WriterConfig, tmp_path: Path) -> None:
    first, second = (dump_yaml(run_store(config, "main", namespace="payments")) for _ in range(2))
    assert first == second
    assert str(tmp_path) not in first

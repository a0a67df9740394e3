"""The job's manifest: what its pod has, and what it doesn't need. tests/integration/test_refresh_job.py runs it."""

from typing import Any

import pytest

from rune.client.refresh_job import SignByIdentity, SignByKey, refresh_cron_job
from rune.model.bounded_yaml import dump_yaml

BY_KEY = SignByKey("freshness", "5" * 32)
BY_IDENTITY = SignByIdentity("freshness", "signing_config.json")


def job(signer: SignByKey | SignByIdentity, login: str | None = None) -> dict[str, object]:
    return refresh_cron_job(
        "refresh", image="example.com/rune:1", config_map="rune", signer=signer, expires="7d", login_secret=login
    )


def pod_of(manifest: Any) -> Any:
    return manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("signer", [pytest.param(BY_KEY, id="key"), pytest.param(BY_IDENTITY, id="identity")])
def test_it_runs_with_nothing_it_does_not_need(signer: SignByKey | SignByIdentity) -> None:
    text = dump_yaml(job(signer))
    for line in ("automountServiceAccountToken: false", "readOnlyRootFilesystem: true", "concurrencyPolicy: Forbid"):
        assert line in text
    assert text == dump_yaml(job(signer))


@pytest.mark.parametrize(
    ("signer", "login", "volumes"),
    [
        pytest.param(BY_KEY, None, ["config", "keys", "state"], id="key"),
        pytest.param(BY_KEY, "push", ["config", "keys", "login", "state"], id="key-and-login"),
        pytest.param(BY_IDENTITY, None, ["config", "identity", "state"], id="identity"),
    ],
)
def test_it_has_its_volumes_and_no_others(
    signer: SignByKey | SignByIdentity, login: str | None, volumes: list[str]
) -> None:
    pod = pod_of(job(signer, login))
    assert [volume["name"] for volume in pod["volumes"]] == volumes
    mounts = pod["containers"][0]["volumeMounts"]
    assert [mount["name"] for mount in mounts] == volumes
    assert [mount["name"] for mount in mounts if not mount.get("readOnly")] == ["state"]


def test_without_a_key_it_is_its_service_account_towards_fulcio_alone() -> None:
    pod = pod_of(job(BY_IDENTITY))
    assert pod["serviceAccountName"] == "freshness"
    ((source,),) = (volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume)
    assert source["serviceAccountToken"]["audience"] == "sigstore"
    assert not any("secret" in volume for volume in pod["volumes"])


def test_with_a_key_it_is_nobody_in_particular() -> None:
    assert "serviceAccountName" not in pod_of(job(BY_KEY))

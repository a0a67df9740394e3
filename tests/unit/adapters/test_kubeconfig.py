import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.adapters import kubeconfig
from rune.errors import InvalidConfig, RuneError
from tests.support.tls import Authority

TOKEN = "a-token-of-ours"


def config(tmp_path: Path, *, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    ca_file = Authority(tmp_path / "tls").ca_file
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": "https://127.0.0.1:6443/k8s", "certificate-authority": str(ca_file), **cluster},
            }
        ],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        "contexts": [
            {"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "rune-system"}},
            {"name": "other", "context": {"cluster": "c", "user": "u"}},
        ],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(program),
            "interactiveMode": "Never",
        }
    }


def test_server_token_ca_and_namespace_are_taken_over(tmp_path: Path) -> None:
    access = kubeconfig.load(config(tmp_path))
    assert str(access.server) == "https://127.0.0.1:6443/k8s"
    assert access.token() == TOKEN
    assert access.ca_pem is not None
    assert "BEGIN CERTIFICATE" in access.ca_pem
    assert access.namespace == "rune-system"
    assert TOKEN not in repr(access)
    access.transport().close()


def test_another_context_can_be_chosen(tmp_path: Path) -> None:
    assert kubeconfig.load(config(tmp_path), context="other").namespace == "default"
    with pytest.raises(InvalidConfig):
        kubeconfig.load(config(tmp_path), context="absent")


def test_a_client_certificate_is_used(tmp_path: Path) -> None:
    pair = Authority(tmp_path / "tls").issue("me")
    data = {
        "client-certificate-data": base64.b64encode(pair.certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(pair.key.read_bytes()).decode(),
    }
    access = kubeconfig.load(config(tmp_path, user=data))
    assert access.token() is None
    assert access.client_certificate is not None
    access.transport().close()


def test_an_exec_plugin_is_asked_again_when_its_token_has_expired(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    credential = json.dumps(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": "token-N", "expirationTimestamp": "2020-01-01T00:00:00Z"},
        }
    )
    script = f"echo x >> {counter}; echo '{credential}' | sed s/token-N/token-$(wc -l < {counter} | tr -d ' ')/"
    access = kubeconfig.load(config(tmp_path, user=plugin(tmp_path, script)))
    first, second = access.token(), access.token()
    assert first is not None
    assert first.startswith("token-")
    assert first != second


def test_a_plugins_words_are_not_repeated(tmp_path: Path) -> None:
    path = config(tmp_path, user=plugin(tmp_path, "echo my-secret; echo my-secret >&2; exit 1"))
    with pytest.raises(InvalidConfig, match="its exec plugin failed") as caught:
        kubeconfig.load(path)
    assert "my-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        pytest.param({"insecure-skip-tls-verify": True}, None, id="no-verification"),
        pytest.param({"tls-server-name": "x"}, None, id="another-name"),
        pytest.param({"proxy-url": "http://proxy.example:3128"}, None, id="proxy"),
        pytest.param({"server": "ftp://x"}, None, id="no-url"),
        pytest.param({"certificate-authority": "/absent"}, None, id="no-ca"),
        pytest.param({}, {}, id="no-credentials"),
        pytest.param({}, {"username": "u", "password": "a-token-of-ours"}, id="password"),
    ],
)
def test_what_we_dont_do_is_refused(tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any] | None) -> None:
    with pytest.raises(RuneError) as caught:
        kubeconfig.load(config(tmp_path, user=user, **cluster))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("content", ["", "a: [", "users: 7", "\x00"])
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(InvalidConfig):
        kubeconfig.load(path)
    with pytest.raises(InvalidConfig):
        kubeconfig.load(tmp_path / "absent")

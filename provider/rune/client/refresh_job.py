"""The CronJob that keeps a store's heads fresh: `rune refresh` in a pod that may do nothing else."""

from dataclasses import dataclass, replace
from typing import Final

from rune.client.manifests import PROVIDER_NAMESPACE, Manifest

_CONFIG: Final = "/config"
_KEYS: Final = "/keys/rune"
_IDENTITY: Final = "/identity"
_LOGIN: Final = "/login"
_STATE: Final = "/state"
_AUDIENCE: Final = "sigstore"
"""What Fulcio asks of a token."""
_TOKEN_S: Final = 600
"""The least that the Kubernetes API allows; a job runs no longer."""


@dataclass(frozen=True, slots=True)
class SignByKey:
    """The job signs with a key that can do nothing else."""

    secret: str
    """A Secret with `signing.key` and `passphrase`."""
    store_id: str


@dataclass(frozen=True, slots=True)
class SignByIdentity:
    """The job signs as its service account, with a token for Fulcio that the kubelet makes for this pod."""

    service_account: str
    signing_config: str | None = None
    """The entry of the ConfigMap that names Fulcio and Rekor; None: sigstore.dev's, which know the issuers of large
    clouds' clusters."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What one purpose adds to the pod."""

    volume: Manifest
    path: str
    env: tuple[tuple[str, str], ...] = ()
    writable: bool = False

    def mount(self) -> Manifest:
        """Of the container."""
        place: Manifest = {"name": self.volume["name"], "mountPath": self.path}
        return place if self.writable else {**place, "readOnly": True}


def refresh_cron_job(
    name: str,
    *,
    image: str,
    config_map: str,
    signer: SignByKey | SignByIdentity,
    expires: str,
    login_secret: str | None = None,
    store: str | None = None,
    schedule: str = "17 */6 * * *",
    namespace: str = PROVIDER_NAMESPACE,
) -> Manifest:
    """A CronJob that keeps a store's head fresh.

    Args:
        name: of the object.
        image: that has the `rune` command.
        config_map: holds rune.yaml, and the files that it names.
        signer: whose signature says that the head is current.
        expires: how long each head may be believed, like 7d: several times the schedule's interval.
        login_secret: a dockerconfigjson Secret that may push to the registry; None: anybody may.
        store: its name in rune.yaml; None: there is one, or a default.
        schedule: cron's.
        namespace: where it runs.
    """
    parts = [_Part({"name": "config", "configMap": {"name": config_map}}, _CONFIG)]
    if isinstance(signer, SignByKey):
        parts.append(_key(signer))
    else:
        parts.append(_identity(signer))
    if login_secret is not None:
        parts.append(_login(login_secret))
    parts.append(_Part({"name": "state", "emptyDir": {}}, _STATE, (("HOME", _STATE),), writable=True))
    env = [(variable, value) for part in parts for variable, value in part.env]
    if store is not None:
        env.append(("RUNE_STORE", store))
    container = {
        "name": "refresh",
        "image": image,
        # The image's own entry point is the provider.
        "command": ["rune"],
        "args": ["refresh", "--expires", expires],
        "workingDir": _CONFIG,
        "env": [{"name": variable, "value": value} for variable, value in env],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [part.mount() for part in parts],
    }
    account = {"serviceAccountName": signer.service_account} if isinstance(signer, SignByIdentity) else {}
    pod = {
        "restartPolicy": "OnFailure",
        **account,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [part.volume for part in parts],
    }
    job = {"backoffLimit": 3, "activeDeadlineSeconds": _TOKEN_S, "template": {"spec": pod}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedule": schedule, "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": job}},
    }


def _key(signer: SignByKey) -> _Part:
    """Where the command looks for a user's own key (rune.cli.user), in a folder for configuration."""
    items = [
        {"key": "signing.key", "path": f"stores/{signer.store_id}/signing.key"},
        {"key": "passphrase", "path": "passphrase"},
    ]
    secret = {"secretName": signer.secret, "defaultMode": 0o400, "items": items}
    env = (("XDG_CONFIG_HOME", "/keys"), ("RUNE_PASSPHRASE_FILE", f"{_KEYS}/passphrase"))
    return _Part({"name": "keys", "secret": secret}, _KEYS, env)


def _identity(signer: SignByIdentity) -> _Part:
    token = {"audience": _AUDIENCE, "expirationSeconds": _TOKEN_S, "path": "token"}
    volume: Manifest = {"name": "identity", "projected": {"sources": [{"serviceAccountToken": token}]}}
    part = _Part(volume, _IDENTITY, (("RUNE_IDENTITY_TOKEN_FILE", f"{_IDENTITY}/token"),))
    if signer.signing_config is None:
        return part
    return replace(part, env=(*part.env, ("RUNE_SIGNING_CONFIG", f"{_CONFIG}/{signer.signing_config}")))


def _login(secret: str) -> _Part:
    items = [{"key": ".dockerconfigjson", "path": "config.json"}]
    volume: Manifest = {"name": "login", "secret": {"secretName": secret, "defaultMode": 0o400, "items": items}}
    return _Part(volume, _LOGIN, (("DOCKER_CONFIG", _LOGIN),))

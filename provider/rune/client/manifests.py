"""The Kubernetes objects that go with a store: plain dicts in a stable order. Only `keyset_secret` holds a secret."""

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from rune.model.bounded_yaml import Yaml, dump_yaml
from rune.model.oci import parse_location
from rune.model.path import parse_path
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID, API_VERSION, IdentitySpec, KeySpec, SignerSpec
from rune.wiring.writer_config import WriterConfig

PROVIDER_NAMESPACE: Final = "rune-system"
KEYSET_DATA_KEY: Final = "keyset.json"

Manifest = dict[str, object]


def run_store(
    config: WriterConfig,
    name: str,
    *,
    namespace: str | None,
    namespaces: Sequence[str] = (),
    secret_ref: str | None = None,
    ca_ref: str | None = None,
    trusted_root_ref: str | None = None,
    interval: str | None = None,
    url: str | None = None,
) -> Manifest:
    """A RuneStore, or a ClusterRuneStore where `namespace` is None.

    Args:
        config: the store as its writers know it.
        name: of the object.
        namespace: of the RuneStore.
        namespaces: globs that a ClusterRuneStore admits.
        secret_ref: a dockerconfigjson Secret with the registry's credentials.
        ca_ref: a ConfigMap with the registry's CA.
        trusted_root_ref: a ConfigMap with the trusted root of signers by identity; None: the public good's.
        interval: how often it is refreshed, like 2m; None: the default.
        url: where the nodes find the store; None: where its writers do.

    Raises:
        InvalidReference: `url` isn't one.
    """
    options = config.registry
    registry = _without_empty(
        {
            "url": str(config.location if url is None else parse_location(url, field="--url")),
            "secretRef": secret_ref and {"name": secret_ref},
            "caRef": ca_ref and {"name": ca_ref},
            "proxy": options.proxy,
            "realmHosts": list(options.realm_hosts),
            "plainHTTP": options.plain_http,
        }
    )
    verify = _without_empty(
        {
            **_signers(config.verify.writers),
            "freshness": config.verify.freshness and _signers(config.verify.freshness),
            "policySigners": config.verify.policy_signers and _signers(config.verify.policy_signers),
            "trustedRootRef": trusted_root_ref and {"name": trusted_root_ref},
        }
    )
    spec = _without_empty(
        {
            "registry": registry,
            "storeID": config.store_id,
            "epoch": config.epoch,
            **_keysets(config),
            "verify": verify,
            "interval": interval,
            "namespaces": list(namespaces) if namespace is None else None,
        }
    )
    kind = "ClusterRuneStore" if namespace is None else "RuneStore"
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": _metadata(name, namespace), "spec": spec}


def secret_provider_class(
    name: str, *, namespace: str, store: str, cluster_store: bool = False, objects: Sequence[Mapping[str, Yaml]]
) -> Manifest:
    """A SecretProviderClass.

    Args:
        name: of the object.
        namespace: of the pods that use it.
        store: the RuneStore, or ClusterRuneStore.
        cluster_store: which of the two.
        objects: entries as docs/mount.md describes them, each with a `path`.

    Raises:
        InvalidPath: an entry's path breaks the rules.
    """
    for number, entry in enumerate(objects):
        parse_path(str(entry.get("path", "")), field=f"objects[{number}].path")
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": _metadata(name, namespace),
        "spec": {
            "provider": "rune",
            "parameters": {
                "clusterStore" if cluster_store else "store": store,
                "objects": dump_yaml([dict(entry) for entry in objects]),
            },
        },
    }


def keyset_secret(
    name: str, keyset: bytes, *, store_id: str, namespaces: Sequence[str], namespace: str = PROVIDER_NAMESPACE
) -> Manifest:
    """The Secret that gives a keyset to the nodes. It holds the key in clear: apply it, and keep it nowhere.

    Args:
        name: of the Secret; what sealed values and the RuneStore call the keyset.
        keyset: cleartext JSON.
        store_id: the one store that may be read with it.
        namespaces: globs of the namespaces whose pods may use it.
        namespace: the provider's, and no other: whoever can make pods in a namespace can mount its Secrets.
    """
    annotations = {ANNOTATION_NAMESPACES: ",".join(namespaces), ANNOTATION_STORE_ID: store_id}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**_metadata(name, namespace), "annotations": annotations},
        "type": "Opaque",
        "data": {KEYSET_DATA_KEY: base64.b64encode(keyset).decode()},
    }


def _signers(signers: Sequence[SignerSpec]) -> Manifest:
    keys = [{"name": signer.name, "pem": signer.pem} for signer in signers if isinstance(signer, KeySpec)]
    identities = [_identity(signer) for signer in signers if isinstance(signer, IdentitySpec)]
    return _without_empty({"keys": keys, "identities": identities})


def _identity(identity: IdentitySpec) -> Manifest:
    subject = {"subject": identity.subject} if identity.subject else {"subjectPattern": identity.subject_pattern}
    return {"issuer": identity.issuer, **subject}


def _keysets(config: WriterConfig) -> Manifest:
    """`keyset` where there is one for all paths, else `keysets`."""
    keysets = config.keysets
    if len(keysets) == 1 and keysets[0].paths == ("**",):
        return {"keyset": keysets[0].name}
    return {
        "keysets": [{"name": keyset.name, "secret": keyset.name, "paths": list(keyset.paths)} for keyset in keysets]
    }


def _metadata(name: str, namespace: str | None) -> dict[str, str]:
    return {"name": name} if namespace is None else {"name": name, "namespace": namespace}


def _without_empty(fields: Manifest) -> Manifest:
    """The fields that say something: an absent one means the default."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {}, (), False)}

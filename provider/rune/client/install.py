"""Putting a keyset's Secret into a cluster. Apart from the rest: the Kubernetes client takes a second to load."""

import json
from pathlib import Path

from rune.adapters import kubeconfig
from rune.adapters.kube import KubeApi
from rune.adapters.kube_json import SECRETS, Object, section, text
from rune.client.manifests import Manifest
from rune.client.placement import Placement, keyset_manifest
from rune.errors import InvalidConfig
from rune.model.bounded_json import parse_json
from rune.model.clock import SystemClock
from rune.model.limits import MIB
from rune.model.spec import ANNOTATION_STORE_ID
from rune.wiring.user_cluster import kubeconfig_path
from rune.wiring.writer_config import PassphraseSource


def install_keyset(
    path: Path, placement: Placement, passphrase: PassphraseSource | None = None, *, context: str | None = None
) -> bool:
    """Create or replace the Secret for a keyset.

    Args:
        path: the keyset's private file.
        placement: for whom it is.
        passphrase: of that file.
        context: of the kubeconfig ($KUBECONFIG, else ~/.kube/config); None: the current one.

    Returns:
        Whether it was created.

    Raises:
        UnsafeFile, SigningKeyMissing: the keyset's file can't be used.
        InvalidConfig: the kubeconfig can't be used, or a Secret of that name is there and is no keyset of this store.
        KubernetesUnavailable: the API server doesn't answer or refuses; the text names the missing right.
    """
    manifest = keyset_manifest(path, placement, passphrase)
    api = KubeApi.connect(kubeconfig.load(kubeconfig_path(), context=context), SystemClock())
    try:
        return _apply(api, _object(manifest))
    finally:
        api.close()


def _apply(api: KubeApi, wanted: Object) -> bool:
    metadata = section(wanted, "metadata")
    resource = SECRETS.within(text(metadata, "namespace"))
    name = text(metadata, "name")
    found = api.get(resource, name)
    if found is None:
        api.create(resource, wanted)
        return True
    mine = text(metadata, "annotations", ANNOTATION_STORE_ID)
    if text(found, "metadata", "annotations", ANNOTATION_STORE_ID) != mine:
        raise InvalidConfig(
            f"Secret {name} is there and isn't a keyset of this store",
            mend="give the keyset another name, or remove it",
        )
    version = text(found, "metadata", "resourceVersion")
    # With the version that was looked at: whatever replaced it meanwhile is not overwritten.
    api.update(resource, name, {**wanted, "metadata": {**metadata, "resourceVersion": version}})
    return False


def _object(manifest: Manifest) -> Object:
    """The manifest as the JSON that it is."""
    found = parse_json(json.dumps(manifest).encode(), what="the Secret", max_bytes=MIB)
    return found if isinstance(found, dict) else {}

"""Putting a keyset's Secret into a cluster. Apart from the rest, because the Kubernetes client takes a second to load."""

import json
import os
from pathlib import Path

from rune.adapters import kubeconfig
from rune.adapters.kube import KubeApi
from rune.adapters.kube_json import SECRETS, Object, section, text
from rune.client.manifests import Manifest
from rune.errors import InvalidConfig
from rune.model.bounded_json import parse_json
from rune.model.clock import SystemClock
from rune.model.limits import MIB
from rune.model.spec import ANNOTATION_STORE_ID


def install_secret(manifest: Manifest, context: str | None = None) -> bool:
    """Create or replace the Secret that `keyset_secret` made.

    Args:
        manifest: from `rune.client.manifests.keyset_secret`.
        context: of the kubeconfig ($KUBECONFIG, else ~/.kube/config); None: the current one.

    Returns:
        Whether it was created.

    Raises:
        InvalidConfig: the kubeconfig can't be used, or a Secret of that name is there and is no keyset of this store.
        KubernetesUnavailable: the API server doesn't answer or refuses; the text names the missing right.
    """
    path = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")
    api = KubeApi.connect(kubeconfig.load(path, context=context), SystemClock())
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
            f"Secret {name} is there and isn't a keyset of this store", mend="give the keyset another name, or remove it"
        )
    version = text(found, "metadata", "resourceVersion")
    # With the version that was looked at: whatever replaced it meanwhile is not overwritten.
    api.update(resource, name, {**wanted, "metadata": {**metadata, "resourceVersion": version}})
    return False


def _object(manifest: Manifest) -> Object:
    """The manifest as the JSON that it is."""
    found = parse_json(json.dumps(manifest).encode(), what="the Secret", max_bytes=MIB)
    return found if isinstance(found, dict) else {}

"""Kubernetes objects as facts. Whoever wrote them may have written anything: nothing here raises on a strange shape."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from rune.adapters.kube_json import Object, number, objects, section, text, text_map, texts
from rune.client.doctor.facts import (
    Account,
    Condition,
    Crd,
    CsiDriver,
    Driver,
    KeysetSecret,
    MountStatus,
    Pod,
    Provider,
    SecretClass,
    Store,
)
from rune.client.doctor.flags import Flags, go_duration, node_folder, words
from rune.client.doctor.kinds import CSI_DRIVER, PROVIDER_NAME
from rune.errors import InvalidConfig
from rune.model.bounded_json import Json
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID
from rune.model.spec_parse import parse_store

# Defaults of the driver's and of our own flags (cmd/secrets-store-csi-driver/main.go; rune.server.main).
_SOCKETS: Final = "/var/run/secrets-store-csi-providers"
_MORE_SOCKETS: Final = "/etc/kubernetes/secrets-store-csi-providers"
_POLL: Final = "2m"
_AUDIENCE: Final = "rune"
_PROVIDER_IMAGE: Final = "rune-provider"
_CLASS: Final = "secretProviderClass"
_Wanted = Callable[[str, Flags], bool]
"""Whether a container with this image and these flags is the one."""


def csi_driver(found: Object) -> CsiDriver:
    """A CSIDriver (storage.k8s.io/v1)."""
    spec = section(found, "spec")
    return CsiDriver(
        audiences=tuple(text(request, "audience") for request in objects(spec.get("tokenRequests"))),
        republish=spec.get("requiresRepublish") is True,
        pod_info=spec.get("podInfoOnMount") is True,
        ephemeral="Ephemeral" in texts(spec.get("volumeLifecycleModes")),
    )


def drivers(found: Iterable[Object]) -> tuple[Driver, ...]:
    """The CSI driver's DaemonSets for Linux nodes: rune-provider runs on no other."""
    return tuple(made for daemon_set in found if (made := _driver(daemon_set)) is not None)


def providers(found: Iterable[Object]) -> tuple[Provider, ...]:
    """The DaemonSets of rune-provider."""
    return tuple(made for daemon_set in found if (made := _provider(daemon_set)) is not None)


def crd(found: Object) -> Crd:
    """A CustomResourceDefinition (apiextensions.k8s.io/v1)."""
    served = [version for version in objects(section(found, "spec").get("versions")) if version.get("served") is True]
    schema = section(served[0], "schema", "openAPIV3Schema") if served else {}
    conditions = objects(section(found, "status").get("conditions"))
    return Crd(
        served=tuple(text(version, "name") for version in served),
        established=any(text(each, "type") == "Established" and text(each, "status") == "True" for each in conditions),
        fields=frozenset(_fields(schema, "")),
    )


def secret_class(found: Object) -> SecretClass | None:
    """A SecretProviderClass, if it is one of ours."""
    spec = section(found, "spec")
    if text(spec, "provider") != PROVIDER_NAME:
        return None
    return SecretClass(
        namespace=text(found, "metadata", "namespace"),
        name=text(found, "metadata", "name"),
        parameters=text_map(spec.get("parameters")),
        secret_objects=bool(objects(spec.get("secretObjects"))),
    )


def renewed(found: Object) -> tuple[str, datetime] | None:
    """Whose a kubelet's lease is, and when it was renewed, by the node's clock; None if it doesn't say."""
    try:
        moment = datetime.fromisoformat(text(found, "spec", "renewTime"))
    except ValueError:
        return None
    return (text(found, "metadata", "name"), moment) if moment.tzinfo else None


def pod(found: Object) -> Pod:
    """A pod."""
    metadata, spec, status = section(found, "metadata"), section(found, "spec"), section(found, "status")
    conditions = objects(status.get("conditions"))
    volumes = [section(volume, "csi") for volume in objects(spec.get("volumes"))]
    return Pod(
        namespace=text(metadata, "namespace"),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        node=text(spec, "nodeName"),
        running=text(status, "phase") == "Running" and "deletionTimestamp" not in metadata,
        ready=any(text(each, "type") == "Ready" and text(each, "status") == "True" for each in conditions),
        labels=text_map(metadata.get("labels")),
        classes=tuple(
            text(volume, "volumeAttributes", _CLASS) for volume in volumes if text(volume, "driver") == CSI_DRIVER
        ),
    )


def mount_status(found: Object) -> MountStatus:
    """A SecretProviderClassPodStatus; its owner is the very pod, where one of that name was there before."""
    owners = [text(owner, "uid") for owner in objects(section(found, "metadata").get("ownerReferences"))]
    return MountStatus(
        namespace=text(found, "metadata", "namespace"),
        pod=text(found, "status", "podName"),
        pod_uid=owners[0] if owners else "",
        secret_class=text(found, "status", "secretProviderClassName"),
    )


def store(found: Object) -> Store | InvalidConfig:
    """A RuneStore or ClusterRuneStore; the error, where not even its name can be read."""
    try:
        parsed = parse_store(found)
    except InvalidConfig as error:
        return error
    status = section(found, "status")
    return Store(
        object=parsed,
        conditions={
            text(each, "type"): Condition(text(each, "status"), text(each, "reason"), text(each, "message"))
            for each in objects(status.get("conditions"))
        },
        revision=number(status, "revision"),
        observed=number(status, "observedGeneration"),
    )


def keyset_secret(found: Object) -> KeysetSecret:
    """A keyset's Secret, of which only the metadata was asked for; other annotations may repeat its content."""
    annotations = text_map(section(found, "metadata").get("annotations"))
    listed = annotations.get(ANNOTATION_NAMESPACES, "").split(",")
    return KeysetSecret(
        store_id=annotations.get(ANNOTATION_STORE_ID, ""),
        namespaces=tuple(stripped for one in listed if (stripped := one.strip())),
    )


def _driver(daemon_set: Object) -> Driver | None:
    container, flags = _container(daemon_set, _is_driver)
    if container is None or _node_system(daemon_set) == "windows":
        return None
    paths = (
        flags.text("provider-volume", _SOCKETS),
        *flags.text("additional-provider-volume-paths", _MORE_SOCKETS).split(","),
    )
    namespace, name, account, labels = _identity(daemon_set)
    return Driver(
        namespace=namespace,
        name=name,
        account=account,
        labels=labels,
        folders=tuple(dict.fromkeys(_on_node(daemon_set, container, paths))),
        desired=number(daemon_set, "status", "desiredNumberScheduled"),
        ready=number(daemon_set, "status", "numberReady"),
        rotation=flags.switch("enable-secret-rotation", default=False),
        poll=go_duration(flags.text("rotation-poll-interval", _POLL)),
    )


def _provider(daemon_set: Object) -> Provider | None:
    container, flags = _container(daemon_set, _is_provider)
    if container is None:
        return None
    namespace, name, account, labels = _identity(daemon_set)
    return Provider(
        namespace=namespace,
        name=name,
        account=account,
        labels=labels,
        folders=tuple(_on_node(daemon_set, container, (flags.text("providers-dir", _SOCKETS),))),
        desired=number(daemon_set, "status", "desiredNumberScheduled"),
        ready=number(daemon_set, "status", "numberReady"),
        audiences=flags.values("token-audience") or (_AUDIENCE,),
        cluster_name=flags.text("cluster-name", ""),
    )


def _is_driver(image: str, flags: Flags) -> bool:
    """Other providers have some of these flags, and other CSI drivers others, but none has both kinds."""
    own = flags.has("provider-volume") or flags.has("enable-secret-rotation") or "secrets-store" in image
    return own and flags.has("endpoint") and flags.has("nodeid")


def _is_provider(image: str, flags: Flags) -> bool:
    return flags.has("providers-dir") or image.rpartition("/")[2].partition("@")[0].partition(":")[0] == _PROVIDER_IMAGE


def _container(daemon_set: Object, wanted: _Wanted) -> tuple[Object | None, Flags]:
    for container in objects(_pod_spec(daemon_set).get("containers")):
        flags = words(texts(container.get("command")), texts(container.get("args")))
        if wanted(text(container, "image"), flags):
            return container, flags
    return None, Flags(())


def _on_node(daemon_set: Object, container: Object, paths: Iterable[str]) -> Iterator[str]:
    """The node's folders that are mounted at these paths."""
    volumes = {
        text(volume, "name"): text(volume, "hostPath", "path")
        for volume in objects(_pod_spec(daemon_set).get("volumes"))
    }
    mounts = {
        node_folder(text(mount, "mountPath")): volumes.get(text(mount, "name"), "")
        for mount in objects(container.get("volumeMounts"))
    }
    for path in paths:
        folder = mounts.get(node_folder(path.strip()), "")
        if folder:
            yield node_folder(folder)


def _identity(daemon_set: Object) -> tuple[str, str, Account, dict[str, str]]:
    metadata = section(daemon_set, "metadata")
    namespace = text(metadata, "namespace")
    account = Account(namespace, text(_pod_spec(daemon_set), "serviceAccountName") or "default")
    labels = text_map(section(daemon_set, "spec", "selector").get("matchLabels"))
    return namespace, text(metadata, "name"), account, labels


def _pod_spec(daemon_set: Object) -> Object:
    return section(daemon_set, "spec", "template", "spec")


def _node_system(daemon_set: Object) -> str:
    return text(_pod_spec(daemon_set), "nodeSelector", "kubernetes.io/os")


def _fields(schema: Json, place: str) -> Iterator[str]:
    """The places of all fields without fields of their own."""
    properties = section(schema, "properties")
    items = section(schema, "items")
    if not properties and not items and place:
        yield place
    for name, within in properties.items():
        yield from _fields(within, f"{place}.{name}" if place else name)
    if items:
        yield from _fields(items, f"{place}[]")

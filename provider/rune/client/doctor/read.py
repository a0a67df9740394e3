"""Kubernetes objects as facts. Whoever wrote them may have written anything: nothing here raises on a strange shape."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rune.adapters.kube_json import Object, number, objects, section, text, text_map, texts
from rune.client.doctor.facts import (
    Condition,
    Crd,
    CsiDriver,
    KeysetSecret,
    MountStatus,
    Pod,
    SecretClass,
    Store,
)
from rune.client.doctor.kinds import CSI_DRIVER, PROVIDER_NAME
from rune.errors import InvalidConfig
from rune.model.bounded_json import Json
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID
from rune.model.spec_parse import parse_store

_CLASS: Final = "secretProviderClass"


def csi_driver(found: Object) -> CsiDriver:
    """A CSIDriver (storage.k8s.io/v1)."""
    spec = section(found, "spec")
    return CsiDriver(
        audiences=tuple(text(request, "audience") for request in objects(spec.get("tokenRequests"))),
        republish=spec.get("requiresRepublish") is True,
        pod_info=spec.get("podInfoOnMount") is True,
        ephemeral="Ephemeral" in texts(spec.get("volumeLifecycleModes")),
    )


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

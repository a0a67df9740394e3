"""The DaemonSets of the CSI driver and of rune-provider, found among all by what their containers are started with."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from rune.adapters.kube_json import Object, number, objects, section, text, text_map, texts
from rune.client.doctor.facts import Account, Driver, Provider
from rune.client.doctor.flags import Flags, go_duration, node_folder, words

# Defaults of the driver's and of our own flags (cmd/secrets-store-csi-driver/main.go; rune.server.main).
_SOCKETS: Final = "/var/run/secrets-store-csi-providers"
_MORE_SOCKETS: Final = "/etc/kubernetes/secrets-store-csi-providers"
_POLL: Final = "2m"
_AUDIENCE: Final = "rune"
_PROVIDER_IMAGE: Final = "rune-provider"
_Wanted = Callable[[str, Flags], bool]
"""Whether a container with this image and these flags is the one."""


def drivers(found: Iterable[Object]) -> tuple[Driver, ...]:
    """The CSI driver's DaemonSets for Linux nodes: rune-provider runs on no other."""
    return tuple(made for daemon_set in found if (made := _driver(daemon_set)) is not None)


def providers(found: Iterable[Object]) -> tuple[Provider, ...]:
    """The DaemonSets of rune-provider."""
    return tuple(made for daemon_set in found if (made := _provider(daemon_set)) is not None)


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

"""Resolves what a store object refers to: its registry and mirrors, credentials, signers, keysets, its cache."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from rune.adapters.cache_folders import CacheFolders
from rune.adapters.content_cache import LayoutCache
from rune.errors import InvalidConfig, RuneError, StoreInvalid
from rune.model.limits import TRANSPORT, TransportLimits
from rune.model.spec import SecretObject, StoreName, StoreObject, StoreSpec
from rune.ports import ObjectSource, StoreParts
from rune.wiring.daemon_keysets import open_keyset
from rune.wiring.daemon_registry import RegistrySecrets, Transports, open_sources
from rune.wiring.trust import open_trust

TRUSTED_ROOT_KEY: Final = "trusted_root.json"
"""Of the ConfigMap of verify.trustedRootRef; sigstore's own name of the file."""
_REMEMBERED: Final = 1_024
"""Opened stores whose connections are kept; more than any node uses."""


@dataclass(frozen=True, slots=True)
class _References:
    """Everything that a spec refers to, as it is now. Equal references open to equal parts."""

    spec: StoreSpec
    keysets: tuple[SecretObject | None, ...] = field(repr=False)
    registry: RegistrySecrets = field(repr=False)
    trusted_root: SecretObject | None = field(repr=False)


class StoreOpener:
    """Implements rune.ports.OpenStore: the same parts again, with their connections, as long as nothing changed.

    Called before each refresh, so that a rotated credential or keyset is taken up within a store's interval.

    Args:
        objects: where Secrets and ConfigMaps are read.
        caches: the folders of their caches.
        limits: of what is asked of registries.
    """

    def __init__(self, objects: ObjectSource, caches: CacheFolders, limits: TransportLimits = TRANSPORT) -> None:
        self._objects = objects
        self._caches = caches
        self._transports = Transports(limits)
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, tuple[_References, StoreParts]] = OrderedDict()

    def __call__(self, found: StoreObject) -> StoreParts:
        """Open one store object. Raises as rune.ports.OpenStore says."""
        spec = found.spec
        if isinstance(spec, RuneError):
            raise type(spec)(spec.what, mend=spec.mend)
        references = self._references(found.name, spec)
        with self._lock:
            opened = self._opened.get(found.uid)
            if opened is not None and opened[0] == references:
                self._opened.move_to_end(found.uid)
                return opened[1]
        parts = self._open(found, references)
        with self._lock:
            self._opened[found.uid] = (references, parts)
            self._opened.move_to_end(found.uid)
            while len(self._opened) > _REMEMBERED:
                self._opened.popitem(last=False)
        return parts

    def retain(self, stores: Collection[StoreObject]) -> None:
        """Let go of the keysets and connections of stores that are none of these."""
        existing = {store.uid for store in stores}
        with self._lock:
            for uid in self._opened.keys() - existing:
                del self._opened[uid]

    def _references(self, name: StoreName, spec: StoreSpec) -> _References:
        registry, objects = spec.registry, self._objects
        return _References(
            spec=spec,
            keysets=tuple(objects.secret(ref.secret) for ref in spec.keysets),
            registry=RegistrySecrets(
                docker_config=_referred(objects.store_secret, name, registry.secret_ref, "registry.secretRef"),
                basic=_referred(objects.store_secret, name, registry.credentials_ref, "registry.credentials.secretRef"),
                ca=_referred(objects.store_config_map, name, registry.ca_ref, "registry.caRef"),
            ),
            trusted_root=self._trusted_root(name, spec.verify.trusted_root_ref),
        )

    def _trusted_root(self, store: StoreName, name: str | None) -> SecretObject | None:
        """Beside the keysets: whoever may edit a namespace may replace its ConfigMaps, and with this one any signer."""
        found = None if name is None else self._objects.config_map(name)
        if name is not None and found is None:
            raise StoreInvalid(
                f"{store}: spec.verify.trustedRootRef names {name}, which is not there",
                mend="let an administrator create this ConfigMap in the provider's namespace",
            )
        return found

    def _open(self, found: StoreObject, references: _References) -> StoreParts:
        spec = references.spec
        keysets = {
            ref.name: open_keyset(secret, ref, found.name, spec.store_id)
            for ref, secret in zip(spec.keysets, references.keysets, strict=True)
        }
        try:
            return StoreParts(
                sources=open_sources(spec.registry, references.registry, self._transports),
                trust=open_trust(spec.verify, _trusted_root(references.trusted_root)),
                keysets=keysets,
                cache=LayoutCache(self._caches.of(found.uid)),
            )
        except InvalidConfig as error:
            raise StoreInvalid(f"{found.name}: {error.what}", mend=error.mend) from None


def _trusted_root(config_map: SecretObject | None) -> bytes | None:
    if config_map is None:
        return None
    found = config_map.data.get(TRUSTED_ROOT_KEY)
    if found is None:
        raise InvalidConfig(
            f"the ConfigMap {config_map.name} that verify.trustedRootRef names has no key {TRUSTED_ROOT_KEY}",
            mend=f"kubectl create configmap {config_map.name} --namespace {config_map.namespace} "
            f"--from-file={TRUSTED_ROOT_KEY}",
        )
    return found


def _referred(
    read: Callable[[StoreName, str], SecretObject | None], store: StoreName, name: str | None, field_name: str
) -> SecretObject | None:
    if name is None:
        return None
    found = read(store, name)
    if found is None:
        raise StoreInvalid(
            f"{store}: spec.{field_name} names {name}, which is not there",
            mend="create it in the store's own namespace (for a ClusterRuneStore: the provider's)",
        )
    return found

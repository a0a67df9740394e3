"""A store's keysets, from Secrets of the provider's namespace, as their annotations admit them."""

import logging
from collections.abc import Iterator, Mapping
from typing import Final

from rune.adapters.tink import SECRET_KEY_ACCESS, is_wrapped, load_opener
from rune.errors import KeysetMissing, KeysetNotAdmitted, RuneError, StoreInvalid, Unavailable
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID, KeysetRef, SecretObject, StoreName
from rune.policy.globs import matches_any
from rune.ports import Keyset, ObjectSource, ValueOpener

DATA_KEY: Final = "keyset.json"
"""Where in a keyset Secret the keyset is; `rune keyset install` writes it there."""

_LOG: Final = logging.getLogger(__name__)


def open_keyset(source: ObjectSource, ref: KeysetRef, store: StoreName, store_id: str) -> tuple[Keyset, str]:
    """One keyset, and its Secret's resourceVersion.

    Args:
        source: where Secrets are read.
        ref: which one, and for which paths.
        store: the object that refers to it; a RuneStore's namespace must be admitted.
        store_id: the store that it is to read; must be the annotation's.

    Raises:
        KeysetMissing: there is no such Secret, or no keyset in it.
        KeysetNotAdmitted: its annotations don't admit store or namespace.
        StoreInvalid: what it holds is no keyset that a node can use.
        KubernetesUnavailable: it can't be read now.
    """
    secret = source.secret(ref.secret)
    if secret is None:
        raise KeysetMissing(
            f"keyset {ref.name} of {store}: there is no Secret {ref.secret} in the provider's namespace",
            mend="install it with `rune keyset install`",
        )
    namespaces = _admitted(secret, ref, store, store_id)
    return Keyset(ref, _opener(secret, ref, store), namespaces), secret.resource_version


def _admitted(secret: SecretObject, ref: KeysetRef, store: StoreName, store_id: str) -> tuple[str, ...]:
    if secret.annotations.get(ANNOTATION_STORE_ID) != store_id:
        raise KeysetNotAdmitted(
            f"keyset {ref.name}: the Secret {ref.secret} isn't annotated for the store id of {store}",
            mend=f"if it belongs to this store, let its administrator set {ANNOTATION_STORE_ID}",
        )
    listed = secret.annotations.get(ANNOTATION_NAMESPACES, "").split(",")
    namespaces = tuple(stripped for one in listed if (stripped := one.strip()))
    if store.namespace is not None and not matches_any(namespaces, store.namespace):
        raise KeysetNotAdmitted(
            f"keyset {ref.name}: the Secret {ref.secret} doesn't admit namespace {store.namespace}",
            mend=f"if it may read this store, let the administrator add it to {ANNOTATION_NAMESPACES}",
        )
    return namespaces


def _opener(secret: SecretObject, ref: KeysetRef, store: StoreName) -> ValueOpener:
    data = secret.data.get(DATA_KEY)
    if data is None:
        raise KeysetMissing(
            f"keyset {ref.name} of {store}: the Secret {ref.secret} has no key {DATA_KEY}",
            mend="install it with `rune keyset install`",
        )
    try:
        if is_wrapped(data):
            raise StoreInvalid(
                f"keyset {ref.name} of {store}: the Secret {ref.secret} holds a wrapped keyset",
                mend="install the unwrapped one with `rune keyset install`",
            )
        return load_opener(data, SECRET_KEY_ACCESS)
    except StoreInvalid:
        raise
    except RuneError as error:
        raise StoreInvalid(f"keyset {ref.name} of {store}: {error.what}", mend=error.mend) from None


class LiveKeysets(Mapping[str, Keyset]):
    """A store's keysets as they are now: a rotated, withdrawn or no longer admitted Secret counts within a minute.

    Mounts read one frozen mapping; `renew` does the asking, on a thread that may wait.

    Args:
        source: where Secrets are read.
        refs: which keysets.
        store: the object that refers to them.
        store_id: the store that they are to read.

    Raises:
        RuneError: as `open_keyset`, for the first that can't be opened.
    """

    def __init__(self, source: ObjectSource, refs: tuple[KeysetRef, ...], store: StoreName, store_id: str) -> None:
        self._source = source
        self._refs = refs
        self._store = store
        self._store_id = store_id
        self._current = {ref.name: open_keyset(source, ref, store, store_id) for ref in refs}

    def renew(self) -> None:
        """Ask for each Secret again."""
        renewed = ((ref.name, self._renewed(ref)) for ref in self._refs)
        self._current = {name: keyset for name, keyset in renewed if keyset is not None}

    def _renewed(self, ref: KeysetRef) -> tuple[Keyset, str] | None:
        before = self._current.get(ref.name)
        try:
            secret = self._source.secret(ref.secret)
            if before is not None and secret is not None and secret.resource_version == before[1]:
                return before
            return open_keyset(self._source, ref, self._store, self._store_id)
        except Unavailable:
            return before
        except RuneError as error:
            if before is not None:
                _LOG.warning("a keyset is no longer used: %s", error)
            return None

    def __getitem__(self, name: str) -> Keyset:
        """One keyset."""
        return self._current[name][0]

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._current)

    def __len__(self) -> int:
        """How many are at hand."""
        return len(self._current)

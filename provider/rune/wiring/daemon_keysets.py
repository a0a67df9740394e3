"""A store's keysets, from Secrets of the provider's namespace, as their annotations admit them."""

from typing import Final

from rune.adapters.tink import SECRET_KEY_ACCESS, is_wrapped, load_opener
from rune.errors import KeysetMissing, KeysetNotAdmitted, RuneError, StoreInvalid
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID, KeysetRef, SecretObject, StoreName
from rune.policy.globs import matches_any
from rune.ports import Keyset, ValueOpener

DATA_KEY: Final = "keyset.json"
"""Where in a keyset Secret the keyset is; `rune keyset install` writes it there."""


def open_keyset(secret: SecretObject | None, ref: KeysetRef, store: StoreName, store_id: str) -> Keyset:
    """One keyset.

    Args:
        secret: the Secret that `ref` names; None: there is none.
        ref: which keyset, and for which paths.
        store: the object that refers to it; a RuneStore's namespace must be admitted.
        store_id: the store that it is to read; must be the annotation's.

    Raises:
        KeysetMissing: there is no such Secret, or no keyset in it.
        KeysetNotAdmitted: its annotations don't admit store or namespace.
        StoreInvalid: what it holds is no keyset that a node can use.
    """
    if secret is None:
        raise KeysetMissing(
            f"keyset {ref.name} of {store}: there is no Secret {ref.secret} in the provider's namespace",
            mend="install it with `rune keyset install`",
        )
    namespaces = _admitted(secret, ref, store, store_id)
    return Keyset(ref, _opener(secret, ref, store), namespaces)


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

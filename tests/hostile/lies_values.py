"""Lies in which value is whose: by the registry alone, and by a writer who signs but holds no keyset."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from rune.model.path import KeyName
from rune.model.store import Binding, SealedValue, Secret
from tests.hostile.forge import Forger
from tests.hostile.lie import refused, withheld
from tests.hostile.store import DB, TLS

_MISMATCH: Final = "RUNE_DIGEST_MISMATCH"
_UNDECRYPTABLE: Final = "RUNE_DECRYPTION_FAILED"
_PASSWORD, _USER, _KEY = KeyName("password"), KeyName("user"), KeyName("tls.key")


def _secret(values: dict[KeyName, SealedValue]) -> Secret:
    return Secret(MappingProxyType({key: values[key] for key in sorted(values)}))


def _answer_swapped(forger: Forger) -> None:
    """Each secret's manifest under the other one's digest."""
    db, tls = forger.snapshot().secrets[DB].digest, forger.snapshot().secrets[TLS].digest
    old, new = forger.data(db), forger.data(tls)
    forger.answer(db, new)
    forger.answer(tls, old)


def _answer_older(forger: Forger) -> None:
    """The manifest of the revision before under the current one's digest."""
    older = Forger(forger.store.at(2), forger.store)
    for path in (DB, TLS):
        forger.answer(forger.snapshot().secrets[path].digest, older.data(older.snapshot().secrets[path].digest))


def _answer_older_value(forger: Forger) -> None:
    older = Forger(forger.store.at(2), forger.store).secret(TLS).values[_KEY].content.digest
    forger.answer(forger.secret(TLS).values[_KEY].content.digest, forger.content.blobs[older])


def _forget_secret(forger: Forger) -> None:
    del forger.content.manifests[forger.snapshot().secrets[DB].digest]


def _forget_value(forger: Forger) -> None:
    del forger.content.blobs[forger.secret(TLS).values[_KEY].content.digest]


def _drop_path(forger: Forger) -> None:
    """The snapshot without a secret, as if it had been removed; nobody signed that."""
    forger.alter_snapshot(lambda found: found["manifests"].pop(1))


def _paths_exchanged_unsigned(forger: Forger) -> None:
    forger.put_secrets({DB: forger.secret(TLS), TLS: forger.secret(DB)})


def _paths_exchanged(forger: Forger) -> None:
    """Each secret under the other one's path, its keys renamed so that they are found."""
    password, key = forger.secret(DB).values[_PASSWORD], forger.secret(TLS).values[_KEY]
    forger.put_secrets(
        {DB: _secret({_PASSWORD: replace(key, key=_PASSWORD)}), TLS: _secret({_KEY: replace(password, key=_KEY)})},
        forger.store.signer,
    )


def _copied_to_another_path(forger: Forger) -> None:
    """The same key, with its own name and bytes, one path further."""
    secret = forger.secret(DB)
    renamed = {_KEY: replace(secret.values[_PASSWORD], key=_KEY)}
    forger.put_secrets({TLS: _secret(renamed)}, forger.store.signer)


def _values_swapped(forger: Forger) -> None:
    """Two ciphertexts of one secret in each other's place."""
    values = dict(forger.secret(DB).values)
    password, user = values[_PASSWORD], values[_USER]
    swapped = {
        _PASSWORD: replace(password, content=user.content),
        _USER: replace(user, content=password.content),
    }
    forger.put_secrets({DB: _secret(values | swapped)}, forger.store.signer)


def _keys_swapped(forger: Forger) -> None:
    """Two keys of one secret with each other's name."""
    values = dict(forger.secret(DB).values)
    swapped = {
        _USER: replace(values[_PASSWORD], key=_USER),
        _PASSWORD: replace(values[_USER], key=_PASSWORD),
    }
    forger.put_secrets({DB: _secret(swapped)}, forger.store.signer)


def _keyset_renamed(forger: Forger) -> None:
    values = dict(forger.secret(DB).values)
    renamed = {_PASSWORD: replace(values[_PASSWORD], keyset="elsewhere")}
    forger.put_secrets({DB: _secret(values | renamed)}, forger.store.signer)


def _binding_claimed(forger: Forger) -> None:
    """A value that is bound to nobody is said to be bound to its reader."""
    values = dict(forger.secret(DB).values)
    claimed = {_PASSWORD: replace(values[_PASSWORD], binding=Binding(audience=True))}
    forger.put_secrets({DB: _secret(values | claimed)}, forger.store.signer)


LIES: Final = (
    refused(
        "secret-under-another-path",
        "exchanges two secrets' paths; nobody signed that",
        "RUNE_SIGNATURE_MISSING",
        alter=_paths_exchanged_unsigned,
    ),
    withheld(
        "secret-under-another-digest", "gives each secret when the other is asked for", _MISMATCH, alter=_answer_swapped
    ),
    withheld("older-secret", "gives the secrets of the revision before", _MISMATCH, alter=_answer_older),
    withheld("older-value", "gives the value of the revision before", _MISMATCH, alter=_answer_older_value),
    withheld("secret-denied", "says that it doesn't have a secret", "RUNE_REGISTRY_UNAVAILABLE", alter=_forget_secret),
    withheld("value-denied", "says that it doesn't have a value", "RUNE_REGISTRY_UNAVAILABLE", alter=_forget_value),
    refused(
        "path-dropped",
        "leaves a secret out of the snapshot; nobody signed that",
        "RUNE_SIGNATURE_MISSING",
        alter=_drop_path,
    ),
    withheld(
        "signed-secret-under-another-path",
        "exchanges two secrets' paths, signed by a writer without the keyset",
        _UNDECRYPTABLE,
        alter=_paths_exchanged,
        signed=True,
    ),
    withheld(
        "signed-value-copied",
        "copies a value to another path, signed by a writer without the keyset",
        _UNDECRYPTABLE,
        alter=_copied_to_another_path,
        signed=True,
    ),
    withheld(
        "signed-swapped-values",
        "exchanges the values of two keys, signed by a writer without the keyset",
        _UNDECRYPTABLE,
        alter=_values_swapped,
        signed=True,
    ),
    withheld(
        "signed-swapped-keys",
        "exchanges the names of two keys, signed by a writer without the keyset",
        _UNDECRYPTABLE,
        alter=_keys_swapped,
        signed=True,
    ),
    withheld(
        "signed-other-keyset",
        "says that another keyset sealed a value, signed by a writer",
        "RUNE_KEYSET_MISSING",
        alter=_keyset_renamed,
        signed=True,
    ),
    withheld(
        "signed-binding",
        "says that a value is bound to its reader, signed by a writer",
        _UNDECRYPTABLE,
        alter=_binding_claimed,
        signed=True,
    ),
)

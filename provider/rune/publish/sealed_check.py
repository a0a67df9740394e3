"""What can be said of sealed files without a registry and without a private key: `rune seal --verify`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rune.errors import InvalidInput
from rune.model.oci import Digest
from rune.model.path import KeyName, SecretPath
from rune.model.sealed import SealedFile, SealedKey
from rune.model.store import Secret
from rune.policy.globs import covers
from rune.ports import ValueSealer
from rune.publish.sealed import SealedEdit
from rune.snapshot.codec import encode_secret, inline
from rune.snapshot.frame import bucket


@dataclass(frozen=True, slots=True)
class KnownKeyset:
    """A keyset that rune.yaml names."""

    name: str
    paths: tuple[str, ...]
    sealer: ValueSealer | None
    """None: there is no public half to compare ciphertexts with."""


@dataclass(frozen=True, slots=True)
class SealedFinding:
    """What was found of one key, or of a whole file."""

    file: str
    path: str = ""
    key: str = ""
    recipient: str = ""
    keyset: str = ""
    digest: Digest | None = None
    """Of the ciphertext; None: the finding is about a whole file."""
    shape_known: bool = False
    """Whether the ciphertext could be compared with the keyset's public half."""
    problem: str = ""
    """Empty: none."""


def check_sealed(
    files: Sequence[tuple[str, SealedFile]], store_id: str, keysets: Sequence[KnownKeyset]
) -> tuple[SealedFinding, ...]:
    """Look at every key of every file.

    Args:
        files: names and what was read from them.
        store_id: the store that they shall be for.
        keysets: those of the store.
    """
    seen: dict[tuple[SecretPath, KeyName], str] = {}
    found: list[SealedFinding] = []
    for name, file in files:
        if file.store_id != store_id:
            problem = f"is for store {file.store_id}, not {store_id}: go to the folder of its rune.yaml, or use --store"
            found.append(SealedFinding(name, file.path, problem=problem))
            continue
        if too_large := _too_large(file):
            found.append(SealedFinding(name, file.path, problem=too_large))
        for key in file.keys.values():
            twin = seen.setdefault((file.path, key.key), name)
            duplicate = () if twin == name else (f"stands in {twin}, too: keep one of them",)
            keyset = next((keyset for keyset in keysets if keyset.name == key.keyset), None)
            problems = (*duplicate, *_problems(file.path, key, keyset))
            found.append(
                SealedFinding(
                    file=name,
                    path=file.path,
                    key=key.key,
                    recipient=str(key.recipient),
                    keyset=key.keyset,
                    digest=key.digest,
                    shape_known=keyset is not None and keyset.sealer is not None,
                    problem="; ".join(problems),
                )
            )
    return tuple(found)


def _problems(path: SecretPath, key: SealedKey, keyset: KnownKeyset | None) -> Iterator[str]:
    if keyset is None:
        yield f"is sealed with keyset {key.keyset}, which rune.yaml doesn't name: seal it again, or add the keyset"
        return
    if not covers(keyset.paths, path):
        yield f"is sealed with keyset {key.keyset}, which isn't for this path: seal it again with the path's own"
    if keyset.sealer is None:
        return
    size = keyset.sealer.plaintext_bytes(key.ciphertext)
    if size is None:
        yield f"is no ciphertext of keyset {key.keyset} as rune.yaml has it: seal it again, or update its public half"
    elif bucket(size) != size:
        yield "has a length that no sealed value has: it was cut or put together; seal it again"


def _too_large(file: SealedFile) -> str:
    """What the rules of a secret's manifest have against the keys of this file; empty: nothing."""
    values = [SealedEdit(file.path, key).value for key in file.keys.values()]
    try:
        encode_secret(Secret(inline(values)))
    except InvalidInput as error:
        return error.what
    return ""

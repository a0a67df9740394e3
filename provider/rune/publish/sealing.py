"""How a writer's values become ciphertexts: which keyset, bound to whom, framed, inline or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rune.errors import DecryptionFailed, KeysetMissing
from rune.model.oci import Descriptor
from rune.model.path import KeyName, SecretPath
from rune.model.store import Binding, SealedValue
from rune.policy.globs import covers
from rune.ports import ValueOpener, ValueSealer
from rune.snapshot.codec import describe_value
from rune.snapshot.frame import frame, unframe, value_data


@dataclass(frozen=True, slots=True)
class WriterKeyset:
    """A keyset as a writer has it."""

    name: str
    paths: tuple[str, ...]
    """Policy patterns of the secrets that it is for."""
    sealer: ValueSealer
    opener: ValueOpener | None
    """None: only the public half is at hand."""


@dataclass(frozen=True, slots=True)
class KeysetSealing:
    """Seals for one store; the Sealing of rune.publish.change."""

    store_id: str
    keysets: Sequence[WriterKeyset]
    """The first one whose paths admit a secret seals it."""
    fetch: Callable[[Descriptor], bytes]
    """A ciphertext's bytes, to compare what is there with what is to be set."""
    keyset: str | None = None
    """Seal with this one instead."""
    cluster: str = ""
    """Bind values to pods of this cluster; empty: to none."""
    audience: str = ""
    """Bind values to this `namespace/serviceAccount`; empty: to none."""

    @property
    def binding(self) -> Binding:
        """What the stored flags say."""
        return Binding(cluster=bool(self.cluster), audience=bool(self.audience))

    def seal(self, path: SecretPath, key: KeyName, value: bytes) -> tuple[SealedValue, bytes]:
        """Seal a value for its place; the ciphertext too.

        Raises:
            KeysetMissing: no keyset is for this path.
        """
        keyset = self._choose(path)
        ciphertext = keyset.sealer.seal(frame(value), self._data(path, key))
        return SealedValue(key, keyset.name, describe_value(ciphertext), self.binding), ciphertext

    def holds(self, path: SecretPath, sealed: SealedValue, value: bytes) -> bool:
        """Whether this already is the value, sealed as it would be now; False where that can't be known."""
        keyset = self._choose(path)
        if keyset.opener is None or (keyset.name, self.binding) != (sealed.keyset, sealed.binding):
            return False
        ciphertext = self.fetch(sealed.content)
        try:
            return unframe(keyset.opener.open(ciphertext, self._data(path, sealed.key))) == value
        except DecryptionFailed:
            return False

    def _data(self, path: SecretPath, key: KeyName) -> bytes:
        return value_data(self.store_id, path, key, cluster=self.cluster, audience=self.audience)

    def _choose(self, path: SecretPath) -> WriterKeyset:
        for keyset in self.keysets:
            if keyset.name == self.keyset or (self.keyset is None and covers(keyset.paths, path)):
                return keyset
        what = f"the keyset {self.keyset!r}" if self.keyset else f"a keyset for {path}"
        names = ", ".join(keyset.name for keyset in self.keysets) or "none"
        raise KeysetMissing(
            f"{what} is not at hand, only: {names}", mend="name the keyset, with its file or public half, in rune.yaml"
        )

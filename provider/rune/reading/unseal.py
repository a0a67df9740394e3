"""Opening one sealed value for one caller: the right keyset, a caller who may use it, the place it was sealed for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rune.errors import DecryptionFailed, FormatInvalid, KeysetMissing, KeysetNotAdmitted, RuneError
from rune.model.caller import Caller
from rune.model.oci import Digest
from rune.model.path import SecretPath
from rune.model.pattern import Glob, parse_path_pattern
from rune.model.store import SealedValue
from rune.ports import Keyset
from rune.reading.locate import Absent, Chosen
from rune.reading.outcome import Outcome
from rune.snapshot.frame import unframe, value_data


@dataclass(frozen=True, slots=True)
class Unsealer:
    """Opens the values of one store for one caller."""

    caller: Caller
    """Whose cluster and service account a bound value is opened for: never what the store says of them."""
    store_id: str
    keysets: Mapping[str, Keyset] = field(repr=False)

    def outcome(
        self, decided: Outcome, chosen: Chosen | Absent | RuneError, remote: Mapping[Digest, bytes | RuneError]
    ) -> Outcome:
        """Complete an entry's outcome: with its plaintext, as absent, or with its error.

        Args:
            decided: with the policy's decision.
            chosen: the sealed values, or why there are none.
            remote: ciphertext that isn't inline, by digest, or why it isn't had.
        """
        if isinstance(chosen, Absent):
            return decided if decided.want.optional else _failed(decided, chosen.error)
        if isinstance(chosen, RuneError):
            return _failed(decided, chosen)
        try:
            values = {value.key: self._opened(decided.want.path, value, remote) for value in chosen.values}
        except RuneError as error:
            return _failed(decided, error)
        return replace(decided, values=MappingProxyType(values), manifest=chosen.manifest)

    def _opened(self, path: SecretPath, value: SealedValue, remote: Mapping[Digest, bytes | RuneError]) -> bytes:
        ciphertext = value.content.data if value.content.data is not None else remote[value.content.digest]
        if isinstance(ciphertext, RuneError):
            raise ciphertext
        return self.open(path, value, ciphertext)

    def open(self, path: SecretPath, value: SealedValue, ciphertext: bytes) -> bytes:
        """The plaintext.

        Args:
            path: under which today's policy allowed it.
            value: as the secret's manifest lists it.
            ciphertext: its verified bytes.

        Raises:
            KeysetMissing: the store object gives no keyset of the name that sealed it.
            KeysetNotAdmitted: the keyset isn't for this caller's namespace, or not for this path.
            DecryptionFailed: it doesn't open for this store, path, key and caller.
            FormatInvalid: what it opens to has no valid frame.
        """
        keyset = self._keyset(path, value)
        associated_data = value_data(
            self.store_id,
            path,
            value.key,
            cluster=self.caller.cluster if value.binding.cluster else "",
            audience=str(self.caller) if value.binding.audience else "",
        )
        try:
            framed = keyset.opener.open(ciphertext, associated_data)
        except DecryptionFailed:
            raise self._refused(path, value) from None
        try:
            return unframe(framed)
        except FormatInvalid as error:
            raise FormatInvalid(f"{path}, key {value.key}: {error.what}", mend=error.mend) from None

    def _keyset(self, path: SecretPath, value: SealedValue) -> Keyset:
        keyset = self.keysets.get(value.keyset)
        if keyset is None:
            raise KeysetMissing(
                f"{path}, key {value.key}, is sealed with keyset {value.keyset}, which the store's object doesn't give",
                mend="add it to spec.keysets, or write the value again with a keyset that is there",
            )
        if not any(Glob.of(pattern).matches(self.caller.namespace) for pattern in keyset.namespaces):
            raise KeysetNotAdmitted(
                f"keyset {value.keyset} isn't for pods of namespace {self.caller.namespace}",
                mend="have an administrator add the namespace to the keyset Secret's annotation",
            )
        segments = path.split("/")
        patterns = (parse_path_pattern(text, field="paths") for text in keyset.ref.paths)
        if not any(pattern.matches(segments, self.caller) for pattern in patterns):
            raise KeysetNotAdmitted(
                f"keyset {value.keyset} isn't for path {path}",
                mend="write the value again with the path's own keyset, or extend spec.keysets[].paths",
            )
        return keyset

    def _refused(self, path: SecretPath, value: SealedValue) -> DecryptionFailed:
        traits = " and ".join(value.binding.traits)
        bound = f"it is bound to one {traits}, perhaps another than the pod's, or " if traits else ""
        return DecryptionFailed(
            f"{path}, key {value.key}, doesn't open with keyset {value.keyset}: {bound}it was sealed for another place "
            "or with another key",
            mend=("mount it in the pod that it is for, " if traits else "")
            + "install the store's own keyset with all of its keys, or write the value again",
        )


def _failed(decided: Outcome, error: RuneError) -> Outcome:
    return replace(decided, decision=replace(decided.decision, reason=error.reason), error=error)

"""One accepted state, or an older one from its history, as the reading operations look at it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rune.client.results import KeyInfo, SecretValues, StoreState
from rune.errors import DecryptionFailed, KeyNotFound, KeysetMissing, SecretNotFound, SnapshotNotFound
from rune.model.clock import Deadline
from rune.model.limits import PUBLISH
from rune.model.path import KeyName, SecretPath
from rune.model.store import SealedValue, Snapshot
from rune.publish.access import Access
from rune.publish.base import Base, read_base, start_mark
from rune.publish.contents import Contents
from rune.publish.lineage import Lineage
from rune.publish.loading import SecretLoader
from rune.publish.rollback import find_revision
from rune.publish.sealing import WriterKeyset
from rune.snapshot.codec import decode_policy
from rune.snapshot.frame import unframe, value_data


@dataclass(frozen=True, slots=True)
class View:
    """What one operation reads from."""

    access: Access
    base: Base
    snapshot: Snapshot
    lineage: Lineage
    load: SecretLoader
    deadline: Deadline

    @classmethod
    def open(cls, access: Access, number: int | None = None) -> "View":
        """Accept the current state, then go back to a revision of its history if one is asked for.

        Raises:
            VerificationFailed: the state can't be believed.
            SnapshotNotFound: the history has no such revision.
        """
        deadline = Deadline.after(PUBLISH.deadline_s, access.clock)
        base = read_base(access, mark=start_mark(access), deadline=deadline)
        lineage = Lineage(access.registry, access.store_id, deadline)
        lineage.learn(base.tip.digest, base.tip.snapshot)
        lineage.learn_tags(access.registry.tags(deadline=deadline))
        current = cls(access, base, base.tip.snapshot, lineage, SecretLoader(access.registry, deadline), deadline)
        return current if number is None else replace(current, snapshot=current.revision(number))

    @property
    def contents(self) -> Contents:
        """The secrets and the policy."""
        return Contents.of(self.snapshot)

    def revision(self, number: int) -> Snapshot:
        """The snapshot of a revision that the accepted one comes from.

        Raises:
            SnapshotNotFound: there is none, or more than one.
        """
        return find_revision(number, self.base.tip.digest, self.lineage)

    def parent(self) -> Snapshot:
        """The snapshot that this one was made on; of a merge the first.

        Raises:
            SnapshotNotFound: this is the first of all.
        """
        if not self.snapshot.previous:
            raise SnapshotNotFound(
                f"{self.snapshot.revision} is the first revision", mend="there is nothing to compare it with"
            )
        return self.lineage.snapshot(self.snapshot.previous[0])

    def state(self) -> StoreState:
        """What is known of the accepted state."""
        head = self.base.accepted.head
        return StoreState(
            store_id=head.store_id,
            revision=head.revision,
            snapshot=head.snapshot.digest,
            head=self.base.accepted.head_descriptor.digest,
            signed=head.created,
            expires=head.expires,
            author=self.snapshot.author,
            message=self.snapshot.message,
            secrets=len(self.snapshot.secrets),
            warnings=self.base.warnings,
        )

    def keys(self, path: SecretPath) -> tuple[KeyInfo, ...]:
        """What is known of a secret's keys without key material."""
        return tuple(
            KeyInfo(key, value.keyset, value.content.size, value.binding)
            for key, value in self.contents.keys(path, self.load).items()
        )

    def policy(self) -> str:
        """The policy's YAML, empty where there is none."""
        if self.snapshot.policy is None:
            return ""
        manifest = self.access.registry.manifest(self.snapshot.policy, deadline=self.deadline)
        return self.access.registry.blob(decode_policy(manifest).document, deadline=self.deadline).decode()

    def values(
        self, path: SecretPath, key: KeyName | None, keysets: Sequence[WriterKeyset], cluster: str, audience: str
    ) -> SecretValues:
        """Decrypt a secret, or one key of it. Raises as Store.get says."""
        if path not in self.snapshot.secrets:
            raise SecretNotFound(f"there is no secret {path}", mend="see what there is with `rune ls`")
        sealed = self.contents.keys(path, self.load)
        if key is not None and key not in sealed:
            raise KeyNotFound(f"{path} has no key {key}, only {', '.join(sealed)}", mend="name one of its keys")
        wanted = sealed.values() if key is None else (sealed[key],)
        return SecretValues(
            path,
            self.snapshot.revision,
            self.snapshot.secrets[path].digest,
            {value.key: self._open(path, value, keysets, cluster, audience) for value in wanted},
        )

    def _open(
        self, path: SecretPath, value: SealedValue, keysets: Sequence[WriterKeyset], cluster: str, audience: str
    ) -> bytes:
        opener = next((keyset.opener for keyset in keysets if keyset.name == value.keyset), None)
        if opener is None:
            raise KeysetMissing(
                f"{path} {value.key} is sealed with keyset {value.keyset!r}, whose private file is not at hand",
                mend="put the keyset's file where your own configuration says, or ask someone who has it",
            )
        data = value_data(
            self.access.store_id,
            path,
            value.key,
            cluster=cluster if value.binding.cluster else "",
            audience=audience if value.binding.audience else "",
        )
        ciphertext = self.access.registry.blob(value.content, deadline=self.deadline)
        try:
            return unframe(opener.open(ciphertext, data))
        except DecryptionFailed as error:
            raise DecryptionFailed(f"{path} {value.key}: {error.what}", mend=_mend(value, error.mend)) from error


def _mend(value: SealedValue, otherwise: str) -> str:
    binding = value.binding
    bound = [option for option, told in (("--cluster", binding.cluster), ("--as", binding.audience)) if told]
    return f"the value is bound: give the right {' and '.join(bound)}" if bound else otherwise

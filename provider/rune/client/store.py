"""One store as its writers and readers use it: `Store`, what the `rune` command is built on."""

from collections.abc import Mapping
from datetime import timedelta

from rune.client.render import render
from rune.client.results import (
    CommitResult,
    Countersigned,
    DiffResult,
    Listed,
    LogEntry,
    Progress,
    RenderReport,
    SecretValues,
    StoreState,
    VerifyReport,
    quiet,
)
from rune.client.verify import verify
from rune.client.view import View
from rune.model.caller import Caller
from rune.model.clock import Clock, Deadline, SystemClock
from rune.model.limits import PUBLISH
from rune.model.oci import parse_digest
from rune.model.path import parse_key, parse_path
from rune.publish.access import Signers, Writer
from rune.publish.change import Change, Edit, Plan, RemoveKey, RemoveSecret, SetKeys
from rune.publish.commit import commit
from rune.publish.contents import Contents
from rune.publish.countersign import countersign, sign_policy_document
from rune.publish.diff import changed_keys
from rune.publish.epoch import begin_epoch
from rune.publish.log import read_log
from rune.publish.options import CommitOptions
from rune.publish.refresh import refresh
from rune.publish.rollback import Restore
from rune.publish.sealing import KeysetSealing
from rune.wiring.writer import WriterParts, open_writer
from rune.wiring.writer_config import WriterConfig

__all__ = ["CommitOptions", "Store"]


class Store:
    """A store. Nothing is asked of the registry before an operation is; each one accepts the current state anew.

    Reading needs no signing key, and writing no private keyset where a public half is enough. Not shared between
    threads. Every operation raises rune.errors.RuneError and nothing else; what each may raise in particular:
    StoreEmpty, VerificationFailed (the state can't be believed) and Unavailable (the registry doesn't answer).
    """

    def __init__(self, parts: WriterParts, clock: Clock, progress: Progress) -> None:
        self._parts = parts
        self._clock = clock
        self._progress = progress

    @classmethod
    def open(cls, config: WriterConfig, *, clock: Clock | None = None, progress: Progress = quiet) -> "Store":
        """Prepare a store for use.

        Raises:
            InvalidConfig: a public key or an option can't be used.
        """
        clock = clock or SystemClock()
        return cls(open_writer(config, clock), clock, progress)

    # Reading

    def state(self) -> StoreState:
        """The verified current state."""
        return self._view().state()

    def ls(self, prefix: str = "", *, keys: bool = False, revision: int | None = None) -> tuple[Listed, ...]:
        """The secrets in and below a path, in the order of their paths.

        Args:
            prefix: a path, or its first segments; empty: all.
            keys: tell their keys too, which takes a request for each secret.
            revision: of the history; None: the current one.
        """
        view = self._view(revision)
        root = prefix.rstrip("/")
        if root:
            parse_path(root, field="prefix")
        found = [path for path in view.contents.secrets if not root or path == root or path.startswith(f"{root}/")]
        return tuple(
            Listed(path, view.contents.secrets[path].digest, view.keys(path) if keys else None) for path in found
        )

    def get(
        self, path: str, key: str | None = None, *, revision: int | None = None, cluster: str = "", audience: str = ""
    ) -> SecretValues:
        """Decrypt a secret.

        Args:
            path: the secret's.
            key: only this one; None: all.
            revision: of the history; None: the current one.
            cluster: the cluster that a value is bound to, where one is.
            audience: the `namespace/serviceAccount` that a value is bound to, where one is.

        Raises:
            SecretNotFound, KeyNotFound: it isn't there.
            KeysetMissing: the private keyset isn't at hand.
            DecryptionFailed: it doesn't open, perhaps because it is bound to another cluster or audience.
        """
        name = None if key is None else parse_key(key)
        return self._view(revision).values(parse_path(path), name, self._parts.keysets, cluster, audience)

    def log(self, limit: int = 50) -> tuple[LogEntry, ...]:
        """The history, newest first, merges and what they brought together included."""
        view = self._view()
        return read_log(view.base.tip.digest, view.lineage, limit=limit)

    def diff(self, before: int | None = None, after: int | None = None) -> DiffResult:
        """Which keys differ between two revisions; no key material is needed.

        Args:
            before: None: the parent of `after` (of a merge: the first one).
            after: None: the current one.
        """
        view = self._view(after)
        old = view.parent() if before is None else view.revision(before)
        return DiffResult(
            before=old.revision,
            after=view.snapshot.revision,
            keys=changed_keys(Contents.of(old), view.contents, view.load),
            policy_changed=(old.policy and old.policy.digest) != (view.contents.policy and view.contents.policy.digest),
        )

    def policy_show(self, *, revision: int | None = None) -> str:
        """The policy's YAML; empty where a snapshot has none, which denies everything."""
        return self._view(revision).policy()

    def verify(self) -> VerifyReport:
        """The acceptance of the head step by step, then every object below it; a failed step is in the report."""
        return verify(self._parts.access, self._parts.keysets, self._progress)

    def render(self, parameters: Mapping[str, str], caller: Caller) -> RenderReport:
        """What a pod of this service account would get from a SecretProviderClass, and why.

        Args:
            parameters: spec.parameters; whichever store they name, it is this one.
            caller: namespace, service account and cluster of the pod.

        Raises:
            InvalidParameter: the parameters can't be parsed.
        """
        return render(self._parts, parameters, caller)

    # Writing

    def set(
        self,
        path: str,
        values: Mapping[str, bytes],
        options: CommitOptions,
        *,
        keyset: str | None = None,
        cluster: str = "",
        audience: str = "",
        unbind: bool = False,
    ) -> CommitResult:
        """Set keys of a secret and leave its others; the secret need not exist.

        A key that already has this value keeps its ciphertext, where a private keyset is at hand to see that.

        Args:
            path: the secret's.
            values: by key; at most 1 MiB together.
            options: who, why, on what.
            keyset: the name of the keyset that seals; None: the first whose paths admit this one.
            cluster: bind the values to pods of this cluster.
            audience: bind the values to this `namespace/serviceAccount`.
            unbind: let values that were bound to someone be followed by ones that are less so.

        Raises:
            InvalidPath, InvalidKey, InvalidValue: what is to be written breaks a rule of the format.
            InvalidInput: a value was bound, and `unbind` isn't given.
            KeysetMissing: no keyset is for this path.
            CommitConflict: another commit changed the same keys; nothing of this one was kept.
        """
        return self._edit(_set(path, values, unbind=unbind), options, keyset, cluster, audience)

    def put(
        self,
        path: str,
        values: Mapping[str, bytes],
        options: CommitOptions,
        *,
        keyset: str | None = None,
        cluster: str = "",
        audience: str = "",
        unbind: bool = False,
    ) -> CommitResult:
        """Set a secret to exactly these keys. Arguments and errors as for `set`."""
        return self._edit(_set(path, values, replace=True, unbind=unbind), options, keyset, cluster, audience)

    def rm(self, path: str, options: CommitOptions, *, key: str | None = None) -> CommitResult:
        """Remove a secret, or one key of it. Older revisions keep it: a value that leaked must change.

        Raises:
            SecretNotFound, KeyNotFound: it isn't there.
            CommitConflict: another commit changed it.
        """
        checked = parse_path(path)
        edit = RemoveSecret(checked) if key is None else RemoveKey(checked, parse_key(key))
        return self._edit(edit, options)

    @property
    def has_policy_signers(self) -> bool:
        """Whether the policy needs a signature of its own, so that writers can't change it."""
        return self._parts.access.trust.policy is not None

    def rollback(self, number: int, options: CommitOptions) -> CommitResult:
        """Make a new, higher revision with the secrets of an old one, and its policy unless `has_policy_signers`.

        Raises:
            SnapshotNotFound: the history doesn't have it.
        """
        return self._commit(
            Restore(Contents.of(self._view(number).snapshot), policy=not self.has_policy_signers), options
        )

    def begin_epoch(self, source: str, options: CommitOptions) -> CommitResult:
        """Begin this configuration's epoch with the contents of a snapshot of an earlier one: after a stolen key.

        Args:
            source: the whole digest of the snapshot to go on from; a person vouches for it, no signature does.
            options: who, and why.

        Raises:
            Conflict: the configured epoch isn't later than what is there.
            SnapshotNotFound: no tag leads to that snapshot.
        """
        return CommitResult.of(begin_epoch(self._writer(self._parts.signers()), parse_digest(source), options))

    def policy_put(self, document: str, options: CommitOptions) -> CommitResult:
        """Replace the policy.

        Raises:
            InvalidPolicyDocument: it can't be parsed, or there are policy signers and its serial isn't above the one
                before.
            SigningKeyMissing: the store asks for a policy signer, and none has signed this document.
        """
        return self._commit(Change((), self._sealing(None, "", ""), document.encode()), options)

    def refresh(self, expires: timedelta | None = None, *, expect_revision: int | None = None) -> CommitResult:
        """Say that the state is still current: sign a new head for it. Needs the freshness key alone.

        Args:
            expires: how long the head may be believed; None: as long as the one before it; zero: without limit.
            expect_revision: exactly this one; needed where the head has expired already.
        """
        signers = Signers(writer=None, freshness=self._parts.freshness_signer)
        return CommitResult.of(refresh(self._writer(signers), lifetime=expires, expect_revision=expect_revision))

    def sign(self) -> tuple[Countersigned, ...]:
        """Add signatures to the current snapshot, its policy and its head, with the keys at hand for each role.

        A successor may sign before the store's configuration names him: the answer says whether it does.

        Raises:
            SigningKeyMissing: there is no key for any role.
        """
        return countersign(self._writer(self._parts.signers()))

    def sign_policy(self, document: bytes) -> Countersigned:
        """Sign a policy before it is in force: then a writer without the policy key can put exactly this one.

        Args:
            document: YAML, byte for byte as it will be put.

        Raises:
            InvalidPolicyDocument: it can't be parsed.
            SigningKeyMissing: there is no policy key.
        """
        signers = Signers(writer=None, freshness=None, policy=self._parts.policy_signer)
        return sign_policy_document(self._writer(signers), document)

    def _edit(
        self, edit: Edit, options: CommitOptions, keyset: str | None = None, cluster: str = "", audience: str = ""
    ) -> CommitResult:
        return self._commit(Change((edit,), self._sealing(keyset, cluster, audience)), options)

    def _commit(self, plan: Plan, options: CommitOptions) -> CommitResult:
        return CommitResult.of(commit(self._writer(self._parts.signers()), plan, options))

    def _sealing(self, keyset: str | None, cluster: str, audience: str) -> KeysetSealing:
        deadline = Deadline.after(PUBLISH.deadline_s, self._clock)
        registry = self._parts.access.registry
        return KeysetSealing(
            store_id=self._parts.access.store_id,
            keysets=self._parts.keysets,
            fetch=lambda descriptor: registry.blob(descriptor, deadline=deadline),
            keyset=keyset,
            cluster=cluster,
            audience=audience,
        )

    def _writer(self, signers: Signers) -> Writer:
        return Writer(self._parts.access, signers, progress=self._progress)

    def _view(self, revision: int | None = None) -> View:
        return View.open(self._parts.access, revision)


def _set(path: str, values: Mapping[str, bytes], *, replace: bool = False, unbind: bool = False) -> SetKeys:
    checked = parse_path(path)
    return SetKeys(checked, {parse_key(key): value for key, value in sorted(values.items())}, replace, unbind)

"""Sealed files: made with a public keyset, checked offline, committed by who can't read them (docs/sealing.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rune.client.results import CommitResult, Progress, quiet
from rune.errors import InvalidSealedFile
from rune.model.clock import Clock, Deadline, SystemClock
from rune.model.limits import OBJECTS, PUBLISH, SEALED
from rune.model.oci import Digest
from rune.model.path import KeyName, SecretPath, parse_key
from rune.model.recipient import ANYONE, Recipient
from rune.model.sealed import Replaced, SealedFile, SealedKey
from rune.model.wording import few_clauses
from rune.publish.access import Writer
from rune.publish.base import read_base, start_mark
from rune.publish.commit import commit
from rune.publish.contents import Contents
from rune.publish.lineage import Lineage
from rune.publish.loading import SecretLoader
from rune.publish.options import CommitOptions
from rune.publish.sealed import SealedChange
from rune.publish.sealed_check import KnownKeyset, SealedFinding, check_sealed
from rune.publish.sealed_file import decode_sealed, encode_sealed
from rune.publish.sealed_history import refuse_replays
from rune.publish.sealing import KeysetSealing
from rune.wiring.writer import WriterParts, open_writer
from rune.wiring.writer_config import KeysetSource, WriterConfig
from rune.wiring.writer_keysets import open_keysets

__all__ = ["SealRequest", "SealedFinding", "SealedReport", "Sealer", "decode_sealed", "encode_sealed"]


@dataclass(frozen=True, slots=True)
class SealRequest:
    """Values to be sealed."""

    values: Mapping[str, bytes] = field(repr=False)
    """By key."""
    recipient: Recipient | None = None
    """Whom to bind them to; None: whom the file had them for, and ANYONE where it hadn't."""
    keyset: str | None = None
    """Its name; None: the first whose paths admit this one."""


@dataclass(frozen=True, slots=True)
class SealedReport:
    """What a check found, key by key."""

    findings: tuple[SealedFinding, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Each with its file, path and key; empty: everything is right."""
        return tuple(
            f"{finding.file}: {' '.join(part for part in (finding.path, finding.key, finding.problem) if part)}"
            for finding in self.findings
            if finding.problem
        )

    def require(self) -> None:
        """Raise InvalidSealedFile, naming at most five problems, if there is one."""
        problems = self.problems
        if problems:
            raise InvalidSealedFile(
                few_clauses(problems, OBJECTS.problems), mend="see them all with `rune seal --verify FILE...`"
            )


class Sealer:
    """One store's sealed files. Not shared between threads.

    Sealing and checking ask nothing of the registry. A private keyset is opened only to seal with one that has no
    public half in the configuration. Every operation raises rune.errors.RuneError and nothing else.
    """

    def __init__(self, parts: WriterParts, clock: Clock, progress: Progress) -> None:
        self._parts = parts
        self._clock = clock
        self._progress = progress

    @classmethod
    def open(cls, config: WriterConfig, *, clock: Clock | None = None, progress: Progress = quiet) -> "Sealer":
        """Prepare a store for use.

        Raises:
            InvalidConfig: a public key or an option can't be used.
        """
        clock = clock or SystemClock()
        public_first = tuple(map(_public_first, config.keysets))
        return cls(open_writer(replace(config, keysets=public_first), clock), clock, progress)

    def begin(self, path: SecretPath, before: bytes | None = None, *, what: str = "the file") -> SealedFile:
        """A file to seal into.

        Args:
            path: the secret's.
            before: the file as it is; None: there is none yet.
            what: its name.

        Raises:
            InvalidSealedFile: it isn't a sealed file, or is another store's or path's.
        """
        if before is None:
            return SealedFile(self._parts.config.store_id, path)
        file = decode_sealed(before, what=what)
        self._require_own(file)
        if file.path != path:
            raise InvalidSealedFile(
                f"{what} is for {file.path}, not for {path}",
                mend="seal into another file: a sealed value can't move",
            )
        return file

    def seal(self, file: SealedFile, request: SealRequest, *, current: bool = False) -> SealedFile:
        """Seal values into a file; its other keys keep their bytes.

        Args:
            file: from `begin`.
            request: what to seal.
            current: name the ciphertexts that the store has now as replaced, as `rebase` does. Otherwise the file
                tells: what stood in it before, and what that was to replace.

        Raises:
            InvalidSealedFile: the file would break a rule of the format.
            KeysetMissing: no keyset for this path is at hand.
            InvalidKey, InvalidValue: a key or value breaks a rule of the format.
        """
        sealed = file.having(
            *(self._sealed(file, request, parse_key(key), value) for key, value in request.values.items())
        )
        SealedReport(self._check([("the file", sealed)])).require()
        return self.rebase(sealed) if current else sealed

    def rebase(self, file: SealedFile) -> SealedFile:
        """The same ciphertexts, said to replace what the verified store has now under their keys.

        Raises:
            InvalidSealedFile: the file is another store's.
            VerificationFailed, Unavailable, NotFound: the store can't be believed or asked.
        """
        self._require_own(file)
        there = self._stored(file.path)
        return file.having(
            *(
                replace(key, replaces=(there.get(name),))
                for name, key in file.keys.items()
                if there.get(name) != key.digest
            )
        )

    def check(self, files: Mapping[str, bytes]) -> SealedReport:
        """Check files, given by name, for this store; offline, and without a private key."""
        return self._read(files)[1]

    def put(self, files: Mapping[str, bytes], options: CommitOptions) -> CommitResult:
        """Commit the keys of sealed files, given by name, in one commit; what isn't in them stays.

        Raises:
            InvalidSealedFile: `check` finds a problem.
            CommitConflict: the store has something else than a file says it replaces, or had the same ciphertext before
                and replaced it; nothing was committed.
        """
        found, report = self._read(files)
        report.require()
        plan = SealedChange(found)
        writer = Writer(self._parts.access, self._parts.signers(), progress=self._progress)
        writer.signers.need_writer()
        self._refuse_replays(plan, writer, options)
        return CommitResult.of(commit(writer, plan, options))

    def _require_own(self, file: SealedFile) -> None:
        store_id = self._parts.config.store_id
        if file.store_id != store_id:
            raise InvalidSealedFile(
                f"the file is for store {file.store_id}, not for {store_id}",
                mend="go to the folder of its rune.yaml, or choose the store with --store",
            )

    def _sealed(self, file: SealedFile, request: SealRequest, key: KeyName, value: bytes) -> SealedKey:
        before = file.keys.get(key)
        recipient = request.recipient
        if recipient is None:
            recipient = before.recipient if before else ANYONE
        sealing = KeysetSealing(
            store_id=file.store_id,
            keysets=self._parts.keysets,
            fetch=lambda descriptor: self._parts.access.registry.blob(descriptor, deadline=self._deadline()),
            keyset=request.keyset,
            cluster=recipient.cluster,
            audience=recipient.audience,
        )
        sealed, ciphertext = sealing.seal(file.path, key, value)
        replaces: tuple[Replaced, ...] = (before.digest, *before.replaces) if before else (None,)
        return SealedKey(
            key=key,
            keyset=sealed.keyset,
            created=self._clock.now().replace(microsecond=0),
            replaces=replaces[: SEALED.replaces],
            ciphertext=ciphertext,
            recipient=recipient,
        )

    def _read(self, files: Mapping[str, bytes]) -> tuple[list[SealedFile], SealedReport]:
        total = sum(map(len, files.values()))
        if len(files) > SEALED.files or total > SEALED.total_bytes:
            raise InvalidSealedFile(
                f"there are {len(files)} files of {total} bytes",
                mend=f"put at most {SEALED.files} files and {SEALED.total_bytes} bytes at once",
            )
        found: list[tuple[str, SealedFile]] = []
        broken: list[SealedFinding] = []
        for name, data in files.items():
            try:
                found.append((name, decode_sealed(data, what=name)))
            except InvalidSealedFile as error:
                broken.append(
                    SealedFinding(name, problem=f"{error.what.removeprefix(name).lstrip(': ,')}; {error.mend}")
                )
        return [file for _, file in found], SealedReport((*broken, *self._check(found)))

    def _check(self, files: list[tuple[str, SealedFile]]) -> tuple[SealedFinding, ...]:
        sources = self._parts.config.keysets
        public = tuple(replace(source, file=None) for source in sources if source.public)
        sealers = {keyset.name: keyset.sealer for keyset in open_keysets(public, None)}
        known = tuple(KnownKeyset(source.name, source.paths, sealers.get(source.name)) for source in sources)
        return check_sealed(files, self._parts.config.store_id, known)

    def _stored(self, path: SecretPath) -> Mapping[KeyName, Digest]:
        access, deadline = self._parts.access, self._deadline()
        base = read_base(access, mark=start_mark(access), deadline=deadline)
        values = Contents.of(base.tip.snapshot).keys(path, SecretLoader(access.registry, deadline))
        return {key: value.content.digest for key, value in values.items()}

    def _refuse_replays(self, plan: SealedChange, writer: Writer, options: CommitOptions) -> None:
        access, deadline = writer.access, self._deadline()
        base = read_base(
            access,
            mark=start_mark(access),
            deadline=deadline,
            expect_revision=options.expect_revision,
            record=False,  # the commit does, and says whether this is the first use here
            sleep=writer.sleep,
        )
        load = SecretLoader(access.registry, deadline)
        pending = plan.pending(Contents.of(base.tip.snapshot), load)
        lineage = Lineage(access.registry, access.store_id, deadline)
        lineage.learn(base.tip.digest, base.tip.snapshot)
        if pending:
            lineage.learn_tags(access.registry.tags(deadline=deadline))
        refuse_replays(pending, base.tip.digest, lineage, load)

    def _deadline(self) -> Deadline:
        return Deadline.after(PUBLISH.deadline_s, self._clock)


def _public_first(source: KeysetSource) -> KeysetSource:
    """Where there is a public half, it seals: then no private key is opened, and nobody is asked for a passphrase."""
    return replace(source, file=None) if source.public else source

"""One mount, from the driver's request to the files of its answer, in nine steps."""

from dataclasses import dataclass, field

from rune.errors import RuneError
from rune.model.caller import Caller
from rune.model.clock import Clock, Deadline
from rune.model.limits import MOUNT
from rune.model.records import MountRecord
from rune.mount.answer import MountAnswer, MountedFile
from rune.mount.bugs import report_bug
from rune.mount.caller import verified_caller
from rune.mount.entry import Entry
from rune.mount.failures import combine
from rune.mount.parameters import ParameterParser, Parameters
from rune.mount.render import Rendered, assemble, render_entry
from rune.mount.request import MountRequest, RawMount, parse_request
from rune.mount.shares import Shares
from rune.ports import Audit, TokenAuthenticator
from rune.reading.read import Outcome, Reading, Want, read
from rune.replica.stores import Stores


@dataclass(slots=True)
class _Ledger:
    """What is known of one mount so far, for its record. Written by one thread."""

    request: MountRequest | None = None
    parameters: Parameters | None = None
    caller: Caller | None = None
    reading: Reading | None = None

    def record(self, failure: RuneError | None, duration_s: float) -> MountRecord:
        reading = self.reading
        return MountRecord(
            code=failure.code if failure else "OK",
            reason=failure.reason if failure else "",
            message=str(failure) if failure else "",
            duration_s=duration_s,
            caller=self.caller,
            claimed_pod=str(self.request.claim) if self.request else "",
            store=self.parameters.store if self.parameters else None,
            revision=reading.revision if reading else None,
            snapshot=reading.snapshot if reading else None,
            decisions=tuple(outcome.decision for outcome in reading.outcomes) if reading else (),
            parameters=self._in_effect(),
        )

    def _in_effect(self) -> tuple[tuple[str, str], ...]:
        return self.parameters.in_effect if self.parameters else ()


def _usual_shares() -> Shares:
    return Shares(per_pod=MOUNT.per_pod, per_namespace=MOUNT.per_namespace, queue_s=MOUNT.cold_queue_s)


@dataclass(frozen=True, slots=True)
class Mounter:
    """Answers mounts. Safe to use from several threads."""

    cluster: str
    """This cluster's name, from the provider's own configuration."""
    audiences: tuple[str, ...]
    """Of tokens, in order of preference."""
    authenticator: TokenAuthenticator
    """Says whose a token is."""
    stores: Stores
    """The live set."""
    audit: Audit
    """Hears of every mount, served or refused."""
    clock: Clock
    node: str = ""
    """This node's name, from the provider's own configuration; empty: tokens of other nodes' pods are accepted."""
    parser: ParameterParser = field(default_factory=ParameterParser)
    shares: Shares = field(default_factory=_usual_shares)

    def mount(self, raw: RawMount, deadline: Deadline) -> MountAnswer:
        """Answer one mount.

        Args:
            raw: the driver's request.
            deadline: by when; counted from the request's arrival.

        Raises:
            RuneError: nothing is mounted; names every failing entry. A bug of ours is an InternalError without detail.
        """
        started_s = self.clock.monotonic()
        ledger = _Ledger()
        failure: RuneError | None = None
        try:
            return self._answer(raw, deadline, ledger)
        except RuneError as error:
            failure = error
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, its text may hold a value
            failure = report_bug(error)
            raise failure from None
        finally:
            self.audit.mounted(ledger.record(failure, self.clock.monotonic() - started_s))
            # An exception holds its frames: one that a frame holds, too, would keep tokens and plaintext in memory
            # until the garbage collector comes by.
            failure = None

    def _answer(self, raw: RawMount, deadline: Deadline, ledger: _Ledger) -> MountAnswer:
        # 1 The request, parsed once. The pod's author may have written any of its parameters.
        ledger.request = request = parse_request(raw)
        with self.shares.share(request.claim, deadline):
            return self._answer_one(request, deadline, ledger)

    def _answer_one(self, request: MountRequest, deadline: Deadline, ledger: _Ledger) -> MountAnswer:
        claim = request.claim
        ledger.parameters = parameters = self.parser.parse(request.parameters, namespace=claim.namespace)
        entries = parameters.objects.entries

        # 2 Who asks: by the pod's own token, which must be of the very pod that the request names,
        # and of this node.
        token = request.token_for(self.audiences)
        identity = self.authenticator.authenticate(token, self.audiences, deadline=deadline)
        ledger.caller = caller = verified_caller(claim, identity, cluster=self.cluster, node=self.node)

        # 3 The RuneStore of the pod's namespace, or a ClusterRuneStore that admits it.
        replica = self.stores.get(parameters.store, caller.namespace)

        # 4 One snapshot, 5 policy for every entry, 6 secrets by digest, 7 decrypted.
        ledger.reading = reading = read(caller, [_want(entry) for entry in entries], replica, deadline)
        failures = [(entries[index].place, error) for index, error in reading.failures]
        if failures:
            raise combine(failures)

        # 8 Rendered, 9 all or nothing.
        return assemble(_render(entries, reading.outcomes, request.default_mode))


def _want(entry: Entry) -> Want:
    return Want(entry.path, entry.key, entry.optional, entry.pin)


def _render(entries: tuple[Entry, ...], outcomes: tuple[Outcome, ...], default_mode: int) -> list[Rendered]:
    rendered: list[Rendered] = []
    failures: list[tuple[str, RuneError]] = []
    for entry, outcome in zip(entries, outcomes, strict=True):
        files: tuple[MountedFile, ...] = ()
        try:
            if outcome.values is not None:
                files = render_entry(entry, outcome.values, default_mode=default_mode)
        except RuneError as error:
            # Not the exception itself, which holds this frame and all values in it.
            failures.append((entry.place, type(error)(error.what, mend=error.mend)))
        rendered.append(Rendered(entry, outcome.manifest if outcome.values is not None else None, files))
    if failures:
        raise combine(failures)
    return rendered

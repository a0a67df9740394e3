"""What a pod would get, by the code that answers the driver: the provider's own pipeline, with this store in it.

Only two of its parts differ from a node's: the caller is who we are told, not who a token proves, and the store's
object is made from the writer's configuration, so it has no ceiling of its own unless one is given.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from rune.client.results import Explained, RenderedFile, RenderReport
from rune.errors import RuneError
from rune.model.caller import Caller, TokenIdentity
from rune.model.clock import Deadline
from rune.model.limits import MOUNT
from rune.model.oci import Descriptor
from rune.model.path import SecretPath
from rune.model.records import EntryDecision, MountRecord, RefreshRecord
from rune.model.spec import (
    KeysetRef,
    RegistrySpec,
    SecretObject,
    StoreName,
    StoreObject,
    StoreSpec,
)
from rune.mount.answer import MountAnswer
from rune.mount.parameters import ParameterParser
from rune.mount.pipeline import Mounter
from rune.mount.request import RawMount
from rune.policy import explain
from rune.ports import Keyset, StoreParts
from rune.publish.access import WRITER_UID
from rune.replica.services import Services
from rune.replica.state import State
from rune.replica.stores import Stores
from rune.wiring.writer import WriterParts

_AUDIENCE: Final = "rune"
_POD: Final = "rendered"
_UID: Final = "00000000-0000-0000-0000-000000000000"


def render(
    parts: WriterParts, parameters: Mapping[str, str], caller: Caller, *, ceiling: str | None = None
) -> RenderReport:
    """Render a SecretProviderClass for a service account.

    Args:
        parts: the store, with the private keysets that the values need.
        parameters: spec.parameters; whichever store they name, it is this one.
        caller: whose pod it would be, and in which cluster.
        ceiling: spec.policy of the RuneStore; None: it has none.

    Raises:
        InvalidParameter: the parameters can't be parsed.
        VerificationFailed, NotFound, Unavailable: there is no state to render from.
    """
    parsed = ParameterParser().parse(parameters, namespace=caller.namespace)
    store = _object(parts, parsed.store, caller.namespace, ceiling)
    ledger = _Ledger()
    services = Services(lambda _: _parts(parts), parts.access.marks, ledger, parts.access.clock)
    stores = Stores(_OneStore(store), services)
    deadline = Deadline.after(MOUNT.deadline_s, parts.access.clock)
    refusal: RuneError | None = None
    try:
        state = stores.get(store.name, caller.namespace).state(deadline)
        mounter = Mounter(caller.cluster, (_AUDIENCE,), _Told(caller), stores, ledger, parts.access.clock)
        try:
            answer = mounter.mount(_request(parameters, caller), deadline)
        except RuneError as failure:
            answer, refusal = MountAnswer((), ()), failure
    finally:
        stores.stop()
    return RenderReport(
        revision=state.revision,
        files=tuple(RenderedFile(file.path, file.mode, file.contents) for file in answer.files),
        versions=answer.versions,
        entries=tuple(_explained(entry.path, state, caller, ledger.decisions) for entry in parsed.objects.entries),
        refusal=refusal,
    )


class _Ledger:
    """The Audit of one render: remembers what was decided."""

    def __init__(self) -> None:
        self.decisions: dict[str, EntryDecision] = {}

    def mounted(self, record: MountRecord) -> None:
        """Keep the decision of every entry."""
        self.decisions.update({decision.path: decision for decision in record.decisions})

    def refreshed(self, record: RefreshRecord) -> None:
        """A render asks for the store once, and says in its own error what came of that."""


class _Told:
    """The TokenAuthenticator that believes what it was told."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:  # noqa: ARG002 - the port's
        """The service account that the render is for."""
        caller = self._caller
        until = datetime.now(UTC) + timedelta(minutes=1)
        return TokenIdentity(caller.namespace, caller.service_account, _POD, _UID, (_AUDIENCE,), until)


class _OneStore:
    """The ObjectSource that knows one store, whose parts are built already."""

    def __init__(self, store: StoreObject) -> None:
        self._store = store

    def stores(self) -> Iterable[StoreObject]:
        """The one."""
        return (self._store,)

    def store(self, name: StoreName) -> StoreObject | None:
        """The one, if it is that."""
        return self._store if name == self._store.name else None

    def secret(self, name: str) -> SecretObject | None:  # noqa: ARG002 - the port's
        """None: keysets come from the writer's files."""
        return None

    def config_map(self, name: str) -> SecretObject | None:  # noqa: ARG002 - the port's
        """None: the trusted root comes from the writer's files."""
        return None

    def store_secret(self, store: StoreName, name: str) -> SecretObject | None:  # noqa: ARG002 - the port's
        """None: credentials come from the writer's configuration."""
        return None

    def store_config_map(self, store: StoreName, name: str) -> SecretObject | None:  # noqa: ARG002 - the port's
        """None: the CA comes from the writer's configuration."""
        return None


class _NoCache:
    """The ContentCache that keeps nothing."""

    def get(self, descriptor: Descriptor) -> bytes | None:  # noqa: ARG002 - the port's
        """Nothing is kept."""
        return None

    def put(self, data: bytes) -> None:
        """Nothing is kept."""

    def evidence(self) -> Mapping[str, bytes] | None:
        """Nothing is kept."""
        return None

    def put_evidence(self, evidence: Mapping[str, bytes]) -> None:
        """Nothing is kept."""


def _object(parts: WriterParts, name: StoreName, namespace: str, ceiling: str | None) -> StoreObject:
    config = parts.config
    spec = StoreSpec(
        registry=RegistrySpec(config.location),
        store_id=config.store_id,
        keysets=tuple(KeysetRef(keyset.name, keyset.name, keyset.paths) for keyset in config.keysets),
        verify=config.verify,
        epoch=config.epoch,
        policy=ceiling,
    )
    # The uid of the writer's own marks: what was accepted here before counts for a render too.
    return StoreObject(name, WRITER_UID, 1, spec, () if name.namespace else (namespace,))


def _parts(parts: WriterParts) -> StoreParts:
    keysets = {
        keyset.name: Keyset(KeysetRef(keyset.name, keyset.name, keyset.paths), keyset.opener, ("*",))
        for keyset in parts.keysets
        if keyset.opener is not None
    }
    return StoreParts((parts.access.registry,), parts.access.trust, keysets, _NoCache())


def _request(parameters: Mapping[str, str], caller: Caller) -> RawMount:
    """What the driver would send for such a pod."""
    attributes = {
        **parameters,
        "csi.storage.k8s.io/pod.name": _POD,
        "csi.storage.k8s.io/pod.namespace": caller.namespace,
        "csi.storage.k8s.io/pod.uid": _UID,
        "csi.storage.k8s.io/serviceAccount.name": caller.service_account,
        "csi.storage.k8s.io/serviceAccount.tokens": json.dumps({_AUDIENCE: {"token": _POD}}),
    }
    return RawMount(json.dumps(attributes), "null", str(0o644))


def _explained(path: SecretPath, state: State, caller: Caller, decided: Mapping[str, EntryDecision]) -> Explained:
    explanation = explain(state.accepted.policy, state.ceiling, caller, path)
    decision = decided.get(path) or EntryDecision(
        path, allowed=explanation.decision.allowed, rule=explanation.decision.rule or explanation.decision.why
    )
    return Explained(decision, tuple((report.rule, report.why) for report in explanation.rules))

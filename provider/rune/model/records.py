"""What happened, as records for the audit line, metrics, Events and status. No value of a secret is ever in one."""

from dataclasses import dataclass

from rune.model.caller import Caller
from rune.model.oci import Digest
from rune.model.spec import StoreName
from rune.model.store import Revision


@dataclass(frozen=True, slots=True)
class EntryDecision:
    """What was decided for one entry of a mount."""

    path: str
    allowed: bool
    rule: str
    """The name of the deciding rule, or why none decided."""
    reason: str = ""
    """The reason token if this entry failed."""


@dataclass(frozen=True, slots=True)
class MountRecord:
    """One mount, served or refused."""

    code: str
    """OK or a gRPC code."""
    reason: str
    """Empty, or the reason token."""
    message: str
    duration_s: float
    caller: Caller | None
    """None until the token was verified."""
    claimed_pod: str
    """namespace/name of the pod as the request says."""
    store: StoreName | None = None
    revision: Revision | None = None
    snapshot: Digest | None = None
    decisions: tuple[EntryDecision, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    """The parameters in effect, which the pod's author may have overridden."""


@dataclass(frozen=True, slots=True)
class RefreshRecord:
    """One attempt to bring a store up to date."""

    store: StoreName
    uid: str
    generation: int
    reason: str
    """Empty when the registry confirmed the state, else the reason token."""
    message: str
    duration_s: float
    changed: bool
    """A new head was accepted."""
    revision: Revision | None = None
    snapshot: Digest | None = None
    signed_time: str = ""
    expires: str = ""
    policy_serial: int = 0
    """Of the mark: the highest that a policy signer vouched for."""

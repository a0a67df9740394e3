"""The one tree of errors that Rune raises on purpose.

Every class has a stable reason token (what programs and runbooks match on), the gRPC status that the CSI driver may
safely see, and the exit code of the CLI. The text of an error never holds a secret: it is shown to pod authors in
Kubernetes Events, and logged.

    RuneError
    ├─ InvalidInput              INVALID_ARGUMENT     exit 2   what the caller wrote is wrong
    │  ├─ InvalidRequest         RUNE_REQUEST_INVALID
    │  ├─ InvalidParameter       RUNE_PARAMETER_INVALID
    │  ├─ InvalidReference       RUNE_REFERENCE_INVALID
    │  ├─ InvalidPath            RUNE_PATH_INVALID
    │  ├─ InvalidKey             RUNE_KEY_INVALID
    │  ├─ InvalidValue           RUNE_VALUE_INVALID
    │  ├─ InvalidConfig          RUNE_CONFIG_INVALID
    │  ├─ InvalidSealedFile      RUNE_SEALED_INVALID
    │  ├─ InvalidPolicyDocument  RUNE_POLICY_DOCUMENT_INVALID
    │  └─ RenderFailed           RUNE_RENDER_FAILED
    ├─ NotFound                  NOT_FOUND            exit 3   what was asked for is not there
    │  ├─ StoreNotFound          RUNE_STORE_NOT_FOUND
    │  ├─ StoreEmpty             RUNE_STORE_EMPTY
    │  ├─ SecretNotFound         RUNE_SECRET_NOT_FOUND
    │  ├─ KeyNotFound            RUNE_KEY_NOT_FOUND
    │  └─ SnapshotNotFound       RUNE_SNAPSHOT_NOT_FOUND
    ├─ Unauthenticated           UNAUTHENTICATED      exit 4   who asks is not proved
    │  ├─ TokenMissing           RUNE_TOKEN_MISSING
    │  ├─ TokenRejected          RUNE_TOKEN_REJECTED
    │  └─ RegistryUnauthorized   RUNE_REGISTRY_UNAUTHORIZED (FAILED_PRECONDITION: the pod can't mend it)
    ├─ PermissionDenied          PERMISSION_DENIED    exit 5   who asks is known and may not
    │  ├─ PolicyDenied           RUNE_POLICY_DENIED
    │  ├─ StoreNotAdmitted       RUNE_STORE_NOT_ADMITTED
    │  └─ KeysetNotAdmitted      RUNE_KEYSET_NOT_ADMITTED
    ├─ NotReady                  FAILED_PRECONDITION  exit 6   the set-up must be mended first
    │  ├─ StoreInvalid           RUNE_STORE_INVALID
    │  ├─ StoreSuspended         RUNE_STORE_SUSPENDED
    │  ├─ KeysetMissing          RUNE_KEYSET_MISSING
    │  ├─ SigningKeyMissing      RUNE_SIGNING_KEY_MISSING
    │  ├─ KubernetesForbidden    RUNE_KUBERNETES_FORBIDDEN
    │  ├─ AlreadyRunning         RUNE_ALREADY_RUNNING
    │  └─ UnsafeFile             RUNE_FILE_UNSAFE
    ├─ VerificationFailed        DATA_LOSS            exit 7   the store can't be believed
    │  ├─ DigestMismatch         RUNE_DIGEST_MISMATCH
    │  ├─ FormatInvalid          RUNE_FORMAT_INVALID
    │  ├─ SizeExceeded           RUNE_SIZE_EXCEEDED
    │  ├─ SignatureMissing       RUNE_SIGNATURE_MISSING
    │  ├─ SignatureInvalid       RUNE_SIGNATURE_INVALID
    │  ├─ StoreMismatch          RUNE_STORE_MISMATCH
    │  ├─ HeadExpired            RUNE_HEAD_EXPIRED
    │  ├─ ClockBehind            RUNE_CLOCK_BEHIND
    │  ├─ StoreRolledBack        RUNE_STORE_ROLLED_BACK
    │  ├─ StoreForked            RUNE_STORE_FORKED
    │  ├─ PolicyInvalid          RUNE_POLICY_INVALID
    │  ├─ PolicyRolledBack       RUNE_POLICY_ROLLED_BACK
    │  └─ DecryptionFailed       RUNE_DECRYPTION_FAILED
    ├─ Unavailable               INTERNAL             exit 8   try again: something outside did not answer
    │  ├─ RegistryUnavailable    RUNE_REGISTRY_UNAVAILABLE
    │  ├─ KubernetesUnavailable  RUNE_KUBERNETES_UNAVAILABLE
    │  ├─ SigningUnavailable     RUNE_SIGNING_UNAVAILABLE
    │  ├─ StoreStale             RUNE_STORE_STALE
    │  ├─ DeadlineExceeded       RUNE_DEADLINE_EXCEEDED
    │  └─ Overloaded             RUNE_OVERLOADED
    ├─ Conflict                  FAILED_PRECONDITION  exit 9   another writer was first
    │  ├─ CommitConflict         RUNE_COMMIT_CONFLICT
    │  └─ KubernetesConflict     RUNE_KUBERNETES_CONFLICT
    └─ InternalError             INTERNAL             exit 70  a bug of ours

Why INTERNAL where gRPC has UNAVAILABLE and DEADLINE_EXCEEDED: for those the kubelet keeps the target folder, and a
pod may then start on an empty volume. The codes below are the ones after which it cleans up and tries again.
"""

from enum import StrEnum
from typing import ClassVar, Final

MAX_TEXT_CHARS: Final = 600
"""Kubernetes cuts an Event's message at 1,024 characters, the driver adds its own text around ours."""


class Code(StrEnum):
    """The names of the gRPC status codes that Rune answers with (no gRPC import: only the server speaks gRPC)."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    DATA_LOSS = "DATA_LOSS"
    INTERNAL = "INTERNAL"


class RuneError(Exception):
    """An error with a reason token, a text that says what is wrong and a sentence that says how to mend it.

    Args:
        what: what is wrong and where (the field, the path), without its value where that may be secret.
        mend: what the reader should do about it.
    """

    reason: ClassVar[str] = "RUNE_INTERNAL"
    code: ClassVar[Code] = Code.INTERNAL
    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        """The reason token, what is wrong, the mend; at most MAX_TEXT_CHARS, cut in the middle part.

        What is wrong may name what a stranger wrote: nothing in it ends a line or speaks to a terminal.
        """
        tail = f": {self.mend}" if self.mend else ""
        room = MAX_TEXT_CHARS - len(self.reason) - 2 - len(tail)
        what = _printable(self.what)
        what = what if len(what) <= room else what[: max(room - 1, 0)] + "…"
        return f"{self.reason}: {what}{tail}"[:MAX_TEXT_CHARS]


def _printable(text: str) -> str:
    """The text with an escape in Python's spelling for each character that isn't printable, half a one among them."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


class InvalidInput(RuneError):
    """What the caller wrote is wrong."""

    reason, code, exit_code = "RUNE_INPUT_INVALID", Code.INVALID_ARGUMENT, 2


class InvalidRequest(InvalidInput):
    """The driver's request is not what driver and kubelet send."""

    reason = "RUNE_REQUEST_INVALID"


class InvalidParameter(InvalidInput):
    """A parameter of the SecretProviderClass, or a volume attribute that overrides it, is wrong."""

    reason = "RUNE_PARAMETER_INVALID"


class InvalidReference(InvalidInput):
    """An OCI reference, tag or digest is malformed."""

    reason = "RUNE_REFERENCE_INVALID"


class InvalidPath(InvalidInput):
    """A secret's path breaks the rules of the store format."""

    reason = "RUNE_PATH_INVALID"


class InvalidKey(InvalidInput):
    """The name of a key inside a secret breaks the rules of the store format."""

    reason = "RUNE_KEY_INVALID"


class InvalidValue(InvalidInput):
    """A value is too large or not of the form that was announced; the text never shows it."""

    reason = "RUNE_VALUE_INVALID"


class InvalidConfig(InvalidInput):
    """A configuration file, an option or an object read from a file is wrong."""

    reason = "RUNE_CONFIG_INVALID"


class InvalidSealedFile(InvalidInput):
    """A file of `rune seal` was altered, or is for another store, path or key."""

    reason = "RUNE_SEALED_INVALID"


class InvalidPolicyDocument(InvalidInput):
    """The policy that is to be put, signed or tested can't be parsed, or its serial isn't above the one before."""

    reason = "RUNE_POLICY_DOCUMENT_INVALID"


class RenderFailed(InvalidInput):
    """A stored value doesn't have the form that encoding, jmesPath, format or template needs."""

    reason = "RUNE_RENDER_FAILED"


class NotFound(RuneError):
    """What was asked for is not there."""

    reason, code, exit_code = "RUNE_NOT_FOUND", Code.NOT_FOUND, 3


class StoreNotFound(NotFound):
    """No RuneStore or ClusterRuneStore, or no repository, of that name."""

    reason = "RUNE_STORE_NOT_FOUND"


class StoreEmpty(NotFound):
    """The repository has no head: nothing was ever committed, or the tag `latest` was removed."""

    reason = "RUNE_STORE_EMPTY"


class SecretNotFound(NotFound):
    """The verified snapshot has no secret under this path."""

    reason = "RUNE_SECRET_NOT_FOUND"


class KeyNotFound(NotFound):
    """The secret has no such key."""

    reason = "RUNE_KEY_NOT_FOUND"


class SnapshotNotFound(NotFound):
    """The revision that was asked for isn't in the history, or is below the lowest that may be used."""

    reason = "RUNE_SNAPSHOT_NOT_FOUND"


class Unauthenticated(RuneError):
    """Who asks is not proved."""

    reason, code, exit_code = "RUNE_UNAUTHENTICATED", Code.UNAUTHENTICATED, 4


class TokenMissing(Unauthenticated):
    """The driver sent no service account token."""

    reason = "RUNE_TOKEN_MISSING"


class TokenRejected(Unauthenticated):
    """The token is expired, of another audience, of another pod than the request names, or of a pod on another node."""

    reason = "RUNE_TOKEN_REJECTED"


class RegistryUnauthorized(Unauthenticated):
    """The registry refused our credentials, or a place that we don't trust asked for them."""

    reason, code = "RUNE_REGISTRY_UNAUTHORIZED", Code.FAILED_PRECONDITION


class PermissionDenied(RuneError):
    """Who asks is known, and may not."""

    reason, code, exit_code = "RUNE_DENIED", Code.PERMISSION_DENIED, 5


class PolicyDenied(PermissionDenied):
    """No rule of the policy allows this path to this caller, or one denies it."""

    reason = "RUNE_POLICY_DENIED"


class StoreNotAdmitted(PermissionDenied):
    """A ClusterRuneStore doesn't admit the pod's namespace."""

    reason = "RUNE_STORE_NOT_ADMITTED"


class KeysetNotAdmitted(PermissionDenied):
    """The keyset Secret's annotations don't admit this store or namespace."""

    reason = "RUNE_KEYSET_NOT_ADMITTED"


class NotReady(RuneError):
    """The set-up must be mended first."""

    reason, code, exit_code = "RUNE_NOT_READY", Code.FAILED_PRECONDITION, 6


class StoreInvalid(NotReady):
    """A RuneStore's spec is wrong, or what it refers to is missing."""

    reason = "RUNE_STORE_INVALID"


class StoreSuspended(NotReady):
    """An administrator set spec.suspend."""

    reason = "RUNE_STORE_SUSPENDED"


class KeysetMissing(NotReady):
    """The keyset that a value names is not at hand."""

    reason = "RUNE_KEYSET_MISSING"


class SigningKeyMissing(NotReady):
    """A writer has no signing key, or its passphrase is wrong."""

    reason = "RUNE_SIGNING_KEY_MISSING"


class AlreadyRunning(NotReady):
    """Another provider serves this node's socket."""

    reason = "RUNE_ALREADY_RUNNING"


class KubernetesForbidden(NotReady):
    """The Kubernetes API knows us and refuses: an RBAC rule is missing."""

    reason = "RUNE_KUBERNETES_FORBIDDEN"


class UnsafeFile(NotReady):
    """A file that must be private isn't, can't be read or can't be written."""

    reason = "RUNE_FILE_UNSAFE"


class VerificationFailed(RuneError):
    """What the registry answered can't be believed."""

    reason, code, exit_code = "RUNE_VERIFICATION_FAILED", Code.DATA_LOSS, 7


class DigestMismatch(VerificationFailed):
    """Bytes don't have the digest or the size by which they were asked for."""

    reason = "RUNE_DIGEST_MISMATCH"


class FormatInvalid(VerificationFailed):
    """A document of the store isn't of format v1."""

    reason = "RUNE_FORMAT_INVALID"


class SizeExceeded(VerificationFailed):
    """A document or an answer is larger than the format allows."""

    reason = "RUNE_SIZE_EXCEEDED"


class SignatureMissing(VerificationFailed):
    """There is no signature over this digest."""

    reason = "RUNE_SIGNATURE_MISSING"


class SignatureInvalid(VerificationFailed):
    """There are signatures, and none is by a signer that is accepted in this role."""

    reason = "RUNE_SIGNATURE_INVALID"


class StoreMismatch(VerificationFailed):
    """Head or snapshot belong to another store or epoch."""

    reason = "RUNE_STORE_MISMATCH"


class HeadExpired(VerificationFailed):
    """The head's io.rune.expires has passed."""

    reason = "RUNE_HEAD_EXPIRED"


class ClockBehind(VerificationFailed):
    """This machine's clock is behind a time that was already signed."""

    reason = "RUNE_CLOCK_BEHIND"


class StoreRolledBack(VerificationFailed):
    """The head is older than one that was already accepted, or than spec.minRevision."""

    reason = "RUNE_STORE_ROLLED_BACK"


class StoreForked(VerificationFailed):
    """The head doesn't descend from the snapshot that was already accepted."""

    reason = "RUNE_STORE_FORKED"


class PolicyInvalid(VerificationFailed):
    """The policy inside a signed snapshot, or a RuneStore's ceiling, can't be parsed; it denies everything."""

    reason = "RUNE_POLICY_INVALID"


class PolicyRolledBack(VerificationFailed):
    """A policy signer signed the policy once, and a later one was already in force."""

    reason = "RUNE_POLICY_ROLLED_BACK"


class DecryptionFailed(VerificationFailed):
    """A value doesn't decrypt with its keyset under this store, path, key, cluster and audience."""

    reason = "RUNE_DECRYPTION_FAILED"


class Unavailable(RuneError):
    """Something outside did not answer; the same request may succeed later."""

    reason, code, exit_code = "RUNE_UNAVAILABLE", Code.INTERNAL, 8


class RegistryUnavailable(Unavailable):
    """Neither the registry nor a mirror answered in time."""

    reason = "RUNE_REGISTRY_UNAVAILABLE"


class KubernetesUnavailable(Unavailable):
    """The Kubernetes API did not answer in time."""

    reason = "RUNE_KUBERNETES_UNAVAILABLE"


class SigningUnavailable(Unavailable):
    """A service that signing by identity needs doesn't answer: the issuer, the certificate authority, the log."""

    reason = "RUNE_SIGNING_UNAVAILABLE"


class StoreStale(Unavailable):
    """The last confirmed state is older than spec.maxStale."""

    reason = "RUNE_STORE_STALE"


class DeadlineExceeded(Unavailable):
    """Our own deadline, shorter than the caller's, has passed."""

    reason = "RUNE_DEADLINE_EXCEEDED"


class Overloaded(Unavailable):
    """Too many mounts wait for stores that aren't loaded yet."""

    reason = "RUNE_OVERLOADED"


class Conflict(RuneError):
    """Another writer was first."""

    reason, code, exit_code = "RUNE_CONFLICT", Code.FAILED_PRECONDITION, 9


class CommitConflict(Conflict):
    """Two writers changed the same key, or the base isn't the revision that was expected."""

    reason = "RUNE_COMMIT_CONFLICT"


class KubernetesConflict(Conflict):
    """A Kubernetes object exists already, or was changed since it was read."""

    reason = "RUNE_KUBERNETES_CONFLICT"


class InternalError(RuneError):
    """A bug of ours; the text says no more than where to look."""

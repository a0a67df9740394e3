"""Signing by identity: a one-time key, a certificate of Fulcio for whom an issuer's token names, an entry of a log.

The token is used for the certificate alone and goes to the certificate authority alone. The key never leaves memory.
"""

import importlib.resources
import json
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sigstore.dsse import Statement
from sigstore.errors import VerificationError
from sigstore.models import SigningConfig
from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken, detect_credential
from sigstore.sign import Signer, SigningContext

from rune.adapters.keyless import certified_identity
from rune.adapters.keyless_root import PUBLIC_GOOD, TrustedRoots
from rune.errors import InvalidConfig, RuneError, SignatureInvalid, SigningKeyMissing, SigningUnavailable
from rune.model.clock import Clock
from rune.model.limits import PUBLISH

_ASK: Final = "let the job ask for tokens (GitHub: permissions: id-token: write), or give --identity-token-file"
_T = TypeVar("_T")


class KeylessSigner:
    """A writer who signs as an identity. Implements ports.Signer. Not for several threads at once.

    Args:
        roots: the certificate's own log is verified by them; the store's readers will do the same.
        token_file: an OpenID Connect token for the audience `sigstore`; None: what this CI job has.
        signing_config: where Fulcio, Rekor and timestamp authorities are, JSON as `cosign signing-config create` makes
            it; None: the public good's.
        clock: the time; a certificate is replaced in time.
        timeout_s: how long each service is waited for.

    Raises:
        InvalidConfig: the signing configuration can't be used.
        SigningKeyMissing: there is no token, it has expired, or the certificate authority refuses it.
        SigningUnavailable: the issuer or the certificate authority doesn't answer.
        SignatureInvalid: the certificate isn't one that the roots prove.
    """

    def __init__(
        self,
        roots: TrustedRoots,
        *,
        token_file: Path | None,
        signing_config: Path | None,
        clock: Clock,
        timeout_s: float = PUBLISH.signing_timeout_s,
    ) -> None:
        self._roots = roots
        self._token_file = token_file
        self._clock = clock
        self._timeout_s = timeout_s
        self._config = _signing_config(signing_config)
        self._signed_as: tuple[str, str] | None = None
        # At once: whoever may not sign should hear it before anything is written.
        self._signer, self._until_s = self._certified()

    def sign(self, statement: bytes) -> bytes:
        """As ports.Signer. The log's entry is public: it names the identity and the digest that was signed."""
        if self._clock.monotonic() >= self._until_s:
            self._signer, self._until_s = self._certified()
        signer, named = self._signer, Statement(_named(statement))
        bundle = _attempt("the log", lambda: signer.sign_dsse(named), self._timeout_s)
        self._signed_as = certified_identity(bundle.signing_certificate)
        return bundle.to_json().encode()

    @property
    def signed_as(self) -> tuple[str, str] | None:
        """The issuer and the subject of the certificate that signed last, as the certificate authority calls them.

        None before anything was signed, and where the certificate names none that a store could accept.
        """
        return self._signed_as

    def _certified(self) -> tuple[Signer, float]:
        """A new key with its certificate, and until when (monotonic) it is used: the log's time must be within it."""
        until_s = self._clock.monotonic() + PUBLISH.certificate_s
        token = _attempt("the issuer of identity tokens", lambda: _token(self._token_file), self._timeout_s)
        config = self._config
        context = SigningContext(
            fulcio=config.get_fulcio(),
            rekor=config.get_tlogs()[0],
            trusted_root=self._roots.document,
            tsa_clients=config.get_tsas(),
        )
        signer = _attempt("the certificate authority", lambda: Signer(token, context, cache=True), self._timeout_s)
        return signer, until_s


def _named(statement: bytes) -> bytes:
    """The statement with a name for its subject, which sigstore's model insists on; cosign has none."""
    document = json.loads(statement)
    for subject in document["subject"]:
        subject.setdefault("name", "")
    return json.dumps(document, separators=(",", ":")).encode()


def _signing_config(path: Path | None) -> SigningConfig:
    try:
        if path is not None:
            return SigningConfig.from_file(str(path))
        embedded = importlib.resources.files("sigstore").joinpath(*PUBLIC_GOOD, "signing_config.v0.2.json")
        with importlib.resources.as_file(embedded) as file:
            return SigningConfig.from_file(str(file))
    except Exception:  # noqa: BLE001  # the library raises whatever its parts raise
        raise InvalidConfig(
            f"the signing configuration {path or 'of sigstore.dev'} can't be used",
            mend="make one with `cosign signing-config create`, and name it with --signing-config or in config.yaml",
        ) from None


def _token(path: Path | None) -> IdentityToken:
    raw = detect_credential() if path is None else _read_token(path)
    if not raw:
        raise SigningKeyMissing("there is no identity token to sign with", mend=_ASK)
    return IdentityToken(raw)


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(PUBLISH.identity_token_bytes + 1)
    except OSError as error:
        raise SigningKeyMissing(
            f"the identity token's file can't be read: {error.strerror}", mend="check --identity-token-file"
        ) from None
    if len(data) > PUBLISH.identity_token_bytes or not data.isascii():
        raise SigningKeyMissing(
            "the identity token's file holds no token", mend="name a file with one JSON web token and nothing else"
        )
    return data.decode().strip()


def _attempt(what: str, call: Callable[[], _T], timeout_s: float) -> _T:
    """Call the library on a thread of its own: it waits without limit, and raises what its parts raise.

    Args:
        what: who is asked.
        call: asks.
        timeout_s: how long to wait.

    Raises:
        SigningKeyMissing: they refuse.
        SigningUnavailable: they don't answer, or not so that it can be used.
    """
    answers: queue.SimpleQueue[tuple[_T] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(),))
        except Exception as error:  # noqa: BLE001  # handed over to the caller's thread
            answers.put(error)

    # A daemon: one that waits for ever must not keep the process.
    threading.Thread(target=run, name="rune-keyless", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, Exception):
        raise _refusal(what, answer) from None
    return answer[0]


def _refusal(what: str, error: Exception) -> RuneError:
    """Never with the library's text: it may quote what it was given."""
    if isinstance(error, RuneError):
        return error
    if isinstance(error, VerificationError):
        return SignatureInvalid(
            f"{what} gave a certificate that the store's trusted root doesn't prove",
            mend="name the trusted root of the services that you sign with, as trustedRootFile in rune.yaml",
        )
    if isinstance(error, IdentityError | ExpiredIdentity):
        return SigningKeyMissing(
            "the identity token can't be had, has expired, or isn't for the audience sigstore", mend=_ASK
        )
    status = _status(error)
    if status is not None and 400 <= status < 500:
        return SigningKeyMissing(
            f"{what} refused this identity (HTTP {status})", mend="check that it takes tokens of this issuer, and when"
        )
    seen = f"HTTP {status}" if status else type(error).__name__
    return SigningUnavailable(f"{what} doesn't answer so that one could sign ({seen})", mend="try again later")


def _status(error: BaseException | None) -> int | None:
    """The HTTP status behind an error, if there is one."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__ or error.__context__
    return None

"""Whether a bundle proves what its envelope says, by one trusted root, whoever the signer is.

This is sigstore's verifier, offline: the certificate's chain and its SCT, the log's inclusion proof and its time or a
timestamp within the certificate's minutes, the signature, and that the log's entry is of this signature.
"""

import logging
import threading
from collections import OrderedDict
from hashlib import sha256
from typing import Final

from cryptography.x509 import Certificate
from sigstore.models import Bundle

from rune.adapters.keyless_root import TrustedRoots
from rune.model.signature import Envelope

_LOG: Final = logging.getLogger(__name__)
_REMEMBERED: Final = 128
"""Verdicts that are kept: one head, snapshot and policy with all signatures that are looked at, and more."""


class Proofs:
    """Verdicts by one trusted root. Safe to use from several threads.

    Each is kept, the bad ones too: a store may name many identities, and what anyone may attach to an object is judged
    once for all of them. A verdict depends on the bytes and on the root alone, never on the time of asking.
    """

    def __init__(self, roots: TrustedRoots) -> None:
        self._roots = roots
        self._lock = threading.Lock()
        self._verdicts: OrderedDict[bytes, bool] = OrderedDict()

    def proves(self, envelope: Envelope, bundle: Bundle) -> bool:
        """Whether the bundle proves the envelope's type and payload.

        Args:
            envelope: as we read it.
            bundle: as the library read the same bytes.
        """
        key = sha256(sha256(envelope.bundle).digest() + envelope.message()).digest()
        with self._lock:
            known = self._verdicts.get(key)
        if known is not None:
            return known
        verdict = self._verify(envelope, bundle)
        with self._lock:
            self._verdicts[key] = verdict
            while len(self._verdicts) > _REMEMBERED:
                self._verdicts.popitem(last=False)
        return verdict

    def _verify(self, envelope: Envelope, bundle: Bundle) -> bool:
        try:
            verifier = self._roots.at(bundle.signing_certificate.not_valid_before_utc)
            verified = verifier.verify_dsse(bundle, _Anyone())
        except Exception as error:  # noqa: BLE001  # the library raises what its parts raise; none of it is a proof
            _LOG.debug("a bundle proves nothing: %s", type(error).__name__)
            return False
        # The library reads the bundle by rules of its own (fields in two spellings, lax base64): what it verified must
        # be what we read.
        return verified == (envelope.payload_type, envelope.payload)


class _Anyone:
    """Implements sigstore.verify.policy.VerificationPolicy: who it is was judged before, and is judged elsewhere."""

    def verify(self, cert: Certificate) -> None:
        """Accept."""

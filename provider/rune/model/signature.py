"""A signed envelope as it comes out of a sigstore bundle, before anyone has checked it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """A DSSE envelope (github.com/secure-systems-lab/dsse, protocol.md v1.0.2).

    Nothing in it may be believed before a verifier has said whose signature it bears.
    """

    payload_type: str
    payload: bytes
    signature: bytes
    bundle: bytes
    """The bundle's own bytes: a keyless verifier needs its certificate and its log entries."""
    certified: bool = False
    """Whether the bundle names a certificate as its signer's; otherwise it is a key that the reader must know."""

    def message(self) -> bytes:
        """The bytes that were signed: DSSE's pre-authentication encoding of type and payload."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)

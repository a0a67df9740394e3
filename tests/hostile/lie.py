"""What a lie is: how the registry's content or its answers are altered, and what must come of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tests.hostile.forge import Forger
from tests.support.http_server import Answer, Asked, Reply


@dataclass(frozen=True)
class Places:
    """Other servers that a lie may point to. All of them write down what they are asked."""

    storage: str
    """https, on the registry's own host by another port, as a storage host would be: holds the repository's blobs."""
    local: str
    """https, on this machine's loopback by another name than the registry's: what must never be reached."""
    plain: str
    """http, on the registry's own host by another port."""


Alter = Callable[[Forger], None]
"""Alters what the registry holds."""
Speak = Callable[[Asked, Answer, Places], Reply]
"""Alters an answer, given the honest one."""
Shown = int | str
"""What a mount gets: the files of this revision, or this reason token."""


@dataclass(frozen=True)
class Lie:
    """One way to lie.

    A new node has never seen the store; a known one has accepted revision `seen`. To both the registry then shows
    revision `shown`, altered.
    """

    name: str
    says: str
    """What the registry does, for the table."""
    new: Shown
    known: Shown
    alter: Alter | None = None
    speak: Speak | None = None
    seen: int = 2
    shown: int = 3
    accepted: Collection[str] = field(default=())
    """Where ("new", "known") the head is honest: it is accepted and its mark recorded, whatever comes of the mount."""
    signed: bool = False
    """It is signed by an accepted writer: what it says is the store's state as far as anybody can know."""
    slow: bool = False
    """It takes as long as it is let: the registry gets a moment for each request, instead of ten seconds."""
    protected: bool = False
    """The registry asks for the store's own credentials before it lies."""
    tls: bool = False
    """It only makes sense over TLS."""


def refused(
    name: str, says: str, reason: str, *, alter: Alter | None = None, speak: Speak | None = None, tls: bool = False
) -> Lie:
    """What the registry shows is no state of the store: nobody believes it, and no mount is served until the truth."""
    return Lie(name, says, reason, reason, alter, speak, tls=tls)


def silence(
    name: str,
    says: str,
    reason: str,
    *,
    alter: Alter | None = None,
    speak: Speak | None = None,
    slow: bool = False,
    protected: bool = False,
    tls: bool = False,
) -> Lie:
    """The registry shows nothing: a new node has nothing to serve, a known one what it verified last."""
    return Lie(name, says, reason, 2, alter, speak, slow=slow, protected=protected, tls=tls)


def withheld(
    name: str,
    says: str,
    reason: str,
    *,
    alter: Alter | None = None,
    speak: Speak | None = None,
    signed: bool = False,
    slow: bool = False,
    protected: bool = False,
    tls: bool = False,
) -> Lie:
    """The state is acceptable, but a secret of it can't be had or believed: whoever mounts that one is refused."""
    accepted = ("new", "known")
    return Lie(
        name, says, reason, reason, alter, speak, 2, 3, accepted, signed=signed, slow=slow, protected=protected, tls=tls
    )


def harmless(
    name: str,
    says: str,
    *,
    alter: Alter | None = None,
    speak: Speak | None = None,
    protected: bool = False,
    tls: bool = False,
) -> Lie:
    """It changes nothing: the pods get the new files."""
    return Lie(name, says, 3, 3, alter, speak, accepted=("new", "known"), protected=protected, tls=tls)

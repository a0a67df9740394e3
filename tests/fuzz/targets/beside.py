"""What stands beside the documents: tags that anyone may push, files of a colleague's, of the node's configuration."""

from pathlib import Path

from rune.adapters.file_tokens import FileTokens
from rune.cli.commands.render import read_parameters
from rune.errors import InvalidConfig, InvalidReference, TokenRejected
from rune.model.clock import Deadline
from rune.model.limits import KIB
from rune.model.oci import digest_of, parse_tag
from rune.model.store import revision_tag
from rune.publish.tags import leads_to, tag_revision
from tests.fakes.clock import FakeClock
from tests.fuzz.target import Target, as_text
from tests.fuzz.targets.configuration import in_file

KNOWN_TOKEN = "the-token-of-api-0"
_DIGEST = digest_of(b"snapshot")
_HEX = 12


def _revision_tag(data: bytes) -> None:
    """A tag of another form is no revision's; one of this form is exactly what a commit writes."""
    tag = as_text(data)
    revision = tag_revision(tag)
    if revision is None:
        assert not leads_to(tag, _DIGEST)
        raise InvalidReference("it is no revision's tag", mend="take one of a commit")
    assert parse_tag(tag) == tag
    assert leads_to(tag, _DIGEST) == (tag == revision_tag(revision, _DIGEST))
    assert revision_tag(revision, _DIGEST)[:-_HEX] == tag[:-_HEX]


def _provider_class(data: bytes) -> None:
    for name, value in in_file("class.yaml", data, read_parameters).items():
        assert isinstance(name, str)
        assert isinstance(value, str)


def _identities(data: bytes) -> None:
    """Whoever is found is whom the file names by the token's hash, for one of our audiences, and not for ever."""

    def asked(path: Path) -> None:
        clock = FakeClock()
        identity = FileTokens(path, clock).authenticate(KNOWN_TOKEN, ("rune",), deadline=Deadline.after(5, clock))
        assert "rune" in identity.audiences
        assert identity.expires > clock.now()
        assert KNOWN_TOKEN.encode() not in data

    in_file("identities.yaml", data, asked)


TARGETS = (
    Target("revision-tag", _revision_tag, (InvalidReference,), max_bytes=1 * KIB),
    Target("provider-class", _provider_class, (InvalidConfig,)),
    Target("identities", _identities, (InvalidConfig, TokenRejected)),
)

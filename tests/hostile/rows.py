"""The cases that need more than one answer of one registry: their names and what happens in them, for the table."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Row:
    """One case, tested by the function of the same name in one of this folder's test modules."""

    name: str
    says: str


ROWS: Final = (
    Row("mirror-beside-a-liar", "the registry lies, its mirror doesn't"),
    Row("lying-mirror", "the mirror lies, the registry doesn't"),
    Row("lying-mirror-of-a-silent-registry", "the mirror lies, the registry is silent"),
    Row("lagging-mirror-of-a-silent-registry", "the mirror shows an older snapshot than a node knows"),
    Row("forked-mirror-of-a-silent-registry", "the mirror shows another third snapshot than a node knows"),
    Row("mirror-that-mends", "the registry alters a value, the mirror has it right"),
    Row("mirror-that-asks-for-the-password", "the mirror asks for a password, there is only the registry's"),
    Row("freeze", "the registry shows the same head until it has expired"),
    Row("silence-beyond-max-stale", "the registry is silent for longer than spec.maxStale"),
    Row("replay-after-a-restart", "an older snapshot is shown to the next process on a node"),
    Row(
        "replay-with-the-cache-removed", "an older snapshot is shown to a node whose cache is gone, with its marks left"
    ),
    Row(
        "replay-to-a-new-node-with-a-status", "an older snapshot is shown to a new node; the object's status knows more"
    ),
    Row("replay-below-min-revision", "an older snapshot is shown to a new node; spec.minRevision is higher"),
    Row("fork-to-two-nodes", "two nodes are shown different third snapshots, then each other's"),
    Row("fork-to-a-new-node-with-a-status", "a new node is shown another third snapshot than the object's status says"),
    Row("tls-wrong-name", "the certificate is another host's"),
    Row("tls-expired", "the certificate has expired"),
    Row("tls-unknown-ca", "the certificate is of a CA that nobody trusts"),
    Row("tls-downgrade", "plain http is spoken where TLS was asked for"),
    Row("password-of-another-host", "a login of another host is at hand when the registry asks for one"),
    Row("crowd", "a provider process meets all lies that take no time at once, each by a store of its own"),
    Row("large-crowd", "thirty stores of one namespace have snapshots as large as can be, signed"),
    Row("hanging-crowd", "twelve stores of one namespace never get an answer"),
    Row("endless-tags", "the registry lists tags to a writer without an end"),
    Row("endless-revisions", "the registry lists tags of a hundred thousand commits that are none"),
    Row("hostile-tags", "the registry lists tags to a writer that would break out of a URL or a header"),
    Row("upload-elsewhere", "the registry names a writer another host to upload to"),
    Row("upload-by-redirect", "the registry redirects a writer's upload to another host"),
    Row("upload-without-a-place", "the registry takes an upload and doesn't say where"),
    Row("upload-altered", "the registry says that it stored something else than a writer gave it"),
)


def row(name: str) -> Row:
    """The row of this name; a case without one is none."""
    return next(row for row in ROWS if row.name == name)

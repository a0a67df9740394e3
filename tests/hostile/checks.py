"""What must hold after every lie, whatever came of the mount."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.fakes.registry import MemoryRegistry
from tests.hostile.ground import Ground
from tests.hostile.node import Node
from tests.hostile.store import REVISIONS, Store, files_at
from tests.support.http_server import Asked, Server
from tests.support.token_realm import Credentials

MOUNT_S: Final = 10.0
"""The longest that a mount may take: 25 s are what the driver gives it."""
REQUESTS: Final = 100
"""The most that one store's lie may make one node ask, for one refresh and one mount."""
GROWTH_MIB: Final = 48.0
"""By how much the process may grow meanwhile, the registries in it included."""
_OURS: Final = frozenset({"accept", "accept-encoding", "authorization", "host", "if-none-match", "user-agent"})
"""Every header that a reader sends."""
_BODYS: Final = frozenset({"content-length", "content-type"})
"""What comes with a body."""


def no_credential_strayed(ground: Ground) -> None:
    """Each password went to its own host only, no header was invented, and no cookie was given back."""
    liar, honest = (ground.plain, ground.secure), ground.honest
    logins = [(registry.credentials, registry.server) for registry in (*liar, honest)]
    everyone = (*(registry.server for registry in (*liar, honest, ground.mirror)), *ground.others)
    for server in everyone:
        own = {credentials for credentials, place in logins if place is server}
        strangers = {credentials for credentials, _ in logins} - own
        for asked in server.asked:
            assert asked.headers.keys() <= (_OURS | _BODYS if asked.method in ("PUT", "POST") else _OURS), (
                f"{server.host} was sent {sorted(asked.headers.keys() - _OURS)}"
            )
            for credentials in strangers:
                assert credentials is None or not _holds(asked, credentials), f"{server.host} was sent a password"
    for server in ground.others:
        for asked in server.asked:
            assert "authorization" not in asked.headers, f"{server.host} was sent credentials"


def nobody_was_misled_to(ground: Ground) -> None:
    """This machine's loopback by another name, and the host without TLS, were asked for nothing."""
    misled: tuple[Server, ...] = tuple(server for server in ground.others if server.url != ground.places.storage)
    assert [asked.path for server in misled for asked in server.asked] == []


def state_is_clean(node: Node, store: Store, more: MemoryRegistry | None = None) -> None:
    """On the node's disk is nothing in the clear, and no content but the stores' own.

    Args:
        node: whose state folder.
        store: the one that was lied about.
        more: what the registry holds where its head was accepted: what hangs on that may be there, too.
    """
    honest = [registry for each in (store, node.ground.honest.store) for registry in each.pasts]
    known = {
        digest for registry in (*honest, *([more] if more else [])) for digest in (*registry.blobs, *registry.manifests)
    }
    for path in _files(node.state):
        data = path.read_bytes()
        if path.parent.name == "sha256":
            digest = hashlib.sha256(data).hexdigest()
            assert path.name == digest, f"{path} holds other content than its name says"
            # What is no store's content is what the replica itself keeps: the time of the last confirmation.
            assert f"sha256:{digest}" in known or len(data) < 64, f"{path} is no store's content"
        for secret in _secrets(store):
            assert secret not in data, f"{path} holds a secret"


def nothing_is_shown(text: str, store: Store, ground: Ground) -> None:
    """An error holds neither a value nor a password, and fits into an Event."""
    assert len(text) <= 600
    said = text.encode()
    for secret in (*_secrets(store), *_passwords(ground)):
        assert secret not in said


@contextmanager
def bounded_memory() -> Iterator[None]:
    """The process's peak of resident memory stays near where it was."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew (proc(5))
    before = _status_mib("VmRSS")
    yield
    growth = _status_mib("VmHWM") - before
    assert growth < GROWTH_MIB, f"{growth:.0f} MiB more were needed"


def _holds(asked: Asked, credentials: Credentials) -> bool:
    text = "\n".join([asked.path, *asked.headers.values()]).encode() + asked.body
    return credentials.password.encode() in text or credentials.basic.encode() in text


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _secrets(store: Store) -> Iterator[bytes]:
    for revision in range(1, REVISIONS + 1):
        for value in files_at(revision, store.name).values():
            start = value[:32]
            yield start
            yield base64.b64encode(start)[:40]


def _passwords(ground: Ground) -> Iterator[bytes]:
    for registry in (ground.plain, ground.honest):
        if registry.credentials is not None:
            yield registry.credentials.password.encode()
            yield registry.credentials.basic.encode()


def _status_mib(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {field}")

"""Where the tests stand: a registry that lies, an honest one beside it, and servers that wait to be misled to."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rune.model.bounded_yaml import Yaml
from tests.hostile import api
from tests.hostile.lie import Places
from tests.hostile.lies_elsewhere import ASKS_FOR_A_PASSWORD, SENDS_BACK
from tests.hostile.registry import HostileRegistry
from tests.hostile.store import Store
from tests.support.http_server import Answer, Asked, Server
from tests.support.tls import Authority
from tests.support.token_realm import Credentials

LIAR, HONEST = "liar", "honest"


@dataclass(frozen=True)
class Ground:
    """Everything that listens. The registry that lies is there twice, with TLS and without, and so is its mirror."""

    authority: Authority
    plain: HostileRegistry
    secure: HostileRegistry
    mirror: HostileRegistry
    """Of the registry that lies; without TLS."""
    honest: HostileRegistry
    """Another store's; never lies."""
    others: Sequence[Server]
    """What lies point to."""
    places: Places

    def liar(self, *, tls: bool) -> HostileRegistry:
        """The registry that lies."""
        return self.secure if tls else self.plain

    def reset(self) -> None:
        """All honest again, and nothing asked yet."""
        for registry in (self.plain, self.secure, self.mirror, self.honest):
            registry.show(len(registry.store.pasts))
            registry.server.asked.clear()
        for server in self.others:
            server.asked.clear()


@contextmanager
def standing(authority: Authority, liar: Store, honest: Store) -> Iterator[Ground]:
    """Start all servers."""
    holding: list[HostileRegistry] = []

    def storage_answer(asked: Asked) -> Answer:
        """Blobs to everyone, and the token that a realm would give."""
        if asked.path.startswith("/token"):
            return Answer(200, b'{"token": "t0ken-of-elsewhere"}', {"Content-Type": "application/json"})
        if asked.path.startswith(ASKS_FOR_A_PASSWORD):
            return Answer(401, b"", {"WWW-Authenticate": 'Basic realm="storage"'})
        if asked.path.startswith(SENDS_BACK):
            return Answer(302, b"", {"Location": places.local})
        digest = asked.path.partition("?")[0].rpartition("/")[2]
        data = next((data for known, data in holding[0].content.blobs.items() if known == digest), None)
        return Answer(404) if data is None else Answer(200, data)

    storage = Server(storage_answer, authority.issue("storage"))
    local = Server(storage_answer, authority.issue("local"), name="localhost")
    plain = Server(storage_answer)
    places = Places(storage.url, local.url, plain.url)
    login = Credentials("liar-user")
    ground = Ground(
        authority=authority,
        plain=HostileRegistry(liar, places, credentials=login),
        secure=HostileRegistry(liar, places, authority.issue("liar"), login),
        mirror=HostileRegistry(liar, places),
        honest=HostileRegistry(honest, places, authority.issue("honest"), Credentials("honest-user")),
        others=(storage, local, plain),
        places=places,
    )
    holding.append(ground.plain)
    with ExitStack() as stack:
        for registry in (ground.plain, ground.secure, ground.mirror, ground.honest):
            stack.enter_context(registry.server.running())
        for server in ground.others:
            stack.enter_context(server.running())
        yield ground


def registry_spec(registry: HostileRegistry, *, mirror: HostileRegistry | None = None) -> dict[str, Yaml]:
    """What a RuneStore says of a registry, its Secret and ConfigMap included."""
    tls = registry.server.url.startswith("https")
    return {
        "url": f"oci://{registry.server.host}/{api.REPOSITORY}",
        "credentials": {"secretRef": {"name": "login"}},
        "caRef": {"name": "ca"},
        **({} if tls else {"plainHTTP": True}),
        **({} if mirror is None else {"mirrors": [f"oci://{mirror.server.host}/{api.REPOSITORY}"]}),
    }

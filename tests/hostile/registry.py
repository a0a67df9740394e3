"""The registry that lies, and the program that lets anyone talk to it.

python -m tests.hostile.registry --list
python -m tests.hostile.registry --lie endless-body [--tls]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.registry import MemoryRegistry
from tests.hostile import api
from tests.hostile.forge import Forger
from tests.hostile.lie import Lie, Places
from tests.hostile.store import Store, publish
from tests.support.http_server import Answer, Asked, Reply, Server
from tests.support.tls import Authority, ServerIdentity
from tests.support.token_realm import Credentials


class HostileRegistry:
    """One repository. Until it is told to lie, it is honest.

    Args:
        store: whose content it holds.
        places: what its lies point to.
        identity: speak TLS with this certificate.
        credentials: what it asks for before it answers; None: nothing.
    """

    def __init__(
        self,
        store: Store,
        places: Places,
        identity: ServerIdentity | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.server = Server(self._respond, identity)
        self.store = store
        self.content = store.at(len(store.pasts))
        self.credentials = credentials
        self._places = places
        self._lie: Lie | None = None
        self._gone = False

    def show(self, revision: int) -> None:
        """Show this revision, honestly."""
        self._lie, self._gone, self.content = None, False, self.store.at(revision)

    def hold(self, content: MemoryRegistry) -> None:
        """Hold this content, and answer honestly."""
        self._lie, self._gone, self.content = None, False, content

    def tell(self, lie: Lie) -> None:
        """Lie from now on."""
        content = self.store.at(lie.shown)
        if lie.alter is not None:
            lie.alter(Forger(content, self.store))
        self._lie, self._gone, self.content = lie, False, content

    def go(self) -> None:
        """Answer 404 to everything, as if the repository had been removed."""
        self._gone = True

    def _respond(self, asked: Asked) -> Reply:
        if self._gone:
            return Answer(404)
        lie = self._lie
        honest = api.answer(asked, self.content, self.credentials if lie is None or lie.protected else None)
        if lie is None or lie.speak is None or honest.status == 401:
            return honest
        return lie.speak(asked, honest, self._places)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one lie until interrupted."""
    from tests.hostile.lies import LIES, named  # the table is made of modules that know nothing of this one

    parser = argparse.ArgumentParser(prog="python -m tests.hostile.registry", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the lies")
    parser.add_argument("--lie", choices=sorted(lie.name for lie in LIES), metavar="NAME", help="tell this one")
    parser.add_argument("--tls", action="store_true", help="speak TLS")
    options = parser.parse_args(arguments)
    if options.list or options.lie is None:
        for lie in LIES:
            print(f"{lie.name:40} {lie.says}")
        return 0
    lie = named(options.lie)
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder)) if options.tls else None
        nowhere = "https://127.0.0.1:9"
        places = Places(storage=nowhere, local="https://localhost:9", plain="http://127.0.0.1:9")
        registry = HostileRegistry(publish("hostile"), places, authority.issue("registry") if authority else None)
        registry.tell(lie)
        with registry.server.running() as server:
            print(f"{server.url}/{api.REPOSITORY}: {lie.says}")
            print(f"storeID: {registry.store.store_id}\n{registry.store.signer.public_pem}", end="")
            print(f"CA: {authority.ca_file}" if authority else "", flush=True)
            try:
                while True:
                    time.sleep(60)
            except KeyboardInterrupt:
                return 0


if __name__ == "__main__":
    sys.exit(main())

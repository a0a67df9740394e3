"""One node without Kubernetes or a registry: a published store in an OCI layout, files, a provider, a driver."""

from pathlib import Path

import pytest

from rune.adapters.layout import LayoutRegistry
from tests.fakes.mounting import ALLOW, POD
from tests.support.driver import Mounted, MountRefused
from tests.support.provider import Provider, write_config
from tests.support.published import Published
from tests.unit.publish.world import World, set_keys

TOKEN = "the-token-of-api-0"
SECRET = "correct horse battery staple"
DB = "- {path: prod/payments/db, key: password, fileName: db/password, mode: '0400'}"


class Node:
    """One node: a published store, a provider, a driver."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.published = Published(LayoutRegistry(self.store), f"oci-layout://{self.store}")
        self.world: World = self.published.world()
        self.world.create(policy=ALLOW)
        self.world.commit(
            set_keys("prod/payments/db", {"password": SECRET, "user": "api"}), set_keys("other/db", {"password": "x"})
        )
        self.configure()
        self.provider = self.another("provider")

    def another(self, name: str, *arguments: str) -> Provider:
        return Provider(
            self.folder / name, ["--config-dir", str(self.folder / "conf"), "--cluster-name", "east", *arguments]
        )

    def configure(self, **spec: str | int | bool) -> None:
        objects = [self.published.store_object(**spec), self.published.keyset_object()]
        write_config(self.folder / "conf", objects, {TOKEN: POD})

    def mount(self, objects: str = DB, *, target: Path | None = None, token: str | None = TOKEN) -> Mounted:
        driver = self.provider.driver()
        try:
            return driver.mount(POD, {"store": "main", "objects": objects}, token=token, target=target)
        finally:
            driver.close()

    def refusal(self, objects: str = DB, *, token: str | None = TOKEN) -> MountRefused:
        with pytest.raises(MountRefused) as caught:
            self.mount(objects, token=token)
        return caught.value

    def restart(self) -> None:
        self.provider.stop()
        self.provider.start()

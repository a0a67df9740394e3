"""A store's place as a writer reaches it."""

import os
from pathlib import Path
from typing import Final

from rune.adapters.docker_auth import DockerConfig
from rune.adapters.layout import LayoutRegistry
from rune.adapters.registry import Access
from rune.errors import InvalidConfig
from rune.model.limits import MIB
from rune.model.oci import LayoutFolder, Location
from rune.ports import WritableRegistry
from rune.transport.pools import TransportConfig
from rune.transport.proxy import ProxyRules
from rune.wiring.writer_config import RegistryOptions

_CA_BYTES: Final = 1 * MIB


def open_registry(location: Location, options: RegistryOptions) -> WritableRegistry:
    """Build the registry; nothing is asked of it yet.

    Raises:
        InvalidConfig: an option can't be used.
    """
    if isinstance(location, LayoutFolder):
        return LayoutRegistry(location.path)
    from rune.adapters.oras_push import OrasRegistry  # oras costs 24 MB and 0.3 s, which a folder doesn't need

    access = Access(
        config=TransportConfig(
            ca_pem=None if options.ca_file is None else _read(options.ca_file), proxies=_proxies(options.proxy)
        ),
        credentials=DockerConfig.of_user(options.docker_config),
        realm_hosts=options.realm_hosts,
        plain_http=options.plain_http,
    )
    return OrasRegistry(location, access)


def _proxies(given: str | None) -> ProxyRules:
    """The given one, else the environment's; NO_PROXY exempts from both."""
    if given is None:
        return ProxyRules.from_environment(os.environ)
    return ProxyRules.explicit(given, no_proxy=os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_CA_BYTES).decode("ascii")
    except OSError as error:
        raise InvalidConfig(
            f"{path} can't be read: {error.strerror}", mend="name the file of the registry's CA"
        ) from None
    except UnicodeDecodeError:
        raise InvalidConfig(f"{path} is not PEM", mend="name the file of the registry's CA, PEM") from None

"""Real OCI registries on loopback, of two generations.

distribution 3 (DistributionRegistry) and Debian's docker-registry 2.8 (DebianRegistry) take the same configuration and
differ in what a client meets: neither has the referrers API.
"""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import bcrypt
import urllib3
import yaml

from tests.support.process import LOOPBACK, Process, free_port
from tests.support.tls import Authority
from tests.support.token_realm import ISSUER, SERVICE, Credentials, TokenRealm
from tests.support.tools import tool

# The least that bcrypt takes: each request costs the registry one of these.
BCRYPT_ROUNDS = 4


@dataclass(frozen=True)
class Basic:
    """Access by user name and password (htpasswd)."""

    credentials: Credentials


@dataclass(frozen=True)
class Bearer:
    """Access by tokens of a realm, which must be running."""

    realm: TokenRealm


Access = Basic | Bearer | None


class Registry:
    """One registry process; start() and stop() may be called any number of times, storage and port stay.

    `access` None lets everybody in; with `authority` it speaks TLS. `host` is "127.0.0.1:PORT", `url` has the scheme,
    `storage` is the folder where its blobs lie, for tests that tamper with them, `credentials` open it, if any are
    needed.
    """

    program: ClassVar[str]

    def __init__(self, folder: Path, *, access: Access = None, authority: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.access = access
        self.ca_file = authority.ca_file if authority else None
        self.host = f"{LOOPBACK}:{free_port()}"
        self.url = f"{'https' if authority else 'http'}://{self.host}"
        self.storage = folder / "storage"
        self.log = folder / "registry.log"
        config = folder / "config.yml"
        config.write_text(yaml.safe_dump(self._config(authority)))
        self._http = urllib3.PoolManager(ca_certs=str(self.ca_file) if self.ca_file else None, retries=False)
        self._process = Process(
            [str(tool(self.program)), "serve", str(config)], self.log, env={"OTEL_TRACES_EXPORTER": "none"}
        )

    @property
    def credentials(self) -> Credentials | None:
        """What a client must present, to the registry or to its realm."""
        match self.access:
            case Basic(credentials):
                return credentials
            case Bearer(realm):
                return realm.credentials
            case None:
                return None

    @property
    def realm(self) -> TokenRealm | None:
        """The realm that it sends clients to, if it does."""
        return self.access.realm if isinstance(self.access, Bearer) else None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ProcessFailed: with the end of its log.
        """
        self._process.start(self._answers)

    def stop(self) -> None:
        """Stop it: connections are refused until the next start."""
        self._process.stop()

    def _answers(self) -> bool:
        try:
            return self._http.request("GET", f"{self.url}/v2/", timeout=1).status in {200, 401}
        except urllib3.exceptions.HTTPError:
            return False

    def _config(self, authority: Authority | None) -> dict[str, Any]:
        http: dict[str, Any] = {"addr": self.host, "secret": secrets.token_hex(16)}
        if authority is not None:
            identity = authority.issue(f"registry-{self.host.rpartition(':')[2]}")
            http["tls"] = {"certificate": str(identity.certificate), "key": str(identity.key)}
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": http,
        }
        if auth := self._auth():
            config["auth"] = auth
        return config

    def _auth(self) -> dict[str, Any]:
        match self.access:
            case Basic(credentials):
                users = self._folder / "htpasswd"
                digest = bcrypt.hashpw(credentials.password.encode(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
                users.write_text(f"{credentials.username}:{digest}\n")
                return {"htpasswd": {"realm": "rune tests", "path": str(users)}}
            case Bearer(realm):
                bundle = str(realm.root_certificates)
                token = {"realm": realm.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle}
                return {"token": token}
            case None:
                return {}


def docker_config(*registries: Registry) -> dict[str, Any]:
    """A docker configuration that opens registries: config.json, or what a kubernetes.io/dockerconfigjson holds."""
    auths = {}
    for registry in registries:
        if registry.credentials is not None:
            pair = f"{registry.credentials.username}:{registry.credentials.password}"
            auths[registry.host] = {"auth": base64.b64encode(pair.encode()).decode()}
    return {"auths": auths}


class StartRegistry(Protocol):
    """Starts a registry of a test's own (the fixture start_registry), stopped when the test ends."""

    def __call__(
        self, kind: type[Registry], *, access: Access = None, authority: Authority | None = None
    ) -> Registry: ...


class DistributionRegistry(Registry):
    """distribution 3, what most people run."""

    program = "registry"


class DebianRegistry(Registry):
    """docker-registry 2.8 as Debian ships it, what old installations run."""

    program = "docker-registry"

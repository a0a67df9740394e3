"""The real cosign and crane, as a user would call them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.registry import Registry, docker_config

COMMAND_TIMEOUT_S = 60
# Enough for `cosign verify` offline with a key: no certificate authority and no log is trusted, none is asked.
EMPTY_TRUSTED_ROOT = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}


class CommandFailed(Exception):
    """The program ended with an error; the text is what it said."""


@dataclass(frozen=True)
class KeyPair:
    """Files as `cosign generate-key-pair` writes them, and the password of the private one."""

    private: Path
    public: Path
    password: str = field(repr=False)


@dataclass(frozen=True)
class Cosign:
    """Calls the cosign binary with `home` as its home folder: it asks nobody on the network but the registry."""

    binary: Path
    home: Path

    def generate_key_pair(self, folder: Path, name: str = "cosign", password: str = "") -> KeyPair:
        """Make folder/name.key and .pub, once; an empty password still encrypts the private key, as cosign does."""
        prefix = folder / name
        self._run(["generate-key-pair", f"--output-key-prefix={prefix}"], {"COSIGN_PASSWORD": password})
        return KeyPair(prefix.with_suffix(".key"), prefix.with_suffix(".pub"), password)

    def sign(self, registry: Registry, reference: str, key: KeyPair, *, legacy: bool = False) -> None:
        """Sign `repository@sha256:...` of a registry: a sigstore bundle as referrer, or `legacy`: a .sig tag."""
        options = ["--tlog-upload=false", "--use-signing-config=false", f"--new-bundle-format={_flag(not legacy)}"]
        command = ["sign", "--yes", f"--key={key.private}", *options, f"{registry.host}/{reference}"]
        self._run(command, {"COSIGN_PASSWORD": key.password, **_access(self.home, registry)})

    def attest(self, registry: Registry, reference: str, key: KeyPair, predicate: Path, kind: str = "custom") -> None:
        """Attach a signed attestation about `repository@sha256:...`: the same bundle form, another statement."""
        options = ["--tlog-upload=false", "--use-signing-config=false", f"--type={kind}", f"--predicate={predicate}"]
        command = ["attest", "--yes", f"--key={key.private}", *options, f"{registry.host}/{reference}"]
        self._run(command, {"COSIGN_PASSWORD": key.password, **_access(self.home, registry)})

    def verify(self, registry: Registry, reference: str, public: Path, *, legacy: bool = False) -> None:
        """Verify `repository@sha256:...` with a public key.

        Raises:
            CommandFailed: cosign does not accept it.
        """
        root = self.home / "trusted-root.json"
        root.write_text(json.dumps(EMPTY_TRUSTED_ROOT))
        form = ["--new-bundle-format=false"] if legacy else [f"--trusted-root={root}"]
        command = ["verify", f"--key={public}", "--insecure-ignore-tlog", *form, f"{registry.host}/{reference}"]
        self._run(command, _access(self.home, registry))

    def create_trusted_root(
        self, folder: Path, *, authority_chain: bytes, log_key: bytes, certificate_log_key: bytes, since: str
    ) -> Path:
        """Make a trusted root of an instance's certificates and keys, all PEM; `since` is when both logs began."""
        for name, data in (("chain", authority_chain), ("log", log_key), ("ct", certificate_log_key)):
            (folder / f"{name}.pem").write_bytes(data)
        made = folder / "trusted_root.json"
        services = [
            f"--fulcio=url=https://fulcio.rune.test,certificate-chain={folder / 'chain.pem'}",
            f"--rekor=url=https://rekor.rune.test,public-key={folder / 'log.pem'},start-time={since}",
            f"--ctfe=url=https://ct.rune.test,public-key={folder / 'ct.pem'},start-time={since}",
        ]
        self._run(["trusted-root", "create", *services, f"--out={made}"], {})
        return made

    def sign_as(
        self, registry: Registry, reference: str, *, token: Path, signing_config: Path, trusted_root: Path
    ) -> None:
        """Sign by identity, with the services of a signing configuration."""
        services = [f"--signing-config={signing_config}", f"--trusted-root={trusted_root}", f"--identity-token={token}"]
        self._run(["sign", "--yes", *services, f"{registry.host}/{reference}"], _access(self.home, registry))

    def attest_as(
        self,
        registry: Registry,
        reference: str,
        predicate: Path,
        kind: str,
        *,
        token: Path,
        signing_config: Path,
        trusted_root: Path,
    ) -> None:
        """Attach an attestation by identity."""
        services = [f"--signing-config={signing_config}", f"--trusted-root={trusted_root}", f"--identity-token={token}"]
        what = [f"--type={kind}", f"--predicate={predicate}"]
        self._run(["attest", "--yes", *services, *what, f"{registry.host}/{reference}"], _access(self.home, registry))

    def verify_identity(
        self, registry: Registry, reference: str, *, issuer: str, subject: str, trusted_root: Path
    ) -> None:
        """Verify `repository@sha256:...` offline by who signed it.

        Raises:
            CommandFailed: cosign does not accept it.
        """
        who = [f"--certificate-oidc-issuer={issuer}", f"--certificate-identity={subject}"]
        command = ["verify", f"--trusted-root={trusted_root}", *who, f"{registry.host}/{reference}"]
        self._run(command, _access(self.home, registry))

    def _run(self, arguments: list[str], env: Mapping[str, str]) -> None:
        _run(self.binary, self.home, arguments, env)


@dataclass(frozen=True)
class Crane:
    """Calls the crane binary with `home` as its home folder."""

    binary: Path
    home: Path

    def copy(
        self, source: Registry, reference: str, target: Registry, to: str | None = None, *, all_tags: bool = False
    ) -> None:
        """Copy `reference` with everything below it to `target`, as `to` or under the same name.

        A reference is repository:tag or repository@sha256:...; with `all_tags` it is a repository alone.
        """
        # One tag at a time: crane in parallel may put an index before the manifest that another job of it still pushes.
        options = ["--all-tags", "--jobs=1"] if all_tags else []
        command = ["copy", *options, f"{source.host}/{reference}", f"{target.host}/{to or reference}"]
        _run(self.binary, self.home, command, _access(self.home, source, target))

    def pull_layout(self, registry: Registry, reference: str, folder: Path, *, annotate: bool = False) -> None:
        """Write `reference` and everything below it as an OCI layout; `annotate` writes its name too."""
        options = ["--annotate-ref"] if annotate else []
        command = ["pull", "--format=oci", *options, f"{registry.host}/{reference}", str(folder)]
        _run(self.binary, self.home, command, _access(self.home, registry))


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _access(home: Path, *registries: Registry) -> dict[str, str]:
    """The environment with which a Go client trusts and opens registries."""
    config = home / "config.json"
    config.write_text(json.dumps(docker_config(*registries)))
    config.chmod(0o600)
    authorities = home / "authorities.pem"
    authorities.write_text("".join(registry.ca_file.read_text() for registry in registries if registry.ca_file))
    return {"DOCKER_CONFIG": str(home), "SSL_CERT_FILE": str(authorities)}


def _run(binary: Path, home: Path, arguments: list[str], env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [str(binary), *arguments],
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailed(f"{binary.name} {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")

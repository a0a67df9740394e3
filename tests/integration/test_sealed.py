"""Sealed values from Git to pods: the real command on three machines, the real provider, two service accounts."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rune.model.bounded_yaml import Yaml, load_yaml
from rune.model.path import KeyName, SecretPath
from rune.model.recipient import ANYONE
from rune.publish.sealed_file import decode_sealed, encode_sealed
from tests.support.driver import Mounted, MountRefused, Pod, connected
from tests.support.provider import Provider, write_config

POLICY = """\
rules:
  - {name: payments, effect: allow, serviceAccounts: ["payments/*"], paths: ["prod/payments/**"]}
"""
API = Pod("api-0", "payments", "uid-1", "api")
JOB = Pod("job-0", "payments", "uid-2", "job")
TOKENS = {"token-of-api": API, "token-of-job": JOB}
SECRET = "correct horse battery staple"


class Machine:
    """A person's or a job's machine: a home of its own, and the checkout that all share."""

    def __init__(self, folder: Path, name: str) -> None:
        self.home = folder / name
        self.checkout = folder / "git"
        for made in (self.home, self.checkout):
            made.mkdir(exist_ok=True)

    def run(self, *arguments: str, fails: int = 0, stdin: str = "") -> str:
        """Run `rune`; what it printed, errors too."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(Path(__file__).parents[2] / "provider"),
            "HOME": str(self.home),
            "COSIGN_PASSWORD": "",
            "RUNE_AUTHOR": self.home.name,
        }
        done = subprocess.run(
            [sys.executable, "-m", "rune.cli.main", *arguments],
            cwd=self.checkout,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self) -> Iterator[Path]:
        """Everything in its home."""
        return (path for path in self.home.rglob("*") if path.is_file())


class House:
    """An administrator who made the store, a developer without any key, a job that may sign and not read; a node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.admin, self.developer, self.ci = (Machine(folder, name) for name in ("admin", "developer", "ci"))
        (self.admin.checkout / "policy.yaml").write_text(POLICY)
        store = folder / "store"
        self.admin.run("init", f"oci-layout://{store}", "--policy", "policy.yaml", "--type", "hpke", "--expires", "1d")
        (key,) = self.admin.home.rglob("signing.key")
        target = self.ci.home / key.relative_to(self.admin.home)
        target.parent.mkdir(parents=True)
        target.write_bytes(key.read_bytes())
        target.chmod(0o600)
        objects = [
            self._object("manifest", "runestore", "main", "--namespace", "payments"),
            self._object("keyset", "secret", "default", "--namespaces", "payments"),
        ]
        write_config(folder / "conf", objects, TOKENS)

    def _object(self, *arguments: str) -> Mapping[str, Yaml]:
        text = self.admin.run(*arguments)
        document = load_yaml(text.partition("warning:")[0], what="an object", max_bytes=1 << 20)
        assert isinstance(document, dict)
        return document

    def provider(self, cluster: str, folder: Path) -> Provider:
        arguments = ["--config-dir", str(self.folder / "conf"), "--cluster-name", cluster]
        provider = Provider(folder / cluster, arguments)
        provider.start()
        return provider

    def seal(self, path: str, *arguments: str, value: str = SECRET) -> Path:
        self.developer.run("seal", "--file", file_name(path), path, *arguments, stdin=value)
        return self.developer.checkout / file_name(path)

    def put(self, path: str) -> None:
        self.ci.run("put", "--sealed", file_name(path))


def file_name(path: str) -> str:
    return f"{path.rpartition('/')[2]}.yaml"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One for all tests here, each of which has a path of its own."""
    return House(tmp_path_factory.mktemp("house"))


@pytest.fixture
def node(house: House, tmp_path: Path) -> Iterator[Provider]:
    provider = house.provider("east", tmp_path)
    yield provider
    provider.stop()


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """The test's own."""
    return "prod/payments/" + "".join(each if each.isalnum() else "-" for each in request.node.name)


def mount(node: Provider, pod: Pod, objects: str) -> Mounted:
    (token,) = (token for token, owner in TOKENS.items() if owner == pod)
    with connected(node.socket) as driver:
        return driver.mount(pod, {"store": "main", "objects": objects}, token=token)


def refusal(node: Provider, pod: Pod, objects: str) -> MountRefused:
    with pytest.raises(MountRefused) as caught:
        mount(node, pod, objects)
    return caught.value


def test_only_the_one_it_was_sealed_for_mounts_it(house: House, node: Provider, path: str) -> None:
    house.seal(path, "password=-", "--for", "payments/api")
    sealed = house.seal(path, "user=-", value="anna")
    house.developer.run("put", "--sealed", sealed.name, fails=6)
    house.put(path)
    assert mount(node, API, f"- {{path: {path}}}").files == {"password": SECRET.encode(), "user": b"anna"}
    assert mount(node, JOB, f"- {{path: {path}, key: user}}").files == {"user": b"anna"}
    refused = refusal(node, JOB, f"- {{path: {path}, key: password}}")
    assert (refused.code.name, refused.reason) == ("DATA_LOSS", "RUNE_DECRYPTION_FAILED")
    assert "it is bound to one service account" in refused.details
    assert "payments/api" not in refused.details, "who it is for is nobody else's business"
    assert refusal(node, JOB, "- {path: prod/shop/db}").reason == "RUNE_POLICY_DENIED"
    assert SECRET not in house.ci.run("get", path, fails=6)
    assert SECRET in house.admin.run("get", path, "password", "--as", "payments/api")
    node.stop()
    folders = (house.developer.home, house.ci.home, house.developer.checkout, house.folder / "store", node.state_dir)
    kept = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert sealed in kept
    for file in kept:
        assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in node.log


def test_in_another_cluster_it_stays_closed(house: House, node: Provider, path: str, tmp_path: Path) -> None:
    house.seal(path, "password=-", "--for", "west/payments/api")
    house.put(path)
    refused = refusal(node, API, f"- {{path: {path}}}")
    assert refused.reason == "RUNE_DECRYPTION_FAILED"
    assert "it is bound to one cluster and service account" in refused.details
    west = house.provider("west", tmp_path)
    try:
        assert mount(west, API, f"- {{path: {path}}}").files == {"password": SECRET.encode()}
        assert refusal(west, JOB, f"- {{path: {path}}}").reason == "RUNE_DECRYPTION_FAILED"
    finally:
        west.stop()


@pytest.mark.parametrize("edit", ["for anyone", "for the job", "another key", "another path"])
def test_who_edits_a_file_with_care_gains_nothing(house: House, node: Provider, path: str, edit: str) -> None:
    """The checksum is made anew, so that the file passes every check that can be made without a key."""
    place = house.seal(path, "password=-", "--for", "payments/api")
    file = decode_sealed(place.read_bytes(), what=place.name)
    (key,) = file.keys.values()
    changed = {
        "for anyone": file.having(replace(key, recipient=ANYONE)),
        "for the job": file.having(replace(key, recipient=replace(key.recipient, service_account="job"))),
        "another key": replace(file, keys={KeyName("other"): replace(key, key=KeyName("other"))}),
        "another path": replace(file, path=SecretPath(f"{path}-moved")),
    }[edit]
    place.write_bytes(encode_sealed(changed))
    house.developer.run("seal", "--verify", place.name)
    house.put(path)
    objects = f"- {{path: {changed.path}}}"
    assert refusal(node, JOB, objects).reason == "RUNE_DECRYPTION_FAILED"
    if edit == "for the job":
        # What the file says of the name goes nowhere: only whom it was sealed for can open it.
        assert mount(node, API, objects).files == {"password": SECRET.encode()}
    else:
        assert refusal(node, API, objects).reason == "RUNE_DECRYPTION_FAILED"


def test_git_can_not_bring_an_old_value_back(house: House, node: Provider, path: str) -> None:
    old = house.seal(path, "password=-", value="leaked").read_bytes()
    house.put(path)
    house.seal(path, "password=-")
    house.put(path)
    (house.developer.checkout / "old.yaml").write_bytes(old)
    assert "RUNE_COMMIT_CONFLICT" in house.ci.run("put", "--sealed", "old.yaml", fails=9)
    house.ci.run("seal", "--file", "old.yaml", "--current")
    assert "committed before" in house.ci.run("put", "--sealed", "old.yaml", fails=9)
    assert mount(node, API, f"- {{path: {path}}}").files == {"password": SECRET.encode()}

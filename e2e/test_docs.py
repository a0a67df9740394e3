"""The pages that tell what to type: every command in them, run at a terminal as a reader would, its output compared."""

import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e import cluster
from e2e.conftest import failed
from e2e.support.artefacts import collect
from e2e.support.kube import Kube
from e2e.support.pages import Block, Reader, blocks, terminal_environment
from e2e.support.registry import RegistryInCluster
from e2e.support.stores import PASSPHRASE
from e2e.test_lifecycle import SECTIONS as RUN_BY_LIFECYCLE
from e2e.test_lifecycle import helm
from rune import errors

README = cluster.ROOT / "README.md"
DOCS = cluster.ROOT / "docs"
INSTALL = DOCS / "install.md"
FIRST = DOCS / "tasks" / "first-secret.md"
TASKS = sorted((DOCS / "tasks").glob("*.md"))
PAYMENTS = """\
rules:
  - {name: payments-own, effect: allow, serviceAccounts: ["payments/api"], paths: ["prod/payments/**"]}
"""

ANSWERS: Mapping[str, str | None] = {
    r"(New passphrase|Passphrase) of [\w.]+.*: ": PASSPHRASE,
    r"\buser: ": "app",
    r"\bpassword: ": "s3cret",
    r"Repeat for confirmation: ": None,
}
LATER: Mapping[str, str | None] = {**ANSWERS, r"\bpassword: ": "correct horse"}
"""On the pages that begin with the first secret in place."""

NOT_RUN: Mapping[str, str] = {
    "install.md: helm repo add": "the driver's charts are on the internet; e2e/cluster.py installs its own manifests",
    "install.md: python hack/image.py --tag registry.example.com/rune/": "pushes to your registry",
    "install.md: crane digest": "asks a public registry",
    "install.md: kind create cluster": "the suite's cluster was made so (e2e/cluster.py)",
    "install.md: PIP_INDEX_URL=": "names a package index and a registry of your own",
    "install.md: kubectl delete -k deploy/crds": "takes the stores and keysets of all who test on the cluster",
    "install.md: install -D -m 0644 deploy/seccomp": "a file on every node; tests/integration/test_seccomp.py tries it",
    "install.md: python3 -m venv": "`make setup` did it",
}
"""Blocks marked norun: how each begins, and why."""


OF_THE_GUIDE = ("## 2. The CSIDriver object", "## Without a way out")
"""Its sections that change nothing."""


def every_block() -> list[Block]:
    pages = [block for page in (INSTALL, *TASKS) for block in blocks(page)]
    return pages + blocks(README, section="## A first real use")


def test_what_is_not_run_has_a_reason() -> None:
    marked = [f"{block.page}: {block.text}" for block in every_block() if not block.runs]
    unexplained = [text for text in marked if not any(text.startswith(begin) for begin in NOT_RUN)]
    assert unexplained == []
    assert len(marked) == len(NOT_RUN), "every reason is of one block that is still there"


def test_the_whole_guide_is_run_somewhere() -> None:
    run = {block for section in (*OF_THE_GUIDE, *RUN_BY_LIFECYCLE) for block in blocks(INSTALL, section=section)}
    assert [str(block) for block in blocks(INSTALL) if block.runs and block not in run] == []


def test_reasons_and_links_in_the_pages_exist() -> None:
    """A token that is looked up in these pages is one that the program says; a link leads somewhere."""
    known = {
        kind.reason for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.RuneError)
    }
    for page in (INSTALL, *TASKS):
        text = page.read_text()
        assert set(re.findall(r"\bRUNE_(?:[A-Z]+_)*[A-Z]+\b", text)) <= known | {"RUNE_PASSPHRASE_FILE"}, page
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@dataclass(frozen=True)
class Desk:
    """Where a reader works: a folder and the cluster, with a namespace for what the pages call payments."""

    folder: Path
    environment: Mapping[str, str]
    replaced: Mapping[str, str]
    namespace: str

    def reader(self, answers: Mapping[str, str | None], replaced: Mapping[str, str] | None = None) -> Reader:
        """Somebody who types these answers; `replaced` comes before what stands for names everywhere."""
        return Reader(self.folder, self.environment, {**(replaced or {}), **self.replaced}, answers)


@pytest.fixture
def desk(
    kube: Kube, shared_registry: RegistryInCluster, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Desk]:
    """A desk of this test alone; the namespace is for the page to make."""
    name = f"docs-{secrets.token_hex(3)}"
    programs, folder = tmp_path / "bin", tmp_path / "work"
    for made in (programs, folder):
        made.mkdir()
    (programs / "kubectl").symlink_to(cluster.kubectl_path())
    (programs / "helm").symlink_to(helm())
    outside, inside = shared_registry.outside, shared_registry.inside
    replaced = {
        # A registry of its own, without TLS, which the nodes know by another name.
        "oci://registry.example.com/payments/secrets": f"oci://{outside}/e2e/{name} --plain-http",
        "oci://registry.example.com/team/secrets": f"oci://{outside}/e2e/{name} --plain-http --keyset {name}",
        # Nobody waits for two minutes.
        "manifest runestore main": f"manifest runestore main --interval 5s --url oci://{inside}/e2e/{name}",
        "manifest runestore secrets": f"manifest runestore secrets --url oci://{inside}/e2e/{name}",
        # All keysets share a namespace.
        "keyset install default": f"keyset install {name}",
        "payments": name,
    }
    environment = terminal_environment(tmp_path / "home", programs, KUBECONFIG=str(cluster.KUBECONFIG))
    yield Desk(folder, environment, replaced, name)
    if failed(request):
        collect(kube, [name], cluster.WORK / "artefacts" / name)
    kube.delete("Namespace", name)
    kube.delete("Secret", name, cluster.PROVIDER_NAMESPACE)


def test_the_guide_to_installing(desk: Desk) -> None:
    """What of it a cluster with Rune in use can bear; test_lifecycle.py does the rest."""
    shutil.copytree(cluster.ROOT / "deploy", desk.folder / "deploy")
    for section in OF_THE_GUIDE:
        desk.reader(ANSWERS).follow(blocks(INSTALL, section=section))


def test_the_first_secret(desk: Desk) -> None:
    desk.reader(ANSWERS).follow(blocks(FIRST))


@pytest.mark.parametrize("page", [page for page in TASKS if page != FIRST], ids=lambda page: page.stem)
def test_what_comes_after_the_first_secret(page: Path, desk: Desk) -> None:
    desk.reader(ANSWERS).follow(blocks(FIRST))
    desk.reader(LATER).follow(blocks(page))


def test_the_first_real_use_of_the_readme(desk: Desk, kube: Kube) -> None:
    """With what a reader has: a namespace, a certificate, an editor."""
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": desk.namespace}})
    for file in ("tls.crt", "tls.key"):
        (desk.folder / file).write_text(file)
    (desk.folder / "edited.yaml").write_text(PAYMENTS.replace("payments", desk.namespace))
    reader = desk.reader(ANSWERS)
    editor = Reader(reader.folder, {**reader.environment, "EDITOR": "cp edited.yaml"}, reader.replaced, reader.answers)
    editor.follow(blocks(README, section="## A first real use"))

"""The demo's steps, in order."""

import secrets
from pathlib import Path
from typing import Final

from rune.cli.demo.pods import Pod, write_pods
from rune.cli.demo.stage import Stage

_SOCKET: Final = Path("providers/rune.sock")
_POLICY: Final = """\
rules:
  - name: payments reads its own
    effect: allow
    serviceAccounts: ["payments/api"]
    paths: ["prod/payments/**"]
"""
_API: Final = Pod("payments", "api")
_BATCH: Final = Pod("payments", "batch")
_RANDOM: Final = "head -c 18 /dev/urandom | base64 | tr -d '\\n'"


def play(stage: Stage) -> None:
    """Play all of it.

    Raises:
        InternalError: a step came out otherwise than it must.
    """
    _prepare(stage.folder)
    _publish(stage)
    _serve(stage)
    _mount(stage)
    _rotate(stage)
    _attack(stage)


def _prepare(folder: Path) -> None:
    for name in ("home", "config", "providers", "state", "mallory"):
        (folder / name).mkdir(0o700)
    passphrase = folder / "home" / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(secrets.token_urlsafe(24))
    (folder / "policy.yaml").write_text(_POLICY)
    (folder / "user.txt").write_text("payments")
    write_pods(folder, (_API, _BATCH), "demo")
    (folder / "identities.yaml").rename(folder / "config" / "identities.yaml")


def _publish(stage: Stage) -> None:
    stage.title(1, "A store: a keyset, a signing key, a policy, and a first signed snapshot in an OCI layout")
    stage.run("cat policy.yaml")
    stage.run("rune init oci-layout://store --name demo --keyset demo --expires 7d --policy policy.yaml")
    stage.title(2, "Secrets, encrypted for the store and signed")
    stage.run(f"{_RANDOM} | rune set prod/payments/db user=@user.txt password=- -m 'the first password'")
    stage.run("rune ls --keys")
    stage.run("rune verify")


def _serve(stage: Stage) -> None:
    stage.title(3, "The provider, as it runs on every node, with its configuration from files")
    stage.run("rune manifest runestore demo --namespace payments --interval 5s > config/store.yaml")
    stage.run("umask 077; rune keyset secret demo --namespaces payments > config/keyset.yaml")
    stage.start_provider(
        "rune-provider --config-dir config --state-dir state --providers-dir providers --http-address=", _SOCKET
    )


def _mount(stage: Stage) -> None:
    stage.say("config/identities.yaml stands in for a cluster's TokenReview: it knows the two pods by their tokens")
    stage.title(4, "A pod of payments/api mounts the secret")
    stage.run(_call(_API, "pod"))
    stage.run("head pod/db/user pod/db/password pod/url")
    stage.title(5, "A pod of payments/batch asks for the same, and the policy doesn't allow it")
    stage.run(_call(_BATCH), fails=True)


def _rotate(stage: Stage) -> None:
    stage.title(6, "A new password reaches the pod")
    stage.run("cp -r store yesterday")
    before = _version(stage.run(_call(_API)))
    stage.run(f"{_RANDOM} | rune set prod/payments/db password=- -m 'rotate the password'")
    stage.run("rune diff")
    stage.wait_for(_call(_API), lambda code, output: code == 0 and _version(output) != before)
    stage.say("the provider asks the registry every five seconds here; the driver then asks the provider")
    stage.run(_call(_API, "pod"))
    stage.run("head pod/db/password")


def _attack(stage: Stage) -> None:
    stage.title(7, "Whoever runs the registry shows yesterday's state: the old password, with its true signatures")
    stage.run("cp -r store today; cp yesterday/index.json store/index.json")
    stage.wait_for(_call(_API), lambda code, _: code != 0)
    stage.run(_call(_API), fails=True)
    stage.title(8, "Or a store of their own in its place")
    stage.run(
        "(cd mallory; rune -q init oci-layout://store --name demo --signer mallory); cp -r mallory/store/. store/"
    )
    stage.wait_for(_call(_API), lambda code, output: code != 0 and "ROLLED_BACK" not in output)
    stage.run(_call(_API), fails=True)
    stage.run("rune verify || true")
    stage.title(9, "The true content is back, and so is the pod's mount")
    stage.run("cp -r today/. store/")
    stage.wait_for(_call(_API), lambda code, _: code == 0)
    stage.run(_call(_API))


def _call(pod: Pod, target: str | None = None) -> str:
    command = f"rune-provider-call --socket {_SOCKET} --attributes {pod.request}"
    return f"{command} --target {target}" if target else command


def _version(output: str) -> str:
    """What the driver records of the mount."""
    return "\n".join(line for line in output.splitlines() if line.startswith("version"))

"""Case 5: a new snapshot reaches running pods: files, versions and synced Secrets; whole or not at all."""

import base64
import statistics
import time
from datetime import datetime

from e2e.conftest import Measure
from e2e.support.kube import Kube, Manifest, eventually
from e2e.support.nodes import Node
from e2e.support.pods import await_running, pod, read
from e2e.support.provider import audit_lines
from e2e.support.stores import Store, provider_class

ROTATION_TIMEOUT_S = 90
READERS = 5
ROTATIONS = 4
MIN_READS = 1_000
# The store is asked every 5 s, the kubelet calls every 10 s or somewhat more.
MEDIAN_S = 30
# How two files that belong together are read: through one resolution of `..data`, and again if one is gone, because the
# folder was removed meanwhile. Beside it the naive way, which must be seen to fail: else nothing was tried. The pauses
# between the two files are where a swap is caught. `read` needs the line break at the end of the values.
READER = """\
reads=0; gone=0; mixed=0; naive=0; last=
while :; do
  if cd -P /secrets/..data && read -r a <one && sleep 0.04 && read -r b <two; then
    reads=$((reads + 1))
    [ "$a" = "$b" ] || mixed=$((mixed + 1))
    [ "$a" = "$last" ] || { last=$a; echo "$a"; }
  else
    gone=$((gone + 1))
  fi
  cd /
  read -r a </secrets/one; sleep 0.04; read -r b </secrets/two
  [ "$a" = "$b" ] || naive=$((naive + 1))
  echo "$reads $gone $mixed $naive" >/tmp/counts
done 2>/dev/null
"""


def test_what_a_change_reaches(kube: Kube, store: Store, namespace: str) -> None:
    store.set("prod/db", password="one")
    store.set("prod/tls", kept="K", removed="R")
    entries = [{"path": "prod/db", "key": "password"}, {"path": "prod/tls", "dir": "tls"}]
    synced = {"secretName": "db", "type": "Opaque", "data": [{"objectName": "password", "key": "password"}]}
    kube.apply(provider_class("all", namespace, entries, secretObjects=[synced]), pod("reader", namespace, "all"))
    await_running(kube, namespace, "reader")
    eventually(lambda: _synced(kube, namespace) == "one", what="the Secret is there")
    versions, before = _versions(kube, namespace), _on_disk(kube, namespace)

    # A new snapshot in which nothing of this pod changed: nothing at all is written.
    store.set("prod/unrelated", key="x")
    _await_mounts_of_a_new_revision(kube, namespace)
    assert _on_disk(kube, namespace) == before
    assert _versions(kube, namespace) == versions

    # One value changed: the driver writes the whole volume anew, and only what changed has another version.
    store.set("prod/db", password="two")
    _await_content(kube, namespace, "password", "two")
    after = _on_disk(kube, namespace)
    assert set(after) == set(before)
    assert after["..data"] != before["..data"]
    assert after["kept"] != before["kept"], "the same content in a new file: the driver's AtomicWriter has one folder"
    assert read(kube, namespace, "reader", "/secrets/tls/kept") == "K"
    eventually(lambda: _synced(kube, namespace) == "two", what="the synced Secret follows", timeout_s=60)
    eventually(lambda: _versions(kube, namespace) != versions, what="the status follows")
    changed = _versions(kube, namespace)
    assert changed["password"] != versions["password"]
    assert changed["prod/tls:tls/*"] == versions["prod/tls:tls/*"]

    # Keys that come and go.
    (store.machine.home / "kept").write_text("K")
    (store.machine.home / "added").write_text("A")
    store.rune("put", "prod/tls", *(f"{key}=@{store.machine.home / key}" for key in ("kept", "added")))
    _await_content(kube, namespace, "tls/added", "A")
    assert kube.execute("reader", namespace, "ls", "/secrets/tls").split() == ["added", "kept"]
    eventually(lambda: _versions(kube, namespace) != changed, what="the status follows again")
    assert _versions(kube, namespace)["password"] == changed["password"]


def test_a_secret_that_is_withdrawn_leaves_the_volume(kube: Kube, store: Store, namespace: str) -> None:
    """Even the last one, and it may come back; only what was declared optional may go."""
    store.set("prod/feature", token="t0ken")
    entries = [{"path": "prod/feature", "key": "token", "optional": True}]
    kube.apply(provider_class("all", namespace, entries), pod("reader", namespace, "all"))
    await_running(kube, namespace, "reader")
    assert read(kube, namespace, "reader", "/secrets/token") == "t0ken"
    store.rune("rm", "prod/feature")
    eventually(
        lambda: kube.execute("reader", namespace, "ls", "/secrets/") == "",
        what="no file is left",
        timeout_s=ROTATION_TIMEOUT_S,
    )
    everything = kube.execute("reader", namespace, "sh", "-c", "cat $(find -L /secrets/ -type f)")
    assert everything == "", "the value stands in no hidden folder either"
    store.set("prod/feature", token="new")
    _await_content(kube, namespace, "token", "new")


def test_readers_never_see_two_states_at_once(
    kube: Kube, store: Store, namespace: str, nodes: list[Node], measure: Measure
) -> None:
    """Twenty rotations of volumes: a few commits, each in several pods on both nodes."""
    _commit_pair(store, "v0")
    entries = [{"path": "prod/pair", "key": "one"}, {"path": "prod/pair", "key": "two"}]
    kube.apply(provider_class("pair", namespace, entries))
    names = [f"reader-{number}" for number in range(READERS)]
    for number, name in enumerate(names):
        node = nodes[number % len(nodes)].name
        kube.apply(pod(name, namespace, "pair", node=node, command=("sh", "-c", READER)))
    await_running(kube, namespace, *names)
    for name in names:
        _await_line(kube, namespace, name, "v0")

    delays: list[float] = []
    for number in range(1, ROTATIONS + 1):
        value = f"v{number}"
        committed = _commit_pair(store, value)
        delays += [_await_line(kube, namespace, name, value) - committed for name in names]

    counts = [_counts(kube, namespace, name) for name in names]
    reads, gone, mixed, naive = (sum(column) for column in zip(*counts, strict=True))
    measure("a change reaches a running pod: median", statistics.median(delays), "s")
    measure(f"a change reaches a running pod: longest of {len(delays)}", max(delays), "s")
    measure(f"reads of two files through one `..data` over {len(delays)} rotations", reads, "reads")
    measure("of these, two states mixed", mixed, "reads")
    measure("beside these, begun again because the folder was gone", gone, "reads")
    measure("reads of the two paths one after the other that mixed two states", naive, "reads")
    assert reads >= MIN_READS
    assert mixed == 0
    assert statistics.median(delays) < MEDIAN_S
    assert naive > 0, "no read fell between two states: the readers tried nothing"


def _commit_pair(store: Store, value: str) -> float:
    """Commit both values at once.

    Returns:
        When that was done.
    """
    store.set("prod/pair", one=f"{value}\n", two=f"{value}\n")
    return time.time()


def _await_line(kube: Kube, namespace: str, name: str, line: str) -> float:
    """When a pod's container first printed this line, by its node's clock."""

    def printed() -> float | None:
        for each in kube.logs(name, namespace, container="main", timestamps=True).splitlines():
            stamp, _, text = each.partition(" ")
            if text == line:
                return datetime.fromisoformat(stamp).timestamp()
        return None

    return eventually(printed, what=f"{name} reads {line}", timeout_s=ROTATION_TIMEOUT_S)


def _counts(kube: Kube, namespace: str, name: str) -> list[int]:
    """What a reader counted; it writes anew all the time, so that the file may be empty for a moment."""
    text = eventually(lambda: read(kube, namespace, name, "/tmp/counts").strip() or None, what=f"counts of {name}")
    return [int(word) for word in text.split()]


def _await_content(kube: Kube, namespace: str, path: str, content: str) -> None:
    eventually(
        lambda: read(kube, namespace, "reader", f"/secrets/{path}") == content,
        what=f"{path} is {content}",
        timeout_s=ROTATION_TIMEOUT_S,
    )


def _await_mounts_of_a_new_revision(kube: Kube, namespace: str) -> None:
    """Wait for two answers from a later revision: at the second, the driver is through with the first."""
    first = audit_lines(kube, namespace, "reader")[0]["revision"]

    def answered() -> bool:
        newer: list[Manifest] = [
            line for line in audit_lines(kube, namespace, "reader") if line["revision"] not in {first, None}
        ]
        return len(newer) >= 2 and all(line["code"] == "OK" for line in newer)

    eventually(answered, what="two mounts of the new revision", timeout_s=ROTATION_TIMEOUT_S)


def _on_disk(kube: Kube, namespace: str) -> dict[str, str]:
    """What tells whether something was written: the link's target, each file's inode and time."""
    script = 'readlink /secrets/..data; stat -Lc "%i %Z" /secrets/password /secrets/tls/kept'
    link, password, kept = kube.execute("reader", namespace, "sh", "-c", script).splitlines()
    return {"..data": link, "password": password, "kept": kept}


def _versions(kube: Kube, namespace: str) -> dict[str, str]:
    status = kube.get("SecretProviderClassPodStatus", f"reader-{namespace}-all", namespace)["status"]
    return {entry["id"]: entry["version"] for entry in status["objects"]}


def _synced(kube: Kube, namespace: str) -> str | None:
    secret = kube.find("Secret", "db", namespace)
    return None if secret is None else base64.b64decode(secret["data"]["password"]).decode()

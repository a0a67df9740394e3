"""Whatever a pod's author writes stays in the volume, and reads what the policy allows."""

import pytest

from rune.model.bounded_yaml import Yaml, dump_yaml
from tests.hostile.asking import DENIED, INVALID, entry, refuse, served
from tests.hostile.claims_table import Witness
from tests.hostile.shared_node import API, BATCH, PASSWORD, token_of
from tests.hostile.teams import DB, ROOT, values_of
from tests.hostile.village import FILES, Village
from tests.support.driver import attributes

# Paths

TRICKS = {
    "dot-segments": "prod/payments/x/../root/ca",
    "leading-dots": "../prod/payments/root/ca",
    "a-dot": "prod/payments/./root/ca",
    "doubled-slash": "prod//payments/root/ca",
    "trailing-slash": "prod/payments/root/ca/",
    "leading-slash": "/prod/payments/root/ca",
    "cyrillic-a": "prod/p\u0430yments/root/ca",
    "full-width": "prod/payments/\uff52oot/ca",
    "full-width-slash": "prod/payments\uff0froot/ca",
    "combining": "prod/payments/ro\u0301ot/ca",
    "zero-width": "prod/payments/ro\u200bot/ca",
    "right-to-left": "prod/payments/\u202etoor/ca",
    "line-break": "prod/payments/root/ca\n",
    "percent": "prod/payments/%72oot/ca",
    "percent-dots": "prod/payments/x/%2e%2e/root/ca",
    "percent-slash": "prod/payments%2froot/ca",
    "backslash": "prod\\payments\\root\\ca",
    "glob": "prod/payments/*/ca",
    "template": "prod/{namespace}/root/ca",
    "digest": "prod/payments/db@sha256:" + "0" * 64,
    "4096-characters": "prod/payments/" + "a/" * 2_040 + "ca",
    "empty": "",
}


@pytest.mark.parametrize("path", [pytest.param(path, id=name) for name, path in TRICKS.items()])
def test_path_tricks(path: str, still: Village, witness: Witness) -> None:
    reason = refuse(still, entry(path=path), INVALID)
    assert still.node.audit.mounts[-1].decisions != ()
    witness.saw("path-tricks", reason, "spelled as it is, the path is denied by its rule")


def test_a_nul_in_a_path(still: Village) -> None:
    refuse(still, '- {path: "prod/payments/root/ca\\0"}\n', INVALID)
    refuse(still, "- {path: prod/payments/root/ca\0}\n", INVALID)


def test_a_path_in_another_case(still: Village, witness: Witness) -> None:
    plain = refuse(still, entry(path=ROOT), DENIED)
    assert refuse(still, entry(path="Prod/Payments/Root/CA"), DENIED) == plain
    missing = refuse(still, entry(path="prod/payments/Root/ca"), "RUNE_SECRET_NOT_FOUND")
    witness.saw("path-in-another-case", plain, f"where the other spelling is allowed it is another secret: `{missing}`")


# Files

OUTSIDE = {
    "parent": "../password",
    "inner-parent": "a/../../password",
    "harmless-parent": "a/../password",
    "absolute": "/etc/cron.d/password",
    "the-drivers-data": "..data/password",
    "the-drivers-time": "..2026_11_21/password",
    "nul": "pass\0word",
    "line-break": "pass\nword",
    "a-dot": ".",
    "slashes": "//",
    "long": "x" * 4_096,
    "long-part": "x" * 256,
    "parent-in-wide-bytes": "../" + "\u00e9" * 200,
}


@pytest.mark.parametrize("name", [pytest.param(name, id=title) for title, name in OUTSIDE.items()])
def test_a_file_outside_of_the_volume(name: str, still: Village, witness: Witness) -> None:
    reason = refuse(still, entry(path=DB, key="password", fileName=name), INVALID)
    if name not in (".", "//"):
        refuse(still, entry(path=DB, dir=name), INVALID)
    served(
        still.node.mount(API, entry(path=DB, key="password", fileName="a/./b//password")),
        {"a/b/password": FILES["password"]},
    )
    witness.saw("file-outside-of-the-volume", reason, "a name that stays in it is taken, normalised")


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        pytest.param("files-of-one-name", "a/b", "a//./b", id="files-of-one-name"),
        pytest.param("file-as-a-folder", "a", "a/b", id="file-as-a-folder"),
    ],
)
def test_files_that_collide(name: str, first: str, second: str, still: Village, witness: Witness) -> None:
    both: list[Yaml] = [{"path": DB, "key": "password", "fileName": file} for file in (first, second)]
    reason = refuse(still, dump_yaml(both), INVALID)
    # Names that only look alike are two files, as they are to Linux.
    alike: list[Yaml] = [
        {"path": DB, "key": "password", "fileName": file} for file in ("caf\u00e9", "cafe\u0301", "CAFE\u0301")
    ]
    got = still.node.mount(API, dump_yaml(alike))
    assert got.files is not None
    assert len(got.files) == 3
    witness.saw(name, reason, "names that only look alike are files of their own")


def test_a_file_of_a_keys_name(still: Village, witness: Witness) -> None:
    """Only the secret's keys show it: they are known once it is read."""
    both: list[Yaml] = [{"path": DB, "dir": "x"}, {"path": DB, "key": "user", "fileName": "x/password"}]
    reason = refuse(still, dump_yaml(both), INVALID)
    served(
        still.node.mount(API, dump_yaml(both[:1])),
        {f"x/{key}": value for key, value in values_of("payments")[DB].items()},
    )
    witness.saw("file-of-a-keys-name", reason, "each of them alone is made")


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("${../root/ca}", id="a-path"),
        pytest.param("${prod/payments/root/ca}", id="a-whole-path"),
        pytest.param("${prod/payments/root/ca.key}", id="a-path-and-key"),
        pytest.param("${__class__}", id="an-attribute"),
        pytest.param("${password.__class__}", id="an-attribute-of-a-value"),
        pytest.param("${password|eval}", id="a-filter-that-is-none"),
        pytest.param("${password|base64|file:../x}", id="a-filter-with-an-argument"),
        pytest.param("{{ password }} ${}", id="another-language"),
        pytest.param("${pass${user}}", id="nested"),
        pytest.param("$(id)", id="a-command"),
    ],
)
def test_a_file_hidden_in_a_template(template: str, still: Village, witness: Witness) -> None:
    # A key's name may hold dots and underscores: such a one is simply not there.
    refuse(still, entry(path=DB, fileName="x", template=template), INVALID, "RUNE_RENDER_FAILED")
    got = still.node.mount(API, entry(path=DB, fileName="x", template="$${a} ${user|shell} {{ user }}"))
    served(got, {"x": b"${a} app {{ user }}"})
    witness.saw(
        "file-hidden-in-a-template", "`RUNE_PARAMETER_INVALID`, `RUNE_RENDER_FAILED`", "keys of the secret are put in"
    )


# Attributes


def test_attributes_that_override(still: Village, witness: Witness) -> None:
    """The class names what is allowed, the pod's author something else."""
    got = still.node.mount(API, PASSWORD, written={"objects": entry(path=ROOT)})
    still.refused(got, DENIED)
    assert dict(got.record.parameters)["objects"] == entry(path=ROOT)
    assert [decision.path for decision in got.record.decisions] == [ROOT]
    allowed = still.node.mount(API, entry(path=ROOT), written={"objects": PASSWORD})
    served(allowed)
    assert dict(allowed.record.parameters)["objects"] == PASSWORD
    elsewhere = still.node.mount(API, written={"store": "", "clusterStore": "main"})
    still.refused(elsewhere, "RUNE_STORE_NOT_FOUND")
    assert dict(elsewhere.record.parameters)["clusterStore"] == "main"
    witness.saw(
        "attributes-that-override",
        got.reason,
        "what the policy allows is served; the audit line says what was in effect",
    )


@pytest.mark.parametrize(
    "name",
    ["audience", "cluster", "policy", "keyset", "roleName", "Objects", "store ", "nodePublishSecretRef", "__proto__"],
)
def test_attributes_that_are_unknown(name: str, still: Village, witness: Witness) -> None:
    served(still.node.mount(API))
    still.others_go_on()
    with still.node.untouched():
        got = still.node.mount(API, written={name: "x"})
        still.refused(got, INVALID)
    witness.saw("attributes-that-are-unknown", got.reason, "without it the mount is served")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("serviceAccount.name", "api"),
        ("pod.name", "api-0"),
        ("pod.uid", "uid-api-0"),
        ("pod.namespace", "shop"),
    ],
)
def test_attributes_of_the_kubelet(name: str, value: str, still: Village, witness: Witness) -> None:
    """The kubelet's own come last in a real driver. Should they not, the token still tells."""
    served(still.node.mount(API))
    still.others_go_on()
    made = attributes(BATCH, {"store": "main", "objects": PASSWORD}, {"rune": token_of(BATCH)})
    with still.node.untouched():
        got = still.node.send(made | {f"csi.storage.k8s.io/{name}": value})
        still.refused(got, "RUNE_TOKEN_REJECTED")
    honest = still.node.send(made)
    still.refused(honest, DENIED)
    witness.saw(
        "attributes-of-the-kubelet", got.reason, f"as what it is, the pod is judged by the policy: `{honest.reason}`"
    )


def test_a_secret_beside_the_attributes(still: Village, witness: Witness) -> None:
    made = attributes(API, {"store": "main", "objects": PASSWORD}, {"rune": token_of(API)})
    got = still.node.send(made, secrets='{"username": "admin", "password": "admin"}')
    still.refused(got, "RUNE_REQUEST_INVALID")
    served(still.node.send(made))
    witness.saw("secret-beside-the-attributes", got.reason, "without it the mount is served")

"""Whatever a pod's author writes is bounded in time and memory."""

import time

import pytest

from rune.model.bounded_yaml import Yaml, dump_yaml
from rune.model.path import SecretPath
from tests.hostile import checks
from tests.hostile.asking import INVALID, entry, refuse, served
from tests.hostile.claims_table import Witness
from tests.hostile.shared_node import API
from tests.hostile.teams import DB
from tests.hostile.village import Village

BOMB_S = 2.0
"""The longest that a bomb may take to be refused; what is refused before it is parsed takes a millisecond."""


def _quickly(village: Village, objects: str, *reasons: str) -> str:
    began_s = time.monotonic()
    with checks.bounded_memory():
        reason = refuse(village, objects, *reasons)
    assert time.monotonic() - began_s < BOMB_S
    return reason


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("|".join(["[@,@]"] * 80), id="doubling-lists"),
        pytest.param("|".join(["{a:@,b:@}"] * 50), id="doubling-objects"),
        pytest.param("map(&[@,@], @)", id="a-function-that-builds"),
        pytest.param("join(',', [@])", id="a-join"),
        pytest.param("(" * 300 + "@" + ")" * 300, id="brackets"),
        pytest.param("a" + "[*]" * 160, id="projections"),
        pytest.param("!" * 500 + "@", id="negations"),
        pytest.param("a." * 2_000 + "a", id="long"),
    ],
)
def test_a_jmespath_bomb(expression: str, still: Village, witness: Witness) -> None:
    _quickly(still, entry(path=DB, key="settings", jmesPath=expression), INVALID, "RUNE_RENDER_FAILED")
    served(still.node.mount(API, entry(path=DB, key="settings", jmesPath="a.b")), {"settings": b"selected"})
    witness.saw(
        "jmespath-bomb", "`RUNE_PARAMETER_INVALID`, `RUNE_RENDER_FAILED`", "an expression that selects is served"
    )


def test_a_template_bomb(village: Village, witness: Witness) -> None:
    large = b"x" * 500_000
    village.ours.commit(village.registry.content, {DB: {"large": large}})
    served(village.node.mount(API))
    village.node.poll(village.ours)
    for template in ("${large}" * 2_000, "${large|base64|base64|base64|base64|base64|base64|base64|base64}"):
        _quickly(village, entry(path=DB, fileName="x", template=template), "RUNE_RENDER_FAILED")
    _quickly(village, entry(path=DB, fileName="x", template="${user" + "|base64" * 9 + "}"), INVALID)
    _quickly(village, entry(path=DB, fileName="x", template="x" * 20_000), INVALID)
    served(village.node.mount(API, entry(path=DB, fileName="x", template="${large}${large}")), {"x": large * 2})
    witness.saw("template-bomb", "RUNE_RENDER_FAILED", "a file of 1 MB is rendered")


def _aliases() -> str:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(levels) + "\n- path: *a9\n"


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param(_aliases(), id="aliases"),
        pytest.param("- &a [*a]\n", id="an-alias-of-itself"),
        pytest.param("[" * 30_000, id="deep"),
        pytest.param("- " * 30_000 + "x", id="deep-blocks"),
        pytest.param("- {path: prod/payments/db}\n" * 1_000, id="entries"),
        pytest.param("- {path: prod/payments/db}\n" * 3_000, id="bytes"),
        pytest.param("- !!python/object/apply:os.system [id]\n", id="a-tag"),
        pytest.param("- {path: prod/payments/db, path: prod/payments/root/ca}\n", id="a-key-twice"),
        pytest.param("- {<<: {path: prod/payments/db}}\n", id="a-merge-key"),
        pytest.param("- {path: prod/payments/db}\n---\n- {path: prod/payments/root/ca}\n", id="two-documents"),
    ],
)
def test_a_yaml_bomb(objects: str, still: Village, witness: Witness) -> None:
    reason = _quickly(still, objects, INVALID)
    witness.saw("yaml-bomb", reason, "a list of at most 256 entries is read")


def test_all_at_once(village: Village, witness: Witness) -> None:
    paths = [SecretPath(f"prod/payments/large-{number}") for number in range(10)]
    for path in paths:
        village.ours.commit(village.registry.content, {path: {"large": path.encode() * 45_000}})
    served(village.node.mount(API))
    village.node.poll(village.ours)
    village.others_go_on()
    wanted: list[Yaml] = [{"path": path, "key": "large", "fileName": path} for path in paths]
    with checks.bounded_memory():
        got = village.node.mount(API, dump_yaml(wanted))
        village.refused(got, INVALID)
    few = village.node.mount(API, dump_yaml(wanted[:2]))
    assert few.files is not None
    witness.saw("all-at-once", got.reason, "two of them are mounted")

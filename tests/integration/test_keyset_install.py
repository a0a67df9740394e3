"""A keyset's Secret, written through a real API server: created, replaced, and never over somebody else's."""

import base64
from pathlib import Path

import pytest

from rune.client.install import install_keyset
from rune.client.keys import KeysetKind, new_keyset, rotate
from rune.client.placement import Placement
from rune.errors import InvalidConfig
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID
from tests.support.apiserver import ApiServer

pytestmark = pytest.mark.real
STORE = "0123456789abcdef0123456789abcdef"


def test_it_is_created_replaced_and_never_put_over_another(
    apiserver: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(apiserver.kubeconfig))
    namespace = "keyset-install"
    apiserver.admin.create_namespace(namespace)
    file = tmp_path / "payments.json"
    new_keyset(file, KeysetKind.AES256_GCM)
    placement = Placement("payments", STORE, ("payments", "shop-*"), namespace)

    assert install_keyset(file, placement) is True
    made = apiserver.admin.get("v1", "Secret", "payments", namespace)
    assert made is not None
    assert base64.b64decode(made["data"]["keyset.json"]) == file.read_bytes()
    annotations = made["metadata"]["annotations"]
    assert annotations[ANNOTATION_STORE_ID] == STORE
    assert annotations[ANNOTATION_NAMESPACES] == "payments,shop-*"

    rotate(file)
    assert install_keyset(file, placement) is False
    replaced = apiserver.admin.get("v1", "Secret", "payments", namespace)
    assert replaced is not None
    assert base64.b64decode(replaced["data"]["keyset.json"]) == file.read_bytes()

    with pytest.raises(InvalidConfig, match="isn't a keyset of this store"):
        install_keyset(file, Placement("payments", "f" * 32, ("*",), namespace))
    assert apiserver.admin.get("v1", "Secret", "payments", namespace) == replaced

import base64

import pytest

from rune.adapters.kube_json import CONFIG_MAPS, SECRETS, Object
from rune.adapters.kube_secrets import KubeSecrets
from rune.errors import KubernetesForbidden, KubernetesUnavailable
from rune.model.limits import KubernetesLimits
from tests.fakes.clock import FakeClock
from tests.fakes.kube import MemoryKube

HERE = SECRETS.within("rune-system")


def secret(**data: bytes) -> Object:
    encoded: Object = {name: base64.b64encode(value).decode() for name, value in data.items()}
    metadata: Object = {"name": "keys", "namespace": "rune-system", "annotations": {"a": "b"}}
    return {"kind": "Secret", "type": "rune", "metadata": metadata, "data": encoded}


class World:
    def __init__(self, limits: KubernetesLimits | None = None) -> None:
        self.kube = MemoryKube()
        self.clock = FakeClock()
        self.secrets = KubeSecrets(self.kube, self.clock, limits or KubernetesLimits())

    def value(self, name: str = "keys") -> bytes | None:
        found = self.secrets.read(HERE, name)
        return None if found is None else found.data["k"]


def test_a_secret_is_asked_for_twice_a_minute() -> None:
    world = World()
    world.kube.put(HERE, secret(k=b"one"))
    assert world.value() == b"one"
    world.kube.put(HERE, secret(k=b"two"))
    world.clock.advance(29)
    assert world.value() == b"one"
    world.clock.advance(1)
    assert world.value() == b"two"
    assert world.kube.requests["get secrets"] == 2


def test_what_it_holds_is_not_shown() -> None:
    world = World()
    world.kube.put(HERE, secret(k=b"very-secret"))
    found = world.secrets.read(HERE, "keys")
    assert found is not None
    assert (found.type, found.annotations) == ("rune", {"a": "b"})
    assert "very-secret" not in repr(found)


def test_a_config_map_has_texts_and_bytes() -> None:
    world = World()
    metadata: Object = {"name": "ca", "namespace": "rune-system"}
    body: Object = {"kind": "ConfigMap", "metadata": metadata, "data": {"a": "ü"}, "binaryData": {"b": "AAE="}}
    world.kube.put(CONFIG_MAPS.within("rune-system"), body)
    found = world.secrets.read(CONFIG_MAPS.within("rune-system"), "ca")
    assert found is not None
    assert found.data == {"a": "ü".encode(), "b": b"\x00\x01"}


def test_an_absent_secret_is_looked_for_again_soon() -> None:
    world = World()
    assert world.value() is None
    world.kube.put(HERE, secret(k=b"one"))
    assert world.value() is None
    world.clock.advance(3)
    assert world.value() == b"one"


def test_the_last_value_serves_while_the_server_is_down() -> None:
    world = World()
    world.kube.put(HERE, secret(k=b"one"))
    world.value()
    world.kube.failures["get secrets"] = KubernetesUnavailable("down", mend="m")
    world.clock.advance(24 * 3600)
    assert world.value() == b"one"
    asked = world.kube.requests["get secrets"]
    assert world.value() == b"one"
    assert world.kube.requests["get secrets"] == asked, "not a time-out for every question"
    del world.kube.failures["get secrets"]
    world.kube.put(HERE, secret(k=b"two"))
    world.clock.advance(3)
    assert world.value() == b"two"


def test_a_value_that_was_never_read_or_is_gone_doesnt_serve() -> None:
    world = World()
    assert world.value() is None
    world.clock.advance(60)
    world.kube.failures["get secrets"] = KubernetesUnavailable("down", mend="m")
    with pytest.raises(KubernetesUnavailable):
        world.value()


def test_a_refusal_counts_after_a_minute() -> None:
    world = World()
    world.kube.put(HERE, secret(k=b"one"))
    world.value()
    world.kube.failures["get secrets"] = KubernetesForbidden("no", mend="m")
    world.clock.advance(30)
    assert world.value() == b"one", "an API server that starts has no RBAC rules yet"
    world.clock.advance(59)
    assert world.value() == b"one"
    world.clock.advance(1)
    assert world.value() == b"one"
    world.clock.advance(2)
    with pytest.raises(KubernetesForbidden):
        world.value()
    with pytest.raises(KubernetesForbidden):
        world.value()


def test_a_refusal_that_passed_is_forgotten() -> None:
    world = World()
    world.kube.put(HERE, secret(k=b"one"))
    world.value()
    for _ in range(3):
        world.kube.failures["get secrets"] = KubernetesForbidden("no", mend="m")
        world.clock.advance(31)
        assert world.value() == b"one"
        del world.kube.failures["get secrets"]
        world.clock.advance(3)
        assert world.value() == b"one"


def test_a_first_refusal_is_told() -> None:
    world = World()
    world.kube.failures["get secrets"] = KubernetesForbidden("no", mend="m")
    with pytest.raises(KubernetesForbidden):
        world.value()


def test_what_is_remembered_is_bounded() -> None:
    world = World(KubernetesLimits(cached_secrets=1))
    world.kube.put(HERE, secret(k=b"one"))
    world.value()
    world.value("other")
    world.value()
    assert world.kube.requests["get secrets"] == 3

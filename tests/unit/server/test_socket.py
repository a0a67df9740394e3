"""The place at the driver's path: nobody steals it, nobody removes another's."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rune.errors import AlreadyRunning, InvalidConfig, UnsafeFile
from rune.server.socket import ProviderSocket


class Listener:
    """Serves by listening, as far as a socket's place is concerned."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def serve(self, path: Path) -> None:
        self.socket.bind(str(path))
        self.socket.listen()


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    made = [Listener() for _ in range(3)]
    yield made
    for each in made:
        each.socket.close()


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


def test_claimed_private_and_alone(tmp_path: Path, listeners: list[Listener]) -> None:
    place = ProviderSocket(tmp_path / "new" / "folder")
    place.claim(listeners[0].serve, takeover=False)
    assert place.path == tmp_path / "new" / "folder" / "rune.sock"
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o600
    assert connects(place.path)
    assert sorted(each.name for each in place.path.parent.iterdir()) == [".rune.lock", "rune.sock"]
    place.release()
    assert not place.path.exists()


def test_the_umask_is_put_back(tmp_path: Path, listeners: list[Listener]) -> None:
    before = os.umask(0o027)
    try:
        ProviderSocket(tmp_path).claim(listeners[0].serve, takeover=False)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_a_living_provider_keeps_its_place(tmp_path: Path, listeners: list[Listener]) -> None:
    first, second = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    first.claim(listeners[0].serve, takeover=False)
    with pytest.raises(AlreadyRunning, match="--takeover"):
        second.claim(listeners[1].serve, takeover=False)
    second.release()
    assert first.is_ours()
    assert connects(first.path)


def test_takeover_and_the_first_one_leaves_it_alone(tmp_path: Path, listeners: list[Listener]) -> None:
    first, second = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    first.claim(listeners[0].serve, takeover=False)
    second.claim(listeners[1].serve, takeover=True)
    assert not first.is_ours()
    first.release()
    listeners[0].socket.close()
    assert second.is_ours()
    assert connects(second.path)


def test_a_stale_socket_is_replaced(tmp_path: Path, listeners: list[Listener]) -> None:
    ProviderSocket(tmp_path).claim(listeners[0].serve, takeover=False)
    listeners[0].socket.close()
    second = ProviderSocket(tmp_path)
    assert second.path.exists()
    second.claim(listeners[1].serve, takeover=False)
    assert connects(second.path)


def test_a_socket_that_hangs_is_not_ours_to_replace(tmp_path: Path, listeners: list[Listener]) -> None:
    hung = listeners[0].socket
    hung.bind(str(tmp_path / "rune.sock"))
    hung.listen(0)
    with socket.socket(socket.AF_UNIX) as filler:
        filler.connect(str(tmp_path / "rune.sock"))
        with pytest.raises(AlreadyRunning):
            ProviderSocket(tmp_path).claim(listeners[1].serve, takeover=False)


def test_a_path_that_no_socket_can_have(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="--providers-dir"):
        ProviderSocket(tmp_path / ("x" * 120))


def test_a_folder_that_cannot_be_made(tmp_path: Path, listeners: list[Listener]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnsafeFile, match="--providers-dir"):
        ProviderSocket(tmp_path / "file").claim(listeners[0].serve, takeover=False)


def test_release_without_a_claim_is_harmless(tmp_path: Path) -> None:
    ProviderSocket(tmp_path / "absent").release()

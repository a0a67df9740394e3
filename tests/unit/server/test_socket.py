"""The place at the driver's path: nobody steals it, nobody removes another's."""

import fcntl
import os
import re
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


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


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
    assert names(place.path.parent) == [".rune.lock", "rune.sock", place.own.name]
    assert re.fullmatch(r"rune\.sock\.[0-9]+-[0-9a-f]{8}", place.own.name)
    place.release()
    assert names(place.path.parent) == [".rune.lock"]


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


def test_names_that_kills_left_behind_are_removed(tmp_path: Path, listeners: list[Listener]) -> None:
    killed, living = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    killed.claim(listeners[0].serve, takeover=False)
    living.claim(listeners[1].serve, takeover=True)
    listeners[0].socket.close()
    # Killed between the two steps of a link.
    (tmp_path / f".{killed.own.name}").hardlink_to(killed.own)
    third = ProviderSocket(tmp_path)
    third.claim(listeners[2].serve, takeover=True)
    assert names(tmp_path) == sorted([".rune.lock", "rune.sock", living.own.name, third.own.name])


def test_a_takeover_that_is_rolled_back_hands_the_path_back(tmp_path: Path, listeners: list[Listener]) -> None:
    first, second = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    first.claim(listeners[0].serve, takeover=False)
    second.claim(listeners[1].serve, takeover=True)
    second.release()
    assert first.is_ours()
    listeners[1].socket.close()
    assert connects(first.path)
    first.release()
    assert names(tmp_path) == [".rune.lock"]


def test_a_stop_passes_the_path_to_the_newest_that_lives(tmp_path: Path, listeners: list[Listener]) -> None:
    places = [ProviderSocket(tmp_path) for _ in listeners]
    for number, (place, listener) in enumerate(zip(places, listeners, strict=True)):
        place.claim(listener.serve, takeover=True)
        os.utime(place.own, (number, number))
    listeners[1].socket.close()
    places[2].release()
    assert places[0].is_ours(), "the second one is dead"


def test_who_stops_inherits_nothing(tmp_path: Path, listeners: list[Listener]) -> None:
    first, second = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    first.claim(listeners[0].serve, takeover=False)
    second.claim(listeners[1].serve, takeover=True)
    first.release()
    second.release()
    assert not second.path.exists()


def test_a_stop_repairs_what_a_dead_provider_left(tmp_path: Path, listeners: list[Listener]) -> None:
    places = [ProviderSocket(tmp_path) for _ in listeners]
    for place, listener in zip(places, listeners, strict=True):
        place.claim(listener.serve, takeover=True)
    listeners[2].socket.close()
    places[1].release()
    assert places[0].is_ours()


@pytest.mark.parametrize("gone", [True, False], ids=["removed", "leads to nobody"])
def test_who_lives_takes_the_path_back(tmp_path: Path, listeners: list[Listener], *, gone: bool) -> None:
    first, second = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    first.claim(listeners[0].serve, takeover=False)
    second.claim(listeners[1].serve, takeover=True)
    assert not first.keep(), "the second one lives"
    assert second.is_ours()
    listeners[1].socket.close()
    if gone:
        second.path.unlink()
    assert first.keep()
    assert first.is_ours()
    assert connects(first.path)
    assert not first.keep(), "it has it already"
    assert names(tmp_path) == sorted([".rune.lock", "rune.sock", first.own.name, second.own.name])


def test_who_stops_or_never_began_takes_nothing_back(tmp_path: Path, listeners: list[Listener]) -> None:
    place, other = ProviderSocket(tmp_path), ProviderSocket(tmp_path)
    place.claim(listeners[0].serve, takeover=False)
    place.release()
    assert not place.keep()
    assert not other.keep()
    assert names(tmp_path) == [".rune.lock"]


def test_without_its_own_name_nothing_can_be_taken_back(tmp_path: Path, listeners: list[Listener]) -> None:
    place = ProviderSocket(tmp_path)
    place.claim(listeners[0].serve, takeover=False)
    for name in (place.own, place.path):
        name.unlink()
    assert not place.keep()
    place.release()
    assert names(tmp_path) == [".rune.lock"]


def test_a_frozen_holder_of_the_lock_does_not_keep_others_from_serving(
    tmp_path: Path, listeners: list[Listener]
) -> None:
    with (tmp_path / ".rune.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        place = ProviderSocket(tmp_path)
        place.claim(listeners[0].serve, takeover=False)
    assert connects(place.path)


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


def test_a_folder_that_is_accepted_has_room_for_every_process_id() -> None:
    """Else a start would succeed, and a restart under a longer id fail."""
    longest = Path("/" + "x" * (107 - len("/" + "/rune.sock.4194304-01234567")))
    ProviderSocket(longest)
    with pytest.raises(InvalidConfig, match="107 bytes"):
        ProviderSocket(longest.with_name(longest.name + "x"))

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from rune.adapters.kube_token_cache import CachedAuthenticator
from rune.errors import DeadlineExceeded, KubernetesUnavailable, TokenRejected
from rune.model.caller import TokenIdentity
from rune.model.clock import Deadline
from rune.model.limits import MountLimits
from tests.fakes.clock import START, FakeClock


def identity(token: str, expires: datetime = START + timedelta(hours=1)) -> TokenIdentity:
    return TokenIdentity("payments", "api", token, "uid", ("rune",), expires)


def _name(token: str) -> TokenIdentity:
    return identity(token)


@dataclass
class Reviewer:
    """Counts what it is asked."""

    answer: Callable[[str], TokenIdentity] = _name
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def authenticate(self, token: str, audiences: Sequence[str], *, deadline: Deadline) -> TokenIdentity:
        self.asked.append((token, tuple(audiences)))
        return self.answer(token)


class World:
    """A cache, what is behind it, and time."""

    def __init__(self, limits: MountLimits | None = None) -> None:
        self.clock = FakeClock()
        self.reviewer = Reviewer()
        self.cache = CachedAuthenticator(self.reviewer, self.clock, limits or MountLimits())

    def ask(self, token: str = "t", audiences: Sequence[str] = ("rune",), within_s: float = 10.0) -> TokenIdentity:
        return self.cache.authenticate(token, audiences, deadline=Deadline.after(within_s, self.clock))


def test_a_token_is_asked_about_once_a_minute() -> None:
    world = World()
    assert world.ask() == identity("t")
    world.clock.advance(59.9)
    assert world.ask() == identity("t")
    assert len(world.reviewer.asked) == 1
    world.clock.advance(0.1)
    world.ask()
    assert len(world.reviewer.asked) == 2


def test_nothing_is_kept_beyond_the_tokens_expiry() -> None:
    world = World()
    world.reviewer.answer = lambda token: identity(token, START + timedelta(seconds=10))
    world.ask()
    world.clock.advance(9)
    world.ask()
    assert len(world.reviewer.asked) == 1
    world.clock.advance(1)
    world.ask()
    assert len(world.reviewer.asked) == 2


def test_a_wall_clock_set_forward_expires_a_token_at_once() -> None:
    world = World()
    world.ask()
    world.clock.set_wall(START + timedelta(hours=1))
    world.ask()
    assert len(world.reviewer.asked) == 2


@pytest.mark.parametrize("error", [TokenRejected("no", mend="m"), KubernetesUnavailable("down", mend="m")])
def test_a_failure_is_not_kept(error: TokenRejected | KubernetesUnavailable) -> None:
    world = World()

    def fail(_: str) -> TokenIdentity:
        raise error

    world.reviewer.answer = fail
    for _ in range(2):
        with pytest.raises(type(error)):
            world.ask()
    assert len(world.reviewer.asked) == 2
    world.reviewer.answer = identity
    assert world.ask() == identity("t")


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        pytest.param(("a", ["rune"]), ("b", ["rune"]), 2, id="another-token"),
        pytest.param(("a", ["rune"]), ("a", ["vault"]), 2, id="another-audience"),
        pytest.param(("a", ["x", "y"]), ("a", ["xy"]), 2, id="audiences-that-run-together"),
        pytest.param(("ax", ["rune"]), ("a", ["xrune"]), 2, id="token-and-audience-that-run-together"),
        pytest.param(("a", ["x", "y"]), ("a", ["y", "x"]), 1, id="the-same-in-another-order"),
    ],
)
def test_an_answer_is_for_one_token_and_its_audiences(
    first: tuple[str, list[str]], second: tuple[str, list[str]], asked: int
) -> None:
    world = World()
    world.ask(*first)
    world.ask(*second)
    assert len(world.reviewer.asked) == asked


def test_the_least_used_is_forgotten_first() -> None:
    world = World(MountLimits(token_cache_entries=2))
    for token in ("a", "b", "a", "c", "a"):
        world.ask(token)
    assert [token for token, _ in world.reviewer.asked] == ["a", "b", "c"]
    world.ask("b")
    assert [token for token, _ in world.reviewer.asked] == ["a", "b", "c", "b"]


def test_no_token_is_kept() -> None:
    world = World()
    world.reviewer.answer = lambda _: identity("api-0")
    world.ask("a-very-secret-token")
    world.reviewer.asked.clear()
    held = repr(vars(world.cache))
    assert "api-0" in held
    assert "a-very-secret-token" not in held


def test_threads_share_one_question() -> None:
    world, asked, go = World(), threading.Event(), threading.Event()

    def slow(token: str) -> TokenIdentity:
        asked.set()
        assert go.wait(10)
        return identity(token)

    world.reviewer.answer = slow
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(world.ask) for _ in range(16)]
        assert asked.wait(10)
        go.set()
        assert {answer.result(10) for answer in answers} == {identity("t")}
    assert len(world.reviewer.asked) == 1


def test_another_mounts_deadline_is_not_ours() -> None:
    world, asked, go = World(), threading.Event(), threading.Event()
    calls: list[str] = []

    def first_fails(token: str) -> TokenIdentity:
        calls.append(token)
        if len(calls) > 1:
            return identity(token)
        asked.set()
        assert go.wait(10)
        raise DeadlineExceeded("the first mount's time", mend="m")

    world.reviewer.answer = first_fails
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(world.ask)
        assert asked.wait(10)
        second = pool.submit(world.ask)
        go.set()
        with pytest.raises(DeadlineExceeded):
            first.result(10)
        assert second.result(10) == identity("t")


def test_waiting_ends_at_the_deadline() -> None:
    world, asked, go = World(), threading.Event(), threading.Event()

    def slow(token: str) -> TokenIdentity:
        asked.set()
        assert go.wait(10)
        return identity(token)

    world.reviewer.answer = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(world.ask)
        assert asked.wait(10)
        with pytest.raises(DeadlineExceeded):
            world.ask(within_s=0.0)
        go.set()
        assert first.result(10) == identity("t")

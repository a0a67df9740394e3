"""The service over a real socket: codes, texts, deadlines and the stop, as the driver sees them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rune import errors
from rune.errors import InternalError, RuneError
from rune.model.clock import Deadline, SystemClock
from rune.model.limits import MOUNT
from rune.mount.answer import MountAnswer, MountedFile
from rune.mount.request import RawMount
from rune.server.serve import ProviderServer
from rune.server.socket import ProviderSocket
from tests.support.driver import SERVICE, Driver, MountRefused, connected

ANSWER = MountAnswer((MountedFile("db/password", 0o400, b"\xffsecret"),), (("db/password", "v1"),))
UNSAFE = {"CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "UNKNOWN"}


class ScriptedMounts:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answer: Callable[[RawMount, Deadline], MountAnswer] = lambda raw, deadline: ANSWER
        self.deadlines: list[Deadline] = []

    def mount(self, raw: RawMount, deadline: Deadline) -> MountAnswer:
        self.deadlines.append(deadline)
        return self.answer(raw, deadline)


@pytest.fixture
def mounts() -> ScriptedMounts:
    return ScriptedMounts()


@pytest.fixture
def server(mounts: ScriptedMounts, tmp_path: Path) -> Iterator[ProviderServer]:
    made = ProviderServer(mounts, ProviderSocket(tmp_path), clock=SystemClock(), version="1.2.3")
    made.start(takeover=False)
    yield made
    made.stop(0.0, linger_s=0.0)


@pytest.fixture
def driver(server: ProviderServer, tmp_path: Path) -> Iterator[Driver]:
    with connected(tmp_path / "rune.sock") as made:
        yield made


def test_version(driver: Driver) -> None:
    answer = driver.version()
    assert (answer.version, answer.runtime_name, answer.runtime_version) == ("v1alpha1", "rune", "1.2.3")


def test_mount(driver: Driver, mounts: ScriptedMounts) -> None:
    seen: list[RawMount] = []

    def answer(raw: RawMount, deadline: Deadline) -> MountAnswer:
        seen.append(raw)
        return ANSWER

    mounts.answer = answer
    mounted = driver.send('{"a":"b"}', secrets="{}", permission="288")
    assert mounted.files == {"db/password": b"\xffsecret"}
    assert mounted.modes == {"db/password": 0o400}
    assert mounted.versions == {"db/password": "v1"}
    assert seen == [RawMount('{"a":"b"}', "{}", "288")]


def all_errors(kind: type[RuneError] = RuneError) -> Iterator[type[RuneError]]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from all_errors(each)


@pytest.mark.parametrize("kind", sorted(all_errors(), key=str))
def test_every_error_has_its_final_code_and_text(driver: Driver, mounts: ScriptedMounts, kind: type[RuneError]) -> None:
    error = kind("what is wrong", mend="what to do")

    def answer(raw: RawMount, deadline: Deadline) -> MountAnswer:
        raise error

    mounts.answer = answer
    with pytest.raises(MountRefused) as caught:
        driver.send("{}")
    assert caught.value.code.name == kind.code.value
    assert caught.value.code.name not in UNSAFE
    assert caught.value.details == str(error)


@pytest.mark.parametrize(
    "bug", [KeyError("s3cret"), RecursionError("s3cret"), UnicodeError("s3cret"), MemoryError("s3cret")]
)
def test_a_bug_says_nothing(
    driver: Driver, mounts: ScriptedMounts, bug: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(raw: RawMount, deadline: Deadline) -> MountAnswer:
        raise bug

    mounts.answer = answer
    with pytest.raises(MountRefused) as caught:
        driver.send("{}")
    assert caught.value.code is grpc.StatusCode.INTERNAL
    assert caught.value.reason == InternalError.reason
    assert "s3cret" not in caught.value.details + caplog.text


def test_a_request_over_four_mebibytes_reaches_the_parser(driver: Driver) -> None:
    assert driver.send("x" * (6 * 1024 * 1024)).files


def test_an_answer_of_the_largest_size_reaches_the_driver(driver: Driver, mounts: ScriptedMounts) -> None:
    files = tuple(MountedFile(str(number), 0o644, b"x" * 3_000) for number in range(MOUNT.answer_bytes // 3_010))
    mounts.answer = lambda raw, deadline: MountAnswer(files, (("id", "v"),))
    assert len(driver.send("{}").files) == len(files)


def test_our_deadline_is_before_the_callers(driver: Driver, mounts: ScriptedMounts) -> None:
    driver.send("{}", timeout_s=10.0)
    driver.send("{}", timeout_s=600.0)
    short, usual = (deadline.at_s - time.monotonic() for deadline in mounts.deadlines)
    assert 7.0 < short < 9.5
    assert MOUNT.deadline_s - 2.0 < usual <= MOUNT.deadline_s


class Gate:
    """Mounts that wait until it is opened."""

    def __init__(self, mounts: ScriptedMounts) -> None:
        self.waiting = threading.Semaphore(0)
        self.open = threading.Event()
        mounts.answer = self._answer

    def _answer(self, raw: RawMount, deadline: Deadline) -> MountAnswer:
        self.waiting.release()
        assert self.open.wait(20)
        return ANSWER


def test_health_and_version_answer_while_every_thread_is_busy(
    driver: Driver, mounts: ScriptedMounts, tmp_path: Path
) -> None:
    gate = Gate(mounts)
    with (
        ThreadPoolExecutor(MOUNT.threads + 8) as clients,
        grpc.insecure_channel(f"unix:{tmp_path}/rune.sock") as channel,
    ):
        futures = [clients.submit(driver.send, "{}") for _ in range(MOUNT.threads + 8)]
        for _ in range(MOUNT.threads):
            assert gate.waiting.acquire(timeout=10)
        assert driver.version(timeout_s=5.0).version == "v1alpha1"
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", SERVICE):
            status = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5.0).status
            assert status == health_pb2.HealthCheckResponse.SERVING
        gate.open.set()
        assert all(future.result(timeout=20).files for future in futures)


def test_time_in_the_queue_counts(driver: Driver, mounts: ScriptedMounts) -> None:
    gate = Gate(mounts)
    with ThreadPoolExecutor(MOUNT.threads + 1) as clients:
        futures = [clients.submit(driver.send, "{}") for _ in range(MOUNT.threads)]
        for _ in range(MOUNT.threads):
            assert gate.waiting.acquire(timeout=10)
        sent = time.monotonic()
        futures.append(clients.submit(driver.send, "{}"))
        time.sleep(0.5)
        gate.open.set()
        for future in futures:
            future.result(timeout=20)
    last = max(deadline.at_s for deadline in mounts.deadlines)
    assert last < sent + MOUNT.deadline_s + 0.4


def test_a_stop_finishes_what_is_under_way_and_serves_meanwhile(
    driver: Driver, server: ProviderServer, mounts: ScriptedMounts, tmp_path: Path
) -> None:
    gate = Gate(mounts)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(driver.send, "{}")
        assert gate.waiting.acquire(timeout=10)
        stopping = pool.submit(server.stop, 10.0, linger_s=0.5)
        while not server.draining:
            time.sleep(0.01)
        late = pool.submit(driver.send, "{}")
        assert gate.waiting.acquire(timeout=10)
        gate.open.set()
        assert first.result(timeout=10).files
        assert late.result(timeout=10).files
        assert stopping.result(timeout=10) is True
    assert mounts.deadlines[-1].remaining_s() <= 10.5
    assert not (tmp_path / "rune.sock").exists()


def test_a_takeover_leaves_no_call_without_an_answer(driver: Driver, server: ProviderServer, tmp_path: Path) -> None:
    """The driver keeps its connection; while one provider replaces the other, every call must be answered."""
    stop = threading.Event()

    def call_on_and_on() -> int:
        calls = 0
        while not stop.is_set():
            driver.send("{}")
            calls += 1
        return calls

    second = ProviderServer(ScriptedMounts(), ProviderSocket(tmp_path), clock=SystemClock(), version="1.2.4")
    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(call_on_and_on) for _ in range(3)]
        try:
            time.sleep(0.2)
            second.start(takeover=True)
            server.stop(5.0)
            time.sleep(0.5)
        finally:
            stop.set()
        assert all(caller.result(timeout=20) > 10 for caller in callers)
    assert driver.version().runtime_version == "1.2.4"
    second.stop(1.0, linger_s=0.0)

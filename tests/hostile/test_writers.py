"""The same registry before a writer: no honest writer signs a hostile base, or sends anything elsewhere."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from urllib.parse import quote

import pytest

from rune.adapters.docker_auth import Credentials, HostCredentials
from rune.adapters.oras_push import OrasRegistry
from rune.adapters.registry import Access, new_transport
from rune.errors import RuneError
from rune.model.limits import PUBLISH, TRANSPORT
from rune.model.oci import Repository
from rune.model.store import LATEST
from rune.transport.pools import TransportConfig
from tests.fakes.marks import MemoryMarks
from tests.hostile import api, checks
from tests.hostile.ground import Ground
from tests.hostile.lie import Lie, Places, Speak
from tests.hostile.lies import LIES
from tests.hostile.node import QUICK
from tests.hostile.registry import HostileRegistry
from tests.hostile.store import DB
from tests.hostile.table import Results
from tests.support.http_server import Answer, Asked, Reply

CHANGE = {DB: {"password": b"a new password"}}
SETTLED = frozenset({"new", "known"})
"""Where the head is a real one, a writer goes on from it."""
REFUSED_HEADS = [lie for lie in LIES if set(lie.accepted) != SETTLED and not lie.slow]
_PLACES = re.compile(
    rf"{api.BASE}/(manifests/[A-Za-z0-9_.:-]+|blobs/(sha256:[0-9a-f]{{64}}|uploads/.*)|referrers/sha256:[0-9a-f]{{64}}|tags/list.*)"
)
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def reach(registry: HostileRegistry, ground: Ground) -> OrasRegistry:
    """The registry as a writer's machine reaches it, with the login for it."""
    login = registry.credentials
    assert login is not None
    access = Access(
        config=TransportConfig(ca_pem=ground.authority.ca_file.read_text()),
        credentials=HostCredentials(registry.server.host, Credentials(login.username, login.password)),
        plain_http=registry.server.url.startswith("http://"),
        transport=lambda config: new_transport(config, QUICK),
    )
    return OrasRegistry(Repository(registry.server.host, api.REPOSITORY), access)


def seen(registry: HostileRegistry, ground: Ground, revision: int) -> MemoryMarks:
    """The marks of a writer who has seen this revision: made by trying to set what is there already."""
    marks = MemoryMarks()
    registry.show(revision)
    values = registry.store.values(revision)
    assert not registry.store.commit(reach(registry, ground), values, marks).changed
    registry.server.asked.clear()
    return marks


@pytest.mark.parametrize("lie", [pytest.param(lie, id=lie.name) for lie in REFUSED_HEADS])
def test_a_writer_signs_no_hostile_base(lie: Lie, ground: Ground, results: Results) -> None:
    liar = ground.liar(tls=True)
    marks = seen(liar, ground, lie.seen)
    before = deepcopy(marks.marks)
    liar.tell(lie)
    with checks.bounded_memory(), pytest.raises(RuneError) as caught:
        liar.store.commit(reach(liar, ground), CHANGE, marks)
    assert caught.value.reason == (lie.known if isinstance(lie.known, str) else lie.new), str(caught.value)
    assert [asked.path for asked in liar.server.asked if asked.method in _WRITES] == []
    assert marks.marks == before
    checks.no_credential_strayed(ground)
    checks.nobody_was_misled_to(ground)
    results.writer(lie.name, caught.value.reason)


# Tags


def _tags(*pages: list[str], more: bool) -> Speak:
    """A list of tags, page by page; with `more`, the last one comes again and again."""

    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        if "/tags/list" not in asked.path:
            return honest
        last = re.search(r"page=(\d+)", asked.path)
        page = int(last[1]) if last else 0
        tags = pages[min(page, len(pages) - 1)]
        headers = {"Content-Type": "application/json"}
        if more or page + 1 < len(pages):
            headers["Link"] = f'<{api.BASE}/tags/list?page={page + 1}>; rel="next"'
        return Answer(200, json.dumps({"name": api.REPOSITORY, "tags": tags}).encode(), headers)

    return speak


def _told(name: str, speak: Speak, ground: Ground) -> HostileRegistry:
    """A registry that is honest but for this."""
    liar = ground.liar(tls=True)
    liar.tell(Lie(name, name, 3, 3, speak=speak, protected=True))
    return liar


def test_endless_tags(ground: Ground, results: Results) -> None:
    liar = _told("endless-tags", _tags(["latest"], more=True), ground)
    with checks.bounded_memory(), pytest.raises(RuneError) as caught:
        liar.store.commit(reach(liar, ground), CHANGE)
    assert caught.value.reason == "RUNE_SIZE_EXCEEDED"
    assert sum("/tags/list" in asked.path for asked in liar.server.asked) == TRANSPORT.tag_pages
    assert not [asked for asked in liar.server.asked if asked.method in _WRITES]
    results.other("endless-tags", f"`{caught.value.reason}`, nothing is written")


def test_endless_revisions(ground: Ground, results: Results) -> None:
    """Asked for one by one, they would keep every writer from ever committing again."""
    fakes = [f"r1-{4 + number % 7:010d}-{number:012x}" for number in range(99_000)]
    pages = [fakes[start : start + 25_000] for start in range(0, len(fakes), 25_000)]
    liar = _told("endless-revisions", _tags(["latest"], *pages, more=False), ground)
    outcome = liar.store.commit(reach(liar, ground), CHANGE)
    assert outcome.changed
    assert outcome.head.revision.number == 4
    asked = [asked.path for asked in liar.server.asked if "/manifests/r1-" in asked.path and asked.method == "GET"]
    assert len(asked) <= PUBLISH.rivals + 3 * PUBLISH.rivals_at_least
    assert any("r1-0000000004-" in warning and "more were left out" in warning for warning in outcome.warnings)
    results.other("endless-revisions", "a few are asked for, the commit is made, and a warning names the rest")


def test_hostile_tags(ground: Ground, results: Results) -> None:
    """Tags are hints: what isn't a revision's is not asked for, and what is must be what it says."""
    hostile = [
        "latest\r\nX-Injected: yes",
        "r1-0000000004-0123456789ab\r\nX-Injected: yes",
        "../../../v2/other/secrets/manifests/latest",
        "r1-0000000004-0123456789ab/../../x",
        "r1-0000000004-0123456789ab?x=y",
        "r1-0000000004-" + "a" * 100_000,
        "r9999999999-9999999999-" + "f" * 12,
        *(f"r1-{number:010d}-{'0' * 12}" for number in range(4, 104)),
    ]
    liar = _told("hostile-tags", _tags(hostile, more=False), ground)
    outcome = liar.store.commit(reach(liar, ground), CHANGE)
    assert outcome.changed
    assert outcome.head.revision.number == 4
    strange = [asked.path for asked in liar.server.asked if not _PLACES.fullmatch(asked.path)]
    assert strange == []
    assert not [asked for asked in liar.server.asked if "x-injected" in asked.headers]
    results.other("hostile-tags", "they are passed over, the commit is made")


# Uploads


def _uploads(where: Callable[[Places, Asked], str | None]) -> Speak:
    """Every upload is to be sent there."""

    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        if asked.method != "POST":
            return honest
        location = where(places, asked)
        return Answer(202, b"", {} if location is None else {"Location": location})

    return speak


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(lambda places, asked: f"{places.local}/up", id="another-host"),
        pytest.param(lambda places, asked: f"{places.storage}/up", id="another-port"),
        pytest.param(lambda places, asked: f"{places.plain}/up", id="without-tls"),
        pytest.param(lambda places, asked: f"@{places.local.removeprefix('https://')}/up", id="its-own-name-as-a-user"),
        pytest.param(lambda places, asked: ".localhost/up", id="its-own-name-as-a-prefix"),
        pytest.param(lambda places, asked: f"//{places.local.removeprefix('https://')}/up", id="without-a-scheme"),
        pytest.param(lambda places, asked: "https://169.254.169.254/up", id="link-local"),
        pytest.param(lambda places, asked: "file:///tmp/up", id="a-file"),
        pytest.param(lambda places, asked: "https://127.0.0.1:1\\@localhost/up", id="a-backslash"),
    ],
)
def test_upload_elsewhere(where: Callable[[Places, Asked], str], ground: Ground, results: Results) -> None:
    reason = _refused_upload("upload-elsewhere", _uploads(where), ground)
    assert reason == "RUNE_REGISTRY_UNAVAILABLE"
    results.other("upload-elsewhere", f"`{reason}`, the head stays as it was")


def test_upload_without_a_place(ground: Ground, results: Results) -> None:
    reason = _refused_upload("upload-without-a-place", _uploads(lambda places, asked: None), ground)
    assert reason == "RUNE_REGISTRY_UNAVAILABLE"
    results.other("upload-without-a-place", f"`{reason}`, the head stays as it was")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("status", [301, 307, 308])
def test_upload_by_redirect(method: str, status: int, ground: Ground, results: Results) -> None:
    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        return Answer(status, b"", {"Location": f"{places.storage}/up"}) if asked.method == method else honest

    reason = _refused_upload("upload-by-redirect", speak, ground)
    assert reason == "RUNE_REGISTRY_UNAVAILABLE"
    results.other("upload-by-redirect", f"`{reason}`, the head stays as it was")


def test_upload_altered(ground: Ground, results: Results) -> None:
    def speak(asked: Asked, honest: Answer, places: Places) -> Reply:
        if asked.method != "PUT" or "/manifests/" not in asked.path:
            return honest
        return replace(honest, headers={"Docker-Content-Digest": "sha256:" + "0" * 64})

    reason = _refused_upload("upload-altered", speak, ground)
    assert reason == "RUNE_DIGEST_MISMATCH"
    results.other("upload-altered", f"`{reason}`, the head stays as it was")


def _refused_upload(name: str, speak: Speak, ground: Ground) -> str:
    liar = _told(name, speak, ground)
    head = liar.content.tagged[LATEST]
    with pytest.raises(RuneError) as caught:
        liar.store.commit(reach(liar, ground), CHANGE)
    assert liar.content.tagged[LATEST] == head
    for server in ground.others:
        assert server.asked == []
    checks.no_credential_strayed(ground)
    login = liar.credentials
    assert login is not None
    assert login.password not in str(caught.value)
    assert quote(login.password) not in str(caught.value)
    return caught.value.reason

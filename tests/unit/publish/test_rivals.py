"""What others push beside the head costs a commit a bounded number of requests, and hides no honest commit from it."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from rune.errors import RegistryUnavailable
from rune.model.limits import FORMAT, PUBLISH
from rune.model.oci import MEDIA_INDEX, MEDIA_MANIFEST, Descriptor, digest_of
from rune.model.store import LATEST, Revision, revision_tag
from rune.publish.rivals import Lookout, Rivals
from rune.publish.signing import push_signature
from rune.snapshot.codec import describe_snapshot, encode_snapshot
from rune.snapshot.cosign import add_referrer, bundle_manifest, describe_bundle_manifest, fallback_tag
from tests.fakes.clock import FakeClock
from tests.unit.publish.test_crossing import At
from tests.unit.publish.world import OpenRegistry, World, new_signer


@pytest.fixture
def registry() -> OpenRegistry:
    return OpenRegistry()


@pytest.fixture
def anna(registry: OpenRegistry) -> World:
    """Her store's head is revision 2."""
    clock = FakeClock()
    world = World(registry, clock=clock, sleep=clock.advance)
    world.create()
    world.set("shared", k="old")
    return world


def lookout(world: World) -> Lookout:
    return Lookout(world.access, world.deadline())


def find(world: World, look: Lookout, *, least: int = 2) -> Rivals:
    tags, head = world.registry.tags(deadline=world.deadline()), world.head()
    known = {entry.digest for entry in head.history}
    return look.find(tags, head.snapshot.digest, world.lineage(), least=Revision(1, least), known=known)


def push_commit(world: World, author: str) -> Descriptor:
    """A snapshot that could be this author's commit on the head, unsigned."""
    made = replace(
        world.snapshot(), revision=Revision(1, 3), previous=(world.head().snapshot.digest,), author=author, message=""
    )
    data = encode_snapshot(made)
    descriptor = describe_snapshot(data)
    tag = revision_tag(made.revision, descriptor.digest)
    world.registry.put_manifest(data, MEDIA_INDEX, tag=tag, deadline=world.deadline())
    return descriptor


def push_garbage(world: World, count: int, *, revision: int = 3) -> None:
    for number in range(count):
        tag = f"r1-{revision:010d}-{number:012x}"
        world.registry.put_manifest(b"{}", MEDIA_MANIFEST, tag=tag, deadline=world.deadline())


def push_junk_signatures(world: World, subject: Descriptor) -> None:
    """As many as are ever looked at, none of them a signature."""
    listed: bytes | None = None
    for number in range(FORMAT.signatures_per_digest):
        bundle = b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "n": %d}' % number
        world.registry.put_blob(bundle, deadline=world.deadline())
        manifest = bundle_manifest(bundle, subject)
        world.registry.put_manifest(manifest, MEDIA_MANIFEST, tag=None, deadline=world.deadline())
        listed = add_referrer(listed, describe_bundle_manifest(manifest))
    assert listed is not None
    world.registry.put_manifest(listed, MEDIA_INDEX, tag=fallback_tag(subject.digest), deadline=world.deadline())


def outage() -> None:
    raise RegistryUnavailable("down", mend="wait")


def test_a_dead_writers_signed_commit_is_found_among_many_tags(registry: OpenRegistry, anna: World) -> None:
    """They sort before it, and are more than are asked for: but it has a signature, and they have none."""
    At(registry, "put_manifest", LATEST, outage)
    with pytest.raises(RegistryUnavailable):
        anna.another("bert").set("b", k="bert")
    push_garbage(anna, 10 * PUBLISH.rivals)
    anna.set("a", k="anna")
    assert anna.values().keys() == {"shared", "a", "b"}


@pytest.mark.parametrize(
    ("method", "subject", "nth"),
    [
        pytest.param("tags", "", 2, id="before-the-list"),
        pytest.param("put_manifest", LATEST, 1, id="between-the-last-look-and-the-move"),
    ],
)
def test_a_commit_that_crosses_is_seen_whatever_else_is_there(
    registry: OpenRegistry, anna: World, method: str, subject: str, nth: int
) -> None:
    push_garbage(anna, 10 * PUBLISH.rivals)
    bert = anna.another("bert")
    At(registry, method, subject, lambda: bert.set("b", k="bert"), nth=nth)
    anna.set("a", k="anna")
    assert anna.values().keys() == {"shared", "a", "b"}


def test_a_commit_that_crosses_unsigned_is_waited_for_whatever_else_is_there(
    registry: OpenRegistry, anna: World
) -> None:
    push_garbage(anna, 10 * PUBLISH.rivals)
    look = lookout(anna)
    assert find(anna, look).unsigned == ()
    honest = push_commit(anna, "bert")
    assert [claim.digest for claim in find(anna, look).unsigned] == [honest.digest]


def test_a_signature_counts_as_soon_as_it_is_there(anna: World) -> None:
    honest = push_commit(anna, "bert")
    look = lookout(anna)
    assert find(anna, look).signed == ()
    push_signature(anna.registry, anna.signer, honest, deadline=anna.deadline())
    assert [tip.digest for tip in find(anna, look).signed] == [honest.digest]


def test_an_honest_signature_is_looked_at_before_many_others(registry: OpenRegistry, anna: World) -> None:
    """Those of thirty unsigned snapshots would use up what may be fetched."""
    for number in range(30):
        push_junk_signatures(anna, push_commit(anna, f"mallory-{number}"))
    honest = push_commit(anna, "bert")
    push_signature(anna.registry, anna.signer, honest, deadline=anna.deadline())
    found = find(anna, lookout(anna))
    assert [tip.snapshot.author for tip in found.signed] == ["bert"]
    assert len(found.unseen) == 30 - (PUBLISH.rival_signatures - 1) // FORMAT.signatures_per_digest


def test_junk_signatures_cost_a_bounded_number_of_requests(registry: OpenRegistry, anna: World) -> None:
    for number in range(PUBLISH.rivals):
        push_junk_signatures(anna, push_commit(anna, f"mallory-{number}"))
    registry.requests.clear()
    look = lookout(anna)
    for _ in range(4):
        find(anna, look)
    once_more = 3 * FORMAT.signatures_per_digest
    assert registry.requests["resolve"] <= PUBLISH.rivals + 4  # and four times the head, by the test itself
    assert registry.requests["blob"] <= PUBLISH.rival_signatures + once_more


def test_a_refused_signature_is_fetched_once(registry: OpenRegistry, anna: World) -> None:
    stranger = push_commit(anna, "mallory")
    push_signature(registry, new_signer(), stranger, deadline=anna.deadline())
    look = lookout(anna)
    find(anna, look)
    before = Counter(registry.requests)
    assert [claim.digest for claim in find(anna, look).unsigned] == [stranger.digest]
    assert registry.requests["blob"] == before["blob"]


def test_what_nobody_signed_is_not_even_parsed(registry: OpenRegistry, anna: World) -> None:
    """Its tag has its digest, so it may be somebody's; that it is no snapshot is found once somebody signed it."""
    data = b"[" * 1_000
    tag = revision_tag(Revision(1, 3), digest_of(data))
    registry.put_manifest(data, MEDIA_INDEX, tag=tag, deadline=anna.deadline())
    look = lookout(anna)
    assert [claim.tag for claim in find(anna, look).unsigned] == [tag]
    subject = Descriptor.of(data, MEDIA_INDEX)
    push_signature(registry, anna.signer, subject, deadline=anna.deadline())
    found = find(anna, look)
    assert found == Rivals((), (), ())


def test_a_tag_that_was_not_there_is_asked_for_again(registry: OpenRegistry, anna: World) -> None:
    """Some registries list a tag a moment before they have it."""
    honest = push_commit(anna, "bert")
    tag = revision_tag(Revision(1, 3), honest.digest)
    data = registry.manifests[honest.digest]
    look = lookout(anna)
    head, lineage = anna.head(), anna.lineage()
    known = {entry.digest for entry in head.history}
    del registry.tagged[tag]
    look_again = partial(look.find, [tag], head.snapshot.digest, lineage, least=Revision(1, 2), known=known)
    assert look_again() == Rivals((), (), ())
    registry.put_manifest(data[0], data[1], tag=tag, deadline=anna.deadline())
    assert [claim.tag for claim in look_again().unsigned] == [tag]


def test_what_is_known_costs_no_request(registry: OpenRegistry, anna: World) -> None:
    tags = registry.tags(deadline=anna.deadline())
    head, lineage = anna.head(), anna.lineage()
    known = {entry.digest for entry in head.history}
    registry.requests.clear()
    found = lookout(anna).find(tags, head.snapshot.digest, lineage, least=Revision(1, 1), known=known)
    assert found == Rivals((), (), ())
    assert registry.requests == Counter()


def test_what_was_left_out_is_said(anna: World) -> None:
    push_garbage(anna, PUBLISH.rivals + 100)
    look = lookout(anna)
    found = find(anna, look)
    assert len(found.unseen) == 100
    assert found.warnings[0].count("r1-0000000003-") == 3
    assert "97 more were left out" in found.warnings[0]
    assert len(find(anna, look).unseen) == 100 - PUBLISH.rivals_at_least
    assert find(anna, look, least=4).warnings == ()


def test_a_commit_says_it(anna: World) -> None:
    push_garbage(anna, 10 * PUBLISH.rivals)
    assert any("were left out" in warning for warning in anna.set("a", k="1").warnings)

"""Generators of every document of the format, for the tests here."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from rune.model.oci import Descriptor, Digest, digest_of
from rune.model.path import KeyName, parse_key, parse_path
from rune.model.store import Binding, Head, HistoryEntry, Revision, SealedValue, Secret, Snapshot
from rune.snapshot.codec import describe_policy, describe_secret, describe_snapshot, describe_value, inline

_SEGMENT = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True)

store_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{7,62}", fullmatch=True)
digests = st.binary(max_size=16).map(digest_of)
revisions = st.builds(Revision, st.integers(1, 9_999_999_999), st.integers(1, 9_999_999_999))
times = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - Hypothesis wants naive bounds
    lambda time: time.replace(microsecond=0)
)
paths = st.lists(_SEGMENT, min_size=1, max_size=4).map("/".join).map(parse_path)
keys = st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,20}", fullmatch=True).map(parse_key)
keysets = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
bindings = st.builds(Binding, st.booleans(), st.booleans())
people_text = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60)


@st.composite
def heads(draw: st.DrawFn) -> Head:
    """Any head that the format allows."""
    revision = draw(revisions)
    snapshot = describe_snapshot(draw(st.binary(min_size=1, max_size=30)))
    created = draw(times)
    lifetime_s = draw(st.none() | st.integers(1, 10**7))
    return Head(
        store_id=draw(store_ids),
        revision=revision,
        created=created,
        expires=None if lifetime_s is None else created + timedelta(seconds=lifetime_s),
        snapshot=snapshot,
        history=(HistoryEntry(revision.number, snapshot.digest), *draw(_ancestors(revision, snapshot.digest))),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Any snapshot, of few secrets."""
    policy = draw(st.none() | st.binary(min_size=1, max_size=9).map(describe_policy))
    found = draw(st.dictionaries(paths, st.binary(min_size=1, max_size=9), max_size=6))
    return Snapshot(
        store_id=draw(store_ids),
        revision=draw(revisions),
        previous=tuple(draw(st.lists(digests, max_size=2, unique=True))),
        created=draw(times),
        author=draw(people_text),
        message=draw(people_text),
        policy=policy,
        secrets={path: describe_secret(path, data) for path, data in sorted(found.items())},
    )


@st.composite
def secrets(draw: st.DrawFn) -> Secret:
    """Any secret, of few keys; some values inline, some not."""
    values = draw(st.dictionaries(keys, st.binary(min_size=1, max_size=40), min_size=1, max_size=6))
    return Secret(inline(draw(_sealed(key, data)) for key, data in values.items()))


@st.composite
def _sealed(draw: st.DrawFn, key: KeyName, data: bytes) -> SealedValue:
    content = describe_value(data)
    if draw(st.booleans()):
        content = Descriptor(content.media_type, content.digest, content.size)
    return SealedValue(key, draw(keysets), content, draw(bindings))


@st.composite
def _ancestors(draw: st.DrawFn, revision: Revision, own: Digest) -> tuple[HistoryEntry, ...]:
    if revision.number == 1:
        return ()
    found = draw(st.lists(digests.filter(lambda digest: digest != own), max_size=63, unique=True))
    numbers = draw(st.lists(st.integers(1, revision.number - 1), min_size=len(found), max_size=len(found)).map(sorted))
    return tuple(HistoryEntry(number, digest) for number, digest in zip(reversed(numbers), found, strict=True))

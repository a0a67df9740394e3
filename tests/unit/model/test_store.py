"""The words of a store, and bounds that must fit each other."""

from rune.model.limits import FORMAT, KIB, MOUNT, TRANSPORT
from rune.model.oci import digest_of, parse_tag
from rune.model.store import Revision, revision_tag


def test_revisions_are_ordered_by_epoch_first() -> None:
    assert Revision(1, 900) < Revision(2, 1) < Revision(2, 2)
    assert str(Revision(2, 17)) == "2-17"


def test_a_snapshots_tag_is_pinned_and_sorts_with_its_revision() -> None:
    digest = digest_of(b"snapshot")
    assert revision_tag(Revision(1, 7), digest) == f"r1-0000000007-{digest[7:19]}"
    numbers = [1, 9, 10, 99, 1_000, FORMAT.revision_max]
    tags = [revision_tag(Revision(1, number), digest) for number in numbers]
    assert tags == sorted(tags)
    assert all(parse_tag(tag) == tag for tag in tags)


def test_the_largest_value_fits_its_ciphertext() -> None:
    assert FORMAT.value_bytes * 1.12 + 8 * KIB < FORMAT.ciphertext_bytes


def test_a_secrets_inline_content_fits_its_manifest() -> None:
    assert FORMAT.inline_total_bytes * 4 // 3 + FORMAT.keys_per_secret * 500 <= FORMAT.secret_manifest_bytes


def test_a_full_history_fits_a_head() -> None:
    assert FORMAT.history * (len("9999999999@sha256:,") + 64) + 4 * KIB < FORMAT.head_bytes


def test_a_mounts_answer_fits_the_drivers_limit() -> None:
    assert MOUNT.answer_bytes < 4 * KIB * KIB


def test_what_is_in_flight_at_a_stop_is_finished() -> None:
    assert MOUNT.drain_s > MOUNT.deadline_s > TRANSPORT.connect_timeout_s + TRANSPORT.read_timeout_s

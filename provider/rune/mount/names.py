"""Names of files and folders inside a mount."""

from collections.abc import Iterable
from typing import Final

from rune.errors import InvalidParameter
from rune.model.limits import MOUNT

# NAME_MAX of Linux; the driver checks it too (pkg/util/fileutil/atomic_writer.go, validatePath).
_SEGMENT_BYTES: Final = 255
_DELETE: Final = 0x7F
_MEND: Final = "write a relative name like db/password"


def parse_name(text: str, *, field: str, empty: bool = False) -> str:
    """Normalise a name: no `.`, no doubled or trailing slash. The driver refuses names that aren't clean.

    Args:
        text: what was written.
        field: where it was written, for the message.
        empty: whether the mount itself is meant by an empty name, `.` or `./`.

    Raises:
        InvalidParameter: it leaves the mount, or the driver or the kernel would refuse it.
    """
    if len(text) > MOUNT.file_name_chars:
        raise InvalidParameter(f"{field} has {len(text)} characters", mend=f"keep it to {MOUNT.file_name_chars}")
    if any(ord(character) < ord(" ") or ord(character) == _DELETE for character in text) or not _encodes(text):
        raise InvalidParameter(f"{field} holds a control character", mend=_MEND)
    if text.startswith("/"):
        raise InvalidParameter(f"{field} {text[:80]!r} is absolute", mend=_MEND)
    segments = [segment for segment in text.split("/") if segment not in ("", ".")]
    if ".." in segments:
        raise InvalidParameter(f"{field} {text[:80]!r} leaves the mount", mend=_MEND)
    if not segments and not empty:
        raise InvalidParameter(f"{field} names no file", mend=_MEND)
    if segments and segments[0].startswith(".."):
        # The driver keeps its own folders there: ..data and ..<time>.
        raise InvalidParameter(f"{field} {text[:80]!r} begins with '..'", mend=_MEND)
    if any(len(segment.encode()) > _SEGMENT_BYTES for segment in segments):
        raise InvalidParameter(f"{field} has a part of more than {_SEGMENT_BYTES} bytes", mend=_MEND)
    return "/".join(segments)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_distinct(names: Iterable[tuple[str, str]]) -> None:
    """Check that the files of a mount can stand beside one another.

    Args:
        names: each file's normalised name, and the place of the entry that makes it.

    Raises:
        InvalidParameter: two files of one name, or a file where another needs a folder.
    """
    places: dict[str, str] = {}
    for name, place in names:
        if name in places:
            raise InvalidParameter(
                f"{places[name]} and {place} both make the file {name[:80]!r}",
                mend="give one of them another fileName or dir",
            )
        places[name] = place
    for name, place in places.items():
        folder = name
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            if folder in places:
                raise InvalidParameter(
                    f"{places[folder]} makes the file {folder[:80]!r}, which {place} needs as a folder",
                    mend="give one of them another fileName or dir",
                )

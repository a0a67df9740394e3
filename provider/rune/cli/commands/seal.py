"""`rune seal`, and what `rune put --sealed` does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from rune.cli.commands.options import announce, recipient_of, value_options, values_of
from rune.cli.inputs import read_file
from rune.cli.output import Cell, Column
from rune.cli.progress import progress
from rune.cli.session import Session
from rune.client.sealed import SealedFinding, Sealer, SealRequest, decode_sealed, encode_sealed
from rune.client.store import CommitOptions
from rune.errors import InvalidInput, InvalidSealedFile
from rune.model.limits import SEALED
from rune.model.oci import short
from rune.model.path import parse_path
from rune.model.sealed import SealedFile

_COLUMNS = (
    Column("file", "file"),
    Column("path", "path"),
    Column("key", "key"),
    Column("for", "for"),
    Column("keyset", "keyset"),
    Column("digest", "digest"),
    Column("result", "result"),
)
_USAGE = "rune seal --file FILE PATH KEY...; rune seal --file FILE --current; rune seal --verify FILE..."


@click.command()
@click.argument("arguments", nargs=-1, metavar="[PATH [KEY | KEY=- | KEY=@FILE]...] | [FILE]...")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="The sealed file to make or change.")
@click.option("--keyset", help="Seal with this keyset.  [default: the first whose paths admit PATH]")
@click.option("--current", is_flag=True, help="Ask the store what stands there now, and name that as replaced.")
@click.option("--verify", is_flag=True, help="Check sealed FILEs; nothing is asked of the registry.")
@value_options
@click.pass_obj
def seal(
    session: Session,
    arguments: tuple[str, ...],
    file: Path | None,
    keyset: str | None,
    current: bool,
    verify: bool,
    env_files: tuple[Path, ...],
    literals: tuple[str, ...],
    recipient: str | None,
) -> None:
    """Seal values of the secret at PATH into a text file that is safe in Git.

    The public half of the keyset in rune.yaml is enough. Values are given as for `rune set`; other keys of the file
    keep their bytes, so that a review shows what changed. Each key names the ciphertexts that it may replace: an old
    file can't be put over a newer value. Without --current nothing is asked of the registry.
    """
    if verify:
        _verify(session, arguments)
        return
    if file is None or not (arguments or current):
        raise InvalidInput("say what to seal, and into which file", mend=_USAGE)
    whom = recipient_of(recipient)
    data = read_file(file, SEALED.file_bytes) if file.exists() or not arguments else None
    with _sealer(session) as sealer:
        if arguments:
            before = sealer.begin(parse_path(arguments[0]), data, what=str(file))
            values = values_of(session.printer, arguments[1:], env_files, literals)
            sealed = sealer.seal(before, SealRequest(values, whom, keyset), current=current)
            done = f"sealed {', '.join(values)} of {before.path} into {file}"
        else:
            before = decode_sealed(data or b"", what=str(file))
            sealed = sealer.rebase(before)
            done = f"{file} names what the store has now"
    if sealed == before:
        session.printer.note(f"nothing to do: {file} already is like that")
        return
    _write(file, sealed)
    session.printer.note(f"{done}; when it is reviewed: rune put --sealed {file}")


def put_sealed(session: Session, files: Sequence[str], options: CommitOptions) -> None:
    """Commit sealed files."""
    found = _read_all(files)
    with _sealer(session) as sealer:
        result = sealer.put(found, options)
    announce(session.printer, result)


def _verify(session: Session, files: Sequence[str]) -> None:
    if not files:
        raise InvalidInput("no file was given", mend=_USAGE)
    found = _read_all(files)
    with _sealer(session) as sealer:
        report = sealer.check(found)
    session.printer.rows(_COLUMNS, [_row(finding) for finding in report.findings], empty="no keys")
    bad = len(report.problems)
    if bad:
        raise InvalidSealedFile(f"{bad} of {len(report.findings)} entries are not right", mend="see the table")


def _row(finding: SealedFinding) -> dict[str, Cell]:
    passed = "ok" if finding.shape_known else "ok, but rune.yaml has no public half to compare with"
    return {
        "file": finding.file,
        "path": finding.path,
        "key": finding.key,
        "for": finding.recipient,
        "keyset": finding.keyset,
        "digest": short(finding.digest) if finding.digest else "",
        "result": finding.problem or passed,
    }


@contextmanager
def _sealer(session: Session) -> Iterator[Sealer]:
    """The chosen store's sealed files; what is asked of the registry is shown as progress on a terminal."""
    config = session.config()
    with progress(session.printer) as step:
        yield Sealer.open(config, progress=step)


def _read_all(files: Sequence[str]) -> dict[str, bytes]:
    if len(files) > SEALED.files:
        raise InvalidInput(f"{len(files)} files are too many at once", mend=f"give at most {SEALED.files}")
    return {name: read_file(Path(name), SEALED.file_bytes) for name in files}


def _write(path: Path, sealed: SealedFile) -> None:
    """All or nothing: an interrupted write leaves the file as it was."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(encode_sealed(sealed))
        draft.replace(path)
    except OSError as error:
        raise InvalidInput(
            f"{path} can't be written: {error.strerror}", mend="name a file that you may write"
        ) from None
    finally:
        draft.unlink(missing_ok=True)

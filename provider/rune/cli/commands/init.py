"""`rune init`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from rune.cli.identity import identity_of
from rune.cli.output import Format, Printer
from rune.cli.progress import progress
from rune.cli.project import FILE_NAME, add_store, check_new_store
from rune.cli.session import Session
from rune.cli.user import ask_passphrase, default_author, key_places, new_passphrase
from rune.client.create import create_store, new_store_id
from rune.client.keys import KeysetKind, new_keyset, new_signing_key, public_half
from rune.client.results import InitResult
from rune.errors import RuneError
from rune.model.bounded_yaml import Yaml
from rune.model.duration import parse_duration
from rune.model.oci import parse_location
from rune.model.spec import IdentitySpec, KeySpec, SignerSpec
from rune.policy.parse import parse_submitted_policy
from rune.wiring.state_folder import default_state_folder
from rune.wiring.writer_config import InitConfig, RegistryOptions

_LAYOUT = "oci-layout://"


@click.command()
@click.argument("url")
@click.option("--name", default="default", show_default=True, help="What rune.yaml calls the store.")
@click.option("--keyset", "keyset_name", default="default", show_default=True, help="The name of its keyset.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([kind.value for kind in KeysetKind]),
    default=KeysetKind.AES256_GCM.value,
    show_default=True,
    help="hpke: whoever has only the public half can write and not read.",
)
@click.option("--policy", "policy_file", type=click.Path(path_type=Path), help="The first policy.  [default: deny all]")
@click.option("--expires", metavar="DURATION", help="How long a head may be believed, like 7d.  [default: no limit]")
@click.option("--signing-key", type=click.Path(path_type=Path), help="Use this key (cosign's form), don't make one.")
@click.option("--signer", default="writer", show_default=True, help="What the store calls your key.")
@click.option("--issuer", metavar="URL", help="Who names the identity whose signatures count: a CI, a cluster.")
@click.option("--subject", metavar="TEXT", help="That identity, letter by letter as its certificates name it.")
@click.option("--subject-pattern", metavar="PATTERN", help="In place of --subject: all identities that fit.")
@click.option(
    "--trusted-root-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Proves identities, as cosign makes it.  [default: sigstore.dev's]",
)
@click.option("--ca-file", type=click.Path(path_type=Path), help="PEM of the registry's CA.")
@click.option("--plain-http", is_flag=True, help="The registry speaks HTTP without TLS.")
@click.option("--author", envvar="RUNE_AUTHOR", help="Who makes it.  [default: user@host]")
@click.pass_obj
def init(
    session: Session,
    url: str,
    name: str,
    keyset_name: str,
    kind: str,
    policy_file: Path | None,
    expires: str | None,
    signing_key: Path | None,
    signer: str,
    issuer: str | None,
    subject: str | None,
    subject_pattern: str | None,
    trusted_root_file: Path | None,
    ca_file: Path | None,
    plain_http: bool,
    author: str | None,
) -> None:
    """Make a new store at URL: oci://HOST/REPOSITORY, or oci-layout://FOLDER.

    Makes a keyset and a signing key in your own configuration folder, commits a first snapshot without secrets, and
    writes the store into rune.yaml here, which holds no secret and belongs in Git.

    With --issuer and --subject an identity may sign too; `rune --keyless init` makes no signing key at all, signs as
    the identity that this job has, and needs it to be the one that --issuer and --subject name.
    """
    project = Path.cwd() / FILE_NAME
    check_new_store(project, name)
    location = parse_location(_absolute(url))
    lifetime = parse_duration(expires, field="--expires") if expires else None
    policy = _read_policy(policy_file)
    store_id = new_store_id()
    places = key_places(store_id)
    key = signing_key.absolute() if signing_key else None
    by_identity = session.identity(places)
    identity = identity_of(issuer, subject, subject_pattern)
    config = InitConfig(
        location,
        store_id,
        default_state_folder(),
        key if by_identity else key or places.signing_key,
        signer,
        RegistryOptions(ca_file=ca_file.absolute() if ca_file else None, plain_http=plain_http),
        ask_passphrase,
        by_identity,
        () if identity is None else (identity,),
        trusted_root_file,
    )
    made: list[Path] = []
    try:
        if key is None and config.signing_key is not None:
            chosen = new_passphrase(config.signing_key)
            new_signing_key(config.signing_key, chosen)
            made += [config.signing_key, config.signing_key.with_suffix(".pub")]
            # Not asked for a third time.
            config = replace(config, passphrase=lambda _: chosen)
        new_keyset(places.keyset(keyset_name), KeysetKind(kind))
        made.append(places.keyset(keyset_name))
        with progress(session.printer) as step:
            result = create_store(
                config,
                author=author or default_author(),
                policy=policy,
                expires=lifetime,
                progress=step,
            )
    except (RuneError, click.Abort):
        for path in made:
            path.unlink(missing_ok=True)
        raise
    public = public_half(places.keyset(keyset_name)) if kind == KeysetKind.HPKE else None
    keyset: dict[str, Yaml] = {"name": keyset_name, **({} if public is None else {"public": public})}
    files = {"trustedRootFile": trusted_root_file, "caFile": ca_file}
    add_store(project, name, _entry(url, result, keyset, expires, files, plain_http=plain_http))
    _announce(session.printer, name, result, places.keyset(keyset_name), config.signing_key)
    if by_identity and by_identity.signing_config:
        session.printer.note("later commands need --signing-config too, or signingConfig in your config.yaml")


def _absolute(url: str) -> str:
    """A layout may be given relative to this folder, as rune.yaml will have it."""
    if url.startswith(_LAYOUT) and not url.startswith(f"{_LAYOUT}/"):
        return _LAYOUT + str((Path.cwd() / url.removeprefix(_LAYOUT)).resolve())
    return url


def _read_policy(path: Path | None) -> str | None:
    if path is None:
        return None
    from rune.cli.commands.policy import read_policy  # only where a file is given

    document = read_policy(path)
    parse_submitted_policy(document)
    return document.decode()


def _entry(
    url: str,
    result: InitResult,
    keyset: dict[str, Yaml],
    expires: str | None,
    files: Mapping[str, Path | None],
    *,
    plain_http: bool,
) -> dict[str, Yaml]:
    entry: dict[str, Yaml] = {
        "url": url,
        "storeID": result.store_id,
        "signers": [_signer(each) for each in result.signers],
        "keysets": [keyset],
    }
    if expires:
        entry["expires"] = expires
    for field, file in files.items():
        if file is not None:
            entry[field] = str(file)
    if plain_http:
        entry["plainHTTP"] = True
    return entry


def _signer(signer: SignerSpec) -> dict[str, Yaml]:
    if isinstance(signer, KeySpec):
        return {"name": signer.name, "pem": signer.pem}
    named = {"issuer": signer.issuer, "subject": signer.subject, "subjectPattern": signer.subject_pattern}
    return {field: text for field, text in named.items() if text is not None}


def _announce(printer: Printer, name: str, result: InitResult, keyset: Path, key: Path | None) -> None:
    if printer.form is not Format.TABLE:
        printer.item(
            {
                "store": name,
                "storeID": result.store_id,
                "revision": str(result.revision),
                "snapshot": result.snapshot,
                "expires": result.expires,
                "keyset": str(keyset),
                "signingKey": None if key is None else str(key),
            }
        )
        return
    printer.note(f"made store {name!r} ({result.store_id}), revision {result.revision}")
    printer.note(f"  keyset       {keyset}  (back it up: without it the values are lost)")
    if key is not None:
        printer.note(f"  signing key  {key}")
    for signer in result.signers:
        if isinstance(signer, IdentitySpec):
            printer.note(f"  signer       {signer.name}, by {signer.issuer}")
    printer.note(f"  {FILE_NAME}    holds no secret: commit it to Git")
    if result.expires is None:
        printer.warn(
            "heads don't expire: a registry can hold back news from whoever never saw it. "
            "`rune init --expires 7d` and a scheduled `rune refresh` bound that"
        )
    printer.note("next: rune policy edit, then rune set PATH KEY")

"""`rune manifest runestore | secretproviderclass | cronjob`: stable YAML, never a secret."""

import click

from rune.cli.project import StoreEntry
from rune.cli.session import Session, writer_config
from rune.client.manifests import run_store, secret_provider_class
from rune.client.refresh_job import SignByIdentity, SignByKey, refresh_cron_job
from rune.errors import InvalidInput
from rune.model.bounded_yaml import Yaml, dump_yaml
from rune.model.spec import IdentitySpec


@click.group()
def manifest() -> None:
    """Print Kubernetes manifests for a store, for `kubectl apply -f -` or a repository."""


@manifest.command()
@click.argument("name")
@click.option("-n", "--namespace", metavar="NAME", help="The namespace of the RuneStore.")
@click.option(
    "--cluster", "admitted", metavar="GLOB[,GLOB...]", help="A ClusterRuneStore that admits these namespaces."
)
@click.option("--secret-ref", metavar="NAME", help="A dockerconfigjson Secret with the registry's credentials.")
@click.option("--ca-ref", metavar="NAME", help="A ConfigMap whose ca.crt is the registry's CA.")
@click.option("--trusted-root-ref", metavar="NAME", help="A ConfigMap with rune.yaml's trustedRootFile.")
@click.option("--interval", metavar="DURATION", help="How often the nodes ask the registry.  [default: 2m]")
@click.option("--url", metavar="URL", help="Where the nodes find the store.  [default: where rune.yaml does]")
@click.pass_obj
def runestore(
    session: Session,
    name: str,
    namespace: str | None,
    admitted: str | None,
    secret_ref: str | None,
    ca_ref: str | None,
    trusted_root_ref: str | None,
    interval: str | None,
    url: str | None,
) -> None:
    """Print the RuneStore, or ClusterRuneStore, that lets pods use the store."""
    if (namespace is None) == (admitted is None):
        raise InvalidInput("say whose store it is", mend="give --namespace NAME, or --cluster GLOB,... for many")
    config = writer_config(session.entry())
    if (trusted_root_ref is None) != (config.trusted_root is None):
        raise InvalidInput(
            "rune.yaml and the RuneStore must prove identities by the same trusted root",
            mend="give --trusted-root-ref NAME exactly where rune.yaml has trustedRootFile",
        )
    found = run_store(
        config,
        name,
        namespace=namespace,
        namespaces=admitted.split(",") if admitted else (),
        secret_ref=secret_ref,
        ca_ref=ca_ref,
        trusted_root_ref=trusted_root_ref,
        interval=interval,
        url=url,
    )
    session.printer.text(dump_yaml(found))


@manifest.command()
@click.argument("name")
@click.argument("paths", nargs=-1, required=True, metavar="PATH[:KEY]...")
@click.option("-n", "--namespace", required=True, metavar="NAME", help="The namespace of the pods.")
@click.option("--runestore", "store", metavar="NAME", help="The RuneStore.  [default: the store's name in rune.yaml]")
@click.option("--cluster", is_flag=True, help="The store is a ClusterRuneStore.")
@click.pass_obj
def secretproviderclass(
    session: Session, name: str, paths: tuple[str, ...], namespace: str, store: str | None, cluster: bool
) -> None:
    """Print a SecretProviderClass that mounts each PATH: all its keys below a folder, or one KEY as a file."""
    found = secret_provider_class(
        name,
        namespace=namespace,
        store=store or session.entry().name,
        cluster_store=cluster,
        objects=[_object(path) for path in paths],
    )
    session.printer.text(dump_yaml(found))


def _object(text: str) -> dict[str, Yaml]:
    path, _, key = text.partition(":")
    return {"path": path, "key": key} if key else {"path": path}


@manifest.command()
@click.argument("name")
@click.option("--image", required=True, help="An image that has the `rune` command.")
@click.option("--config-map", required=True, metavar="NAME", help="Holds rune.yaml and the files that it names.")
@click.option("--key-secret", metavar="NAME", help="Sign with its signing.key, which its passphrase opens.")
@click.option("--service-account", metavar="NAME", help="Sign without a key, as this account of the job's namespace.")
@click.option(
    "--services", metavar="KEY", help="The ConfigMap's signing_config.json for that.  [default: sigstore.dev's]"
)
@click.option("--secret-ref", metavar="NAME", help="A dockerconfigjson Secret with a login that may push.")
@click.option("--expires", metavar="DURATION", help="How long each head lives.  [default: from rune.yaml]")
@click.option("--schedule", default="17 */6 * * *", show_default=True, help="When, as cron writes it.")
@click.pass_obj
def cronjob(
    session: Session,
    name: str,
    image: str,
    config_map: str,
    key_secret: str | None,
    service_account: str | None,
    services: str | None,
    secret_ref: str | None,
    expires: str | None,
    schedule: str,
) -> None:
    """Print a CronJob that refreshes the store's head.

    It signs with a key from a Secret, or without one, as a service account that rune.yaml accepts under freshness.
    """
    entry = session.entry()
    lifetime = expires or entry.expires
    if lifetime is None:
        raise InvalidInput("heads of this store don't expire", mend="give --expires 7d, or set it in rune.yaml")
    found = refresh_cron_job(
        name,
        image=image,
        config_map=config_map,
        signer=_signer(entry, key_secret, service_account, services),
        expires=lifetime,
        login_secret=secret_ref,
        store=entry.name,
        schedule=schedule,
    )
    session.printer.text(dump_yaml(found))


def _signer(
    entry: StoreEntry, key_secret: str | None, service_account: str | None, services: str | None
) -> SignByKey | SignByIdentity:
    if services is not None and service_account is None:
        raise InvalidInput("--services is for jobs that sign without a key", mend="give --service-account NAME")
    if key_secret is not None and service_account is None:
        return SignByKey(key_secret, entry.store_id)
    if service_account is None or key_secret is not None:
        raise InvalidInput("say who signs the heads", mend="give one of --key-secret NAME and --service-account NAME")
    accepted = entry.signers if entry.freshness is None else entry.freshness
    if not any(isinstance(signer, IdentitySpec) for signer in accepted):
        raise InvalidInput(
            "rune.yaml accepts no signer of heads by identity",
            mend="add the account's issuer and subject to freshness, beside whoever signs heads now",
        )
    return SignByIdentity(service_account, services)

"""A real Kubernetes API server on loopback: etcd and kube-apiserver, no kubelet and no controllers.

Real are TokenRequest, TokenReview, CRDs, admission and RBAC. Absent is what controllers do: no ServiceAccount named
default, nothing collected when an owner goes, no namespace ever finishes deleting; a pod stays unscheduled, which is
enough to bind a token to it.
"""

import secrets
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.kubeapi import KubeApi
from tests.support.process import LOOPBACK, Process, accepts, free_port
from tests.support.tls import Authority, private_pem

# Also the audience of a token that asks for none.
ISSUER = "https://kubernetes.default.svc"
ADMIN = "rune-admin"


class ApiServer:
    """One API server; start() and stop() may be called any number of times, data and port stay.

    `url` and `ca_file` (PEM) are how to reach it, `admin_token` belongs to system:masters and `kubeconfig` uses it;
    `admin` acts with it. `service_account_key` (PEM) is what the server signs ServiceAccounts' tokens with.
    `encryption` is a file with an EncryptionConfiguration.
    """

    def __init__(self, folder: Path, *, etcd: Path, kube_apiserver: Path, encryption: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = free_port()
        self._etcd_port = free_port()
        authority = Authority(folder / "tls")
        self.url = f"https://{LOOPBACK}:{self._port}"
        self.ca_file = authority.ca_file
        self.service_account_key = folder / "service-account.key"
        self.admin_token = secrets.token_urlsafe(24)
        self.admin = self.as_bearer(self.admin_token)
        self.kubeconfig = self.kubeconfig_for(ADMIN, self.admin_token)
        self._etcd = Process(self._etcd_command(etcd), folder / "etcd.log")
        command = self._apiserver_command(kube_apiserver, authority)
        if encryption is not None:
            command.append(f"--encryption-provider-config={encryption}")
        self._apiserver = Process(command, folder / "kube-apiserver.log")

    def start(self) -> None:
        """Start both processes and wait until the server says that it is ready.

        Raises:
            ProcessFailed: with the end of the log of the one that failed.
        """
        self._etcd.start(lambda: accepts(self._etcd_port))
        self._apiserver.start(self.admin.ready)

    def stop(self) -> None:
        """Stop both; what was stored stays."""
        self._apiserver.stop()
        self._etcd.stop()

    @property
    def pid(self) -> int:
        """Of kube-apiserver."""
        return self._apiserver.pid

    @property
    def data(self) -> Path:
        """The folder of etcd's data files."""
        return self._folder / "etcd"

    def as_bearer(self, token: str) -> KubeApi:
        """A client that authenticates with `token`: RBAC decides what it may do."""
        return KubeApi(self.url, self.ca_file, token)

    def kubeconfig_for(self, name: str, token: str) -> Path:
        """Write a kubeconfig file that uses `token`, and return its path."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": "tests", "user": name}}],
        }
        path = self._folder / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        return path

    def _etcd_command(self, etcd: Path) -> list[str]:
        client, peer = (f"http://{LOOPBACK}:{port}" for port in (self._etcd_port, free_port()))
        return [
            str(etcd),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # The data needs to outlive the process, not the machine.
            "--unsafe-no-fsync",
        ]

    def _apiserver_command(self, kube_apiserver: Path, authority: Authority) -> list[str]:
        serving = authority.issue("kube-apiserver")
        key = ec.generate_private_key(ec.SECP256R1())
        private, public = self.service_account_key, self._folder / "service-account.pub"
        private.write_bytes(private_pem(key))
        public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        tokens = self._folder / "tokens.csv"
        tokens.write_text(f'{self.admin_token},{ADMIN},{ADMIN},"system:masters"\n')
        tokens.chmod(0o600)
        return [
            str(kube_apiserver),
            f"--etcd-servers=http://{LOOPBACK}:{self._etcd_port}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self._port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={private}",
            f"--api-audiences={ISSUER}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            # As every cluster with a CSI driver must.
            "--allow-privileged",
            # It would publish a loopback address, which the validation of Endpoints refuses, again and again.
            "--endpoint-reconciler-type=none",
        ]

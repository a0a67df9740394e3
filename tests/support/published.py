"""A store that is really published: real keys, real keyset, any registry; and the objects that a provider needs."""

import base64
from dataclasses import dataclass, field

from rune.adapters.keypair import KeySigner
from rune.adapters.tink import SECRET_KEY_ACCESS, KeysetKind, create_keyset, load_opener, load_sealer
from rune.model.bounded_yaml import Yaml
from rune.model.spec import ANNOTATION_NAMESPACES, ANNOTATION_STORE_ID, API_VERSION
from rune.ports import WritableRegistry
from rune.publish.sealing import WriterKeyset
from tests.unit.publish.world import STORE_ID, World, new_signer

PROVIDER_NAMESPACE = "rune-system"


def _keyset_json() -> bytes:
    return create_keyset(KeysetKind.AES256_GCM, SECRET_KEY_ACCESS)


def keyset_object(store: str, namespaces: str, store_id: str, keyset_json: bytes) -> dict[str, Yaml]:
    """The Secret `keyset-STORE` of the provider's namespace.

    Args:
        store: the name in its own.
        namespaces: whose stores may use it.
        store_id: the store that it is for.
        keyset_json: the keyset.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"keyset-{store}",
            "namespace": PROVIDER_NAMESPACE,
            "annotations": {ANNOTATION_STORE_ID: store_id, ANNOTATION_NAMESPACES: namespaces},
        },
        "data": {"keyset.json": base64.b64encode(keyset_json).decode()},
    }


@dataclass
class Published:
    """One store, with the material that its objects are made of."""

    registry: WritableRegistry
    url: str
    """As a RuneStore names it."""
    namespace: str = "payments"
    name: str = "main"
    signer: KeySigner = field(default_factory=new_signer)
    keyset_json: bytes = field(default_factory=_keyset_json, repr=False)

    def world(self) -> World:
        """A writer of this store."""
        opener = load_opener(self.keyset_json, SECRET_KEY_ACCESS)
        keyset = WriterKeyset("default", ("**",), load_sealer(self.keyset_json, SECRET_KEY_ACCESS), opener)
        return World(registry=self.registry, signer=self.signer, keyset=keyset)

    def store_object(self, **spec: Yaml) -> dict[str, Yaml]:
        """The RuneStore."""
        usual: dict[str, Yaml] = {
            "registry": {"url": self.url},
            "storeID": STORE_ID,
            "keysets": [{"name": "default", "secret": f"keyset-{self.name}"}],
            "verify": {"keys": [{"name": "writer", "pem": self.signer.public_pem}]},
        }
        return {
            "apiVersion": API_VERSION,
            "kind": "RuneStore",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": usual | spec,
        }

    def keyset_object(self) -> dict[str, Yaml]:
        """The Secret of the provider's namespace."""
        return keyset_object(self.name, self.namespace, STORE_ID, self.keyset_json)

"""The kinds of objects that `rune doctor` reads, beside those that the provider knows, and their names."""

from typing import Final

from rune.adapters.kube_json import LEASES, Resource
from rune.model.spec import API_GROUP

CSI_DRIVER: Final = "secrets-store.csi.k8s.io"
"""The driver's name: of its CSIDriver object, and in a pod's volume."""
DRIVER_GROUP: Final = "secrets-store.csi.x-k8s.io"
PROVIDER_NAME: Final = "rune"
"""spec.provider of a SecretProviderClass of ours."""

CSI_DRIVERS: Final = Resource("storage.k8s.io/v1", "csidrivers")
DAEMON_SETS: Final = Resource("apps/v1", "daemonsets")
NODE_LEASES: Final = LEASES.within("kube-node-lease")
"""What kubelets renew, by their own clocks (k8s.io/component-helpers/apimachinery/lease): every 10 s by default."""
PODS: Final = Resource("v1", "pods")
SERVICE_ACCOUNTS: Final = Resource("v1", "serviceaccounts")
DEFINITIONS: Final = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
CLASSES: Final = Resource(f"{DRIVER_GROUP}/v1", "secretproviderclasses")
MOUNT_STATUSES: Final = Resource(f"{DRIVER_GROUP}/v1", "secretproviderclasspodstatuses")
SELF_REVIEWS: Final = Resource("authentication.k8s.io/v1", "selfsubjectreviews")
ACCESS_REVIEWS: Final = Resource("authorization.k8s.io/v1", "subjectaccessreviews")

OUR_CRDS: Final = (f"runestores.{API_GROUP}", f"clusterrunestores.{API_GROUP}")
DRIVER_CRDS: Final = (f"secretproviderclasses.{DRIVER_GROUP}", f"secretproviderclasspodstatuses.{DRIVER_GROUP}")

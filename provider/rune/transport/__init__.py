"""HTTP to registries and the Kubernetes API: origins, deadlines, caps, retries. No knowledge of OCI or Kubernetes."""

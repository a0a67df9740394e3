"""Rune: encrypted, signed secrets from any OCI registry, mounted in Kubernetes pods by the Secrets Store CSI driver.

The layers, from the edges down, are drawn in docs/architecture.md and checked by import-linter.
"""

__version__ = "0.1.0"

"""The provider's edges: the CSI driver's socket, health, metrics. Parses, delegates, maps errors to gRPC codes."""

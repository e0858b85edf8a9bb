"""The embedded cluster: store, API, controllers, kubelet. Knows nothing of strategies, nor of the CLI."""

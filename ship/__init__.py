"""The verbs as use cases: observe, plan, lock, execute, and the way back. Knows neither the CLI nor what the cluster is."""

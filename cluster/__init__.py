"""The Cluster port, the official client behind it, and everything that changes a cluster: execute, lock, history."""

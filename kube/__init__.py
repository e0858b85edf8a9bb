"""The vocabulary of Kubernetes objects: references, kinds, quantities, merging. Knows nothing of rollway's own terms."""

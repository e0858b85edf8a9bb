"""What the user wrote: the release file, the manifests, the strategies' settings. Knows nothing of clusters or of steps."""

"""The manifests that we render ourselves. Takes plain data and knows nothing of anything else."""

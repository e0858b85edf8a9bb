"""rollway: ship a new version of an application on Kubernetes by one of five release styles."""

__version__ = "0.1.0"

"""What the API server refuses, a file a family of kinds."""

"""The command `deploy`: parses, builds one request, calls one use case, shows its events, returns its exit code."""

"""How the API is served: HTTP, paths, watches, tables, discovery, protobuf, the certificate."""

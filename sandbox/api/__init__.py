"""What the API server decides: reading, defaults, validation, patches, selectors, paging, deletion. Answers objects, no HTTP."""

"""Where objects are kept: in memory, with every change in order, and on disk."""

"""Is this object ready, and if not, why: pure functions from objects to a status and a sentence."""

"""One file a feature: pure functions of a snapshot."""

"""Where image references come from: the lock, the local engine, registries of the v2 API."""

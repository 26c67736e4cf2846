"""Code from elsewhere: git repositories and buckets, by the host's own programs. Nothing here needs Docker."""

"""From instructions to a Dockerfile and its source map; and reading a Dockerfile that a user wrote."""

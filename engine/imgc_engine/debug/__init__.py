"""A shell in a container that recreates a node: `imgc debug`."""

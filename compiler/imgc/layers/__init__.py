"""Kinds of layers, one file a kind: the keys it owns, its checks, its instructions."""

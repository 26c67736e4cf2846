"""Builds and runs a compiled plan on a Docker engine: the only package that talks to Docker."""

"""Dockerfile instructions as data, and the one module that quotes values into them."""

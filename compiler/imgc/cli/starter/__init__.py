"""A first pipeline file for a folder: what is there, and what to write about it."""

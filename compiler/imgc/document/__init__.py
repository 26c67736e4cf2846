"""Text to nodes with spans. Knows YAML, and nothing of images."""

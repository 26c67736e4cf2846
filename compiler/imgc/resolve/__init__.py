"""From what the file says to what holds: images with their instructions, nodes with their effective settings."""

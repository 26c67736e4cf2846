"""What a compiled pipeline is for other tools: each target one module, a table of what it can say, and files."""

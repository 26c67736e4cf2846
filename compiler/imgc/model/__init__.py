"""What a pipeline file says, every value with its place."""

"""Python files of other systems, read with `ast` alone: nothing of them is ever imported or run."""

"""One analysis of a pipeline file, for the command line and for the editor."""

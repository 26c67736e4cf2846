"""Pipeline files from what exists: a draft with comments, how it is written, and one module for each system."""

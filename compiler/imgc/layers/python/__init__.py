"""Python in images: packages by name, requirements files, locked projects, conda environments."""

"""A plan to look at: as a tree in text, Mermaid, Graphviz, SVG, or a page."""

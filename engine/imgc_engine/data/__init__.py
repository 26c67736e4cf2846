"""What build pipelines and datums need beside a container: code and data by content, kept in `.imgc/data`."""

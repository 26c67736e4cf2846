"""The language server of pipeline.yaml."""

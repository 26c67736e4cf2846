"""imgc: a compiler from pipeline.yaml to Dockerfiles and a run plan."""

__version__ = "0.1.0"

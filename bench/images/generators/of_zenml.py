"""Runs in a virtual environment that has zenml: `of_zenml.py BASE PACKAGE…`; prints JSON.

As `build_docker_image` does it, without a stack's own requirements.
"""

import json
import sys
from types import SimpleNamespace

from zenml.config import DockerSettings
from zenml.utils.pipeline_docker_image_builder import PipelineDockerImageBuilder

base, *packages = sys.argv[1:]
settings = DockerSettings(
    parent_image=base,
    apt_packages=["jq"],
    requirements=packages,
    install_stack_requirements=False,
    python_package_installer_args={"system": None},  # or uv refuses an image without a virtual environment
)
builder = PipelineDockerImageBuilder()
files = builder.gather_requirements_files(settings, stack=SimpleNamespace(requirements=set()))
dockerfile = builder._generate_zenml_pipeline_dockerfile(
    parent_image=base, docker_settings=settings, requirements_files=files, apt_packages=settings.apt_packages
)
print(json.dumps({"dockerfile": dockerfile, "files": {name: content for name, content, _ in files}}))

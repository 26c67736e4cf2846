"""Runs in a virtual environment that has flyte: `of_flyte.py PACKAGE…`, in the project's folder.

The builder writes its Dockerfile and context into a temporary folder and calls `docker`; the `docker` on PATH is
one of ours, which keeps that folder.
"""

import asyncio
import sys
from pathlib import Path

import flyte
from flyte._internal.imagebuild.docker_builder import DockerImageBuilder

image = (
    flyte.Image.from_debian_base(python_version=(3, 11), install_flyte=False, name="bench")
    .with_apt_packages("jq")
    .with_pip_packages(*sys.argv[1:])
    .with_source_folder(Path("app"))
)
asyncio.run(DockerImageBuilder()._build_image(image, push=False))

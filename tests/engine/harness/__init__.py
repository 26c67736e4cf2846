"""A real Docker engine for the tests, apart from any engine of the user's.

`python -m harness up` (in tests/engine) starts it, makes the base images and prints the variables that point
a shell at it; `down` and `status` do what they say. `--engine 28` means a second one, Docker 28 with buildx.
The tests get both through conftest.py.

The engine has a folder, socket, bridge and NAT rules of its own. It runs as root on Linux, and uses the
Docker that is installed (on Debian it installs what is missing). What it keeps between runs is in
IMGC_TEST_CACHE, by default ~/.cache/imgc-test: after `down`, that folder may be deleted.
"""

from .commands import HarnessError
from .engine import Engine
from .images import base_images
from .registry import Registry, registry
from .releases import Release, compose_program, installed_release
from .shared import cache_folder, lease, shared_engine

__all__ = [
    "Engine",
    "HarnessError",
    "Registry",
    "Release",
    "base_images",
    "cache_folder",
    "compose_program",
    "installed_release",
    "lease",
    "registry",
    "shared_engine",
]

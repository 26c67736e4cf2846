#!/bin/sh
# Makes .venv with imgc, its extras and (with --dev) the tools of the tests. Needs Python 3.11 or newer.
set -eu
cd "$(dirname "$0")"
python=""
for candidate in python3.13 python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "imgc needs Python 3.11 or newer" >&2; exit 3; }
root=""
[ "$(id -u)" = 0 ] || root=sudo
if [ ! -x .venv/bin/python ]; then
    "$python" -m venv .venv 2>/dev/null || {
        rm -rf .venv
        $root apt-get update -q && $root apt-get install -y -q --no-install-recommends python3-venv
        "$python" -m venv .venv
    }
fi
extras=all
[ "${1:-}" != --dev ] || extras=dev
.venv/bin/python -m pip install -q --disable-pip-version-check -e ".[$extras]"

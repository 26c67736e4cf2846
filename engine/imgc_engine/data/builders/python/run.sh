cd /pfs/source
python=/pfs/build/venv/bin/python
[ -x "$python" ] || python=$(command -v python3 || command -v python) || {
    echo "This image has no Python." >&2
    exit 127
}
exec "$python" main.py "$@"

# The official Python builder: installs requirements.txt into an environment of its own, once for its content.
# It has the image's own packages, and pip's wheels are kept for the next time.
set -eu
trap 'chown -R "$IMGC_OWNER" /pfs/out /imgc/cache' EXIT

python=$(command -v python3 || command -v python) || {
    echo "This image has no Python." >&2
    exit 1
}
"$python" -m venv --without-pip --system-site-packages /pfs/build/venv
inside=/pfs/build/venv/bin/python
# Where the image's Python is an environment itself, a new one would not see its packages.
"$python" -c 'import site, sysconfig; print(sysconfig.get_path("purelib"))' \
    >"$("$inside" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/image.pth"
"$inside" -m pip --version >/dev/null 2>&1 || "$inside" -m ensurepip >/dev/null 2>&1 || {
    echo "This image has no pip to install requirements.txt with: add python3-pip to its system_packages." >&2
    exit 1
}
cd /pfs/source
"$inside" -m pip install --disable-pip-version-check --no-input --root-user-action ignore "$@" -r requirements.txt
printf %s "$PATH" >/pfs/out/path
cp /imgc/builder/run.sh /pfs/out/run.sh

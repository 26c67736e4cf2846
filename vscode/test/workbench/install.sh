#!/bin/sh
# usage: install.sh DIR [VERSION]: a real VS Code for the tests, code-server from the npm registry and no other place.
# VERSION 4.100.3 (VS Code 1.100.3) is the newest for Node 20. Debian brings ripgrep, and what native modules are
# built against; the headers of Node come with it, or lie in $npm_config_nodedir.
set -eu
mkdir -p "$1"
cd "$1"
folder=$PWD
version=${2:-4.100.3}
root=""
[ "$(id -u)" = 0 ] || root=sudo
missing=""
for package in chromium g++ libkrb5-dev libsecret-1-dev libxkbfile-dev make pkg-config python3 ripgrep; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ]; then
    $root apt-get update -q
    # shellcheck disable=SC2086  # one word a package
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi
[ ! -e "$folder/installed-$version" ] || exit 0
rm -rf node_modules
echo '{"private": true}' >package.json
npm_config_nodedir=${npm_config_nodedir:-$(node -p "path.dirname(path.dirname(process.execPath))")}
export npm_config_nodedir npm_config_yes=true # node-pty's install script runs npx
quiet="--no-audit --no-fund --loglevel=error"
# shellcheck disable=SC2086
npm install "code-server@$version" --ignore-scripts $quiet
npm rebuild argon2 --foreground-scripts --build-from-source
cd node_modules/code-server/lib/vscode
# shellcheck disable=SC2086
npm install --omit=dev --ignore-scripts $quiet
mkdir -p node_modules/@vscode/ripgrep/bin # its own install script fetches from GitHub
cp "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
npm rebuild --foreground-scripts
ln -sfn node_modules node_modules.asar
(cd bin/remote-cli && ln -sf code-linux.sh code-server)
(cd bin/helpers && ln -sf browser-linux.sh browser.sh)
# shellcheck disable=SC2086
(cd extensions && npm install --omit=dev --ignore-scripts $quiet)
touch "$folder/installed-$version"

# The official Go builder: one program that needs nothing of the image that runs it, unless CGO_ENABLED=1 is set.
set -eu
trap 'chown -R "$IMGC_OWNER" /pfs/out /imgc/cache' EXIT

cp /imgc/builder/run.sh /pfs/out/run.sh
export CGO_ENABLED="${CGO_ENABLED:-0}" GOCACHE=/imgc/cache/build GOMODCACHE=/imgc/cache/modules
cd /pfs/source
if [ -f go.mod ]; then
    go build -trimpath -o /pfs/out/main .
else
    go build -trimpath -o /pfs/out/main ./*.go
fi

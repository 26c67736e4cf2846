#!/bin/sh
# Sets up .venv, compiles a sample, and runs it where a Docker engine answers.
set -eu
cd "$(dirname "$0")"
./setup.sh
.venv/bin/imgc check samples/wordcount/pipeline.yaml
.venv/bin/imgc compile samples/wordcount/pipeline.yaml
cat samples/wordcount/compiled/images/etl/Dockerfile
if .venv/bin/python -c 'import docker; docker.from_env().ping()' 2>/dev/null; then
    .venv/bin/imgc run -f samples/wordcount/pipeline.yaml
else
    echo "No Docker engine answers here: 'imgc run -f samples/wordcount/pipeline.yaml' runs it where one does."
fi

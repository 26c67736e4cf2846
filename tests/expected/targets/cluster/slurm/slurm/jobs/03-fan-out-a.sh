#!/bin/bash
#SBATCH --job-name=Nightly_run-03-fan-out-a
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
# fan out/a, pipeline.yaml:14:9
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job 3 'fan out/a'
image=ghcr.io/acme/nightly_run/app:7c8bb0c1e09a4b750024
secret_files=(/run/secrets/key=key)
variables=('WHO=it'"'"'s $WHO')
secret_variables=(TOKEN=token)
command=(python -c 'print('"'"'a'"'"')')
leaf

#!/bin/bash
#SBATCH --job-name=Nightly_run-04-fan-out-b
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
# fan out/b, pipeline.yaml:15:9
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job 4 'fan out/b'
image=ghcr.io/acme/nightly_run/app:7c8bb0c1e09a4b750024
variables=('WHO=it'"'"'s $WHO')
accept=(3)
suppress=yes
stdin="$run/jobs/4.stdin"
command=(/bin/sh -ec 'exit 3')
leaf

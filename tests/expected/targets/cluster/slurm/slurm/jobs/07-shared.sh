#!/bin/bash
#SBATCH --job-name=Nightly_run-07-shared
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
# shared, pipeline.yaml:18:5
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job 7 shared
image=ghcr.io/acme/nightly_run/app:7c8bb0c1e09a4b750024
open

# shared/install, pipeline.yaml:21:9
job 8 shared/install
gate=yes
variables=('WHO=it'"'"'s $WHO')
command=(/bin/sh -ec 'touch /state')
inside

# shared/check, pipeline.yaml:22:9
job 9 shared/check
gate=yes
variables=('WHO=it'"'"'s $WHO')
command=(/bin/sh -ec 'cat /state')
inside

close 7

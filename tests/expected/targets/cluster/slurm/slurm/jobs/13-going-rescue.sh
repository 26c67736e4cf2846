#!/bin/bash
#SBATCH --job-name=Nightly_run-13-going-rescue
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
# going/rescue, pipeline.yaml:28:9
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job 13 going/rescue
gate=yes
image=ghcr.io/acme/nightly_run/app:7c8bb0c1e09a4b750024
variables=('WHO=it'"'"'s $WHO')
command=(/bin/sh -ec 'echo rescue')
leaf

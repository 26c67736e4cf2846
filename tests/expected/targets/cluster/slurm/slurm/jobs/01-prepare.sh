#!/bin/bash
#SBATCH --job-name=Nightly_run-01-prepare
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=512M
#SBATCH --time=7
# prepare, pipeline.yaml:11:5
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job 1 prepare
image=ghcr.io/acme/nightly_run/app:7c8bb0c1e09a4b750024
cpu=1.5
memory=536870912
variables=('WHO=it'"'"'s $WHO')
workdir=/tmp
user=1000:1000
limit=90
command=(/bin/sh -ec 'echo $WHO')
leaf

#!/bin/bash
#SBATCH --job-name=Nightly_run-05-fan-out-c
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --gres=gpu:1
# fan out/c, pipeline.yaml:16:9
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job 5 'fan out/c'
image=ghcr.io/acme/nightly_run/app:7c8bb0c1e09a4b750024
shm=67108864
gpu=1
variables=('WHO=it'"'"'s $WHO')
attempts=3 backoff=2 factor=1
again='error oom'
command=(/bin/sh -ec make)
leaf

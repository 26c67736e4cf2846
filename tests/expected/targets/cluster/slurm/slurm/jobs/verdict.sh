#!/bin/bash
#SBATCH --job-name=Nightly_run-verdict
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
# what became of everything
# shellcheck disable=SC1091,SC2016,SC2034  # imgc.sh reads what is set here; commands expand it
run=$1 && . "$run/imgc.sh"
job '' verdict
verdict

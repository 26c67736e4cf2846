#!/bin/bash
#HEAD#
# shellcheck disable=SC2088,SC2317  # a tilde is expanded by this script; traps are reachable
set -eu
name=#NAME#
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/"#PROJECT# && pwd)
wait=''
if [ "${1:-}" = --wait ]; then wait=yes && shift; fi
run=${1:-$here/runs/$(date -u +%Y%m%d-%H%M%S)-$$}
umask 077

# Copies the value of a secret to where jobs read it: secret NAME env VARIABLE, or secret NAME file PATH.
secret() {
    local path=$3
    if [ "$2" = env ]; then
        [ -n "${!path+set}" ] || { echo "submit.sh: the secret '$1' is missing: set the variable $path" >&2; return 1; }
        printf '%s' "${!path}" >"$run/secrets/$1"
        return
    fi
    case $path in '~' | '~/'*) path=$HOME${path#'~'} ;; /*) ;; *) path=$project/$path ;; esac
    [ -r "$path" ] || { echo "submit.sh: the secret '$1' cannot be read from $path" >&2; return 1; }
    cat <"$path" >"$run/secrets/$1"
}

# Submits a job and prints its number: submit NAME [DEPENDENCY [LANE]]. Those of a lane run one after the other, by their
# name. A job that waits for no other is held until all are there.
submit() {
    local options=() depend=${2:-} id
    [ -n "$depend" ] || options+=(--hold)
    [ -z "${3:-}" ] || options+=(--job-name="$name-${run##*/}-$3" --comment="$1")
    [ -z "${3:-}" ] || depend=${depend:+$depend,}singleton
    [ -z "$depend" ] || options+=(--dependency="$depend" --kill-on-invalid-dep=yes)
    id=$(sbatch --parsable --no-requeue --export=NIL --output="$run/logs/$1.log" "${options[@]}" "$run/jobs/$1.sh" "$run")
    id=${id%%;*}
    printf '%s %s\n' "$id" "$1" >>"$run/submitted"
    [ -n "${2:-}" ] || printf '%s\n' "$id" >>"$run/held"
    printf '%s\n' "$id"
}

# Nothing runs of what could not be submitted as a whole.
give_up() {
    trap - EXIT
    echo "submit.sh: not submitted" >&2
    [ ! -s "$run/submitted" ] || cut -d ' ' -f 1 "$run/submitted" | xargs scancel
    rm -rf "$run"
    exit 1
}

mkdir -p "$(dirname "$run")"
if mkdir "$run" 2>/dev/null; then
    run=$(cd "$run" && pwd)
    trap give_up EXIT INT TERM
    mkdir "$run/states" "$run/logs" "$run/secrets"
    touch "$run/submitted" "$run/held"
    # A run goes on with what it began with, whatever is compiled meanwhile.
    cp -R "$here/imgc.sh" "$here/states.awk" "$here/nodes.tsv" "$here/jobs" "$run"
    for variable in PATH HOME DOCKER_HOST DOCKER_CONFIG DOCKER_TLS_VERIFY DOCKER_CERT_PATH XDG_RUNTIME_DIR IMGC_CONTAINERS; do
        [ -z "${!variable+set}" ] || printf 'export %s=%q\n' "$variable" "${!variable}"
    done >"$run/environment"
    printf 'project=%q\n' "$project" >>"$run/environment"
#SECRETS#
#JOBS#
    all=$(cut -d ' ' -f 1 "$run/submitted" | paste -s -d :)
    submit verdict "afterany:$all" >"$run/last"
    xargs scontrol release <"$run/held"
    trap - EXIT INT TERM
elif [ ! -s "$run/last" ]; then
    echo "submit.sh: $run is there, and no run" >&2
    exit 1
fi
run=$(cd "$run" && pwd)
last=$(cat "$run/last")
echo "job $last gives the verdict; states and logs are in $run"
[ -n "$wait" ] || exit 0
# As long as Slurm has the job, or says nothing of it for a moment, or the file system has yet to show its file.
missed=0
while [ ! -s "$run/exit" ] && [ "$missed" -lt 5 ]; do
    sleep 2
    if squeue --noheader --jobs="$last" --format=%i 2>/dev/null | grep -q .; then missed=0; else missed=$((missed + 1)); fi
done
[ ! -f "$run/verdict" ] || cat "$run/verdict"
[ -s "$run/exit" ] || { echo "submit.sh: job $last ended without a verdict" >&2; exit 1; }
exit "$(cat "$run/exit")"

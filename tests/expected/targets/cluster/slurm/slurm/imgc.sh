# What the jobs of this folder share: sourced by them, from the copy in the folder of the run, $run.
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2088,SC2154  # variables come from jobs; containers have subshells
set -u
# shellcheck source=/dev/null
. "$run/environment"
engine=${IMGC_CONTAINERS:-}
for candidate in docker podman apptainer; do
    [ -z "$engine" ] && command -v "$candidate" >/dev/null && engine=$candidate
done

# job NODE NAME: the settings of a leaf, at their defaults.
job() {
    node=$1 name=$2
    image='' command=() variables=() secret_variables=() secret_files=() mounts=() arguments=() accept=()
    workdir='' user='' cpu='' memory='' shm='' network='' gpu='' stdin=/dev/null
    limit='' attempts=1 backoff=0 again='error' factor=1 suppress='' gate=''
}

mount() { mounts+=("$1" "$2" "$3"); }

say() { printf 'imgc: %s: %s\n' "$name" "$*" >&2; }

record() {
    printf '%s\n' "$1" >"$run/states/$node.new"
    mv "$run/states/$node.new" "$run/states/$node"
}

# Asks states.awk, with a variable like ask=3. A network file system looks for new files when a folder is listed.
look() {
    ls "$run/states" >/dev/null
    awk -v states="$run/states" -v "$1" -f "$run/states.awk" "$run/nodes.tsv"
}

# What becomes of a node, by the states of those before it: run, skipped or omitted.
prospect() { look ask="$1"; }

# A field of a list with commas, as Docker reads it.
field() {
    case $1 in
    *[,\"]*) printf '"%s"' "${1//\"/\"\"}" ;;
    *) printf '%s' "$1" ;;
    esac
}

# Makes a secret's value that of a variable: secret VARIABLE NAME. Of a file it is all but the newline at its end.
secret() {
    local text=''
    IFS= read -r -d '' text <"$run/secrets/$2" || :
    text=${text%$'\n'}
    export "$1=${text%$'\r'}"
}

# Sets `line`, the command for a container called $1 (of attempt $2) up to its image. To be called in a subshell:
# secrets become variables of it.
assemble() {
    local at source target mode bytes=$memory
    [ -z "$memory" ] || bytes=$(awk -v m="$memory" -v f="$factor" -v n="$2" 'BEGIN { printf "%.0f", m * f ^ (n - 1) }')
    for at in "${secret_variables[@]}"; do secret "${at%%=*}" "${at#*=}"; done
    if [ "$engine" = apptainer ]; then
        [ ${#arguments[@]} = 0 ] || { say "Apptainer cannot have docker_run_args"; exit 78; }
        line=(apptainer exec --containall --cleanenv)
        for at in "${variables[@]}"; do export "APPTAINERENV_${at%%=*}=${at#*=}"; done
        for at in "${secret_variables[@]}"; do secret "APPTAINERENV_${at%%=*}" "${at#*=}"; done
        [ -z "$workdir" ] || line+=(--pwd "$workdir")
        [ -z "$gpu" ] || line+=(--nv)
    else
        line=("$engine" run --init --name "$1")
        for at in "${variables[@]}"; do line+=(-e "$at"); done
        for at in "${secret_variables[@]}"; do line+=(-e "${at%%=*}"); done
        [ -z "$workdir" ] || line+=(-w "$workdir")
        [ -z "$user" ] || line+=(-u "$user")
        [ -z "$cpu" ] || line+=(--cpus "$cpu")
        [ -z "$bytes" ] || line+=(--memory "${bytes}b" --memory-swap "${bytes}b")
        [ -z "$shm" ] || line+=(--shm-size "${shm}b")
        [ -z "$network" ] || line+=(--network "$network")
        [ -z "$gpu" ] || devices
        line+=("${arguments[@]}")
    fi
    for ((at = 0; at < ${#mounts[@]}; at += 3)); do
        source=${mounts[at]} target=${mounts[at + 1]} mode=${mounts[at + 2]}
        case $source in
        '~' | '~/'*) source=$HOME${source#'~'} ;;
        /*) ;;
        *) source=$project/$source ;;
        esac
        bind "$source" "$target" "$mode"
    done
    for at in "${secret_files[@]}"; do bind "$run/secrets/${at##*=}" "${at%=*}" ro; done
}

# The GPUs that Slurm has given the job.
devices() {
    local given=${CUDA_VISIBLE_DEVICES:-all} one
    case $engine:$given in
    docker:all) line+=(--gpus all) ;;
    docker:*) line+=(--gpus "\"device=$given\"") ;;
    *) for one in ${given//,/ }; do line+=(--device "nvidia.com/gpu=$one"); done ;;
    esac
}

bind() {
    local text
    text="type=bind,$(field "source=$1"),$(field "destination=$2")"
    [ "$3" = rw ] || if [ "$engine" = apptainer ]; then text+=,ro; else text+=,readonly; fi
    line+=(--mount "$text")
}

# Runs the container of a leaf once: `code` is its exit code, `cause` empty or what kind of failure it is.
attempt() {
    local began=$SECONDS
    container=imgc-$SLURM_JOB_ID-$node-$1
    discard "$container"
    (
        assemble "$container" "$1"
        [ "$stdin" = /dev/null ] || [ "$engine" = apptainer ] || line+=(-i)
        if [ "$engine" = apptainer ]; then line+=("docker://$image"); else
            line+=(--entrypoint "${command[0]}" "$image")
            command=("${command[@]:1}")
        fi
        exec ${limit:+timeout -k 10 "$limit"} "${line[@]}" "${command[@]}" <"$stdin"
    ) &
    await $!
    judge "$began" "$container"
    discard "$container"
}

# Waits for a process in a way that signals get through.
await() {
    client=$1 code=0
    wait "$client" || code=$?
    client=''
}

judge() {
    local accepted late=''
    cause=error
    for accepted in 0 "${accept[@]}"; do [ "$code" != "$accepted" ] || cause=''; done
    [ -z "$limit" ] || [ $((SECONDS - $1)) -lt "${limit%.*}" ] || late=yes
    case $code in
    124 | 137)
        if [ -n "$late" ]; then cause=timeout; elif out_of_memory "$2"; then cause=oom; fi
        ;;
    esac
}

out_of_memory() {
    [ "$code" = 137 ] || return 1
    [ "$engine" = apptainer ] || [ "$("$engine" inspect -f '{{.State.OOMKilled}}' "$1" 2>/dev/null)" = true ]
}

discard() { [ "$engine" = apptainer ] || "$engine" rm -f "$1" >/dev/null 2>&1 || :; }

# The job was cancelled, or its time is over: nothing of it stays.
interrupted() {
    trap '' TERM INT
    [ -z "${client:-}" ] || kill "$client" 2>/dev/null || :
    [ -z "${container:-}" ] || discard "$container"
    [ -z "${shared:-}" ] || discard "$shared"
    record interrupted
    exit 143
}

# Runs $1 until it is fine or its attempts are used up; leaves `fine`, which is empty when it is not.
persevere() {
    local number=1 pause=$backoff
    fine=''
    if [ -n "$gate" ]; then
        case $(prospect "$node") in
        run) ;;
        skipped) say 'skipped'; fine=yes; record skipped; return ;;
        *) say 'omitted: what it waits for is not fine'; record omitted; return ;;
        esac
    fi
    record running
    while :; do
        "$1" "$number"
        if [ -z "$cause" ]; then fine=yes; record succeeded; return; fi
        say "attempt $number failed: $cause, exit code $code"
        case " $again " in *" $cause "*) ;; *) break ;; esac
        [ "$number" -lt "$attempts" ] || break
        sleep "$pause" & await $!
        pause=$(awk -v p="$pause" 'BEGIN { print p * 2 }')
        number=$((number + 1))
    done
    record failed
    fine=$suppress
}

# The whole job of a leaf.
leaf() {
    [ -n "$engine" ] || { say 'there is neither docker nor podman nor apptainer'; record error; exit 69; }
    trap interrupted TERM INT
    persevere attempt
    [ -n "$fine" ]
    exit
}

# A container for several leaves: `open`, `inside` for each, `close`. It is not made when none of them is to run.
open() {
    [ "$(prospect "$node")" = run ] || return 0
    case $engine in
    '' | apptainer) say 'leaves that share a container need docker or podman'; record error; exit 69 ;;
    esac
    shared=imgc-$SLURM_JOB_ID-$node
    discard "$shared"
    trap interrupted TERM INT
    (
        assemble "$shared" 1
        exec "${line[@]}" -d --entrypoint sleep "$image" 2147483647 >/dev/null
    ) || { discard "$shared"; exit 69; }
}

execute() {
    local began=$SECONDS
    (
        local at
        line=("$engine" exec)
        [ "$stdin" = /dev/null ] || line+=(-i)
        for at in "${variables[@]}"; do line+=(-e "$at"); done
        for at in "${secret_variables[@]}"; do
            secret "${at%%=*}" "${at#*=}"
            line+=(-e "${at%%=*}")
        done
        [ -z "$workdir" ] || line+=(-w "$workdir")
        [ -z "$user" ] || line+=(-u "$user")
        line+=("$shared")
        [ -z "$limit" ] || line+=(timeout -k 10 "$limit")
        exec "${line[@]}" "${command[@]}" <"$stdin"
    ) &
    await $!
    judge "$began" "$shared"
}

inside() { persevere execute; }

# The end of a job that ends as a group does.
close() {
    [ -z "${shared:-}" ] || discard "$shared"
    look fine="$1"
    exit
}

# The last job: what became of everything, and an exit code that says so.
verdict() {
    code=0
    look all=1 >"$run/verdict.new" || code=$?
    cat "$run/verdict.new"
    rm -rf "$run/secrets"
    mv "$run/verdict.new" "$run/verdict"
    printf '%s\n' "$code" >"$run/exit.new"
    mv "$run/exit.new" "$run/exit"
    exit "$code"
}

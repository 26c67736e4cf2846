"""slurm/: a script that submits the pipeline to Slurm, a job a leaf.

Slurm's own dependencies keep the order and cancel what can never start. What they cannot say (`when: always`, which of
several failed, errors that are suppressed) a job finds out from the states that those before it have left in the
run's folder; its exit code says whether it was fine.
"""

from __future__ import annotations

from imgc.targets.slurm.scripts import emit
from imgc.targets.target import EXACT, Target, approximated, refused

_DATUMS = "what there is to run on shows only when a run begins, and Slurm's jobs are submitted before."

SUPPORT = {
    "serial": EXACT,
    "parallel": EXACT,
    "needs": EXACT,
    "when: on_failure": EXACT,
    "when: always": EXACT,
    "stop_on_error: false": EXACT,
    "suppress_errors": EXACT,
    "suppress_errors of a group": EXACT,
    "accept_return_code": EXACT,
    "max_concurrent": approximated(
        "each leaf has one of so many lanes, and waits for the one before it there even where another lane is free."
    ),
    "retry": EXACT,  # but for mem_factor, see the scripts
    "retry of a group": refused("a job is tried again by itself, not with others."),
    "max_time": approximated("it counts from when the container is asked for, with the time that its image takes to come."),
    "max_time of a group": refused("Slurm bounds the time of a job, not of several."),
    "container_reuse: new": EXACT,  # where its leaves follow each other, see the jobs
    "container_reuse: pool": approximated("each leaf gets a container of its own."),
    "lazy": refused("all jobs are submitted before the first one runs."),
    "call": EXACT,
    "build pipelines": refused("their code is built by 'imgc run'."),
    "input": refused(_DATUMS),
    "outputs": refused("what a leaf leaves in /pfs/out is kept by 'imgc run'; mount a folder that all nodes share."),
    "stdin": EXACT,
    "env": EXACT,
    "secrets as variables": EXACT,
    "secrets as files": approximated(
        "the file belongs to who submits, with mode 0600: another user than root or that one cannot read it."
    ),
    "workdir": EXACT,
    "user": approximated("Docker and Podman take it; Apptainer runs everything as who submits."),
    "cpu": approximated("a job reserves whole processors: what is written is rounded up, and still the limit."),
    "mem": EXACT,
    "gpu": EXACT,
    "shm_size": approximated("Docker and Podman take it; Apptainer has the machine's /dev/shm."),
    "network": approximated("Docker and Podman take it; Apptainer uses the machine's network."),
    "mounts": approximated("the folder has to be at the same place on every node of the cluster."),
    "requires_docker": refused("a cluster's node is shared with others, and this would make the command root there."),
    "docker_run_args": approximated("Docker and Podman take them; with Apptainer the job fails and says so."),
}  # fmt: skip

TARGET = Target("slurm", ("node",), SUPPORT, emit)

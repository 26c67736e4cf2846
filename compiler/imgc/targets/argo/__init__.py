"""argo/workflow.yaml: the pipeline for Argo Workflows, a DAG a group and a pod a leaf; 3.5 and later run it.

A DAG fails as a group does: each of its tasks is a `target`, so that none that failed is forgotten behind one that went
well, and `failFast: false` lets siblings run to the end.
"""

from __future__ import annotations

from imgc.targets.argo.workflow import emit
from imgc.targets.target import EXACT, Target, approximated, refused

_DATUMS = "Argo would need an artifact repository to hand data on; 'imgc run' does without."

SUPPORT = {
    "serial": EXACT,
    "parallel": EXACT,
    "needs": EXACT,
    "when: on_failure": EXACT,
    "when: always": EXACT,
    "stop_on_error: false": EXACT,
    "suppress_errors": EXACT,
    "suppress_errors of a group": EXACT,
    "accept_return_code": approximated("a shell around the command does it, so the image has to have /bin/sh."),
    "max_concurrent": EXACT,  # but for groups in groups, see the workflow
    "retry": approximated("what kind a failure is of shows from exit code 137 (oom) and Argo's message on deadlines."),
    "retry of a group": approximated("Argo tries a group again whatever it has failed for."),
    "max_time": approximated("Argo counts whole seconds, and from when the pod is made: it may wait for its image."),
    "max_time of a group": EXACT,  # of the root alone, see the workflow
    "container_reuse: new": approximated("its leaves are one script in one pod, with one log, and not shown apart."),
    "container_reuse: pool": approximated("each leaf gets a pod of its own."),
    "lazy": refused("a workflow is known as a whole before it runs."),
    "call": EXACT,
    "build pipelines": refused("their code is built by 'imgc run'."),
    "input": refused(_DATUMS),
    "outputs": refused(_DATUMS),
    "stdin": approximated("a shell around the command gives it, so the image has to have /bin/sh."),
    "env": EXACT,
    "secrets as variables": approximated("the values come from a Secret of the cluster, which you make."),
    "secrets as files": approximated("the values come from a Secret of the cluster, which you make."),
    "workdir": EXACT,
    "user": EXACT,  # a number; see the containers
    "cpu": EXACT,
    "mem": EXACT,
    "gpu": EXACT,
    "shm_size": EXACT,
    "network": refused("a pod has the network of its cluster."),
    "mounts": approximated(
        "a relative path is one in a PersistentVolumeClaim, which you make, an absolute one that of the node."
    ),
    "requires_docker": refused("the nodes of a cluster need not have Docker, and it would make the command root there."),
    "docker_run_args": refused("a pod is not run by Docker."),
}  # fmt: skip

TARGET = Target("argo", ("node",), SUPPORT, emit)

"""A Slurm of one node for tests, with a key, folders and ports of its own; it ends with them."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CONFIG = """\
ClusterName=imgc
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SlurmdParameters=config_overrides
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=4096 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES DefMemPerNode=64 MaxTime=10 State=UP
"""
CGROUPS = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint={folder}
"""
"""They are not used, but looked for: of version 2, with a systemd that a container does not have."""
PATIENCE = 60.0  # seconds for it to start


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Gives the variables by which its commands find it."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: it holds a socket
    config = folder / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    controller, node = free_ports(2)
    config.write_text(
        CONFIG.format(host=host, controller=controller, node=node, user=getpass.getuser(), folder=folder)
    )
    (folder / "cgroup.conf").write_text(CGROUPS.format(folder=folder))
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(mode=0o700)
    key = folder / "munge/key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    variables = {"SLURM_CONF": str(config)}
    path = f"{os.environ['PATH']}:/usr/sbin"
    environment = {**os.environ, **variables, "PATH": path}
    munge = [f"--{name}={folder}/munge/{file}" for name, file in MUNGE.items()]
    try:
        with ExitStack() as running:
            running.enter_context(daemon(["munged", "--foreground", "--force", *munge], folder, environment))
            wait_for((folder / "munge/socket").exists, folder)
            running.enter_context(daemon(["slurmctld", "-D", "-f", str(config)], folder, environment))
            running.enter_context(daemon(["slurmd", "-D", "-f", str(config)], folder, environment))
            wait_for(lambda: ask("sinfo", "-h", "-o", "%T", env=environment).strip() == "idle", folder)
            yield variables
    finally:
        shutil.rmtree(folder)


MUNGE = {
    "key-file": "key",
    "socket": "socket",
    "pid-file": "pid",
    "log-file": "log",
    "seed-file": "seed",
}


@contextmanager
def daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{command[0]}.out").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(*command: str, env: dict[str, str]) -> str:
    return subprocess.run(
        list(command), env=env, capture_output=True, text=True, check=False, timeout=30
    ).stdout


def wait_for(condition: object, folder: Path) -> None:
    assert callable(condition)
    end = time.monotonic() + PATIENCE
    while not condition():
        logs = "".join(f"{log}:\n{log.read_text(errors='replace')[-3000:]}" for log in folder.glob("*.[lo]*"))
        assert time.monotonic() < end, f"Slurm does not start\n{logs}"
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    with ExitStack() as open_:
        sockets = [open_.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]

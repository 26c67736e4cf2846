"""`imgc compile --target slurm` on a real Slurm of one node, with containers of a real engine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slurm
from cli import Pipeline, pipeline_on

PATIENCE = 300.0  # seconds for a few jobs


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    with slurm.cluster() as variables:
        yield variables


@pytest.fixture
def pipeline(engine: Any, cluster: dict[str, str], tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "project") as made:
        made.env |= cluster
        yield made


def compiled(pipeline: Pipeline, text: str) -> Path:
    """The folder of the scripts, which are what the checker of shell scripts likes."""
    pipeline.write(text)
    (pipeline.folder / "out").mkdir()
    pipeline.imgc("compile", "--target", "slurm")
    pipeline.imgc("build")
    folder = pipeline.folder / "compiled/slurm"
    scripts = [str(path) for path in folder.rglob("*.sh")]
    checked = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert checked.stdout == ""
    return folder


def submit(pipeline: Pipeline, *words: str, code: int) -> str:
    done = subprocess.run(
        ["bash", "compiled/slurm/submit.sh", *words], cwd=pipeline.folder, env=pipeline.env,
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr + logs(pipeline)
    return done.stdout + done.stderr


def states(said: str) -> dict[str, str]:
    """The verdict: path -> state, of those that it names."""
    lines = [line.split() for line in said.splitlines()]
    return {words[1]: words[0] for words in lines if len(words) == 2}


def logs(pipeline: Pipeline) -> str:
    return "".join(f"{log.name}: {log.read_text()}" for log in pipeline.folder.rglob("*.log"))


def wait_for(condition: Callable[[], object], pipeline: Pipeline) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, logs(pipeline)
        time.sleep(0.1)


def containers(pipeline: Pipeline) -> list[Any]:
    """Those of the jobs that are left."""
    found = pipeline.engine.client.containers.list(all=True)
    return [one for one in found if pipeline.name in (one.attrs["Config"]["Image"] or "")]


WHOLE = """\
secrets: {token: {env: THE_TOKEN}, key: {file: key}}
pipeline:
  image: busybox:1.35
  mounts: [{src: out, dst: /out}]
  env: {WHO: "it's \\"$WHO\\" {{x}}"}
  serial:
    prepare: {run: "echo prepare >>/out/log; chmod 666 /out/log; echo \\"$WHO\\" >/out/who", cpu: 0.5, mem: 64Mi, workdir: /out}
    fan:
      parallel:
        a: {run: "echo a >>/out/log"}
        b: {run: "echo b >>/out/log; cat >/out/stdin; id -u >/out/user", stdin: "text\\nmore", needs: [a], user: "1234"}
        c: {run: "exit 3", accept_return_code: [3]}
        d: {run: "echo d >>/out/tries; [ $(wc -l </out/tries) = 3 ]", retry: {attempts: 3, backoff: 100ms}}
        left out: {run: "echo skipped >>/out/log", skip: true}
    secret:
      run: "echo $TOKEN $(cat /run/secrets/key) $(ls -l /run/secrets/key | cut -c 1-10) >/out/secret"
      secrets: [{secret: token, env: TOKEN}, key]
    shared:
      container_reuse: new
      serial: {install: "echo kept >/state", check: "cat /state >/out/state"}
    in turn:
      max_concurrent: 1
      parallel: {one: "echo in >>/out/turn; sleep 1; echo out >>/out/turn", two: "echo in >>/out/turn; echo out >>/out/turn"}
    going:
      stop_on_error: false
      serial:
        bad: "echo bad >>/out/log; exit 1"
        slow: {run: "echo slow >>/out/log; sleep 60", max_time: 5s, suppress_errors: true}
        rescue: {run: "echo rescue >>/out/log", when: on_failure}
        last: "echo last >>/out/log"
    never: "echo never >>/out/log"
    failed: {run: "echo failed >>/out/log", when: on_failure}
"""


def test_a_pipeline_runs_as_it_says(pipeline: Pipeline) -> None:
    pipeline.env["THE_TOKEN"] = "t0k3n"
    folder = compiled(pipeline, WHOLE)
    out = pipeline.folder / "out"
    out.chmod(0o777)
    (pipeline.folder / "key").write_text("k3y\n")
    said = submit(pipeline, "--wait", code=1)
    assert states(said) == {
        pipeline.name: "failed",
        **dict.fromkeys(("prepare", "fan", "fan/a", "fan/b", "fan/c", "fan/d", "secret"), "succeeded"),
        **dict.fromkeys(("shared", "shared/install", "shared/check"), "succeeded"),
        "going": "failed", "going/bad": "failed", "going/slow": "failed", "going/rescue": "succeeded",
        "going/last": "succeeded", "never": "omitted", "failed": "succeeded",
    }  # fmt: skip
    assert "skipped      fan/left out" in said
    assert [line.split(maxsplit=1)[0] for line in said.splitlines() if "in turn" in line] == ["succeeded"] * 3
    assert (out / "turn").read_text().split() == ["in", "out", "in", "out"]
    order = ["prepare", "a", "b", "bad", "slow", "rescue", "last", "failed"]
    assert (out / "log").read_text().split() == order
    assert (out / "tries").read_text().split() == ["d", "d", "d"]
    assert (out / "who").read_text() == 'it\'s "$WHO" {{x}}\n'
    assert ((out / "stdin").read_text(), (out / "user").read_text()) == ("text\nmore", "1234\n")
    assert (out / "secret").read_text() == "t0k3n k3y -rw-------\n"
    assert (out / "state").read_text() == "kept\n"
    (ran,) = (folder / "runs").iterdir()
    assert "attempt 1 failed: timeout" in next(ran.glob("logs/*slow.log")).read_text()
    assert not (ran / "secrets").exists()
    assert not any("t0k3n" in path.read_text() for path in ran.rglob("*") if path.is_file())
    assert containers(pipeline) == []


CANCELLED = """\
pipeline:
  image: busybox:1.35
  mounts: [{src: out, dst: /out}]
  parallel:
    main:
      serial:
        long: "echo $$ >/out/began; exec sleep 600"
        after: "true"
        cleanup: {run: "echo cleanup >/out/log", when: always}
    other: "echo other >/out/other"
"""


def test_what_is_cancelled_leaves_nothing_behind(pipeline: Pipeline) -> None:
    folder = compiled(pipeline, CANCELLED)
    said = submit(pipeline, str(folder / "runs/mine"), code=0)
    assert submit(pipeline, str(folder / "runs/mine"), code=0) == said  # not submitted once more
    wait_for((pipeline.folder / "out/began").exists, pipeline)
    jobs = dict(line.split()[::-1] for line in (folder / "runs/mine/submitted").read_text().splitlines())
    for name in ("imgc.sh", "states.awk", "nodes.tsv"):
        (folder / name).write_text("of a later compile\n")
    subprocess.run(["scancel", jobs["2-main-long"]], env=pipeline.env, check=True)
    said = submit(pipeline, "--wait", str(folder / "runs/mine"), code=1)
    assert states(said) == {
        pipeline.name: "interrupted", "main": "interrupted", "main/long": "interrupted", "main/after": "omitted",
        "main/cleanup": "succeeded", "other": "succeeded",
    }  # fmt: skip
    assert (pipeline.folder / "out/log").read_text() == "cleanup\n"
    assert containers(pipeline) == []


def test_what_cannot_be_submitted_as_a_whole_does_not_run(pipeline: Pipeline) -> None:
    text = CANCELLED.replace("pipeline:", "secrets: {token: {env: NOT_THERE}}\npipeline:\n  secrets: [token]")
    folder = compiled(pipeline, text)
    assert "set the variable NOT_THERE" in submit(pipeline, code=1)
    pipeline.env["NOT_THERE"] = "is now"
    (script,) = folder.glob("jobs/*cleanup.sh")
    script.write_text(script.read_text().replace("--ntasks=1", "--ntasks=none"))
    assert "not submitted" in submit(pipeline, code=1)
    queue = subprocess.run(["squeue", "-h"], env=pipeline.env, capture_output=True, text=True, check=True)
    assert queue.stdout == ""
    assert list((folder / "runs").iterdir()) == []
    assert not (pipeline.folder / "out/began").exists()

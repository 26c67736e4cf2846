"""`imgc debug --print`: the command for docker, as a shell reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import plans
import pytest
from plans import run

from imgc_engine.debug.printed import Refused, command_of

SECRETS = {"pat": {"env": "GITHUB_PAT"}, "same": {"env": "SAME"}, "token": {"file": "tok en"}}


def read_by_a_shell(script: str, tmp_path: Path) -> list[str]:
    """What `docker` gets, from a stand-in for it that prints its arguments and the secrets' variables."""
    docker = tmp_path / "docker"
    docker.write_text(f"""#!{sys.executable}
import os, sys
print(*sys.argv[1:], *(f"{{k}}={{os.environ[k]}}" for k in ("PAT", "SAME", "TOKEN") if k in os.environ), sep="\\0")
for word in sys.argv:
    if word.startswith("type=bind,source=") and "/tmp." in word:
        print(open(word.split("source=")[1].split(",")[0]).read(), end="\\0")
""")
    docker.chmod(0o755)
    env = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "GITHUB_PAT": "p$at 'x'",
        "SAME": "s",
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(["sh", "-euc", script], capture_output=True, check=True, env=env, text=True)
    assert not list(tmp_path.glob("tmp.*")), "the folder of the secrets is gone"
    return done.stdout.rstrip("\n\0").replace("\n", "\0").split("\0")


def command(tmp_path: Path, **settings: Any) -> list[str]:
    (tmp_path / "tok en").write_text("t&ken")
    text, _ = command_of(plans.plan(run("only", "x", **settings), secrets=SECRETS), tmp_path, "/", live=False)
    assert "p$at" not in text
    assert "t&ken" not in text
    return read_by_a_shell(text, tmp_path)


def test_secrets_are_taken_from_where_they_are(tmp_path: Path) -> None:
    uses = [
        {"name": "pat", "env": "PAT", "target": None},
        {"name": "same", "env": "SAME", "target": None},
        {"name": "token", "env": "TOKEN", "target": "/etc/token"},
        {"name": "pat", "env": None, "target": None},
    ]
    words = command(tmp_path, secrets=uses)
    assert {"PAT=p$at 'x'", "SAME=s", "TOKEN=t&ken"} <= set(words)
    assert words[-2:] == ["t&ken", "p$at 'x'"]
    mounts = [word.partition(",target=")[2] for word in words if word.startswith("type=bind")]
    assert mounts == ["/etc/token,readonly", "/run/secrets/pat,readonly"]


def test_everything_is_quoted(tmp_path: Path) -> None:
    words = command(
        tmp_path,
        env={"A": "$(touch x) 'q'\nnext"},
        workdir="/w d",
        user="a;b",
        mounts=[{"src": "a,b", "dst": '/c"d', "read_only": True}],
        docker_run_args=[
            "-v",
            "./x y:/z",
            "--mount=type=bind,src=./m,dst=/n,readonly",
            "-v",
            "named:/v",
            "-h",
            "h",
        ],
    )
    assert words[words.index("--workdir") + 1] == "/w d"
    assert words[words.index("--user") + 1] == "a;b"
    assert words[words.index("--env") + 1] == "A=$(touch x) 'q'"
    assert f'type=bind,"source={tmp_path}/a,b","target=/c""d",readonly' in words
    assert f"--volume={tmp_path}/x y:/z" in words
    assert f"--mount=type=bind,source={tmp_path}/m,target=/n,readonly" in words
    assert "--volume=named:/v" in words
    assert words[words.index("-h") + 1] == "h"


def test_what_has_no_place_in_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has a key of its own: mem"):
        command(tmp_path, docker_run_args=["--memory", "1g"])


def test_it_needs_no_docker_sdk() -> None:
    code = "import sys; import imgc_engine.debug.printed; assert 'docker' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})

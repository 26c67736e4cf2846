"""What is imported builds the same image, on a real engine: a probe prints the same in both, and the settings are equal."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli import pipeline_on

FILES = {
    "app.py": "import idna; print(idna.encode('b'))\n", "requirements.txt": "idna==3.7\n", "src/lib.sh": "echo lib\n",
    "src/deep/x.txt": "x\n", "README.md": "# x\n", "package.json": "{}\n", ".dockerignore": "*.md\npipeline.yaml\ncompiled\n",
}  # fmt: skip
DOCKERFILES = {
    "keys": """\
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm
ENV GREETING="hello  world" MONEY='$5' \\
    PATH=/opt/tools/bin:$PATH
WORKDIR /srv/app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN mkdir -p /var/made && echo "a  b" > /var/made/file
LABEL org.example.title="a title"
EXPOSE 8000
STOPSIGNAL SIGINT
ENTRYPOINT ["python"]
CMD ["app.py"]
""",
    "layers": """\
FROM python:3.11-slim-bookworm
RUN echo "before $A" > /before; false; true
ENV A=1
RUN useradd --uid 1234 worker
WORKDIR /w
COPY --chown=1234:1234 src ./lib
COPY app.py *.json ./
USER worker
RUN id -u > /w/lib/id && echo "$A" >> /w/lib/id
ENV B="${A}2"
WORKDIR deeper
RUN python3 -m pip --version > /dev/null
HEALTHCHECK --interval=7s CMD test -f /before
CMD echo $B
""",
    "several": """\
# The tools.
FROM debian:bookworm-slim AS one
ENV A='a$b' B="x \\" y" C=\\$A D=$PATH E= F=a\\ b
COPY app.py /srv/new.py
COPY app.py /usr
COPY src package.json /w/b/
COPY ./src/deep/../lib.sh src/deep/* /w/c/
RUN ["sh", "-c", "echo '$0' > /before"]
CMD ["x"]
FROM one AS two
WORKDIR /w
RUN echo "$A" '$B' \\$C >> /before; ls /usr >> /before
LABEL a='$x' b.c=d
ENTRYPOINT ["echo", "$HOME"]
""",
    "stages": """\
FROM busybox:1.35 AS build
RUN echo built > /artefact
FROM python:3.11-slim-bookworm
COPY --from=build /artefact /usr/share/artefact
VOLUME /data
CMD ["cat", "/usr/share/artefact"]
""",
}
PROBE = """\
env | grep -v -e HOSTNAME= | sort; id; pwd
find /srv /w /var/made /before /usr/share/artefact /data -printf '%p %u %g %m\\n' 2>/dev/null | grep -v __pycache__ | sort
find /srv /w /var/made /before /usr/share/artefact -type f 2>/dev/null | sort | xargs cat
python3 -c "import idna; print(idna.__version__)" 2>&1 | tail -1
"""
SETTINGS = (
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Labels",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)


COMPOSE = """\
services:
  make:
    build: {context: app, args: {WORD: "${WORD:-made}"}}
    command: -c 'echo "$$0 $$(cat /word)" > /out/made'
    volumes: ["./out:/out"]
  use:
    image: busybox:1.35
    entrypoint: [cat]
    command: /out/made
    volumes: ["./out:/out:ro"]
    depends_on: {make: {condition: service_completed_successfully}}
  web:
    image: busybox:1.35
    entrypoint: sleep 1000
    ports: ["80"]
"""
SPECS = """\
{"pipeline": {"name": "upper"}, "transform": {"image": "busybox:1.35", "cmd": ["sh"],
 "stdin": ["false", "cat /pfs/pages/* | tr a-z A-Z > /pfs/out/$(basename /pfs/pages/*)"]}, "input": {"pfs": {"repo": "pages", "glob": "/*"}}}
{"pipeline": {"name": "all"}, "transform": {"image": "busybox:1.35", "cmd": ["sh", "-c", "cat /pfs/upper/*; exit $CODE"],
 "env": {"CODE": "3"}, "accept_return_code": [3]}, "input": {"pfs": {"repo": "upper", "glob": "/"}}}
"""


def settings_of(image: Any) -> dict[str, Any]:
    config = image.attrs["Config"]
    found = {key: config.get(key) for key in SETTINGS}
    found["Env"] = sorted(found["Env"] or ())
    found["Labels"] = {
        name: text for name, text in (found["Labels"] or {}).items() if not name.startswith("imgc")
    }
    # The shell form of a check is the shell itself here.
    found["Health"] = [
        word
        for word in (config.get("Healthcheck") or {}).get("Test", ())
        if word not in ("CMD", "CMD-SHELL", "/bin/sh", "-c")
    ]
    return found


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_dockerfile_and_its_import_build_the_same(name: str, engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    for path, text in {**FILES, "Dockerfile": DOCKERFILES[name]}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with pipeline_on(engine, folder) as pipeline:
        original = f"{pipeline.name}/original:1"
        subprocess.run(
            ["docker", "build", "-q", "-t", original, "."], cwd=folder, env={**engine.env, "DOCKER_BUILDKIT": "1"}, check=True,
            capture_output=True,
        )  # fmt: skip
        pipeline.imgc("import", "Dockerfile", "-o", "pipeline.yaml")
        file = folder / "pipeline.yaml"
        file.write_text(file.read_text().replace("name: project", f"name: {pipeline.name}"))
        assert ("    dockerfile: Dockerfile" in file.read_text()) == (name == "stages")
        pipeline.imgc("run")

        def probed(reference: str) -> str:
            ran: bytes = engine.client.containers.run(
                reference, ["-c", PROBE], entrypoint="/bin/sh", remove=True
            )
            return ran.decode()

        # The files that the import itself has written are no part of the original's context.
        assert probed(pipeline.reference("app")) == probed(original)
        built = engine.client.images.get(pipeline.reference("app"))
        assert settings_of(built) == settings_of(engine.client.images.get(original))


def test_services_that_end_are_run_one_after_the_other(engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "app").mkdir(parents=True)
    (folder / "out").mkdir()
    (folder / "app/Dockerfile").write_text(
        'FROM busybox:1.35\nARG WORD\nRUN echo $WORD > /word\nENTRYPOINT ["sh"]\n'
    )
    (folder / "compose.yaml").write_text(COMPOSE)
    with pipeline_on(engine, folder) as pipeline:
        pipeline.imgc("import", "compose.yaml", "-o", "pipeline.yaml")
        file = folder / "pipeline.yaml"
        file.write_text(file.read_text().replace("name: project", f"name: {pipeline.name}"))
        pipeline.imgc("run")
        assert (folder / "out/made").read_text() == "sh made\n"
        assert "sh made" in pipeline.imgc("logs", "use")
        pipeline.imgc("run", "--param", "WORD=other")
        assert (folder / "out/made").read_text() == "sh other\n"


def test_specs_of_pachyderm_are_run(engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "data/pages").mkdir(parents=True)
    for name in ("a", "b"):
        (folder / "data/pages" / name).write_text(f"{name} page\n")
    (folder / "specs.json").write_text(SPECS)
    with pipeline_on(engine, folder) as pipeline:
        pipeline.imgc("import", "specs.json", "-o", "pipeline.yaml")
        file = folder / "pipeline.yaml"
        file.write_text(file.read_text().replace("name: project", f"name: {pipeline.name}"))
        pipeline.imgc("run")
        said = pipeline.imgc("logs", "all/all[upper]")
        assert "A PAGE" in said
        assert "B PAGE" in said


def test_what_is_ignored_stays_out_of_an_import_from_elsewhere(engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    for path in ("app/b.txt", "app/a.log", "ci/x", ".git/x"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    (folder / "app/.dockerignore").write_text("*.log\nDockerfile\n.dockerignore\n")
    (folder / "app/Dockerfile").write_text("FROM busybox:1.35\nWORKDIR /srv\nCOPY . .\nCMD ls\n")
    with pipeline_on(engine, folder) as pipeline:
        pipeline.imgc("import", "app/Dockerfile", "-o", "ci/pipeline.yaml")
        file = folder / "ci/pipeline.yaml"
        file.write_text(file.read_text().replace("name: app", f"name: {pipeline.name}"))
        pipeline.imgc("build", "--file", "ci/pipeline.yaml")
        assert pipeline.run("app", "ls", "-A", "/srv").split() == ["b.txt"]

"""Which system a file is of, and that no file at all makes an import fail in another way than it should."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgc.importing.source import SourceError, source
from imgc.importing.systems import SYSTEMS, detected
from importkit import import_text

EXAMPLES = int(os.environ.get("IMGC_EXAMPLES", "2000")) // 10
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

FILES = {
    "compose": {"compose.yaml": "", "docker-compose.yml": "", "compose.ci.yaml": "", "stack.yaml": "name: x\nservices:\n  a: {}\n"},
    "pachyderm": {
        "edges.json": '{\n  "pipeline": {"name": "a"},\n  "transform": {"image": "a:1"}\n}',
        "edges.yaml": "pipeline: {name: a}\ntransform:\n  image: a\n",
    },
    "dockerfile": {
        "Dockerfile": "", "Dockerfile.worker": "", "web.Dockerfile": "", "Containerfile": "",
        "anything": "# made by hand\nFROM a:1\n",
    },
    "flyte": {"flow.py": "import asyncio, flyte\n", "w.py": "from flytekit import task\n"},
    "zenml": {"run.py": "from zenml import step\n", "y.py": "import os\nimport zenml.client\n"},
    "conducto": {"pipeline.py": "import conducto as co\n", "x.py": "from os import path\nfrom conducto import Image\n"},
}  # fmt: skip
"""System -> name and text of files that are known without `--from`."""

SEEDS = {
    "compose": [
        "name: x\nx-c: &c {environment: {A: '${B:-c}'}}\nservices:\n  a:\n    <<: *c\n    build: {context: ., args: [A=b], target: t}\n"
        "    command: run 'x y' $$Z ${W}\n    ports: ['80:80']\n    depends_on: {b: {condition: service_healthy}}\n  b:\n"
        "    image: a:1\n    entrypoint: [ls]\n    environment: [A, B=c]\n    volumes: ['./d:/d:ro', v:/v, {type: bind, source: x, target: /x}]\n"
        "    secrets: [s, {source: s, target: /t}]\n    deploy: {resources: {limits: {cpus: '0.5', memory: 1g}}, replicas: 2}\n"
        "    cap_add: [A]\n    extra_hosts: [a:b]\n    restart: always\n    depends_on: [a]\n"
        "secrets: {s: {file: ./s}}\nvolumes: {v: }\n",
    ],
    "pachyderm": [
        'pipeline: {name: a}\ndescription: x\ntransform:\n  image: "acme/x:1"\n  cmd: [sh]\n  stdin: ["a", "b"]\n  env: {A: b}\n'
        "  secrets: [{name: s, key: k, env_var: V}]\n  accept_return_code: [1]\n  build: {language: python, path: .}\ninput:\n  cross:\n"
        "  - pfs: {repo: r, glob: /*, name: n}\n  - union: [{pfs: {repo: b, glob: /}}]\nparallelism_spec: {constant: 2}\n"
        "resource_limits: {cpu: 1, memory: 1Gi, gpu: {number: 1, type: x}}\ndatum_timeout: 5m\ndatum_tries: 2\negress: {URL: x}\n"
        "---\npipeline: {name: b}\ntransform: {image: a, cmd: [x]}\ninput: {pfs: {repo: a, glob: /}}\n",
        '{"pipeline": {"name": "a"}, "transform": {"image": "a:1", "cmd": ["x"]}, "input": {"pfs": {"repo": "r", "glob": "/"}}}',
    ],
    "dockerfile": [
        "# syntax=docker/dockerfile:1\nARG V=3.12\nFROM python:${V}-slim AS build\nRUN apt-get update && apt-get install -y "
        "--no-install-recommends git && rm -rf /var/lib/apt/lists/*\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r "
        "requirements.txt\nFROM build\nENV A=b C='d e'\nLABEL x=y\nEXPOSE 80/tcp\nHEALTHCHECK --interval=5s CMD curl x\nUSER 1000\n"
        'COPY --from=build /a /b\nSHELL ["/bin/bash", "-c"]\nENTRYPOINT ["python"]\nCMD ["-m", "x"]\n',
        "FROM scratch\nADD a.tar /\nONBUILD RUN x\nVOLUME /data\nSTOPSIGNAL 9\nRUN <<EOF\na\nEOF\n",
    ],
    "flyte": [
        "import asyncio, flyte\nfrom flyte import Image\nimage = Image.from_debian_base(python_version=(3, 12)).with_apt_packages('git', "
        "secret_mounts='k').with_pip_packages('a', pre=True).with_env_vars({'A': '$B'}).with_commands(['x'])\nb = image.clone(name='b')\n"
        "env = flyte.TaskEnvironment('e', image=b, resources=flyte.Resources(cpu=1, gpu='T4:1'), secrets=['s'])\n@env.task(retries=2)\n"
        "async def one(n=1): return n\n@env.task\nasync def main(n=3):\n    r = await asyncio.gather(*[one(i) for i in range(n)])\n"
        "    return await one(n=r)\nflyte.run(main, n=2)\n",
        "from flytekit import ImageSpec, task, workflow\nspec = ImageSpec(packages=['a'], conda_packages=['b'], base_image='c:1')\n"
        "@task(container_image=spec)\ndef a(n: int) -> int: return n\n@workflow\ndef w(n: int = 1):\n    x = a(n=n)\n    a(n=x) >> a(n=2)\n",
    ],
    "zenml": [
        "from zenml import pipeline, step\nfrom zenml.config import DockerSettings\nd = DockerSettings(requirements=['a'], environment="
        "{'a': 'b'}, required_integrations=['x'], build_options={'pull': True}, source_files='include')\n@step(settings={'docker': d, "
        "'resources': {'cpu_count': 1}})\ndef one(a=1): pass\n@step\ndef two(b): pass\n@pipeline(settings={'docker': {'apt_packages': "
        "['git']}})\ndef p(n=2):\n    a = one(n)\n    b, c = one.with_options(name='x')(a)\n    two([a, b], after=[c])\np(n=3)\n",
    ],
    "conducto": [
        "import conducto as co\nimg = co.Image('python:3.12', copy_dir='.', reqs_py=['a>1'], path_map={'./a': 'b'})\ndef f(n, m=2): pass\n"
        "def main(k=3) -> co.Serial:\n    with co.Serial(image=img, env={'A': '1'}) as r:\n        for i in range(k):\n            r[f'n{i}'] = "
        "co.Exec(f, i, m=[i], cpu=1, max_time='1h')\n        with co.Parallel(name='p'):\n            co.Exec('x', name='y')\n"
        "    r['p/y'].on_error(co.callback.retry(2))\n    return r\nco.main(default=main)\n",
    ],
}
"""System -> files that fuzzing starts from."""


@pytest.mark.parametrize(
    ("system", "name", "text"), [(s, n, t) for s, all_ in FILES.items() for n, t in all_.items()]
)
def test_detection(system: str, name: str, text: str) -> None:
    assert detected(source(name, text.encode(), Path(), Path())) == system


@pytest.mark.parametrize("line", ["", " ", "\x1f", " a "])
def test_the_place_of_a_line(line: str) -> None:
    span = source("f", f"{line}\n".encode(), Path(), Path()).span(1)
    assert span.start <= span.end
    assert line[span.start[1] : span.end[1]] == line.strip()


def test_every_system_is_tested_here() -> None:
    assert set(FILES) == set(SEEDS) == set(SYSTEMS)


def attempt(text: str | bytes, folder: Path, system: str) -> None:
    with suppress(SourceError):
        import_text(text, folder, "source", system)


@pytest.mark.parametrize("system", SYSTEMS)
@SETTINGS
@given(data=st.data())
def test_cut_and_mixed_files(system: str, data: st.DataObject, tmp_path: Path) -> None:
    seed = data.draw(st.sampled_from(SEEDS[system]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(seed)))
        end = data.draw(st.integers(start, min(len(seed), start + 30)))
        seed = seed[:start] + data.draw(st.text(max_size=6) | st.sampled_from(PIECES)) + seed[end:]
    attempt(seed, tmp_path, system)


PIECES = [
    "\n",
    "\\",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "  ",
    "\t",
    "$",
    "${",
    "${{",
    "#",
    "&&",
    ";",
    "<<E",
    "\0",
    "\r",
    "é",
]


@pytest.mark.parametrize("system", SYSTEMS)
@SETTINGS
@given(data=st.binary(max_size=200))
def test_bytes(system: str, data: bytes, tmp_path: Path) -> None:
    attempt(data, tmp_path, system)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    "text", ["", " ", "\n" * 1000, "[" * 5000, "{" * 5000, "(" * 5000, "- " * 3000, "a: " * 3000, "&a [*a, *a]", "\ufeff", "x" * 200_000]
)  # fmt: skip
def test_odd_texts(system: str, text: str, tmp_path: Path) -> None:
    attempt(text, tmp_path, system)


@pytest.mark.parametrize("system", SYSTEMS)
def test_all_seeds_are_read(system: str, tmp_path: Path) -> None:
    for seed in SEEDS[system]:
        import_text(seed, tmp_path, "source", system)

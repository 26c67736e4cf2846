"""Python pipelines of other systems, imported and run on a real engine. The systems themselves are stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli import pipeline_on

ZENML = """\
def step(function=None, **settings):
    return function or (lambda function: function)
"""
FLYTE = """\
class Image:
    def __getattr__(self, name):
        return lambda *args, **named: self
    from_base = classmethod(lambda cls, uri: cls())

class TaskEnvironment:
    def __init__(self, *args, **named): pass
    def task(self, function=None, **settings):
        return function or (lambda function: function)

class Resources(TaskEnvironment): pass
"""
PROJECTS: dict[str, tuple[dict[str, str], str, dict[str, list[str]]]] = {
    "conducto": (
        {
            "hello.py": "print('hello from', __file__)\n",
            "steps.py": "def work(n, words=()):\n    print(n * 2, *words)\n",
            "pipeline.py": "import os\nfrom pathlib import Path\nimport conducto as co\nfrom steps import work\n"
            "img = co.Image('python:3.11-slim-bookworm', copy_dir=Path(__file__).parent)\n"
            "def main() -> co.Serial:\n    with co.Serial(image=img, env={'A': '$1'}) as root:\n"
            "        root['file'] = co.Exec(f'python {Path(__file__).parent}/hello.py')\n"
            "        root['env'] = co.Exec('''\n            echo \"$A\"\n        ''', cpu=0.5, mem=0.5)\n"
            "        root['retried'] = co.Exec('cat /tmp/x || { touch /tmp/x; false; }')\n"
            "        root['retried'].on_error(co.callback.retry_then_skip(1))\n"
            "        with co.Parallel(name='fan'):\n            for n in range(2):\n"
            "                co.Exec(work, n, words=['a b', str(n)], name=f'n{n}')\n    return root\nco.main(default=main)\n",
        },
        "pipeline.py",
        {"file": ["hello from /app/hello.py"], "env": ["$1"], "fan/n0": ["0 a b 0"], "fan/n1": ["2 a b 1"]},
    ),
    "zenml": (
        {
            "zenml/__init__.py": ZENML + "pipeline = step\n",
            "zenml/config.py": "class DockerSettings:\n    def __init__(self, **named): pass\n",
            "helpers/words.py": "def shout(text):\n    return text.upper()\n",
            "steps/__init__.py": "from .load import load\n",
            "steps/load.py": "from zenml import step\nfrom helpers.words import shout\n@step\ndef load(text):\n    print(shout(text))\n",
            "run.py": "from zenml import pipeline, step\nfrom zenml.config import DockerSettings\nfrom steps import load\n"
            "@step(settings={'docker': DockerSettings(environment={'b': '2'})})\ndef show(n: int = 1):\n    import os\n"
            "    print(n, os.environ['A'], os.environ['B'])\n"
            "docker = DockerSettings(parent_image='python:3.11-slim-bookworm', environment={'a': \"it's\"})\n"
            "@pipeline(settings={'docker': docker})\ndef flow(text='x'):\n    load(text)\n    show(n=2, after='load')\nif __name__ == '__main__':\n    flow(text='loud')\n",
        },
        "run.py",
        {"load": ["LOUD"], "show": ["2 it's 2"]},
    ),
    "flyte": (
        {
            "flyte.py": FLYTE,
            "data/a.txt": "in the image\n",
            "flow.py": "import asyncio, flyte\n"
            "image = (flyte.Image.from_base('python:3.11-slim-bookworm').clone(name='x', extendable=True)\n"
            "         .with_commands(['echo made > /made']).with_env_vars({'A': '1', 'B': '${A}2'})\n"
            "         .with_source_folder('data', '/data'))\n"
            "env = flyte.TaskEnvironment('e', image=image, env_vars={'C': '$3'}, resources=flyte.Resources(cpu=1))\n"
            "@env.task\nasync def one(n: int):\n    print(n)\n"
            "@env.task(retries=1)\ndef files():\n    import os\n"
            "    print(open('/made').read().strip(), open('/data/a.txt').read().strip(), os.environ['B'], os.environ['C'])\n"
            "@env.task\nasync def main(n: int = 2):\n    await asyncio.gather(*[one(i) for i in range(n)])\n    files()\n",
        },
        "flow.py",
        {"one and others/one": ["0"], "one and others/one_2": ["1"], "files": ["made in the image 12 $3"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", PROJECTS)
def test_an_imported_pipeline_runs(system: str, engine: Any, tmp_path: Path) -> None:
    files, main, expected = PROJECTS[system]
    folder = tmp_path / "project"
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with pipeline_on(engine, folder) as pipeline:
        pipeline.imgc("import", main, "-o", "pipeline.yaml")
        text = (folder / "pipeline.yaml").read_text()
        (folder / "pipeline.yaml").write_text(text.replace("\nname:", f"\nname: {pipeline.name} #", 1))
        said = pipeline.imgc("run")
        for node, lines in expected.items():
            printed = [
                line.partition(" | ")[2] for line in said.splitlines() if line.startswith(f"{node} | ")
            ]
            assert printed == lines, text

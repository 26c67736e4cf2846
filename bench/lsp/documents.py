"""The documents that both servers are measured on: valid pipelines of about 200 and 10,000 lines."""

from __future__ import annotations

_HEAD = """version: 1
name: bench
params: {lang: en, workers: 4}
secrets:
  pat: {env: GITHUB_PAT}
  token: {file: ~/.pypi-token}
bundles:
  science: {pip_packages: [scipy], apt_packages: [libgomp1]}
images:
"""

_IMAGE = """  image-{n}:
    # the image of step {n}
    base: python:3.12-slim
    env:
      STEP: "{n}"
      LANG: ${{{{ params.lang }}}}
    apt_packages: [git, curl]
    pip_packages:
      - numpy>=1.26
      - pandas==2.2.{n}
      - "requests[socks]>=2"
    bundles: [science]
    commands:
      - echo "building {n}"
      - |
        set -e
        mkdir -p /data/{n}
        touch /data/{n}/ready
    secrets: [pat]
    labels: {{team: data, step: "{n}"}}
    workdir: /app
    cmd: [python, -m, "step{n}"]

"""

_NODE = """    step-{n}:
      image: image-{i}
      doc: Step {n} of the pipeline
      env:
        NUMBER: "{n}"
      secrets:
        - secret: token
          env: TOKEN
      cpu: 2
      mem: 2Gi
      retry: {{attempts: 3, backoff: 10s}}
      max_time: 1h30m
      matrix:
        py: ["3.11", "3.12"]
      parallel:
        load: python load.py --step {n}
        train:
          run: python train.py --py ${{{{ matrix.py }}}}
          needs: [load]

"""


def document(lines: int) -> str:
    """A pipeline file of about that many lines, with two images to a node."""
    images = max(2, lines * 2 // (2 * _IMAGE.count("\n") + _NODE.count("\n")))
    text = _HEAD + "".join(_IMAGE.format(n=n) for n in range(images))
    text += "pipeline:\n  image: image-0\n  serial:\n"
    return text + "".join(_NODE.format(n=n, i=n) for n in range(images // 2))

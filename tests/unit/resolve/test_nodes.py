"""Nodes: what is inherited, what a matrix makes, what expressions become, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import Analysis, Options, analyse
from imgc.diagnostics import Severity
from imgc.plan.compiled import compile_pipeline

HEAD = """\
version: 1
params: {lang: en, count: 2, danger: "a; rm -rf /"}
secrets: {token: {env: TOKEN}}
repos: {pages: {path: src}}
images:
  app: {base: "debian:bookworm-slim", copy_dir: src}
  other: {base: "debian:bookworm-slim"}
  built: {builder: {language: python, path: src}}
pipeline:
"""
LINES = HEAD.count("\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("def work():\n    pass\n")
    return tmp_path


def analysed(body: str, folder: Path, **params: str) -> Analysis:
    text = HEAD + "".join(f"  {line}\n" for line in body.strip("\n").split("\n"))
    return analyse("pipeline.yaml", text, folder, Options(params=params))


def nodes(body: str, folder: Path, **params: str) -> dict[str, dict[str, Any]]:
    analysis = analysed(body, folder, **params)
    errors = [d.text for d in analysis.diagnostics if d.severity is Severity.ERROR]
    assert not errors, errors
    plan = compile_pipeline(analysis.resolved, folder / "compiled").plan
    return {node["path"]: node for node in plan["nodes"]}


def errors(body: str, folder: Path) -> list[tuple[str, int, int, str]]:
    found = [d for d in analysed(body, folder).diagnostics if d.severity is Severity.ERROR]
    return [(d.code, d.span.place.line - LINES, d.span.place.column - 2, d.text) for d in found]


def test_the_nearest_value_holds_and_env_is_merged(folder: Path) -> None:
    found = nodes(
        """
image: app
env: {A: top, B: top}
cpu: 2
serial:
  one: {run: x, env: {B: own}}
  group:
    cpu: 1
    image: other
    parallel:
      two: x
""",
        folder,
    )
    assert found["one"]["env"] == {"A": "top", "B": "own"}
    assert (found["one"]["image"], found["one"]["cpu"]) == ("app", 2)
    assert (found["group/two"]["image"], found["group/two"]["cpu"]) == ("other", 1)
    assert found["group/two"]["env"] == {"A": "top", "B": "top"}
    assert found["group/two"]["places"]["cpu"]["line"] == LINES + 7
    assert found["group"]["after"] == ["one"]
    assert found["group/two"]["after"] == []
    assert (found["group"]["cpu"], found["group"]["image"]) == (None, None)


def test_a_leaf_as_the_whole_pipeline(folder: Path) -> None:
    found = nodes("image: app\nrun: [echo, 1]", folder)
    assert list(found) == [""]
    assert found[""]["command"] == ["echo", "1"]


def test_units_and_retry(folder: Path) -> None:
    found = nodes(
        "image: app\nrun: x\nmem: 1.5Gi\nmax_time: 1m30s\nretry: {attempts: 2, backoff: 500ms}", folder
    )[""]
    assert (found["mem"], found["max_time"]) == (1610612736, 90)
    assert found["retry"] == {"attempts": 2, "backoff": 0.5, "on": ["error"], "mem_factor": 1}


def test_a_matrix_is_a_parallel_group_with_values_as_written(folder: Path) -> None:
    found = nodes(
        """
image: app
serial:
  test:
    matrix: {py: ["3.11", 3.10], os: [a]}
    max_concurrent: 1
    env: {PY: "${{ matrix.py }}"}
    run: echo ${{ matrix.py }} ${{ matrix.os }}
  after: echo done
""",
        folder,
    )
    assert list(found) == ["", "test", "test/test[py=3.11,os=a]", "test/test[py=3.10,os=a]", "after"]
    assert (found["test"]["kind"], found["test"]["max_concurrent"]) == ("parallel", 1)
    leaf = found["test/test[py=3.10,os=a]"]
    assert leaf["command"][-1] == "echo 3.10 a"
    assert leaf["env"] == {"PY": "3.10"}
    assert leaf["matrix"] == {"py": "3.10", "os": "a"}
    assert leaf["max_concurrent"] is None
    assert found["after"]["after"] == ["test"]


def test_a_matrix_within_a_matrix(folder: Path) -> None:
    found = nodes(
        """
image: app
matrix: {a: [1, 2]}
serial:
  inner:
    matrix: {b: [x]}
    run: echo ${{ matrix.a }}${{ matrix.b }}
""",
        folder,
    )
    commands = [node["command"][-1] for node in found.values() if node["command"]]
    assert commands == ["echo 1x", "echo 2x"]


def test_matrix_values_choose_images_and_numbers(folder: Path) -> None:
    found = nodes(
        """
parallel:
  a:
    matrix: {image: [app, other], cpu: [1, 2]}
    image: ${{ matrix.image }}
    cpu: ${{ matrix.cpu }}
    run: x
""",
        folder,
    )
    assert [(n["image"], n["cpu"]) for n in found.values() if n["command"]] == [
        ("app", 1),
        ("app", 2),
        ("other", 1),
        ("other", 2),
    ]


def test_params_are_typed_and_overridden(folder: Path) -> None:
    body = "image: app\ncpu: ${{ params.count }}\nrun: echo ${{ params.lang }}"
    assert nodes(body, folder)[""]["cpu"] == 2
    found = nodes(body, folder, lang="fr", count="4")[""]
    assert (found["cpu"], found["command"][-1]) == (4, "echo fr")


def test_paths_are_those_in_the_container(folder: Path) -> None:
    found = nodes(
        'image: app\nenv: {MAIN: "${{ path(\'./src/main.py\') }}"}\nrun: python ${{ path("src") }}/main.py',
        folder,
    )[""]
    assert found["env"] == {"MAIN": "/app/main.py"}
    assert found["command"][-1] == "python /app/main.py"


def test_shared_containers(folder: Path) -> None:
    found = nodes(
        """
image: app
container_reuse: new
serial:
  a: x
  b: {run: y, container_reuse: global}
  c: {container_reuse: pool, parallel: {d: z}}
  e: {container_reuse: new, serial: {f: z}}
  g: {run: x, container_reuse: new}
""",
        folder,
    )
    assert found["a"]["container"] == {"mode": "group", "group": ""}
    assert found["b"]["container"] == {"mode": "own", "group": None}
    assert found["c/d"]["container"] == {"mode": "pool", "group": None}
    assert found["e/f"]["container"] == {"mode": "group", "group": "e"}
    assert found["g"]["container"] == {"mode": "own", "group": None}


def test_needs_and_input_make_the_order(folder: Path) -> None:
    found = nodes(
        """
image: app
parallel:
  a: {run: x, outputs: [out.txt]}
  b: {run: x, needs: [a]}
  c: {serial: {d: x}}
  e: {run: x, needs: [c/d, b]}
  f: {run: x, input: {node: a, glob: "/"}}
""",
        folder,
    )
    assert found["b"]["after"] == ["a"]
    assert found["e"]["after"] == ["c/d", "b"]
    assert found["f"]["after"] == ["a"]
    assert found["f"]["input"] == {"node": "a", "glob": "/", "name": "a"}


def test_skip_reaches_what_is_below(folder: Path) -> None:
    found = nodes("image: app\nserial:\n  a: {skip: true, serial: {b: x}}\n  c: x", folder)
    assert [path for path, node in found.items() if node["skip"]] == ["a", "a/b"]


@pytest.mark.parametrize(
    ("body", "code", "line", "column", "words"),
    [
        ("serial: {a: {image: ap, run: x}}", "unknown-image", 1, 21, ["app"]),
        ("image: python\nrun: x", "unknown-image", 1, 8, ["':'"]),
        ("image: app\nserial: {a: {env: {A: b}}}", "missing-key", 2, 13, ["run", "serial"]),
        ("image: app\nserial:\n  a:\n    env: {A: b}", "missing-key", 3, 3, ["run"]),
        ("image: app\nparallel:\n  a: {run: x, needs: [bb]}\n  b: x", "unknown-node", 3, 23, ["'bb'"]),
        (
            "image: app\nparallel:\n  a: {run: x, needs: [b]}\n  b: {run: x, needs: [a]}",
            "cycle",
            3,
            23,
            ["a", "b"],
        ),
        ("image: app\nparallel:\n  a: {run: x, needs: [a]}", "cycle", 3, 23, ["itself"]),
        ("image: app\nparallel:\n  g: {parallel: {a: {run: x, needs: [g]}}}", "cycle", 3, 38, ["g"]),
        ("image: app\nserial:\n  a: {parallel: {x: {run: x, needs: [b]}}}\n  b: x", "cycle", 3, 38, ["b"]),
        ("image: app\nserial:\n  a: {run: x, needs: [b]}\n  b: x", "misplaced-key", 3, 15, ["parallel"]),
        ("image: app\nserial:\n  a: x\n  b: {run: x, needs: [a]}", "misplaced-key", 4, 15, ["parallel"]),
        ("image: app\nparallel: {a: x}\nstop_on_error: false", "misplaced-key", 3, 1, ["serial"]),
        ("image: app\nrun: x\nmax_concurrent: 2", "misplaced-key", 3, 1, ["groups"]),
        ("image: app\nserial: {a: x}\nstdin: text", "misplaced-key", 3, 1, ["group"]),
        ("image: app\nrun: x\ndocker_run_args: [--cpus=2]", "docker-argument", 3, 19, ["cpu"]),
        ("image: app\nrun: x\nsecrets: [tokn]", "unknown-secret", 3, 11, ["token"]),
        ("image: app\nrun: x\nmounts: [{src: srcc, dst: /x}]", "path-missing", 3, 16, ["src"]),
        ("image: app\nrun: x\ninput: {repo: page, glob: /}", "unknown-repo", 3, 15, ["pages"]),
        ("image: app\nrun: x\ninput: {repo: pages, glob: /, name: out}", "reserved-name", 3, 37, ["out"]),
        (
            "image: app\nrun: x\ninput: {cross: [{repo: pages, glob: /}, {repo: pages, glob: /}]}",
            "duplicate-input",
            3,
            48,
            ["pages"],
        ),
        ("image: app\nrun: x\ninput: {repo: pages, glob: '/{a,b'}", "bad-glob", 3, 28, ["lacks its '}'"]),
        (
            "image: app\nrun: x\ninput: {repo: pages, glob: /, name: PATH}",
            "reserved-name",
            3,
            37,
            ["programs"],
        ),
        (
            "image: app\nrun: x\nenv: {pages: x}\ninput: {repo: pages, glob: /}",
            "duplicate-input",
            4,
            15,
            ["'env'"],
        ),
        (
            "container_reuse: new\nimage: app\nserial:\n  a: {run: x, outputs: [y]}\n  b: x",
            "misplaced-key",
            4,
            15,
            ["container of its own"],
        ),
        (
            "image: app\nserial:\n  a: {container_reuse: new, serial: {b: x}}\n  c: {run: x, input: {node: a/b, glob: /}}",
            "misplaced-key",
            4,
            29,
            ["container of its own for 'b'"],
        ),
        ("image: app\nrun: echo ${{ params.lan }}", "unknown-param", 2, 11, ["lang"]),
        ("image: app\nrun: echo ${{ matrix.py }}", "unknown-matrix", 2, 11, []),
        ("image: app\nrun: echo ${{ nonsense }}", "bad-expression", 2, 11, ["params.NAME"]),
        ("image: app\nrun: echo ${{ params.danger }}", "unsafe-value", 2, 11, ["env"]),
        ("image: other\nrun: cat ${{ path('src') }}", "unmapped-path", 2, 10, ["copy_dir"]),
        ("image: app\ncall: {file: src/main.py, function: wrok}", "unknown-function", 2, 37, ["work"]),
        ("image: app\ncall: {file: src/man.py, function: work}", "path-missing", 2, 14, ["main.py"]),
        ("image: other\ncall: {file: src/main.py, function: work}", "unmapped-path", 2, 14, ["path_map"]),
        ("image: app\nmatrix: {a: [1, 1]}\nrun: x", "duplicate-item", 2, 17, ["twice"]),
        (
            "container_reuse: new\nserial:\n  a: {image: app, run: x}\n  b: {image: other, run: x}",
            "container-mismatch",
            4,
            7,
            ["image"],
        ),
        (
            "container_reuse: new\nimage: app\nserial:\n  a: {cpu: 1, run: x}\n  b: {cpu: 2, run: x}",
            "container-mismatch",
            5,
            7,
            ["cpu"],
        ),
    ],
)
def test_mistakes(body: str, code: str, line: int, column: int, words: list[str], folder: Path) -> None:
    found = errors(body, folder)
    assert [(c, row, col) for c, row, col, _ in found] == [(code, line, column)], found
    for word in words:
        assert word in found[0][3]


def test_a_cycle_names_the_whole_chain(folder: Path) -> None:
    analysis = analysed(
        "image: app\nparallel:\n  a: {run: x, needs: [c]}\n  b: {run: x, needs: [a]}\n  c: {run: x, needs: [b]}",
        folder,
    )
    [found] = [d for d in analysis.diagnostics if d.severity is Severity.ERROR]
    assert "a -> c -> b -> a" in found.message
    assert len(found.related) == 2


def test_a_broken_image_does_not_make_its_name_unknown(folder: Path) -> None:
    text = "version: 1\nimages:\n  a: {base: 'open\npipeline: {image: a, run: x}\n"
    found = analyse("pipeline.yaml", text, folder).diagnostics
    assert [d.code for d in found if d.severity is Severity.ERROR] == ["yaml-syntax"]


def test_too_many_nodes_are_refused_at_once(folder: Path) -> None:
    values = list(range(400))
    found = errors(f"image: app\nmatrix: {{a: {values}, b: {values}}}\nrun: x", folder)
    assert [code for code, *_ in found] == ["too-many-nodes"]


def test_docker_pairs(folder: Path) -> None:
    def warnings(image: str, node: str) -> list[str]:
        text = f"version: 1\nimages: {{a: {image}}}\npipeline: {node}\n"
        return [d.code for d in analyse("p.yaml", text, folder).diagnostics if d.severity is Severity.WARNING]

    with_client = "{base: 'debian:bookworm-slim', install_docker: true}"
    without = "{base: 'debian:bookworm-slim'}"
    assert warnings(without, "{image: a, run: x, requires_docker: true}") == ["docker-client-missing"]
    assert warnings(with_client, "{image: a, run: x}") == ["docker-unused"]
    assert warnings(with_client, "{image: a, run: x, requires_docker: true}") == []


def test_unused_names_are_said(folder: Path) -> None:
    analysis = analysed("image: app\nrun: x", folder)
    found = {d.message for d in analysis.diagnostics if d.code == "unused-name"}
    assert "the secret 'token' is not used" in found
    assert "the param 'lang' is not used" in found
    assert "no node and no image uses the image 'other'" in found


def test_nothing_is_unused_in_a_file_that_does_not_parse(folder: Path) -> None:
    analysis = analysed("image: {base: 'debian:bookworm-slim'\nrun: x", folder)
    assert {d.code for d in analysis.diagnostics if d.severity is Severity.ERROR} == {"yaml-syntax"}
    assert not [d for d in analysis.diagnostics if d.code == "unused-name"]


def test_a_value_that_does_not_fit_is_one_error(folder: Path) -> None:
    text = "version: 1\nimages: {a: {base: 'python:3.12-slim', expose: [99999], stop_signal: FOO}}\n"
    found = analyse("p.yaml", text, folder).diagnostics
    assert [d.code for d in found if d.severity is Severity.ERROR] == ["bad-port", "bad-signal"]


def test_data_is_not_fetched_from_an_address(folder: Path) -> None:
    text = "version: 1\nrepos: {p: {path: 'https://example.org/p'}}\npipeline: {run: x, input: {repo: p, glob: /*}}\n"
    assert "repo-is-url" in {d.code for d in analyse("p.yaml", text, folder).diagnostics}


def test_letters_are_not_near_each_other(folder: Path) -> None:
    text = "version: 1\nimages: {a: {base: 'python:3.12-slim'}}\npipeline: {image: b, run: x}\n"
    (unknown,) = (d for d in analyse("p.yaml", text, folder).diagnostics if d.code == "unknown-image")
    assert not unknown.fixes


def test_a_command_that_begins_with_a_dash_is_no_option_of_the_shell(folder: Path) -> None:
    assert nodes("image: app\nrun: -x foo", folder)[""]["command"] == ["/bin/sh", "-ec", " -x foo"]


def test_secrets_of_git_are_used_by_their_names(folder: Path) -> None:
    text = "version: 1\nsecrets: {GIT_AUTH_TOKEN.git.example.com: {env: A}, GIT_AUTH_HEADER: {env: A}, other: {env: A}}\n"
    git = "images: {a: {base: 'busybox:1.35', copy_url: 'https://git.example.com/x', copy_branch: main}}\n"
    local = "images: {a: {base: 'busybox:1.35'}}\n"

    def unused(images: str) -> list[str]:
        found = analyse("pipeline.yaml", text + images, folder).diagnostics
        return [d.message for d in found if d.code == "unused-name"]

    assert unused(git) == ["the secret 'other' is not used"]
    assert len(unused(local)) == 3

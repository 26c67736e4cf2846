"""Nodes that print what is to run in their place, by the command line, on a real engine."""

from __future__ import annotations

import json
import signal
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on

BEGIN = """
params: {greeting: hello}
secrets: {token: {env: IMGC_TEST_TOKEN}}
images: {box: {base: "busybox:1.35"}, debian: {base: "debian:bookworm-slim"}}
"""


@pytest.fixture
def pipeline(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "project") as made:
        yield made


def lazy(pipeline: Pipeline, text: str, *settings: str, before: str = "true") -> None:
    """A pipeline with three nodes, of which the second prints this."""
    command = textwrap.indent(f"echo gen >> /trace/all; {before}\ncat /trace/printed", " " * 8)
    lines = "".join(f"      {setting}\n" for setting in settings)
    (pipeline.folder / "trace").mkdir(parents=True, exist_ok=True)
    (pipeline.folder / "trace/printed").write_text(textwrap.dedent(text).lstrip("\n"))
    pipeline.write(
        f"{BEGIN}pipeline:\n  image: box\n  mounts: [{{src: trace, dst: /trace}}]\n  env: {{FROM: above}}\n"
        f"  serial:\n    before: echo before >> /trace/all\n    gen:\n      lazy: |\n{command}\n{lines}"
        f"    after: echo after >> /trace/all\n"
    )


def trace(pipeline: Pipeline) -> list[str]:
    return (pipeline.folder / "trace/all").read_text().split()


GROUP = """
    env: {OWN: "1"}
    parallel:
      a: echo a $FROM $OWN >> /trace/log; echo a >> /trace/all
      b: {run: "echo b ${{ params.greeting }} $OTHER >> /trace/log", env: {OTHER: "x"}, needs: [a]}
"""


def test_what_a_node_prints_runs_in_its_place(pipeline: Pipeline) -> None:
    lazy(pipeline, GROUP)
    said = pipeline.imgc("run", "--param", "greeting=hi")
    assert trace(pipeline) == ["before", "gen", "a", "after"]
    assert (pipeline.folder / "trace/log").read_text() == "a above 1\nb hi x\n"
    assert "gen: expanded to 2 nodes" in said
    assert "parallel:" in pipeline.imgc("logs", "gen")
    assert "--env OWN=1" in pipeline.imgc("debug", "--print", "gen/a")


def test_a_single_command_and_a_matrix_are_nodes_too(pipeline: Pipeline) -> None:
    lazy(pipeline, "run: echo one >> /trace/all")
    pipeline.imgc("run")
    assert trace(pipeline) == ["before", "gen", "one", "after"]
    lazy(pipeline, "matrix: {n: [1, 2]}\nrun: 'echo ${{ matrix.n }}x >> /trace/all'\nmax_concurrent: 1")
    (pipeline.folder / "trace/all").unlink()
    pipeline.imgc("run")
    assert trace(pipeline) == ["before", "gen", "1x", "2x", "after"]


def test_its_images_are_built_and_it_sees_images_and_secrets_of_the_file(pipeline: Pipeline) -> None:
    lazy(
        pipeline,
        """
        serial:
          inline: {image: {base: "debian:bookworm-slim", env: {IN: image}}, run: "echo $IN >> /trace/all"}
          other: {image: debian, run: "grep -c PRETTY /etc/os-release >> /trace/all"}
          secret:
            run: test ${#TOKEN} = 18 && echo $TOKEN
            secrets: [{secret: token, env: TOKEN}]
        """,
    )
    said = pipeline.imgc("run", env={"IMGC_TEST_TOKEN": "planted-lazy-value"})
    assert trace(pipeline) == ["before", "gen", "image", "1", "after"]
    assert "gen/secret | ***" in said
    for path in pipeline.folder.rglob("*"):
        assert path.is_dir() or b"planted-lazy-value" not in path.read_bytes(), path


BAD = [
    ("serial: {a: {rnu: x}}", "<output of gen>:1:13", "'rnu' is not a key of a node"),
    ("serial: {a: {run: x, image: bxo}}", "<output of gen>:1:29", "no image is called 'bxo'"),
    ("serial:\n  a: [", "<output of gen>:2:", ""),
    ("when: always\nserial: {a: x}", "<output of gen>:1:1", "belongs to the lazy node 'gen'"),
    ("", "<output of gen>:1:1", "it printed nothing"),
    ("parallel: {a: {run: x, needs: [nobody]}}", "<output of gen>:1:32", "no node is called 'nobody'"),
    ("serial: {a: {run: x, mounts: [{src: nowhere, dst: /x}]}}", "<output of gen>:1:", "'nowhere' does not exist"),
    ("serial: {a: {run: x, cpu: 500}}", "<output of gen>:1:", "It wants 500 CPUs"),
    ("serial: {a: {image: {base: 'busybox:1.35', commands: ['false']}, run: x}}", "gen", "was not made"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "words"), BAD, ids=[words or "syntax" for _, _, words in BAD])
def test_what_is_wrong_in_it_is_shown_at_its_place(
    pipeline: Pipeline, text: str, place: str, words: str
) -> None:
    lazy(pipeline, text)
    said = pipeline.imgc("run", code=4)
    assert place in said
    assert words in said
    assert trace(pipeline) == ["before", "gen"]
    assert "pipeline.yaml:" in said  # where the lazy node is written


def test_all_of_an_error_is_shown(pipeline: Pipeline) -> None:
    lazy(pipeline, "serial:\n  a: {run: x}\n  b: {rnu: x}\n")
    said = pipeline.imgc("run", code=4)
    assert "  |    3 |   b: {rnu: x}" in said
    assert "^^^" in said


def test_output_that_is_no_text_or_too_large_is_refused(pipeline: Pipeline) -> None:
    lazy(pipeline, "x", before="printf '\\377'")
    assert "not UTF-8, in line 1" in pipeline.imgc("run", code=4)
    lazy(pipeline, "x", before="head -c 11000000 /dev/zero | tr '\\0' '#'")
    assert "more than 10 MiB" in pipeline.imgc("run", code=4)


def test_a_command_that_fails_is_tried_again_and_prints_nothing_that_counts(pipeline: Pipeline) -> None:
    once = "test -e /trace/tried || { touch /trace/tried; echo 'serial: {wrong: exit 9}'; exit 1; }"
    lazy(pipeline, "serial: {right: echo right >> /trace/all}", "retry: {attempts: 2}", before=once)
    pipeline.imgc("run")
    assert trace(pipeline) == ["before", "gen", "gen", "right", "after"]


def test_what_prints_itself_is_ended(pipeline: Pipeline) -> None:
    (pipeline.folder / "trace").mkdir(parents=True)
    again = "serial: {n: {lazy: sh /trace/gen}}"
    (pipeline.folder / "trace/gen").write_text(f"echo x >> /trace/all; echo '{again}'\n")
    pipeline.write(
        f"{BEGIN}pipeline: {{image: box, mounts: [{{src: trace, dst: /trace}}], {again[:-1]}}}}}\n"
    )
    said = pipeline.imgc("run", code=4)
    assert "does it print itself?" in said
    assert len(trace(pipeline)) == 21


def test_it_shares_containers_as_what_is_around_it_does(pipeline: Pipeline) -> None:
    lazy(
        pipeline,
        "serial: {a: touch /state, b: test -e /state && echo shared >> /trace/all}",
        "container_reuse: new",
    )
    pipeline.imgc("run")
    assert trace(pipeline) == ["before", "gen", "shared", "after"]


def kill_when(pipeline: Pipeline, words: str) -> None:
    process = pipeline.start("run", "--format", "json")
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()


def journal(pipeline: Pipeline) -> list[dict[str, Any]]:
    (path,) = (pipeline.folder / ".imgc/runs").glob("*/journal.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_that_is_cut_off_goes_on_with_what_was_printed(pipeline: Pipeline) -> None:
    lazy(
        pipeline,
        "serial: {a: echo a >> /trace/all, b: sleep 2; echo b >> /trace/all, c: echo c >> /trace/all}",
    )
    kill_when(pipeline, '"gen/b", "state": "running"')
    assert "expand" in [record["e"] for record in journal(pipeline)]
    pipeline.imgc("run", "--resume")
    assert trace(pipeline) == ["before", "gen", "a", "b", "c", "after"]


def test_a_run_that_is_cut_off_before_does_not_print_again(pipeline: Pipeline) -> None:
    lazy(pipeline, GROUP, before="sleep 2")
    kill_when(pipeline, '"gen", "state": "running"')
    time.sleep(0.2)
    assert "expand" not in [record["e"] for record in journal(pipeline)]
    said = pipeline.imgc("run", "--resume")
    assert trace(pipeline) == ["before", "gen", "a", "after"], said


def test_after_a_failure_below_it_only_that_is_repeated(pipeline: Pipeline) -> None:
    fails = "test -e /trace/repaired && echo b >> /trace/all"
    lazy(
        pipeline,
        f"serial: {{a: echo a >> /trace/all, b: '{fails}', c: {{image: {{base: 'debian:bookworm-slim'}}, run: 'true'}}}}",
    )
    said = pipeline.imgc("run", code=4)
    assert "gen/b" in said
    (pipeline.folder / "trace/repaired").touch()
    pipeline.imgc("run", "--resume")
    assert trace(pipeline) == ["before", "gen", "a", "b", "after"]


def test_a_changed_pipeline_cannot_grow_further(pipeline: Pipeline) -> None:
    lazy(pipeline, GROUP, before="test -e /trace/repaired")
    pipeline.imgc("run", code=4)
    (pipeline.folder / "trace/repaired").touch()
    text = (pipeline.folder / "pipeline.yaml").read_text()
    (pipeline.folder / "pipeline.yaml").write_text(text.replace("FROM: above", "FROM: elsewhere"))
    assert "start a new run" in pipeline.imgc("run", "--resume", code=1)

"""Data by the command line: datums, what they write, who reads it, and what is not run again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on

BOX = '"debian:bookworm-slim"'


@pytest.fixture
def project(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "p") as made:
        yield made
        label = f"imgc.project={made.folder.resolve()}"
        assert engine.client.containers.list(all=True, filters={"label": label}) == []
        assert not list((made.folder / ".imgc/data/tmp").glob("*")), "nothing half-written is left"


def write(project: Pipeline, tree: str, **repos: str) -> None:
    """The pipeline's tree; `repos` are their paths."""
    listed = ", ".join(f"{name}: {{path: {path}}}" for name, path in repos.items())
    body = textwrap.indent(textwrap.dedent(tree).lstrip("\n"), "  ")
    project.write(f"repos: {{{listed}}}\npipeline:\n  image: {BOX}\n{body}")


def put(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def ran(said: str, node: str) -> list[str]:
    """The datums of a node whose command ran."""
    return sorted(re.findall(rf"^{re.escape(node)}\[([^]]*)\]: running", said, re.MULTILINE))


def out(project: Pipeline, node: str) -> dict[str, str]:
    """What a node wrote, by path."""
    top = project.folder / ".imgc/out" / node
    return {
        str(path.relative_to(top.resolve())): path.read_text()
        for path in top.resolve().rglob("*")
        if path.is_file()
    }


COUNT = """
    serial:
      count:
        input: {repo: pages, glob: "/*"}
        run: wc -w < "$pages" > "/pfs/out/$(basename "$pages")"
      total:
        input: {node: count, glob: /}
        run: cat $count/* | sort -n > /pfs/out/all
    """


def test_each_datum_runs_once_for_its_content(project: Pipeline) -> None:
    write(project, COUNT, pages="data")
    put(project.folder / "data", a="1", b="1 2", c="1 2 3")
    said = project.imgc("run")
    assert ran(said, "count/count") == ["a", "b", "c"]
    assert out(project, "count") == {"a": "1\n", "b": "2\n", "c": "3\n"}
    assert out(project, "total") == {"all": "1\n2\n3\n"}

    said = project.imgc("run")
    assert ran(said, "count/count") == ran(said, "total/total") == []
    assert "count: all of its data are unchanged" in said

    put(project.folder / "data", b="1 2 3 4", d="1")
    (project.folder / "data/a").rename(project.folder / "data/e")
    said = project.imgc("run")
    assert ran(said, "count/count") == ["b", "d", "e"], "a name is part of a datum, a time is not"
    assert out(project, "total") == {"all": "1\n1\n3\n4\n"}

    put(project.folder / "data", b="1 2")
    (project.folder / "data/d").unlink()
    (project.folder / "data/e").rename(project.folder / "data/a")
    said = project.imgc("run")
    assert ran(said, "count/count") == ran(said, "total/total") == [], "it is as it was once"
    assert out(project, "total") == {"all": "1\n2\n3\n"}

    assert ran(project.imgc("run", "--rerun"), "count/count") == ["a", "b", "c"]
    assert "MB of data" in project.imgc("clean", "--data")
    assert ran(project.imgc("run"), "count/count") == ["a", "b", "c"]


def test_another_command_image_or_environment_runs_again_and_other_settings_do_not(project: Pipeline) -> None:
    put(project.folder / "data", a="1")
    node = 'input: {repo: d, glob: "/*"}\nrun: cat $d'
    for tree, expected in (
        (node, ["a"]),
        (f"{node}\nretry: {{attempts: 2}}\ncpu: 1\nmax_time: 1m\ntitle: t", []),
        (f"{node}\nenv: {{A: b}}", ["a"]),
        (node.replace("cat $d", "echo x"), ["a"]),
        (f"{node}\nuser: '7'", ["a"]),
        (node, []),
    ):
        write(project, tree, d="data")
        assert ran(project.imgc("run"), project.name) == expected, tree
    project.write(
        'repos: {d: {path: data}}\npipeline: {image: "busybox:1.35", input: {repo: d, glob: "/*"}, run: "true"}\n'
    )
    assert ran(project.imgc("run"), project.name) == ["a"]


def test_one_that_fails_is_named_with_its_files_and_the_others_finish(project: Pipeline) -> None:
    write(project, COUNT.replace("run: wc", "run: grep -q 1 $pages; wc"), pages="data/in")
    put(project.folder / "data/in", **{f"f{number:02}": "1" for number in range(20)})
    put(project.folder / "data/in", f07="broken")
    said = project.imgc("run", code=4)
    assert "count/count[f07]: It ended with exit code 1. Its data: data/in/f07." in said
    assert "--> pipeline.yaml:" in said
    assert len(ran(said, "count/count")) == 20
    assert "total: omitted" in said
    assert not (project.folder / ".imgc/out/count").exists(), "what is not whole is not handed on"
    put(project.folder / "data/in", f07="1")
    assert ran(project.imgc("run"), "count/count") == ["f07"]
    assert len(out(project, "count")) == 20


def test_cross_and_union(project: Pipeline) -> None:
    put(project.folder / "x", a="", b="")
    put(project.folder / "y", one="", two="")
    write(
        project,
        """
        parallel:
          cross: {input: {cross: [{repo: x, glob: "/*"}, {repo: y, glob: "/*", name: z}]}, run: 'echo $x $z'}
          union: {input: {union: [{repo: x, glob: "/a"}, {repo: y, glob: "/t*"}]}, run: 'find /pfs -type f; echo "$x-$y"'}
          whole: {input: {repo: x, glob: /}, run: 'ls $x'}
        """,
        x="x",
        y="y",
    )
    said = project.imgc("run")
    assert ran(said, "cross/cross") == ["a,one", "a,two", "b,one", "b,two"]
    assert "cross/cross[b,one] | /pfs/x/b /pfs/z/one" in said
    assert ran(said, "union/union") == ["a", "two"]
    assert "union/union[two] | /pfs/y/two\n" in said
    assert "union/union[two] | -/pfs/y/two\n" in said
    assert "whole/whole[x] | b" in said


def test_data_are_read_only_and_any_user_may_write_what_comes_of_them(project: Pipeline) -> None:
    put(project.folder / "data", a="x")
    write(
        project,
        """
        input: {repo: d, glob: "/*"}
        user: "4321"
        run: |
          ! touch $d || exit 9
          umask 077
          mkdir -p /pfs/out/deep/er; cp $d /pfs/out/deep/er/; ln -s er /pfs/out/deep/link; mkfifo /pfs/out/pipe
          printf '#!/bin/sh\\n' > /pfs/out/program; chmod +x /pfs/out/program
        """,
        d="data",
    )
    project.imgc("run")
    kept = (project.folder / ".imgc/out" / project.name).resolve()
    assert out(project, project.name) == {"deep/er/a": "x", "program": "#!/bin/sh\n"}
    assert os.access(kept / "program", os.X_OK)
    assert (kept / "deep/link").is_symlink()
    assert not (kept / "pipe").exists()
    assert (kept / "deep/er/a").stat().st_mode & 0o777 == 0o444


def test_odd_names_and_symlinks(project: Pipeline) -> None:
    data = project.folder / "data"
    put(data / "v1", file="content")
    for name in ("a b", "new\nline", "ünï", "-dash", "q'\"$(x)", "colon:comma,", "=x"):
        put(data, **{name: name})
    (data / "latest").symlink_to("v1")
    write(project, 'input: {repo: d, glob: "/*"}\nrun: cp -rL "$d" /pfs/out/', d="data")
    project.imgc("run")
    found = out(project, project.name)
    assert found.pop("latest/file") == found.pop("v1/file") == "content"
    assert found == {name: name for name in found}
    assert len(found) == 7
    put(data / "v1", file="edited")
    assert ran(project.imgc("run"), project.name) == ["latest", "v1"]
    (data / "out").symlink_to("/etc/hostname")
    assert "The symlink 'out' leads to '/etc/hostname', which is not in its data." in project.imgc(
        "run", code=4
    )


def test_what_there_is_no_data_for(project: Pipeline) -> None:
    put(project.folder / "data", **{"a.csv": "1", "b.csv": "2"})
    write(project, 'input: {repo: d, glob: "/*.cvs"}\nrun: "true"', d="data")
    said = project.imgc("run", code=4)
    assert "The glob '/*.cvs' matches nothing in the repo 'd': it has /a.csv, /b.csv." in said
    put(project.folder / "empty")
    write(project, 'input: {repo: d, glob: "/*"}\nrun: "true"', d="empty")
    said = project.imgc("run")
    assert "there are no data to work on, since the repo 'd' holds nothing." in said
    write(
        project,
        """
        serial:
          filter: {run: "true", outputs: []}
          each: {input: {node: filter, glob: "/*"}, run: "false"}
        """,
    )
    assert "each: there are no data to work on, since the node 'filter' holds nothing." in project.imgc("run")


def test_two_data_that_write_the_same_path(project: Pipeline) -> None:
    put(project.folder / "data", a="1", b="2")
    node = 'input: {{repo: d, glob: "/*"}}\nmax_concurrent: 1\nrun: {}'
    write(project, node.format("echo same > /pfs/out/f"), d="data")
    project.imgc("run")
    write(project, node.format("cp $d /pfs/out/f"), d="data")
    said = project.imgc("run", code=4)
    assert f"[b]: It wrote /pfs/out/f, and '{project.name}[a]' wrote something else there" in said
    assert out(project, project.name) == {"f": "same\n"}, "what the last good run wrote"


def test_outputs_are_what_readers_get(project: Pipeline) -> None:
    tree = """
        serial:
          make: {run: "mkdir /pfs/out/model; echo 1 > /pfs/out/model/weights; echo 2 > /pfs/out/log", outputs: [OUTPUTS]}
          use: {input: {node: make, glob: "/**"}, run: "echo got $make"}
        """
    write(project, tree.replace("OUTPUTS", "model"))
    said = project.imgc("run")
    assert "use/use[model∕weights] | got /pfs/make/model/weights" in said
    assert "log" not in "".join(ran(said, "use/use"))
    assert out(project, "make") == {"model/weights": "1\n"}
    write(project, tree.replace("OUTPUTS", "/pfs/out/model, modle"))
    assert "make: It wrote no /pfs/out/modle." in project.imgc("run", code=4)


def test_a_group_is_read_as_all_below_it(project: Pipeline) -> None:
    write(
        project,
        """
        serial:
          train: {matrix: {n: [1, 2]}, run: 'echo ${{ matrix.n }} > /pfs/out/${{ matrix.n }}'}
          best: {input: {node: train, glob: /}, run: "cat $train/*"}
        """,
    )
    said = project.imgc("run")
    assert "best/best[train] | 1" in said
    assert "best/best[train] | 2" in said


def test_one_node_reads_what_others_wrote_last(project: Pipeline) -> None:
    write(project, COUNT, pages="data")
    put(project.folder / "data", a="1")
    said = project.imgc("run", "total", code=4)
    assert "'count' has written nothing yet that could be read: run it first." in said
    project.imgc("run", "count")
    assert ran(project.imgc("run", "total"), "total/total") == ["count"]
    assert out(project, "total") == {"all": "1\n"}


def test_retry_max_time_and_accepted_codes_are_each_datum_s(project: Pipeline) -> None:
    put(project.folder / "data", again="", slow="", three="")
    (project.folder / "state").mkdir()
    write(
        project,
        """
        input: {repo: d, glob: "/*"}
        retry: {attempts: 2, backoff: 10ms, on: [error]}
        max_time: 3s
        accept_return_code: [3]
        mounts: [{src: state, dst: /state}]
        run: |
          case $d in
            */again) test -e /state/x || { touch /state/x; echo half > /pfs/out/half; exit 1; } ;;
            */slow) sleep 60 ;;
            */three) touch /pfs/out/three; exit 3 ;;
          esac
        """,
        d="data",
    )
    said = project.imgc("run", code=4)
    name = project.name
    assert f"{name}[again]: attempt 1 failed, again" in said
    assert f"{name}[again]: succeeded" in said
    assert f"{name}[slow]: It took longer than its max_time, 3 s." in said
    assert f"{name}[three]: succeeded" in said
    (project.folder / "data/slow").unlink()
    assert ran(project.imgc("run"), name) == []
    assert out(project, name) == {"three": ""}, "nothing of the attempt that failed"


def test_data_that_change_meanwhile_are_worked_on_again(project: Pipeline) -> None:
    put(project.folder / "data", a="1", b="1")
    write(
        project,
        'input: {repo: d, glob: "/*"}\nmounts: [{src: data, dst: /live}]\nrun: cat $d; echo 2 > /live/a',
        d="data",
    )
    said = project.imgc("run")
    assert "Its data changed while it ran: it will run again next time." in said
    assert ran(project.imgc("run"), project.name) == ["a"]


def test_a_killed_run_goes_on_where_it_was(project: Pipeline) -> None:
    put(project.folder / "data", **{f"f{number}": str(number) for number in range(6)})
    (project.folder / "log").mkdir()
    tree = COUNT.replace("run: wc", "run: basename $pages >> /log/log; sleep 1; wc")
    tree = tree.replace(
        "count:\n", "count:\n        max_concurrent: 2\n        mounts: [{src: log, dst: /log}]\n"
    )
    write(project, tree, pages="data")
    process = project.start("run")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("count/count[f2]: running"):
            break
    process.kill()
    process.communicate()
    said = project.imgc("run", "--resume")
    assert sorted((project.folder / "log/log").read_text().split()) == [f"f{number}" for number in range(6)]
    assert len(out(project, "count")) == 6
    assert "total: succeeded" in said
    listed = project.imgc("ps", "-v")
    assert "count/count[f5]: succeeded" in listed
    assert "nothing to resume" in project.imgc("run", "--resume")


def test_an_interrupt_keeps_what_is_done_and_nothing_that_is_half(project: Pipeline) -> None:
    put(project.folder / "data", a="", b="")
    write(
        project,
        'input: {repo: d, glob: "/*"}\nrun: echo half > /pfs/out/$(basename $d); case $d in */b) sleep 60;; esac',
        d="data",
    )
    process = project.start("run")
    assert process.stdout is not None
    seen = set()
    for line in process.stdout:
        seen |= {text for text in ("[a]: succeeded", "[b]: running") if text in line}
        if len(seen) == 2:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (project.folder / ".imgc/out" / project.name).exists()
    put(project.folder / "data", b="")
    write(
        project,
        'input: {repo: d, glob: "/a"}\nrun: echo half > /pfs/out/$(basename $d); case $d in */b) sleep 60;; esac',
        d="data",
    )
    assert ran(project.imgc("run"), project.name) == [], "one that was done is done"


def test_a_build_pipeline_over_data(project: Pipeline) -> None:
    put(project.folder / "data", a="one two", b="three")
    put(project.folder / "source", **{"main.py": "import os\nprint(open(os.environ['d']).read().split())\n"})
    project.write("""\
repos: {d: {path: data}}
images: {map: {base: "python:3.11-slim-bookworm", builder: {language: python, path: source}}}
pipeline: {image: map, input: {repo: d, glob: "/*"}}
""")
    said = project.imgc("run")
    assert f"{project.name}[a] | ['one', 'two']" in said
    assert ran(project.imgc("run"), project.name) == []
    put(project.folder / "source", **{"main.py": "print('edited')\n"})
    assert ran(project.imgc("run"), project.name) == ["a", "b"], "the code is part of a datum"


def test_a_shell_has_the_data_of_its_node(project: Pipeline) -> None:
    put(project.folder / "data", a="1", b="1 2")
    put(project.folder / "source", **{"main.py": "print('the code')\n"})
    project.write("""\
repos: {d: {path: data}}
images:
  map: {base: "python:3.11-slim-bookworm", builder: {language: python, path: source}}
pipeline:
  image: map
  serial:
    count: {input: {repo: d, glob: "/*"}, run: 'wc -w < $d > /pfs/out/$(basename $d)'}
    use: {input: {node: count, glob: /}}
""")
    project.imgc("run", "count")

    def shell(node: str, *options: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "imgc.cli.main", "debug", *options, node], cwd=project.folder, env=project.env,
            input="cat $d; find /pfs -type f | sort; /.imgc/run; cat /pfs/out/*; ls -ld /pfs/out | cut -c1-10\n",
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert "1 2/pfs/build/run.sh\n/pfs/d/b\n/pfs/source/main.py\n2\ndrwxrwxrwx" in shell("count/count[b]")
    assert "1/pfs/build/run.sh" in shell("count"), "the first, where none is named"
    assert "/pfs/count/a\n/pfs/count/b\n/pfs/source/main.py\nthe code" in shell("use[count]")
    assert "no node 'count[z]'" in shell("count[z]", code=2)
    assert "There is no 'use[z]' among the data of 'use': there are use[count]" in shell("use[z]", code=1)
    assert "leave out --print" in shell("count", "--print", code=1)
    put(project.folder / "source", **{"main.py": "print('edited')\n"})
    assert "edited" in shell("use", "--live")

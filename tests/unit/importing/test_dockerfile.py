"""A Dockerfile as an image and a node: by keys where they say the same, else by the Dockerfile itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dockerfile
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from judge import process_word

from imgc.analysis.analysis import analyse
from imgc.cli.import_ import imported
from imgc.importing.source import SourceError, source
from imgc.plan.compiled import compile_pipeline
from importkit import Imported, import_text

PYTHON = "FROM python:3.12-slim-bookworm\n"
DEBIAN = "FROM debian:bookworm-slim\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    for name in ("src/a.py", "app.py", "requirements.txt", "package.json", "package-lock.json", "b c.txt"):
        (tmp_path / name).write_text("")
    return tmp_path


def image(text: str, folder: Path) -> dict[str, Any]:
    return dict(import_text(text, folder, "Dockerfile").data["images"]["app"])


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("ENV A=1 B='x y' C=\\$x\nENV D=$HOME", {"env": {"A": "1", "B": "x y", "C": "$$x", "D": "${HOME}"}}),
        ("ENV A b  c", {"env": {"A": "b  c"}}),
        ("ENV A\tb", {"env": {"A": "b"}}),
        ("ENV A=/a\nENV B=$A/b\nWORKDIR ${B}\nLABEL l=$A\nEXPOSE 80", {
            "layers": [{"env": {"A": "/a"}}, {"env": {"B": "${A}/b"}}, {"workdir": "/a/b"}], "expose": [80], "labels": {"l": "/a"}}),
        ("RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git \\\n  curl \\\n"
         " && apt-get clean && rm -rf /var/lib/apt/lists/*", {"apt_packages": ["git", "curl"]}),
        ("LABEL a=b c=\"d e\"\nEXPOSE 80 53/udp\nSTOPSIGNAL SIGINT",
         {"labels": {"a": "b", "c": "d e"}, "expose": [80, "53/udp"], "stop_signal": "SIGINT"}),
        ("HEALTHCHECK --interval=5s --retries=3 CMD [\"true\"]",
         {"healthcheck": {"cmd": ["true"], "interval": "5s", "retries": 3}}),
        ("ENTRYPOINT [\"a\"]\nCMD [\"b\"]", {"entrypoint": ["a"], "cmd": ["b"]}),
        ("SHELL [\"/bin/bash\", \"-c\"]\nRUN a | b\nCMD x", {
            "commands": ["a | b"], "shell": ["/bin/bash", "-c"], "cmd": ["/bin/bash", "-c", "x"]}),
        ("WORKDIR /app\nCOPY . .", {"copy_dir": ".", "workdir": "/app"}),
        ("WORKDIR /app\nCOPY src .\nRUN make", {"copy_dir": "src", "commands": ["make"], "workdir": "/app"}),
        ("COPY app.py requirements.txt /srv/", {"copy": [{"src": ["app.py", "requirements.txt"], "dst": "/srv/"}]}),
        ("COPY src /srv", {"copy": [{"src": "src", "dst": "/srv", "contents_only": True}]}),
        ("COPY [\"b c.txt\", \"/x/\"]", {"copy": [{"src": "b c.txt", "dst": "/x/"}]}),
        ("COPY --chown=1000:1000 package*.json /x/",
         {"copy": [{"src": ["package-lock.json", "package.json"], "dst": "/x/", "chown": "1000:1000"}]}),
        ("RUN echo 'a  b'   && \\\n   # why\n   echo c", {"commands": ["echo 'a  b' && echo c"]}),
        ("RUN [\"echo\", \"a b\"]", {"commands": ["echo 'a b'"]}),
        ("RUN [\"echo\", \"a\\nb\"]", {"commands": ["echo 'a\nb'"]}),
        ("RUN []", {"commands": [":"]}),
        ("RUN <<EOF\na\n  b\nEOF", {"commands": ["set +e\na\n  b"]}),
        ("RUN <<-'X'\n\ta\u2028b\n\tX", {"commands": ["set +e\na\u2028b"]}),
        ("ARG DEBIAN_FRONTEND=noninteractive\nRUN apt-get install -y --no-install-recommends jq", {"apt_packages": ["jq"]}),
        ("ADD app.py /x", {"copy": [{"src": "app.py", "dst": "/x"}]}),
    ],
)  # fmt: skip
def test_keys(text: str, keys: dict[str, Any], folder: Path) -> None:
    made = image(DEBIAN + text + "\n", folder)
    assert {key: value for key, value in made.items() if key != "base"} == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("RUN pip install --no-cache-dir 'numpy>=1' idna", {"pip_packages": ["numpy>=1", "idna"]}),
        ("COPY requirements.txt /r.txt\nRUN python -m pip install -r /r.txt", {
            "layers": [{"copy": [{"src": "requirements.txt", "dst": "/r.txt"}]}, {"requirements": ["requirements.txt"]}]}),
        ("WORKDIR /app\nCOPY requirements.txt ./\nRUN --mount=type=cache,target=/root/.cache pip install -r requirements.txt\n"
         "COPY . .", {"requirements": ["requirements.txt"], "copy_dir": ".", "workdir": "/app"}),
        ("RUN pip install -i https://x.example/simple idna",
         {"layers": [{"pip_packages": ["idna"], "pip": {"index_url": "https://x.example/simple"}}]}),
        ("RUN pip install .", {"commands": ["pip install ."]}),
        ("RUN pip install --upgrade pip", {"commands": ["pip install --upgrade pip"]}),
        ("RUN pip install idna -r requirements.txt", {"commands": ["pip install idna -r requirements.txt"]}),
    ],
)  # fmt: skip
def test_python(text: str, keys: dict[str, Any], folder: Path) -> None:
    made = image(PYTHON + text + "\n", folder)
    assert {key: value for key, value in made.items() if key != "base"} == keys


@pytest.mark.parametrize(
    ("text", "base", "keys"),
    [
        ("RUN apk add --no-cache git", "alpine:3.20", {"system_packages": ["git"]}),
        ("RUN dnf install -y --setopt=install_weak_deps=False git && dnf clean all", "fedora:40", {"system_packages": ["git"]}),
        ("RUN dnf install -y git", "fedora:40", {"commands": ["dnf install -y git"]}),
        ("RUN npm install -g typescript@5.4.5", "node:22-bookworm-slim", {"npm_packages": ["typescript@5.4.5"]}),
        ("RUN npm ci", "node:22-bookworm-slim", {"commands": ["npm ci"]}),
        ("RUN pip3 install idna", "debian:bookworm-slim", {"commands": ["pip3 install idna"]}),
        ("RUN apt-get update && apt-get install -y git", "debian:bookworm-slim", {
            "commands": ["apt-get update && apt-get install -y git"]}),
    ],
)  # fmt: skip
def test_managers(text: str, base: str, keys: dict[str, Any], folder: Path) -> None:
    assert image(f"FROM {base}\n{text}\n", folder) == {"base": base, **keys}


def test_another_order_is_kept_in_layers(folder: Path) -> None:
    made = image(
        DEBIAN + "RUN a\nENV A=1\nENV B=$A\nUSER 1000\nWORKDIR /x\nCOPY app.py .\nRUN b\nRUN c\n", folder
    )
    assert made["layers"] == [
        {"commands": ["a"]}, {"env": {"A": "1"}}, {"env": {"B": "${A}"}}, {"user": "1000"}, {"workdir": "/x"},
        {"copy": [{"src": "app.py", "dst": "."}]}, {"commands": ["b", "c"]},
    ]  # fmt: skip


def test_files_that_go_to_the_bases_own_workdir(folder: Path) -> None:
    made = image("FROM nginx:1.27\nCOPY app.py .\n", folder)
    assert made["auto_workdir"] is False


def test_comments_come_along(folder: Path) -> None:
    text = (
        "# syntax=docker/dockerfile:1\n# the base\n" + DEBIAN + "# tools\n# of the trade\nRUN a\n\n# far away\n\nRUN b\n#c\nRUN c\n"
        "# where\nENV A=1\n# what\nENV B=2\n# place\nWORKDIR /x\n# ports\nEXPOSE 80\n"
    )  # fmt: skip
    assert (
        import_text(text, folder, "Dockerfile").text.split("\n", 3)[3]
        == """\

images:
  app:
    # the base
    base: debian:bookworm-slim
    layers:
      # tools
      # of the trade
      - commands:
          - a
          - b
          # c
          - c
      # where
      - env:
          A: "1"
          # what
          B: "2"
      # place
      - workdir: /x
    # ports
    expose: [80]
# what its containers run is said by its base; a node would be, say, `run: ls`
"""
    )


def test_a_file_that_imgc_leaves_out_of_folders_is_copied_by_its_name(folder: Path) -> None:
    (folder / ".env").write_text("")
    (folder / ".dockerignore").write_text("!.env\n")
    made = image(DEBIAN + "WORKDIR /x\nCOPY .env ./\nCOPY . .\n", folder)
    assert made["copy"] == [{"src": ".env", "dst": "./"}, {"src": ".", "dst": "."}]


def test_stages_that_begin_from_each_other_are_one_image(folder: Path) -> None:
    text = 'FROM a:1 AS unused\nRUN x\nFROM a:2 AS b\nRUN a\nCMD ["c"]\nEXPOSE 1\nFROM b AS d\nENV A=1\nENTRYPOINT ["e"]\n'
    assert image(text, folder) == {
        "base": "a:2", "layers": [{"commands": ["a"]}, {"env": {"A": "1"}}], "entrypoint": ["e"], "expose": [1],
    }  # fmt: skip
    assert run(text, folder)["run"] == ["e"]


def test_secrets_and_ssh(folder: Path) -> None:
    text = DEBIAN + "RUN --mount=type=secret,id=tok,required=true --mount=type=ssh cat /run/secrets/tok\n"
    imported = import_text(text, folder, "Dockerfile")
    assert imported.data["secrets"] == {"tok": {"env": "SECRET_TOK"}}
    assert imported.data["images"]["app"]["layers"] == [
        {"commands": ["cat /run/secrets/tok"], "secrets": [{"secret": "tok", "required": True}]}
    ]
    assert imported.data["images"]["app"]["ssh"] == ["default"]
    assert imported.lines == [2]


def test_build_arguments_of_the_base_are_parameters(folder: Path) -> None:
    imported = import_text("ARG V=3.12\nFROM python:$V-slim\n", folder, "Dockerfile")
    assert imported.data["params"] == {"V": "3.12"}
    assert imported.data["images"]["app"] == {"base": "python:${{ params.V }}-slim"}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("FROM a:1 AS b\nFROM c:1\nCOPY --from=b /x /y\n", 3, "COPY --from=b"),
        (DEBIAN[:-1] + " AS b\nSHELL [\"x\"]\nFROM b\n", 2, "SHELL"),
        (DEBIAN + "ARG V\nRUN echo $V\n", 2, "ARG V"),
        (DEBIAN + "VOLUME /x\n", 2, "VOLUME"),
        (DEBIAN + "ONBUILD RUN x\n", 2, "ONBUILD"),
        (DEBIAN + "COPY nowhere /x\n", 2, "no such path"),
        (DEBIAN + "COPY no*where /x\n", 2, "nothing here"),
        (DEBIAN + "COPY --chmod=755 app.py /x\n", 2, "--chmod"),
        (DEBIAN + "COPY <<EOF /x\na\nEOF\n", 2, "here-document"),
        (DEBIAN + "ADD https://x.example/a /x\n", 2, "fetches"),
        (DEBIAN + "ADD a.tar.gz /x\n", 2, "unpacks"),
        (DEBIAN + "ENV A=${B:-c}\n", 2, "replaces more"),
        (DEBIAN + "ENV A=1 B=$A\n", 2, "the one from before"),
        (DEBIAN + "WORKDIR $HOME\n", 2, "known to the build"),
        (DEBIAN + "RUN --mount=type=cache,target=/x make\n", 2, "type=cache"),
        (DEBIAN + "RUN --mount=type=bind,target=/x make\n", 2, "type=bind"),
        (DEBIAN + "RUN --network=none make\n", 2, "--network"),
        (DEBIAN + "RUN python3 <<EOF\nx\nEOF\n", 2, "here-document"),
        (DEBIAN + "RUN a\nSHELL [\"x\"]\n", 3, "SHELL"),
        (DEBIAN + "HEALTHCHECK NONE\n", 2, "HEALTHCHECK NONE"),
        ("FROM a:${TARGETARCH}\n", 1, "only a build knows"),
        ("FROM scratch\nRUN x\n", 1, "no shell"),
    ],
)  # fmt: skip
def test_what_no_keys_say_is_built_from_the_dockerfile(
    text: str, line: int, reason: str, folder: Path
) -> None:
    imported = import_text(text, folder, "Dockerfile")
    assert imported.data["images"] == {"app": {"dockerfile": "Dockerfile"}}
    (warning,) = imported.warnings
    assert warning[0] == line
    assert reason in warning[1]
    assert reason in imported.text


def test_build_arguments_stand_beside_the_dockerfile(folder: Path) -> None:
    text = "ARG A=1\nARG B=x\nFROM a:$A\nARG A\nARG B=y\nARG C='q'\nARG TOKEN=t\nRUN echo $A\n"
    assert image(text, folder) == {"dockerfile": {"path": "Dockerfile", "args": {"A": "1"}}}


@pytest.mark.parametrize(
    "before",
    [
        "ENV PIP_INDEX_URL=https://x.example",
        "ENV VIRTUAL_ENV=/v",
        "RUN python -m venv /v",
        "RUN pip config set a b",
        "USER 1000",
    ],
)
def test_where_pip_may_be_another_it_stays_a_command(before: str, folder: Path) -> None:
    layers = str(image(f"{PYTHON}{before}\nRUN pip install idna\n", folder))
    assert "pip install idna" in layers
    assert "pip_packages" not in layers


def test_variables_of_pip_that_change_nothing(folder: Path) -> None:
    assert image(PYTHON + "ENV PIP_NO_CACHE_DIR=1\nRUN pip install idna\n", folder)["pip_packages"] == [
        "idna"
    ]


@pytest.mark.parametrize("keys", [True, False])
def test_the_context_is_where_the_files_are(keys: bool, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "docker/api").mkdir(parents=True)
    text = DEBIAN + "COPY src /srv\n" + ("" if keys else "VOLUME /x\n")
    (folder / "docker/api/Dockerfile").write_text(text)
    given = source("docker/api/Dockerfile", text.encode(), folder / "docker/api", folder)
    written, found = imported(given)
    if keys:
        assert "copy: [{src: src, dst: /srv, contents_only: true}]" in written
    else:
        assert "dockerfile: {path: docker/api/Dockerfile, context: .}" in written
    assert "the build context is taken to be '.'" in found[0].message
    given = source("docker/api/Dockerfile", text.encode(), folder / "docker/api", folder, str(folder))
    assert imported(given)[0] == written


def test_the_maintainer_is_lost_and_said(folder: Path) -> None:
    imported = import_text(DEBIAN + "MAINTAINER me\n", folder, "Dockerfile")
    assert imported.lines == [2]
    assert "# not carried over: MAINTAINER me" in imported.text


def run(text: str, folder: Path) -> Any:
    return import_text(text, folder, "Dockerfile").data["pipeline"]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("CMD ls -l", "ls -l"),
        ("CMD a && b || c", "a && b || c"),
        ("CMD a; b", ["/bin/sh", "-c", "a; b"]),
        ('CMD ["a", "b c"]', ["a", "b c"]),
        ('ENTRYPOINT ["a"]\nCMD ["b"]', ["a", "b"]),
        ('CMD ["b"]\nENTRYPOINT ["a"]', ["a", "b"]),
        ('ENTRYPOINT a\nCMD ["b"]', "a"),
        ('ENTRYPOINT ["a"]\nCMD b', ["a", "/bin/sh", "-c", "b"]),
        ('CMD ["a"]\nCMD ["b"]', ["b"]),
        ('SHELL ["/bin/bash", "-c"]\nCMD b', ["/bin/bash", "-c", "b"]),
    ],
)  # fmt: skip
def test_what_the_node_runs(text: str, command: Any, folder: Path) -> None:
    assert run(DEBIAN + text, folder) == {"image": "app", "run": command}


def test_what_an_earlier_stage_says_is_run(folder: Path) -> None:
    text = 'FROM a:1 AS x\nENTRYPOINT ["e"]\nCMD ["c"]\nFROM x\n'
    assert run(text, folder)["run"] == ["e", "c"]
    assert run(text + 'ENTRYPOINT ["f"]\n', folder)["run"] == ["f"]
    assert run(text + 'CMD ["d"]\n', folder)["run"] == ["e", "d"]


def test_without_any_command_there_is_no_node(folder: Path) -> None:
    assert "pipeline" not in import_text(DEBIAN, folder, "Dockerfile").data


@pytest.mark.parametrize(
    ("name", "image_name"),
    [("Dockerfile", "app"), ("Dockerfile.worker", "worker"), ("web.Dockerfile", "web")],
)
def test_names(name: str, image_name: str, folder: Path) -> None:
    assert list(import_text(DEBIAN, folder, name).data["images"]) == [image_name]


def test_the_ignore_file_of_the_dockerfile(folder: Path) -> None:
    (folder / "Dockerfile.dockerignore").write_text("*.log\n")
    assert image(DEBIAN + "COPY . /x\n", folder)["dockerignore"] == "Dockerfile.dockerignore"


@pytest.mark.parametrize(
    ("copies", "key"), [("WORKDIR /a\nCOPY . .\n", "copy_dir: ../app"), ("COPY . /a\n", "dockerfile: ../app/Dockerfile")]
)  # fmt: skip
def test_an_ignore_file_for_another_folder(copies: str, key: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("app", "ci"):
        (tmp_path / name).mkdir()
    (tmp_path / "app/.dockerignore").write_text("*.log\n")
    given = source("app/Dockerfile", (DEBIAN + copies).encode(), tmp_path / "app", tmp_path / "ci")
    assert key in imported(given)[0]


@pytest.mark.parametrize("text", ["", "# only\n", "RUN x\n", "FROM a\nRUN <<EOF\n", "# escape=x\nFROM a\n"])
def test_no_dockerfile(text: str, folder: Path) -> None:
    with pytest.raises(SourceError):
        import_text(text, folder, "Dockerfile")


# Against the moby parser: what the compiled Dockerfile means is what the imported one meant.

WORDS = st.lists(
    st.sampled_from(["a", "B", "1", "$HOME", "${HOME}", "\\$", "'x y'", '"x $HOME"', "'$'", '"\\""', "\\\\", "=", ":", "/", "é", "#", "$$"]),
    min_size=1, max_size=5,
).map("".join)  # fmt: skip
ARGV = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5), min_size=1, max_size=3
)


def meaning(text: str) -> dict[str, Any]:
    """What variables, labels and commands an image has, with HOME as it is in any."""
    found: dict[str, Any] = {"ENV": {}, "LABEL": {}}
    for command in dockerfile.parse_string(text):
        keyword = command.cmd.upper()
        if keyword in found and keyword in ("ENV", "LABEL"):
            words = command.value
            for name, word in zip(words[::2], words[1::2], strict=True):
                found[keyword][process_word(name)] = process_word(word, {"HOME": "/h"})
        elif keyword in ("CMD", "ENTRYPOINT"):
            found[keyword] = list(command.value) if command.json else ["/bin/sh", "-c", *command.value]
        elif keyword in ("WORKDIR", "STOPSIGNAL"):
            found[keyword] = process_word(command.value[0])
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    env=st.dictionaries(st.sampled_from(["A", "B", "path"]), WORDS, min_size=1),
    labels=st.dictionaries(st.sampled_from(["a.b", "c"]), WORDS.filter(lambda word: "$H" not in word and "{" not in word)),
    entrypoint=ARGV, cmd=ARGV,
)  # fmt: skip
def test_it_means_the_same(
    env: dict[str, str], labels: dict[str, str], entrypoint: list[str], cmd: list[str], tmp_path: Path
) -> None:
    lines = [DEBIAN.strip(), *(f"ENV {name}={word}" for name, word in env.items())]
    lines += [f"LABEL {name}={word}" for name, word in labels.items()]
    lines += ["WORKDIR /x/y", f"ENTRYPOINT {json.dumps(entrypoint)}", f"CMD {json.dumps(cmd)}", ""]
    text = "\n".join(lines)
    try:
        before = meaning(text)
    except (AssertionError, dockerfile.GoParseError):
        assume(False)
    imported: Imported = import_text(text, tmp_path, "Dockerfile")
    assume("dockerfile" not in imported.data["images"]["app"])
    analysis = analyse("pipeline.yaml", imported.text, tmp_path)
    after = meaning(compile_pipeline(analysis.resolved, tmp_path / "compiled").dockerfiles["app"])
    assert after == before
    assert imported.data["pipeline"]["run"] == before["ENTRYPOINT"] + before["CMD"]

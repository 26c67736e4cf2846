"""What Docker itself takes from a context, and what imgc.context says it takes.

A build copies the whole context into an empty image, which comes back as an archive. Docker 20.10 reads some
patterns differently (see OLDER); what imgc writes means the same to both.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from imgc.context.digest import files
from imgc.context.ignore import BadPattern, Matcher, default_patterns, parse
from imgc.context.narrow import narrow
from imgc.context.project import Project

FILES = """
a b ab a.md README.md .env .hidden pipeline.yaml requirements.txt c++/src/a c++/lib/a [x]/(y)/a [x]/z #a !b
src/a src/b src/a.pyc src/README.md src/.env src/.git/config src/app/a src/app/b.md src/app/.venv/bin/a
src/d/e/a docs/a.md docs/README.md docs/b/c/README.md lib/a lib/ab/a lib/.env .git/config .git/hooks/a
.venv/bin/a deploy/requirements.txt deploy/a .imgc/sources/x/a .imgc/sources/x/.git/a .imgc/j a{2}/b a|b/c
x^y/b é/b
"""
FOLDERS = "empty src/empty docs/b/empty"

ORDINARY = """
*, **, a, *.md, **/*.md, docs, docs/, /docs, docs/*, docs/**, */README.md, src/*/a, **/a, a*, ?, [ab]
[!a], [^a], .*, \\#a, \\!b, #a|b, docs |  lib\r, \ufeffdocs, ., /, .., src/../docs, ./docs//b, é, empty
src/empty, *|!src, *|!src/app, *|!docs/b/c, *.md|!README.md, docs|!docs/README.md, docs/*|!docs/b, *|!*.md
!a|*, *|!a|!b|src, src|!src/app|src/app/*.md, *|\\!b|!\\[x\\], *|!src/empty, **/.env|!.env
"""
"""Cases apart by commas, lines by bars. All releases of Docker read these alike."""

OLDER = """
*|!**/README.md, *|!*/README.md, **|!**/a, **a, **/*{2}, a{2}, x^y, c++
src|src/a|!src, src/a|!src, **/app|!src, lib/ab|!lib, **/.git|!.git, docs|!docs|!docs/b|docs/b
"""
"""Docker 20.10 reads these differently: it enters an ignored folder only where a `!` begins with the folder's
name letter by letter; a suffix is a name; `+` and `{` have a meaning; what a folder matched is forgotten."""

NARROWED = """
src; src lib,,*.md|**/*.md; src/app; src/app lib/ab,requirements.txt,**/b.md; ,requirements.txt,;
.,,docs|*.md|!README.md; .,,!.git; src,,!.git; src,,!src/.git; src,,!src/.env; src,,*|!src|!docs
src,,src/app|!src/app/b.md; src/app,,src; . .env; .imgc/sources/x; .imgc/sources/x src,,**/*.md; c++/src
c++/src [x]/(y) #a !b; src,deploy/requirements.txt,deploy|*.txt; .,deploy/requirements.txt,deploy
docs,,**/*.md|!docs/README.md; é a{2} a|b x^y; docs src/empty,,docs/b; pipeline.yaml
src,src/README.md,**/*.md
"""
"""What is copied, what is used by name, the user's patterns."""


def cases(text: str, between: str = ",") -> list[str]:
    return [case.strip(" ") for line in text.strip("\n").split("\n") for case in line.split(between)]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    for path in FILES.split():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    for path in FOLDERS.split():
        (root / path).mkdir()
    (root / "link").symlink_to("src/app")
    (root / "src/link").symlink_to("/nowhere")
    (root / "way").symlink_to("./lib/../docs")
    (root / "docs/link").symlink_to("../link/a")
    return root


def taken(real, folder: Path, context: str, text: str, copy: str = "COPY . /") -> dict[str, str] | None:
    """Path -> kind, of what a build gets; None where Docker refuses the patterns."""
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(f"FROM scratch\n{copy}\n")
    Path(f"{dockerfile}.dockerignore").write_text(text)
    command = ["docker", "build", "--output", "type=tar,dest=-", "--file", str(dockerfile), context]
    env = {**real.env, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(command, env=env, capture_output=True)
    if done.returncode != 0:
        message = done.stderr.decode()
        assert "syntax error in pattern" in message or "illegal exclusion pattern" in message, message
        return None
    kinds = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "link"}
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        members = {member.name.strip("/"): kinds[member.type] for member in archive}
    return {path: kind for path, kind in members.items() if path not in ("", ".")}


def said(context: Path, text: str, *paths: str) -> dict[str, str] | None:
    """The same by imgc, of the whole context or of these paths."""
    try:
        matcher = Matcher(parse(text))
    except BadPattern:
        return None
    found = {entry.path: str(entry.kind) for entry in files(context, paths or ["."], matcher)}
    for path in list(found):  # Docker lists the folders above, too
        for above in Path(path).parents:
            found.setdefault(str(above), "directory")
    return {path: kind for path, kind in found.items() if path != "."}


def without_folders(found: dict[str, str] | None) -> dict[str, str] | None:
    return found and {path: kind for path, kind in found.items() if kind != "directory"}


def is_old(real) -> bool:
    return int(real.client.version()["Version"].split(".")[0]) < 23


Judged = list[tuple[str, dict[str, str] | None]]


def judged(real, folder: Path, context: Path, texts: list[str]) -> Judged:
    """Each text with what the engine takes; some at once.

    20.10 keeps one copy of a context, by the path as it is written, and after a build that was sent less of it
    may take an old result for the next (a folder that was gone and is back counts as what it was). So each
    build writes the path in its own way.
    """

    def one(numbered: tuple[int, str]) -> dict[str, str] | None:
        number, text = numbered
        place = folder / str(number)
        place.mkdir()
        return taken(real, place, f"{context}{'/.' * number}", text)

    with ThreadPoolExecutor(4) as pool:
        return list(zip(texts, pool.map(one, enumerate(texts)), strict=True))


def test_ordinary_patterns(any_engine, context: Path, tmp_path: Path) -> None:
    """20.10 sends folders that are left out where a `!` might lie below: there, only files are compared."""
    view = without_folders if is_old(any_engine) else dict
    texts = ["", *(case.replace("|", "\n") for case in cases(ORDINARY))]
    for text, found in judged(any_engine, tmp_path, context, texts):
        assert view(found) == view(said(context, text)), text


def test_patterns_that_older_releases_read_differently(newer_engine, context: Path, tmp_path: Path) -> None:
    texts = ["a|b", *(case.replace("|", "\n") for case in cases(OLDER))]
    for text, found in judged(newer_engine, tmp_path, context, texts):
        assert found == said(context, text), text


def test_refused_patterns(newer_engine, context: Path, tmp_path: Path) -> None:
    for text, found in judged(newer_engine, tmp_path, context, ["[", "a\n[z-a]", "!", "a\\", "[]a]", "!/"]):
        assert found is None, text
        assert said(context, text) is None, text


def test_random_patterns(newer_engine, context: Path, tmp_path: Path) -> None:
    """More of them: IMGC_TEST_PATTERNS=1000."""
    chance = random.Random(20)
    pieces = cases("a, b, src, docs, app, *, **, ?, /, /, /, .git, README.md, [ab], [^a], .env")
    texts = []
    for _ in range(int(os.environ.get("IMGC_TEST_PATTERNS", "16"))):
        bodies = (
            "".join(chance.choices(pieces, k=chance.randint(1, 4))) for _ in range(chance.randint(1, 5))
        )
        texts.append("\n".join(chance.choice(["", "", "!"]) + body for body in bodies))
    for text, found in judged(newer_engine, tmp_path, context, texts):
        assert found == said(context, text), text


Case = tuple[list[str], list[str], list[str]]
"""What is copied, what is used by name, the user's patterns."""


def test_what_imgc_writes_means_the_same_to_all(any_engine, context: Path, tmp_path: Path) -> None:
    written: list[Case] = []
    for case in cases(NARROWED, ";"):
        paths, named, user = [*case.split(","), "", ""][:3]
        written.append((paths.split(), named.split(), user.split("|")))
    for case, found, wanted in narrowed(any_engine, context, tmp_path, written):
        # Nothing but what is copied, though the whole context was asked for here.
        assert found == wanted, case


def test_what_imgc_writes_of_random_patterns_means_the_same_to_docker(
    newer_engine, context: Path, tmp_path: Path
) -> None:
    """20.10 reads a user's own odd patterns in its own way (see OLDER). More of them: IMGC_TEST_PATTERNS=1000; others: IMGC_TEST_SEED=7."""
    chance = random.Random(int(os.environ.get("IMGC_TEST_SEED", "4")))
    there = [path for path in (*FILES.split(), *FOLDERS.split()) if not path.startswith(".imgc")]
    folders = sorted({str(above) for path in there for above in Path(path).parents} - {"."})
    pieces = cases(
        "a, b, src, docs, app, lib, *, **, ?, /, /, /, .git, .env, .venv, README.md, *.md, c++, {2}, ^"
    )
    found: list[Case] = []
    for _ in range(int(os.environ.get("IMGC_TEST_PATTERNS", "12"))):
        copied = chance.choice([["."], chance.sample(folders, 1), chance.sample(there + folders, 2)])
        named = chance.sample(there, chance.randint(0, 1))
        bodies = (
            "".join(chance.choices(pieces, k=chance.randint(1, 4))) for _ in range(chance.randint(0, 4))
        )
        patterns = [chance.choice(["", "", "!"]) + body for body in bodies]
        with suppress(BadPattern):
            Matcher(parse("\n".join(patterns)))
            found.append((copied, named, patterns))
    for case, got, wanted in narrowed(newer_engine, context, tmp_path, found):
        # A user's `!` may bring back what is not copied: it is sent, and in no image.
        copied = [path for path in (*case[0], *case[1]) if path != "."]
        below = {
            path: kind
            for path, kind in got.items()
            if "." in case[0] or any(path == one or path.startswith(f"{one}/") for one in copied)
        }
        assert below == wanted, case


def narrowed(real, context: Path, folder: Path, cases: list[Case]):
    """Each case with the files that Docker takes, of which imgc says that they are those, and with those of them
    that imgc says are copied or used."""
    view = without_folders if is_old(real) else dict
    defaults = default_patterns(["pipeline.yaml", "imgc.lock", "compiled"])
    texts = [
        narrow(paths, named=named, user=parse("\n".join(user)), defaults=defaults)
        for paths, named, user in cases
    ]
    for case, (text, found) in zip(cases, judged(real, folder, context, texts), strict=True):
        assert view(found) == view(said(context, text)), (case, text)
        wanted = said(context, text, *case[0], *case[1])
        yield case, without_folders(found) or {}, without_folders(wanted) or {}


@pytest.mark.parametrize("path", ["link", "link/a", "way", "way/link"])
def test_symlinks_that_are_copied_by_name(any_engine, context: Path, tmp_path: Path, path: str) -> None:
    """Docker follows those that lead to a COPY source, when the context has all of them."""
    steps = Project(context, "pipeline.yaml", root=context).follow(path)
    assert isinstance(steps, tuple)
    assert len(steps) > 1
    text = narrow(steps)
    found = taken(any_engine, tmp_path, str(context), text, f"COPY {path} /out/")
    listed = said(context, text, path)
    assert found is not None
    assert listed is not None
    target = context / path
    if target.is_dir():
        held = {f"out/{file.relative_to(target)}" for file in target.rglob("*")}
        left_out = {name for name in held if "/.venv" in name}
        assert set(found) == {"out", *(held - left_out)}
    else:
        assert found == {"out": "directory", f"out/{target.name}": "file"}
    assert {path.partition("/")[0], *steps} <= set(listed)


def test_a_context_written_in_two_ways_is_two(engine, context: Path, tmp_path: Path) -> None:
    """What engines do for 20.10: by one path, the third build would find `docs/a.md` in its cache."""
    copy = tmp_path / "context"
    shutil.copytree(context, copy, symlinks=True)
    (copy / "docs/marker").write_text(str(tmp_path))
    taken(engine, tmp_path, str(copy), "")
    taken(engine, tmp_path, f"{copy}/.", "*\n!src")
    (copy / "docs/a.md").unlink()
    assert without_folders(taken(engine, tmp_path, str(copy), "")) == without_folders(said(copy, ""))

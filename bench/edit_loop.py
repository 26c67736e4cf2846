"""Edit one line of source -> the step prints it: imgc beside the images of three systems, and a bare `docker run -v`.

    python bench/edit_loop.py [--rounds 3] [--engine 28]

The time is from writing the file to the first line of output that has the new content. All take turns on one engine;
medians are printed, with how many times the bare run's they are. Project, engine and rivals are those of
images/README.md. A rival is `docker build` of its Dockerfile and `docker run`: what its own program takes is not in it.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "images"))

from place import IMGC, Place, place
from project import RUN, write_code, write_pipeline
from systems import RIVALS, System

AGAIN = "/.imgc/run"
"""The node's command in a shell of `imgc debug`, as it says itself."""


class Loop(ABC):
    """One way from the edit to the output. `once` may be called again and again."""

    name: str

    @abstractmethod
    def once(self, word: str) -> float:
        """Seconds from writing the word to reading it."""

    def close(self) -> None:  # noqa: B027
        """Ends what was started, if anything was."""


class Bare(Loop):
    """The image with the packages, and the code mounted."""

    name = "bare `docker run -v`"

    def __init__(self, where: Place, root: Path, image: str) -> None:
        self.where, self.code, self.image = where, root / "bare", image

    def once(self, word: str) -> float:
        begin = time.monotonic()
        write_code(self.code, word)
        mount = ["-v", f"{self.code}:/app", "-w", "/app"]
        return first_line(
            ["docker", "run", "--rm", *mount, self.image, "python", "-u", "main.py"],
            self.where,
            word,
            begin,
            self.code,
        )


class ImgcRun(Loop):
    """`imgc run`, the whole command."""

    def __init__(
        self, name: str, where: Place, folder: Path, *, code: str, node: Sequence[str] = (RUN,)
    ) -> None:
        self.name, self.where, self.folder = name, where, folder
        write_code(folder / "app", "first")
        write_pipeline(folder, folder.name, code=code, node=node)

    def once(self, word: str) -> float:
        begin = time.monotonic()
        write_code(self.folder / "app", word)
        return first_line([IMGC, "run"], self.where, word, begin, self.folder)


class Watch(Loop):
    """`imgc run --watch`, which was started before."""

    def __init__(
        self, name: str, where: Place, folder: Path, *, code: str, node: Sequence[str] = (RUN,)
    ) -> None:
        self.name, self.folder = name, folder
        write_code(folder / "app", "first")
        write_pipeline(folder, folder.name, code=code, node=node)
        self.process = subprocess.Popen(
            [str(IMGC), "run", "--watch"],
            cwd=folder,
            env=dict(where.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._read_to("watching:")

    def once(self, word: str) -> float:
        begin = time.monotonic()
        write_code(self.folder / "app", word)
        self._read_to(word)
        took = time.monotonic() - begin
        self._read_to("watching:")
        return took

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def _read_to(self, word: str) -> None:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if word in line:
                return
        raise RuntimeError(f"imgc ended before it printed {word!r}:\n{''.join(lines)}")


class LiveShell(Loop):
    """The node's command once more, in a shell of `imgc debug --live` that stays open."""

    name = "imgc debug --live, the shell open"

    def __init__(self, where: Place, folder: Path) -> None:
        self.folder = folder
        write_code(folder / "app", "first")
        write_pipeline(folder, folder.name)
        self.process = subprocess.Popen(
            [str(IMGC), "debug", "--live", "/"],
            cwd=folder,
            env=dict(where.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def once(self, word: str) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        begin = time.monotonic()
        write_code(self.folder / "app", word)
        self.process.stdin.write(f"{AGAIN}\n")
        for line in self.process.stdout:
            if word in line:
                return time.monotonic() - begin
        raise RuntimeError(f"the shell ended before it printed {word!r}")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Rival(Loop):
    """A new image, and a container of it."""

    def __init__(self, system: System) -> None:
        self.name, self.system = f"{system.name}: image and `docker run`", system

    def once(self, word: str) -> float:
        begin = time.monotonic()
        self.system.write(word)
        self.system.build()
        return first_line(self.system.argv(), self.system.place, word, begin, self.system.folder)


def first_line(argv: Sequence[str | Path], where: Place, word: str, begin: float, folder: Path) -> float:
    """Seconds since `begin` until a line with the word came; then the command may end. RuntimeError."""
    process = subprocess.Popen(
        [str(part) for part in argv],
        cwd=folder,
        env=dict(where.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    took, lines = 0.0, []
    for line in process.stdout:
        lines.append(line)
        if word in line and not took:
            took = time.monotonic() - begin
    if process.wait() or not took:
        raise RuntimeError(f"{argv} printed no {word!r}:\n{''.join(lines)}")
    return took


def loops(where: Place, root: Path) -> Iterator[Loop]:
    """The bare one first."""
    built = {"code": "builder: {language: python, path: app}", "node": ()}
    mounted = {"code": "", "node": (RUN, "workdir: /app", "mounts: [{src: app, dst: /app, read_only: true}]")}
    copied = {"code": "copy_dir: app"}
    with_packages = ImgcRun("imgc run, live mount (`mounts`)", where, root / "bench-mounted", **mounted)
    with_packages.once("the image is there")
    yield Bare(where, root, where.engine.docker("image", "ls", "--quiet", "bench-mounted/app").split()[0])
    yield Watch("imgc run --watch, build pipeline (`builder`)", where, root / "watch-built", **built)
    yield ImgcRun("imgc run, build pipeline (`builder`)", where, root / "bench-built", **built)
    yield LiveShell(where, root / "bench-live")
    yield Watch("imgc run --watch, live mount (`mounts`)", where, root / "watch-mounted", **mounted)
    yield with_packages
    yield Watch("imgc run --watch, new image (`copy_dir`)", where, root / "watch-copied", **copied)
    yield ImgcRun("imgc run, new image (`copy_dir`)", where, root / "bench-copied", **copied)
    for kind in RIVALS:
        yield Rival(kind(where, root))


def table(times: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Markdown; the first is what the others are compared with."""
    medians = {name: statistics.median(found) for name, found in times.items()}
    bare = next(iter(medians.values()))
    yield "| edit to output | ms | times bare |"
    yield "| --- | --- | --- |"
    for name, seconds in medians.items():
        yield f"| {name} | {seconds * 1000:,.0f} | {seconds / bare:.2f} |"


def report(release: str, rounds: int) -> str:
    """All of it, as Markdown."""
    with tempfile.TemporaryDirectory() as root, place(release) as where:
        rivals: list[Loop] = []
        try:
            for loop in loops(where, Path(root)):
                rivals.append(loop)
                loop.once("warm up")
            times: dict[str, list[float]] = {loop.name: [] for loop in rivals}
            for number in range(rounds):
                for loop in rivals:
                    times[loop.name].append(loop.once(f"round {number} at {time.time_ns()}"))
            return "\n".join([*where.about(rounds), *table(times)])
        finally:
            for loop in rivals:
                loop.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--engine", choices=("installed", "28"), default="installed")
    options = parser.parse_args()
    print(report(options.engine, options.rounds))


if __name__ == "__main__":
    main()

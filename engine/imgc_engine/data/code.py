"""Build pipelines: the code that an image's containers get at /pfs/source and what was built of it at /pfs/build.

A build step runs once for its content: for what it reads of the source, its builder's image and its arguments.
The result is kept in `.imgc/data/build`, complete or not at all.
"""

from __future__ import annotations

import json
import os
import secrets as random
import shutil
from collections.abc import Mapping
from pathlib import Path

from imgc.context.ignore import default_patterns
from imgc.context.ohmyglob import ignored_by
from imgc.records import dataclass
from imgc_engine import images
from imgc_engine.data import disk, trees
from imgc_engine.data.requirements import FILE as REQUIREMENTS
from imgc_engine.data.requirements import read_by_pip
from imgc_engine.data.snapshots import Snapshots
from imgc_engine.data.steps import BuildStep, Shop, StepFailed, run_step
from imgc_engine.data.trees import Tree
from imgc_engine.events import ImageEnded, ImageStarted
from imgc_engine.failures import Code, EngineError, Failure
from imgc_engine.plan import Builder, Image

VERSION = 1  # of keys: what was built by another is built again
SCRIPTS = Path(__file__).parent / "builders"
KEPT = 16  # results of build steps that stay although nobody uses them
FILE = "code.json"


@dataclass(frozen=True, slots=True)
class Built:
    """The code of an image. `source` and `build` are folders of the host's, `key` changes with either.

    `held` are descriptors that keep them from being removed.
    """

    source: Path
    build: Path
    key: str
    env: Mapping[str, str]
    held: tuple[int, ...] = ()


def make(name: str, shop: Shop, *, needs_run: bool) -> Built | Failure:
    """The code of an image, which is on the engine. `needs_run`: a node runs what was built."""
    image = shop.plan.images[name]
    builder = image.builder
    assert builder is not None
    try:
        tree = read_code(builder, shop.plan.file, shop.project, shop.data)
        source, held = Snapshots(shop.data).take(tree)
        build, key = _build(name, image, tree, source, shop)
    except StepFailed as error:
        return error.failure
    except EngineError as error:
        return Failure(name, str(error), builder.place, Code.ENVIRONMENT)
    except (OSError, ValueError) as error:  # of the source folder, or of its .pachignore
        return Failure(name, f"{error}".rstrip(".") + ".", builder.place, Code.USER_FILE)
    if needs_run and not (build / "run.sh").is_file():
        message = "The builder put no run.sh into /pfs/out, which a node without `run` runs."
        return Failure(name, message, builder.place, Code.STEP_FAILED)
    holds = disk.hold(_lock(build))
    return Built(source, build, trees.key_of({"source": tree.digest, "build": key}),
                 _variables(image, build), (held, holds))  # fmt: skip


def find(name: str, record: Mapping[str, str], shop: Shop) -> Built | None:
    """The code that an earlier session of a run had, if it is still there."""
    found = Snapshots(shop.data).find(record["source"])
    build = shop.data / "build" / record["build"]
    if found is None or not build.is_dir():
        return None
    held = disk.hold(_lock(build))
    key = trees.key_of({"source": record["source"], "build": record["build"]})
    return Built(found[0], build, key, _variables(shop.plan.images[name], build), (found[1], held))


def record(built: Mapping[str, Built]) -> str:
    """What `find` wants, by image."""
    return json.dumps({name: {"source": one.source.name, "build": one.build.name}
                       for name, one in built.items()})  # fmt: skip


def is_building(data: Path, label: str) -> bool:
    """Whether some process is at the build step of that label."""
    kind, _, key = label.partition("-")
    locks = (data / "build").glob(f"{key[:16]}*.making") if kind == "code" else ()
    return any(disk.in_use(lock) for lock in locks)


def read_code(builder: Builder, file: str, project: Path, cache: Path) -> Tree:
    """The source folder without what is never code, and without what its `.pachignore` names. OSError.

    `file` is the pipeline file, which is no code either.
    """
    root = project / builder.path
    try:
        ignored = ignored_by((root / ".pachignore").read_text(encoding="utf-8"))
    except FileNotFoundError:
        ignored = ignored_by("")
    rooted = [file, "imgc.lock", "imgc.lock.d", "compiled"] if root.samefile(project) else []
    return trees.read(root, lambda path: not ignored(path), ignore=default_patterns(rooted), cache=cache)


def _build(name: str, image: Image, tree: Tree, source: Path, shop: Shop) -> tuple[Path, str]:
    """The folder with the result of the build step, and its key. StepFailed, EngineError, OSError."""
    builder = image.builder
    assert builder is not None
    scripts = SCRIPTS / builder.language if builder.language else None
    reference = builder.image or image.reference
    plain = builder.language == "python" and tree.get(REQUIREMENTS) is None
    key = trees.key_of({
        "version": VERSION,
        "scripts": trees.read(scripts, cache=None).digest if scripts else None,
        "builder": "" if plain else _image_id(reference, shop),
        "source": None if plain else _part(builder, tree),
        "arguments": None if plain or builder.pip is None else builder.pip.arguments,
    })  # fmt: skip
    if key in shop.failed:
        raise StepFailed(shop.failed[key])
    place = shop.data / "build" / key
    with disk.locked(_lock(place).with_suffix(".making"), give_up=lambda: shop.interrupt.level > 0) as mine:
        if place.is_dir() and not (shop.rebuild and mine and not disk.in_use(_lock(place))):
            os.utime(place)
            return place, key
        part = place.with_suffix(".part")
        for left in (part, place):
            if left.exists():
                disk.remove(left)
        part.mkdir(parents=True)
        part.chmod(0o777)  # the builder's user may be any
        try:
            if plain:
                shutil.copy2(SCRIPTS / "python" / "run.sh", part)
            else:
                step = BuildStep(name, reference, builder, source, part, scripts, shop.data / "cache",
                                 shop.logs / f"{name}.code.log", image.build.network,
                                 f"code-{key[:16]}-{random.token_hex(3)}")  # fmt: skip
                shop.tell(ImageStarted(name, image.reference, "code"))
                try:
                    seconds = run_step(step, shop)
                except StepFailed as error:
                    shop.failed[key] = error.failure
                    raise
                shop.tell(ImageEnded(name, image.reference, "built", seconds))
            part.chmod(0o755)
            disk.put(part, place)
        finally:
            if part.exists():
                disk.remove(part)
    _drop_old(shop.data / "build")
    return place, key


def _part(builder: Builder, tree: Tree) -> str:
    """A digest of what the build step may read."""
    if builder.language != "python":
        return tree.digest

    def text_of(path: str) -> str | None:
        file = tree.get(path)
        if file is None or file.kind == "directory":
            return None
        return (tree.root / path).read_text(encoding="utf-8", errors="replace")

    names = read_by_pip(text_of)
    if names is None or any(name.startswith("../") for name in names):
        return tree.digest
    return trees.digest(file for file in tree.files if file.path in names)


def _image_id(reference: str, shop: Shop) -> str:
    """The builder's image, fetched if it is not there. EngineError."""
    found = images.local(shop.client, reference)
    if found is None:
        shop.tell(ImageStarted(reference, reference, "pull"))
        try:
            images.pull(shop.client, reference)
        except images.RegistryError as error:
            raise EngineError(f"The builder {reference} could not be had: {error}") from None
        shop.tell(ImageEnded(reference, reference, "pulled", 0.0))
        found = images.local(shop.client, reference)
    if found is None:
        raise EngineError(f"The builder {reference} is not there.")
    return found.id


def _variables(image: Image, build: Path) -> dict[str, str]:
    """Programs of the environment that the Python builder made come first on PATH, which is the image's."""
    builder = image.builder
    if builder is None or builder.language != "python" or not (build / "venv").is_dir():
        return {}
    path = (build / "path").read_text(encoding="utf-8")
    return {"PATH": f"/pfs/build/venv/bin:{path}", "VIRTUAL_ENV": "/pfs/build/venv"}


def _lock(build: Path) -> Path:
    return build.with_suffix(".lock")


def _drop_old(folder: Path) -> None:
    """Results that nobody used for long."""
    results = [path for path in folder.iterdir() if path.is_dir() and not path.suffix]
    results.sort(key=lambda path: path.stat().st_mtime)
    for path in results[:-KEPT]:
        if not disk.in_use(_lock(path)):
            disk.remove(path)
            _lock(path).unlink(missing_ok=True)

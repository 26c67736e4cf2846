"""`lazy` nodes: what one has printed is compiled, its images are built, and it becomes a group in its place."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgc.records import replace
from imgc_engine.data.code import Built
from imgc_engine.data.pfs import alone
from imgc_engine.failures import Failure, Refused
from imgc_engine.plan import Image, Node, Plan, load
from imgc_engine.run.expansion import FOLDER, Compile, Expansion, NotExpandable
from imgc_engine.run.logs import read
from imgc_engine.run.prepare import Scene, learn, make_code, make_images, refuse
from imgc_engine.run.secret_files import targets
from imgc_engine.run.selection import runnable
from imgc_engine.run.session import Session

LARGEST = 10 << 20  # bytes that a node may print: no pipeline file may be larger


class Lazy:
    """Expands nodes, called by the threads of their attempts. One at a time: they may want the same images."""

    def __init__(
        self,
        scene: Scene,
        session: Session,
        allow: Collection[str],
        compile: Compile,  # noqa: A002
        known: Mapping[str, Expansion],
    ) -> None:
        """`known` is what earlier sessions of the run have expanded."""
        self._scene, self._session, self._allow, self._compile = scene, session, allow, compile
        self._texts = {path: expansion.text for path, expansion in known.items()}
        self._plan = scene.plan
        self._lock = threading.Lock()

    def expand(self, node: Node, log: Path) -> Expansion:
        """The node, whose command has succeeded and written this log, as the group it has printed.

        NotExpandable, EngineError, OSError.
        """
        text = _printed(log)
        with self._lock:
            folder = self._new_folder()
            texts = {path: known for path, known in self._texts.items() if _holds(path, node.path)}
            document, problems = self._compile(
                {**texts, node.path: text}, self._session.store.folder / folder
            )
            if document is None:
                raise NotExpandable(f"What it printed is no node: {problems[0]}", tuple(problems[1:]))
            expansion = self._cut_out(document, node)
            plan = self._grown(expansion, node)
            nodes = alone(plan, expansion.nodes)
            expansion = replace(expansion, nodes=nodes, compiled=folder, text=text)
            self._make_ready(plan, expansion)
            self._texts[node.path] = text
            self._plan = plan
            return expansion

    def _new_folder(self) -> str:
        """Below the run's folder. One of an attempt that was cut off is not used again."""
        number = 1
        while (self._session.store.folder / FOLDER / f"compiled-{number}").exists():
            number += 1
        (self._session.store.folder / FOLDER / f"compiled-{number}").mkdir(parents=True)
        return f"{FOLDER}/compiled-{number}"

    def _cut_out(self, document: Mapping[str, Any], node: Node) -> Expansion:
        """The part of the grown plan that is new. An image of a known name that is another gets another name."""
        plan = load(document)
        names = {
            name: name if self._plan.images.get(name, image) == image else f"{name} of {node.path}"
            for name, image in plan.images.items()
        }
        inside = [one for one in plan.nodes if one.path == node.path or _holds(node.path, one.path)]
        nodes = tuple(replace(one, image=names[one.image]) if one.image else one for one in inside)
        images = {
            names[name]: _renamed(image, names)
            for name, image in plan.images.items()
            if names[name] not in self._plan.images
        }
        return Expansion(nodes, images)

    def _grown(self, expansion: Expansion, node: Node) -> Plan:
        """The plan as it is from now on."""
        nodes = [one for one in self._plan.nodes if one.path != node.path and not _holds(node.path, one.path)]
        images = {**self._plan.images, **expansion.images}
        return replace(self._plan, images=images, nodes=(*nodes, *expansion.nodes))

    def _make_ready(self, plan: Plan, expansion: Expansion) -> None:
        """Its images, and the code that its containers get."""
        session, folder = self._session, self._session.store.folder / expansion.compiled
        scene = replace(self._scene, plan=plan, compiled=folder)
        leaves = runnable(expansion.nodes)
        try:
            refuse(scene, leaves, self._allow, lazy="")
            self._check_shared(leaves)
            made = make_images(scene, leaves, rebuild=False)
            _check(outcome.failure for outcome in made.values())
            built = make_code(scene, [leaf for leaf in leaves if leaf.image not in session.pfs.built])
        except Refused as error:
            lines = tuple(f"{refusal.place}: {refusal.message}" for refusal in error.refused)
            raise NotExpandable(f"What it printed cannot run here: {lines[0]}", lines) from None
        _check(one for one in built.values() if isinstance(one, Failure))
        session.code.grow(plan)
        _check(session.code.fetch({leaf.image for leaf in leaves if leaf.image} - session.images.keys()))
        session.finder.take_part(expansion.nodes)
        session.pfs.grow(plan, {name: one for name, one in built.items() if isinstance(one, Built)})
        learn(session, scene, leaves)

    def _check_shared(self, leaves: Sequence[Node]) -> None:
        """A container that is there already gets no more files."""
        for leaf in leaves:
            sharers = self._session.sharers.get(leaf.container.group or "", ())
            if leaf.container.group is None or not sharers:
                continue
            there = {target for sharer in sharers for target in targets(sharer).items()}
            if not targets(leaf).items() <= there:
                message = (
                    f"{leaf.path!r} would get secrets as files in a container that was started without them: "
                    "let the nodes around the lazy one have them too, or take them as variables."
                )
                raise NotExpandable(message)


def _check(failures: Iterable[Failure | None]) -> None:
    for failure in failures:
        if failure is not None:
            message = f"The image {failure.subject!r} that it wants was not made: {failure.message}"
            raise NotExpandable(message, failure.last_lines)


def _printed(log: Path) -> str:
    """What the command wrote to standard output."""
    data = bytearray()
    for _, stream, text in read(log):
        if stream == "stdout":
            data += text
        if len(data) > LARGEST:
            raise NotExpandable(f"It printed more than {LARGEST >> 20} MiB.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotExpandable(f"What it printed is not UTF-8, in line {line}.") from None


def _renamed(image: Image, names: Mapping[str, str]) -> Image:
    same = image.same_as and names[image.same_as]
    return replace(image, after=tuple(names[parent] for parent in image.after), same_as=same)


def _holds(group: str, path: str) -> bool:
    return not group or path.startswith(f"{group}/")

"""What the containers of a run see below /pfs, and what becomes of what they write there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker

from imgc.records import dataclass, field, replace
from imgc_engine.data import disk
from imgc_engine.data.code import Built
from imgc_engine.data.datums import Piece, is_in, selected, sources
from imgc_engine.data.kept import Done, Kept
from imgc_engine.data.owners import take_over
from imgc_engine.data.pieces import owner_of, pieces_of, stamps_of
from imgc_engine.data.trees import Tree, clash_of
from imgc_engine.failures import EngineError
from imgc_engine.plan import Container, Node, Plan
from imgc_engine.run.causes import exit_code
from imgc_engine.run.containers import bind
from imgc_engine.run.states import End

OUTPUTS = "outputs.jsonl"


@dataclass(frozen=True, slots=True)
class Extra:
    """What a container gets beside what its node's settings say."""

    mounts: tuple[Mapping[str, Any], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


class Writing:
    """Which leaves of a plan have a /pfs/out: those with data, with `outputs`, of build pipelines, and those
    that others read."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._read = {
            of for node in plan.nodes if node.input for kind, of in sources(node.input) if kind == "node"
        }

    def writes(self, node: Node) -> bool:
        if node.is_group or node.kind == "lazy" or node.container.mode == "group":
            return False
        built = node.image is not None and self._plan.images[node.image].builder is not None
        is_read = any(is_in(node.path, read) for read in self._read)
        return bool(node.input is not None or node.outputs or built or is_read)


def alone(plan: Plan, nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes, those that write in a container of their own: it tells what they write apart."""
    writing = Writing(plan)
    return tuple(
        replace(node, container=Container("own", None)) if writing.writes(node) else node for node in nodes
    )


class Pfs:
    """One run's; `folder` is the run's. Its methods may be called from any thread."""

    def __init__(
        self,
        plan: Plan,
        project: Path,
        kept: Kept,
        folder: Path,
        *,
        client: docker.APIClient,
        built: Mapping[str, Built],
    ) -> None:
        self.plan, self.project, self.kept, self.built = plan, project, kept, built
        self.run = folder.name
        self._outputs_file = folder / OUTPUTS
        self._client = client
        self._writing = Writing(plan)
        self._lock = threading.Lock()
        self._outputs: dict[str, dict[str, Tree]] = {}
        self._load()

    def grow(self, plan: Plan, built: Mapping[str, Built]) -> None:
        """The plan has more nodes and images from now on, and there is more code."""
        self.plan, self.built, self._writing = plan, {**self.built, **built}, Writing(plan)

    def extra(self, node: Node, attempt: int) -> Extra:
        """What the container of an attempt gets; its working folder is made. OSError."""
        mounts: list[dict[str, Any]] = []
        env: dict[str, str] = {}
        if node.image is not None and (built := self.built.get(node.image)) is not None:
            mounts += [
                bind(str(built.source), "/pfs/source", True),
                bind(str(built.build), "/pfs/build", True),
            ]
            env |= built.env
        for piece in pieces_of(node):
            place = Piece(piece["name"], ("", ""), piece["path"]).place
            mounts.append(bind(str(self._host_path(piece)), place, True))
            env[piece["name"]] = place
        if self._writing.writes(node):
            out = self._working_folder(node, attempt)
            out.mkdir(parents=True, exist_ok=True)
            out.chmod(0o777)  # the command's user may be any
            mounts.append(bind(str(out), "/pfs/out", False))
        taken = {mount.dst for mount in node.mounts}
        return Extra(tuple(mount for mount in mounts if mount["Target"] not in taken), env)

    def finish(self, node: Node, attempt: int, end: End) -> End:
        """Keep what a successful attempt wrote, or say why it is none after all."""
        if not self._writing.writes(node):
            return end
        out = self._working_folder(node, attempt)
        fine = end.exit_code == 0 or end.exit_code in node.accept_return_code
        try:
            if not out.is_dir():
                return end
            take_over(self._client, self._reference(node), out)
            if fine and not end.lost and not end.stopped:
                return self._keep(node, self.kept.adopt(out), end)
            disk.remove(out)
            if (pieces := pieces_of(node)) and not end.lost and not end.stopped:
                files = ", ".join(self._shown(piece) for piece in pieces)
                message = end.message or f"It ended with {exit_code(end)}."
                end = replace(end, message=f"{message} Its data: {files}.")
        except (OSError, EngineError) as error:
            message = f"What it wrote to /pfs/out cannot be kept: {error}".rstrip(".") + "."
            return End(lost=True, permanent=True, message=message, seconds=end.seconds)
        return end

    def take(self, node: Node, tree: Tree) -> str | None:
        """The tree is what the node wrote. A sentence when another datum wrote something else there."""
        with self._lock:
            others = self._outputs.setdefault(owner_of(node), {})
            for path, other in others.items():
                if path != node.path and (clash := clash_of(tree, other)) is not None:
                    return (
                        f"It wrote /pfs/out/{clash}, and {path!r} wrote something else there: "
                        "let names in /pfs/out depend on the datum."
                    )
            others[node.path] = tree
        return None

    def written_by(self, leaf: str) -> list[Tree]:
        """What a leaf of the plan wrote in this run: a tree for each of its datums."""
        with self._lock:
            return list(self._outputs.get(leaf, {}).values())

    def publish(self, leaves: Iterable[Node]) -> None:
        """Let `.imgc/out` lead to what these leaves of the plan wrote. OSError."""
        for leaf in leaves:
            if parts := self.written_by(leaf.path):
                self.kept.publish(leaf.path or leaf.name, self.handed_on(leaf, parts))

    def handed_on(self, leaf: Node, parts: Sequence[Tree]) -> Tree:
        """The part of what a leaf wrote that its `outputs` name, as one tree."""
        chosen = [Tree(part.root, tuple(selected(part.files, leaf.outputs)[0])) for part in parts]
        return self.kept.join(chosen)

    def close(self) -> None:
        with suppress(OSError):
            self.kept.forget_working_folders(self.run)

    def _keep(self, node: Node, tree: Tree, end: End) -> End:
        _, missing = selected(tree.files, node.outputs)
        if missing and not pieces_of(node):
            return replace(end, exit_code=None, message=f"It wrote no /pfs/out/{missing[0]}.")
        if (clash := self.take(node, tree)) is not None:
            return replace(end, exit_code=None, message=clash)
        row = {"path": node.path, "of": owner_of(node), "tree": tree.digest}
        with self._outputs_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if node.input is None or end.exit_code is None:
            return end
        for piece in pieces_of(node):
            if "repo" in piece and stamps_of(piece, self.repo(piece["repo"]), self.kept) != piece["stamps"]:
                return replace(end, message="Its data changed while it ran: it will run again next time.")
        self.kept.remember(str(node.input["key"]), Done(tree.digest, end.exit_code, self.run))
        return end

    def repo(self, name: str) -> Path:
        return self.project / self.plan.repos[name].path

    def _shown(self, piece: Mapping[str, str]) -> str:
        """Where a person finds what a datum is."""
        if "repo" in piece:
            return str(Path(self.plan.repos[piece["repo"]].path, piece["path"]))
        return f"{piece['path'] or 'all'} of {piece['node']}"

    def _host_path(self, piece: Mapping[str, str]) -> Path:
        root = self.repo(piece["repo"]) if "repo" in piece else self.kept.folder / "trees" / piece["tree"]
        return root.resolve() / piece["at"]

    def _working_folder(self, node: Node, attempt: int) -> Path:
        return self.kept.working_folder(self.run, node.path, attempt)

    def _reference(self, node: Node) -> str:
        assert node.image is not None
        return self.plan.images[node.image].reference

    def _load(self) -> None:
        """What an earlier session of the run has kept."""
        with suppress(FileNotFoundError):
            for line in self._outputs_file.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, KeyError):
                    row = json.loads(line)
                    if (tree := self.kept.tree(row["tree"])) is not None:
                        self._outputs.setdefault(row["of"], {})[row["path"]] = tree

"""A leaf with `input` as a group with a child for each datum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from imgc.records import dataclass, field, replace
from imgc_engine.data import trees
from imgc_engine.data.datums import (
    BadInput,
    Datum,
    Piece,
    Source,
    content,
    datums,
    followed,
    is_in,
    leads_out,
    names,
    sources,
)
from imgc_engine.data.pfs import Pfs
from imgc_engine.data.pieces import own_folder, owner_of, stamps_of
from imgc_engine.data.trees import Tree, clash_of
from imgc_engine.images import Local
from imgc_engine.plan import Container, Node, Retry
from imgc_engine.run.states import End

SHOWN = 3  # symlinks in a note


@dataclass(frozen=True, slots=True)
class Found:
    """What a leaf becomes: `nodes` are the group and its children, `settled` those of them that need not run.

    `problem` is why it becomes nothing, `note` is what people should know anyway: sentences.
    """

    nodes: tuple[Node, ...] = ()
    settled: Mapping[str, End] = field(default_factory=dict)
    problem: str = ""
    note: str = ""


class Finder:
    """`planned` are the plan's nodes that take part in the run; `images` are as the engine has them, by name. With
    `rerun`, datums run that are unchanged too."""

    def __init__(
        self, pfs: Pfs, planned: Iterable[Node], images: Mapping[str, Local], *, rerun: bool = False
    ) -> None:
        self._pfs, self._images, self._rerun = pfs, images, rerun
        self._paths: set[str] = set()
        self.take_part(planned)

    def take_part(self, nodes: Iterable[Node]) -> None:
        """These are nodes of the run too."""
        self._paths |= {node.path for node in nodes}

    def find(self, node: Node) -> Found:
        """The children of a leaf with `input`, in the order of their data. In any thread."""
        assert node.input is not None
        try:
            given = {source: self._tree(source) for source in set(sources(node.input))}
            found = datums(node.input, given)
            children = tuple(self._children(node, found, given))
        except (BadInput, OSError) as error:
            return Found(problem=f"{error}".rstrip(".") + ".")
        settled = {}
        for child in children:
            if (end := self.known_end(child)) is not None:
                settled[child.path] = end
        notes = [_note(node, found, given)]
        if settled:
            same = (
                "all of its data are"
                if len(settled) == len(children)
                else f"{len(settled)} of its {len(children)} data are"
            )
            notes.append(f"{node.path or node.name}: {same} unchanged, and not worked on again.")
        return Found((_group(node), *children), settled, note=" ".join(filter(None, notes)))

    def known_end(self, child: Node) -> End | None:
        """How a datum ended in the run in which it succeeded, if nothing has changed since."""
        if self._rerun:
            return None
        assert child.input is not None
        known = self._pfs.kept.done(str(child.input["key"]))
        if known is None:
            return None
        done, tree = known
        if done.exit_code not in (0, *child.accept_return_code) or self._pfs.take(child, tree) is not None:
            return None
        return End(done.exit_code, began=False, message=f"Unchanged since run {done.run}.")

    def _children(self, node: Node, found: Sequence[Datum], given: Mapping[Source, Tree]) -> Iterator[Node]:
        same = self._same(node)
        for datum, name in zip(found, names(node.name, found), strict=True):
            key = trees.key_of({**same, "datum": content(datum, given)})
            parts = [self._part(piece, given[piece.source]) for piece in datum]
            yield replace(
                node,
                path=f"{node.path}/{name}" if node.path else name,
                name=name,
                parent=node.path,
                after=(),
                needs=(),
                when="on_success",
                skip=False,
                suppress_errors=False,
                max_concurrent=None,
                container=Container("own", None),
                input={"of": node.path, "key": key, "datum": parts},
            )

    def _same(self, node: Node) -> dict[str, Any]:
        """What a node's datums have in common, and run again for when it changes."""
        assert node.image is not None
        built = self._pfs.built.get(node.image)
        return {
            "version": 1,
            "image": self._images[node.image].id,
            "code": built.key if built else None,
            "fetched": [
                [source.kind, source.url, source.commit, source.path, source.target]
                for source in self._pfs.plan.images[node.image].sources
                if source.source_files == "download"
            ],
            "command": node.command,
            "env": dict(node.env),
            "secrets": [[use.name, use.env, use.target] for use in node.secrets],
            "workdir": node.workdir,
            "user": node.user,
            "stdin": node.stdin,
            "mounts": [[mount.src, mount.dst, mount.read_only] for mount in node.mounts],
            "arguments": node.docker_run_args,
        }

    def _part(self, piece: Piece, tree: Tree) -> dict[str, str]:
        kind, of = piece.source
        try:
            piece.path.encode()
        except UnicodeEncodeError:
            shown = piece.path.encode("utf-8", "replace").decode()
            raise BadInput(f"The name {shown!r} is no UTF-8, and Docker cannot mount it.") from None
        made = {"name": piece.name, kind: of, "path": piece.path, "at": followed(piece.path, tree)}
        if kind == "node":
            return {**made, "tree": tree.digest}
        return {**made, "stamps": stamps_of(made, self._pfs.repo(of), self._pfs.kept)}

    def _tree(self, source: Source) -> Tree:
        """What an input reads. BadInput, OSError."""
        kind, of = source
        if kind == "node":
            return self._tree_of_node(of)
        root = self._pfs.repo(of)
        if not root.is_dir():
            raise BadInput(f"There is no folder {root} for the repo {of!r}.")
        return trees.read(root, ignore=own_folder(root, self._pfs.kept), cache=self._pfs.kept.folder)

    def _tree_of_node(self, path: str) -> Tree:
        """What a node wrote to /pfs/out, and of a group all that is below it.

        A node that takes no part in this run gives what it wrote when it last succeeded.
        """
        pfs = self._pfs
        leaves: dict[str, Node] = {}  # by path; the nodes of data stand for the leaf that they were made of
        for node in pfs.plan.nodes:
            if not node.is_group and is_in(node.path, path):
                leaves.setdefault(owner_of(node), node)
        found: list[tuple[str, Tree]] = []
        for owner, leaf in leaves.items():
            tree: Tree | None = None
            if owner in self._paths:
                if parts := pfs.written_by(owner):
                    tree = pfs.handed_on(leaf, parts)
            else:
                tree = pfs.kept.published(owner or pfs.plan.nodes[0].name)
                if tree is None and len(leaves) == 1:
                    raise BadInput(f"{path!r} has written nothing yet that could be read: run it first.")
            if tree is None:
                continue
            for other, theirs in found:
                if (clash := clash_of(tree, theirs)) is not None:
                    raise BadInput(f"Both {other!r} and {owner!r} wrote /pfs/out/{clash}.")
            found.append((owner, tree))
        return pfs.kept.join(tree for _, tree in found)


def _group(node: Node) -> Node:
    """The leaf as a group: what is said of a try is said of each datum."""
    return replace(
        node,
        kind="parallel",
        command=None,
        call=None,
        retry=Retry(1, 0, ("error",), 1),
        max_time=None,
        container=Container("own", None),
        input=None,
    )


def _note(node: Node, found: Sequence[Datum], given: Mapping[Source, Tree]) -> str:
    if not found:
        empty = [f"{kind} {of!r}" for (kind, of), tree in given.items() if not tree.files]
        why = f", since the {' and the '.join(empty)} holds nothing" if empty else ""
        return f"{node.path or node.name}: there are no data to work on{why}."
    links = dict.fromkeys(link for datum in found for link in leads_out(datum, given))
    if not links:
        return ""
    shown = ", ".join(list(links)[:SHOWN]) + (", …" if len(links) > SHOWN else "")
    return (
        f"{node.path or node.name}: symlinks lead out of their datum, and nowhere in the container: {shown}."
    )

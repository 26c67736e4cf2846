"""What must hold of nodes beyond the schema: keys in their place, names known, containers that can be shared."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Names
from functools import lru_cache

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Fix, Related, Severity, Span
from imgc.document.nodes import Mapping, Node, Scalar, Sequence, plain
from imgc.layers.env import warn_of_secret
from imgc.model.pipeline import entries, flag, items, text
from imgc.model.tree import KINDS
from imgc.resolve.image import ResolvedImage
from imgc.resolve.settings import CONTAINER, GROUP_ONLY, LEAF_ONLY
from imgc.resolve.tree import ResolvedNode, inputs

RESERVED_INPUTS = ("out", "source", "build")
SYSTEM_VARIABLES = ("PATH", "HOME", "LD_LIBRARY_PATH", "PYTHONPATH")
"""Variables that an input of that name would take from the command."""
_FORBIDDEN_ARGUMENTS = {
    "--cpus": "cpu", "--memory": "mem", "-m": "mem", "--network": "network", "--net": "network", "--gpus": "gpu",
}  # fmt: skip

Report = Callable[[Diagnostic], None]


def check_nodes(
    nodes: dict[str, ResolvedNode],
    images: Names[str, ResolvedImage | None],
    project: Project,
    report: Report,
) -> None:
    """`images` are all of the file by name, None where something is wrong with one."""
    rules = _Rules(nodes, images, project, report)
    for node in nodes.values():
        rules.check(node)
    rules.check_groups()


class _Rules:
    def __init__(
        self,
        nodes: dict[str, ResolvedNode],
        images: Names[str, ResolvedImage | None],
        project: Project,
        report: Report,
    ) -> None:
        self.nodes = nodes
        self.images = images
        self.project = project
        self.report = report

    def say(
        self, code: str, message: str, span: Span, *, label: str = "", severity: Severity = Severity.ERROR,
        fixes: tuple[Fix, ...] = (), related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        self.report(Diagnostic(code, severity, message, span, label, fixes, related))

    def check(self, node: ResolvedNode) -> None:
        self.check_kind(node)
        self.check_places(node)
        self.check_edges(node)
        self.check_settings(node)
        self.check_input(node)

    def check_kind(self, node: ResolvedNode) -> None:
        settings = node.tree.settings
        if node.tree.kind or settings.broken or (node.tree.entry("matrix") and not node.matrix):
            return
        if not node.image:
            return
        image = self.images.get(node.image)
        if image is not None and image.builder is None:
            head = Span(
                settings.span.origin,
                settings.span.line,
                settings.span.column,
                settings.span.line,
                settings.span.column + 1,
            )
            where = head if settings.flow else node.span
            self.say("missing-key", f"'{node.name}' does nothing: one of {', '.join(KINDS)} is needed", where)

    def check_places(self, node: ResolvedNode) -> None:
        """Keys that mean nothing where they stand."""
        tree = node.tree
        grouped = tree.kind in ("serial", "parallel")
        for key in LEAF_ONLY:
            if grouped and (entry := tree.entry(key)):
                self.say(
                    "misplaced-key",
                    f"'{key}' belongs to a node that runs a command, and '{node.name}' is a group",
                    entry.key.span,
                )
        entry = tree.entry("stop_on_error")
        if entry and tree.kind != "serial":
            self.say(
                "misplaced-key",
                "'stop_on_error' belongs to a 'serial' group: only there does one child follow another",
                entry.key.span,
            )
        for key in GROUP_ONLY:
            entry = tree.entry(key)
            if entry and not (grouped or tree.entry("matrix") or tree.entry("input") or node.matrix):
                self.say(
                    "misplaced-key",
                    f"'{key}' belongs to groups and to nodes with 'matrix' or 'input'",
                    entry.key.span,
                )
        if (entry := tree.entry("needs")) and not node.matrix:
            parent = self.nodes.get(node.parent) if node.parent is not None else None
            if parent is None or parent.tree.kind != "parallel":
                self.say(
                    "misplaced-key",
                    "'needs' belongs to a child of 'parallel': the order of other nodes is that of the tree",
                    entry.key.span,
                )
        if (entry := tree.entry("when")) and not node.matrix and not node.after:
            self.say(
                "misplaced-key",
                "'when' says nothing here: no node comes before this one",
                entry.key.span,
                severity=Severity.WARNING,
            )

    def check_edges(self, node: ResolvedNode) -> None:
        for target, span in node.needs:
            if target.startswith(f"{node.path}/"):
                self.say("cycle", f"'{node.name}' cannot wait for '{target}', which is part of it", span)

    def check_settings(self, node: ResolvedNode) -> None:
        own = {entry.name: entry for entry in node.tree.settings.entries}
        if (entry := own.get("docker_run_args")) is not None:
            self.arguments(entry.value)
        if (entry := own.get("mounts")) is not None:
            self.mounts(entry.value)
        if (entry := own.get("outputs")) is not None:
            self.outputs(entry.value)
        for variable in entries(own["env"].value) if "env" in own else ():
            if isinstance(variable.value, Scalar):
                warn_of_secret(variable.name, variable.value, "in plan.json", self.report)

    def arguments(self, node: Node) -> None:
        for item in items(node):
            flag_name = text(item).split("=", 1)[0]
            if flag_name.startswith("-m") and not flag_name.startswith("--") and flag_name != "-m":
                flag_name = "-m"
            key = _FORBIDDEN_ARGUMENTS.get(flag_name)
            if key:
                self.say(
                    "docker-argument",
                    f"'{flag_name}' has a key of its own: '{key}'",
                    item.span,
                    label=f"use '{key}'",
                )

    def mounts(self, node: Node) -> None:
        for item in items(node):
            source = item.get("src") if isinstance(item, Mapping) else None
            if isinstance(source, Scalar) and isinstance(source.value, str) and "${{" not in source.text:
                found = self.project.locate(source.text, "any")
                if not isinstance(found, str):
                    label = f"did you mean '{found.near[0]}'?" if found.near else ""
                    self.say(found.code, found.message, source.span, label=label)

    def outputs(self, node: Node) -> None:
        for item in items(node):
            path = text(item)
            if (path.startswith("/") and not path.startswith("/pfs/out/")) or ".." in path.split("/"):
                self.say("bad-output", "an output is a path below /pfs/out", item.span)

    # Inputs

    def check_input(self, node: ResolvedNode) -> None:
        entry = node.own.entry("input")
        if (key := entry or node.own.entry("outputs")) is not None:
            self.check_own_container(node, key.name, key.key.span)
        if entry is None:
            return
        names = self.input_names(entry.value)
        env = node.settings.get("env")
        for name, span in names.items():
            if env is not None and isinstance(env.node, Mapping) and env.node.entry(name) is not None:
                related = (Related(env.span, "'env' is here"),)
                message = f"the variable '{name}' is the path of this input, and 'env' sets it too"
                self.say("duplicate-input", message, span, label="give it a 'name'", related=related)
        for glob in inputs(entry.value, "glob"):
            if glob.text.startswith("/"):
                self.glob(glob)
        for target, span in node.reads:
            self.check_own_container(self.nodes[target], "input", span)

    def check_own_container(self, node: ResolvedNode, key: str, span: Span) -> None:
        """What a leaf writes is told from what others write by a container of its own."""
        if node.leaf and node.group not in ("", "pool"):
            message = f"'{key}' needs a container of its own for '{node.name}', which shares one"
            self.say("misplaced-key", message, span, label="leave it out with 'container_reuse: global'")

    def glob(self, node: Scalar) -> None:
        from imgc.context.ohmyglob import BadGlob, compiled  # few pipelines read data

        try:
            compiled(node.text)
        except BadGlob as error:
            self.say("bad-glob", f"'{node.text}' is no glob: {error}", node.span)

    def input_names(self, node: Node) -> dict[str, Span]:
        """The names below /pfs of an input. Members of a cross need different ones, those of a union do not."""
        if not isinstance(node, Mapping):
            return {}
        for key in ("cross", "union"):
            group = node.get(key)
            if isinstance(group, Sequence):
                names: dict[str, Span] = {}
                for item in group.items:
                    for name, span in self.input_names(item).items():
                        if key == "cross" and name in names:
                            related = (Related(names[name], "it is used here first"),)
                            self.say(
                                "duplicate-input",
                                f"two inputs of this cross are called '{name}': give one a 'name'",
                                span,
                                related=related,
                            )
                        names.setdefault(name, span)
                return names
        source = node.get("name") or node.get("repo") or node.get("node")
        if not isinstance(source, Scalar) or not isinstance(source.value, str):
            return {}
        name = source.text.rstrip("/").rsplit("/", 1)[-1]
        if name in RESERVED_INPUTS:
            self.say(
                "reserved-name",
                f"an input cannot be called '{name}': /pfs/{name} has a meaning of its own",
                source.span,
                label="give it a 'name'",
            )
        elif name in SYSTEM_VARIABLES:
            self.say(
                "reserved-name",
                f"an input cannot be called '{name}': that variable has a meaning for programs",
                source.span,
                label="give it a 'name'",
            )
        return {name: source.span}

    # Containers

    def check_groups(self) -> None:
        groups: dict[str, list[ResolvedNode]] = {}
        for node in self.nodes.values():
            if node.leaf and node.group not in ("", "pool"):
                groups.setdefault(node.group, []).append(node)
        for leaves in groups.values():
            for leaf in leaves[1:]:
                self.compare(leaves[0], leaf)

    def compare(self, first: ResolvedNode, leaf: ResolvedNode) -> None:
        """Leaves of one container agree on what it is started with."""
        for key in CONTAINER:
            if key == "image":
                same = first.image == leaf.image or not first.image or not leaf.image
            else:
                same = _value(first, key) == _value(leaf, key)
            if same:
                continue
            place = leaf.settings.get(key) or first.settings.get(key)
            span = place.span if place else leaf.span
            what = f"'{leaf.name}' shares one container with '{first.name}', and their '{key}' differs"
            other = first.settings.get(key)
            related = (Related(other.span if other else first.span, f"'{first.name}' has it from here"),)
            self.say(
                "container-mismatch",
                what,
                span,
                related=related,
                label="leave it out of the group with 'container_reuse: global'",
            )
            return


def _value(node: ResolvedNode, key: str) -> object:
    setting = node.settings.get(key)
    return plain(setting.node) if setting else None


@lru_cache(maxsize=16)  # a thousand nodes may call one file
def function_names(source: str) -> frozenset[str] | None:
    """The functions and classes that Python text defines at its top level; None when it does not parse."""
    import ast  # for `call` nodes only
    import warnings

    try:
        with warnings.catch_warnings():  # of escapes in texts, say: they are no concern of this
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    names: set[str] = set()
    for statement in ast.walk(tree):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.split(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.Assign):
            names.update(target.id for target in statement.targets if isinstance(target, ast.Name))
    return frozenset(names)


def requires_docker(node: ResolvedNode) -> bool:
    setting = node.settings.get("requires_docker")
    return setting is not None and flag(setting.node)

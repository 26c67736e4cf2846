"""Text in; diagnostics, images and nodes out.

load -> params -> structure -> model -> names -> images and nodes -> rules
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Names
from pathlib import Path
from typing import TYPE_CHECKING

from imgc.analysis.files import read_config, read_lock, siblings
from imgc.analysis.locked import check_lock, lookups_of
from imgc.checks.names import check_extends, check_names
from imgc.checks.structure import Use, check
from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Edit, Fix, Severity, Span, in_order
from imgc.diagnostics.near import near
from imgc.document.document import Document, failed, load
from imgc.document.expressions import Scope, substitute, typed
from imgc.document.nodes import Mapping, Node, Scalar, Value, plain
from imgc.lock.lock import Lock
from imgc.lock.lookups import Lookup
from imgc.model.pipeline import Pipeline, inline_image, read, read_params
from imgc.model.reference import looks_like_reference
from imgc.records import dataclass, field, replace
from imgc.resolve.image import ResolvedImage
from imgc.resolve.images import ImageResolver
from imgc.resolve.names import friendly
from imgc.resolve.resolved import Resolved
from imgc.resolve.start import check_reference

if TYPE_CHECKING:
    from imgc.model.config import Config
    from imgc.resolve.tree import ResolvedNode


class BadOption(ValueError):
    """An override that does not fit the file: a parameter that is not there, or of another type."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is given beside the file: overrides of `params` and `image_refs`, paths allowed outside the root."""

    params: Names[str, str] = field(default_factory=dict)
    refs: Names[str, str] = field(default_factory=dict)
    allow_outside: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    """Settings of nodes: `NODE.key=value`."""
    printed: Names[str, str] = field(default_factory=dict)
    """What lazy nodes of a run have printed, by their paths."""
    locked: bool = False
    """Everything that has to be looked up must be in the lock."""
    packages: bool | None = None
    """Whether package lists are kept in the lock; by default where it has some."""


@dataclass(slots=True)
class Analysis:
    """Everything known about one file. `images` are in build order, `nodes` in tree order; both hold what could
    be resolved, however many diagnostics there are."""

    document: Document
    pipeline: Pipeline
    project: Project
    lock: Lock
    params: dict[str, tuple[Value, str]]
    images: dict[str, ResolvedImage]
    nodes: dict[str, ResolvedNode]
    uses: list[Use]
    diagnostics: list[Diagnostic]
    config: Config | None = None
    """What imgc.toml sets here."""
    lookups: tuple[Lookup, ...] = ()
    """What only `imgc lock` can find out."""
    printed: dict[str, Document] = field(default_factory=dict)
    """What lazy nodes have printed, by their paths."""
    given: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, list[str]]:
        """The lines of all texts that diagnostics point into, by the name that spans carry."""
        documents = (self.document, *self.printed.values())
        return {document.file: document.lines for document in documents} | {
            f"--set {argument}": argument.split("\n") for argument in self.given
        }

    @property
    def resolved(self) -> Resolved:
        """What a plan is made of; meant for a file without errors."""
        return Resolved(
            self.pipeline, self.project, self.params, self.images, self.nodes, self.path_in, self.config
        )

    def path_in(self, path: str, image: ResolvedImage) -> str | None:
        """Where a local path is inside an image; None when it is nowhere."""
        located = self.project.locate(path)
        return map_path(located, image.path_map) if isinstance(located, str) else None

    @property
    def failed(self) -> bool:
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)


def analyse(
    file: str,
    text: str | None,
    directory: Path,
    options: Options = Options(),
    *,
    problem: tuple[str, str] = ("", ""),
    previous: Document | None = None,
) -> Analysis:
    """Analyses a file. `text` is None when it could not be read: `problem` then is its code and message.

    `directory` is what its paths are relative to. Raises BadOption for overrides that do not fit.
    """
    document = failed(file, *problem) if text is None else load(file, text, previous)
    return analyse_document(document, directory, options)


def analyse_document(document: Document, directory: Path, options: Options = Options()) -> Analysis:
    """`analyse` of a document that is loaded already."""
    return _Analysing(document, directory, options).analysis()


class _Analysing:
    def __init__(self, document: Document, directory: Path, options: Options) -> None:
        self.document = document
        self.options = options
        self.found: list[Diagnostic] = list(document.diagnostics)
        self.report: Callable[[Diagnostic], None] = self.found.append
        self.project = Project(
            directory, document.file, allow_outside=[Path(path) for path in options.allow_outside]
        )
        lock, problems = read_lock(directory)
        self.lock = lock if options.packages is None else replace(lock, with_packages=options.packages)
        self.found += problems
        self.config, problems = read_config(document.file, directory)
        self.found += problems
        set_here = self.config.image_refs if self.config else {}
        self.refs = {name: setting.value for name, setting in set_here.items()} | dict(options.refs)
        self.inline: dict[str, object] = {}
        self.printed: dict[str, Document] = {}
        self.roots: dict[str, Mapping] = {}

    def analysis(self) -> Analysis:
        root = self.with_given(self.document.root)
        params = self.params(root)
        scope = Scope(self.report, params=params)
        substituted = substitute(root, scope)
        root = substituted if isinstance(substituted, Mapping) else root
        uses = [] if root.broken else check(root, self.report)
        uses += self.read_printed(scope)
        self.pipeline = read(root)
        for name in self.pipeline.images:
            self.inline[name] = name
        tree = self.pipeline.tree
        open_ended = tree is not None and any(node.kind == "lazy" for node in tree.walk())
        whole = not self.document.diagnostics and not open_ended
        check_names(self.pipeline, uses, scope.used, self.refs, self.report, whole=whole)
        caught = check_extends(self.pipeline, self.report)
        self.images = ImageResolver(self.pipeline, self.project, self.lock, self.report, self.refs)
        self.images.calls = self.calls()
        for name in caught:
            self.images.done[name] = None
        for name in self.pipeline.images:
            self.images.get(name)
        for entry in self.pipeline.image_refs.values():
            check_reference(entry.value, self.report)
        nodes = self.nodes() if self.pipeline.tree is not None else {}
        self.check_repos()
        images = {name: image for name in self.images.order if (image := self.images.done[name]) is not None}
        lookups = lookups_of(images.values(), self.pipeline)
        alone = bool(self.lock.places) and not siblings(self.project.directory, self.document.file)
        check_lock(lookups, self.lock, self.options.locked, alone, self.report)
        return Analysis(
            self.document,
            self.pipeline,
            self.project,
            self.lock,
            params,
            images,
            nodes,
            uses,
            in_order(self.found),
            self.config,
            lookups,
            self.printed,
            self.options.given,
        )

    def with_given(self, root: Mapping) -> Mapping:
        """The document with the settings of the command line in it."""
        for argument in self.options.given:
            from imgc.analysis.given import BadSetting, put  # for runs only

            try:
                root = put(root, argument, self.report)
            except BadSetting as error:
                raise BadOption(str(error)) from None
        return root

    def read_printed(self, scope: Scope) -> list[Use]:
        """What lazy nodes have printed, as documents that hold one node each."""
        uses = []
        for path, text in self.options.printed.items():
            name = f"<output of {path or 'the pipeline'}>"
            if text.strip():
                document = load(name, text)
            else:
                message = "it printed nothing: a node is expected, like 'serial: {a: make a}'"
                document = failed(name, "empty-file", message)
            self.found += document.diagnostics
            root = substitute(document.root, scope)
            if isinstance(root, Mapping) and not root.broken:
                uses += check(root, self.report, "node")
                self.roots[path] = root
            self.printed[path] = document
        return uses

    def nodes(self) -> dict[str, ResolvedNode]:
        """The tree, resolved and checked. What that takes is loaded for files that have one."""
        from imgc.resolve.calls import check_call
        from imgc.resolve.node_rules import check_nodes
        from imgc.resolve.order import check_order
        from imgc.resolve.tree import TreeResolver

        resolver = TreeResolver(self.pipeline, self.image_of, self.path_in, self.report, self.roots)
        nodes = resolver.resolve()
        check_order(nodes, self.report)
        check_nodes(nodes, self.images.done, self.project, self.report)
        for node in nodes.values():
            if node.kind == "call" and node.leaf:
                check_call(node, self.project, self.path_in, self.report)
        self.check_docker(nodes)
        return nodes

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        fixes: tuple[Fix, ...] = (),
        severity: Severity = Severity.ERROR,
    ) -> None:
        self.report(Diagnostic(code, severity, message, span, label, fixes))

    def params(self, root: Mapping) -> dict[str, tuple[Value, str]]:
        """The values of the parameters: the file's defaults, and what overrides them."""
        declared = read_params(root)
        values = {name: (param.default.value, param.default.text) for name, param in declared.items()}
        for name, written in self.options.params.items():
            if name not in declared:
                known = f"there are {', '.join(declared)}" if declared else "the file has no params"
                raise BadOption(f"no parameter is called '{name}': {known}")
            try:
                values[name] = (typed(written, declared[name].default.value), written)
            except ValueError as error:
                raise BadOption(f"the parameter '{name}': {error}") from None
        for name, param in declared.items():
            if "${{" in param.default.text:
                self.error(
                    "bad-expression", f"the parameter '{name}' cannot hold an expression", param.default.span
                )
        return values

    def calls(self) -> dict[str, tuple[str, ...]]:
        """The files of `call` nodes by the image they run in, as far as the tree says it by name."""
        found: dict[str, dict[str, None]] = {}
        stack = [(self.pipeline.tree, "")] if self.pipeline.tree else []
        while stack:
            node, inherited = stack.pop()
            value = node.get("image")
            image = value.text if isinstance(value, Scalar) else self.inline_name(value) or inherited
            call = node.get("call")
            file = call.get("file") if isinstance(call, Mapping) else None
            if isinstance(file, Scalar) and isinstance(
                located := self.project.locate(file.text, "file"), str
            ):
                found.setdefault(image, {})[located] = None
            stack += [(child, image) for child in node.children]
        return {image: tuple(sorted(files)) for image, files in found.items()}

    def inline_name(self, node: Node | None) -> str:
        return friendly(plain(node), self.inline) if isinstance(node, Mapping) and not node.broken else ""

    def image_of(self, node: Node | None, span: Span) -> str | None:
        """The name of the image that a node's `image` means; an inline one gets a name that follows from its content."""
        if node is None:
            return self.inlined(Mapping((), span), {}, span)
        if isinstance(node, Scalar):
            if not isinstance(node.value, str) or "${{" in node.text:
                return None
            if node.text in self.pipeline.images:
                return node.text if self.images.get(node.text) else None
            if looks_like_reference(node.text):
                return self.inlined(node, {"base": node.text}, node.span)
            close = near(node.text, self.pipeline.images)
            fixes = tuple(Fix(f"replace with '{other}'", (Edit(node.span, other),)) for other in close)
            label = (
                f"did you mean '{close[0]}'?" if close else "a registry reference must hold a ':', '/' or '@'"
            )
            self.error("unknown-image", f"no image is called '{node.text}'", node.span, label, fixes)
            return None
        if isinstance(node, Mapping) and not node.broken:
            return self.inlined(node, plain(node), node.span)
        return None

    def inlined(self, node: Node, data: object, span: Span) -> str | None:
        name = friendly(data, self.inline)
        self.images.add_inline(inline_image(name, node, span))
        return name if self.images.get(name) else None

    def path_in(self, path: str, image_name: str, span: Span) -> str | None:
        """Where a local path is inside an image; None after saying that it is nowhere."""
        image = self.images.get(image_name)
        located = self.project.locate(path, "any")
        if image is None:
            return None
        if not isinstance(located, str):
            self.error(
                located.code,
                located.message,
                span,
                f"did you mean '{located.near[0]}'?" if located.near else "",
            )
            return None
        inside = map_path(located, image.path_map)
        if inside is None:
            message = f"'{path}' is nowhere in the image '{image_name}'"
            self.error(
                "unmapped-path",
                message,
                span,
                "bring it in with copy_dir or copy, or say where it is with path_map",
            )
        return inside

    def check_docker(self, nodes: Names[str, ResolvedNode]) -> None:
        """`install_docker` and `requires_docker` pair; each without the other does nothing."""
        with_docker = {
            name for name, image in self.images.done.items() if image is not None and image.has_docker
        }
        from imgc.resolve.node_rules import requires_docker

        needing: set[str] = set()
        for node in nodes.values():
            if not node.leaf or not requires_docker(node):
                continue
            needing.add(node.image)
            image = self.images.done.get(node.image)
            if (
                image is not None
                and not image.has_docker
                and image.dockerfile is None
                and not image.notes.get("dockerfile")
            ):
                message = f"'{node.name}' gets the Docker socket, and its image has no Docker client"
                self.error(
                    "docker-client-missing",
                    message,
                    node.settings["requires_docker"].span,
                    "add 'install_docker: true' to the image",
                    severity=Severity.WARNING,
                )
        for name in with_docker - needing:
            entry = self.images.written[name].node.entry("install_docker")
            extended = any(
                other is not None and other.parent == name and other.name in with_docker
                for other in self.images.done.values()
            )
            if entry is not None and not extended:
                self.error(
                    "docker-unused",
                    "the Docker client is installed, and no node of this image says 'requires_docker: true'",
                    entry.key.span,
                    severity=Severity.WARNING,
                )

    def check_repos(self) -> None:
        for repo in self.pipeline.repos.values():
            if repo.path is not None and "://" in repo.path.value:
                message = f"'{repo.path.value}' is a URL, and a repo is a folder beside this one"
                self.error("repo-is-url", message, repo.path.span, "fetch it first, and give its path")
            elif repo.path is not None:
                located = self.project.locate(repo.path.value, "dir")
                if not isinstance(located, str):
                    self.error(
                        located.code,
                        located.message,
                        repo.path.span,
                        f"did you mean '{located.near[0]}'?" if located.near else "",
                    )


def map_path(path: str, path_map: Names[str, str]) -> str | None:
    """A path by the entry of a path map that holds most of it."""
    best: tuple[int, str] | None = None
    for local, inside in path_map.items():
        if local == ".":
            rest = path
        elif path == local:
            rest = ""
        elif path.startswith(f"{local}/"):
            rest = path[len(local) + 1 :]
        else:
            continue
        if (local == "." and path.startswith("../")) or (best is not None and len(local) < best[0]):
            continue
        tail = "" if rest in ("", ".") else f"/{rest}"
        best = len(local), f"{inside.rstrip('/')}{tail}" or "/"
    return best[1] if best else None

"""`co.Image` to an image of the pipeline file."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.names import image_name
from imgc.importing.python.arguments import (
    MISSING,
    Arguments,
    Importing,
    Unclear,
    path,
    set_unknown_base,
    why_not,
)
from imgc.importing.python.flow import written_if_empty
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Symbol, Value
from imgc.model.reference import looks_like_reference

_OLD = {
    "reqs_py": "install_pip",
    "reqs_npm": "install_npm",
    "reqs_packages": "install_packages",
    "reqs_docker": "install_docker",
}
_NOTES = {
    "git_sha": "Conducto takes it and does nothing with it; `copy_branch` takes a commit too",
    "git_urls": "one URL is taken here; other ways to reach it belong into git's own configuration",
    "instantiation_directory": "all paths are relative to the pipeline file here",
}
_OTHERWISE = "it is no parameter of a Conducto image that is known here"


class Images:
    """The images of a file: those that have a name, by a variable or of their own, are entries of `images`."""

    def __init__(self, importing: Importing, followed: Program, registered: list[Value]) -> None:
        self.importing = importing
        self.named: dict[int, str] = {}
        self.calls: list[Call] = []
        for event in followed.events:
            call = event.target
            if event.kind != "call" or not is_image(call):
                continue
            own = call.named.get("name")
            name = own if isinstance(own, str) else followed.variables.get(id(call), "")
            if name or any(call is one for one in registered):
                self.named[id(call)] = image_name(name, self.named.values())
                self.calls.append(call)
            elif call.inside is None and not any(call is one for one in self._used(followed)):
                self.named[id(call)] = image_name("image", self.named.values())
                self.calls.append(call)
        self.written: set[int] = set()

    def _used(self, followed: Program) -> list[Value]:
        """Images that stand where a node is made."""
        return [
            value
            for event in followed.events
            if event.kind in ("call", "attribute")
            for value in (
                [event.value]
                if event.kind == "attribute"
                else [*event.target.args, *event.target.named.values()]
            )
            if is_image(value)
        ]

    def of_node(self, value: Value, block: Block, line: int) -> None:
        """Gives a node its image."""
        importing = self.importing
        if isinstance(value, str):
            if any(call.named.get("name") == value for call in self.calls):
                block.set("image", self.by_name(value), importing.span(line))
            elif looks_like_reference(value):
                block.set("image", value, importing.span(line))
            else:
                block.set("image", {"base": value}, importing.span(line))
        elif is_image(value) and id(value) in self.named:
            block.set("image", self.named[id(value)], importing.span(line))
            self.write(value)
        elif is_image(value):
            _image(importing, value, block.block("image", importing.span(line)))
            written_if_empty(block, "image")
        else:
            set_unknown_base(importing, block.block("image", importing.span(line)), "image", value, line)

    def by_name(self, name: str) -> str:
        """The entry of an image that a node names."""
        found = (self.named[id(call)] for call in self.calls if call.named.get("name") == name)
        return next(found, name)

    def write(self, call: Call) -> None:
        if id(call) not in self.written:
            self.written.add(id(call))
            block = self.importing.made.images.block(self.named[id(call)], self.importing.span(call.line))
            block.inline = False
            _image(self.importing, call, block)
            written_if_empty(self.importing.made.images, self.named[id(call)])

    def rest(self) -> None:
        """Writes the images that no node has."""
        for call in self.calls:
            self.write(call)


def is_image(value: Value) -> bool:
    return isinstance(value, Call) and value.name.startswith("conducto.") and value.name.endswith(".Image")


def _image(importing: Importing, call: Call, block: Block) -> None:
    given = Arguments(importing, call, block, ("image",))
    for old, new in _OLD.items():
        if given.has(old) and not given.has(new):
            given.rename(old, new)
    given.take("name")
    given.base("image")
    _dockerfile(given)
    given.set("system_packages", given.texts("install_packages"), "install_packages")
    if given.flag("install_docker"):
        given.set("install_docker", True, "install_docker")
    given.set("pip_packages", given.texts("install_pip"), "install_pip")
    if given.peek("install_npm") is True:
        given.set("npm_packages", given.flag("install_npm"), "install_npm")
    given.set("npm_packages", given.texts("install_npm"), "install_npm")
    _code(given)
    if given.flag("docker_auto_workdir") is False:
        given.set("auto_workdir", False, "docker_auto_workdir")
    _path_map(given)
    _shell(given)
    _skip_build(given)
    given.rest(_NOTES, _OTHERWISE)
    if block.get("base") is None and block.get("dockerfile") is None:
        block.remark("Conducto starts from the Python that launches it; say `base`, or `python_version`")


def _dockerfile(given: Arguments) -> None:
    had = given.has("dockerfile")
    file, text = given.start("dockerfile"), given.text("dockerfile_text")
    context, args = given.path("context"), given.pairs("docker_build_args")
    if file is not None and context is None and not args:
        given.set("dockerfile", file, "dockerfile")
    elif file is not None or text is not None:
        at = given.importing.span(given.at("dockerfile" if file is not None else "dockerfile_text"))
        block = given.block.block("dockerfile", at)
        block.inline = True
        block.set("path" if file is not None else "text", file if file is not None else text or "", at)
        if context is not None:
            block.set("context", context, given.importing.span(given.at("context")))
        if args:
            block.set("args", args, given.importing.span(given.at("docker_build_args")))
    elif not had:
        for name, value in (("context", context), ("docker_build_args", args)):
            if value:
                given.lost(name, "without a Dockerfile it does nothing")


def _code(given: Arguments) -> None:
    given.set("copy_dir", given.path("copy_dir"), "copy_dir")
    url, branch = given.text("copy_url"), given.text("copy_branch")
    given.set("copy_url", url, "copy_url")
    if given.flag("copy_repo"):
        given.set("copy_repo", True, "copy_repo")
    if url is not None:
        given.set("copy_branch", branch, "copy_branch")
    elif branch is not None:
        why = f"it belongs to `copy_url` here: for that branch, `copy_url: URL` and `copy_branch: {branch}`"
        given.lost("copy_branch", why)


def _path_map(given: Arguments) -> None:
    value = given.take("path_map")
    if not isinstance(value, dict):
        if value is not MISSING:
            given.lost("path_map", why_not(value, "a mapping"))
        return
    found: dict[str, str] = {}
    for here, there in value.items():
        try:
            local = path(here)
            begins = "./" if isinstance(here, str) and here.startswith("./") else ""
            found[begins + given.importing.source.local(local)] = path(there)
        except Unclear as error:
            given.lost("path_map", str(error))
    if found:
        given.set("path_map", found, "path_map")


def _shell(given: Arguments) -> None:
    if isinstance(given.peek("shell"), Symbol):
        given.take("shell")  # Image.AUTO, the default
        return
    shell = given.text("shell")
    if shell is not None:
        words = [shell, "-ec"] if "/" in shell else ["/usr/bin/env", shell, "-ec"]
        given.set("shell", words, "shell")


def _skip_build(given: Arguments) -> None:
    if given.flag("pre_built"):
        others = [entry.key for entry in given.block.entries if entry.key != "base"]
        if others or given.block.get("base") is None:
            given.lost("pre_built", "Conducto takes it and does nothing with it; the image has to be built")
        else:
            given.set("skip_build", True, "pre_built")

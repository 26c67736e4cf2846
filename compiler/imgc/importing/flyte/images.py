"""Images of Flyte: `flyte.Image.from_…` with its `with_…`, and flytekit's `ImageSpec`."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.flyte.layers import Layer, layer, write_layers
from imgc.importing.flyte.spec import is_spec, write_spec
from imgc.importing.flyte.starts import start
from imgc.importing.names import image_name
from imgc.importing.python.arguments import Arguments, Importing, bring_code, set_unknown_base
from imgc.importing.python.flow import written_if_empty
from imgc.importing.python.statements import Program
from imgc.importing.python.values import Call, Member, Symbol, Value
from imgc.model.reference import looks_like_reference

_FLYTE = "Flyte's own image has it, and the file imports it"
_DEFAULT = "default"
_ABOUT = ("uri", "validate", "force_push", "exist", "is_container")


class Images:
    """Each image is written once, under the name of its variable, or of what uses it first."""

    def __init__(self, importing: Importing, followed: Program) -> None:
        self.importing = importing
        self.variables = followed.variables
        self.modules = followed.modules
        self.names: dict[int, str] = {}
        self.blocks: dict[str, Block] = {}
        self.unknown: dict[int, str] = {}
        self.kept: list[Value] = []
        self.calls = [one.target for one in followed.events if one.kind == "call" and is_image(one.target)]
        self.inner = {
            id(below)
            for call in self.calls
            if (below := _receiver(call)) is not None and not self._stays(below, call)
        }
        self.inner |= {id(call) for call in self.calls if _is_about(call)}
        for call in self.calls:
            if id(call) not in self.inner and id(call) in self.variables:
                self.names[id(call)] = image_name(self.variables[id(call)], self.names.values())

    def _stays(self, below: Call, call: Call) -> bool:
        """Whether an image that another one is made from has a name of its own: then that extends it."""
        own = self.variables.get(id(below))
        return own is not None and own != self.variables.get(id(call))

    def use(self, value: Value, by: str, line: int, module: str) -> str:
        """The name of the image in which functions of the file run, for what is called `by`. It has the code."""
        if value is None or value == "auto" or (isinstance(value, Call) and value.name == "flyte.Image.auto"):
            name = self._default(line)
        elif isinstance(value, str):
            name = self._reference(value, by, line)
        elif is_image(value):
            name = self._written(value, by)
        else:
            name = self._unknown(value, by, line)
        self._runs_code(name, module, line)
        return name

    def _default(self, line: int) -> str:
        if _DEFAULT not in self.blocks:
            self._begin(_DEFAULT, line)
        return _DEFAULT

    def _reference(self, value: str, by: str, line: int) -> str:
        for name, block in self.blocks.items():
            if (
                block.get("base") == value
                and len(list(block.entries)) <= 2
                and name not in self.names.values()
            ):
                return name
        name = image_name(by, self.blocks)
        block = self._begin(name, line)
        block.set(
            "base", value if looks_like_reference(value) else f"{value}:latest", self.importing.span(line)
        )
        return name

    def _unknown(self, value: Value, by: str, line: int) -> str:
        """One that only running the file would tell: the same for all that use it."""
        key = id(value)
        if key not in self.unknown:
            self.unknown[key] = name = image_name(by, {*self.names.values(), *self.blocks})
            self.kept.append(value)
            block = self._begin(name, line)
            set_unknown_base(self.importing, block, "image", value, line)
        return self.unknown[key]

    def _begin(self, name: str, line: int) -> Block:
        block = self.importing.made.images.block(name, self.importing.span(line))
        block.inline = False
        self.blocks[name] = block
        return block

    def _runs_code(self, name: str, module: str, line: int) -> None:
        """The code, and the library that it imports where Flyte's own image would have it."""
        block = self.blocks[name]
        if block.get("code_bundle") is None and block.get("copy_dir") is None:
            bring_code(self.importing, block, self.modules, line)
        if all(block.get(key) is None for key in ("base", "dockerfile", "ref", "extends", "uv_script")):
            packages = block.list("pip_packages")
            written = [str(one.value) for one in packages.entries]
            if not any(
                one == module or one.startswith((f"{module}=", f"{module}>", f"{module}~", f"{module}["))
                for one in written
            ):
                packages.add(module, note=_FLYTE)

    def _written(self, call: Call, by: str) -> str:
        name = self.names.get(id(call))
        if name is None:
            name = self.names[id(call)] = image_name(by, {*self.names.values(), *self.blocks})
        if name not in self.blocks:
            block = self._begin(name, call.line)
            if is_spec(call):
                self._spec(call, block)
            else:
                self._image(call, block)
        return name

    def _image(self, call: Call, block: Block) -> None:
        chain = [call]
        while (below := _receiver(chain[0])) is not None and id(below) in self.inner:
            chain.insert(0, below)
        layers: list[Layer] = []
        if below is not None:
            block.set("extends", self._written(below, "base"), self.importing.span(chain[0].line))
        else:
            start(self.importing, chain.pop(0), block)
        for one in chain:
            if isinstance(one.function, Member) and one.function.name == "clone":
                self._clone(one, block)
            elif isinstance(one.function, Member) and one.function.name not in _ABOUT:
                made = layer(self.importing, one, block)
                if made is not None:
                    layers.append(made)
        if layers:
            write_layers(layers, block, self.importing)

    def _clone(self, call: Call, block: Block) -> None:
        given = Arguments(
            self.importing,
            call,
            block,
            ("registry", "registry_secret", "name", "base_image", "python_version"),
        )
        start(self.importing, call, block, given)

    def _spec(self, call: Call, block: Block) -> None:
        chain = [call]
        while (below := _receiver(chain[0])) is not None:
            chain.insert(0, below)
        given = Arguments(self.importing, chain[0], block)
        base = given.peek("base_image")
        if is_image(base):
            given.take("base_image")
            given.values.pop("base_image", None)
            block.set("extends", self._written(base, "base"), self.importing.span(call.line))
        write_spec(self.importing, given, chain[1:], block)

    def rest(self) -> None:
        """Writes the images that nothing in the file runs in."""
        for call in self.calls:
            if id(call) not in self.inner:
                self._written(call, "image")
        for name in self.blocks:
            written_if_empty(self.importing.made.images, name)


def is_image(value: Value) -> bool:
    """Whether a call makes an image: a `from_…`, a `with_…` or `clone` of one, or an ImageSpec."""
    while isinstance(value, Call) and isinstance(value.function, Member):
        value = value.function.of
    if not isinstance(value, Call) or not isinstance(value.function, Symbol):
        return False
    return is_spec(value) or (value.name.startswith("flyte.") and ".Image.from_" in value.name)


def _receiver(call: Call) -> Call | None:
    of = call.function.of if isinstance(call.function, Member) else None
    return of if isinstance(of, Call) else None


def _is_about(call: Call) -> bool:
    """`image.uri()` and the like make no image."""
    return (
        isinstance(call.function, Member)
        and call.function.name in _ABOUT
        and call.function.name != "force_push"
    )

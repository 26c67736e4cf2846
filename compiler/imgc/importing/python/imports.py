"""`import` of other files of the project: they are followed too, as far as they can be known."""

from __future__ import annotations

import ast

from imgc.importing.python.expressions import STEPS, TooMuch
from imgc.importing.python.functions import Functions
from imgc.importing.python.modules import Modules
from imgc.importing.python.values import HERE, Module, Scope, Symbol, Value

_FILES = 60
_STEPS = 40_000
"""How much of one imported file is followed."""


class Imports(Functions):
    def __init__(self, here: Module, modules: Modules) -> None:
        super().__init__(here)
        self.modules = modules
        self.loaded: dict[str, Scope | None] = {}
        self.files: dict[str, str] = {}
        """The files behind the names of modules."""

    def attribute(self, of: Symbol, name: str) -> Value:
        file = self.files.get(of.name)
        if file is None:
            return Symbol(f"{of.name}.{name}")
        scope = self._load(file, self.here.at or 1)
        if scope is not None and name in scope.names:
            return scope.names[name]
        return self._module(f"{of.name}.{name}", 0, 1)

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for one in node.names:
            whole = self._module(one.name, 0, self.line(node))
            if one.asname:
                scope.names[one.asname] = whole
            else:
                top = one.name.split(".", 1)[0]
                scope.names[top] = self._module(top, 0, self.line(node))

    def _module(self, name: str, level: int, line: int) -> Symbol:
        """A module by name, and its file where it is of the project."""
        file = self.modules.find(name, level, self.here.file)
        if file is not None and name not in self.files:
            self.files[name] = file
            self._load(file, line)
        return Symbol(name)

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        dots = "." * node.level
        file = self.modules.find(node.module or "", node.level, self.here.file)
        inner = self._load(file, self.line(node)) if file is not None else None
        for one in node.names:
            if one.name == "*":
                if inner is None:
                    self.skip(node, "it does not say which names it brings")
                else:
                    scope.names |= {
                        key: value for key, value in inner.names.items() if not key.startswith("_")
                    }
                continue
            name = one.asname or one.name
            if inner is not None and one.name in inner.names:
                scope.names[name] = inner.names[one.name]
                continue
            path = f"{node.module}.{one.name}" if node.module else one.name
            below = self.modules.find(path, node.level, self.here.file)
            symbol = Symbol(f"{dots}{path}")
            if below is not None:
                self.files[symbol.name] = below
                self._load(below, self.line(node))
            scope.names[name] = symbol

    def _load(self, file: str, line: int) -> Scope | None:
        """The names of a file of the project; None where they are not known, or while it is being followed."""
        if file in self.loaded or len(self.loaded) >= _FILES or file == self.here.file:
            return self.loaded.get(file)
        self.loaded[file] = None
        read = self.modules.read(file)
        if read is None:
            return None
        tree, lines = read
        scope = Scope({"__name__": file.removesuffix(".py"), "__file__": f"{HERE}/{file}"})
        here, steps, entered, skipped = self.here, self.steps, self.entered, list(self.skipped)
        self.here, self.entered = Module(file, lines, here.at or line), []
        self.steps = max(steps, STEPS - _STEPS)
        try:
            self.block(tree.body, scope)
        except TooMuch:
            return None
        finally:
            # What its lines leave out matters only where a name of it is used, which then is not known.
            self.here, self.entered, self.skipped = here, entered, skipped
            self.steps = steps + 1
        self.loaded[file] = scope
        return scope

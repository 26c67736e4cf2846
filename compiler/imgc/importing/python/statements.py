"""Statements in their order: what they assign, and what libraries are asked for. Nothing is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from imgc.importing.python.blocks import acts, changed, head, stored
from imgc.importing.python.expressions import DEPTH
from imgc.importing.python.functions import Return
from imgc.importing.python.imports import Imports
from imgc.importing.python.known import NotKnown
from imgc.importing.python.modules import Modules
from imgc.importing.python.operations import truth
from imgc.importing.python.values import (
    HERE,
    LONGEST,
    Call,
    Event,
    Function,
    Module,
    Namespace,
    Part,
    Scope,
    Symbol,
    Unknown,
    Value,
    is_plain,
)

_LOOPS = 2_000
_LOOP_STEPS = 80_000
"""The longest loop: how often it goes round, and how much is done in it."""


class Loop(Exception):
    """`break` or `continue`."""

    def __init__(self, ends: bool) -> None:
        super().__init__()
        self.ends = ends


class Program(Imports):
    """A file that is followed from its first line to its last, with what it imports of its project."""

    def __init__(self, tree: ast.Module, lines: list[str], file: str, folder: Path) -> None:
        super().__init__(Module(file, lines), Modules(folder))
        self.module = Scope({"__name__": "__main__", "__file__": f"{HERE}/{file}"})
        self.block(tree.body, self.module)

    def block(self, body: list[ast.stmt], scope: Scope) -> Return | None:
        for statement in body:
            self.tick(statement)
            case = _CASES.get(type(statement))
            if case is None:
                continue
            if self.depth >= DEPTH:
                self.skip(statement, "it is nested too deeply to be followed")
                continue
            self.depth += 1
            try:
                ended: Return | None = case(self, statement, scope)
            finally:
                self.depth -= 1
            if ended is not None:
                return ended
        return None

    # Assignments

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
            if isinstance(value, Call):
                self.variables.setdefault(id(value), target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for number, one in enumerate(target.elts):
                self.assign(one, self._part(target, number, value), scope)
        elif isinstance(target, ast.Subscript):
            of, key = self.value(target.value, scope), self.value(target.slice, scope)
            in_dict = isinstance(of, dict) and is_plain(key) and len(of) < LONGEST
            if in_dict or (isinstance(of, list) and isinstance(key, int) and -len(of) <= key < len(of)):
                of[key] = value
            else:
                self.events.append(Event("item", of, key, value, self.line(target)))
        elif isinstance(target, ast.Attribute):
            of = self.value(target.value, scope)
            if isinstance(of, Namespace):
                of.names[target.attr] = value
            self.events.append(Event("attribute", of, target.attr, value, self.line(target)))

    def _part(self, target: ast.Tuple | ast.List, number: int, value: Value) -> Value:
        if any(isinstance(one, ast.Starred) for one in target.elts):
            return self.unknown(target)
        if isinstance(value, (list, tuple)):
            return value[number] if len(value) == len(target.elts) else self.unknown(target)
        return Part(value, number) if isinstance(value, (Call, Part)) else self.unknown(target)

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope), scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        before, after = self.value(node.target, scope), self.value(node.value, scope)
        if isinstance(before, list) and isinstance(after, (list, tuple)) and isinstance(node.op, ast.Add):
            before.extend(list(after)[:LONGEST])
            return
        both = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
        self.assign(node.target, self.value(both, scope), scope)

    # Definitions

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        decorators = [self.value(one, scope) for one in node.decorator_list]
        scope.names[node.name] = Function(node, scope, decorators, self.here)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        """One that inherits nothing and is not decorated is what its body assigns; its functions are not known."""
        inner = Scope({}, scope)
        if node.bases or node.keywords or node.decorator_list:
            scope.names[node.name] = self.unknown(node)
            return
        self.block(node.body, inner)
        values = {
            name: self.unknown(node) if isinstance(value, Function) else value
            for name, value in inner.names.items()
        }
        scope.names[node.name] = Namespace(node.name, values)

    def _return(self, node: ast.Return, scope: Scope) -> Return:
        return Return(self.value(node.value, scope) if node.value is not None else None)

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        self.value(node.value, scope)

    # Blocks

    def _if(self, node: ast.If, scope: Scope) -> Return | None:
        try:
            body = node.body if truth(self.value(node.test, scope)) else node.orelse
        except NotKnown:
            self._leave_out(node, [*node.body, *node.orelse], scope)
            return None
        return self.block(body, scope)

    def _leave_out(self, node: ast.stmt, body: list[ast.stmt], scope: Scope) -> None:
        """Leaves out a block that runs under a condition, or so often, that only running it would tell."""
        last = getattr(body[-1], "end_lineno", None) or node.lineno
        for name in changed(body):
            try:
                before = scope.find(name)
            except KeyError:
                before = None
            if isinstance(before, (Call, Function, Symbol)) and name not in stored(body):
                continue
            scope.names[name] = Unknown(self.line(node), head(self.text(node)))
        if self.unsure and any(isinstance(one, ast.Return) for part in body for one in ast.walk(part)):
            self.unsure[-1] = self.line(node)
        if any(map(acts, body)):
            self.skip(
                node,
                f"it cannot be known without running the file; lines {node.lineno} to {last}{self.whose} are left out",
            )

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> Return | None:
        try:
            items = self.items(self.value(node.iter, scope))
            if len(items) > _LOOPS:
                raise NotKnown
        except NotKnown:
            self._leave_out(node, [*node.body, *node.orelse], scope)
            return None
        begun, limit = len(self.events), self.steps + _LOOP_STEPS
        for item in items:
            if self.steps > limit:
                del self.events[begun:]
                self._leave_out(node, [*node.body, *node.orelse], scope)
                return None
            self.assign(node.target, item, scope)
            try:
                ended = self.block(node.body, scope)
            except Loop as loop:
                if loop.ends:
                    return None
                continue
            if ended is not None:
                return ended
        return self.block(node.orelse, scope)

    def _while(self, node: ast.While, scope: Scope) -> None:
        self._leave_out(node, [*node.body, *node.orelse], scope)

    def _loop(self, node: ast.Break | ast.Continue, scope: Scope) -> None:  # noqa: ARG002
        raise Loop(isinstance(node, ast.Break))

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> Return | None:
        depth = len(self.entered)
        for item in node.items:
            value = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, scope)
            if isinstance(value, (Call, Part)):
                self.entered.append(value)
        try:
            return self.block(node.body, scope)
        finally:
            del self.entered[depth:]

    def _try(self, node: ast.Try, scope: Scope) -> Return | None:
        before = dict(scope.names)
        ended = self.block(node.body, scope)
        handled = [part for one in node.handlers for part in one.body]
        imports = all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in node.body)
        for name in [] if imports else stored(handled):
            if scope.names.get(name) is not before.get(name) or name not in before:
                scope.names[name] = Unknown(self.line(node), "try: …")
        return ended or self.block([*node.orelse, *node.finalbody], scope)

    def _match(self, node: ast.Match, scope: Scope) -> None:
        self._leave_out(node, [part for one in node.cases for part in one.body], scope)

    def _forget(self, node: ast.Delete | ast.Global | ast.Nonlocal, scope: Scope) -> None:
        if isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    scope.names.pop(target.id, None)
            return
        for name in node.names:  # which runs of the function have changed it?
            self.module.names[name] = self.unknown(node)


_CASES: dict[type[ast.stmt], Callable[..., Return | None]] = {
    ast.Assign: Program._assign,
    ast.AnnAssign: Program._annotated,
    ast.AugAssign: Program._augmented,
    ast.Import: Program._import,
    ast.ImportFrom: Program._import_from,
    ast.FunctionDef: Program._function,
    ast.AsyncFunctionDef: Program._function,
    ast.ClassDef: Program._class,
    ast.Return: Program._return,
    ast.Expr: Program._expression,
    ast.If: Program._if,
    ast.For: Program._for,
    ast.AsyncFor: Program._for,
    ast.While: Program._while,
    ast.Break: Program._loop,
    ast.Continue: Program._loop,
    ast.With: Program._with,
    ast.AsyncWith: Program._with,
    ast.Try: Program._try,
    ast.Match: Program._match,
    ast.Delete: Program._forget,
    ast.Global: Program._forget,
    ast.Nonlocal: Program._forget,
}

"""PyYAML's C parser without the package around it.

`import yaml` loads every loader and dumper, `datetime` and `base64` among them, and compiles their regular
expressions: a fifth of a cold compile, for nothing, since only the events of the C parser are used. Its extension
asks the package for tokens, events, nodes and the base of all errors, which are loaded, and for one error class of
each of eight modules, which are stood in for here: those modules are loaded when there is an error. Whoever uses `yaml` itself later gets all of it: the package
is then loaded as usual, into the same module. Where anything is not as expected, it is loaded as usual at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yaml import MarkedYAMLError, YAMLError
    from yaml._yaml import CParser as Parser

__all__ = ["MarkedYAMLError", "Parser", "YAMLError"]

_ERRORS = {
    "reader": "ReaderError",
    "scanner": "ScannerError",
    "parser": "ParserError",
    "composer": "ComposerError",
    "constructor": "ConstructorError",
    "emitter": "EmitterError",
    "serializer": "SerializerError",
    "representer": "RepresenterError",
}


def _load() -> Any:
    spec = None if "yaml" in sys.modules else PathFinder.find_spec("yaml")
    if spec is not None and spec.loader is not None:
        try:
            return _extension(spec).CParser
        except Exception:
            for name in [name for name in sys.modules if name.partition(".")[0] == "yaml"]:
                del sys.modules[name]
    try:
        from yaml._yaml import CParser

        return CParser
    except ImportError:  # a PyYAML that was built without libyaml: ten times slower, the same events
        from yaml import SafeLoader

        return SafeLoader


def _extension(spec: ModuleSpec) -> Any:
    package = ModuleType("yaml")
    package.__spec__, package.__loader__ = spec, spec.loader
    package.__path__ = spec.submodule_search_locations or []
    package.__file__ = spec.origin
    package.__package__ = "yaml"
    sys.modules["yaml"] = package

    for name, error in _ERRORS.items():
        stand_in = ModuleType(f"yaml.{name}")
        setattr(stand_in, error, _late(stand_in.__name__, error))
        sys.modules[stand_in.__name__] = stand_in
        setattr(package, name, stand_in)
    for name in ("error", "tokens", "events", "nodes"):
        import_module(f"yaml.{name}")
    try:
        from yaml import _yaml
    finally:
        for name in _ERRORS:
            sys.modules.pop(f"yaml.{name}", None)
            vars(package).pop(name, None)

    def whole(name: str) -> Any:
        """The package's `__getattr__`: loads it, when something is asked for that is not there yet."""
        del package.__getattr__
        assert spec.loader is not None
        spec.loader.exec_module(package)
        return getattr(package, name)

    package.__getattr__ = whole  # type: ignore[method-assign]
    return _yaml


def _late(module: str, name: str) -> Callable[..., Exception]:
    """Makes an error of a class whose module is loaded by then, and not before."""

    def make(*arguments: object) -> Exception:
        error: Exception = getattr(import_module(module), name)(*arguments)
        return error

    return make


if not TYPE_CHECKING:
    Parser = _load()
    from yaml.error import MarkedYAMLError, YAMLError

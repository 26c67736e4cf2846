"""The engine package, which is imported only when a command needs it."""

from __future__ import annotations

import gc
import importlib
from typing import Any

from imgc.cli.console import EXIT_ENVIRONMENT, Failure


def engine(module: str = "api") -> Any:
    """A module of the engine package; Failure where the Docker SDK is not installed."""
    try:
        if module == "api":
            importlib.import_module("imgc_engine.connection")  # which it loads when it needs it
        found = importlib.import_module(f"imgc_engine.{module}")
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("docker", "requests", "urllib3"):
            raise Failure("this needs the Docker SDK: pip install 'imgc[docker]'", EXIT_ENVIRONMENT) from None
        if error.name and error.name.split(".")[0] == "watchfiles":
            raise Failure("this needs watchfiles: pip install 'imgc[watch]'", EXIT_ENVIRONMENT) from None
        raise
    gc.freeze()  # what is loaded stays
    gc.enable()  # what follows lasts
    return found

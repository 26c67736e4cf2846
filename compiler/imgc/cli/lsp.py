"""Start the language server: diagnostics, completion, hover and all the rest for pipeline.yaml in an
editor."""

from __future__ import annotations

import argparse
import logging

from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_FINE, EXIT_USAGE, Console, Failure

EXAMPLES = """examples:
  imgc lsp                        on standard input and output, as editors start it
  imgc lsp --tcp 127.0.0.1:7998   waits for one client on a port
  imgc lsp --log /tmp/imgc.log    writes what goes wrong to a file

set-up for Neovim, Emacs, Helix, Zed, JetBrains and Sublime: docs/editors
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stdio", action="store_true", help="standard input and output (the default)")
    command.add_argument("--tcp", metavar="[HOST:]PORT", help="listen on a port instead, for one client")
    command.add_argument("--log", metavar="FILE", help="a file for the server's log; default: standard error")


def execute(arguments: argparse.Namespace, console: Console) -> int:
    try:
        from importlib import import_module

        create = import_module("imgc_lsp.wiring").create
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("pygls", "lsprotocol", "imgc_lsp"):
            raise
        message = "the language server needs its extra packages: pip install 'imgc[lsp]'"
        raise Failure(message, EXIT_ENVIRONMENT) from None
    level = logging.INFO if console.verbose else logging.WARNING
    logging.basicConfig(
        filename=arguments.log, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    if arguments.tcp:
        host, _, port = arguments.tcp.rpartition(":")
        if not port.isdecimal():
            raise Failure(f"--tcp takes PORT or HOST:PORT, not '{arguments.tcp}'", EXIT_USAGE)
        create().start_tcp(host.strip("[]") or "127.0.0.1", int(port))
    else:
        create().start_io()
    return EXIT_FINE

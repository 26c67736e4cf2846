"""`python -m imgc_lsp`: the language server on stdio, without the rest of the command line."""

from __future__ import annotations

from imgc_lsp.wiring import create

if __name__ == "__main__":
    create().start_io()

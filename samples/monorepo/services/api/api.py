"""Serves the catalogue as JSON; `--once` prints it instead."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from catalog import PRICES


def answer() -> str:
    """The body of every answer."""
    return json.dumps(PRICES)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = answer().encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if "--once" in sys.argv:
        print("api:", answer())
    else:
        HTTPServer(("", 8000), Handler).serve_forever()

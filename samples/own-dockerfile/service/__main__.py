"""python -m service PORT"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from service import greeting


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = greeting(self.path).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("", int(sys.argv[1])), Handler).serve_forever()

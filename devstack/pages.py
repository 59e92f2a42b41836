"""`python -m devstack.pages PORT`: the landing pages of the demo offers, which show what they were sent."""

import sys
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from devstack.services import LOCALHOST

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 12vh auto; padding: 0 1rem }}
td {{ padding: 0 1.5rem 0 0; overflow-wrap: anywhere; vertical-align: top }}
</style>
<h1>{title}</h1>
<p>A landing page of the demo network. The click brought:</p>
<table>{rows}</table>
</html>
"""


class LandingPage(BaseHTTPRequestHandler):
    """Answers every path with a page named after it."""

    def do_GET(self) -> None:
        """Answer with the page."""
        url = urlsplit(self.path)
        name = url.path.strip("/").replace("-", " ").title() or "Demo Network"
        rows = (
            f"<tr><td>{escape(key)}<td>{escape(value)}"
            for key, value in parse_qsl(url.query, keep_blank_values=True)
        )
        body = PAGE.format(title=escape(name), rows="".join(rows)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((LOCALHOST, int(sys.argv[1])), LandingPage).serve_forever()

"""A proxy before moto's server that writes down what AWS is asked for, as IAM calls it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

ACCOUNT = "123456789012"
# A batch is allowed by the permission for one: these two share an action of IAM. A large object is put in
# parts, which are begun and ended by POST.
IAM_NAMES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "s3:HEAD": "s3:GetObject",
    "s3:GET": "s3:GetObject",
    "s3:PUT": "s3:PutObject",
    "s3:POST": "s3:PutObject",
}
HOP_HEADERS = {"host", "connection", "transfer-encoding"}
REGION = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/")


class AwsCall(NamedTuple):
    """One permission that a request needs."""

    action: str
    resource: str


def needed(method: str, path: str, headers: dict[str, str], body: bytes) -> set[AwsCall]:
    """The permissions that a request of AWS' protocols needs."""
    found = REGION.search(headers.get("authorization", ""))
    region = found[1] if found else "unsigned"
    target = headers.get("x-amz-target", "")
    if target.startswith("DynamoDB_"):
        return _of_dynamodb(target.partition(".")[2], region, msgspec.json.decode(body))
    if target.startswith("AmazonSQS."):
        return {_of_sqs(target.partition(".")[2], region, msgspec.json.decode(body)["QueueUrl"])}
    if "Action=" in body.decode("latin-1"):
        form = parse_qs(body.decode())
        return {_of_sqs(form["Action"][0], region, form.get("QueueUrl", [path])[0])}
    return {_of_s3(method, *urlsplit(path)[2:4])}


def _of_s3(method: str, path: str, query: str) -> AwsCall:
    resource = unquote(path.strip("/"))
    action = IAM_NAMES.get(f"s3:{method}", f"s3:{method}")
    if method == "GET" and "/" not in resource and "list-type=2" in query:
        action = "s3:ListBucket"
    return AwsCall(action, f"arn:aws:s3:::{resource}")


def _of_dynamodb(operation: str, region: str, body: dict[str, object]) -> set[AwsCall]:
    requests = body.get("RequestItems")
    tables = requests if isinstance(requests, dict) else [body.get("TableName")]
    arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table"
    return {AwsCall(f"dynamodb:{operation}", f"{arn}/{table}") for table in tables}


def _of_sqs(operation: str, region: str, url: str) -> AwsCall:
    action = f"sqs:{operation}"
    return AwsCall(IAM_NAMES.get(action, action), f"arn:aws:sqs:{region}:{ACCOUNT}:{url.rpartition('/')[2]}")


@contextmanager
def recorded(endpoint: str) -> Iterator[tuple[str, set[AwsCall]]]:
    """A URL that passes requests on to `endpoint`, and the set that they are written down in."""
    calls: set[AwsCall] = set()
    address = urlsplit(endpoint).netloc

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            calls.update(needed(self.command, self.path, headers, body))
            # The host is part of what is signed, and moto finds buckets by it.
            onward = {name: value for name, value in headers.items() if name not in HOP_HEADERS}
            connection = HTTPConnection(address)
            connection.request(self.command, self.path, body, onward)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_HEADERS | {"date", "server", "content-length"}:
                    self.send_header(name, value)
            length = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(length))
            # Or clients that nobody closes would keep their connections, and tests fail for that.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

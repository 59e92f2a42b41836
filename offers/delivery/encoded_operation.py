"""Sends a request to DynamoDB whose body is encoded already; everything but the encoding is botocore's.

botocore validates, converts and encodes what it is given and asks dozens of event handlers on the way.
That takes longer than everything else that a batch of clicks needs. Endpoint, credentials, signature, TLS,
proxies, time-outs and the reading of errors stay botocore's; only a connection that it has opened is used
without it (`persistent_connections.py`).
"""

from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from offers.delivery.dynamodb_answer import RawAnswer
from offers.delivery.persistent_connections import Exchange, PersistentConnections

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FIRST_ERROR = 300


class EncodedOperation:
    """An operation of a client that speaks AWS's JSON protocol. Threads may share it."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        metadata = client.meta.service_model.metadata
        self.name = name
        self.url = client.meta.endpoint_url
        # `_request_signer`, `_endpoint` and `user_agent` are private, so pyproject.toml has an upper bound.
        private: Any = client
        # The signer has only a weak reference to the client.
        self._client = client
        self._signer = private._request_signer
        self._connections = PersistentConnections(
            private._endpoint.http_session, self.url, private.meta.config.read_timeout
        )
        self._errors = create_parser("json")
        if (shape := client.meta.service_model.operation_model(name).output_shape) is None:
            raise ValueError(f"{name} has no answer")
        self._shape = shape
        self._headers = {
            "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
            "User-Agent": private.meta.config.user_agent,
            "X-Amz-Target": f"{metadata['targetPrefix']}.{name}",
        }

    def begin(self, body: bytes) -> Exchange:
        """Send one request. Raises `BotoCoreError` where it cannot be sent."""
        request = AWSRequest("POST", self.url, self._headers, body)
        self._signer.sign(self.name, request)
        return self._connections.begin(request.prepare(), body)

    def end(self, exchange: Exchange) -> RawAnswer:
        """Return the answer to a request, of which nothing but the status has been looked at.

        Raises `ClientError` for an answer that says it is an error, `BotoCoreError` where there was none, and
        whatever botocore's parser raises for an error that is not AWS's.
        """
        answer = exchange.answer()
        if answer.status < FIRST_ERROR:
            return answer
        raw = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
        raise ClientError(self._errors.parse(raw, self._shape), self.name)

    def call(self, body: bytes) -> RawAnswer:
        """Send one request and return its answer. Raises what `begin` and `end` raise."""
        return self.end(self.begin(body))

"""TLS in front of servers that have none: an authority with its certificates, and an end that decrypts."""

import asyncio
import datetime
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.parse
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.services import LOCALHOST, free_port

TLS_HANDSHAKE = b"\x16"
KEY_PASSWORD = "the key's password"


class Authority:
    """A private authority: `ca` is its certificate's file, `directory` has it as OpenSSL looks it up."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {directory.name}")])
        self._files = directory
        self.ca = directory / "ca.crt"
        certificate = self._signed(self._name, self._key.public_key(), [], is_ca=True)
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.directory = directory / "hashed"
        self.directory.mkdir()
        command = [str(shutil.which("openssl")), "x509", "-hash", "-noout", "-in", str(self.ca)]
        digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        shutil.copy(self.ca, self.directory / f"{digest}.0")

    def issue(self, name: str, *hosts: str, password: str = "") -> tuple[Path, Path]:
        """A certificate and its key, as files; the key is encrypted where there is a password."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, secret = self._files / f"{name}.crt", self._files / f"{name}.key"
        names = [_general_name(host) for host in hosts]
        signed = self._signed(subject, key.public_key(), names, is_ca=False)
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        secret.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )
        return certificate, secret

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        names: list[x509.GeneralName],
        *,
        is_ca: bool,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder(subject_name=subject, issuer_name=self._name, public_key=key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class Certificates(NamedTuple):
    """What a private authority has issued, and another authority."""

    authority: Authority
    other: Authority
    server: tuple[Path, Path]
    misnamed: tuple[Path, Path]
    client: tuple[Path, Path]
    locked_client: tuple[Path, Path]
    other_client: tuple[Path, Path]

    @classmethod
    def issued_in(cls, directory: Path) -> Self:
        """All of them, as files below `directory`."""
        authority, other = Authority(directory / "ours"), Authority(directory / "theirs")
        return cls(
            authority,
            other,
            authority.issue("server", "localhost", LOCALHOST),
            authority.issue("misnamed", "another.example"),
            authority.issue("client"),
            authority.issue("locked", password=KEY_PASSWORD),
            other.issue("client"),
        )


class TlsEnd:
    """Decrypts what comes to its port and passes it on to a server's. It takes what is not encrypted, too.

    `encrypted` and `plain` count the connections of either kind.
    """

    def __init__(
        self, server_port: int, certificate: tuple[Path, Path], client_ca: Path | None = None
    ) -> None:
        """`client_ca`: clients must have a certificate of this authority."""
        self.port = free_port()
        self.encrypted = self.plain = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server((LOCALHOST, self.port))
        self._listener.setblocking(False)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()

    async def _begin(self) -> None:
        self._start(self._accept())

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Transports are closed by the loop, one round after the other.
        await asyncio.sleep(0.05)

    def _start(self, work: "asyncio.Future[None] | object") -> None:
        task: asyncio.Task[None] = self._loop.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self._start(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        readable = asyncio.Event()
        self._loop.add_reader(client, readable.set)
        try:
            await readable.wait()
        finally:
            self._loop.remove_reader(client)
        reader = asyncio.StreamReader()
        secure = client.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE
        with suppress(OSError):
            transport, protocol = await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader), client, ssl=self.context if secure else None
            )
            self.encrypted += secure
            self.plain += not secure
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            try:
                await self._pass_on(reader, writer)
            finally:
                transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(LOCALHOST, self._server_port)
        try:
            await asyncio.gather(_pump(reader, questions), _pump(answers, writer))
        finally:
            questions.transport.abort()


def url_of(end: TlsEnd, login: str = "", /, **options: object) -> str:
    """The URL of a Redis behind `end`, with these options."""
    return f"rediss://{login}localhost:{end.port}/0?{urllib.parse.urlencode(options)}"


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A real nginx before a server, with TLS, and the certificates for it."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nginx import fetch

# /triton: what a company's gateway does; /hasty: one that has less patience than a model takes to load.
CONFIG = """\
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {home}/server.pem;
    ssl_certificate_key {home}/server.key;
    ssl_client_certificate {home}/ca.pem;
    ssl_verify_client optional;
    location /triton/ {{
      if ($ssl_client_verify != SUCCESS) {{ return 401; }}
      proxy_pass {upstream}/;
    }}
    location /hasty/ {{ proxy_read_timeout 1s; proxy_pass {upstream}/; }}
    location /moved/ {{ return 301 https://elsewhere.example.com/; }}
  }}
}}
"""


class Authority:
    """Makes certificates and keeps them, with their keys, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' authority")])
        self._write("ca", self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None)), self.key)

    def issue(self, name: str) -> None:
        """Write NAME.pem and NAME.key, for 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        self._write(name, self._sign(subject, key, address), key)

    def _sign(self, subject: x509.Name, key: Any, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self.key, hashes.SHA256())
        )

    def _write(self, name: str, certificate: x509.Certificate, key: Any) -> None:
        self.folder.mkdir(exist_ok=True)
        pem = serialization.Encoding.PEM
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
        form, lock = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (self.folder / f"{name}.key").write_bytes(key.private_bytes(pem, form, lock))


class Proxy:
    """An nginx that speaks TLS on a free port before the server at ``upstream``."""

    def __init__(self, home: Path, upstream: str) -> None:
        self.home = home
        authority = Authority(home)
        for name in ("server", "client"):
            authority.issue(name)
        Authority(home / "stranger")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (home / "nginx.conf").write_text(CONFIG.format(home=home, port=self.port, upstream=upstream))
        self.url = f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        nginx = fetch()
        command = [nginx.program, "-p", str(self.home), "-c", str(self.home / "nginx.conf"), "-e", "stderr"]
        self._process = subprocess.Popen(command, env=nginx.environment(), stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        self._process.kill()
        raise AssertionError(f"nginx does not start: {self._process.communicate()[1]}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)

"""Debian's nginx on loopback: a folder over http and https, with ranges, entity tags and WebDAV's PUT."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.need import free_port, server_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

CONFIGURATION = """
daemon off;
master_process off;
{user}
pid {work}/pid;
error_log {work}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {work}/access.log;
  client_body_temp_path {work}/bodies; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  default_type application/octet-stream;
  client_max_body_size 0;
  gzip on; gzip_types *; gzip_min_length 1;
  server {{
    listen 127.0.0.1:{port};
    {tls}
    root {root};
    location / {{ dav_methods PUT DELETE; create_full_put_path on; }}
    location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }}
  }}
}}
"""
TLS = "listen 127.0.0.1:{port} ssl; ssl_certificate {work}/chain.pem; ssl_certificate_key {work}/key.pem;"


@dataclass(frozen=True)
class Nginx:
    """A running one; `root` is the folder it serves."""

    root: Path
    http: str
    https: str
    work: Path

    def log(self) -> str:
        return (self.work / "access.log").read_text()


@contextmanager
def nginx(folder: Path, authority: trustme.CA) -> Iterator[Nginx]:
    """Serve `folder`/root; the certificate for 127.0.0.1 is by `authority`."""
    program = server_program("nginx", package="nginx")
    root, work = folder / "root", folder / "work"
    root.mkdir()
    work.mkdir()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(work / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(work / "chain.pem"), append=True)
    port, tls_port = free_port(), free_port()
    (work / "nginx.conf").write_text(
        CONFIGURATION.format(
            work=work,
            root=root,
            port=port,
            user="user root;" if os.getuid() == 0 else "",
            tls=TLS.format(port=tls_port, work=work),
        )
    )
    command = [program, "-p", str(work), "-c", str(work / "nginx.conf"), "-e", str(work / "error.log")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait_for(port, process)
            yield Nginx(root, f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}", work)
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(f"nginx ended: {process.stderr.read().decode()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not listen")

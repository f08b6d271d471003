# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts, restarts and stops the real tritonserver on loopback, without root.

As a program (`python tools/tritonserver.py --help`) it serves the demo; as a module it serves the tests:

    with Server.start(repository, options=["--model-control-mode=explicit"]) as server:
        status, answer = server.request("POST", "/v2/repository/index", {})

Python models run in the environment of the interpreter that started the server, and import that one's NumPy. With
NumPy 2 or newer this server exchanges arrays with a model through DLPack alone (`numpy.from_dlpack`): `as_numpy()` and
`pb_utils.Tensor(name, array)` were built for NumPy 1 and read newer arrays wrongly.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clone_cache import CACHE, ROOT, locked
from triton_wheel import Installation, TritonError, fetch

SERVER, STUB = "tritonserver", "triton_python_backend_stub"  # the programs of one running server
START_TIMEOUT = 120.0  # seconds; Triton opens its ports only after every model has been loaded or refused
EXIT_TIMEOUT = 10  # seconds that Triton gives itself to stop; its own default of 30 is used up after a failed reload
PATIENCE = EXIT_TIMEOUT + 5.0  # seconds before a server that does not stop is killed


class PortInUseError(TritonError):
    """Somebody took one of the ports between the choice and the start."""


@dataclass
class Server:
    """A tritonserver with a folder of its own, `state`: server.log, and server.json to find it again.

    Its `token` stands in the command lines of the server and of its Python stubs and in the names of its shared memory,
    so that neither another server nor a process that inherited a pid is ever touched.
    """

    state: Path
    repositories: list[str]
    options: list[str]
    environment: dict[str, str]
    token: str = field(default_factory=lambda: f"triton_{uuid.uuid4().hex[:12]}_")
    http_port: int = 0
    grpc_port: int = 0
    metrics_port: int = 0
    pid: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @classmethod
    def start(
        cls,
        repository: str | Path | Sequence[str | Path],
        *,
        state: Path | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        timeout: float = START_TIMEOUT,
    ) -> Server:
        """Start a server on free ports and wait, at most `timeout` seconds, until it has loaded or refused each model.

        `options` are tritonserver's own and come last; `environment` is added to this process's. Without a `state`, a
        folder is made in .cache/servers, and the log stays there. Raises TritonError with the end of the log.
        """
        if state is None:
            (CACHE / "servers").mkdir(parents=True, exist_ok=True)
            state = Path(tempfile.mkdtemp(dir=CACHE / "servers"))
        repositories = [repository] if isinstance(repository, (str, Path)) else repository
        server = cls(state, [str(Path(r).resolve()) for r in repositories], list(options), dict(environment or {}))
        installation = fetch()
        with locked(state / "lock"):
            earlier = cls.load(state)
            if earlier and earlier._processes(SERVER):
                raise TritonError(f"a server is running already at {earlier.url}; stop it first (state: {state})")
            (state / "server.log").write_bytes(b"")
            for attempts_left in reversed(range(5)):
                with ExitStack() as stack:
                    sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
                    server.http_port, server.grpc_port, server.metrics_port = (s.getsockname()[1] for s in sockets)
                try:
                    server._launch(installation, timeout)
                    break
                except PortInUseError:
                    if not attempts_left:
                        raise
        return server

    @classmethod
    def load(cls, state: Path) -> Server | None:
        """The server that was started with this `state`, even if it died since; None if it was stopped."""
        try:
            saved = json.loads((state / "server.json").read_text())
        except FileNotFoundError:
            return None
        return cls(state, **{name: saved[name] for name in SAVED})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def request(self, method: str, path: str, body: object = None, timeout: float = 60) -> tuple[int, Any]:
        """Status and answer (JSON as data, other text as it is) of one HTTP request; `body` is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def log_text(self) -> str:
        return (self.state / "server.log").read_text(errors="replace")

    def restart(self, timeout: float = START_TIMEOUT) -> None:
        """Stop and start it again with the same ports and options; the log goes on. Raises TritonError."""
        with locked(self.state / "lock"):
            if self.load(self.state) is None:
                raise TritonError(f"this server was stopped in the meantime (state: {self.state})")
            self._terminate()
            deadline = time.monotonic() + 30
            while True:
                try:
                    return self._launch(fetch(), timeout)
                except PortInUseError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.5)

    def stop(self, patience: float = PATIENCE) -> None:
        """Stop it, by force after `patience` seconds, and remove its shared memory; the log stays.

        Triton takes about three seconds to stop Python models; nothing is lost where a server is not given them.
        Does nothing where it was stopped already.
        """
        with locked(self.state / "lock"):
            self._terminate(patience)
            (self.state / "server.json").unlink(missing_ok=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(patience=0)

    def _launch(self, installation: Installation, timeout: float) -> None:
        command = [
            str(installation.program),
            f"--id={self.token}",
            f"--backend-directory={_plain(installation.backends)}",
        ]
        command += [f"--backend-config=python,shm-region-prefix-name={self.token}"]
        command += [f"--model-repository={_plain(Path(repository))}" for repository in self.repositories]
        for service in ("http", "grpc", "metrics"):
            command += [f"--{service}-address=127.0.0.1", f"--{service}-port={getattr(self, f'{service}_port')}"]
        command += [f"--exit-timeout-secs={EXIT_TIMEOUT}", "--exit-on-error=false", "--strict-readiness=false"]
        self._save()  # before there is a process, so that a stop finds it whatever happens from here on
        try:
            with (self.state / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*command, *self.options],
                    cwd=ROOT,
                    env={**installation.environment(), **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                log_start = log.tell()
            self.pid = self._process.pid
            self._save()
            self._wait_until_loaded(self._process, log_start, time.monotonic() + timeout)
        except BaseException:
            self._terminate(patience=0)
            raise

    def _wait_until_loaded(self, process: subprocess.Popen[bytes], log_start: int, deadline: float) -> None:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                status, answer = self.request("GET", "/v2", timeout=2)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            if status == 403 or (isinstance(answer, dict) and answer.get("name") == self.token):
                return
            time.sleep(0.05)  # another server, which took the port first: ours is about to say so and end
        log = (self.state / "server.log").read_bytes()[log_start:].decode(errors="replace")
        what = "exited at once" if process.poll() is not None else "was not ready in time"
        error = PortInUseError if "already in use" in log else TritonError
        tail = "\n".join(log.splitlines()[-30:])
        raise error(f"tritonserver {what}. The end of {self.state / 'server.log'}:\n{tail}")

    def _save(self) -> None:
        saved = {name: getattr(self, name) for name in SAVED} | {"url": self.url}
        unfinished = self.state / "server.json.unfinished"
        unfinished.write_text(json.dumps(saved, indent=2) + "\n")
        unfinished.replace(self.state / "server.json")

    def _processes(self, program: str) -> list[int]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                name, *arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # it ended just now
            if Path(name).name == program and any(self.token in argument for argument in arguments):
                found.append(int(folder.name))
        return found

    def _signal(self, number: signal.Signals, program: str) -> None:
        for pid in self._processes(program):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _terminate(self, patience: float = PATIENCE) -> None:
        self._signal(signal.SIGTERM, SERVER)
        deadline = time.monotonic() + patience
        while self._processes(SERVER):
            if time.monotonic() > deadline:
                self._signal(signal.SIGKILL, SERVER)
            time.sleep(0.05)
        if self._process:
            self._process.wait()
        self._signal(signal.SIGKILL, STUB)
        for region in Path("/dev/shm").glob(f"{self.token}*"):
            region.unlink(missing_ok=True)


def _plain(path: Path) -> Path:
    """Relative to the clone where possible: the Python backend puts paths unquoted into a command line of bash."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


SAVED = [item.name for item in fields(Server) if item.init and item.name != "state"]


def main() -> int:
    parser = argparse.ArgumentParser(description="The real tritonserver, without root, in .cache of this clone.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="download and unpack the server, or say why it cannot run here")
    start = commands.add_parser("start", help="start a server and print its URL")
    start.add_argument(
        "--repository", type=Path, action="append", required=True, help="model repository; may be repeated"
    )
    start.add_argument(
        "--timeout", type=float, default=START_TIMEOUT, help="seconds to wait until all models are loaded"
    )
    restart = commands.add_parser("restart", help="stop and start it again, with the same ports and options")
    stop = commands.add_parser("stop", help="stop it; does nothing where none runs")
    for command in (start, restart, stop):
        command.add_argument(
            "--state", type=Path, required=True, help="folder for the server's log and its description"
        )
    start.add_argument("options", nargs="*", metavar="-- OPTION", help="further options of tritonserver itself")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        run(arguments)
    except (TritonError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def run(arguments: argparse.Namespace) -> None:
    if arguments.command == "fetch":
        print(fetch().program)
        return
    if arguments.command == "start":
        options = {"options": arguments.options, "timeout": arguments.timeout}
        print(Server.start(arguments.repository, state=arguments.state.resolve(), **options).url)
        return
    server = Server.load(arguments.state.resolve())
    if arguments.command == "restart" and server is None:
        raise TritonError(f"no server was started with this state: {arguments.state}")
    if server:
        server.restart() if arguments.command == "restart" else server.stop()


if __name__ == "__main__":
    sys.exit(main())

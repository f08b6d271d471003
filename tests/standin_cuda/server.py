# SPDX-License-Identifier: GPL-3.0-or-later
"""The real tritonserver on a host of our choice: with GPUs that are not there, and with a backend that runs nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tritonserver import Server

SOURCES = Path(__file__).parent
PREFER_CPU, PREFER_GPU = "-DPREFERRED_KIND=1", "-DPREFERRED_KIND=2"
PREFERRING = {"openvino": "openvino", "vllm": "vllm"}
LIBRARIES = {
    "cuda_runtime": ("cuda_runtime.c",),
    "libtriton_null": ("null_backend.c",),
    "libtriton_openvino": ("null_backend.c", PREFER_CPU),
    "libtriton_vllm": ("null_backend.c", PREFER_GPU),
}

# A Python model as small as they come.
MODEL_PY = """\
class TritonPythonModel:
    def execute(self, requests):
        raise NotImplementedError("no test sends a request")
"""

_POLLING = re.compile(r"Poll failed for model directory '([^']*)': (.*)\"")
_DEPENDENCIES = re.compile(
    r"\] \"(Invalid argument: (?:circular dependency between ensembles: |ensemble '?)([^' ]+).*)\""
)
_VERSIONS = re.compile(r"failed to load model '([^']*)': (.*)\"")
_INSTANCE = re.compile(r"TRITONBACKEND_ModelInstanceInitialize: (\S+ \((?:CPU|GPU|MODEL) device \d+\))")


class Library(NamedTuple):
    """The compiled stand-ins: the CUDA runtime, and the backends by the name that a configuration calls them."""

    cuda: Path
    backends: Mapping[str, Path]


class Host(NamedTuple):
    """A host and the options of the server on it."""

    devices: tuple[str, ...] = ()
    cuda_error: int = 0
    options: tuple[str, ...] = ()

    def environment(self, library: Library) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library.cuda),
            "STANDIN_CUDA_DEVICES": ",".join(self.devices),
            "STANDIN_CUDA_ERROR": str(self.cuda_error or ""),
        }


class Model(NamedTuple):
    """A model of a repository: its configuration (None for no file), and what else is in its directory."""

    config: str | None
    versions: tuple[str, ...] = ("1",)
    python: bool = False


class Observed(NamedTuple):
    """What became of a model: the groups that the server runs, or its error."""

    loads: bool
    error: str | None
    groups: list[tuple[str, str, list[int], int]]


def build(folder: Path) -> Library:
    """Compile the stand-ins into ``folder``. Fails, with the name of the package, where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler, "these tests compile C: install a compiler (Debian, Ubuntu: sudo apt-get install gcc libc6-dev)"

    for name, (source, *options) in LIBRARIES.items():
        command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", *options]
        subprocess.run([*command, "-o", str(folder / f"{name}.so"), str(SOURCES / source)], check=True)
    return compiled(folder)


def compiled(folder: Path) -> Library:
    """What ``build`` has made there."""
    backends = (
        dict.fromkeys(("null", "onnxruntime", "tensorflow", "tensorrt", "tensorrtllm", "pytorch"), "null") | PREFERRING
    )
    return Library(
        folder / "cuda_runtime.so", {name: folder / f"libtriton_{file}.so" for name, file in backends.items()}
    )


def write(repository: Path, models: Mapping[str, Model], library: Library) -> None:
    """Make a repository in which each model that is not Python's brings the stand-ins for all backends along."""
    for name, model in models.items():
        for version in model.versions:
            directory = repository / name / version
            directory.mkdir(parents=True)
            if model.python:
                (directory / "model.py").write_text(MODEL_PY)
        if not model.python:
            for backend, path in library.backends.items():
                (repository / name / f"libtriton_{backend}.so").symlink_to(path)
        if model.config is not None:
            (repository / name / "config.pbtxt").write_text(model.config)


def observe(
    repositories: Iterable[Path], host: Host, library: Library, state: Path
) -> tuple[dict[str, Observed], Counter[str]]:
    """What the server makes of every model, by name, and each instance that it made of them."""
    state.mkdir()
    server = Server.start(list(repositories), state=state, options=host.options, environment=host.environment(library))
    try:
        status, index = server.request("POST", "/v2/repository/index", {})
        assert status == 200, index
        log = server.log_text()
        logged = dict(_POLLING.findall(log) + _VERSIONS.findall(log))
        logged |= {name: error for error, name in _DEPENDENCIES.findall(log)}
        observed = {name: Observed(False, error, []) for name, error in logged.items()}
        for entry in index:
            if entry.get("state") == "READY":
                observed[entry["name"]] = Observed(True, None, groups(server, entry["name"]))
            elif entry.get("state"):
                observed[entry["name"]] = Observed(False, entry["reason"], [])
    finally:
        server.stop(patience=0)
    return observed, Counter(_INSTANCE.findall(log))


def groups(server: Server, model: str) -> list[tuple[str, str, list[int], int]]:
    status, config = server.request("GET", f"/v2/models/{model}/config")
    assert status == 200, config
    return [(group["name"], group["kind"], group["gpus"], group["count"]) for group in config["instance_group"]]

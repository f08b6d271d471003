# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Triton serves, and where, as its own /config says: python served.py http://127.0.0.1:8000"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import Any

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the hosts are here, whatever proxy there is
TIMEOUT = 10.0  # seconds for one answer
PATIENCE = 60.0  # seconds: Triton opens its port only after it has loaded or refused every model


def ask(url: str, body: bytes | None = None) -> Any:
    with DIRECT.open(urllib.request.Request(url, body), timeout=TIMEOUT) as answer:
        return json.load(answer)


def wait(url: str) -> None:
    """Until the server answers at all."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            ask(f"{url}/v2")
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def group(entry: dict[str, Any]) -> str:
    devices = f" on {','.join(map(str, entry['gpus']))}" if entry.get("gpus") else ""
    return f"{entry['count']} {entry['kind']}{devices}"


def served(url: str) -> dict[str, str]:
    """By name: the groups of each model that is READY, and the state of each that is not."""
    wait(url)
    found = {}
    for model in ask(f"{url}/v2/repository/index", b"{}"):
        if model.get("state") == "READY":
            config = ask(f"{url}/v2/models/{model['name']}/versions/{model['version']}/config")
            found[model["name"]] = " + ".join(map(group, config.get("instance_group", [])))
        elif model.get("state"):
            found.setdefault(model["name"], model["state"])
    return found


if __name__ == "__main__":
    print(json.dumps(served(sys.argv[1]), sort_keys=True))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch a Triton from outside: python watch.py http://127.0.0.1:8000 REPORT runs until the file REPORT.stop is there.

Asks every model that is READY in the beginning, again and again, whether it still is. REPORT says then which, how often
and what went wrong.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

PAUSE = 0.5  # seconds
TIMEOUT = 60.0  # seconds for one answer: on a machine with other work to do, slow is not gone
GONE = 30.0  # seconds without an answer: whoever should have stopped this may have been killed


def main(url: str, report: Path) -> None:
    stop = report.with_name(f"{report.name}.stop")
    server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
    server.request("POST", "/v2/repository/index", "{}")
    models = sorted({model["name"] for model in json.load(server.getresponse()) if model.get("state") == "READY"})
    rounds, gaps = 0, []
    start = answered = time.monotonic()
    while not stop.exists() and time.monotonic() - answered < GONE:
        for model in models:
            try:
                server.request("GET", f"/v2/models/{model}/ready")
                answer = server.getresponse()
                answer.read()
                status = str(answer.status)
                answered = time.monotonic()
            except (OSError, http.client.HTTPException) as error:
                status = repr(error)
                server.close()
            if status != "200":
                gaps.append(f"{time.monotonic() - start:.1f} s: {model}: {status}")
        rounds += 1
        time.sleep(PAUSE)
    report.write_text(json.dumps({"models": models, "rounds": rounds, "gaps": gaps}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing configurations, beside Google's text_format, on the same files in the same run.

CPU time, best of several interleaved rounds: the machine's other load falls on both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import google.protobuf
from ansible_collections.inference.triton.plugins.module_utils._model_config import reading, second_opinion
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier
from google.protobuf import text_format
from repository import configuration

FILES = [configuration(number).encode() for number in range(600)]
ROUNDS = 9


def parse_and_print() -> None:
    for data in FILES:
        Document.parse(data).to_bytes()


def parse_read_and_print() -> None:
    for data in FILES:
        document = Document.parse(data)
        reading.read(document)
        document.to_bytes()


def edit_and_print() -> None:
    group = {"instance_group": [{"kind": Identifier("KIND_GPU", 1)}]}
    for data in FILES:
        Document.parse(data).merge(group).to_bytes()


def protobuf() -> None:
    loaded = second_opinion.load()
    assert loaded
    message_class = loaded.message_class
    for data in FILES:
        text_format.MessageToString(text_format.Parse(data, message_class()))


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    works = (parse_and_print, parse_read_and_print, edit_and_print, protobuf)
    best = dict.fromkeys(works, float("inf"))
    for _ in range(ROUNDS):
        for work in works:
            best[work] = min(best[work], seconds(work))
    loaded = second_opinion.load()
    assert loaded
    kept = sum(Document.parse(data).to_bytes() == data for data in FILES)
    printed = (text_format.MessageToString(text_format.Parse(data, loaded.message_class())) for data in FILES)
    same = sum(text.encode() == data for text, data in zip(printed, FILES, strict=True))
    size = sum(map(len, FILES))
    print(
        f"{len(FILES)} configurations, {size / len(FILES):.0f} bytes on average; protobuf {google.protobuf.__version__}"
    )
    rows = (
        (parse_and_print, "inference.triton: parse, print"),
        (parse_read_and_print, "inference.triton: parse, read as ModelConfig, print"),
        (edit_and_print, "inference.triton: parse, edit the instance group, print"),
        (protobuf, "protobuf text_format: Parse, MessageToString"),
    )
    print(f"{'':58}{'µs/file':>9}{'MB/s':>7}{'times as fast':>15}")
    for work, title in rows:
        per_file = best[work] / len(FILES) * 1e6
        print(f"{title:58}{per_file:9.0f}{size / best[work] / 1e6:7.1f}{best[protobuf] / best[work]:15.1f}")
    print(f"Files that come back byte for byte: {kept} of {len(FILES)}; with protobuf {same} of {len(FILES)}.\n")


if __name__ == "__main__":
    main()

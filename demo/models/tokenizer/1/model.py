# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits text into words and gives each a number."""

import zlib

import numpy as np
import triton_python_backend_utils as pb_utils


def as_tensor(name, array):
    # Through DLPack: Triton's own conversion of arrays understands NumPy 1 only.
    return pb_utils.Tensor.from_dlpack(name, pb_utils.Tensor(name, array).to_dlpack())


class TritonPythonModel:
    def initialize(self, args):
        self.length = 16
        self.vocabulary = 32000

    def execute(self, requests):
        responses = []
        for request in requests:
            text = np.from_dlpack(pb_utils.get_input_tensor_by_name(request, "TEXT"))
            tokens = np.zeros((len(text), self.length), dtype=np.int32)
            for row, utf8 in enumerate(text):
                words = utf8.tobytes().lower().split()[: self.length]
                tokens[row, : len(words)] = [zlib.crc32(word) % self.vocabulary for word in words]
            responses.append(pb_utils.InferenceResponse([as_tensor("TOKENS", tokens)]))
        return responses

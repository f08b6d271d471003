# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates token by token; a random permutation stands in for a dictionary."""

import numpy as np
import triton_python_backend_utils as pb_utils


def as_tensor(name, array):
    # Through DLPack: Triton's own conversion of arrays understands NumPy 1 only.
    return pb_utils.Tensor.from_dlpack(name, pb_utils.Tensor(name, array).to_dlpack())


class TritonPythonModel:
    def initialize(self, args):
        self.dictionary = np.random.default_rng(3).permutation(32000).astype(np.int32)

    def execute(self, requests):
        responses = []
        for request in requests:
            tokens = np.from_dlpack(pb_utils.get_input_tensor_by_name(request, "TOKENS"))
            translation = self.dictionary[tokens]
            responses.append(pb_utils.InferenceResponse([as_tensor("TRANSLATION", translation)]))
        return responses

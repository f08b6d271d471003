# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores the four documents of the catalogue for an embedded query."""

import numpy as np
import triton_python_backend_utils as pb_utils


def as_tensor(name, array):
    # Through DLPack: Triton's own conversion of arrays understands NumPy 1 only.
    return pb_utils.Tensor.from_dlpack(name, pb_utils.Tensor(name, array).to_dlpack())


class TritonPythonModel:
    def initialize(self, args):
        self.catalogue = np.random.default_rng(2).standard_normal((4, 8), dtype=np.float32)

    def execute(self, requests):
        responses = []
        for request in requests:
            embedding = np.from_dlpack(pb_utils.get_input_tensor_by_name(request, "EMBEDDING"))
            scores = embedding @ self.catalogue.T
            responses.append(pb_utils.InferenceResponse([as_tensor("SCORES", scores)]))
        return responses

# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks the words that are not in the dictionary. It describes itself, so it has no config.pbtxt."""

import numpy as np
import triton_python_backend_utils as pb_utils


def as_tensor(name, array):
    # Through DLPack: Triton's own conversion of arrays understands NumPy 1 only.
    return pb_utils.Tensor.from_dlpack(name, pb_utils.Tensor(name, array).to_dlpack())


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.set_max_batch_size(8)
        config.add_input({"name": "TOKENS", "data_type": "TYPE_INT32", "dims": [16]})
        config.add_output({"name": "MISSPELLED", "data_type": "TYPE_INT32", "dims": [16]})
        return config

    def initialize(self, args):
        self.known = np.random.default_rng(5).random(32000) < 0.9

    def execute(self, requests):
        responses = []
        for request in requests:
            tokens = np.from_dlpack(pb_utils.get_input_tensor_by_name(request, "TOKENS"))
            misspelled = (~self.known[tokens]).astype(np.int32)
            responses.append(pb_utils.InferenceResponse([as_tensor("MISSPELLED", misspelled)]))
        return responses

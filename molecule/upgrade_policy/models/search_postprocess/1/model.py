"""Stands for a model: no test sends it a request."""


class TritonPythonModel:
    def execute(self, requests):
        return [None for request in requests]

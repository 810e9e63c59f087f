"""Errors in GitHub's shape."""

from __future__ import annotations

from codebutler.types import Json


class Refused(Exception):
    """A call that is answered with an error in GitHub's shape."""

    def __init__(self, status: int, message: str, *errors: Json, **headers: str) -> None:
        """``errors`` as a 422 lists them; ``headers`` go out with it."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)
        self.headers = headers


def missing() -> Refused:
    """What is not there, or must not be seen."""
    return Refused(404, "Not Found")


def invalid(resource: str, code: str, **more: str) -> Refused:
    """A 422 with one error."""
    return Refused(422, "Validation Failed", {"resource": resource, "code": code, **more})

"""GitHub Apps: their keys, installations, and the JWT by which an App says who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebutler.testing.github.refusals import Refused

if TYPE_CHECKING:
    from codebutler.testing.github.calls import Call
    from codebutler.testing.github.hub import Hub


@dataclass
class App:
    """``private`` is the PEM that its owner downloads; ``installations``: repository → installation."""

    id: int
    slug: str
    private: str
    public: str
    installations: dict[str, int] = field(default_factory=dict)


def make_app(hub: Hub, number: int, slug: str) -> App:
    """A new App with a key pair."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app = App(number, slug, private.decode(), public.decode())
    hub.apps[number] = app
    return app


def app_of(call: Call) -> App:
    """The App whose JWT the call carries. 401 when it is none, expired, or lives too long."""
    import jwt

    text = call.bearer
    try:
        said = jwt.decode(text, options={"verify_signature": False})
        app = call.hub.apps[int(said["iss"])]
        said = jwt.decode(text, app.public, algorithms=["RS256"], options={"verify_iat": False})
    except (jwt.PyJWTError, KeyError, ValueError):
        raise Refused(401, "A JSON web token could not be decoded") from None
    if said["exp"] - call.hub.now() > 600:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    return app

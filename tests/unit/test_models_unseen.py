"""A picture that the server does not take sticks no thread: the request is made again without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from codebutler.errors import ModelError, ModelUnavailable
from codebutler.models.client import OpenAIClient
from codebutler.testing.provider import Provider, piece
from codebutler.types import Message


def picture(data: str) -> Message:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return {"role": "user", "content": [{"type": "text", "text": "The picture p.png:"}, image]}


def refusing(status: int, said: str, what: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    no, yes = (
        Provider.status(status, {"error": {"message": said}}),
        Provider.events(piece(content="fine", finish="stop")),
    )

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (no if what in await request.text() else yes)(request)

    return handler


async def ask(client: OpenAIClient, *messages: Message) -> str:
    given: list[Message] = [{"role": "user", "content": "hello"}, *messages]
    reply = await client.complete(model="gpt-4o-image", messages=given, tools=[], max_output=9, role="pm")
    return reply.content


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "At most 0 image(s) may be provided in one prompt."),
        (400, "messages[1].content must be a string"),
        (400, "unknown variant `image_url`, expected `text` at line 1 column 4000"),
        (400, "image exceeds 5 MB maximum: 6291456 bytes > 5242880 bytes"),
        (400, "You uploaded an unsupported image. Please make sure your image is valid."),
        (404, "No endpoints found that support image input"),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
        (500, "this model is missing data required for image input"),
    ],
)
async def test_it_is_asked_again_without_the_picture(
    server: Provider, client: OpenAIClient, status: int, said: str
) -> None:
    server.handler = refusing(status, said, "AAAA")
    assert await ask(client, picture("AAAA")) == "fine"
    assert [len(server.bodies), await ask(client, picture("AAAA"))] == [2, "fine"]
    assert len(server.bodies) == 3, "it is known now"
    told = "The picture p.png: The model's server did not take it: say so where it matters."
    assert server.bodies[-1]["messages"][1] == {"role": "user", "content": told}
    assert await ask(client, picture("AAAA"), picture("BBBB")) == "fine"
    assert "BBBB" in str(server.bodies[-1]), "another picture may be taken"


async def test_what_is_not_about_pictures_fails_as_before(server: Provider, client: OpenAIClient) -> None:
    server.handler = refusing(503, "gpt-4o-image is busy: input-images per minute", "AAAA")
    with pytest.raises(ModelUnavailable):
        await ask(client, picture("AAAA"))
    server.handler = refusing(400, "bad image", "hello")
    with pytest.raises(ModelError, match="bad image"):
        await ask(client)
    assert len(server.bodies) == 2

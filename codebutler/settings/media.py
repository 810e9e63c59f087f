"""Pictures and speech: services of their own, as few model servers have both. The host's to set."""

from typing import Annotated

from pydantic import Field, SecretStr

from codebutler.settings.parts import Line, Section, Url


class Images(Section):
    """Where the Artist's pictures come from. Without ``base_url`` and ``api_key`` it is OpenAI, or the server
    at ``openai.baseUrl``, with its key. ``seconds`` bounds one picture."""

    api_key: SecretStr | None = None
    base_url: Url | None = None
    model: Line = "gpt-image-2.5-sunburst"
    seconds: Annotated[float, Field(gt=0, le=900)] = 240.0


class Speech(Section):
    """What turns voice messages into text; found like the service for pictures."""

    api_key: SecretStr | None = None
    base_url: Url | None = None
    model: Line = "gpt-transcribe"
    seconds: Annotated[float, Field(gt=0, le=900)] = 120.0

"""Pictures that were bought, and voice messages that became text."""

from typing import Literal

from codebutler.types import Attachment, Person, Record, Usage


class ImageOrdered(Record):
    """A picture is about to be bought for the call ``call_id``. ``usd`` and ``usage`` are the worst case."""

    kind: Literal["image_ordered"] = "image_ordered"
    frame: str
    call_id: str
    model: str
    usd: float = 0.0
    usage: Usage = Usage()


class ImageMade(Record):
    """The picture came; its bytes are a blob. ``path`` is where it goes, ``usd`` what it cost."""

    kind: Literal["image_made"] = "image_made"
    frame: str
    call_id: str
    path: str
    picture: Attachment
    width: int
    height: int
    model: str
    usage: Usage = Usage()
    usd: float = 0.0
    priced: bool = True
    seconds: float = 0.0


class SpeechSent(Record):
    """A recording of the message ``of`` (its seq) is about to be transcribed. ``usd`` as in ImageOrdered."""

    kind: Literal["speech_sent"] = "speech_sent"
    of: int
    sha256: str
    model: str
    usd: float = 0.0


class Transcribed(Record):
    """What is said in a recording of the message ``of``, by whom; or ``error``: why it could not be had."""

    kind: Literal["transcribed"] = "transcribed"
    frame: str = "ears"
    of: int
    sha256: str
    by: Person
    text: str = ""
    error: str = ""
    model: str = ""
    usage: Usage = Usage()
    usd: float = 0.0
    priced: bool = True
    seconds: float = 0.0

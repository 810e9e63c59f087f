"""GitHub's settings. Credentials and addresses are the host's; a repo may name labels and folders."""

import re
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator

from codebutler.settings.parts import REPO, HostPort, Line, Section, Url


class GitHub(Section):
    """GitHub as forge and door. ``web_url`` is what links in messages start with, and remotes.

    The App (``app_id`` with ``private_key`` or the file with it) comes first, then ``token``, then what
    ``gh auth token`` says. ``pr_labels`` stand on our pull requests; ``plan_folder`` is where the plan of an
    issue is written; ``queue_seconds`` is how long a merge
    waits for a merge queue, ``wait_seconds`` for a limit of GitHub's; ``post_seconds`` is the least time
    between two writes.

    The door (``door``) hears comments that call ``@`` and ``mention``, the label ``trigger_label``, and
    assignment: by asking every ``poll_seconds``, or from signed webhooks at ``listen``. ``reply_strangers``:
    who may not write gets one polite line.
    """

    token: SecretStr | None = None
    app_id: int | None = None
    private_key: SecretStr | None = None
    private_key_file: Line | None = None
    admin_channel: Line | None = None
    base_url: Url = "https://api.github.com"
    web_url: Url = "https://github.com"
    pr_labels: list[Line] = Field(default=["codebutler"], json_schema_extra=REPO)
    plan_folder: Line = Field(default=".codebutler/plans", json_schema_extra=REPO)
    code_owners: bool = Field(default=True, json_schema_extra=REPO)
    queue_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 90.0
    post_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    door: bool = True
    mention: Line = "bot"
    trigger_label: Line | None = Field(default=None, json_schema_extra=REPO)
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    listen: HostPort | None = None
    webhook_secret: SecretStr | None = None
    reply_strangers: bool = True

    @field_validator("mention")
    @classmethod
    def _without_at(cls, value: str) -> str:
        name = value.removeprefix("@")
        if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?", name) is None:
            raise ValueError('must be one word, as "bot": what people write behind @')
        return name

    @field_validator("plan_folder")
    @classmethod
    def _within(cls, value: str) -> str:
        parts = value.rstrip("/").split("/")
        if not value.strip("/") or value.startswith("/") or {"", ".", "..", ".git"} & set(parts):
            raise ValueError('must be a folder of the repo, as "docs/plans"')
        return value

    @field_validator("private_key", mode="before")
    @classmethod
    def _on_one_line(cls, value: Any) -> Any:  # noqa: ANN401 - whatever stands there
        """PEM has lines, as no other key has: their ends are kept as the two signs that stand for them."""
        return value.strip().replace("\r", "").replace("\n", "\\n") if isinstance(value, str) else value

"""Keys as people paste them: what surrounds one goes, what cannot be sent is refused where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codebutler.config import load_config
from codebutler.errors import ConfigError


@pytest.mark.parametrize("given", ["sk-plain\n", "  sk-plain", "sk-plain\r\n"])
def test_what_surrounds_a_key_falls_away(tmp_path: Path, given: str) -> None:
    config = load_config(None, home=tmp_path, env={"OPENAI_API_KEY": given})
    assert config.openai.api_key is not None
    assert config.openai.api_key.get_secret_value() == "sk-plain"


@pytest.mark.parametrize("given", ["sk-one\nsk-two", "\u201csk-plain\u201d", "sk-\u00e4", "sk\tplain"])
def test_a_key_that_cannot_be_sent_is_named_and_not_shown(tmp_path: Path, given: str) -> None:
    with pytest.raises(
        ConfigError, match=r"OPENAI_API_KEY: openai\.apiKey: must be a key.*line break"
    ) as caught:
        load_config(None, home=tmp_path, env={"OPENAI_API_KEY": given})
    assert "sk" not in str(caught.value)
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"providers": {"lab": {"baseUrl": "http://lab.example/v1", "apiKey": given}}}))
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"config\.json: providers\.lab\.apiKey: must be a key"):
        load_config(None, home=tmp_path, env={})

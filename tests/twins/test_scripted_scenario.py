"""Scenario files: mistakes are named with their place, and what we ship is sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codebutler.errors import ConfigError
from codebutler.testing.scenario import load_scenario, parse_scenario, shipped

HEAD = '[[scripts]]\nrole = "pm"\n[[scripts.steps]]\n'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            HEAD + 'text = "a"\nexpects = ["x"]',
            "scripts[1].steps[1].expects: unknown key (did you mean 'expect'?)",
        ),
        (HEAD + 'text = "a"\nfoobar = 1', "scripts[1].steps[1].foobar: unknown key (known here: "),
        (
            HEAD + 'text = "a"\nexpect = [{ regexp = "x" }]',
            "expect[1].regexp: unknown key (did you mean 'regex'?)",
        ),
        (HEAD + 'text = "a"\nexpect = [{ regex = "(" }]', "is not a regular expression"),
        (HEAD + 'text = "a"\nexpect = [1]', "steps[1].expect[1]: must be a text or { regex"),
        (
            HEAD + 'calls = [{ nam = "read" }]',
            "scripts[1].steps[1].calls[1].nam: unknown key (did you mean 'name'?)",
        ),
        (
            HEAD + 'calls = [{ name = "read", garbage = "{", arguments = { a = 1 } }]',
            "both arguments and garbage",
        ),
        (HEAD + 'expect = ["x"]', "scripts[1].steps[1]: has no answer"),
        (HEAD + "status = 200", "scripts[1].steps[1].status: "),
        (HEAD + 'status = 500\ntext = "a"', "an answer that is never given"),
        (HEAD + "status = 500\ntimes = 1", "has times but no answer"),
        (
            HEAD + 'text = "a"\n[[scripts.steps.alternative]]\ntext = "b"',
            "alternative[1]: accepts everything",
        ),
        (
            HEAD + 'text = "a"\n[[scripts.steps.alternative]]\nexpect = ["b"]\nstay = true',
            "has stay but no calls",
        ),
        (HEAD + 'text = "a"\nusage = { in = 1 }', "usage.in: unknown key"),
        ('[[scripts]]\nrole = "pm"\nsteps = []', "scripts[1].steps: "),
        ("scripts = []", "scripts: "),
        ('name = "x"', "scripts: Field required"),
        ('title = "x"\n' + HEAD + 'text = "a"', "title: unknown key"),
        ("name = ", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_place(text: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(path)
    assert caught.value.message.startswith("scenario mine.toml: ")
    assert wrong in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_not_there_lists_what_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot be read: No such file.*one of: ask, demo, parcels, question"
    ):
        load_scenario(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe4"')
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load_scenario(tmp_path / "latin.toml")


def test_a_file_wins_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_scenario("demo").name == "demo.toml"
    Path("demo").write_text(HEAD + 'text = "mine"')
    assert load_scenario("demo").scripts[0].steps[0].text == "mine"


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_load_and_say_what_they_are(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == f"{name}.toml"
    assert scenario.description


def test_labels_count_the_scripts_of_a_role() -> None:
    scenario = parse_scenario("\n".join([HEAD + 'text = "a"', HEAD + 'text = "b"']))
    assert [scenario.label(s) for s in scenario.scripts] == ["pm", "pm#2"]
    assert scenario.role_names() == ["pm"]


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/scenarios.md").read_text(encoding="utf-8")
    scenario = parse_scenario(HEAD + 'text = "a"\n[[scripts.steps.alternative]]\nexpect = ["b"]')
    step = scenario.scripts[0].steps[0]
    for model in (scenario, scenario.scripts[0], step, step.alternative[0]):
        for key in type(model).model_fields:
            assert re.search(rf"`{key}`", page), f"docs/scenarios.md does not explain {key}"

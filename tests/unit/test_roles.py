"""Role files: the shipped ones are whole, and a repo's own can narrow but never widen."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from codebutler import assets
from codebutler.agent.roles import TOOLS, Role, load_role, load_roles, shipped_names
from codebutler.errors import ConfigError

NAMES = ("artist", "coder", "lead", "pm", "researcher")
READ_ONLY = {"read", "grep", "glob", "git_log", "git_diff", "read_memory", "list_threads", "skill"}
NEW = 'model = "some/model"\nprompt = ["tester.md"]\n'


def widened(name: str, text: str) -> Role:
    return load_role(name, repo_text=text)


def test_the_shipped_roles_are_these() -> None:
    assert shipped_names() == NAMES
    assert tuple(load_roles({})) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_role_is_whole(name: str) -> None:
    """Its prompt and memory files exist, and it can pay for at least one reply."""
    role = load_role(name)
    assert role.name == name
    assert role.title
    assert role.prompt == (f"{name}.md", "shared.md")
    assert all(assets.text("prompts_defaults", file).strip() for file in role.prompt)
    assert all(assets.text("memory_defaults", file).strip() for file in role.memory)
    assert 0 < role.limits.usd <= 5
    assert 0 < role.limits.max_output <= 16_000


def test_only_the_coder_can_change_the_worktree() -> None:
    changing = {
        "write",
        "edit",
        "apply_patch",
        "bash",
        "git_commit",
        "git_push",
        "create_pr",
        "save_attachment",
    }
    assert [n for n in NAMES if changing & set(load_role(n).tools)] == ["coder"]
    assert set(load_role("coder").tools) >= changing
    talks = {"follow_workflow", "propose_plan", "ask_user", "research", "draw"}
    assert set(load_role("pm").tools) - READ_ONLY == talks
    assert set(load_role("lead").tools) - READ_ONLY == {"write_summary", "propose_memory", "ask_pm"}
    assert set(load_role("artist").tools) - READ_ONLY == {"generate_image", "edit_image", "ask_pm"}


def test_a_prompt_names_every_tool_of_its_role() -> None:
    for name in NAMES:
        text = assets.text("prompts_defaults", f"{name}.md")
        offered = set(load_role(name).tools) - {"skill"}  # which the list of a repo's skills names
        assert [t for t in offered if f"`{t}`" not in text] == []


def test_a_prompt_names_no_tool_that_the_role_lacks() -> None:
    for name in NAMES:
        text = assets.text("prompts_defaults", f"{name}.md")
        lacking = set(TOOLS) - set(load_role(name).tools)
        assert {t for t in lacking if f"`{t}`" in text} == set()


def test_a_role_is_frozen() -> None:
    with pytest.raises(ValidationError):
        load_role("pm").model = "other/model"


def test_a_repo_chooses_models_key_by_key() -> None:
    role = widened("pm", 'model = "local/qwen"\npool = { q = "local/qwen" }\nfallbacks = []\n')
    shipped = load_role("pm")
    assert (role.model, role.pool, role.fallbacks) == ("local/qwen", {"q": "local/qwen"}, ())
    rest = {"model", "pool", "fallbacks"}
    assert role.model_dump(exclude=rest) == shipped.model_dump(exclude=rest)


def test_a_repo_narrows_tools_and_never_widens_them() -> None:
    role = widened("pm", 'tools = ["bash", "glob", "write", "read"]\n')
    assert role.tools == ("read", "glob")
    assert widened("researcher", 'tools = ["bash"]').tools == ()


def test_a_repo_lowers_limits_and_never_raises_them() -> None:
    limits = widened("pm", "limits = { iterations = 99, usd = 0.1 }").limits
    shipped = load_role("pm").limits
    assert limits == shipped.model_copy(update={"usd": 0.1})


def test_a_new_file_is_a_new_role_within_the_coders_bounds() -> None:
    text = NEW + 'tools = ["bash", "read"]\nlimits = { usd = 999, seconds = 60 }\n'
    roles = load_roles({"tester": text, "pm": 'title = "Boss"'})
    assert tuple(roles) == (*NAMES, "tester")
    tester, coder = roles["tester"], roles["coder"]
    assert (tester.name, tester.title, tester.tools) == ("tester", "Tester", ("bash", "read"))
    assert tester.limits == coder.limits.model_copy(update={"seconds": 60})
    assert roles["pm"].title == "Boss"
    assert load_role("tester", repo_text=NEW).tools == ()


def test_a_new_role_may_not_have_what_the_coder_lacks() -> None:
    with pytest.raises(ConfigError, match=r"roles/tester.toml.*'propose_plan'"):
        widened("tester", NEW + 'tools = ["read", "propose_plan"]')


@pytest.mark.parametrize("name", ["../pm", "Big", "", "a" * 40])
def test_a_new_role_has_a_plain_name(name: str) -> None:
    with pytest.raises(ConfigError, match="'name'"):
        widened(name, NEW)


def test_a_role_that_nobody_defines_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"'tester'.*pm"):
        load_role("tester")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('modle = "a/b"', "unknown key 'modle'. Known keys: name, title, model"),
        ("limits = { dollars = 3 }", "unknown key 'limits.dollars'. Known keys: iterations, usd"),
        ('tools = ["read", "teleport"]', "unknown tool 'teleport'. Known tools: read, write"),
        ('model = ""', "key 'model' is wrong"),
        ("model = 3", "key 'model' is wrong"),
        ('tools = "read"', "key 'tools' is wrong"),
        ("tools = [1]", "key 'tools.0' is wrong"),
        ("limits = 3", "key 'limits' is wrong"),
        ('limits = { usd = "1" }', "key 'limits.usd' is wrong"),
        ("limits = { usd = nan }", "key 'limits.usd' is wrong"),
        ("limits = { usd = inf }", "key 'limits.usd' is wrong"),
        ("limits = { usd = -1 }", "key 'limits.usd' is wrong"),
        ("limits = { iterations = true }", "key 'limits.iterations' is wrong"),
        ("limits = { iterations = 0 }", "key 'limits.iterations' is wrong"),
        ('prompt = ["../../secret.md"]', "key 'prompt.0' is wrong"),
        ("prompt = []", "key 'prompt' is wrong"),
        ('memory = ["pm.txt"]', "key 'memory.0' is wrong"),
        ('title = "two\\nlines"', "key 'title' is wrong"),
        ('name = "coder"', "key 'name' is 'coder'"),
        ("tools = [", "not valid TOML"),
        ("a = " + "[" * 5_000, "not valid TOML"),
    ],
)
def test_a_fault_names_the_file_and_the_key(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        widened("pm", text)
    line = str(caught.value)
    assert line.startswith(".codebutler/roles/pm.toml")
    assert says in line
    assert "\n" not in line
    assert caught.value.fix


def test_a_new_role_without_a_model_is_told_so() -> None:
    with pytest.raises(ConfigError, match=r"roles/tester.toml: key 'model' is missing"):
        widened("tester", 'prompt = ["tester.md"]')


def test_tools_that_this_build_lacks_are_named_with_the_shipped_file() -> None:
    known = [t for t in TOOLS if t != "list_threads"]
    with pytest.raises(ConfigError, match=r"^roles/pm.toml: unknown tool 'list_threads'"):
        load_role("pm", known_tools=known)

"""The file of several language models: what it says, and how it is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from limner.config import load
from limner.config.patience import CircuitLimits, Timeouts
from limner.config.upstreams import UpstreamsFile, read_upstreams
from limner.core.errors import ConfigError
from limner.core.routing import Route

EXAMPLE = Path(__file__).resolve().parents[2] / "limner.example.toml"
FAR = '[upstreams.far]\nurl = "http://far/v1"\n'


def read(text: str, folder: Path, **environ: str) -> UpstreamsFile:
    path = folder / "limner.toml"
    path.write_text(text)
    return read_upstreams(path, environ)


def refusal(text: str, folder: Path, **environ: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read(text, folder, **environ)
    return re.sub(r"(?<=limner\.toml), line \d+", "", said(refused, folder))


def said(refused: pytest.ExceptionInfo[ConfigError], folder: Path) -> str:
    return refused.value.message.replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n# one\n[upstream.far]\n", "limner.toml, line 3: upstream is not a key"),
        (FAR + "# more\n modles = []\n", "limner.toml, line 4: upstreams.far.modles is not a key"),
        (
            FAR + "[ upstreams.far.timeouts ] # s\n\ntotl = 4\n",
            "limner.toml, line 5: upstreams.far.timeouts.totl is not a key",
        ),
        (FAR + "vision = 3\n", "limner.toml, line 3: upstreams.far.vision must be true or false"),
        (FAR + "timeouts = {totl = 4}\n", "limner.toml: upstreams.far.timeouts.totl is not"),
        ("[keys.a]\n" + FAR, "limner.toml: keys.a.key_env must be the name"),
    ],
)
def test_a_complaint_names_the_line_where_the_key_stands_on_one(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text, tmp_path)
    assert said(refused, tmp_path).startswith(message)


def test_a_url_is_enough(tmp_path: Path) -> None:
    (entry,) = read(FAR, tmp_path).upstreams
    assert (entry.name, entry.url, entry.kind) == ("far", "http://far/v1", "auto")
    assert (entry.key, entry.vision, entry.image_tool) == (None, False, "on")
    assert entry.tools == "auto"
    assert (entry.timeouts, entry.circuit) == (Timeouts(), CircuitLimits(5, 15))
    assert entry.route == Route("far")


def test_everything_can_be_said(tmp_path: Path) -> None:
    text = """
    [upstreams.far]
    kind = "chat"
    url = "https://far/v1"
    key_env = "FAR_KEY"
    models = ["qwen3", "gpt-oss"]
    aliases = { fast = "qwen3" }
    patterns = ["llama-*"]
    vision = true
    tools = "prompted"
    token_limit_field = "max_tokens"
    max_output_tokens = 900
    thinking = "budget"
    image_tool = "off"
    retries = 0
    timeouts = { connect = 1, first_byte = 2.5, idle = 3, total = 4 }
    circuit = { failures = 2, rest = 0.5 }

    [upstreams.rules]
    kind = "intent"

    [keys.codex]
    key_env = "CODEX"
    image_tool = "strip"

    [keys.mine]
    key_env = "MINE"
    """
    file = read(text, tmp_path, FAR_KEY=" sk-far ", CODEX="sk-codex", MINE="sk-mine")
    far, rules = file.upstreams
    assert far.route == Route("far", ("qwen3", "gpt-oss"), {"fast": "qwen3"}, ("llama-*",))
    assert (far.kind, far.key, far.vision, far.thinking) == ("chat", "sk-far", True, "budget")
    assert far.tools == "prompted"
    assert (far.token_limit_field, far.image_tool, far.retries) == ("max_tokens", "off", 0)
    assert far.max_output_tokens == 900
    assert (far.timeouts, far.circuit) == (Timeouts(1, 2.5, 3, 4), CircuitLimits(2, 0.5))
    assert (rules.kind, rules.url) == ("intent", None)
    assert [(key.name, key.key, key.image_tool) for key in file.keys] == [
        ("codex", "sk-codex", "strip"),
        ("mine", "sk-mine", None),
    ]
    assert "sk-" not in repr(file)


def test_the_example_can_be_used_as_it_is() -> None:
    file = read_upstreams(EXAMPLE, {"OPENAI_API_KEY": "a", "CODEX_KEY": "b", "TEAM_KEY": "c"})
    assert len(file.upstreams) > 1
    assert file.keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "limner.toml: [upstreams.<name>] must be there at least once, with a url."),
        ("[upstream.far]\n", "limner.toml: upstream is not a key; did you mean upstreams?"),
        ("upstreams = 1", "limner.toml: upstreams must be a table, [upstreams], got 1."),
        (
            "[upstreams.far]\n",
            "limner.toml: upstreams.far.url must be an address such as "
            "http://127.0.0.1:11434/v1, got None.",
        ),
        (
            '[upstreams.far]\nkind = "intent"\nurl = "http://far"',
            "limner.toml: upstreams.far.url must be left out with kind intent, got 'http://far'.",
        ),
        (
            FAR + 'kind = "soap"',
            "limner.toml: upstreams.far.kind must be auto, chat, responses, anthropic, harmony or "
            "intent, got 'soap'.",
        ),
        (
            FAR + 'vision = "yes"',
            "limner.toml: upstreams.far.vision must be true or false, got 'yes'.",
        ),
        (
            FAR + 'models = "x"',
            'limner.toml: upstreams.far.models must be a list of texts such as ["a", "b"], got '
            "'x'.",
        ),
        (
            FAR + "aliases = { a = 1 }",
            "limner.toml: upstreams.far.aliases.a must be a text, got 1.",
        ),
        (
            FAR + "timeouts = { total = 0 }",
            "limner.toml: upstreams.far.timeouts.total must be a number from 0.001 to 86400, got "
            "0.",
        ),
        (
            FAR + "timeouts = { totl = 1 }",
            "limner.toml: upstreams.far.timeouts.totl is not a key; did you mean total?",
        ),
        (
            FAR + "circuit = { failures = -1 }",
            "limner.toml: upstreams.far.circuit.failures must be a whole number from 0 to 1000, "
            "got -1.",
        ),
        (
            FAR + "retries = true",
            "limner.toml: upstreams.far.retries must be a whole number from 0 to 10, got True.",
        ),
        (
            FAR + 'image_tool = "maybe"',
            "limner.toml: upstreams.far.image_tool must be on, off, passthrough or strip, "
            "got 'maybe'.",
        ),
        (
            FAR + 'kind = "chat"\nimage_tool = "passthrough"',
            "limner.toml: upstreams.far.image_tool can be passthrough with a server of kind "
            "responses only, got kind chat.",
        ),
        (
            FAR + 'key_env = "FAR_KEY"',
            "limner.toml: upstreams.far.key_env must be the name of an environment variable that "
            "holds the key; 'FAR_KEY' is not set or empty.",
        ),
        (
            FAR + 'key = "sk-1"',
            "limner.toml: upstreams.far.key must not be in the file: key_env names the environment "
            "variable that holds the key.",
        ),
        (
            FAR + '[upstreams.near]\nurl = "http://near"',
            "limner.toml: upstreams: the pattern '*' is named twice, by far and near; only one may "
            "have it.",
        ),
        (
            FAR + "[keys.codex]",
            "limner.toml: keys.codex.key_env must be the name of an environment variable, got "
            "None.",
        ),
        (
            FAR + '[keys.a]\nkey_env = "K"\n[keys.b]\nkey_env = "K"',
            "limner.toml: keys.b.key_env must hold another key than keys.a.key_env.",
        ),
    ],
)
def test_what_cannot_be_accepted_is_named(text: str, message: str, tmp_path: Path) -> None:
    assert refusal(text, tmp_path, K="k") == message


def test_a_key_that_is_like_no_other_brings_the_list_of_them(tmp_path: Path) -> None:
    told = refusal(FAR + '[keys.a]\nkey_env = "K"\nzzz = 1', tmp_path, K="k")
    assert told == "limner.toml: keys.a.zzz is not a key; known: key_env, image_tool."


def test_a_file_that_is_not_there_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config .*none\.toml cannot be read: No such file"):
        read_upstreams(tmp_path / "none.toml", {})
    assert refusal("a = ", tmp_path).startswith("limner.toml is not TOML: ")


def test_the_file_and_the_flags_of_one_model_exclude_each_other() -> None:
    with pytest.raises(ConfigError) as refused:
        load({"config": "limner.toml", "llm_url": "http://far"}, {})
    assert refused.value.message == (
        "--llm (LIMNER_LLM_URL) describes one language model, and --config limner.toml several. "
        "Say it in the file."
    )
    assert load({}, {"LIMNER_CONFIG": "limner.toml"}).config == Path("limner.toml")
    assert load({"config": "limner.toml", "image_denial": "error"}, {}).image_denial == "error"


@pytest.mark.parametrize(
    ("flags", "is_accepted"),
    [
        ({"llm_url": "http://far", "llm_kind": "responses"}, True),
        ({"llm_url": "http://far"}, True),
        ({"llm_url": "http://far", "llm_kind": "chat"}, False),
        ({}, False),
    ],
)
def test_the_tool_is_passed_only_to_servers_that_may_have_it(
    flags: dict[str, str], is_accepted: bool
) -> None:
    flags = flags | {"image_tool": "passthrough"}
    if is_accepted:
        assert load(flags, {}).image_tool == "passthrough"
        return
    with pytest.raises(
        ConfigError, match=r"^--image-tool \(LIMNER_IMAGE_TOOL\) can be passthrough"
    ):
        load(flags, {})

"""Where settings come from, and what is said when they cannot be accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.config import TABLE, Settings, load, unknown_variables
from limner.core.errors import ConfigError
from limner.core.lora import LoraFile


def test_without_anything_it_serves_tiny_on_loopback() -> None:
    settings = load({}, {})
    assert (settings.host, settings.port, settings.image_backend) == ("127.0.0.1", 8034, None)
    assert settings.model is None
    assert settings.llm_url is None
    assert settings.data.is_absolute()


def test_a_flag_comes_before_our_variable_and_that_before_the_older_one() -> None:
    environ = {"LIMNER_PORT": "2", "IMAGE_GEN_PORT": "3"}
    assert load({"port": "1"}, environ).port == 1
    assert load({"port": None}, environ).port == 2
    assert load({}, {"IMAGE_GEN_PORT": "3"}).port == 3


def test_an_empty_variable_is_not_set_but_an_empty_flag_is_wrong() -> None:
    assert load({}, {"LIMNER_PORT": "", "IMAGE_GEN_PORT": "3"}).port == 3
    with pytest.raises(ConfigError, match="--port must be a whole number from 0 to 65535, got ''"):
        load({"port": ""}, {})


def test_the_variables_of_the_older_service_keep_their_meaning() -> None:
    settings = load(
        {},
        {
            "IMAGE_GEN_HOST": "0.0.0.0",
            "IMAGE_GEN_PORT": "9000",
            "IMAGE_GEN_MODEL": "Tongyi-MAI/Z-Image-Turbo",
            "IMAGE_GEN_DEFAULT_WIDTH": "512",
            "IMAGE_GEN_DEFAULT_HEIGHT": "768",
            "IMAGE_GEN_INFERENCE_STEPS": "9",
            "IMAGE_GEN_GUIDANCE_SCALE": "0.0",
            "IMAGE_GEN_MAX_QUEUE_SIZE": "5",
            "IMAGE_GEN_MAX_CONCURRENT": "2",
            "IMAGE_GEN_RESULT_TTL": "60",
        },
    )
    assert settings == Settings(
        host="0.0.0.0",
        port=9000,
        data=settings.data,
        model="Tongyi-MAI/Z-Image-Turbo",
        default_width=512,
        default_height=768,
        steps=8,
        guidance_scale=0,
        max_queue=5,
        max_concurrent=2,
        result_ttl_s=60,
    )


def test_the_url_of_a_database_comes_from_a_variable_as_it_is_and_is_not_shown() -> None:
    url = "postgresql://Me:S3cret@db.example/Limner"
    for flags, environ in (
        ({}, {"LIMNER_DATABASE_URL": url}),
        ({"database_url": "THEIRS"}, {"THEIRS": url, "LIMNER_DATABASE_URL": "postgresql://other"}),
    ):
        settings = load(flags, environ)
        assert settings.database_url == url
        assert "S3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "at_a_time"),
    [
        (Settings(), 16),
        (Settings(image_backend="engine"), 16),
        (Settings(device="cuda:0,cuda:1,cuda:2"), 48),
        (Settings(device="cpu,cpu", max_concurrent=4), 4),
        (Settings(image_backend="http://127.0.0.1:1/v1", device="cpu,cpu"), 4),
        (Settings(image_backend="http://127.0.0.1:1,http://127.0.0.1:2"), 8),
        (Settings(image_backend="http://127.0.0.1:1/v1"), 4),
        (Settings(image_service_config=Path("service.json")), 4),
        (Settings(image_backend="http://127.0.0.1:1/v1", max_concurrent=2), 2),
    ],
)
def test_our_engine_gets_more_at_a_time_than_a_service_elsewhere(
    settings: Settings, at_a_time: int
) -> None:
    assert settings.painted_at_a_time == at_a_time


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        ({"port": "abc"}, {}, "--port must be a whole number from 0 to 65535, got 'abc'."),
        ({}, {"LIMNER_PORT": "65536"}, "LIMNER_PORT must be a whole number from 0 to 65535, got"),
        ({"port": "٣"}, {}, "--port must be"),
        (
            {},
            {"IMAGE_GEN_INFERENCE_STEPS": "1"},
            "IMAGE_GEN_INFERENCE_STEPS must be a whole number from 2 to 51, got '1'.",
        ),
        ({"steps": "0"}, {}, "--steps must be a whole number from 1 to 50, got '0'."),
        ({"guidance_scale": "nan"}, {}, "--guidance-scale must be a number from 0 to 20, got"),
        ({"guidance_scale": "1,5"}, {}, "--guidance-scale must be a number from 0 to 20, got"),
        ({"llm_vision": "maybe"}, {}, "--llm-vision must be yes or no, got 'maybe'."),
        ({"llm_url": "localhost:1"}, {}, "--llm must be an address such as http://"),
        (
            {"image_backend": "off"},
            {},
            "--image-backend must be engine, none, or an address such as http://",
        ),
        (
            {"device": "tpu"},
            {},
            "--device must be auto, cpu, cuda, cuda:<number>, mps or xpu, several of these with "
            "commas, or all, got",
        ),
        ({"device": "all,cpu"}, {}, "--device must be auto, cpu,"),
        ({"device": "cuda:0,"}, {}, "--device must be auto, cpu,"),
        (
            {"image_backend": "none", "steps": "4"},
            {},
            "--steps (LIMNER_STEPS) is a setting of our engine",
        ),
        (
            {"image_backend": "none"},
            {"LIMNER_DEVICE": "cpu"},
            "--device (LIMNER_DEVICE) is a setting of our engine",
        ),
        (
            {"image_backend": "none", "compile": "on"},
            {},
            "--compile (LIMNER_COMPILE) is a setting of our engine",
        ),
        (
            {"warm_sizes": "512x512;768x768"},
            {},
            "--warm-sizes must be sizes such as 512x512,768x512, got '512x512;768x768'.",
        ),
        (
            {"image_backend": "swarm+http://127.0.0.1:7801"},
            {},
            "--image-backend must be engine, none, or an address such as http://127.0.0.1:11434/v1,"
            " or one that begins with comfyui+, a1111+, jobs+, openai+, azure+, azure-v1+, "
            "vllm-omni+, sglang+, localai+, sd-cpp+, limner+, engine+, or several of one kind with "
            "commas between them, got 'swarm+http://127.0.0.1:7801'.",
        ),
        ({"image_backend": "http://a,none"}, {}, "--image-backend must be engine, none, or"),
        ({"image_backend": "http://a,"}, {}, "--image-backend must be engine, none, or"),
        ({"image_backend": "http://a,jobs+http://b"}, {}, "--image-backend must be engine,"),
        (
            {"image_service_config": "s.json", "model": "x"},
            {},
            "--model (LIMNER_MODEL) has no meaning beside --image-service-config s.json",
        ),
        (
            {"steps": "4"},
            {"LIMNER_IMAGE_SERVICE_CONFIG": "s.json"},
            "--steps (LIMNER_STEPS) has no meaning beside --image-service-config s.json",
        ),
        ({"llm_url": "comfyui+http://127.0.0.1:8188"}, {}, "--llm must be an address"),
        (
            {"comfyui_workflow": "mine.json"},
            {},
            "--comfyui-workflow (LIMNER_COMFYUI_WORKFLOW) needs --image-backend comfyui+http://…, "
            "got engine.",
        ),
        (
            {"comfyui_edit_workflow": "mine.json", "image_backend": "a1111+http://127.0.0.1:1"},
            {},
            "--comfyui-edit-workflow (LIMNER_COMFYUI_EDIT_WORKFLOW) needs --image-backend",
        ),
        ({"llm_model": "qwen"}, {}, "--llm-model (LIMNER_LLM_MODEL) needs --llm"),
        ({"llm_key": "NOWHERE"}, {}, "--llm-key-env must be the name of an environment variable"),
        ({}, {"LIMNER_API_KEYS": " , "}, "LIMNER_API_KEYS must be keys with commas between them"),
    ],
)
def test_what_cannot_be_accepted_is_named_with_what_would_be(
    flags: dict[str, str], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(flags, environ)
    assert raised.value.message.startswith(message)


def test_keys_come_from_variables_and_are_shown_nowhere() -> None:
    environ = {
        "LIMNER_API_KEYS": "sk-one, sk-two",
        "LIMNER_LLM_API_KEY": "sk-usual",
        "MY_KEY": "sk-named\n",
        "LIMNER_LLM_URL": "http://127.0.0.1:1",
    }
    settings = load({"llm_key": "MY_KEY"}, environ)
    assert settings.api_keys == ("sk-one", "sk-two")
    assert settings.llm_key == "sk-named"
    assert load({}, environ).llm_key == "sk-usual"
    assert "sk-" not in repr(settings)


def test_addresses_words_and_folders_are_read_as_such() -> None:
    flags = {"image_backend": "https://images.example.com/v1", "data": "~/pictures"}
    settings = load(flags, {"LIMNER_LOG_LEVEL": "DEBUG", "LIMNER_LLM_VISION": "1"})
    assert settings.image_backend == "https://images.example.com/v1"
    assert settings.data == Path.home() / "pictures"
    assert settings.log_level == "debug"
    assert settings.llm_vision


@pytest.mark.parametrize("wire", ["comfyui", "a1111", "jobs"])
def test_a_back_ends_address_may_name_its_wire(wire: str) -> None:
    address = f"{wire}+http://127.0.0.1:8188"
    assert load({"image_backend": address}, {}).image_backend == address


def test_settings_that_do_not_concern_a_command_keep_their_defaults() -> None:
    environ = {"LIMNER_IMAGE_BACKEND": "none", "LIMNER_STEPS": "4", "LIMNER_PORT": "nonsense"}
    settings = load({}, environ, takes={"steps"})
    assert (settings.steps, settings.image_backend, settings.port) == (4, None, 8034)


def test_a_mistyped_variable_is_pointed_out() -> None:
    environ = {"LIMNER_PROT": "1", "LIMNER_ZZZZZZZ": "x", "LIMNER_PORT": "1", "PATH": "/bin"}
    assert unknown_variables(environ) == [
        "The variable LIMNER_PROT is not a setting; did you mean LIMNER_PORT?",
        "The variable LIMNER_ZZZZZZZ is not a setting; docs/configure.md lists them.",
    ]


def test_no_two_settings_share_a_name() -> None:
    flags = [entry.flag for entry in TABLE]
    variables = [entry.variable for entry in TABLE]
    assert len(set(flags)) == len(flags)
    assert len(set(variables)) == len(variables)


def test_adapters_have_names_and_files() -> None:
    settings = load({"loras": "ink=/models/ink.safetensors:0.8,pixel=owner/pixel"}, {})
    assert settings.loras == (
        LoraFile("ink", "/models/ink.safetensors", 0.8),
        LoraFile("pixel", "owner/pixel"),
    )
    with pytest.raises(ConfigError, match=r"--lora must be a name and a file.*got 'ink'"):
        load({"loras": "ink"}, {})

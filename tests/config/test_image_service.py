"""The file of an external image service: what it must say, may say, and how it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from limner.config.image_service import ImageService, load_image_service, parse_image_service
from limner.core.errors import ConfigError
from limner.wire.images_dialect import Endpoint

TEMPLATE = Path(__file__).parents[2] / "image_service_config.template.json"
ENVIRON = {"EXAMPLE_IMAGE_API_KEY": "sk-secret"}
NEEDED = {
    "provider": "example",
    "api_base": "https://images.example.com/v1",
    "api_key_env": "EXAMPLE_IMAGE_API_KEY",
    "default_model": "gpt-image-1",
}


def read(**changes: Any) -> ImageService:
    return parse_image_service({**NEEDED, **changes}, ENVIRON)


def refused(value: object, environ: dict[str, str] = ENVIRON) -> str:
    with pytest.raises(ConfigError) as raised:
        parse_image_service(value, environ)
    return raised.value.message


def test_the_template_is_whole_and_says_what_holds_without_operations() -> None:
    service = load_image_service(TEMPLATE, ENVIRON)
    assert (service.provider, service.key, service.default_model) == (
        "example",
        "sk-secret",
        "gpt-image-1",
    )
    assert service == read()
    assert service.generate == Endpoint("POST", "/images/generations")
    assert service.edit == Endpoint("POST", "/images/edits")
    assert not service.not_understood


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({}, "api_base, api_key_env, default_model, provider"),
        ({**NEEDED, "provider": ""}, "provider"),
        ({**NEEDED, "provider": None, "api_base": None}, "api_base, provider"),
        ({name: NEEDED[name] for name in ("provider", "api_base")}, "api_key_env, default_model"),
    ],
)
def test_missing_fields_are_named_in_their_order(value: dict[str, Any], names: str) -> None:
    assert refused(value) == (
        f"image_service_config is missing required field(s): {names}. "
        "See docs/image-services.md for the template."
    )


def test_a_file_is_named_in_what_is_said_of_it(tmp_path: Path) -> None:
    path = tmp_path / "image_service.json"
    path.write_bytes(orjson.dumps({}))
    with pytest.raises(ConfigError, match=r"for the template\. The file is .*image_service\.json"):
        load_image_service(path, ENVIRON)
    path.write_text("{oh")
    with pytest.raises(ConfigError, match=r"image_service\.json cannot be read"):
        load_image_service(path, ENVIRON)
    with pytest.raises(ConfigError, match=r"none\.json cannot be read"):
        load_image_service(tmp_path / "none.json", ENVIRON)


@pytest.mark.parametrize("environ", [{}, {"EXAMPLE_IMAGE_API_KEY": " "}])
def test_the_variable_of_the_key_must_be_set(environ: dict[str, str]) -> None:
    assert refused(NEEDED, environ).startswith(
        "image_service_config: api_key_env names the environment variable 'EXAMPLE_IMAGE_API_KEY', "
        "which is not set or empty."
    )


def test_the_key_is_shown_nowhere() -> None:
    assert "sk-secret" not in repr(read())


def test_whether_a_known_server_edits_is_its_preset_s_to_say_unless_the_file_does() -> None:
    assert read(preset="localai").edit is None
    assert read(preset="localai", operations={"generate": "/paint"}).edit is None
    edits = read(preset="localai", operations={"edit": {"method": "PUT", "path": "/retouch"}})
    assert edits.edit == Endpoint("PUT", "/retouch")


@pytest.mark.parametrize(
    ("given", "method", "path", "query"),
    [
        ("/paint", "POST", "/paint", {}),
        ("paint/now?v=2", "POST", "/paint/now", {"v": "2"}),
        ({"path": "/paint"}, "POST", "/paint", {}),
        ({"method": "put"}, "PUT", "/images/generations", {}),
        ({"method": "POST", "path": "/{model}/paint"}, "POST", "/{model}/paint", {}),
    ],
)
def test_an_operation_is_a_path_or_method_and_path(
    given: Any, method: str, path: str, query: dict[str, str]
) -> None:
    service = read(operations={"generate": given})
    assert service.generate == Endpoint(method, path, query)
    assert service.edit == Endpoint("POST", "/images/edits")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provider": 1}, "provider must be a text, got 1"),
        ({"api_base": "images.example.com"}, "api_base must be an address such as https://"),
        ({"api_base": "https://h/v1?x=1"}, "api_base must be an address"),
        ({"api_base": "http://["}, "api_base must be an address"),
        ({"preset": "dalle"}, "preset must be one of openai, azure, azure-v1, vllm-omni, sglang,"),
        ({"preset": []}, "preset must be one of"),
        ({"operations": ["generate"]}, "operations must be an object with generate and edit"),
        ({"operations": {"generate": 1}}, "operations.generate must be a path, or an object"),
        ({"operations": {"edit": {"verb": "POST"}}}, "operations.edit must be a path, or an"),
        ({"operations": {"edit": {"method": "GET"}}}, "operations.edit.method must be POST or PUT"),
        ({"operations": {"edit": {"method": 1}}}, "operations.edit.method must be POST or PUT"),
        ({"operations": {"generate": {"path": "/"}}}, "operations.generate.path must be a path"),
        ({"operations": {"generate": "https://h/x"}}, "operations.generate.path must be a path"),
        (
            {"operations": {"generate": "/v1/images/generations"}},
            "operations.generate.path must be a path without /v1, which api_base ends with",
        ),
    ],
)
def test_what_cannot_be_accepted_is_named(changes: dict[str, Any], message: str) -> None:
    said = refused({**NEEDED, **changes})
    assert said.startswith(f"image_service_config: {message}"), said


def test_it_is_an_object() -> None:
    assert refused([]) == "image_service_config must be a JSON object, got []."


def test_keys_that_mean_nothing_are_kept_and_pointed_out() -> None:
    service = read(region="eu", operations={"upscale": "/x"})
    assert service.not_understood == ("operations.upscale", "region")


def test_the_preset_is_named_or_seen_by_the_address() -> None:
    assert read().preset.name == "other"
    assert read(preset="sd-cpp").preset.name == "sd-cpp"
    assert read(api_base="https://api.openai.com/v1").preset.name == "openai"
    azure = read(api_base="https://mine.openai.azure.com")
    assert azure.preset.name == "azure"
    assert azure.generate.query == {"api-version": "2025-04-01-preview"}
    newer = read(
        api_base="https://mine.openai.azure.com", operations={"generate": "/x?api-version=7"}
    )
    assert newer.generate == Endpoint("POST", "/x", {"api-version": "7"})

"""Whether a model fits is said before it is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from limner.core.errors import ConfigError
from limner.engine import room
from limner.engine.room import check_room, free_memory

GB = 10**9


def weights(path: Path, numbers: int) -> None:
    """A file that says it holds so many numbers; as far as there are any, they are holes."""
    tensor = {"dtype": "BF16", "shape": [numbers // 10, 10], "data_offsets": [0, 2 * numbers]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": tensor}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """As large as Z-Image-Turbo: ten billion numbers, the transformer's in two files."""
    weights(tmp_path / "text_encoder" / "model.safetensors", 4 * GB)
    parts = tmp_path / "transformer"
    for number in (1, 2):
        weights(parts / f"diffusion-{number}-of-2.safetensors", 3 * GB)
    index = {
        "weight_map": {"a": "diffusion-1-of-2.safetensors", "b": "diffusion-2-of-2.safetensors"}
    }
    (parts / "diffusion.safetensors.index.json").write_text(json.dumps(index))
    # Second copies, which nobody reads.
    weights(parts / "diffusion.fp16.safetensors", 6 * GB)
    weights(parts / "leftover.safetensors", 6 * GB)
    return tmp_path


def refusal(folder: Path, **how: Any) -> str | None:
    usual = {"dtype": "bfloat16", "bytes_each": 2, "device": "cuda:0", "device_free": None}
    try:
        check_room("large", folder, **{**usual, **how})
    except ConfigError as error:
        return error.message
    return None


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 64 * GB)


@pytest.mark.usefixtures("roomy")
def test_weights_count_as_they_will_be_held_and_second_copies_do_not(large: Path) -> None:
    assert refusal(large, device_free=20 * GB) is None
    message = refusal(large, device_free=19 * GB)
    assert message == (
        "model 'large' needs 20.0 GB for its weights as bfloat16, and cuda:0 has 19.0 GB of memory "
        "free. What helps: ending what else uses it, --device cpu, which is slow, a smaller "
        "--model, or --image-backend URL of an engine on a larger machine."
    )
    wide = refusal(large, dtype="float32", bytes_each=4, device_free=39 * GB)
    assert wide is not None
    assert "40.0 GB" in wide
    assert "--dtype bfloat16, which needs half" in wide


def test_the_machine_s_own_memory_is_too_small_for_any_device(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 8 * GB)
    message = refusal(large, device_free=80 * GB)
    assert message is not None
    assert "this machine has 8.0 GB of memory free" in message


def test_where_nobody_knows_the_memory_nothing_is_refused(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: None)
    assert refusal(large) is None


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize("content", [b"", b"\x02" + bytes(7) + b"[]", b"\xff" * 9])
def test_weights_that_cannot_be_read_are_left_to_who_reads_them(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "model.safetensors").write_bytes(content)
    assert refusal(tmp_path, device_free=0) is None


@pytest.mark.parametrize(
    ("own", "limits", "free"),
    [
        ("0::/\n", {}, 3 * 1024),
        ("0::/\n", {"": "2048"}, 2048),
        ("0::/a/b\n", {"a": "1024", "a/b": "max"}, 1024),
        ("4:memory:/a\n0::/a/b\n", {"a/b": "512", "": "max"}, 512),
        ("4:memory:/a\n", {"a": "512"}, 3 * 1024),
    ],
)
def test_limits_of_containers_and_services_count(
    own: str,
    limits: dict[str, str],
    free: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for group, limit in limits.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "self").write_text(own)
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 2 kB\nSwapFree:  1 kB\n")
    monkeypatch.setattr(room, "_CGROUPS", tmp_path)
    monkeypatch.setattr(room, "_OWN_CGROUP", tmp_path / "self")
    monkeypatch.setattr(room, "_MEMINFO", tmp_path / "meminfo")
    assert free_memory() == free


def test_a_system_that_does_not_say_has_unknown_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_MEMINFO", tmp_path / "nothing")
    assert free_memory() is None


@pytest.mark.engine
def test_loading_refuses_what_cannot_fit(folder: Path, tmp_path: Path) -> None:
    from limner.engine.loading import load

    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights(copy / "vae" / "diffusion_pytorch_model.safetensors", 10**15)
    with pytest.raises(ConfigError, match=r"model 'copy' needs 4000000\.\d GB for its weights"):
        load(str(copy), device="cpu", threads=1)

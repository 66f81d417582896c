import json
from pathlib import Path

import pytest

from riskloom.errors import SettingsError
from riskloom.settings import STACK_FILE, Settings, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RISKLOOM_{name.upper()}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def _write_stack(home: Path, **addresses: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / STACK_FILE).write_text(json.dumps({"addresses": addresses, "servers": {}}))


def test_the_defaults_are_the_usual_ports():
    settings = load_settings()
    assert settings.bootstrap_servers == "127.0.0.1:9092"
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.home_dir == Path.home() / ".riskloom"


def test_a_running_stack_wins_over_the_defaults():
    _write_stack(Path.home() / ".riskloom", bootstrap_servers="127.0.0.1:19092", not_a_setting="x")
    assert load_settings().bootstrap_servers == "127.0.0.1:19092"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_the_stack_is_found_in_the_home_that_was_asked_for(how, monkeypatch, tmp_path):
    home = tmp_path / "elsewhere"
    _write_stack(home, registry_url="http://127.0.0.1:18081")
    if how == "environment":
        monkeypatch.setenv("RISKLOOM_HOME", str(home))
        settings = load_settings()
    else:
        settings = load_settings(home=home)
    assert settings.registry_url == "http://127.0.0.1:18081"
    assert settings.home_dir == home


def test_the_environment_wins_over_a_running_stack_and_an_argument_over_both(monkeypatch):
    _write_stack(Path.home() / ".riskloom", bootstrap_servers="stack:1", registry_url="http://stack")
    monkeypatch.setenv("RISKLOOM_BOOTSTRAP_SERVERS", "environment:1")
    monkeypatch.setenv("RISKLOOM_REGISTRY_URL", "http://environment")
    settings = load_settings(registry_url="http://argument", bootstrap_servers=None)
    assert settings.bootstrap_servers == "environment:1"
    assert settings.registry_url == "http://argument"


def test_a_stack_file_that_is_half_written_is_passed_over():
    home = Path.home() / ".riskloom"
    home.mkdir()
    (home / STACK_FILE).write_text('{"addresses": {')
    assert load_settings().bootstrap_servers == "127.0.0.1:9092"


def test_client_properties_come_as_json_and_arguments_win_over_them(monkeypatch):
    monkeypatch.setenv("RISKLOOM_KAFKA_CLIENT", '{"security.protocol": "SSL", "linger.ms": "1"}')
    assert load_settings(bootstrap_servers="a:1").kafka(linger_ms=10, acks=1) == {
        "bootstrap.servers": "a:1",
        "security.protocol": "SSL",
        "linger.ms": 10,
        "acks": 1,
    }


def test_all_settings_that_cannot_be_used_are_told_by_their_variable(monkeypatch):
    monkeypatch.setenv("RISKLOOM_KAFKA_CLIENT", '{"a": [1]}')
    with pytest.raises(SettingsError) as caught:
        load_settings(registry_url=3, redis_url=4)
    for name in ("RISKLOOM_KAFKA_CLIENT_A", "RISKLOOM_REGISTRY_URL", "RISKLOOM_REDIS_URL"):
        assert name in str(caught.value)


def test_an_environment_value_that_is_no_json_is_told(monkeypatch):
    monkeypatch.setenv("RISKLOOM_KAFKA_CLIENT", "security.protocol=SSL")
    with pytest.raises(SettingsError, match="RISKLOOM_KAFKA_CLIENT"):
        load_settings()


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().home = Path("/")

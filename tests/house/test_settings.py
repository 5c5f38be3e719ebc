"""The environment is read once, strictly, and secrets stay secret."""

import dataclasses
import os
import re
import stat
from pathlib import Path

import pytest

from coordinator.config import KNOWN, PLAIN, Settings, SettingsError, load_settings, socket_dir
from tests.serving import ROOT

KEY = "ab" * 32


def read(env: dict[str, str], folder: Path) -> Settings:
    return load_settings({"TANFANG_DATA": str(folder), **env})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_defaults(tmp_path: Path) -> None:
    settings = read({}, tmp_path)
    assert (settings.host, settings.port, settings.demo) == ("127.0.0.1", 8000, False)
    assert settings.second_factor
    assert settings.rate_limits
    assert settings.embedded_database
    assert settings.embedded_queue
    assert settings.now is None
    assert not settings.testing
    assert not settings.secure_cookies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TANFANG_PROT", "8000"),
        ("TANFANG_PORT", "80a"),
        ("TANFANG_PORT", "0"),
        ("TANFANG_PORT", "１２３"),
        ("TANFANG_PORT", "70000"),
        ("TANFANG_HOST", "street.example"),
        ("TANFANG_DEMO", "maybe"),
        ("TANFANG_SECOND_FACTOR", "off"),
        ("TANFANG_RATE_LIMITS", "off"),
        ("TANFANG_NOW", "2026-11-20T08:30"),
        ("TANFANG_PUBLIC_URL", "street.example"),
        ("TANFANG_TRUSTED_PROXIES", "all"),
        ("TANFANG_SECRET_KEY", "short"),
        ("TANFANG_FIELD_KEY", "not a key"),
        ("TANFANG_FIELD_KEY", "ab" * 31),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "postgresql://host"),
        ("REDIS_URL", "http://host"),
        ("OSRM_URL", "ftp://host"),
        ("OSRM_URL_BIKE", "127.0.0.1:5002"),
        ("OSRM_URL", "https://router.example.org"),
        ("OSRM_URL_CAR", "http://8.8.8.8:5000"),
        ("OSRM_URL", "http://{mode}.example.org"),
        ("TANFANG_ROADS_OUTSIDE", "perhaps"),
        ("SMTP_URL", "mail.example"),
        ("WEB_CONCURRENCY", "0"),
        ("WORKERS", "-1"),
    ],
)
def test_one_line_names_what_is_wrong(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        read({name: value}, tmp_path)
    assert "\n" not in str(refusal.value)


def test_passwords_are_not_repeated(tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "SMTP_URL"):
        with pytest.raises(SettingsError) as refusal:
            read({name: "nonsense://user:topsecret@host/name"}, tmp_path)
        assert "topsecret" not in str(refusal.value)
    shown = repr(read({"DATABASE_URL": "postgresql://u:topsecret@h/n", "TANFANG_FIELD_KEY": KEY}, tmp_path))
    assert "topsecret" not in shown
    assert KEY not in shown
    assert "secret_key" not in shown


def test_each_way_to_travel_has_its_road_engine(tmp_path: Path) -> None:
    def engines(**env: str) -> dict[str, str]:
        return dict(read(env, tmp_path).road_engines)

    one = "http://127.0.0.1:5001"
    assert engines() == {}
    assert engines(OSRM_URL=one + "/") == {"walk": one, "bike": one, "car": one}
    assert engines(OSRM_URL="http://roads:80/{mode}", OSRM_URL_CAR=one) == {
        "walk": "http://roads:80/walk",
        "bike": "http://roads:80/bike",
        "car": one,
    }
    assert engines(OSRM_URL_WALK="http://192.168.3.4:5001") == {"walk": "http://192.168.3.4:5001"}


def test_homes_are_told_to_no_road_engine_outside_unless_it_is_allowed(tmp_path: Path) -> None:
    for inside in ("localhost:5001", "[::1]:5001", "10.1.2.3", "osrm:5000", "roads.internal"):
        assert read({"OSRM_URL": f"http://{inside}"}, tmp_path).road_engines["walk"] == f"http://{inside}"
    for outside in ("8.8.8.8", "[2001:4860::1]:5000", "[::ffff:8.8.8.8]", "street.example.org"):
        with pytest.raises(SettingsError, match="TANFANG_ROADS_OUTSIDE=on"):
            read({"OSRM_URL_WALK": f"http://{outside}"}, tmp_path)
        allowed = read({"OSRM_URL_WALK": f"http://{outside}", "TANFANG_ROADS_OUTSIDE": "on"}, tmp_path)
        assert allowed.road_engines == {"walk": f"http://{outside}"}


def test_demo_may_lower_protections(tmp_path: Path) -> None:
    demo = {"TANFANG_DEMO": "1"}
    assert not read(demo, tmp_path).second_factor
    assert read(demo | {"TANFANG_SECOND_FACTOR": "on"}, tmp_path).second_factor
    assert not read(demo | {"TANFANG_RATE_LIMITS": "off"}, tmp_path).rate_limits
    frozen = read(demo | {"TANFANG_NOW": "2026-11-20T08:30"}, tmp_path).now
    assert frozen is not None
    assert frozen.isoformat() == "2026-11-20T00:30:00+00:00"


def test_cookies_are_secure_but_on_loopback(tmp_path: Path) -> None:
    assert read({"TANFANG_HOST": "0.0.0.0"}, tmp_path).secure_cookies  # noqa: S104
    assert read({"TANFANG_PUBLIC_URL": "https://street.example/"}, tmp_path).secure_cookies
    assert not read({"TANFANG_HOST": "::1"}, tmp_path).secure_cookies


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_database_url_gets_our_driver(scheme: str, tmp_path: Path) -> None:
    settings = read({"DATABASE_URL": f"{scheme}://u:p@h:1/n?sslmode=require"}, tmp_path)
    assert settings.database_url == "postgresql+psycopg://u:p@h:1/n?sslmode=require"
    assert not settings.embedded_database


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    first = read({}, tmp_path)
    again = read({}, tmp_path)
    assert (first.secret_key, first.field_key) == (again.secret_key, again.field_key)
    assert len(first.field_key) == 32
    assert mode(first.keys_dir) == 0o700
    for name in ("secret_key", "field_key"):
        assert mode(first.keys_dir / name) == 0o600
    assert {path.name for path in first.keys_dir.iterdir()} == {"secret_key", "field_key"}


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    path = read({}, tmp_path).keys_dir / "field_key"
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read({}, tmp_path)


def test_a_damaged_key_is_refused_not_replaced(tmp_path: Path) -> None:
    path = read({}, tmp_path).keys_dir / "field_key"
    path.write_text("")
    with pytest.raises(SettingsError, match="damaged"):
        read({}, tmp_path)
    assert path.read_text() == ""


def test_key_from_the_environment_leaves_no_file(tmp_path: Path) -> None:
    settings = read({"TANFANG_FIELD_KEY": KEY, "TANFANG_SECRET_KEY": KEY}, tmp_path)
    assert settings.field_key.hex() == KEY
    assert not settings.keys_dir.exists()


def test_the_socket_path_can_always_be_bound(tmp_path: Path) -> None:
    assert socket_dir(Path("/srv/tanfang")) == Path("/srv/tanfang/run")
    for awkward in (tmp_path / ("深" * 60), tmp_path / "with space", tmp_path / "a,b"):
        folder = socket_dir(awkward)
        assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 107
        assert folder != socket_dir(awkward / "other")


def test_every_setting_is_documented() -> None:
    manual = (ROOT / "docs" / "deployment.md").read_text()
    missing = [name for name in (*KNOWN, *PLAIN) if f"`{name}`" not in manual]
    assert not missing
    named = set(re.findall(r"`(TANFANG_[A-Z_]+)`", manual))
    assert named == set(KNOWN)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read({}, tmp_path).port = 1  # type: ignore[misc]

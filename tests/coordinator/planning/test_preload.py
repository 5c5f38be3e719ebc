"""What a worker loads once before it forks for a street."""

import sys

import pytest
from structlog.testing import capture_logs

import routing
from coordinator import worker
from coordinator.planning import jobs
from routing import kernel

loaded: list[str] = []


def note() -> None:
    loaded.append("once")


def fail() -> None:
    raise OSError("the disk is full")


@pytest.fixture(autouse=True)
def fresh():
    loaded.clear()
    worker.preload.cache_clear()
    yield
    worker.preload.cache_clear()


def test_a_queue_is_made_ready_once_and_others_not_at_all(monkeypatch):
    monkeypatch.setattr(worker, "PRELOAD", {"streets": f"{__name__}.note"})
    worker.preload("default")
    assert loaded == []
    worker.preload("streets")
    worker.preload("streets")
    assert loaded == ["once"]


def test_a_failure_is_logged_and_ends_nothing(monkeypatch):
    monkeypatch.setattr(worker, "PRELOAD", {"streets": f"{__name__}.fail"})
    with capture_logs() as lines:
        worker.preload("streets")
    assert [(line["event"], line["queue"], line["log_level"]) for line in lines] == [
        ("nothing loaded ahead", "streets", "error")
    ]


@pytest.mark.skipif(not kernel.available() or not kernel.is_compiled(), reason="no compiled kernel here")
def test_the_worker_of_streets_has_the_kernel():
    assert {"streets": f"{jobs.__name__}.{jobs.preload.__name__}"} == worker.PRELOAD
    jobs.preload()
    assert "routing.kernel.anneal" in sys.modules
    assert routing.preload() is True


def test_without_the_kernel_nothing_is_loaded(monkeypatch):
    monkeypatch.setenv(kernel.SWITCH, "off")
    assert routing.preload() is False

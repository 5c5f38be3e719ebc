"""Starting, stopping and reaching the system: the operator's contract."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from coordinator.config import Settings
from tests.serving import ROOT, Servers, WorkerProcess, free_port, run_tanfang

KEY = "ab" * 32


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestHealth:
    def test_alive_and_ready(self, client: Any) -> None:
        assert client.get("/healthz").status_code == 200

    def test_ready_says_each_part(self, committed_client: Any) -> None:
        answer = committed_client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json == {
            "database": "ok",
            "queue": "ok",
            "workers": 0,
            "migrations": "head",
            "demo": None,
        }

    def test_a_worker_is_counted(self, committed_client: Any, worker_process: WorkerProcess) -> None:
        wait_for(lambda: committed_client.get("/readyz").json["workers"] == 1, 10)
        worker_process.stop()
        assert committed_client.get("/readyz").json["workers"] == 0

    @pytest.mark.parametrize(
        ("over", "part", "state"),
        [
            ({"database_url": "postgresql+psycopg://tanfang@127.0.0.1:1/none"}, "database", "failed"),
            ({"redis_url": "redis://127.0.0.1:1/0"}, "queue", "failed"),
        ],
    )
    def test_the_failing_part_is_named(self, make_app: Any, over: Any, part: str, state: str) -> None:
        app = make_app(**over)
        answer = app.test_client().get("/readyz")
        assert answer.status_code == 503
        assert answer.json is not None
        assert answer.json[part] == state
        assert set(answer.json) == {"database", "queue", "workers", "migrations", "demo"}
        assert app.test_client().get("/healthz").status_code == 200

    def test_an_old_schema_is_not_ready(self, committed_client: Any, committed_db: Any) -> None:
        committed_db.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        committed_db.commit()
        answer = committed_client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json["migrations"] == "behind"

    def test_the_demo_is_shown(self, make_app: Any, committed_db: Any, tmp_path: Path) -> None:
        app = make_app(demo=True, data_dir=tmp_path)
        settings: Settings = app.extensions["settings"]
        client = app.test_client()
        for state, status in ((None, 200), ("loading", 200), ("ready", 200), ("failed", 503)):
            if state is not None:
                settings.demo_state_file.write_text(state + "\n")
            answer = client.get("/readyz")
            assert answer.json is not None
            assert (answer.json["demo"], answer.status_code) == (state or "loading", status)


class TestFixtures:
    """The tests' own ground: what they promise each other."""

    @pytest.mark.parametrize("turn", [1, 2])
    def test_a_commit_is_rolled_back_after_the_test(self, turn: int, db_session: Any) -> None:
        insert = text(
            "INSERT INTO owed_jobs (name, key, queue, payload, state, timeout_seconds, attempts, "
            "created_at, run_after) VALUES ('x', 'y', 'default', '{}', 'owed', 1, 0, now(), now())"
        )
        db_session.execute(insert)
        db_session.commit()
        assert db_session.scalar(text("SELECT count(*) FROM owed_jobs")) == 1

    def test_requests_get_a_context_of_their_own(self, client: Any, app: Any) -> None:
        from flask import g

        g.left_by_the_test = True
        seen: list[bool] = []
        app.before_request_funcs.setdefault(None, []).insert(0, lambda: seen.append("left_by_the_test" in g))
        try:
            client.get("/healthz")
        finally:
            del app.before_request_funcs[None][0]
        assert seen == [False]

    def test_the_network_is_closed(self) -> None:
        with pytest.raises(RuntimeError, match="only this machine"):
            urllib.request.urlopen("http://192.0.2.1/", timeout=1)
        with pytest.raises(RuntimeError, match="only this machine"), socket.socket() as outside:
            outside.connect_ex(("192.0.2.1", 80))


def wait_for(condition: Callable[[], bool], seconds: float) -> float:
    """Seconds until the condition held; fails when it did not in time."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if condition():
            return time.monotonic() - begun
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


class TestWorker:
    def test_an_owed_job_runs_once(
        self, committed_db: Any, worker_process: WorkerProcess, tmp_path: Path
    ) -> None:
        from coordinator.kernel import queue

        trace = tmp_path / "trace"
        for _twice in range(2):
            queue.owe("tests.house.sample_jobs.append", "only", {"path": str(trace), "line": "done"})
            committed_db.commit()
        wait_for(trace.exists, 15)
        query = text("SELECT state FROM owed_jobs")
        wait_for(lambda: committed_db.scalar(query) == "done" or committed_db.rollback(), 10)
        assert trace.read_text() == "done\n"

    def test_a_job_of_a_killed_worker_runs_again(
        self, servers: Servers, committed_db: Any, worker_process: WorkerProcess, tmp_path: Path
    ) -> None:
        """Worker killed in the middle, Redis emptied: the row still owes the job, the sweeper brings it back."""
        from coordinator.kernel import queue

        trace = tmp_path / "trace"
        queue.owe("tests.house.sample_jobs.append_slowly", "one", {"path": str(trace), "seconds": 2.0})
        committed_db.commit()
        wait_for(trace.exists, 15)
        assert worker_process.process is not None
        horses = psutil.Process(worker_process.process.pid).children()
        assert horses
        worker_process.process.kill()
        worker_process.process.wait()
        # The job's process dies with its worker, and with it the lock on the job.
        wait_for(lambda: not any(horse.is_running() and horse.status() != "zombie" for horse in horses), 5)
        committed_db.rollback()
        queue.connection().flushall()
        sweeper = WorkerProcess(
            worker_process.variables, servers.folder / "logs" / "sweeper.log", "--sweeper"
        )
        worker_process.start()
        sweeper.start()
        try:
            seconds = wait_for(lambda: trace.read_text().endswith("ended\n"), 60)
        finally:
            sweeper.stop()
        assert trace.read_text() == "begun\nbegun\nended\n"
        assert seconds < 60


class TestCommandLine:
    def environment(self, servers: Servers) -> dict[str, str]:
        return servers.environment(servers.settings("tanfang_committed"))

    def test_help_everywhere(self, servers: Servers) -> None:
        environment = self.environment(servers)

        def visit(*path: str) -> list[str]:
            done = run_tanfang(*path, "--help", environment=environment)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("Usage: tanfang")
            listed = done.stdout.partition("Commands:\n")[2]
            names = re.findall(r"^  ([a-z][a-z-]*)", listed, re.MULTILINE)
            for name in names:
                visit(*path, name)
            return names

        assert {"serve", "worker", "db", "backup", "restore", "policy"} <= set(visit())

    def test_exit_codes(self, servers: Servers, committed_db: Any, tmp_path: Path) -> None:
        environment = self.environment(servers)
        for arguments, over, code in (
            (["db", "upgrade"], {}, 0),
            (["db", "upgrade"], {"TANFANG_TYPO": "1"}, 2),
            (["db", "upgrade"], {"DATABASE_URL": "postgresql://tanfang@127.0.0.1:1/none"}, 1),
            (["restore", str(tmp_path / "absent.tar")], {}, 2),
            (["nonsense"], {}, 2),
        ):
            done = run_tanfang(*arguments, environment=environment | over)
            assert done.returncode == code, (arguments, over, done.stderr)
            assert "Traceback" not in done.stderr
        assert done.stdout == ""

    def test_upgrade_again_changes_nothing(self, servers: Servers, committed_db: Any) -> None:
        before = committed_db.scalar(text("SELECT version_num FROM alembic_version"))
        committed_db.rollback()
        assert run_tanfang("db", "upgrade", environment=self.environment(servers)).returncode == 0
        assert committed_db.scalar(text("SELECT version_num FROM alembic_version")) == before


class TestBackup:
    @pytest.fixture
    def environment(self, servers: Servers, committed_db: Any, tmp_path: Path) -> dict[str, str]:
        settings = servers.settings("tanfang_committed", data_dir=tmp_path / "data")
        (tmp_path / "data" / "uploads").mkdir(parents=True)
        return servers.environment(settings)

    def owe(self, committed_db: Any, key: str) -> None:
        from coordinator.kernel import queue

        queue.owe("tests.house.sample_jobs.append", key, {"path": "/dev/null", "line": "x"})
        committed_db.commit()

    def keys(self, committed_db: Any) -> list[str]:
        found: list[str] = list(committed_db.scalars(text("SELECT key FROM owed_jobs ORDER BY key")))
        committed_db.rollback()
        return found

    def test_there_and_back(
        self, committed_db: Any, committed_app: Any, environment: dict[str, str], tmp_path: Path
    ) -> None:
        from coordinator.extensions import db

        upload = tmp_path / "data" / "uploads" / "photo.jpg"
        upload.write_bytes(b"kept")
        self.owe(committed_db, "kept")
        file = tmp_path / "one.tar"
        done = run_tanfang("backup", str(file), "--json", environment=environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] >= 2
        assert mode(file) == 0o600
        upload.write_bytes(b"changed")
        self.owe(committed_db, "later")

        refused = run_tanfang("restore", str(file), "--replace", environment=environment)
        assert refused.returncode == 1
        assert "stop it first" in refused.stderr
        committed_db.remove()
        db.engine.dispose()
        refused = run_tanfang("restore", str(file), environment=environment)
        assert refused.returncode == 1
        assert "not empty" in refused.stderr
        assert self.keys(committed_db) == ["kept", "later"]

        committed_db.remove()
        db.engine.dispose()
        done = run_tanfang("restore", str(file), "--replace", environment=environment)
        assert done.returncode == 0, done.stderr
        assert self.keys(committed_db) == ["kept"]
        assert upload.read_bytes() == b"kept"

    def test_another_key_is_refused_before_anything_changes(
        self, committed_db: Any, committed_app: Any, environment: dict[str, str], tmp_path: Path
    ) -> None:
        from coordinator.extensions import db

        file = tmp_path / "two.tar"
        assert run_tanfang("backup", str(file), environment=environment).returncode == 0
        self.owe(committed_db, "since")
        committed_db.remove()
        db.engine.dispose()
        other = environment | {"TANFANG_FIELD_KEY": KEY}
        done = run_tanfang("restore", str(file), "--replace", environment=other)
        assert done.returncode == 1
        assert "another field key" in done.stderr
        assert self.keys(committed_db) == ["since"]

    def test_a_damaged_dump_changes_nothing(
        self, committed_db: Any, committed_app: Any, environment: dict[str, str], tmp_path: Path
    ) -> None:
        import tarfile

        from coordinator.extensions import db

        self.owe(committed_db, "here")
        file = tmp_path / "three.tar"
        assert run_tanfang("backup", str(file), environment=environment).returncode == 0
        unpacked = tmp_path / "unpacked"
        with tarfile.open(file) as archive:
            archive.extractall(unpacked, filter="data")
        dump = unpacked / "database.dump"
        dump.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
        with tarfile.open(file, "w") as archive:
            for path in unpacked.iterdir():
                archive.add(path, path.name)
        committed_db.remove()
        db.engine.dispose()
        done = run_tanfang("restore", str(file), "--replace", environment=environment)
        assert done.returncode == 1
        assert "pg_restore failed" in done.stderr
        assert self.keys(committed_db) == ["here"]


class Running:
    """`tanfang serve` with embedded servers on a data directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder.with_suffix(".log")
        self.environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
        } | {
            "TANFANG_DATA": str(folder),
            "TANFANG_PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "coordinator.cli", "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (urllib.error.URLError, OSError):
            return None

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        children: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return children

    def one(self, *marks: str) -> psutil.Process | None:
        """The direct child whose command line holds all marks."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        found = (child for child in children if all(mark in command_line(child) for mark in marks))
        return next(found, None)

    def text(self) -> str:
        return self.log.read_text()


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # just ended
        return ""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path / "data")
    server.start()
    try:
        yield server
    finally:
        assert server.process is not None
        if server.process.poll() is None:
            server.process.terminate()
            server.process.wait(40)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != "zombie" for process in processes)


def test_serve_keeps_itself_running_and_stops_clean(running: Running, tmp_path: Path) -> None:
    """One start, every part killed once, refusals beside it, a clean stop, a second run on the same data."""
    wait_for(lambda: (running.ready() or {}).get("workers") == 1, 60)
    assert running.ready() == {
        "database": "ok",
        "queue": "ok",
        "workers": 1,
        "migrations": "head",
        "demo": None,
    }
    for marks in (("bin/postgres",), ("server", "redis.sock"), ("gunicorn",), ("cli worker",)):
        child = running.one(*marks)
        assert child is not None, marks
        child.kill()

        def replaced(marks: tuple[str, ...] = marks, old: int = child.pid) -> bool:
            new = running.one(*marks)
            return new is not None and new.pid != old

        seconds = wait_for(replaced, 5)
        seconds += wait_for(lambda: (running.ready() or {}).get("workers") == 1, 10)
        assert seconds < 8, running.text()

    for over, message in (
        ({"TANFANG_PORT": str(free_port())}, "already running"),
        ({"TANFANG_DATA": str(tmp_path / "second")}, "cannot listen"),
    ):
        done = run_tanfang("serve", environment=running.environment | over)
        assert done.returncode == 1
        assert message in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1

    data = running.folder
    kept = (data / "keys" / "field_key").read_text()
    family = running.family()
    assert running.process is not None
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) == 0
    assert gone(family)
    assert not list((data / "run").iterdir())

    running.start()
    wait_for(lambda: running.ready() is not None, 60)
    assert (data / "keys" / "field_key").read_text() == kept

    # Even a supervisor that is killed leaves nothing behind, and the next run clears up after it.
    family = running.family()
    running.process.kill()
    running.process.wait()
    wait_for(lambda: gone(family), 20)
    running.start()
    wait_for(lambda: running.ready() is not None, 60)


def test_locks_name_no_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "package-lock.json", ".npmrc", "package.json"):
        content = (ROOT / name).read_text()
        assert "registry" not in content.replace("omit-lockfile-registry-resolved", "")
        assert "index-url" not in content
        assert '"resolved"' not in content
    for name in ("requirements.lock", "requirements-dev.lock"):
        for line in (ROOT / name).read_text().splitlines():
            assert line.startswith("#") or re.fullmatch(r"[a-z0-9.-]+==[\w.!+]+", line), line


def test_make_explains_itself() -> None:
    shown = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "test-fast", "check"):
        assert re.search(rf"^{target} +\S", shown, re.MULTILINE)

"""The worker killed in the middle of sending: a real worker, a real kill, each mail exactly once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from sqlalchemy import select, text

from coordinator.kernel import queue
from coordinator.messages.models import Parcel, ParcelState
from coordinator.messages.services import notify
from tests.coordinator.messages.receivers import MailServer
from tests.factories import make_user
from tests.house.test_operations import wait_for
from tests.serving import Servers, WorkerProcess

# Where a mail is when the worker dies: before the mailbox is named, before the text, in the text, at the final dot
# (the server has the mail, its answer never arrives), right after the answer.
PHASES = ("rcpt", "data", "half", "dot", "replied")


@pytest.fixture
def worker(servers: Servers, committed_db: Any, mail_server: MailServer) -> Iterator[WorkerProcess]:
    environment = servers.environment(servers.settings("tanfang_committed")) | {"SMTP_URL": mail_server.url}
    process = WorkerProcess(environment, servers.folder / "logs" / f"kill-{mail_server.port}.log")
    process.start()
    process.wait_ready(60)
    yield process
    process.stop()


def kill(worker: WorkerProcess) -> None:
    """kill -9 for the worker and, with it, for the process of its job."""
    assert worker.process is not None
    horses = psutil.Process(worker.process.pid).children()
    worker.process.kill()
    worker.process.wait()
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in horses), 10)


def test_each_mail_arrives_once_wherever_the_worker_dies(
    committed_app: Any, committed_db: Any, mail_server: MailServer, worker: WorkerProcess, monkeypatch: Any
) -> None:
    import dataclasses

    settings = dataclasses.replace(committed_app.extensions["settings"], smtp_url=mail_server.url)
    monkeypatch.setitem(committed_app.extensions, "settings", settings)
    pending = list(PHASES)
    dead: dict[str, str] = {}

    def at(phase: str, address: str) -> bool | None:
        # One death each two mails, each at another place.
        if pending and phase == pending[0] and address not in dead and int(address[1:].split("@")[0]) % 2:
            pending.pop(0)
            dead[address] = phase
            kill(worker)
            # From the text on the server reads what is still under way, the dot perhaps among it, as real ones do.
            return False if phase in ("rcpt", "data") else None
        return None

    mail_server.at = at
    people = 12
    for number in range(people):
        # urgent: the worker's clock is the real one, and the evening is quiet
        notify(
            [make_user(email=f"p{number}@example.org")],
            f"第{number}条",
            "",
            dedupe_key=str(number),
            urgent=True,
        )
    committed_db.commit()

    def over() -> bool:
        committed_db.rollback()
        assert worker.process is not None
        if worker.process.poll() is not None:
            worker.start()
            worker.wait_ready(60)
        # What the sweeper does, without its pauses: a job that was handed out shortly before the death waits 15 s.
        committed_db.execute(text("UPDATE owed_jobs SET handed_over_at = NULL WHERE state = 'owed'"))
        committed_db.commit()
        queue.sweep_owed_jobs()
        states = committed_db.scalars(select(Parcel.state)).all()
        return len(states) == people and all(
            state in (ParcelState.SENT, ParcelState.UNCLEAR) for state in states
        )

    wait_for(over, 200)
    assert not pending
    arrived = Counter(mail_server.addresses())
    assert set(arrived.values()) == {1}, "nobody gets a mail twice"
    assert len({mail["Message-ID"] for mail in mail_server.mails()}) == len(arrived)
    # Only where the server had taken the mail and the answer was lost can nobody know: it is shown, not repeated.
    committed_db.rollback()
    unclear = committed_db.scalars(select(Parcel).where(Parcel.state == ParcelState.UNCLEAR)).all()
    doubtful = {address for address, phase in dead.items() if phase in ("half", "dot", "replied")}
    assert 1 <= len(unclear) <= 3
    assert {one.user.email for one in unclear} <= doubtful
    # A death between the mark and the dot, which nobody outside can tell from one right after it.
    missing = {f"p{n}@example.org" for n in range(people)} - set(arrived)
    assert missing <= {address for address, phase in dead.items() if phase == "half"}
    assert missing <= {one.user.email for one in unclear}, "what did not arrive is shown as unclear"

"""`tanfang import`, run as an operator would."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from coordinator.elders.models import Elder
from coordinator.extensions import db
from coordinator.workforce.models import Worker
from tests import factories
from tests.coordinator.elders.imports.lists import resident_id, xlsx
from tests.serving import Servers, run_tanfang

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, scoped_session

BORN = date(1944, 3, 2)


def test_elders_and_workers_from_the_command_line(
    servers: Servers, committed_db: scoped_session[Session], tmp_path: Path
) -> None:
    tree = factories.make_area_tree(emergency_phone="0830-3000000")
    db.session.commit()
    environment = servers.environment(servers.settings("tanfang_committed"))

    def run(*arguments: str) -> Any:
        return run_tanfang("import", *arguments, environment=environment)

    head = ["社区", "姓名", "身份证号", "住址"]
    good = [
        ["柳荫社区", f"陈秀{factories.hanzi(order)}", resident_id(BORN, order), f"路{order}号"]
        for order in (1, 2)
    ]
    file = tmp_path / "名单.xlsx"
    file.write_bytes(xlsx([head, *good, ["柳荫社区", "", "", ""]]))
    area = str(tree.street.id)

    def count(model: Any) -> int:
        found = db.session.scalar(select(func.count()).select_from(model))
        db.session.remove()  # no transaction of ours waits while a command runs
        return found or 0

    db.session.remove()

    dry = run("elders", str(file), "--area", area, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr
    result = json.loads(dry.stdout)
    assert (result["counts"]["create"], result["counts"]["refuse"]) == (2, 1)
    assert result["refused"][0]["row"] == 4
    assert count(Elder) == 0

    whole = run("elders", str(file), "--area", area)
    assert whole.returncode == 2
    assert len(whole.stderr.strip().splitlines()) == 1
    partly = run("elders", str(file), "--area", area, "--partly")
    assert partly.returncode == 0, partly.stderr
    assert "created 2" in partly.stdout
    assert count(Elder) == 2

    answer = run("elders", str(file), "--area", "没有的街道")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "not found" in answer.stderr
    file.write_bytes(b"%PDF-1.4\x00")
    broken = run("elders", str(file), "--area", area)
    assert (broken.returncode, broken.stdout) == (2, "")

    file.write_bytes(xlsx([["类别", "姓名", "身份证号"], ["志愿者", "周敏", resident_id(date(1990, 1, 1))]]))
    answer = run("workers", str(file), "--area", area, "--json")
    assert json.loads(answer.stdout)["counts"]["created"] == 1, answer.stderr
    assert count(Worker) == 1

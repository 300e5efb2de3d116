"""The doctor's findings: what modules tell, laid out with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.doctor_findings import (
    address_findings,
    process_findings,
    program_findings,
)
from ansible_collections.mlops.gpu_platform.plugins.filter.doctor_table import (
    doctor_failure,
    doctor_table,
)

URL = "http://127.0.0.1:8000"
OPEN = {"name": "port", "ok": True, "found": "port 8000 of 127.0.0.1 is open"}
SILENT = {"name": "/", "ok": False, "found": "GET /: nothing came within 2 s"}
ANSWERED = {"name": "/", "ok": True, "found": "GET /: HTTP 200"}
PODS = {
    "well": True,
    "found": "Service a/b has 1 ready endpoint (10.0.0.1:80); pod c itself answers",
    "endpoints": [{"ready": True}, {"ready": False}],
    "log": ["started"],
}
ILL_POD = {
    "well": False,
    "found": "pod c is not ready yet",
    "replace": "kubectl delete pod c",
    "log": [],
}
NO_PODS = {"well": False, "found": "there is no Service a/b", "log": []}


def process(state: str) -> dict[str, Any]:
    return {
        "name": "files",
        "state": state,
        "pid": 7,
        "found": "something",
        "log_file": "/logs/files.log",
        "log": ["last words"],
    }


@pytest.mark.parametrize(
    ("state", "well", "advice", "log"),
    [
        ("running", True, "", ["last words"]),
        ("halted", False, "kill -CONT 7", ["last words"]),
        ("absent", False, "start it", []),
    ],
)
def test_a_process(state: str, well: bool, advice: str, log: list[str]) -> None:
    known = {"halted": "kill -CONT {pid}", "absent": "start it"}
    [found] = process_findings([process(state)], known)
    assert (found["part"], found["well"], found["advice"], found["log"]) == (
        "files",
        well,
        advice,
        log,
    )


CHECKED = {
    "name": "server",
    "advice": "lay it out",
    "wanted": "unchanged",
    "found": "is right",
    "otherwise": "is wrong: {}",
}
ASKED = {"name": "prometheus", "advice": "install it"}


@pytest.mark.parametrize(
    ("result", "well", "found"),
    [
        ({"item": CHECKED, "rc": 0, "stdout": "unchanged"}, True, "is right"),
        ({"item": CHECKED, "rc": 0, "stdout": "changed"}, False, "is wrong: changed"),
        ({"item": CHECKED, "rc": 1, "stderr": "x\nno package"}, False, "is wrong: no package"),
        ({"item": ASKED, "rc": 0, "stdout": "2.42\nbuilt"}, True, "2.42"),
        ({"item": ASKED, "rc": 0, "stdout": "", "stderr": "2.31"}, True, "2.31"),
        ({"item": ASKED, "rc": 2, "msg": "No such file"}, False, "No such file"),
    ],
)
def test_a_program(result: dict[str, Any], well: bool, found: str) -> None:
    [finding] = program_findings([result])
    assert (finding["well"], finding["found"]) == (well, found)


@pytest.mark.parametrize(
    ("way", "behind", "well", "found", "advice"),
    [
        pytest.param(
            [OPEN, ANSWERED],
            PODS,
            True,
            f"{URL} answers, and has 1 ready endpoint behind it",
            "",
            id="well",
        ),
        pytest.param([OPEN, ANSWERED], {}, True, f"{URL} answers", "", id="no cluster asked"),
        pytest.param(
            [OPEN, SILENT],
            PODS,
            False,
            f"{URL}: {OPEN['found']}; {SILENT['found']}. Behind it: {PODS['found']}",
            "its pods are well, so look at what brings requests to them",
            id="the way is broken",
        ),
        pytest.param(
            [OPEN, SILENT],
            ILL_POD,
            False,
            f"{URL}: {OPEN['found']}; {SILENT['found']}. Behind it: pod c is not ready yet",
            "`kubectl delete pod c` has it started anew",
            id="its pod is ill",
        ),
        pytest.param(
            [OPEN, SILENT],
            NO_PODS,
            False,
            f"{URL}: {OPEN['found']}; {SILENT['found']}. Behind it: there is no Service a/b",
            "ansible-playbook site.yml",
            id="nothing behind it",
        ),
        pytest.param(
            [OPEN, ANSWERED],
            NO_PODS,
            False,
            f"{URL}: {OPEN['found']}; {ANSWERED['found']}. Behind it: there is no Service a/b",
            "ansible-playbook site.yml",
            id="another program answers",
        ),
    ],
)
def test_an_address(
    way: list[dict[str, Any]], behind: dict[str, Any], well: bool, found: str, advice: str
) -> None:
    asked = {"item": {"part": "triton", "url": URL}, "steps": way, "well": way[-1]["ok"]}
    [finding] = address_findings([asked], [behind])
    assert (finding["part"], finding["well"], finding["found"]) == ("triton", well, found)
    assert finding["advice"].startswith(advice)


def test_what_an_address_stands_on_comes_first() -> None:
    asked = {"item": {"part": "triton", "url": URL}, "steps": [SILENT], "well": False}
    [finding] = address_findings([asked], [ILL_POD], ["node_agent"])
    assert finding["advice"] == (
        "nothing here before node_agent: when that is well, ask the doctor again"
    )


def finding(part: str, well: bool, **more: Any) -> dict[str, Any]:
    return {"part": part, "well": well, "found": "what was found", "advice": "mend it", **more}


def test_the_table_has_every_finding() -> None:
    ill = finding("two", False, log=["x" * 200], log_file="/two.log")
    lines = doctor_table([finding("one", True), ill, finding("three", False)])
    assert lines[2] == "one    ok      what was found"
    assert lines[3] == "two    not ok  what was found"
    assert [line.strip()[:30] for line in lines[4:]] == [
        "do: mend it",
        "it logged last (/two.log):",
        "| " + "x" * 28,
        "three  not ok  what was found",
        "do: mend it",
    ]
    assert max(map(len, lines)) == len(lines[1])


def test_a_long_sentence_is_broken_below_itself() -> None:
    found = "word " * 40
    lines = doctor_table([finding("one", True) | {"found": found}])
    assert len(lines) == 5
    assert all(line.startswith(" " * lines[2].index("word")) for line in lines[3:])


def test_the_failure_names_what_is_not_well() -> None:
    assert doctor_failure([finding("one", True)]) == ""
    assert doctor_failure([finding("one", True), finding("two", False)]) == (
        "Not well: two (1 of 2); see the table above."
    )

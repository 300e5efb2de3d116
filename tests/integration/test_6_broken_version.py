"""A new version of a model that does not load: what served before goes on to serve."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread

import pytest
from support.local_platform import helm
from support.playbook_run import ROOT, STATE, run_playbook

pytestmark = pytest.mark.usefixtures("platform")

ROLLOUT = ("--tags", "model_repository,triton_image,triton_release")
TIMEOUT_SECONDS = 20


@contextmanager
def requests_to(model: str, pause: float = 0.2) -> Iterator[list[str]]:
    """Send a model its golden request again and again meanwhile, and collect what comes back."""
    endpoints = json.loads((STATE / "endpoints.json").read_text(encoding="utf-8"))
    golden = ROOT / "model_repo" / model / "1" / "golden.json"
    case = json.loads(golden.read_text(encoding="utf-8"))["cases"][0]
    request = urllib.request.Request(
        f"{endpoints['triton_http']}/v2/models/{model}/{case['endpoint']}",
        data=json.dumps(case["body"]).encode(),
        headers={"Content-Type": "application/json"},
    )
    answers: list[str] = []
    done = Event()

    def ask() -> None:
        while not done.wait(pause):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    answers.append(answer.read().decode())
            except (HTTPException, OSError) as error:
                answers.append(f"error: {error}")

    thread = Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


def revision() -> int:
    """Return the number of Triton's current Helm revision, which must be deployed."""
    [latest] = json.loads(helm("history", "triton", "-n=triton", "--max=1", "--output=json"))
    assert latest["status"] == "deployed"
    return int(latest["revision"])


def test_a_broken_version_does_not_replace_the_one_that_serves(tmp_path: Path) -> None:
    shipped, broken = ROOT / "model_repo" / "gpt_generate", tmp_path / "gpt_generate"
    shutil.copytree(shipped, broken)
    (broken / "1").rename(broken / "2")
    (broken / "2" / "model.py").write_text("import no_such_module\n")
    models = [{"name": path.name} for path in sorted((STATE / "models").iterdir())]

    with requests_to("gpt_generate") as answers:
        run = run_playbook(
            "site.yml",
            *ROLLOUT,
            model_repository_models=[
                *(model for model in models if model["name"] != "gpt_generate"),
                {"name": "gpt_generate", "folder": str(broken), "version": 2},
            ],
            triton_release_startup_seconds=TIMEOUT_SECONDS // 2,
            triton_release_timeout=TIMEOUT_SECONDS,
        )

    assert run.return_code == 2
    reason = run.failures[-1]
    assert "model gpt_generate: " in reason
    assert "No module named 'no_such_module'" in reason
    assert reason.endswith("What was deployed before is still there.")
    # The rollout, and then the rollback; the other tasks take some seconds.
    assert run.seconds["Rollout"] < 2 * TIMEOUT_SECONDS + 20
    assert len(answers) > 10
    assert [answer for answer in answers if "error" in answer or "text_output" not in answer] == []
    assert revision() > 1


def test_the_next_run_needs_no_rollout() -> None:
    before = revision()

    run = run_playbook("site.yml", *ROLLOUT)

    assert run.return_code == 0, run.output
    assert run.changed == ["Pack the model repository", "Assemble the build context"]
    assert revision() == before


def test_then_nothing_is_left_to_do() -> None:
    run = run_playbook("site.yml", *ROLLOUT)

    assert run.return_code == 0, run.output
    assert run.changed == []

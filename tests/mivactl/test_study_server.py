"""The server of a study: what it gives out, whom it believes, and that no answer is lost or doubled."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import pytest

from mivactl.operations.studies import StudyWish, new_study, study_server
from mivactl.study.answer_book import AnswerBook, Kept, UnknownViewer
from mivactl.study.documents import Answer
from mivactl.study.served_files import Span, UnmetRange, asked_span
from mivactl.study.study_folder import StudyFolder
from registry_schema.errors import IntegrityProblem, NotFound, UsageProblem
from tests.mivactl.simulated_viewers import study_of
from tests.mivactl.study_clips import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.study.documents import StudyKey

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Reply:
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Talks to one server, as the page of the study or as somebody else."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**({"Content-Type": "application/json"} if body is not None else {}), **self.headers}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, content, sent)
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    run = write_run(folder / "run", methods=("a", "b", "c"), cases=3)
    new_study([str(run)], StudyWish(seed=1), out=folder / "study")
    return folder / "study"


@pytest.fixture
def study(built: Path) -> StudyKey:
    return StudyFolder(built).read_key()


@contextmanager
def serving(folder: Path) -> Iterator[Client]:
    with study_server(folder, host="127.0.0.1", port=0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Client(server.server_port)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def client(built: Path) -> Iterator[Client]:
    with serving(built) as found:
        yield found


def an_answer(study: StudyKey, viewer: dict[str, Any], place: int = 0, option: int | None = 0) -> dict[str, Any]:
    trial = study.forms[viewer["form"]][place]
    options = next(case.options for case in study.cases if case.token == trial.case)
    choice = None if option is None else options[option].token
    return {"viewer": viewer["viewer"], "trial": trial.name, "choice": choice, "seconds": 2.5}


def test_the_page_and_its_clips_are_given_out_and_the_key_is_not(built: Path, client: Client):
    start = client.ask("GET", "/")
    assert start.status == 200
    assert start.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in start.headers["content-security-policy"]
    for path in (built / "page").rglob("*"):
        if path.is_file():
            reply = client.ask("GET", f"/{path.relative_to(built / 'page').as_posix()}")
            assert reply.status == 200
            assert reply.body == path.read_bytes()
            assert reply.headers["x-content-type-options"] == "nosniff"
    for path in ("/study.json", "/../study.json", "/%2e%2e/study.json", "/clips/../../study.json", "//etc/passwd",
                 "/answers.sqlite3", "/..\\study.json", "/clips", "/clips/", "/index.html/", "/\x00"):  # fmt: skip
        with suppress(http.client.InvalidURL):
            assert client.ask("GET", path).status == 404, path


def test_parts_of_a_clip_are_given_as_browsers_ask_for_them(built: Path, client: Client):
    clip = next((built / "page" / "clips").iterdir())
    content = clip.read_bytes()

    def part(header: str) -> Reply:
        return client.ask("GET", f"/clips/{clip.name}", Range=header)

    reply = part("bytes=0-")
    assert (reply.status, reply.body) == (206, content)
    assert reply.headers["content-range"] == f"bytes 0-{len(content) - 1}/{len(content)}"
    assert part("bytes=10-19").body == content[10:20]
    assert part("bytes=-7").body == content[-7:]
    assert part(f"bytes={len(content)}-").status == 416
    assert part("bytes=5-2").status == part("lines=1-2").status == part("bytes=0-1,4-5").status == 200
    head = client.ask("HEAD", f"/clips/{clip.name}")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(content)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, None), ("bytes=0-0", Span(0, 1)), ("bytes=0-99", Span(0, 10)), ("bytes=9-", Span(9, 1)),
     ("bytes=-3", Span(7, 3)), ("bytes=-99", Span(0, 10)), ("bytes=-", None), ("bytes=a-b", None)],
)  # fmt: skip
def test_a_range_of_ten_bytes(header: str | None, expected: Span | None):
    assert asked_span(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_range_outside_is_said_to_be(header: str):
    with pytest.raises(UnmetRange):
        asked_span(header, 10)


def test_the_first_answer_stands_and_the_same_again_is_no_second_one(study: StudyKey, client: Client):
    viewer = client.ask("POST", "/api/viewers", {}).content
    answer = an_answer(study, viewer)
    assert client.ask("POST", "/api/answers", answer).status == 201
    assert client.ask("POST", "/api/answers", answer).status == 200
    assert client.ask("POST", "/api/answers", {**answer, "seconds": 99}).status == 200
    assert client.ask("POST", "/api/answers", an_answer(study, viewer, option=1)).status == 409
    assert client.ask("POST", "/api/answers", an_answer(study, viewer, option=None)).status == 409
    assert client.ask("POST", "/api/answers", an_answer(study, viewer, 1, option=None)).status == 201


def test_viewers_take_the_forms_in_turn(tmp_path: Path):
    study = study_of("AB", cases=2)
    with AnswerBook.open(tmp_path / "answers", study) as book:
        forms = [book.new_viewer()[1] for _ in range(len(study.forms) + 3)]
    assert forms == [*range(len(study.forms)), 0, 1, 2]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"viewer": "0" * 32}, 404, "this study does not know you"),
        ({"viewer": "somebody"}, 400, "viewer"),
        ({"trial": "0" * 16}, 404, "has no question"),
        ({"trial": "x" * 500}, 400, "trial"),
        ({"choice": "0" * 16}, 404, "has no clip"),
        ({"choice": 3}, 400, "choice"),
        ({"seconds": -1.0}, 400, "seconds"),
        ({"seconds": 1e9}, 400, "seconds"),
        ({"more": 1}, 400, "more"),
        ({"viewer": None}, 400, "viewer"),
    ],
)
def test_answers_that_make_no_sense_are_refused(study: StudyKey, client: Client, change, status: int, message: str):
    viewer = client.ask("POST", "/api/viewers", {}).content
    reply = client.ask("POST", "/api/answers", {**an_answer(study, viewer), **change})
    assert reply.status == status
    assert message in reply.content["error"]


@pytest.mark.parametrize(
    "body", [b"", b"[", b'{"a": NaN}', b"\xff", b"[" * 1000, b"{}" + b" " * 5000, b'{"a":1,"a":2}']
)
def test_bodies_that_are_no_small_json_are_refused(client: Client, body: bytes):
    assert client.ask("POST", "/api/viewers", body).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Content_Type": "text/plain"},
        {"Host": "rebound.example"},
    ],
)
def test_other_pages_can_not_answer(client: Client, headers: dict[str, str]):
    reply = client.ask("POST", "/api/viewers", {}, **headers)
    assert reply.status == 403
    assert "viewer" not in reply.content


def test_other_names_of_this_machine_are_not_served(client: Client):
    assert client.ask("GET", "/", Host="rebound.example:80").status == 403
    assert client.ask("GET", "/", Host=f"localhost:{client.port}").status == 200
    own = f"http://127.0.0.1:{client.port}"
    assert client.ask("POST", "/api/viewers", {}, Origin=own, Sec_Fetch_Site="same-origin").status == 201


def test_a_content_length_that_lies_or_is_absent_is_refused(client: Client):
    for length in ("-1", "1e3", "99999999999", "abc", "\u00b2"):
        with suppress(UnicodeEncodeError):
            connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
            connection.putrequest("POST", "/api/viewers")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", length)
            connection.endheaders()
            assert connection.getresponse().status == 400
            connection.close()


def test_answers_can_neither_be_changed_nor_removed(tmp_path: Path):
    study = study_of("AB", cases=2)
    path = tmp_path / "answers.sqlite3"
    with AnswerBook.open(path, study) as book:
        viewer, form = book.new_viewer()
        answer = Answer(trial=study.forms[form][0].name, choice=None, seconds=1.0)
        assert book.keep(viewer, answer) is Kept.NEW
    connection = sqlite3.connect(path)
    for command in ("DELETE FROM answers", "UPDATE answers SET choice = 'x'", "DELETE FROM viewers",
                    "UPDATE viewers SET form = 1"):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError, match="are only added"):
            connection.execute(command)
    connection.close()
    with AnswerBook.open(path, study) as book:
        assert book.counts() == (1, 1)
        with pytest.raises(UnknownViewer):
            book.keep("0" * 32, answer)


def test_a_file_that_is_no_book_or_one_of_another_study_is_refused(tmp_path: Path):
    path = tmp_path / "answers.sqlite3"
    AnswerBook.open(path, study_of("AB", cases=2)).close()
    with pytest.raises(IntegrityProblem, match="answers to another study"):
        AnswerBook.open(path, study_of("AB", cases=2))
    path.write_bytes(b"nothing like a database" * 100)
    with pytest.raises(IntegrityProblem, match="is no file of answers"):
        AnswerBook.open(path, study_of("AB", cases=2))


def test_a_server_needs_a_study_and_a_free_place(tmp_path: Path, built: Path, client: Client):
    with pytest.raises(NotFound, match="holds no study"), study_server(tmp_path, host="127.0.0.1", port=0):
        pass
    for host, port in (("127.0.0.1", client.port), ("192.0.2.1", 0), ("no such host", 0)):
        with pytest.raises(UsageProblem, match="cannot listen"), study_server(built, host=host, port=port):
            pass


def test_a_widened_server_goes_by_addresses_and_this_machines_name_only(built: Path):
    with study_server(built, host="0.0.0.0", port=0) as server:  # noqa: S104 - what is tested
        assert not server.is_local
        assert all(server.is_called(name) for name in ("192.168.1.7", "::1", "localhost", socket.gethostname().lower()))
        assert not any(server.is_called(name) for name in ("rebound.example", "", "1.2.3.4.example"))


@pytest.mark.server
def test_serve_warns_when_it_is_open_to_others_and_ends_well_with_ctrl_c(built: Path):
    command = [sys.executable, "-m", "mivactl", "study", "serve", str(built), "--host", "0.0.0.0", "--port", "0"]  # noqa: S104
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert said[0].startswith("warning: everybody who reaches this machine at port ")
    assert re.match(r"the study is at http://0\.0\.0\.0:\d+/ until Ctrl-C", said[1])
    assert process.returncode == 0
    assert re.fullmatch(r"\d+ answers of \d+ viewers in .*\n", out)


class Served:
    """A server in a process of its own, which is killed and started again at the same port."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mivactl", "study", "serve", str(self.folder), "--port", str(self.port)]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = Client(self.port)
        for _ in range(600):
            with suppress(OSError, http.client.HTTPException):
                if client.ask("GET", "/api/study").status == 200:
                    return
            assert self._process.poll() is None, "the server has ended by itself"
            time.sleep(0.05)
        raise AssertionError("the server did not come up")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.kills += 1


class Crowd:
    """Viewers who answer all at once and try again until each answer is acknowledged, as the page does."""

    def __init__(self, study: StudyKey, port: int) -> None:
        self.study, self.client = study, Client(port)
        self.acknowledged: dict[tuple[str, str], str | None] = {}
        self.conflicts = 0
        self._lock = Lock()
        self._stop = Event()

    def answer_all(self, number: int) -> None:
        viewer = self._insist("/api/viewers", {}).content
        for place in range(len(self.study.forms[viewer["form"]])):
            option = (number + place) % 4
            answer = an_answer(self.study, viewer, place, None if option == 3 else option)
            reply = self._insist("/api/answers", answer)
            with self._lock:
                self.conflicts += reply.status not in {200, 201}
                self.acknowledged[viewer["viewer"], answer["trial"]] = answer["choice"]

    def _insist(self, path: str, body: object) -> Reply:
        while not self._stop.is_set():
            with suppress(OSError, http.client.HTTPException):
                reply = self.client.ask("POST", path, body)
                if reply.status < 500:
                    return reply
            time.sleep(0.05)
        raise AssertionError("stopped")

    def stop(self) -> None:
        self._stop.set()


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def crowd_through_kills(folder: Path, *, viewers: int, kills: int, patience_seconds: float) -> tuple[Crowd, Served]:
    study = StudyFolder(folder).read_key()
    served = Served(folder, free_port())
    crowd = Crowd(study, served.port)
    all_answers = viewers * len(study.forms[0])
    served.start()
    threads = [Thread(target=crowd.answer_all, args=(number,), daemon=True) for number in range(viewers)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience_seconds
    try:
        for number in range(kills):
            while len(crowd.acknowledged) < all_answers * (number + 1) // (kills + 2):
                assert time.monotonic() < deadline, f"{len(crowd.acknowledged)} of {all_answers} answers"
                time.sleep(0.005)
            served.kill()
            served.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive()
    finally:
        crowd.stop()
        served.kill()
    return crowd, served


def check_nothing_lost_or_doubled(folder: Path, crowd: Crowd, *, viewers: int) -> None:
    study = StudyFolder(folder).read_key()
    all_answers = viewers * len(study.forms[0])
    assert crowd.conflicts == 0
    assert len(crowd.acknowledged) == all_answers
    connection = sqlite3.connect(StudyFolder(folder).answers)
    rows = connection.execute("SELECT viewer, trial, choice FROM answers").fetchall()
    connection.close()
    assert len(rows) == all_answers
    assert {(viewer, trial): choice for viewer, trial, choice in rows} == crowd.acknowledged


@pytest.mark.server
def test_viewers_at_once_and_a_killed_server_lose_and_double_no_answer(built: Path):
    crowd, served = crowd_through_kills(built, viewers=12, kills=2, patience_seconds=60)
    assert served.kills == 3
    with_earlier = sqlite3.connect(StudyFolder(built).answers)
    rows = with_earlier.execute("SELECT viewer, trial, choice FROM answers").fetchall()
    with_earlier.close()
    kept = {(viewer, trial): choice for viewer, trial, choice in rows}
    assert len(kept) == len(rows)
    assert crowd.acknowledged.items() <= kept.items()
    assert len(crowd.acknowledged) == 12 * 5


@pytest.mark.acceptance
@pytest.mark.server
def test_200_viewers_at_once_and_five_kills_lose_and_double_no_answer(tmp_path: Path):
    run = write_run(tmp_path / "run", methods=("a", "b", "c"), cases=8)
    new_study([str(run)], StudyWish(seed=1), out=tmp_path / "study")
    crowd, served = crowd_through_kills(tmp_path / "study", viewers=200, kills=5, patience_seconds=300)
    assert served.kills == 6
    check_nothing_lost_or_doubled(tmp_path / "study", crowd, viewers=200)
    sys.stdout.write(f"\n200 viewers, {len(crowd.acknowledged)} answers, 5 kills in between: all there, each once\n")

"""The doors of a really served process: who may, what is answered, and that nothing is ever a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import pytest

from simulator.broker import free_port
from tests.central.rig import Installation
from tests.central.served import Served

MB = 1 << 20


@pytest.fixture(scope="module")
def served(enrolled: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process without a broker for all tests of this file: alerts are taken all the same."""
    made = Served(enrolled.copy(tmp_path_factory.mktemp("served") / "city"), free_port())
    yield made
    assert made.end() == 0
    made.close()
    assert [line for line in made.log if line["event"] == "not JSON" or line.get("level") == "error"] == []


def code(response: httpx.Response) -> tuple[int, str]:
    """The status and the stable code of a problem; its sentence is there and is not a traceback."""
    error = response.json()["error"]
    assert error["message"] and "Traceback" not in response.text
    return response.status_code, error["code"]


def test_an_alert_is_answered_202_and_again_with_the_same(served: Served) -> None:
    """The retry is told that it was known, with everything else unchanged."""
    first, again = served.alert("api-first-1"), served.alert("api-first-1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == {**first.json(), "repeated": True}
    assert first.json()["plan"][0] == "general at home"


def test_ids_of_64_bits_are_strings(served: Served) -> None:
    """JavaScript would round them."""
    incident = served.alert("api-strings").json()["incident"]
    assert (type(incident), int(incident) > 1 << 53) == (str, True)
    found = served.operator("GET", f"/v1/incidents/{incident}").json()
    listed = [row["id"] for row in served.operator("GET", "/v1/incidents").json()["incidents"]]
    assert (found["id"], incident in listed) == (incident, True)


def test_the_app_can_ask_what_became_of_its_alert(served: Served) -> None:
    """And an id that nobody raised is told to be raised again."""
    served.alert("api-became")
    assert served.app("GET", "/v1/alerts/api-became").json()["centers_commanded"] == 2
    assert code(served.app("GET", "/v1/alerts/api-never")) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/v1/alerts/x", "/v1/incidents", "/v1/centers", "/v1/refusals", "/v1/feed", "/openapi.json"]
)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer app_guess", "Basic Zm9v", "Bearer \xff"])
def test_nothing_is_open_without_a_secret(served: Served, path: str, header: str) -> None:
    """Whatever stands where the key should."""
    assert code(served.http.get(path, headers=[(b"authorization", header.encode("latin-1"))])) == (401, "unauthorized")


def test_each_key_opens_its_own_doors_only(served: Served) -> None:
    """An app raises alerts and reads no incidents; an operator the other way round."""
    body = {"id": "api-wrong-key", "class": "general", "group": 1}
    assert code(served.operator("POST", "/v1/alerts", json=body)) == (403, "forbidden")
    for path in ("/v1/incidents", "/v1/incidents/1", "/v1/centers", "/v1/refusals", "/v1/feed"):
        assert code(served.app("GET", path)) == (403, "forbidden")


def test_a_secret_is_refused_before_the_body_is_read(served: Served) -> None:
    """Whoever has no key learns nothing about what a good body is."""
    assert code(served.http.post("/v1/alerts", content=b"{")) == (401, "unauthorized")


@pytest.mark.parametrize("declared", [True, False])
def test_ten_megabytes_are_refused(served: Served, declared: bool) -> None:
    """With and without a length in the header; the next request is served."""
    parts = bytes(10 * MB) if declared else iter([bytes(MB)] * 10)
    assert code(served.app("POST", "/v1/alerts", content=parts)) == (413, "too_large")
    assert served.alert("api-after-413").status_code == 202


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"id": "api-nan-01", "class": "general", "age_s": NaN}'])
def test_what_is_not_json_is_400(served: Served, body: bytes) -> None:
    """Cut off, empty, or of another encoding."""
    status, name = code(served.app("POST", "/v1/alerts", content=body))
    assert (status, name) in ((400, "not_json"), (422, "invalid"))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "short"}, {"id": "a" * 65}, {"id": "with space"}, {"id": "cero\x00cero"}, {"id": 12345678}, {"id": None},
        {"class": 1}, {"class": "x" * 33}, {"group": 0}, {"group": 65536}, {"age_s": -1}, {"age_s": 1e9},
        {"age_s": "soon"}, {"position": {"lat": 91, "lon": 0}}, {"position": {"lat": 0}}, {"position": [1, 2]},
        {"reporter": "r" * 65}, {"siren": True},
    ],
)  # fmt: skip
def test_a_wrong_field_is_422_and_saves_nothing(served: Served, change: dict[str, Any]) -> None:
    """The sentence names the field."""
    body = {"id": "api-wrong-field", "class": "general", "group": 1, **change}
    response = served.app("POST", "/v1/alerts", json=body)
    assert code(response) == (422, "invalid")
    assert next(iter(change)) in response.json()["error"]["message"]
    assert served.app("GET", "/v1/alerts/api-wrong-field").status_code == 404


def test_an_unknown_class_is_told_which_there_are(served: Served) -> None:
    """A typo of an app's author is one look away."""
    response = served.alert("api-class-1", "tsunami")
    assert (code(response), "fire" in response.json()["error"]["message"]) == ((422, "unknown_class"), True)


def test_an_alert_of_an_unknown_group_is_not_lost(served: Served) -> None:
    """It is saved for the operators."""
    response = served.alert("api-group-1", group=999)
    assert (response.status_code, "operators only" in response.json()["plan"][0]) == (202, True)


def test_another_municipality_sees_and_touches_nothing(served: Served) -> None:
    """Its operator gets the answer of an incident that does not exist."""
    incident = served.alert("api-foreign-1", "medical").json()["incident"]
    path = f"/v1/incidents/{incident}"
    assert served.foreign("GET", "/v1/incidents").json() == {"incidents": []}
    assert served.foreign("GET", "/v1/centers").json() == {"centers": [], "gateways": [], "blackouts": []}
    for method, verb in (("GET", ""), ("POST", "/acknowledge"), ("POST", "/stop")):
        assert code(served.foreign(method, path + verb)) == (404, "not_found")
    assert code(served.foreign("POST", path + "/close", json={"disposition": "test"})) == (404, "not_found")
    assert served.operator("GET", path).json()["state"] == "open"


def test_the_schema_is_for_whoever_has_a_key(served: Served) -> None:
    """The alert's door stands in it, with its body."""
    schema = served.app("GET", "/openapi.json").json()
    assert "202" in schema["paths"]["/v1/alerts"]["post"]["responses"]
    assert "position" in schema["components"]["schemas"]["AlertBody"]["properties"]


def test_gateways_are_told_with_whether_they_are_silent(served: Served) -> None:
    """Nothing was heard of them yet, and it is too early to call that silence."""
    gateways = served.operator("GET", "/v1/centers").json()["gateways"]
    expected = [{"gateway": f"G00000{n}", "heard_s_ago": None, "events": [], "silent": False} for n in (1, 2)]
    assert expected == gateways


def test_an_alert_that_was_not_taken_is_in_the_log(served: Served) -> None:
    """With the app, the reason, and its id as soon as there is one; never with what the person sent."""
    assert served.alert("api-not-taken", "tsunami", reporter="juan").status_code == 422
    served.end()
    (line,) = [one for one in served.log if one.get("alert") == "api-not-taken"]
    expected = ("alert not taken", 422, "unknown_class", "app")
    assert expected == (line["event"], line["status"], line["code"], line["app"])
    assert "juan" not in json.dumps(line)
    served.start()


def test_an_operator_takes_an_incident_to_its_end(served: Served) -> None:
    """Acknowledge, stop, close, and a second close is told why not."""
    path = f"/v1/incidents/{served.alert('api-operator-1', 'fire').json()['incident']}"
    assert served.operator("POST", path + "/acknowledge").json()["state"] == "acknowledged"
    stopped = served.operator("POST", path + "/stop")
    assert (stopped.status_code, stopped.json()["centers"]) == (202, 2)
    assert code(served.operator("POST", path + "/close", json={"disposition": "over"})) == (422, "refused")
    assert served.operator("POST", path + "/close", json={"disposition": "test"}).status_code == 200
    assert code(served.operator("POST", path + "/close", json={"disposition": "test"})) == (422, "refused")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/incidents/0", (404, "not_found")),
        ("GET", f"/v1/incidents/{1 << 64}", (404, "not_found")),
        ("GET", "/v1/incidents/1%20OR%201=1", (422, "invalid")),
        ("GET", "/v1/incidents/-1", (422, "invalid")),
        ("GET", "/v1/incidents?limit=0", (422, "invalid")),
        ("GET", "/v1/nothing", (404, "not_found")),
        ("DELETE", "/v1/incidents", (405, "not_allowed")),
        ("GET", "/v1/alerts", (405, "not_allowed")),
        ("GET", "/console/..%2f..%2fsettings.py", (404, "not_found")),
    ],
)
def test_every_wrong_path_has_its_own_answer(served: Served, method: str, path: str, expected: tuple[int, str]) -> None:
    """One shape for all problems, never a page of HTML."""
    assert code(served.operator(method, path)) == expected


def test_health_tells_that_commands_cannot_go_out(served: Served) -> None:
    """Without a broker alerts are taken, and whoever watches is told."""
    response = served.http.get("/healthz")
    assert (response.status_code, response.json()) == (503, {"ok": False, "broker": "down"})


def test_the_live_feed_resumes_where_it_was_cut(served: Served) -> None:
    """With Last-Event-ID nothing is missed and nothing comes twice, also what is committed while it listens."""
    served.alert("api-feed-1", "bicycle_theft")
    seen = events(served, "0", 3)
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})
    assert events(served, str(seen[0][0]), 2) == seen[1:]
    assert type(seen[0][1]["incident"]) is str
    last = max(number for number, _ in events(served, str(seen[0][0]), 2))
    assert last == seen[2][0]


def test_a_new_entry_arrives_live(served: Served) -> None:
    """A feed without Last-Event-ID begins with what comes next."""
    headers = {"Authorization": f"Bearer {served.installation.operator}"}
    with served.http.stream("GET", "/v1/feed", headers=headers) as response:
        lines = response.iter_lines()
        assert next(lines) == ": sereno"
        incident = served.alert("api-live-1", "gender_violence").json()["incident"]
        data = next(line for line in lines if line.startswith("data: "))
    entry = json.loads(data.removeprefix("data: "))
    assert (entry["incident"], entry["kind"], entry["class"]) == (incident, "opened", "gender_violence")


@pytest.mark.parametrize("last", [b"yesterday", b"-1", b"\xb2", b"9" * 5000])
def test_the_feed_refuses_what_is_no_number(served: Served, last: bytes) -> None:
    """An id that it never gave, also a superscript two and five thousand digits."""
    headers = [(b"authorization", f"Bearer {served.installation.operator}".encode()), (b"last-event-id", last)]
    assert code(served.http.get("/v1/feed", headers=headers)) == (422, "invalid")


@pytest.mark.parametrize("path", ["/v1/alerts", "/v1/session"])
def test_half_a_surrogate_pair_is_not_an_error_of_central(served: Served, path: str) -> None:
    """Text that no encoding can hold is refused like any other wrong body."""
    content = b'{"id": "api-half-1", "class": "general", "reporter": "\\ud800", "token": "\\ud800"}'
    if path == "/v1/session":
        content = b'{"token": "\\ud800"}'
    assert served.app("POST", path, content=content).status_code in (400, 401, 422)


def test_the_page_is_served_with_its_policy_and_its_session(served: Served) -> None:
    """No script but its own; the cookie is out of a script's reach and is not sent from elsewhere."""
    page = served.http.get("/console/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert code(served.http.post("/v1/session", json={"token": served.installation.app})) == (401, "unauthorized")
    with httpx.Client(base_url=served.http.base_url) as browser:
        cookie = browser.post("/v1/session", json={"token": served.installation.operator}).headers["set-cookie"]
        assert ("HttpOnly" in cookie, "samesite=strict" in cookie.lower()) == (True, True)
        assert browser.get("/v1/incidents").status_code == 200
        browser.delete("/v1/session")
        assert browser.get("/v1/incidents").status_code == 401


def events(served: Served, last: str, count: int) -> list[tuple[int, dict[str, Any]]]:
    """So many entries of the feed from behind `last`."""
    headers = {"Authorization": f"Bearer {served.installation.operator}", "Last-Event-ID": last}
    with served.http.stream("GET", "/v1/feed", headers=headers) as response:
        lines = (line.partition(": ") for line in response.iter_lines())
        pairs = [(name, value) for name, _, value in islice((x for x in lines if x[0] in ("id", "data")), 2 * count)]
    return [(int(pairs[at][1]), json.loads(pairs[at + 1][1])) for at in range(0, len(pairs), 2)]

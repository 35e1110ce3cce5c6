"""The operators' page in a real browser: an incident appears by itself, and the keyboard is enough to take it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from simulator.broker import free_port
from tests.central.rig import Installation
from tests.central.served import Served

CHROMIUM = "/usr/bin/chromium"
DEADLINE_MS = 10_000


@pytest.fixture
def served(installation: Installation) -> Iterator[Served]:
    """Central without a broker: the page does not need one."""
    made = Served(installation, free_port())
    yield made
    made.close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a fresh browser in Argentina; what the console prints as an error is kept on the page."""
    if not Path(CHROMIUM).exists():
        pytest.fail("chromium is not installed; run: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(locale="es-AR", viewport={"width": 1280, "height": 800})
        tab.set_default_timeout(DEADLINE_MS)
        yield tab
        browser.close()


def test_an_operator_sees_an_incident_appear_and_takes_it_with_the_keyboard(served: Served, page: Page) -> None:
    """Log in, see it live, acknowledge without a mouse; the policy of the page blocks nothing of its own."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.get_by_label("Clave de operador").fill("operator_guess")
    page.keyboard.press("Enter")
    expect(page.locator("#login-error")).not_to_be_empty()
    # The browser itself reports the refused guess; from here on there is nothing to report.
    said.clear()

    page.get_by_label("Clave de operador").fill(served.installation.operator)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_text("En vivo")
    expect(page.locator("#empty")).to_be_visible()

    served.alert("page-silent-1", "gender_violence")
    served.alert("page-loud-01", "general")
    rows = page.locator("#list button")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Violencia de género · silenciosa")

    rows.nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()
    expect(page.locator("#detail-title")).to_have_text("Alerta general · abierto")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Reconozco")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_have_text("Alerta general · reconocido")
    expect(page.locator("#timeline")).to_contain_text("operador Ana")
    if "SERENO_SCREENSHOT" in os.environ:
        page.screenshot(path=os.environ["SERENO_SCREENSHOT"])

    states = {row["class"]: row["state"] for row in served.operator("GET", "/v1/incidents").json()["incidents"]}
    assert states == {"gender_violence": "open", "general": "acknowledged"}
    assert page.context.cookies()[0]["httpOnly"] is True
    assert said == []


def test_an_operator_is_told_of_what_nobody_took_and_of_a_cut_feed(installation: Installation, page: Page) -> None:
    """The deadline's banner; the keyboard stays in place while the list changes; a dead service is seen at once."""
    served = Served(installation, free_port(), deadline_s=1)
    served.alert("page-late-1", "general")
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.get_by_label("Clave de operador").fill(installation.operator)
    page.keyboard.press("Enter")
    expect(page.locator("#attention")).to_contain_text("Nadie reconoció a tiempo: Alerta general")
    row = page.locator("#list button", has_text="Alerta general")
    row.focus()
    served.alert("page-late-2", "general")
    expect(row).to_contain_text("2 alertas")
    expect(row).to_be_focused()
    if "SERENO_SCREENSHOT_LATE" in os.environ:
        page.screenshot(path=os.environ["SERENO_SCREENSHOT_LATE"])
    served.close()
    expect(page.locator("#link")).to_have_text("Sin conexión: lo que ves puede ser viejo")


def test_an_operator_reads_what_is_one_fault_of_many(served: Served, page: Page) -> None:
    """A silent gateway with what nobody knows behind it, a blackout with its places and the battery that ends first; else no banner."""
    center = {"group": 1, "group_name": "Villa Hipódromo", "behind": None}
    blackout = {
        "centers": 4,
        "first_s_ago": 300,
        "groups": {"1": 3, "2": 1},
        "batteries": [{"center": "C000002", "hours": 7.6}],
    }
    told: dict[str, Any] = {
        "centers": [
            center,
            {**center, "behind": "G000001"},
            {**center, "behind": "G000002"},
            {**center, "behind": "G000002"},
        ],
        "gateways": [{"gateway": f"G00000{number}", "silent": number < 3} for number in (1, 2, 3)],
        "blackouts": [blackout, {**blackout, "batteries": [{"center": "C000002", "hours": None}]}],
    }
    page.route("**/v1/centers", lambda route: route.fulfill(json=told))
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.get_by_label("Clave de operador").fill(served.installation.operator)
    page.keyboard.press("Enter")
    banner = page.locator("#fleet")
    where = "Corte de luz en 4 centrales: Villa Hipódromo (3), grupo 2 (1), desde hace 5 min."
    expect(banner).to_be_visible()
    assert banner.inner_text().splitlines() == [
        "Sin noticias de la pasarela G000001: no se sabe cómo está su central, puede que no suene. Avisá al técnico.",
        "Sin noticias de la pasarela G000002: no se sabe cómo están sus 2 centrales, puede que no suenen. Avisá al técnico.",
        f"{where} La primera en quedarse sin batería es C000002, en unas 8 h.",
        f"{where} No se sabe cuánto les dura la batería.",
    ]
    told.update(gateways=[{"gateway": "G000001", "silent": False}], blackouts=[])
    page.reload()
    expect(page.locator("#link")).to_have_text("En vivo")
    expect(banner).to_be_hidden()

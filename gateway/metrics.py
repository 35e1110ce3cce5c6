"""Figures for Prometheus on a port of this machine alone, made from the document that `status` shows and nothing else.

Started by wiring when the settings name an address. It counts nothing itself: what is asked for between two documents
is as old as the last one, and `sereno_gateway_written_seconds` says how old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PRESENCES = ("up", "down", "unknown")


class Figures(Collector):
    """`latest` gives the last document posted, or None before the first."""

    def __init__(self, latest: Callable[[], dict[str, Any] | None]) -> None:
        self._latest = latest

    def describe(self) -> list[Metric]:
        """Nothing beforehand: which figures there are is seen when they are asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One family for each figure of the document."""
        document = self._latest()
        if document is None:
            return
        uplink, outbox, clock = document["uplink"], document["outbox"], document["clock"]
        yield _gauge("written_seconds", "When these figures were made, in Unix seconds.", document["written_at"])
        yield _gauge("uplink_connected", "1 while central's broker grants the subscription.", uplink["connected"])
        yield _gauge("uplink_proven", "1 while central confirms what is sent to it.", uplink["proven"])
        if uplink["central_heard_s"] is not None:
            yield _gauge("central_heard_ago_seconds", "Since central was last heard.", uplink["central_heard_s"])
        yield _gauge("local_connected", "1 while the local broker does.", document["local"]["connected"])
        yield _gauge("outbox_waiting", "Messages that wait for central's receipt.", outbox["waiting"])
        yield _gauge("outbox_oldest_seconds", "How long the oldest of them has waited.", outbox["oldest_s"] or 0)
        yield _gauge("commands_waiting", "Commands that wait for a center's answer.", document["commands_waiting"])
        yield _gauge("clock_trusted", "1 while the wall clock is synchronised.", clock["trusted"])
        yield _centers(document["centers"])
        yield _faults(document["faults"])
        yield _refused(document["refused"])
        yield _reporting(document["reporting"])
        if document["sms"] is not None:
            yield from _modem(document["sms"])


def serve(address: tuple[str, int], latest: Callable[[], dict[str, Any] | None]) -> Callable[[], None]:
    """Listen on `address` (host, port) on a thread of its own; gives what ends it. Raises OSError when the port is taken."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(latest))
    server, thread = start_http_server(address[1], address[0], registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join(2)

    return end


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sereno_gateway_{name}", text, value=float(value))


def _centers(centers: dict[str, dict[str, Any]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("sereno_gateway_centers", "Alarm centers by presence.", labels=["presence"])
    found = Counter(entry["presence"] for entry in centers.values())
    for presence in PRESENCES:
        family.add_metric([presence], found[presence])
    return family


def _faults(faults: dict[str, str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("sereno_gateway_fault", "1 for each fault that stands now.", labels=["fault"])
    for name in faults:
        family.add_metric([name], 1)
    return family


def _modem(sms: dict[str, Any]) -> Iterator[Metric]:
    yield _gauge("modem_ready", "1 while the modem is registered.", sms["ready"])
    if sms["signal_dbm"] is not None:
        yield _gauge("modem_signal_dbm", "What the modem receives.", sms["signal_dbm"])
    yield _gauge("sms_waiting", "Short messages handed to the modem.", sms["waiting"])
    sent = CounterMetricFamily("sereno_gateway_sms", "Short messages since the start.", labels=["result"])
    sent.add_metric(["sent"], sms["sent"])
    sent.add_metric(["not sent"], sms["not_sent"])
    yield sent
    tries = CounterMetricFamily("sereno_gateway_modem_recovery_tries", "Recovery of the modem.", labels=["stage"])
    cured = CounterMetricFamily("sereno_gateway_modem_recovery_cures", "Those that helped.", labels=["stage"])
    for stage, figures in sms["ladder"].items():
        tries.add_metric([stage], figures["tries"])
        cured.add_metric([stage], figures["successes"])
    yield from (tries, cured)


def _refused(totals: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "sereno_gateway_refused", "Messages refused since the start.", labels=["side", "reason"]
    )
    for name, count in totals.items():
        side, _, reason = name.partition(": ")
        family.add_metric([side, reason], count)
    return family


def _reporting(bearers: dict[str, dict[str, float]]) -> GaugeMetricFamily:
    text = "Seconds from here to central's receipt, of the latest acks (EN 50136 calls it reporting time)."
    family = GaugeMetricFamily("sereno_gateway_reporting_seconds", text, labels=["bearer", "quantile"])
    for bearer, figures in bearers.items():
        family.add_metric([bearer, "0.5"], figures["p50_s"])
        family.add_metric([bearer, "0.95"], figures["p95_s"])
    return family

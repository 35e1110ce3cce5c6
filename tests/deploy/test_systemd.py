"""The service under a real systemd, hardened as shipped and without a WAN: ready, watched, confined."""

from __future__ import annotations

import ast
import re

from tests.deploy.machine import SHIPPED, WATCHDOG_S, Machine
from tests.gateway import frames
from tests.gateway.rig import Neighbourhood

# Run in the unit's confinement in place of the gateway; prints what was possible there.
CONFINED = """
import ctypes, os, socket
def can(do, *arguments):
    try:
        do(*arguments)
        return True
    except OSError:
        return False
def family(number):
    socket.socket(number, socket.SOCK_RAW if number == 17 else socket.SOCK_DGRAM).close()
print({
    "state": can(open, os.environ["STATE_DIRECTORY"] + "/probe", "w"),
    "runtime": can(open, os.environ["RUNTIME_DIRECTORY"] + "/probe", "w"),
    "credential": can(open, os.environ["CREDENTIALS_DIRECTORY"] + "/keys.json"),
    "clock": ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) >= 0,
    "boot": can(open, "/proc/sys/kernel/random/boot_id"),
    "internet": can(family, socket.AF_INET),
    "etc": can(open, "/etc/sereno/probe", "w"),
    "opt": can(open, "/opt/sereno/probe", "w"),
    "keys of root": can(open, "/etc/sereno/gateway/keys.json"),
    "home": can(os.listdir, "/root"),
    "memory": can(open, "/dev/mem", "rb"),
    "packets": can(family, 17),
    "mount": ctypes.CDLL(None).mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0,
    "set clock": ctypes.CDLL(None).settimeofday(ctypes.create_string_buffer(32), None) == 0,
})
"""
ALLOWED = {"state", "runtime", "credential", "clock", "boot", "internet"}


def test_it_is_active_only_once_the_gateway_has_said_ready_and_needs_no_wan_for_that(machine: Machine) -> None:
    """While it still reads its settings (here from a pipe that nobody writes) the unit is activating."""
    settings = "/etc/sereno/gateway.toml"
    machine.said("systemctl", "stop", "sereno-gateway")
    machine.said("sh", "-c", f"mv {settings} /srv/kept.toml; mkfifo -m 644 {settings}")
    # Whoever opens a pipe to write waits for a reader: once that has happened, the gateway is at its settings.
    holder = f"(exec 3>{settings}; touch /srv/reached; exec sleep 600) >/dev/null 2>&1 & echo $!"
    held_by = machine.said("sh", "-c", holder)
    try:
        machine.said("systemctl", "start", "--no-block", "sereno-gateway")
        machine.until(lambda: machine.do("test", "-e", "/srv/reached").returncode == 0)
        assert (machine.property("ActiveState"), machine.property("SubState")) == ("activating", "start")
    finally:
        machine.said("sh", "-c", f"rm {settings}; mv /srv/kept.toml {settings}; kill {held_by}")
    machine.said("systemctl", "restart", "sereno-gateway")
    machine.running()
    assert machine.status()["uplink"]["connected"] is False


def test_the_watchdog_leaves_a_gateway_without_wan_alone_and_restarts_one_that_hangs_with_all_it_kept(
    machine: Machine, neighbourhood: Neighbourhood
) -> None:
    """Four words of life, and then a process that stands still: killed, started anew, and its ack still waits for central."""
    before = machine.running()
    machine.until(lambda: machine.status()["local"]["connected"])
    center = neighbourhood.center(1)
    center.up(frames.ack(sequence=1)).wait_for_publish(10)
    machine.until(lambda: machine.status()["outbox"]["waiting"] == 1)
    seen: set[str] = set()
    machine.until(lambda: seen.add(machine.property("WatchdogTimestampMonotonic")) or len(seen) > 4)
    restarts = int(machine.property("NRestarts"))
    assert machine.property("MainPID") == before

    machine.said("kill", "-STOP", before)
    machine.until(lambda: machine.property("NRestarts") == str(restarts + 1), timeout_s=WATCHDOG_S * 5)
    after = machine.running()
    assert after != before
    machine.until(lambda: machine.status()["pid"] == int(after))
    assert machine.status()["outbox"]["waiting"] == 1


def test_an_order_to_end_ends_it_in_order(machine: Machine) -> None:
    """SIGTERM: exit 0, no restart, and no state is left that would look alive."""
    machine.running()
    machine.said("systemctl", "stop", "sereno-gateway")
    assert (machine.property("Result"), machine.property("ActiveState")) == ("success", "inactive")
    assert machine.do("sereno-gateway", "status").returncode == 1
    machine.said("systemctl", "start", "sereno-gateway")
    machine.running()


def test_systemd_shows_the_state_in_one_line(machine: Machine) -> None:
    """`systemctl status` is enough for a first look."""
    machine.running()
    line = machine.until(lambda: machine.property("StatusText") if "faults" in machine.property("StatusText") else None)
    assert re.fullmatch(r"uplink DOWN, local up, centers \d/2, waiting \d, faults: uplink", line)


def test_the_unit_confines_it_to_what_it_needs(machine: Machine) -> None:
    """It can write its two folders, read the credentials and ask for the clock and the boot; nothing else of the list."""
    machine.said("systemctl", "stop", "sereno-gateway")
    unit = (SHIPPED / "sereno-gateway.service").read_text().replace("Type=notify", "Type=oneshot")
    unit = unit.replace("Restart=always\n", "").replace("WatchdogSec=40\n", "")
    unit = re.sub(r"^ExecStart=.*$", "ExecStart=/opt/sereno/current/bin/python /srv/probe.py", unit, flags=re.MULTILINE)
    unit = unit.replace("StandardOutput=journal", "StandardOutput=truncate:/srv/stage/probe")
    unit = unit.replace("StandardError=journal", "StandardError=inherit\nEnvironment=LD_LIBRARY_PATH=/srv/python/lib")
    machine.do("tee", "/srv/probe.py", text=CONFINED)
    machine.do("tee", "/etc/systemd/system/probe.service", text=unit)
    machine.said("systemctl", "daemon-reload")
    done = machine.do("systemctl", "start", "probe")
    told = (machine.stage / "probe").read_text()
    machine.said("systemctl", "start", "sereno-gateway")
    assert done.returncode == 0, told + done.stderr
    possible = ast.literal_eval(told)
    assert {name for name, is_so in possible.items() if is_so} == ALLOWED


def test_a_wish_to_restart_the_machine_is_carried_out_once(machine: Machine) -> None:
    """The gateway leaves a file; the unit that watches it takes the file away and asks systemd for the restart."""
    machine.running()
    wish = "/run/sereno-gateway/reboot-wanted"
    machine.said("runuser", "-u", "sereno-gateway", "--", "touch", wish)
    machine.until(lambda: machine.property("ActiveState", "reboot.target") == "active")
    machine.until(lambda: machine.property("Result", "sereno-gateway-reboot.service") == "success")
    assert machine.do("test", "-e", wish).returncode == 1
    machine.said("systemctl", "stop", "reboot.target")


def test_the_local_broker_serves_the_centers_of_this_gateway(machine: Machine, neighbourhood: Neighbourhood) -> None:
    """It runs confined, with the access list under this gateway's name."""
    assert machine.property("ActiveState", "sereno-local-broker.service") == "active"
    center = neighbourhood.center(2)
    machine.running()
    center.up(frames.hello(2)).wait_for_publish(10)
    machine.until(lambda: machine.status()["centers"]["2"]["presence"] == "up")

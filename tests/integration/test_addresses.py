"""Two test runs at once must not collide."""

from __future__ import annotations

import contextlib
import os
import socket

from pbx.testing.addresses import AddressLease, free_port, is_free, process_address


def test_leases_do_not_overlap() -> None:
    leases = [AddressLease.take() for _ in range(3)]
    try:
        assert len({lease.host for lease in leases}) == 3
        ports = [port for lease in leases for port in range(lease.rtp_ports[0], lease.rtp_ports[1] + 1)]
        assert len(ports) == len(set(ports)) == 600
    finally:
        for lease in leases:
            lease.release()


def test_released_address_can_be_taken_again() -> None:
    lease = AddressLease.take()
    lease.release()
    again = AddressLease.take()
    again.release()
    again.release()


def test_sip_port_avoids_a_listener() -> None:
    lease = AddressLease.take()
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as taken:
            # Where somebody listens on every address of this machine, the port is taken already.
            with contextlib.suppress(OSError):
                taken.bind((lease.host, 5060))
            assert lease.sip_port() != 5060
        assert is_free(lease.host, free_port(lease.host))
    finally:
        lease.release()


def test_process_addresses_differ_by_process_and_index() -> None:
    pids = [1, 2, 255, 256, 65536, 4194303, os.getpid()]
    found = {process_address(pid, index) for pid in pids for index in range(3)}
    assert len(found) == 3 * len(set(pids))
    assert all(address.startswith("127.") for address in found)

"""What is removed from a stack that outlived a run: only what bears the name of a run that does not live."""

import uuid

from harness.sandbox.leftovers import ident, sweep
from harness.stack import Stack
from harness.stack.management import Management
from harness.toxiproxy.client import Toxiproxy


def test_only_what_dead_runs_left_is_removed(stack: Stack):
    dead, alive, other = uuid.uuid4().hex[:12], uuid.uuid4().hex[:12], f"somebody-s-{uuid.uuid4().hex}"
    toxiproxy = Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port)
    management = Management(stack.management.host, stack.management.port, stack.user, stack.password)
    names = {dead: f"{ident(dead, 1)}.writer.tcs", alive: f"{ident(alive, 2)}.writer.tcs", other: other}
    for name in names.values():
        toxiproxy.create(name, ("127.0.0.1", 9))
    for run in (dead, alive):
        management.create_vhost(ident(run, 1))

    removed = sweep(stack, lives=lambda run: run != dead)

    proxies, vhosts = toxiproxy.proxies(), management.vhosts()
    for run in (alive, other):
        toxiproxy.delete(names[run])
    management.delete_vhost(ident(alive, 1))
    assert removed == 2
    assert {names[alive], other} <= proxies.keys()
    assert names[dead] not in proxies
    assert ident(alive, 1) in vhosts
    assert ident(dead, 1) not in vhosts


def test_what_another_sweep_removed_first_is_not_counted(stack: Stack):
    dead = uuid.uuid4().hex[:12]
    toxiproxy = Toxiproxy(stack.toxiproxy.host, stack.toxiproxy.port)
    names = [f"{ident(dead, n)}.writer.tcs" for n in (1, 2)]
    for name in names:
        toxiproxy.create(name, ("127.0.0.1", 9))

    def other_sweep(run: str) -> bool:
        for name in {dead: names[:1]}.get(run, []):
            toxiproxy.delete(name)
        return run != dead

    assert sweep(stack, other_sweep) == 1

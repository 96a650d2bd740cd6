"""The steps of the tour, a module a family; a new command adds its lines there."""

from netkit.lab.steps import chat, http, lab, mail, names, servers
from netkit.lab.steps.step import Needs, Step

__all__ = ["STEPS", "Needs", "Step"]

STEPS: tuple[Step, ...] = (
    *names.STEPS, *http.STEPS, *mail.STEPS, *servers.STEPS, *chat.STEPS, *lab.STEPS
)  # fmt: skip

"""The root command and the table of all commands.

A new command is a function in `netkit/cli/commands/`, one line here, its library module and its tests; then
`python -m netkit.cli.completions --write` and `python -m tests.readme --write`.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import typer

from netkit import __version__
from netkit.cli.lazy import CONTEXT, Entry, LazyGroup, help_style
from netkit.cli.output.say import say

NAMES, SOCKETS = "Names", "Sockets"
APPLICATIONS, PLAYGROUND = "Application protocols", "Try it out"


class Commands(LazyGroup):
    table: ClassVar[Mapping[str, Entry]] = {
        "resolve": Entry("Look up names and addresses, each answer with its source.", NAMES, "names.resolve:resolve"),
        "fqdn": Entry("Show the fully qualified name of a host, by default this one.", NAMES, "names.fqdn:fqdn"),
        "echo-server": Entry(
            "Echo what clients send, over TCP, UDP, TLS or unix sockets.", SOCKETS, "sockets.echo_server:echo_server"
        ),
        "echo-client": Entry(
            "Send to an echo server, and compare every byte.", SOCKETS, "sockets.echo_client:echo_client"
        ),
        "hello-server": Entry(
            "Greet whoever comes over TCP or UDP, and hang up.", SOCKETS, "sockets.hello_server:hello_server"
        ),
        "watch": Entry("Watch many endpoints at once, and wait for what they do.", SOCKETS, "sockets.watch:watch"),
        "sockopt": Entry("Look at socket options, also of running processes, and set them.", SOCKETS),
        "sockopt list": Entry(
            "List the socket options: type, unit, range, capability, meaning.", SOCKETS, "sockets.sockopt:list_options"
        ),
        "sockopt show": Entry(
            "Show the options of a socket, its queues and TCP_INFO.", SOCKETS, "sockets.sockopt:show"
        ),
        "sockopt get": Entry("Show some options of a socket.", SOCKETS, "sockets.sockopt:get"),
        "sockopt set": Entry(
            "Set options of a socket, and say what became of them.", SOCKETS, "sockets.sockopt:set_options"
        ),
        "sockopt diff": Entry("Show the options in which two sockets differ.", SOCKETS, "sockets.sockopt:diff"),
        "sockopt try": Entry(
            "Connect with options set, and show what they are once connected.", SOCKETS, "sockets.sockopt:try_options"
        ),
        "http": Entry("Send HTTP requests.", APPLICATIONS),
        "http get": Entry("Fetch URLs: body, facts of each hop, timing.", APPLICATIONS, "http.fetch:get"),
        "http head": Entry("Fetch the headers of URLs.", APPLICATIONS, "http.fetch:head"),
        "smtp": Entry("Send mail, and see what servers say.", APPLICATIONS),
        "smtp send": Entry("Send a message, with an outcome for every recipient.", APPLICATIONS, "mail.smtp:send"),
        "smtp check": Entry(
            "Check mail servers and domains: TLS, MX, DANE, MTA-STS; no mail is sent.",
            APPLICATIONS,
            "mail.smtp_check:check",
        ),
        "pop3": Entry("Look at what waits in a POP3 mailbox.", APPLICATIONS),
        "pop3 subjects": Entry(
            "List the subjects of what waits, without fetching it.", APPLICATIONS, "mail.pop3:subjects"
        ),
        "pop3 stat": Entry("Count the messages that wait, and their bytes.", APPLICATIONS, "mail.pop3_messages:stat"),
        "pop3 list": Entry(
            "List the messages that wait: number, size, UIDL.", APPLICATIONS, "mail.pop3_messages:list_messages"
        ),
        "pop3 get": Entry("Fetch messages, exact to the byte.", APPLICATIONS, "mail.pop3_messages:get"),
        "pop3 save": Entry("Save messages to a maildir or an mbox.", APPLICATIONS, "mail.pop3_save:save"),
        "pop3 delete": Entry("Delete messages, each named by its UIDL.", APPLICATIONS, "mail.pop3_delete:delete"),
        "pop3 capa": Entry(
            "Show what a POP3 server can do, before and after TLS.", APPLICATIONS, "mail.pop3_messages:capa"
        ),
        "chat": Entry("A chat for nc, telnet and browsers.", APPLICATIONS),
        "chat serve": Entry("Run a chat that nc, telnet and browsers can join.", APPLICATIONS, "chat.serve:serve"),
        "chat join": Entry(
            "Join a chat: netkit's, the tutorial's, ncat's, or any server of lines.", APPLICATIONS, "chat.join:join"
        ),
        "chat bench": Entry(
            "Load a chat server, and check that everybody gets every line.", APPLICATIONS, "chat.bench:bench"
        ),
        "lab": Entry("Run DNS, HTTP, mail, echo, hello and chat servers on loopback.", PLAYGROUND, "lab.lab:lab"),
        "lab seed": Entry("Put messages into a mailbox of a running lab.", PLAYGROUND, "lab.mail:seed"),
        "lab wait": Entry("Wait for a message in a running lab.", PLAYGROUND, "lab.mail:wait"),
        "tour": Entry("See every command at work on the lab.", PLAYGROUND, "lab.lab:tour"),
    }


def build() -> typer.Typer:
    """The command tree; made for each run, since help looks at standard output."""
    app = typer.Typer(
        cls=Commands,
        add_completion=False,  # static scripts in completions/ instead: no Python at a TAB
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=help_style(),
        context_settings=CONTEXT,
    )
    app.callback(epilog="netkit COMMAND --help has examples; netkit tour shows every command at work.")(root)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netkit {__version__}")
        raise typer.Exit


def _show_versions(wanted: bool) -> None:
    if wanted:
        from netkit.cli.versions import lines

        for line in lines():
            typer.echo(line)
        raise typer.Exit


def _show_completion(shell: str) -> None:
    if shell:
        from netkit.cli.completions.files import script, this_shell

        typer.echo(script(this_shell() if shell == "auto" else shell), nl=False)
        raise typer.Exit


def _install_completion(shell: str) -> None:
    if shell:
        from netkit.cli.completions.files import install, this_shell

        path, todo = install(this_shell() if shell == "auto" else shell)
        typer.echo(path)
        if todo:
            say(todo)
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    versions: Annotated[
        bool,
        typer.Option("--versions", callback=_show_versions, is_eager=True, help="Show it with those of what it uses."),
    ] = False,
    show_completion: Annotated[
        str,
        typer.Option(
            "--show-completion",
            metavar="[SHELL]",
            callback=_show_completion,
            is_eager=True,
            show_default=False,
            help="Print the completion script: bash, zsh, fish; by default yours.",
        ),
    ] = "",
    install_completion: Annotated[
        str,
        typer.Option(
            "--install-completion",
            metavar="[SHELL]",
            callback=_install_completion,
            is_eager=True,
            show_default=False,
            help="Put that script where the shell finds it.",
        ),
    ] = "",
) -> None:
    """Network utilities that keep one contract: results on stdout, typed exit codes, no outcome that is silent."""

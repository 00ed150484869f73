"""The command line: `lethe`. Exit status: 0 done, 2 bad input, 3 certificate refused, 1 else."""

from __future__ import annotations

import sys

import click

from lethe.commands.certificate import certificate
from lethe.commands.certify import certify
from lethe.commands.demo import demo
from lethe.commands.erase import erase
from lethe.commands.faces import faces
from lethe.commands.ledger import ledger
from lethe.commands.models import models
from lethe.commands.ticket_steps import tickets
from lethe.commands.tokens import tokens
from lethe.commands.up import up
from lethe.commands.users import users
from storage.errors import BadInput, LetheError
from storage.logs import setup

BAD_INPUT = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lethe", message="lethe %(version)s")
def cli() -> None:
    """Erases a person from a face-recognition network, and certifies it."""


for command in (
    up,
    demo,
    models,
    faces,
    tickets,
    erase,
    certify,
    certificate,
    ledger,
    users,
    tokens,
):
    cli.add_command(command)


def main() -> None:
    """Runs a command; what Lethe refuses is one line on standard error, never a traceback."""
    setup.set_up_terminal()
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BadInput as error:
        click.echo(f"lethe: {error}", err=True)
        sys.exit(BAD_INPUT)
    except LetheError as error:
        click.echo(f"lethe: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        # A full disk, a folder that cannot be written: the name and the reason are enough.
        click.echo(f"lethe: {error.filename or 'files'}: {error.strerror or error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

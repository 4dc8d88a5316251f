"""The application: its commands, and the one place where an error becomes text and an exit code."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer

from mivactl.cli import (
    animate,
    attach,
    audit,
    base,
    bench,
    cache,
    camera,
    check,
    clips,
    compose,
    demo,
    deprecate,
    doctor,
    export,
    gc,
    import_,
    info,
    install,
    keys,
    list_,
    lock,
    login,
    logout,
    mask,
    outdated,
    publish,
    recipe,
    registry,
    registry_sign,
    replay,
    schema,
    search,
    study,
    sync,
    train,
    tree,
    uninstall,
    unyank,
    update,
    verify,
    weights,
    why,
    yank,
)
from mivactl.cli.console import Console
from mivactl.cli.frame import (
    DebugSwitch,
    JsonSwitch,
    OfflineSwitch,
    QuietSwitch,
    VerboseSwitch,
    flags_among,
    with_run,
)
from mivactl.cli.plain_text import plain_text
from mivactl.cli.run import Flags
from mivactl.cli.scrubbed_streams import scrubbed_streams
from mivactl.cli.usage import is_usage_error, usage_problem
from mivactl.scrubber import remember_environment
from registry_schema.errors import Interrupted, MivaError

_CLIPS = "Clips"
_ADAPTERS = "Adapters"
_PROJECTS = "Projects"
_REGISTRIES = "Registries and bases"
_TRUST = "Keys and tokens"
_MACHINE = "This machine"
_SHORT_HELP = """\
mivactl animates photos with motion adapters, and moves the adapters about.

  mivactl install birds-flying
  mivactl animate photo.jpg --use waterfall:0.5 --use clouds:0.5
  mivactl publish ./my-adapter

mivactl --help lists all commands, mivactl COMMAND --help explains one.
"""


@dataclass(frozen=True)
class Command:
    """A command: its name as typed (a group and a name for nested ones), its function, its place in the help."""

    name: str
    function: Callable[..., None]
    panel: str


COMMANDS = (
    Command("animate", animate.animate, _CLIPS),
    Command("compose", compose.compose, _CLIPS),
    Command("mask", mask.mask, _CLIPS),
    Command("replay", replay.replay, _CLIPS),
    Command("demo", demo.demo, _CLIPS),
    Command("clips", clips.clips, _ADAPTERS),
    Command("camera", camera.camera, _ADAPTERS),
    Command("train", train.train, _ADAPTERS),
    Command("recipe show", recipe.show, _ADAPTERS),
    Command("recipe validate", recipe.validate, _ADAPTERS),
    Command("bench", bench.bench, _ADAPTERS),
    Command("study new", study.new, _ADAPTERS),
    Command("study serve", study.serve, _ADAPTERS),
    Command("study export", study.export, _ADAPTERS),
    Command("study merge", study.merge, _ADAPTERS),
    Command("study report", study.report, _ADAPTERS),
    Command("install", install.install, _ADAPTERS),
    Command("uninstall", uninstall.uninstall, _ADAPTERS),
    Command("list", list_.list_, _ADAPTERS),
    Command("search", search.search, _ADAPTERS),
    Command("info", info.info, _ADAPTERS),
    Command("verify", verify.verify, _ADAPTERS),
    Command("audit", audit.audit, _ADAPTERS),
    Command("why", why.why, _ADAPTERS),
    Command("check", check.check, _ADAPTERS),
    Command("publish", publish.publish, _ADAPTERS),
    Command("attach", attach.attach, _ADAPTERS),
    Command("yank", yank.yank, _ADAPTERS),
    Command("unyank", unyank.unyank, _ADAPTERS),
    Command("deprecate", deprecate.deprecate, _ADAPTERS),
    Command("import", import_.import_, _ADAPTERS),
    Command("export", export.export, _ADAPTERS),
    Command("lock", lock.lock, _PROJECTS),
    Command("sync", sync.sync, _PROJECTS),
    Command("update", update.update, _PROJECTS),
    Command("outdated", outdated.outdated, _PROJECTS),
    Command("tree", tree.tree, _PROJECTS),
    Command("registry init", registry.init, _REGISTRIES),
    Command("registry add", registry.add, _REGISTRIES),
    Command("registry list", registry.list_, _REGISTRIES),
    Command("registry remove", registry.remove, _REGISTRIES),
    Command("registry sync", registry.sync, _REGISTRIES),
    Command("registry site", registry.site, _REGISTRIES),
    Command("registry sign", registry_sign.sign, _REGISTRIES),
    Command("registry advise", registry_sign.advise, _REGISTRIES),
    Command("base list", base.list_, _REGISTRIES),
    Command("base fetch", base.fetch, _REGISTRIES),
    Command("base add", base.add, _REGISTRIES),
    Command("base remove", base.remove, _REGISTRIES),
    Command("base verify", base.verify, _REGISTRIES),
    Command("weights fetch", weights.fetch, _REGISTRIES),
    Command("weights list", weights.list_, _REGISTRIES),
    Command("weights remove", weights.remove, _REGISTRIES),
    Command("login", login.login, _TRUST),
    Command("logout", logout.logout, _TRUST),
    Command("keys new", keys.new, _TRUST),
    Command("keys list", keys.list_, _TRUST),
    Command("keys trust", keys.trust, _TRUST),
    Command("keys forget", keys.forget, _TRUST),
    Command("keys rotate", keys.rotate, _TRUST),
    Command("doctor", doctor.doctor, _MACHINE),
    Command("gc", gc.gc, _MACHINE),
    Command("cache size", cache.size, _MACHINE),
    Command("cache dir", cache.dir_, _MACHINE),
    Command("cache clear", cache.clear, _MACHINE),
    Command("schema", schema.schema, _MACHINE),
)
_GROUPS = {
    "study": ("People's judgement of clips whose makers they do not know.", _ADAPTERS),
    "registry": ("The registries adapters come from.", _REGISTRIES),
    "recipe": ("What adapters are trained with.", _ADAPTERS),
    "base": ("The models that adapters move.", _REGISTRIES),
    "weights": ("Other models: what finds subjects for masks, and what metrics see with.", _REGISTRIES),
    "keys": ("The keys that publishers and registries sign with.", _TRUST),
    "cache": ("What mivactl keeps on this machine.", _MACHINE),
}
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def build_app(only: str = "") -> typer.Typer:
    """The Typer application with every command of `COMMANDS`, or with the one that is asked for, which is quicker."""
    app = typer.Typer(
        name="mivactl", context_settings=_CONTEXT, pretty_exceptions_enable=False, invoke_without_command=True
    )
    app.callback()(_root)
    groups = {name: typer.Typer(help=text, context_settings=_CONTEXT) for name, (text, _) in _GROUPS.items()}
    for command in COMMANDS:
        if only not in {"", command.name}:
            continue
        group, _, name = command.name.rpartition(" ")
        target = groups[group] if group else app
        panel = None if group else command.panel
        target.command(name, rich_help_panel=panel)(with_run(command.name, command.function))
    for name, nested in groups.items():
        if only and not nested.registered_commands:
            continue
        app.add_typer(nested, name=name, rich_help_panel=_GROUPS[name][1])
    return app


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and say its exit code; every error has been printed by then."""
    _prepare_process()
    remember_environment(os.environ)
    try:
        with scrubbed_streams():
            exit_code = _dispatch(arguments)
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`mivactl list | head`); the interpreter must not complain at exit.
        _silence_stdout()
        return 0
    return exit_code


def _dispatch(arguments: Sequence[str]) -> int:
    flags = flags_among(arguments)
    try:
        result = typer.main.get_command(build_app(_only_command(arguments))).main(
            args=list(arguments), prog_name="mivactl", standalone_mode=False, obj=tuple(arguments)
        )
    except SystemExit as stopped:
        # Out of standalone mode Typer ends the process for one reason: the reader of stdout has gone.
        raise BrokenPipeError from stopped
    except MivaError as error:
        return _report(arguments, flags, error)
    except (KeyboardInterrupt, typer.Abort):
        return _report(arguments, flags, Interrupted("stopped by Ctrl-C", hint="run it again"))
    except Exception as error:
        return _report(arguments, flags, usage_problem(error) if is_usage_error(error) else _unexpected(error))
    return result if isinstance(result, int) else 0


def _report(arguments: Sequence[str], flags: Flags, error: MivaError) -> int:
    if flags.shows_tracebacks:
        for line in "".join(traceback.format_exception(error)).splitlines():
            sys.stderr.write(f"{plain_text(line)}\n")
    Console(as_json=flags.json, quiet=flags.quiet).failure(_command_name(arguments), error)
    return error.exit_code


def _unexpected(error: Exception) -> MivaError:
    problem = MivaError(
        f"mivactl failed in a way it did not expect: {type(error).__name__}: {error}",
        hint="run it again with `--debug` and report what it prints",
    )
    problem.__cause__ = error
    return problem


def _command_name(arguments: Sequence[str]) -> str:
    words = [word for word in arguments if not word.startswith("-")]
    names = {command.name for command in COMMANDS}
    return next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in names), "")


def _only_command(arguments: Sequence[str]) -> str:
    """The command that a command line begins with; empty where something else may be meant, such as help about all."""
    name = _command_name(arguments)
    return name if name and list(arguments[: len(name.split())]) == name.split() else ""


def _prepare_process() -> None:
    """Print what a locale can not write as `?`, and end on SIGTERM the way Ctrl-C ends."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    with suppress(ValueError):
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _silence_stdout() -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(wanted: bool) -> None:
    if wanted:
        from mivactl import version

        typer.echo(f"mivactl {version()}")
        raise typer.Exit


def _root(  # noqa: PLR0913 - one parameter for each option
    context: typer.Context,
    *,
    json: JsonSwitch = False,
    quiet: QuietSwitch = False,
    offline: OfflineSwitch = False,
    debug: DebugSwitch = False,
    verbose: VerboseSwitch = 0,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Animate photos with motion adapters; train, install, publish and verify them."""
    del version
    context.obj = Flags(
        json=json, quiet=quiet, offline=offline, debug=debug, verbose=verbose, arguments=context.obj or ()
    )
    if context.invoked_subcommand is None:
        typer.echo(_SHORT_HELP, nl=False)

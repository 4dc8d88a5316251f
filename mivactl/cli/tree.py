"""`mivactl tree`."""

from pathlib import Path

from mivactl.cli import words
from mivactl.cli.options import ProjectOption
from mivactl.cli.run import Run


def tree(run: Run, *, project: ProjectOption = Path()) -> None:
    """Show a project: its base, its locked adapters, their files; with their digests if `-v` is there.

    Example: mivactl tree -v
    """
    from mivactl.operations.tree import project_tree

    found = project_tree(run.session, project)

    def line(depth: int, text: str, digest: str) -> None:
        run.console.line("  " * depth + text + (f"  {digest}" if run.flags.verbose else ""))

    def show() -> None:
        run.console.line(found.project)
        line(1, f"base {found.base}", found.weights)
        for adapter in found.adapters:
            asked = f" ({adapter.range})" if adapter.range else ""
            state = "" if adapter.installed else ", not installed"
            status = "" if adapter.status == "active" else f", {adapter.status}"
            text = f"{adapter.name} {adapter.version}{asked} from {adapter.registry}{status}{state}"
            line(2, text, adapter.manifest)
            for file in adapter.files:
                line(3, f"{file.path}  {words.size(file.size_bytes)}", file.digest)

    run.answer({"tree": found}, show)

"""`mivactl audit`."""

from mivactl.cli.run import Run


def audit(run: Run) -> None:
    """Hold what is installed against the signed advisories of all registries; fails when one is hit.

    Example: mivactl audit
    """
    from mivactl.operations.audit import audit as audit_installed
    from mivactl.operations.audit import require_no_hits

    found = audit_installed(run.session)
    for name in found.unsigned:
        run.console.note(f"the advisories of registry {name} are not signed, so they were not believed")
    for hit in found.hits:
        run.console.warn(hit.sentence)
    require_no_hits(found)

    def show() -> None:
        counts = f"builds: {found.build_count}, advisories: {found.advisory_count}"
        run.console.line(f"no advisory is about what is installed ({counts})")

    run.answer({"audit": found}, show)

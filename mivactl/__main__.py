"""`python -m mivactl`."""

from __future__ import annotations

from mivactl.cli.app import main

if __name__ == "__main__":
    main()

"""Takes the picture of a gallery in this folder: `python -m docs.gallery_screenshot [REGISTRY]` (needs Chromium).

The starter registry as a wide window shows it in light colours, and as a telephone does in dark ones. The clip that
plays when the pointer is on it is at a moment of its own, so two pictures of one gallery may differ a little.
"""

from __future__ import annotations

import argparse
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from mivactl.operations.site import render_site
from mivactl.session import Session
from mivactl.settings import Settings
from tests.browser import Browser, browser

TARGET = Path(__file__).parent / "gallery.webp"
WIDE, PHONE = (1280, 1000), (390, 844)
PHONE_SCALE = 2
GAP = 48
GROUND = "#dedbd5"
MAX_BYTES = 150_000
QUALITIES = (86, 80, 74, 66, 58, 50)
PLAYING = "#cards .play:not([hidden])"


def photographed(tab: Browser, address: str, size: tuple[int, int], *, scale: float, scheme: str) -> Image.Image:
    """What a window of this size shows, with the first clip playing."""
    tab.emulate(width=size[0], height=size[1], scale=scale, prefers_color_scheme=scheme)
    tab.go(address)
    if tab.run(f"document.querySelector('{PLAYING}') !== null"):
        tab.run(f"document.querySelector('{PLAYING}').click()")
        tab.run("new Promise((resolve) => setTimeout(resolve, 500))")
    tab.run("scrollTo(0, 0)")
    return Image.open(BytesIO(tab.screenshot())).convert("RGB")


def side_by_side(wide: Image.Image, phone: Image.Image) -> Image.Image:
    """Both on one ground, equally high."""
    phone = phone.resize((round(phone.width * wide.height / phone.height), wide.height), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (wide.width + phone.width + 3 * GAP, wide.height + 2 * GAP), GROUND)
    sheet.paste(wide, (GAP, GAP))
    sheet.paste(phone, (wide.width + 2 * GAP, GAP))
    return sheet


def small(picture: Image.Image) -> bytes:
    """The picture as WebP, in the best quality that is small enough."""
    for quality in QUALITIES:
        kept = BytesIO()
        picture.save(kept, "webp", quality=quality, method=6)
        if kept.tell() <= MAX_BYTES:
            break
    return kept.getvalue()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("registry", nargs="?", default="starter", help="a registry's name or folder")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        site = render_site(arguments.registry, Session(Settings(home=folder / "home")), out=folder / "site")
        address = Path(site.start).as_uri()
        with browser(folder / "profile") as tab:
            wide = photographed(tab, address, WIDE, scale=1, scheme="light")
            phone = photographed(tab, address, PHONE, scale=PHONE_SCALE, scheme="dark")
    arguments.out.write_bytes(small(side_by_side(wide, phone)))


if __name__ == "__main__":
    main()

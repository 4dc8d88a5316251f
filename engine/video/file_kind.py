"""What a file seems to be, from its first bytes, in words for a person."""

from __future__ import annotations

HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
AVIF_BRANDS = frozenset((b"avif", b"avis"))
RAW_BRANDS = frozenset((b"crx ",))
SIGNATURES = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"FUJIFILMCCD-RAW", "a camera RAW photo"),
    (b"IIU\x00", "a camera RAW photo"),
    (b"II\x2a\x00", "a TIFF picture"),
    (b"MM\x00\x2a", "a TIFF picture"),
    (b"\x1a\x45\xdf\xa3", "a video (WebM or Matroska)"),
)
SNIFFED_BYTES = 4096


def kind_of(content: bytes) -> str:
    """A noun phrase with its article: `a PDF document`, `a text file`, `a file of an unknown kind`."""
    brands = _brands(content)
    if brands:
        return _kind_of_brands(brands)
    for signature, kind in SIGNATURES:
        if content.startswith(signature):
            return kind
    if content[:4] == b"RIFF":
        return {b"WEBP": "a WebP picture", b"AVI ": "a video (AVI)"}.get(content[8:12], "a RIFF file")
    return _kind_of_text(content[:SNIFFED_BYTES])


def is_heic(content: bytes) -> bool:
    """Whether the file is a HEIF container whose pictures are not AVIF."""
    brands = _brands(content)
    return bool(brands & HEIC_BRANDS) and not brands & AVIF_BRANDS


def _brands(content: bytes) -> frozenset[bytes]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, 4.3); empty for other files."""
    if content[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(content[:4], "big"), SNIFFED_BYTES, len(content))
    return frozenset([content[8:12], *(content[at : at + 4] for at in range(16, end - 3, 4))])


def _kind_of_brands(brands: frozenset[bytes]) -> str:
    if brands & AVIF_BRANDS:
        return "an AVIF picture"
    if brands & HEIC_BRANDS:
        return "a HEIC photo"
    return "a camera RAW photo" if brands & RAW_BRANDS else "a video (MP4 or QuickTime)"


def _kind_of_text(start: bytes) -> str:
    try:
        text = start.decode("utf-8", errors="strict" if len(start) < SNIFFED_BYTES else "ignore")
    except UnicodeDecodeError:
        return "a file of an unknown kind"
    if any(ord(letter) < 32 and letter not in "\t\n\r\f\x1b" for letter in text):
        return "a file of an unknown kind"
    opening = text.lstrip("\ufeff \t\r\n").lower()
    if opening.startswith("<svg") or (opening.startswith("<?xml") and "<svg" in opening):
        return "an SVG drawing"
    if opening.startswith(("<!doctype html", "<html")):
        return "an HTML page"
    if opening.startswith("version https://git-lfs"):
        return "a Git LFS pointer, the photo itself was not fetched"
    return "a text file"

"""What a gallery is made of: pictures told by their bytes, stills cut out of clips, cards that stay text."""

from __future__ import annotations

import gc
import struct
import time
import zlib
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mivactl.gallery.elements import element, html_document
from mivactl.gallery.model_card import MAX_RENDERED_CHARACTERS, model_card
from mivactl.gallery.pictures import Media, read_media
from registry_schema.errors import IntegrityProblem
from tests.mivactl.galleries import picture

if TYPE_CHECKING:
    from pathlib import Path


def html(content: str) -> str:
    return html_document(model_card(content.encode(), title="Falls")).decode().partition("\n")[2].strip()


def video(path: Path) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(8))
        stream.width, stream.height = 32, 16
        for value in (0, 255):
            frame = av.VideoFrame.from_ndarray(np.full((16, 32, 3), value, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize(
    "colours", [("red", "green", "blue"), ("#ff000080", "#00ff0040")], ids=["opaque", "see-through"]
)
@pytest.mark.parametrize("lossless", [True, False], ids=["lossless", "lossy"])
def test_the_still_of_a_clip_is_its_first_frame_and_does_not_move(colours, lossless):
    frames = [Image.new("RGBA", (48, 30), colour) for colour in colours]
    kept = BytesIO()
    frames[0].save(
        kept, "webp", save_all=True, append_images=frames[1:], lossless=lossless, duration=100, exif=b"Exif\0\0x"
    )
    media = read_media(kept.getvalue())
    assert media.clip is not None
    assert media.clip.content == kept.getvalue()
    still = opened(media.still.content)
    assert (getattr(still, "n_frames", 1), still.size) == (1, (48, 30))
    assert b"Exif" not in media.still.content
    clip = opened(kept.getvalue())
    assert still.convert("RGBA").tobytes() == clip.convert("RGBA").tobytes()
    assert read_media(media.still.content) == Media(still=media.still, clip=None)


def test_pictures_that_stand_still_and_videos_are_taken_as_they_are(tmp_path: Path):
    for ending in ("webp", "png"):
        media = read_media(picture(ending))
        assert (media.still.content, media.still.ending, media.clip) == (picture(ending), ending, None)
    content = video(tmp_path / "clip.mp4")
    media = read_media(content)
    assert (media.clip.content, media.clip.ending, media.still) == (content, "mp4", None)


@pytest.mark.parametrize("kind", ["still.webp", "clip.webp", "still.png", "clip.mp4"])
def test_a_file_that_is_cut_off_anywhere_is_refused(kind, tmp_path: Path):
    content = {
        "still.webp": lambda: picture("webp"),
        "clip.webp": lambda: picture("webp", colours=("red", "green")),
        "still.png": lambda: picture("png"),
        "clip.mp4": lambda: video(tmp_path / "clip.mp4"),
    }[kind]()
    # An MP4 may lack its last part and be whole boxes all the same; it has to have its description.
    for length in range(len(content)) if kind != "clip.mp4" else range(content.rindex(b"moov") + 4):
        with pytest.raises(IntegrityProblem):
            read_media(content[:length])


@settings(deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"RIFF\x10\0\0\0WEBP", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypisom"])
)
def test_no_bytes_do_more_than_be_refused_or_shown(noise, start):
    content = start + noise
    if start.startswith(b"RIFF"):
        content = b"RIFF" + struct.pack("<I", len(noise) + 4) + b"WEBP" + noise
    try:
        media = read_media(content)
    except IntegrityProblem:
        return
    assert media.still or media.clip


def huge_png() -> bytes:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def moving_png() -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    kept = BytesIO()
    frames[0].save(kept, "png", save_all=True, append_images=frames[1:])
    return kept.getvalue()


def huge_canvas() -> bytes:
    content = bytearray(picture("webp", colours=("red", "green")))
    content[24:30] = b"\xff\xff\xff\xff\xff\xff"
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (huge_png(), "has 50000 x 50000 pixels, the gallery shows at most 4096 a side"),
        (huge_canvas(), "has 16777216 x 16777216 pixels"),
        (moving_png(), "is an animated PNG, which would move by itself"),
        (picture("webp") + b"<script>", "is a WebP file of"),
        (b"GIF89a", "is not a WebP, PNG or MP4 file by its content"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 12, "is a file of the MP4 family that is no video"),
        (b"", "is not a WebP, PNG or MP4 file by its content"),
    ],
)
def test_what_is_not_shown_says_why(content, message):
    with pytest.raises(IntegrityProblem) as caught:
        read_media(content)
    assert message in caught.value.message


def test_markdown_becomes_text_with_structure():
    card = (
        "# Falls\n\nIt *moves* **water**, `fast`.\n\n- one\n- two\n\n## Limits\n\n> none\n\n---\n\n"
        "1. a\n\n   b\n\n```py\nx < 1\n```\n"
    )
    assert html(card) == (
        '<div class="card-text" dir="auto"><p>It <em>moves</em> <strong>water</strong>, <code>fast</code>.</p>'
        "<ul><li>one</li><li>two</li></ul><h4>Limits</h4><blockquote><p>none</p></blockquote><hr>"
        "<ol><li><p>a</p><p>b</p></li></ol><pre><code>x &lt; 1\n</code></pre></div>"
    )


def test_a_heading_that_says_more_than_the_title_stays_and_front_matter_goes():
    assert html("---\na: <b>\n---\n# Falls, large\n") == '<div class="card-text" dir="auto"><h3>Falls, large</h3></div>'


@settings(deadline=None)
@given(st.text() | st.text(alphabet="<>[]()!*_`#-|~ \n\"'&;:/ax1"))
def test_a_card_of_any_text_is_a_page_of_known_elements(text):
    known = {"div", "p", "ul", "ol", "li", "em", "strong", "code", "pre", "h3", "h4", "h5", "h6", "blockquote"}
    known |= {"hr", "br", "a", "table", "thead", "tbody", "tr", "th", "td"}
    card = model_card(text.encode("utf-8", "surrogatepass"), title="Falls")
    assert {part.tag for part in card.iter()} <= known
    assert {name for part in card.iter() for name in part.attrib} <= {"class", "dir", "href", "rel"}
    html_document(card)


@pytest.mark.parametrize("piece", ["[", "*a_", "> ", "`", "![](", "<a ", "- ", "|a", "&#", "[a]: <"])
def test_a_card_made_to_take_long_does_not(piece):
    card = (piece * MAX_RENDERED_CHARACTERS)[:MAX_RENDERED_CHARACTERS]
    # What three thousand tests before this one left in memory, and servers of theirs, are not the card's doing.
    gc.collect()
    gc.freeze()
    started = time.thread_time()
    model_card(card.encode(), title="Falls")
    taken = time.thread_time() - started
    gc.unfreeze()
    assert taken < 5


def test_a_card_beyond_all_measure_is_shown_as_it_is_written():
    text = "*a* " * MAX_RENDERED_CHARACTERS
    card = model_card(text.encode(), title="Falls")
    assert (card.tag, card.text) == ("pre", text)


def test_text_and_attributes_are_escaped_and_a_script_takes_no_text():
    made = element("p", 'a & <b>"', element("i", title='"><script>'), "tail</p>", hidden=False, open=True)
    assert b'<p open="">a &amp; &lt;b&gt;"<i title="&quot;&gt;<script&gt;"></i>tail&lt;/p&gt;</p>' in html_document(
        made
    )
    with pytest.raises(ValueError, match="nothing escapes"):
        element("script", "alert(1)")

"""Draw messages as a chat on a phone shows them: ``python docs/chat.py OUTBOX OUT MESSAGE...`` (needs chromium).

OUTBOX is a folder of the channel "outbox". Each message becomes OUT/chat_KIND.png, where KIND is the beginning of its
name: ``python docs/chat.py var/demo/outbox docs daily_report-2026-11-19 alert-2026-11-20T0630Z-ctr``.
"""

import html
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 12px; width: 366px; background: #dfe8ef; font: 13px/1.4 "DejaVu Sans", sans-serif; }}
article {{ background: white; border-radius: 14px; overflow: hidden; box-shadow: 0 1px 2px #0003; }}
header {{ padding: 9px 12px 6px; color: #2a6fb0; font-weight: bold; }}
img {{ display: block; width: 100%; }}
p {{ margin: 0; padding: 9px 12px 11px; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style><article><header>feedpulse</header><img src="{picture}"><p>{text}</p></article>"""
WIDTH, TALLEST, SCALE = 390, 1600, 2
SIGNS = {"🔴": ("●", "#e0393e"), "🟠": ("●", "#f0861d"), "✅": ("✔", "#4ba84b")}
"""What stands for a sign that chats have and most fonts of a server have not."""


def draw(text: Path, picture: Path, out: Path) -> None:
    """Draw the message, and cut off what is below it."""
    from PIL import Image, ImageChops

    first, _, rest = html.escape(text.read_text(encoding="utf-8").strip()).partition("\n")
    for sign, (shown, colour) in SIGNS.items():
        first = first.replace(sign, f'<span style="color: {colour}">{shown}</span>')
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(PAGE.format(picture=picture.resolve().as_uri(), text=f"<b>{first}</b>\n{rest}"), "utf-8")
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--allow-file-access-from-files",
                f"--force-device-scale-factor={SCALE}", f"--window-size={WIDTH},{TALLEST}",
                f"--user-data-dir={folder}/profile", f"--screenshot={out.resolve()}", page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    with Image.open(out) as drawn:
        image = drawn.convert("RGB")
    ground = Image.new("RGB", image.size, image.getpixel((0, 0)))
    box = ImageChops.difference(image, ground).getbbox()
    bottom = image.height if box is None else min(image.height, box[3] + 12 * SCALE)
    image.crop((0, 0, image.width, bottom)).quantize(128).save(out, optimize=True)


if __name__ == "__main__":
    outbox, folder = map(Path, sys.argv[1:3])
    for name in sys.argv[3:]:
        draw(outbox / f"{name}.txt", outbox / f"{name}.png", folder / f"chat_{name.partition('-')[0]}.png")

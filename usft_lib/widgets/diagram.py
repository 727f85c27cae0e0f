"""The U-Net drawn as a U: one block a group, widths and heights to scale, skip connections across (lessons 00, 02, 08).

A picture made of text (SVG), so it shows wherever a notebook is shown, with no kernel. What is frozen is told three
times: by colour, by a sign and in words. The freezing lab shows the same drawing and makes a switch of each block:
colours are attributes, which a style sheet overrides.
"""

from html import escape

from ..cost import summary
from ..errors import BadInput, check_name
from ..freezing import levels
from ..probes import receptive_fields
from ..unet import UNet

WIDTH, LEVEL, TOP = 760, 92, 46  # of the drawing; height of a level; where the first one begins
THINNEST, WIDEST = 68, 150  # blocks: their width grows with the root of their channels
TRAINED, FROZEN = ("#0072B2", "#ffffff"), ("#dfe6ec", "#1c2b36")  # fill and ink
LOW, HIGH = (240, 246, 250), (213, 94, 0)  # ends of the scale of `values`


class UNetDiagram:
    """A U-Net's groups as a U: which are trained, how many parameters each has, what it sees (lesson 02).

    Args:
        model: its groups are drawn as they are now, frozen or not.
        values: a number for some groups (drift, similarity …), shown by colour and in figures.
        label: what ``values`` are.
        size: side of the images in pixels, for the sizes that are written beside the levels.

    Raises:
        BadInput: a value for a group that there is not, or one that is not a finite number.
    """

    def __init__(self, model: UNet, values: dict[str, float] | None = None, label: str = "", size: int = 128):
        self.depth = model.depth
        self.rows = {row["group"]: row for row in summary(model, size).iloc[:-1].to_dict("records")}
        self.fields = receptive_fields(model)
        self.level = {name: k for k, level in enumerate(levels(model)) for name in level}  # 0 at the image's resolution
        self.channels = {name: model.width * 2 ** self.level[name] for name in self.rows}
        self.values = dict(values or {})
        for name, value in self.values.items():
            check_name("group", name, self.rows)
            if not isinstance(value, int | float) or not abs(float(value)) < float("inf"):
                raise BadInput(f"The value of {name} must be a finite number, not {value!r}.")
        self.label, self.size = label, size

    def boxes(self) -> dict[str, tuple[float, float, float, float]]:
        """Place of each block: x, y of its upper left corner, width, height."""
        most = max(self.channels.values())
        found = {}
        for name in self.rows:
            level = self.level[name]
            wide = THINNEST + (WIDEST - THINNEST) * (self.channels[name] / most) ** 0.5
            high = LEVEL - 26
            inset = 20 + 184 / self.depth * level
            y = TOP + LEVEL * level
            if name == "head":
                found[name] = (WIDTH - 20 - THINNEST, y, THINNEST, high)
                continue
            x = inset if name.startswith("enc") else WIDTH - THINNEST - 26 - inset - wide
            if name == "bottleneck":
                x = (WIDTH - THINNEST - 26) / 2 - wide / 2
            found[name] = (x, y, wide, high)
        return found

    @property
    def height(self) -> int:
        return TOP + LEVEL * (self.depth + 1) + (34 if self.values else 10)

    @property
    def svg(self) -> str:
        """The drawing as a picture of its own, with heading and background. The same model gives the same text."""
        if self.values:
            words = f"{self.label or 'values'}: {', '.join(f'{name} {v:.3g}' for name, v in self.values.items())}."
        else:
            trained = [name for name, row in self.rows.items() if row["trained"] == "trained"]
            words = f"{len(trained)} of {len(self.rows)} groups are trained"
            words += "." if len(trained) in (0, len(self.rows)) else f": {', '.join(trained)}."
        heading = f"image {self.size} × {self.size} → mask" + ("" if self.values else f"; {words}")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" role="img" '
            f'style="max-width:100%;height:auto" font-family="system-ui, sans-serif"><title>A U-Net, drawn</title>'
            f"<desc>{escape(words)}</desc>"
            f'<rect width="{WIDTH}" height="{self.height}" rx="8" fill="#ffffff" stroke="#9aa5ad"/>'
            f'<text x="20" y="28" font-size="13" fill="#1c2b36">{escape(heading)}'
            f"</text>{self._drawn()}{self._scale() if self.values else ''}</svg>"
        )

    @property
    def bare_svg(self) -> str:
        """The drawing as a part of something larger: no heading, no background, but where image and mask are."""
        boxes = self.boxes()
        ends = ((boxes["enc1"][0], "start", "image ↓"), (boxes["head"][0] + boxes["head"][2], "end", "mask ↑"))
        text = "".join(
            f'<text x="{x:.1f}" y="{TOP - 8}" font-size="12" text-anchor="{anchor}">{word}</text>'
            for x, anchor, word in ends
        )
        box = f"0 {TOP - 26} {WIDTH} {LEVEL * (self.depth + 1) + 2}"
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{self._drawn()}{text}</svg>'

    def _drawn(self) -> str:
        boxes = self.boxes()
        return self._arrows(boxes) + "".join(self._block(name, box) for name, box in boxes.items())

    def _colours(self, name: str) -> tuple[str, str]:
        if not self.values:
            return TRAINED if self.rows[name]["trained"] == "trained" else FROZEN
        if name not in self.values:
            return "#ffffff", "#1c2b36"
        low, high = min(self.values.values()), max(self.values.values())
        part = (self.values[name] - low) / (high - low) if high > low else 0.5
        fill = [round(a + (b - a) * part) for a, b in zip(LOW, HIGH, strict=True)]
        return f"rgb({fill[0]},{fill[1]},{fill[2]})", "#000000"

    def _block(self, name: str, box: tuple[float, float, float, float]) -> str:
        x, y, wide, high = box
        fill, ink = self._colours(name)
        row, middle = self.rows[name], x + wide / 2
        frozen = row["trained"] == "frozen"
        state = "❄ frozen" if frozen else "● trained"
        third = f"{self.values[name]:.3g}" if name in self.values else state
        hint = (
            f"{name}: {row['parameters']:,} parameters, {'frozen' if frozen else 'trained'}; a pixel of it sees "
            f"{self.fields[name]} × {self.fields[name]} pixels; {self.channels[name]} channels"
        )
        dashed = ' stroke-dasharray="5 3"' if frozen else ""
        lines = ((name, 20, 13, 700), (_short(row["parameters"]), 37, 11.5, 400), (third, 54, 11.5, 400))
        text = "".join(
            f'<text x="{middle:.1f}" y="{y + dy:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="middle" '
            f'fill="{ink}">{escape(line)}</text>'
            for line, dy, size, weight in lines
        )
        return (
            f'<g data-group="{escape(name)}"><title>{escape(hint)}</title><rect x="{x:.1f}" y="{y:.1f}" '
            f'width="{wide:.1f}" height="{high}" rx="5" fill="{fill}" stroke="#44525c"{dashed}/>{text}</g>'
        )

    def _arrows(self, boxes: dict) -> str:
        """Skip connections across, and the path down one side and up the other."""
        lines = []
        for level in range(1, self.depth + 1):
            (ax, ay, aw, ah), (bx, *_) = boxes[f"enc{level}"], boxes[f"dec{level}"]
            lines.append((ax + aw, ay + ah / 2, bx, ay + ah / 2, True))
            below = boxes.get(f"enc{level + 1}", boxes["bottleneck"])
            lines.append((max(ax + aw / 2, below[0] + 14), ay + ah, max(ax + aw / 2, below[0] + 14), below[1], False))
            under, up = boxes.get(f"dec{level + 1}", boxes["bottleneck"]), boxes[f"dec{level}"]
            x = min(under[0] + under[2] - 14, up[0] + up[2] / 2)
            lines.append((x, under[1], x, up[1] + up[3], False))
        top, head = boxes["dec1"], boxes["head"]
        lines.append((top[0] + top[2], top[1] + top[3] / 2, head[0], top[1] + top[3] / 2, False))
        dashes = ' stroke-dasharray="3 4"'
        drawn = "".join(
            f'<line x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}" stroke="#6b7882" stroke-width="1.6"'
            f'{dashes if skip else ""} marker-end="url(#usft-tip)"/>'
            for a, b, c, d, skip in lines
        )
        tip = (
            '<defs><marker id="usft-tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 8 4 0 8z" fill="#6b7882"/></marker></defs>'
        )
        return tip + drawn

    def _scale(self) -> str:
        low, high = min(self.values.values()), max(self.values.values())
        y = self.height - 30
        ends = [f"rgb({a},{b},{c})" for a, b, c in (LOW, HIGH)]
        return (
            f'<defs><linearGradient id="usft-scale"><stop offset="0" stop-color="{ends[0]}"/><stop offset="1" '
            f'stop-color="{ends[1]}"/></linearGradient></defs><rect x="90" y="{y}" width="160" height="12" '
            f'fill="url(#usft-scale)" stroke="#44525c"/><g font-size="12" fill="#1c2b36"><text x="82" y="{y + 10}" '
            f'text-anchor="end">{low:.3g}</text><text x="258" y="{y + 10}">{high:.3g} {escape(self.label)}</text></g>'
        )

    def __repr__(self) -> str:
        trained = sum(row["trained"] == "trained" for row in self.rows.values())
        return f"U-Net of {len(self.rows)} groups, {trained} of them trained"

    def _repr_mimebundle_(self, **kwargs) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}


def _short(count: int) -> str:
    """A number of parameters as people say it."""
    if count >= 999_500:
        return f"{count / 1e6:.2f} M"
    return f"{count / 1e3:.1f} k" if count >= 1000 else str(count)

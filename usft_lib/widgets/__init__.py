"""What students click: thin views over plain functions and one state object. Each has a plain function beside it.

Only the anywidgets (freeze_lab, speckle_bench, results_explorer) need anywidget to be imported; they come with their
first use, see `usft_lib.__getattr__`.
"""

from pathlib import Path

HERE = Path(__file__).parent


def front_end(name: str) -> tuple[str, str]:
    """Script and style sheet of a widget, each behind what all of them share (front.js, front.css) and its own parts.

    anywidget takes one text of each, so a script cannot import another: NAME_part.js stands before NAME.js.
    """

    def text(kind: str) -> str:
        files = [HERE / f"front.{kind}", *sorted(HERE.glob(f"{name}_*.{kind}")), HERE / f"{name}.{kind}"]
        return "\n".join(file.read_text(encoding="utf-8") for file in files)

    return text("js"), text("css")


def with_picture(shown, svg: str, text: str) -> tuple[dict, dict]:
    """What a widget shows of itself (its ``_repr_mimebundle_``), and an SVG and a text for pages without a kernel."""
    data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
    return {**data, "image/svg+xml": svg, "text/plain": text}, metadata

"""Formulas as MathML, which browsers draw themselves: no script, no fonts to fetch, and a screen reader reads them."""

from docutils import nodes
from latex2mathml.converter import convert


def _inline(self, node) -> None:
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(self, node) -> None:
    # Wide ones scroll, by keys as well.
    frame = '<div class="formula" role="group" aria-label="formula" tabindex="0">'
    self.body.append(f"{frame}{convert(node.astext(), display='block')}</div>")
    raise nodes.SkipNode


def setup(app) -> dict:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

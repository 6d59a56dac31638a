"""The innermost functions of WeasyPrint and pydyf with the same results in less time: a sixth of a record's CPU.

They are called tens of thousands of times a record. Each stands in for one function of exactly the versions named here; with
any other version nothing is replaced and papers are only slower. tests/reports/test_swift.py holds the bytes to those of the originals.
"""

from __future__ import annotations

import sys
from typing import Any

VERSIONS = {"weasyprint": "70.0", "pydyf": "0.13.0"}
WIDE = ("margin_left", "margin_right", "padding_left", "padding_right", "width", "min_width", "max_width")
TALL = ("margin_top", "margin_bottom", "padding_top", "padding_bottom")
HIGH = ("height", "min_height", "max_height")
FACE = (
    "lang", "direction", "font_family", "font_style", "font_stretch", "font_weight", "font_size", "font_language_override", "font_kerning",
    "font_variant_ligatures", "font_variant_position", "font_variant_caps", "font_variant_numeric", "font_variant_alternates",
    "font_variant_east_asian", "font_feature_settings", "font_variation_settings", "text_decoration_line",
)  # fmt: skip
"""What of a style decides how its text is shaped."""


def apply() -> bool:
    """Put the faster functions in place; False when the versions are not the ones they were written for."""
    import pydyf
    import weasyprint

    if {"weasyprint": weasyprint.__version__, "pydyf": pydyf.__version__} != VERSIONS:
        return False
    _write_faster()
    _measure_faster()
    _style_faster()
    _shape_faster()
    return True


def _everywhere(original: Any, faster: Any) -> None:
    """Replace a function in every module of WeasyPrint that imported it."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("weasyprint", "pydyf"):
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, faster)


def _write_faster() -> None:
    import pydyf

    slow = pydyf._to_bytes  # noqa: SLF001  # the function itself is replaced

    def to_bytes(item: Any) -> bytes:
        kind = type(item)
        if kind is bytes:
            return item  # type: ignore[no-any-return]
        if kind is str:
            return item.encode("ascii")  # type: ignore[no-any-return]
        if kind is int:
            return b"%d" % item
        if kind is float:
            return b"%d" % item if item.is_integer() else (b"%f" % item).rstrip(b"0")
        return slow(item)  # type: ignore[no-any-return]

    def dictionary(self: Any) -> bytes:
        return b"<<" + b"".join([b"/" + to_bytes(key) + b" " + to_bytes(value) for key, value in self.items()]) + b">>"

    def array(self: Any) -> bytes:
        return b"[" + b" ".join([to_bytes(child) for child in self]) + b"]"

    def stream(self: Any) -> bytes:
        if self.compress:
            return compressed(self)  # type: ignore[no-any-return]
        written = b"\n".join([item if type(item) is bytes else to_bytes(item) for item in self.stream])
        return b"\n".join((dictionary({**self.extra, "Length": len(written)}), b"stream", written, b"endstream"))

    compressed = pydyf.Stream.data.fget
    _everywhere(slow, to_bytes)
    pydyf.Dictionary.data, pydyf.Array.data, pydyf.Stream.data = property(dictionary), property(array), property(stream)


def _measure_faster() -> None:
    """Lengths of a box: nearly all are plain pixels, 'auto' or a percentage."""
    from weasyprint.formatting_structure.boxes import Box, PageBox
    from weasyprint.layout import percent

    slow, adjust = percent.resolve_one_percentage, percent.adjust_box_sizing

    def resolve(box: Any, style: Any, names: tuple[str, ...], refer_to: Any) -> None:
        used = vars(box)
        for name in names:
            value = style[name]
            unit = getattr(value, "unit", None)
            if unit == "px":
                used[name] = value.value
            else:
                slow(box, name, refer_to)

    def resolve_percentages(box: Any, containing_block: Any) -> None:
        width, height = (containing_block.width, containing_block.height) if isinstance(containing_block, Box) else containing_block
        style = box.style
        resolve(box, style, WIDE, width)
        resolve(box, style, TALL, height if isinstance(box, PageBox) else width)
        if height == "auto":
            wanted = style["height"]
            box.height = wanted.value if getattr(wanted, "unit", None) == "px" else "auto"
            slow(box, "min_height", 0)
            slow(box, "max_height", float("inf"))
        else:
            resolve(box, style, HIGH, height)
        used, collapse = vars(box), style["border_collapse"] == "collapse"
        for name in ("border_top_width", "border_right_width", "border_bottom_width", "border_left_width"):
            if not (collapse and name in used):
                used[name] = style[name]
        if style["box_sizing"] != "content-box":
            adjust(box, "width")
            adjust(box, "height")

    _everywhere(percent.resolve_percentages, resolve_percentages)


def _style_faster() -> None:
    """A property no rule names is inherited or initial: most are."""
    from weasyprint.css import ComputedStyle, computed_values, properties
    from weasyprint.draw import color

    slow, physical = ComputedStyle.__missing__, set(computed_values.PHYSICAL_FUNCTIONS)
    logical = frozenset(name for name in properties.INITIAL_VALUES if "inline_" in name or "block_" in name or name.endswith(("_start_radius", "_end_radius")))
    own = {"page", "float", "display", "position"} | set(properties.INITIAL_NOT_COMPUTED)
    names = {name for name in properties.INITIAL_VALUES if name not in own and not name.startswith(("text_decoration_", "__"))}
    inherited = frozenset((names & set(properties.INHERITED)) - physical)
    initial = {name: properties.INITIAL_VALUES[name] for name in names - set(properties.INHERITED)}

    def missing(self: Any, key: str) -> Any:
        cascaded = self.cascaded
        if key not in cascaded:
            if key in initial:
                if key not in physical or logical.isdisjoint(cascaded):
                    value = self[key] = initial[key]
                    return value
            elif key in inherited and self.parent_style is not None:
                value = self[key] = self.parent_style[key]
                return value
        return slow(self, key)

    def get_color(style: Any, key: str) -> Any:
        value = style[key]
        return style["color"] if type(value) is str and value == "currentcolor" else value

    ComputedStyle.__missing__ = missing
    _everywhere(color.get_color, get_color)


def _shape_faster() -> None:
    """One Pango context and font description for all text of one look, instead of new ones for each piece.

    The original also leaves a list of features behind for every piece of text that has some, and memory grows; here it is let go.
    """
    from weasyprint.text import line_break
    from weasyprint.text.ffi import ffi, gobject, pango

    slow = line_break.Layout.setup

    def setup(self: Any, style: Any) -> None:
        if style["text_decoration_line"] != "none":
            slow(self, style)
            return
        looks = vars(style.font_config).setdefault("qijie_looks", {})
        key = tuple([style[name] for name in FACE])
        if key not in looks:
            looks[key] = _look(style)
        context, self.language, description, features = looks[key]
        self.style, self.first_line_direction = style, 0
        self.ascent = self.underline_position = self.strikethrough_position = None
        self.layout = ffi.gc(pango.pango_layout_new(context), gobject.g_object_unref)
        pango.pango_layout_set_auto_dir(self.layout, False)
        pango.pango_layout_set_font_description(self.layout, description)
        if features:
            listed = pango.pango_attr_list_new()
            pango.pango_attr_list_insert(listed, pango.pango_attr_font_features_new(features))
            pango.pango_layout_set_attributes(self.layout, listed)
            pango.pango_attr_list_unref(listed)

    line_break.Layout.setup = setup


def _look(style: Any) -> tuple[Any, Any, Any, bytes]:
    """Pango's context, language, font description and the features of a style, as the original sets them."""
    from weasyprint.text import fonts, line_break
    from weasyprint.text.ffi import ffi, gobject, pango, unicode_to_char_p

    context = ffi.gc(pango.pango_font_map_create_context(style.font_config.font_map), gobject.g_object_unref)
    pango.pango_context_set_round_glyph_positions(context, False)
    pango.pango_context_set_base_dir(context, line_break.PANGO_DIRECTION[style["direction"]])
    override = style["font_language_override"]
    named = line_break.LST_TO_ISO.get(override.lower(), override) if override != "normal" else style["lang"]
    language = pango.pango_language_get_default()
    if named:
        pointer, _kept = unicode_to_char_p(named)
        language = pango.pango_language_from_string(pointer)
        pango.pango_context_set_language(context, language)
    features = fonts.font_features(
        style["font_kerning"], style["font_variant_ligatures"], style["font_variant_position"], style["font_variant_caps"],
        style["font_variant_numeric"], style["font_variant_alternates"], style["font_variant_east_asian"], style["font_feature_settings"],
    )  # fmt: skip
    return context, language, fonts.get_font_description(style), ",".join(f"{key} {value}" for key, value in features.items()).encode()

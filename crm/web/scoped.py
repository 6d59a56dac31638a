"""Back-office CRUD on Flask-AppBuilder's ModelView, with every way in checked.

What FAB leaves open is closed here: each key is looked up inside the scope (show, edit, delete alike), foreign keys are
resolved inside it, order and search take named columns only, filters live in the request and not on the view object
that threads share, deleting needs a POST, odd parameters are no errors of ours. Its download and generic actions are
not routed: they look rows up outside any scope. Subclasses declare columns and forms and call a domain's verb.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from flask import flash, redirect, request, url_for
from flask_appbuilder import ModelView, expose, has_access, permission_name
from sqlalchemy import Integer, false, or_, select

from crm.core.errors import CrmError, NotFound
from crm.core.paging import Slice, page_of
from crm.web import address
from crm.web.page import access, db

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue
    from flask_wtf import FlaskForm
    from sqlalchemy import ColumnElement, Select

PER_PAGE = 50
ADMINISTRATOR = ("administrator",)
RECORDERS = ("manager", "administrator")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list. `order` is a column without NULLs the list may be sorted by, under the address name `key`."""

    label: str
    value: Callable[[Any], Any]
    key: str = ""
    order: Any = None
    code: bool = False  # set in figures of one width


class ScopedModelView(ModelView):
    """Base of all back-office pages. Deny by default: without `scope` nothing is seen, without a form nothing is written."""

    permits: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    noun: ClassVar[str] = ""
    note: ClassVar[str] = ""
    columns: ClassVar[tuple[Column, ...]] = ()
    search: ClassVar[tuple[Any, ...]] = ()
    search_hint: ClassVar[str] = "搜索"
    descending: ClassVar[bool] = True
    adding: ClassVar[type[FlaskForm] | None] = None
    editing: ClassVar[type[FlaskForm] | None] = None
    edit_word: ClassVar[str] = "修改"
    removing: ClassVar[str] = ""  # the word on the button; empty: rows are not deleted
    exclude_route_methods: ClassVar[set[str]] = {"download", "action", "action_post", "show"}
    list_template = "admin/list.html"
    form_template = "admin/form.html"

    def __init_subclass__(cls) -> None:
        """No form, no route."""
        super().__init_subclass__()
        missing = {"add": cls.adding is None, "edit": cls.editing is None, "delete": not cls.removing}
        cls.exclude_route_methods = cls.exclude_route_methods - missing.keys() | {name for name, absent in missing.items() if absent}

    def _init_forms(self) -> None:
        """Ours are declared; FAB's would embed every row of a related table."""

    # ── what a subclass says ─────────────────────────────────────────────

    @property
    def key(self) -> Any:
        """The primary key column."""
        return getattr(self.datamodel.obj, self.datamodel.get_pk_name())

    def scope(self) -> ColumnElement[bool]:
        """Condition that a row is this user's to see."""
        return false()

    def rows(self) -> Select[Any]:
        """What the list reads; the model first."""
        return select(self.datamodel.obj).where(self.scope())

    def create(self, form: Any) -> Any:
        """Write a new row by a domain's verb."""
        raise NotImplementedError

    def change(self, item: Any, form: Any) -> None:
        """Change a row in scope by a domain's verb."""
        raise NotImplementedError

    def remove(self, item: Any) -> None:
        """Take a row in scope away by a domain's verb."""
        raise NotImplementedError

    def title_of(self, item: Any) -> str:
        """How a row is called in headings and messages."""
        return str(item)

    def prefill(self, form: Any, item: Any) -> None:
        """Put into an edit form what is no column of the row."""

    def prepare(self, form: Any) -> None:
        """Fill the choices of a form."""

    def pk_of(self, row: Any) -> Any:
        """Key of a list row: the model, or a row that begins with it."""
        item = row if isinstance(row, self.datamodel.obj) else row[0]
        return getattr(item, self.key.key)

    def is_open(self, row: Any) -> bool:
        """Whether a row of the list can still be changed; the button stands only there."""
        del row
        return True

    def acts(self, item: Any) -> list[tuple[str, str, str]]:
        """Further acts on a row: (button, address to POST to, question or '')."""
        del item
        return []

    # ── what every page does ─────────────────────────────────────────────

    def find(self, pk: str) -> Any:
        """The row of this key inside the scope; the same NotFound whether it does not exist or lies elsewhere."""
        value: Any = pk
        if isinstance(self.key.type, Integer):
            if not (pk.isascii() and pk.isdigit() and len(pk) < 19):  # BIGINT
                raise NotFound(f"没有这条{self.noun}，或不在您的辖区内。")
            value = int(pk)
        item = None if "\0" in pk else db().scalar(select(self.datamodel.obj).where(self.key == value, self.scope()))
        if item is None:
            raise NotFound(f"没有这条{self.noun}，或不在您的辖区内。")
        return item

    @expose("/list/")
    @has_access
    @permission_name("read")
    def list(self) -> ResponseReturnValue:
        """Rows in scope: searched, sorted, paged by key."""
        sorts = {c.key: c.order for c in self.columns if c.key}
        order = address.choice("sort", sorts)
        descending = (request.args.get("dir") != "asc") if order else self.descending
        query, q = self.rows(), address.words("q")
        if q and self.search:
            query = query.where(or_(*(column.icontains(q, autoescape=True) for column in self.search)))
        found = self._page(query, sorts.get(order), descending)
        return self.render_template(
            self.list_template, view=self, found=found, q=q, sort=order, descending=descending,
            may={name: self.may(name) for name in ("add", "edit")},
        )

    def _page(self, query: Select[Any], order: Any, descending: bool) -> Slice:
        after: Any = address.whole("after") if isinstance(self.key.type, Integer) else address.words("after")
        return page_of(db(), query, self.key, order=order, descending=descending, after=after, limit=PER_PAGE)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name("add")
    def add(self) -> ResponseReturnValue:
        """A new row."""
        assert self.adding is not None  # else not routed
        form = self.adding()
        self.prepare(form)
        if form.validate_on_submit() and self._done(lambda: self.create(form), form, f"{self.noun}已新建。"):
            return redirect(url_for(f"{self.endpoint}.list"))
        page = self.render_template(self.form_template, view=self, form=form, heading=f"新建{self.noun}", item=None, acts=[])
        return page, 422 if form.errors else 200

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def edit(self, pk: str) -> ResponseReturnValue:
        """Change a row in scope."""
        assert self.editing is not None  # else not routed
        item = self.find(pk)
        form = self.editing(obj=item)
        self.prepare(form)
        if request.method == "GET":
            self.prefill(form, item)
        if form.validate_on_submit() and self._done(lambda: self.change(item, form), form, f"{self.title_of(item)}已保存。"):
            return redirect(url_for(f"{self.endpoint}.list"))
        page = self.render_template(
            self.form_template, view=self, form=form, heading=self.title_of(item), item=item, pk=pk, acts=self.acts(item)
        )
        return page, 422 if form.errors else 200

    @expose("/delete/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def delete(self, pk: str) -> ResponseReturnValue:
        """Take a row in scope away."""
        item = self.find(pk)
        name = self.title_of(item)
        self.remove(item)
        db().commit()
        flash(f"{name}：已{self.removing}。", "success")
        return redirect(url_for(f"{self.endpoint}.list"))

    def _done(self, act: Callable[[], Any], form: FlaskForm, said: str) -> bool:
        """Run a verb and commit; a refusal stands under its field and the values stay."""
        try:
            act()
            db().commit()
        except CrmError as error:
            db().rollback()
            if isinstance(error, NotFound):
                raise
            field = getattr(form, getattr(error, "field", None) or "", None)
            (field if field is not None else next(iter(form))).errors = [error.message]
            return False
        flash(said, "success")
        return True

    def may(self, permission: str) -> bool:
        """Whether the user may do this here and there is a form for it."""
        form = {"add": self.adding, "edit": self.editing}[permission]
        return form is not None and access().has(*self.permits.get(permission, ()))

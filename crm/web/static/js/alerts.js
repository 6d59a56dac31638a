// Taking alerts on, putting them off and giving them away without leaving the list, with a way back; and the keyboard in the list.
// Without this file the same forms go to the server and return.
(() => {
  "use strict";
  const { $, $$, post, toast } = window.qijie;
  const text = (tag, content, name) => Object.assign(document.createElement(tag), { textContent: content, className: name || "" });
  const bulk = $("[data-bulk]");
  const rowOf = id => $(`[data-alert="${id}"]`);
  const boxes = () => $$("input[name=id][form=bulk]");
  const chosen = () => boxes().filter(b => b.checked);
  function failed(error) { toast(error.message); }

  // what a row says about its handling, and what it said before
  function settled(row, handled) {
    const cell = $("[data-handling]", row);
    const kept = [...cell.childNodes];
    cell.replaceChildren(text("span", handled));
    const box = $("input[name=id]", row);
    if (box) box.checked = false;
    row.dataset.done = "1";
    count();
    return () => { cell.replaceChildren(...kept); delete row.dataset.done; };
  }

  document.addEventListener("submit", async e => {
    const form = e.target.closest("form[data-act=acknowledge]");
    if (!form) return;
    e.preventDefault();
    const row = form.closest("[data-alert]");
    const { undo, name } = form.dataset;
    try {
      const { handled } = await post(form.action);
      const restore = settled(row, handled);
      toast(`已认领：${name}`, () => post(undo).then(() => { restore(); $("button", form).focus(); }).catch(failed));
    } catch (error) { failed(error); }
    delete form.dataset.sent;
    $("button", form).removeAttribute("aria-busy");
  });

  function count() {
    if (!bulk) return;
    const n = chosen().length;
    $("[data-bulk-n]", bulk).textContent = n ? ` ${n} 条` : "";
    const all = $("[data-bulk-all]", bulk);
    all.checked = n > 0 && n === boxes().length;
    all.indeterminate = n > 0 && n < boxes().length;
    $$("[data-alert]").forEach(row => row.setAttribute("aria-selected", String(Boolean($("input[name=id]:checked", row)))));
  }
  if (!bulk) return;
  bulk.classList.add("is-live");
  // fields of the other acts must not hold up this one: the server checks what an act needs
  bulk.noValidate = true;
  document.addEventListener("change", e => {
    if (e.target.matches("[data-bulk-all]")) boxes().forEach(b => { b.checked = e.target.checked; });
    if (e.target.matches("[data-bulk-all], input[name=id][form=bulk]")) count();
  });
  bulk.addEventListener("submit", async e => {
    e.preventDefault();
    const button = e.submitter || $("[data-bulk-go]", bulk);
    const ids = chosen().map(b => b.value);
    const fields = Object.fromEntries([...new FormData(bulk)].filter(([name]) => ["until", "reason", "to"].includes(name)));
    if (ids.length) {
      try {
        const { message, taken, handled } = await post(button.getAttribute("formaction") || bulk.action, { ...fields, id: ids });
        const kept = taken.map(id => settled(rowOf(id), handled[id]));
        $$("details[open]", bulk).forEach(d => { d.open = false; });
        const back = () => post(bulk.dataset.undo, { id: taken }).then(answer => { if (answer.taken.length === taken.length) kept.forEach(restore => restore()); else location.reload(); count(); }).catch(failed);
        toast(message, taken.length ? back : undefined);
      } catch (error) { failed(error); }
    } else { toast("请先勾选预警。"); }
    delete bulk.dataset.sent;
    button.removeAttribute("aria-busy");
  });

  // keys work while the focus is in the list, so that they never get in the way of typing or of a screen reader
  const table = $("[data-keys]");
  table?.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== "checkbox") return;
    const row = e.target.closest("[data-alert]");
    const rows = $$("[data-alert]", table);
    const move = by => { const next = rows[rows.indexOf(row) + by]; if (next) $("a.rowlink", next).focus(); };
    const act = {
      j: () => move(1), k: () => move(-1),
      x: () => { const box = $("input[name=id]", row); if (box) { box.checked = !box.checked; count(); } },
      e: () => $("form[data-act=acknowledge] button", row)?.click(),
    }[e.key];
    if (act && row) { e.preventDefault(); act(); }
  });
  count();
})();

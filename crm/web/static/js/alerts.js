// Taking alerts on without leaving the list, with a way back. Without this file the same forms go to the server and return.
(() => {
  "use strict";
  const { $, $$, post, toast } = window.qijie;
  const text = (tag, content, name) => Object.assign(document.createElement(tag), { textContent: content, className: name || "" });

  function settled(row, handled) {
    $("[data-handling]", row).replaceChildren(text("span", handled));
    const box = $("input[name=id]", row);
    if (box) { box.checked = false; box.closest("label").hidden = true; }
    count();
  }

  function restored(row, kept) {
    $("[data-handling]", row).replaceChildren(...kept);
    const label = $("input[name=id]", row)?.closest("label");
    if (label) label.hidden = false;
  }

  function failed(error) { toast(error.message); }

  document.addEventListener("submit", async e => {
    const form = e.target.closest("form[data-act=acknowledge]");
    if (!form) return;
    e.preventDefault();
    const row = form.closest("[data-alert]");
    const kept = [...$("[data-handling]", row).childNodes];
    const { undo, name } = form.dataset;
    try {
      const { handled } = await post(form.action);
      settled(row, handled);
      toast(`已认领：${name}`, () => post(undo).then(() => { restored(row, kept); $("button", form).focus(); }).catch(failed));
    } catch (error) { failed(error); }
    delete form.dataset.sent;
    $("button", form).removeAttribute("aria-busy");
  });

  const bulk = $("[data-bulk]");
  const boxes = () => $$("input[name=id][form=bulk]").filter(b => !b.closest("label").hidden);
  const chosen = () => boxes().filter(b => b.checked);
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
  document.addEventListener("change", e => {
    if (e.target.matches("[data-bulk-all]")) boxes().forEach(b => { b.checked = e.target.checked; });
    if (e.target.matches("[data-bulk-all], input[name=id][form=bulk]")) count();
  });
  bulk.addEventListener("submit", async e => {
    e.preventDefault();
    const ids = chosen().map(b => b.value);
    if (!ids.length) { toast("请先勾选要认领的预警。"); return; }
    try {
      const { message, taken, handled } = await post(bulk.action, { id: ids });
      const kept = taken.map(id => {
        const row = $(`[data-alert="${id}"]`);
        const before = [...$("[data-handling]", row).childNodes];
        const undo = $("form[data-undo]", row)?.dataset.undo;
        settled(row, handled);
        return { row, before, undo };
      });
      toast(message, () => Promise.all(kept.map(k => post(k.undo).then(() => restored(k.row, k.before)))).then(count).catch(failed));
    } catch (error) { failed(error); }
    delete bulk.dataset.sent;
    $("[data-bulk-go]", bulk).removeAttribute("aria-busy");
  });
  count();
})();

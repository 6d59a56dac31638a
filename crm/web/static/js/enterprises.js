// The list of firms: how many are ticked, all at once, and menus that close when one looks elsewhere.
(() => {
  "use strict";
  const { $, $$ } = window.qijie;
  const form = $("#bulk"), all = $("[data-tick-all]"), bar = $("[data-bulk]"), idle = $("[data-bulk-n]")?.textContent;
  const ticks = () => $$("input[name=ids]", form);
  function say() {
    const n = ticks().filter(t => t.checked).length;
    $("[data-bulk-n]").textContent = n ? `已勾选 ${n} 家` : idle;
    bar.classList.toggle("is-on", n > 0);
    all.checked = n > 0 && n === ticks().length;
    all.indeterminate = n > 0 && n < ticks().length;
    ticks().forEach(t => t.closest("tr").setAttribute("aria-selected", String(t.checked)));
  }
  if (form && all && bar) {
    all.addEventListener("change", () => { ticks().forEach(t => { t.checked = all.checked; }); say(); });
    form.addEventListener("change", e => { if (e.target.name === "ids") say(); });
    say();
  }
  document.addEventListener("click", e => $$("details.menu[open]").forEach(d => { if (!d.contains(e.target)) d.open = false; }));
})();

// One firm: industry list as you type, leaving a half-filled form is asked about, the clause opens its text in place.
(() => {
  "use strict";
  const { $, $$ } = window.qijie;

  $$("[data-industries]").forEach(input => {
    const list = input.list;
    let timer = 0;
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const answer = await fetch(`${input.dataset.industries}?q=${encodeURIComponent(input.value.trim())}`, { headers: { Accept: "application/json" } }).catch(() => null);
        if (!answer?.ok) return;
        const { items } = await answer.json();
        list.replaceChildren(...items.map(value => Object.assign(document.createElement("option"), { value })));
      }, 150);
    });
  });

  const form = $("form[data-keep]");
  if (form) {
    let dirty = false;
    form.addEventListener("input", () => { dirty = true; });
    form.addEventListener("submit", () => { dirty = false; });
    addEventListener("beforeunload", e => { if (dirty) e.preventDefault(); });
    $(".in[aria-invalid]", form)?.focus();
  }

  // the clause of a criterion: the quoted text in a dialog; without script the link leads to it at the foot of the page
  const quote = $("#dlg-quote");
  document.addEventListener("click", e => {
    const a = e.target.closest("a.src[data-quote]");
    if (!a || !quote) return;
    e.preventDefault();
    const source = document.getElementById(a.dataset.quote);
    $("h2", quote).textContent = a.dataset.title || a.textContent;
    $(".dlg__b", quote).replaceChildren(...source.cloneNode(true).childNodes);
    quote.showModal();
  });

  // proposing against the verdict: say so while choosing, not after
  const to = $("#to_place");
  if (to) {
    const show = () => $$("[data-verdict-for]").forEach(v => { v.hidden = v.dataset.verdictFor !== to.value; });
    to.addEventListener("change", show);
    show();
  }
})();

// what to ask the firm for: onto the clipboard as plain lines, or onto paper
(() => {
  "use strict";
  const { $, $$, toast } = window.qijie;
  $$("[data-print]").forEach(b => b.addEventListener("click", () => print()));
  $$("[data-copy]").forEach(b => b.addEventListener("click", async () => {
    const list = $("#" + b.dataset.copy);
    const lines = [list.dataset.copyHead, ...$$("li", list).map((li, n) => `${n + 1}. ${li.textContent.trim()}`)];
    try { await navigator.clipboard.writeText(lines.join("\n")); toast("已复制，可以粘贴到短信或邮件"); }
    catch { getSelection().selectAllChildren(list); toast("浏览器不让复制，已选中文字，请按 Ctrl+C"); }
  }));
})();

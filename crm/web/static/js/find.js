// Search as you type: after two characters (Chinese, pinyin initials, code or phone) the firms that match, by arrows or mouse.
(() => {
  "use strict";
  const { $$ } = window.qijie;

  $$("form[data-find]").forEach((form, n) => {
    const input = form.querySelector("input[type=search]");
    const list = Object.assign(document.createElement("ul"), { className: "found", id: `found-${n}`, hidden: true });
    const said = Object.assign(document.createElement("p"), { className: "sr" });
    said.setAttribute("role", "status");
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "匹配的企业");
    form.append(list, said);
    for (const [k, v] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" })) input.setAttribute(k, v);
    let timer = 0, asking = null, at = -1;
    const options = () => $$("[role=option]", list);

    function close() {
      list.hidden = true; at = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function choose(next) {
      const all = options();
      if (!all.length) return;
      at = (next + all.length) % all.length;
      all.forEach((o, i) => o.setAttribute("aria-selected", String(i === at)));
      all[at].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", all[at].id);
    }
    function row(firm, i) {
      const li = document.createElement("li"), name = document.createElement("b"), where = document.createElement("span");
      li.id = `${list.id}-${i}`; li.setAttribute("role", "option"); li.setAttribute("aria-selected", "false"); li.dataset.href = firm.href;
      name.textContent = firm.name;
      where.className = "cap";
      where.textContent = [firm.place, firm.region, firm.uscc].filter(Boolean).join(" · ");
      li.append(name, where);
      return li;
    }
    function show(found) {
      list.replaceChildren(...found.items.map(row));
      if (!found.items.length) list.append(Object.assign(document.createElement("li"), { className: "found__none", textContent: "没有匹配的企业。换两个字，或检查是否在您的辖区内。" }));
      else if (found.more) list.append(Object.assign(document.createElement("li"), { className: "found__none", textContent: "后面还有，按回车看全部。" }));
      list.lastElementChild.className === "found__none" && list.lastElementChild.setAttribute("role", "presentation");
      list.hidden = false; at = -1;
      input.setAttribute("aria-expanded", "true");
      said.textContent = found.items.length ? `${found.items.length} 家匹配` : "没有匹配的企业";
    }
    async function ask() {
      const q = input.value.trim();
      asking?.abort();
      if (q.length < 2) { close(); return; }
      asking = new AbortController();
      try {
        const answer = await fetch(`${form.dataset.find}?q=${encodeURIComponent(q)}`, { headers: { Accept: "application/json" }, signal: asking.signal });
        if (answer.ok) show(await answer.json());
      } catch (e) { if (e.name !== "AbortError") close(); }
    }
    input.addEventListener("input", e => { if (e.isComposing) return; clearTimeout(timer); timer = setTimeout(ask, 120); });
    input.addEventListener("compositionend", ask);
    input.addEventListener("keydown", e => {
      if (e.key === "ArrowDown" || e.key === "ArrowUp") { if (!list.hidden) { e.preventDefault(); choose(at + (e.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1)); } }
      else if (e.key === "Enter" && at >= 0) { e.preventDefault(); location.assign(options()[at].dataset.href); }
      else if (e.key === "Escape") { if (!list.hidden) { e.preventDefault(); close(); } }
    });
    list.addEventListener("pointerdown", e => e.preventDefault());
    list.addEventListener("click", e => { const o = e.target.closest("[data-href]"); if (o) location.assign(o.dataset.href); });
    input.addEventListener("blur", close);
    form.addEventListener("submit", e => { if (!input.value.trim()) e.preventDefault(); });
  });
})();

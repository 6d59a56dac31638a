// Choosing a firm to visit: search as you type, and drafts left on this device.
(() => {
  "use strict";
  const { $ } = window.qijie;
  const box = $("[data-choose]"), input = $("#pick-q"), list = $("[data-choose-list]"), said = $("[data-choose-said]");
  if (!box) return;
  let timer = 0, asking = null;
  const entry = (name, where, href) => {
    const li = document.createElement("li"), a = document.createElement("a"), p = document.createElement("p");
    a.className = "wl__n"; a.href = href; a.textContent = name;
    p.className = "wl__d"; p.textContent = where;
    li.append(a, p);
    return li;
  };
  async function ask() {
    const q = input.value.trim();
    asking?.abort();
    if (q.length < 2) { list.replaceChildren(); said.textContent = "输入两个字开始搜。"; return; }
    asking = new AbortController();
    try {
      const answer = await fetch(`${box.dataset.choose}?q=${encodeURIComponent(q)}`, { signal: asking.signal, headers: { Accept: "application/json" } });
      const { items = [] } = await answer.json();
      list.replaceChildren(...items.map(f => entry(f.name, [f.region, f.uscc].filter(Boolean).join(" · "), `${box.dataset.target}?enterprise=${f.id}`)));
      said.textContent = items.length ? `找到 ${items.length} 家` : "辖区内没有匹配的企业。换两个字试试。";
    } catch (error) { if (error.name !== "AbortError") said.textContent = "没有搜到：网络不通。下面的名单和草稿可以直接用。"; }
  }
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 180); });

  (async () => {
    const { store } = window.qijie, drafts = [];
    for (const kept of await store.all("drafts")) { const d = kept.k.startsWith("new:") && await store.unseal(kept.sealed).catch(() => null); if (d?.firm) drafts.push(d); }
    if (!drafts.length) return;
    $("[data-drafts-list]").append(...drafts.sort((a, b) => b.at.localeCompare(a.at)).map(d => entry(d.firm, new Date(d.at).toLocaleString("zh-CN"), `${box.dataset.target}?enterprise=${d.firmId}`)));
    $("[data-drafts]").hidden = false;
  })().catch(() => { /* private mode */ });
})();

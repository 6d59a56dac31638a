// The visit form on the phone: choose a firm, then the same form as on the page, filled from what the phone carries along.
(() => {
  "use strict";
  const { carried, draw, outbox, store, firmPages, visitForm, offerDraft, iso, $, $$ } = window.qijie;
  const { h, icon, place, level, day, head, strip } = draw;
  let open = null; // the form on screen

  async function choose() {
    const drafts = [];
    for (const d of await store.all("drafts")) { const found = d.k.startsWith("new:") && await store.unseal(d.sealed).catch(() => null); if (found) drafts.push({ id: +d.k.slice(4), ...found }); }
    const found = h("ul", { class: "wl" }), elsewhere = h("section", { class: "panel", hidden: true, "aria-label": "辖区其他企业" }, h("div", { class: "panel__h" }, h("h2", {}, "辖区其他企业")), found);
    let asking = null;
    async function others(text) {
      asking?.abort();
      if (text.trim().length < 2 || !navigator.onLine) { elsewhere.hidden = true; return; }
      asking = new AbortController();
      try {
        const answer = await fetch("/enterprises/suggest?q=" + encodeURIComponent(text.trim()), { headers: { Accept: "application/json" }, signal: asking.signal });
        const items = answer.ok ? (await answer.json()).items.filter(i => !carried.firm(i.id)) : [];
        found.replaceChildren(...items.map(i => h("li", {}, h("a", { class: "wl__n", href: "/visits/new?enterprise=" + i.id }, i.name), h("p", { class: "wl__d" }, i.region))));
        elsewhere.hidden = !items.length;
      } catch { /* no signal: mine are here */ }
    }
    return [
      head("去了哪家企业"),
      h("div", { class: "stack" }, h("div", { "data-strips": true, class: "stack" }),
        drafts.length ? h("section", { class: "panel", "aria-labelledby": "h-drafts" }, h("div", { class: "panel__h" }, h("h2", { id: "h-drafts" }, "没交的草稿", h("span", { class: "count" }, "存在本机"))), h("ul", { class: "wl" }, drafts.map(d => h("li", {}, h("a", { class: "wl__n", href: carried.firm(d.id) ? "#/visit/" + d.id : "/visits/new?enterprise=" + d.id }, d.firm), h("p", { class: "wl__d" }, draw.moment(Date.parse(d.at))))))) : null,
        firmPages.picker({ href: f => "#/visit/" + f.id, below: text => others(text) }), elsewhere),
    ];
  }

  async function usual(f) {
    const me = await store.who();
    if (f.last?.people?.length) return f.last.people.map(([side, name, title, unit]) => ({ side, name, title, unit }));
    const rows = [{ side: "us", name: me?.name || "", title: me?.title || "", unit: me?.unit || "" }], c = f.contacts?.[0];
    return c ? [...rows, { side: "firm", name: c[0], title: c[1] || "", unit: f.name }] : rows;
  }
  const personRow = p => ({ person_name: p.name, person_title: p.title || "", person_unit: p.unit || "" });

  async function fill(form, f, made) {
    const last = carried.last(f), now = new Date();
    Object.assign(form.dataset, { draft: "new:" + f.id, firm: f.name, firmId: f.id, lat: f.lat ?? "", lon: f.lon ?? "", known: f.seen ? "上次走访处" : "", again: "1" });
    form.elements.enterprise.value = f.id;
    $("[data-firm-name]", form).textContent = f.name;
    $("[data-firm-tags]", form).replaceChildren(...[level(f.level), place(f.rung), h("span", { class: "cap" }, [f.region, f.products].filter(Boolean).join(" · "))].filter(Boolean));
    const kind = last?.kind || "onsite";
    $$("[name=kind]", form).forEach(r => { r.checked = r.value === kind; });
    now.setMinutes(now.getMinutes() - now.getTimezoneOffset()); // the field wants local time
    form.elements.started_at.value = now.toISOString().slice(0, 16);
    form.elements.place.value = f.last?.place || "";
    form.elements.place.placeholder = f.address || "";
    const promise = $("[data-promised]", form);
    if (last?.next) {
      promise.hidden = false;
      $("[data-promised-on]", promise).textContent = day(last.on);
      $("[data-promise]", promise).value = last.next;
      $("[data-promise-text]", promise).textContent = last.next + (last.next_on ? `（${day(last.next_on)}前）` : "");
    }
    const cases = $("[data-open-cases]", form);
    if (f.cases?.length) { cases.hidden = false; cases.textContent = `还没办结的 ${f.cases.length} 条：${f.cases.map(c => c.title).join("、")}`; }
    const box = $("[data-policies]", form), list = $("[data-list=policy]", form), template = $("[data-template=policy]", form);
    box.hidden = !f.policies?.length;
    for (const [id, title, why, draft] of f.policies || []) {
      const row = template.content.firstElementChild.cloneNode(true);
      $("input", row).value = id; $("[data-policy-title]", row).textContent = title; $("[data-policy-why]", row).textContent = why; $("[data-policy-draft]", row).hidden = !draft;
      list.append(row);
    }
    return made;
  }

  async function visit({ id }) {
    const f = carried.firm(+id), html = f && carried.form(f.pack);
    if (!f || !html) return [head("记走访"), strip("warn", "i-info", "这家企业不在本机。", h("a", { href: "/visits/new?enterprise=" + id }, "联网打开"), "，或从“企业”里另选一家。")];
    const box = h("div", { class: "cols cols--form shell--form" });
    box.innerHTML = html; // our own server's empty form, escaped there; nothing of a person's goes through here
    box.append(firmPages.beside(f));
    const form = $("form", box);
    await fill(form, f);
    const made = visitForm(form, { saved: async () => { open = null; carried.overlay(); location.hash = "#/queue"; document.querySelector(".toasts").replaceChildren(); window.qijie.toast("已存本机，有信号就上传"); } });
    for (const p of await usual(f)) made.addRow("person-" + p.side, personRow(p));
    made.showWhen(); made.showNext();
    await offerDraft(form, made);
    open = made;
    form.dataset.ready = "1";
    return [box];
  }
  // back from the queue into the form, to be put right: the same UUID, the same photos
  async function reopen(item) {
    if (await store.get("drafts", "new:" + item.body.firm.id)) { window.qijie.toast("这家企业还有一份没交的草稿，请先交掉或丢弃它"); location.hash = "#/visit/" + item.body.firm.id; return; }
    const plain = {}, rows = { "person-us": [], "person-firm": [], problem: [] };
    const firm = carried.firm(item.body.firm.id), lists = {};
    for (const [name, value] of item.body.entries) /^(person|problem)_/.test(name) ? (lists[name] ||= []).push(value) : (plain[name] ||= []).push(value);
    (lists.person_name || []).forEach((_, i) => rows["person-" + (lists.person_side?.[i] || "us")].push(Object.fromEntries(["side", "name", "title", "unit"].map(n => ["person_" + n, lists["person_" + n]?.[i] || ""]))));
    (lists.problem_title || []).forEach((_, i) => rows.problem.push(Object.fromEntries(["uuid", "title", "kind", "urgency", "unit", "due"].map(n => ["problem_" + n, lists["problem_" + n]?.[i] || ""]))));
    const draft = { plain, rows, ink: [], phrases: [], firm: item.body.firm.name, firmId: item.body.firm.id, url: "/m/#/visit/" + item.body.firm.id, message: item.message, errors: item.errors, at: new Date().toISOString() };
    await store.put("drafts", { k: "new:" + item.body.firm.id, visit: item.uuid, sealed: await store.seal(draft) });
    await outbox.takeBack(item.uuid);
    location[firm ? "hash" : "href"] = firm ? "#/visit/" + firm.id : "/visits/new?enterprise=" + item.body.firm.id;
  }
  window.qijie.visitPages = { choose, visit, reopen, leave: () => { open?.close(); open = null; } };
})();

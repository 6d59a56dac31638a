// Behaviour shared by every page. Each piece is a progressive extra: without this file the pages still read and submit.
(() => {
  "use strict";
  const root = document.documentElement;
  const $ = (s, from = document) => from.querySelector(s);
  const $$ = (s, from = document) => [...from.querySelectorAll(s)];
  const csrf = () => $('meta[name="csrf-token"]')?.content || "";

  $$("[data-theme-toggle]").forEach(b => b.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private mode */ }
  }));

  // one live region: say what happened, offer the way back
  function toast(text, undo) {
    const el = document.createElement("div");
    el.className = "toast";
    el.append(Object.assign(document.createElement("span"), { textContent: text }));
    if (undo) {
      const b = Object.assign(document.createElement("button"), { type: "button", textContent: "撤销" });
      b.addEventListener("click", () => { undo(); el.remove(); });
      el.append(b);
    }
    $(".toasts").append(el);
    let timer = setTimeout(() => el.remove(), 10000);
    el.addEventListener("mouseenter", () => clearTimeout(timer));
    el.addEventListener("focusin", () => clearTimeout(timer));
    el.addEventListener("mouseleave", () => { timer = setTimeout(() => el.remove(), 4000); });
  }

  // POST JSON with the CSRF token; the answer's message is shown when it refuses
  async function post(url, body) {
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": csrf(), Accept: "application/json" }, body: JSON.stringify(body || {}) });
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(data.message || `没有成功（${answer.status}），请刷新后再试`), { status: answer.status, data });
    return data;
  }
  window.qijie = { toast, post, csrf, $, $$ };

  document.addEventListener("keydown", e => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || e.target.isContentEditable;
    if (e.key === "/" && !typing) { const q = $$("input[type=search]").find(i => i.offsetParent); if (q) { e.preventDefault(); q.focus(); } }
  });

  // Esc closes an open menu and gives the focus back to what opened it
  document.addEventListener("keydown", e => {
    if (e.key !== "Escape" || e.defaultPrevented || $("dialog[open]")) return;
    const open = $$("details.menu[open], details.act--pop[open]"), mine = open.filter(d => d.contains(e.target));
    (mine.length ? mine : open).forEach(d => { d.open = false; $("summary", d).focus(); });
  });

  $$("[data-open]").forEach(b => b.addEventListener("click", () => $("#" + b.dataset.open)?.showModal()));
  $$("dialog [data-close]").forEach(b => b.addEventListener("click", () => b.closest("dialog").close()));
  $$("[data-toast]").forEach(b => toast(b.dataset.toast));

  // forms are sent once; a busy button keeps its width and says what runs
  $$("form").forEach(f => f.addEventListener("submit", e => {
    if (f.dataset.sent) { e.preventDefault(); return; }
    const b = e.submitter;
    if (f.method === "post" && b) { f.dataset.sent = "1"; b.setAttribute("aria-busy", "true"); setTimeout(() => { delete f.dataset.sent; b.removeAttribute("aria-busy"); }, 8000); }
  }));
  // a link to something folded away unfolds it
  const unfold = () => { for (let d = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); d; d = d.parentElement) if (d.tagName === "DETAILS") d.open = true; };
  addEventListener("hashchange", unfold);
  unfold();
  $$("[data-autosubmit]").forEach(i => i.addEventListener("change", () => i.form.requestSubmit()));

  const reach = w => {
    const on = w.scrollWidth > w.clientWidth + 1 && getComputedStyle(w).overflowX !== "visible";
    if (!on) { ["tabindex", "role", "aria-label"].forEach(a => w.removeAttribute(a)); return; }
    w.tabIndex = 0; w.setAttribute("role", "region"); w.setAttribute("aria-label", `${$("caption", w)?.textContent || "表格"}，可左右滚动`);
  };
  const wraps = $$(".tblwrap");
  wraps.forEach(reach);
  addEventListener("resize", () => wraps.forEach(reach));
  addEventListener("beforeprint", () => $$("details").forEach(d => { d.open = true; }));
})();

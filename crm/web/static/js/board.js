// The pipeline board. One tab stop; arrows choose, Space lifts, arrows carry, Space drops, Esc puts back; a press on the grip
// asks "移动到…"; mouse, finger and pen drag by the grip. Every drop is a proposal: the card stays in its column, marked.
(() => {
  "use strict";
  const { $, $$, post, toast } = window.qijie;
  const board = $(".board");
  if (!board) return;
  const say = $("#board-say"), ask = $("#dlg-move"), why = $("#dlg-reason"), refuse = $("#dlg-reject");
  const cols = $$(".kcol", board);
  const glyph = JSON.parse(board.dataset.glyphs), order = board.dataset.order.split(" ");
  const name = card => $(".kcard__n", card).textContent.trim();
  const title = col => $("h2", col).textContent.trim();
  const grips = () => $$(".kcard__grip", board);
  const verdict = (card, place) => JSON.parse(card.dataset.verdicts || "{}")[place];
  const speak = text => { say.textContent = ""; requestAnimationFrame(() => { say.textContent = text; }); };
  let held = null, target = null, drag = null;

  const only = grip => { grips().forEach(g => { g.tabIndex = -1; }); grip.tabIndex = 0; };
  if (grips()[0]) only(grips()[0]);

  // ── lifting, carrying, dropping ──────────────────────────────────────
  const home = () => held.closest(".kcol");
  function lift(card) {
    held = card; target = home();
    card.classList.add("is-held");
    $(".kcard__grip", card).setAttribute("aria-pressed", "true");
  }
  function carry(col) {
    target = col;
    cols.forEach(c => {
      c.classList.toggle("is-target", c === col && c !== home());
      const strip = $(".strip--drop", c);
      strip.hidden = c !== col || c === home();
      strip.textContent = says(c);
    });
    speak(`${title(col)}，${col === home() ? "原处" : says(col)}`);
  }
  function says(col) {
    const v = verdict(held, col.dataset.place);
    return v ? v.text + (v.against ? "，放下后须写理由" : "") : held.dataset.place === col.dataset.place ? "现在就在这一级" : "它的梯队里没有这一级";
  }
  function letGo() {
    const card = held;
    card.classList.remove("is-held");
    $(".kcard__grip", card).setAttribute("aria-pressed", "false");
    cols.forEach(c => { c.classList.remove("is-target"); $(".strip--drop", c).hidden = true; });
    held = target = null;
    return card;
  }
  function putBack() { const card = letGo(); only($(".kcard__grip", card)); $(".kcard__grip", card).focus(); speak("已放回原处"); }
  function drop() {
    const col = target, from = home(), card = letGo();
    if (col === from) { speak("没有移动"); return; }
    propose(card, col.dataset.place);
  }

  // ── proposing: against the verdict a reason is asked ─────────────────
  function propose(card, place) {
    const v = verdict(card, place);
    if (!v) { toast(card.dataset.place === place ? `${name(card)} 已在这一级` : `${name(card)} 的梯队里没有这一级`); return; }
    if (card.dataset.move) { toast(`${name(card)} 已有一条待确认的变动，先撤回或等它确认`); return; }
    if (!v.against) { send(card, place, ""); return; }
    $("h2", why).textContent = `${name(card)}：${glyph[card.dataset.place]} → ${glyph[place]}`;
    $("[data-verdict]", why).textContent = v.text;
    const text = $("textarea", why), err = $(".err", why);
    text.value = ""; err.hidden = true; text.removeAttribute("aria-invalid");
    $("form", why).onsubmit = e => {
      e.preventDefault();
      if (!text.value.trim()) { err.hidden = false; text.setAttribute("aria-invalid", "true"); text.focus(); return; }
      why.close();
      send(card, place, text.value.trim());
    };
    why.showModal();
    text.focus();
  }
  async function send(card, place, reason) {
    try {
      const done = await post(board.dataset.moves, { enterprise_id: Number(card.dataset.id), to_place: place, reason });
      mark(card, done.id, place);
      const text = `已提出：${name(card)} ${glyph[card.dataset.place]} → ${glyph[place]}，待确认`;
      speak(text);
      toast(text, () => withdraw(card, done.id));
    } catch (e) { fail(card, e); }
  }
  async function withdraw(card, id) {
    try { await post(`${board.dataset.moves}/${id}/withdraw`); unmark(card); speak("已撤回"); } catch (e) { fail(card, e); }
  }
  function mark(card, id, place) {
    card.dataset.move = id;
    card.dataset.movePlace = place;
    const foot = $(".kcard__f", card), tag = Object.assign(document.createElement("span"), { className: "tag tag--brand push", textContent: `待确认 → ${glyph[place]}` });
    tag.dataset.moveTag = "";
    foot.append(tag);
    if (board.dataset.mayDecide) foot.after(decideButtons(card));
  }
  function unmark(card) {
    delete card.dataset.move;
    $$("[data-move-tag], .kcard__acts", card).forEach(x => x.remove());
  }
  function decideButtons(card) {
    const p = Object.assign(document.createElement("p"), { className: "kcard__acts acts" });
    for (const [act, text] of [["confirm", "确认"], ["reject", "驳回"]]) {
      const b = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: text });
      b.dataset.decide = act;
      b.setAttribute("aria-label", `${text} ${name(card)} 的变动`);
      p.append(b);
    }
    return p;
  }
  function fail(card, error) {
    const box = $("#board-error");
    box.textContent = `${name(card)}：${error.message}`;
    box.hidden = false;
    speak(box.textContent);
  }

  // ── deciding: one click confirms, rejecting asks why ─────────────────
  async function confirmMove(card) {
    const id = card.dataset.move, from = card.closest("ul"), next = card.nextElementSibling, was = card.dataset.place, said = card.dataset.verdicts;
    try {
      const done = await post(`${board.dataset.moves}/${id}/confirm`);
      const place = card.dataset.movePlace, into = cols.find(c => c.dataset.place === place);
      unmark(card);
      card.dataset.place = place;
      card.dataset.verdicts = JSON.stringify(done.verdicts || {});
      if (into) $("ul", into).prepend(card); else card.remove();
      toast(`已确认：${name(card)} → ${glyph[place]}`, async () => {
        try {
          await post(`${board.dataset.moves}/${id}/undo`);
          card.dataset.place = was; card.dataset.verdicts = said;
          from.insertBefore(card, next);
          speak(`${name(card)}，已撤销确认`);
        } catch (e) { fail(card, e); }
      });
    } catch (e) { fail(card, e); }
  }
  function rejectMove(card) {
    const text = $("textarea", refuse), err = $(".err", refuse);
    $("h2", refuse).textContent = `驳回 ${name(card)}：${glyph[card.dataset.place]} → ${glyph[card.dataset.movePlace]}`;
    text.value = ""; err.hidden = true;
    $("form", refuse).onsubmit = async e => {
      e.preventDefault();
      if (!text.value.trim()) { err.hidden = false; text.focus(); return; }
      refuse.close();
      try { await post(`${board.dataset.moves}/${card.dataset.move}/reject`, { reason: text.value.trim() }); unmark(card); toast(`已驳回：${name(card)}`); } catch (x) { fail(card, x); }
    };
    refuse.showModal();
  }
  board.addEventListener("click", e => {
    const b = e.target.closest("[data-decide]");
    if (!b) return;
    const card = b.closest(".kcard");
    if (b.dataset.decide === "confirm") confirmMove(card); else rejectMove(card);
  });

  // ── keyboard ─────────────────────────────────────────────────────────
  function focusCard(card) { const g = $(".kcard__grip", card); only(g); g.focus(); card.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  board.addEventListener("keydown", e => {
    const grip = e.target.closest(".kcard__grip");
    if (!grip) return;
    const card = grip.closest(".kcard"), col = card.closest(".kcol"), at = cols.indexOf(held ? target : col);
    if (e.key === " " || e.key === "Enter") {
      e.preventDefault();
      if (held) drop(); else { lift(card); speak(`拿起 ${name(card)}，用左右键移动，空格放下`); }
    } else if (e.key === "Escape" && held) { e.preventDefault(); putBack(); }
    else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
      e.preventDefault();
      const to = cols[at + (e.key === "ArrowRight" ? 1 : -1)];
      if (!to) return;
      if (held) { carry(to); to.scrollIntoView({ block: "nearest", inline: "nearest" }); return; }
      const row = $$(".kcard", col).indexOf(card), there = $$(".kcard", to);
      if (there.length) focusCard(there[Math.min(row, there.length - 1)]);
    } else if ((e.key === "ArrowUp" || e.key === "ArrowDown") && !held) {
      e.preventDefault();
      const all = $$(".kcard", col), to = all[all.indexOf(card) + (e.key === "ArrowDown" ? 1 : -1)];
      if (to) focusCard(to);
    } else if (e.key === "?") { e.preventDefault(); $("#dlg-keys").showModal(); }
  });
  board.addEventListener("focusout", e => { if (held && !drag && e.relatedTarget && !held.contains(e.relatedTarget) && !ask.open) letGo(); });

  // ── pointer: mouse, finger, pen ──────────────────────────────────────
  board.addEventListener("pointerdown", e => {
    const grip = e.target.closest(".kcard__grip");
    if (!grip || e.button) return;
    e.preventDefault();
    grip.setPointerCapture(e.pointerId);
    only(grip); grip.focus({ preventScroll: true });
    if (held) letGo();
    drag = { grip, card: grip.closest(".kcard"), x: e.clientX, y: e.clientY, scroll: board.scrollLeft, moved: false };
  });
  board.addEventListener("pointermove", e => {
    if (!drag) return;
    const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 6) return;
    if (!drag.moved) { drag.moved = true; lift(drag.card); drag.card.classList.add("is-dragged"); }
    const edge = board.getBoundingClientRect();
    if (e.clientX > edge.right - 36) board.scrollLeft += 14; else if (e.clientX < edge.left + 36) board.scrollLeft -= 14;
    drag.card.style.transform = `translate(${dx + board.scrollLeft - drag.scroll}px, ${dy}px)`;
    const under = cols.find(c => { const r = c.getBoundingClientRect(); return e.clientX >= r.left && e.clientX <= r.right; });
    if (under && under !== target) carry(under);
  });
  const endDrag = cancelled => {
    if (!drag) return;
    const { card, moved } = drag;
    drag = null;
    card.style.removeProperty("transform");
    card.classList.remove("is-dragged");
    if (!moved) { if (!cancelled) openAsk(card); return; }
    if (cancelled) putBack(); else drop();
  };
  board.addEventListener("pointerup", () => endDrag(false));
  board.addEventListener("pointercancel", () => endDrag(true));

  // a press on the grip: 移动到…
  function openAsk(card) {
    $("h2", ask).textContent = `移动 ${name(card)}`;
    const box = $(".dlg__b", ask);
    box.replaceChildren(...order.filter(p => verdict(card, p)).map(p => {
      const v = verdict(card, p), b = Object.assign(document.createElement("button"), { type: "button", className: "btn btn--choice" });
      b.append(Object.assign(document.createElement("b"), { textContent: glyph[p] }), Object.assign(document.createElement("span"), { textContent: v ? v.text + (v.against ? "，须写理由" : "") : "" }));
      b.addEventListener("click", () => { ask.close(); propose(card, p); });
      return b;
    }));
    ask.showModal();
  }

  // ── more cards of a group, without leaving the page ──────────────────
  board.addEventListener("click", async e => {
    const a = e.target.closest("a[data-more]");
    if (!a) return;
    e.preventDefault();
    if (a.getAttribute("aria-busy")) return;
    a.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(a.href, { headers: { "X-Fragment": "cards" } });
      if (!answer.ok) throw new Error();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const cards = $$(".kcard", page.body), next = $("a[data-more]", page.body);
      cards.forEach(c => { $(".kcard__grip", c).tabIndex = -1; });
      a.closest("section").querySelector(`ul[data-group="${CSS.escape(a.dataset.more)}"]`).append(...cards);
      speak(`又显示 ${cards.length} 家`);
      if (next) a.replaceWith(next); else a.remove();
      if (cards[0]) focusCard(cards[0]);
    } catch { a.removeAttribute("aria-busy"); location.assign(a.href); }
  });
})();

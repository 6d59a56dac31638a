// What the phone carries along: the officer's firms, read from the phone at once and brought up to date when there is signal.
// Only lines whose digest changed travel. Visits still waiting here count as made.
(() => {
  "use strict";
  const { store, outbox, metres } = window.qijie;
  let held = null, asking = null;
  const listeners = new Set();

  async function load() {
    const kept = await store.get("meta", "bundle");
    held = kept ? await store.unseal(kept.sealed) : null;
    if (held) await overlay();
    return held;
  }
  function refresh() {
    return asking ||= fetchNew().catch(error => { if (error instanceof outbox.Later) return "offline"; if (error instanceof outbox.SignIn || error instanceof store.Locked) return "signin"; throw error; }).finally(() => { asking = null; });
  }
  async function fetchNew() {
    const headers = { Accept: "application/json" };
    if (held) {
      headers["If-None-Match"] = `"${held.etag}"`;
      const have = [...held.firms.map(f => `${f.id}.${f.d}`), ...Object.keys(held.forms)].join(",");
      if (have.length < 6000) headers["X-Have"] = have;
    }
    let answer;
    try { answer = await fetch("/m/bundle", { headers, credentials: "same-origin", cache: "no-store", redirect: "manual" }); } catch { return "offline"; }
    if (answer.status === 401 || answer.type === "opaqueredirect") return "signin";
    if (answer.status === 304) { held.at = new Date().toISOString(); return "same"; }
    if (!answer.ok || !(answer.headers.get("Content-Type") || "").includes("json")) return "offline";
    const news = await answer.json(), who = await store.who();
    if (!who || who.out || who.id !== news.user.id || (self.crypto?.subtle && !who.key)) await outbox.session();
    if (held && (held.user.id !== news.user.id || held.format !== news.format)) { held = null; return fetchNew(); } // what was said to be here was somebody else's
    const before = held || { firms: [], forms: {} };
    const firms = new Map([...before.firms, ...news.firms].map(f => [f.id, f]));
    const forms = { ...before.forms, ...news.forms }, current = {};
    for (const [key, html] of Object.entries(forms)) current[key.split(":")[0]] = [key, html]; // the newest of each pack
    held = { ...news, firms: news.order.map(id => firms.get(id)).filter(Boolean), forms: Object.fromEntries(Object.values(current)) };
    held.firms.forEach(f => { delete f.made; });
    await store.put("meta", { k: "bundle", sealed: await store.seal(held) }).catch(error => { if (!store.isFull(error)) throw error; });
    await overlay();
    listeners.forEach(f => f());
    return "new";
  }
  // visits saved here after the bundle was made
  async function overlay() {
    held.firms.forEach(f => { delete f.made; });
    const byId = new Map(held.firms.map(f => [f.id, f]));
    for (const item of await outbox.list()) {
      const firm = item.body && byId.get(item.body.firm.id);
      if (!firm || (item.state === "sent" && item.sentAt < Date.parse(held.at))) continue;
      const entry = name => item.body.entries.find(([n]) => n === name)?.[1] || null;
      firm.made = { on: item.body.startedAt.slice(0, 10), kind: item.body.kind, next: entry("next_step"), next_on: entry("next_on"), uuid: item.uuid, state: item.state };
    }
  }
  const last = f => f.made && (!f.last || f.made.on >= f.last.on) ? f.made : f.last || null;
  const visitedOn = f => [f.visited, f.last?.on, f.made?.on].filter(Boolean).sort().pop() || null;

  // any two characters in a row of the name, pinyin initials, code, address or a contact
  function search(text) {
    const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return held.firms;
    const of = f => f.words ||= [f.name, f.initials, f.uscc, f.address, f.region, ...(f.contacts || []).flatMap(c => [c[0], c[2]])].filter(Boolean).join(" ").toLowerCase();
    return held.firms.filter(f => words.every(w => of(f).includes(w)));
  }
  function near({ latitude, longitude }) {
    return held.firms.filter(f => f.lat != null && f.lon != null).map(f => ({ ...f, away: metres(latitude, longitude, f.lat, f.lon) })).sort((a, b) => a.away - b.away);
  }
  function today(on) {
    const soon = new Date(on); soon.setDate(soon.getDate() + 7);
    const until = window.qijie.iso(soon), quietBefore = new Date(on); quietBefore.setDate(quietBefore.getDate() - held.quiet_days);
    const quiet = window.qijie.iso(quietBefore), rank = { red: 0, orange: 1, yellow: 2, green: 3, grey: 4 };
    const level = f => rank[f.level] ?? 5, own = held.firms.filter(f => !f.other);
    // of another's firms only what an absence hands over: [first day, last day, whose]
    const mine = ({ f, v }) => !f.other || (f.handed && v.next_on >= f.handed[0] && v.next_on <= f.handed[1]);
    return {
      due: held.firms.map(f => ({ f, v: last(f) })).filter(x => x.v?.next_on && x.v.next_on <= until && mine(x)).sort((a, b) => a.v.next_on.localeCompare(b.v.next_on)),
      plan: held.firms.filter(f => !f.made).flatMap(f => (f.plan || []).filter(p => p[1] <= window.qijie.iso(on)).slice(0, 1).map(p => ({ f, p }))).sort((a, b) => a.p[1].localeCompare(b.p[1])),
      late: own.flatMap(f => (f.cases || []).filter(c => c.due && c.due < window.qijie.iso(on)).map(c => ({ f, c }))).sort((a, b) => a.c.due.localeCompare(b.c.due)),
      open: own.reduce((n, f) => n + (f.cases || []).length, 0),
      alerts: own.flatMap(f => (f.alerts || []).filter(a => a.open).map(a => ({ f, a }))).sort((x, y) => (rank[x.a.level] ?? 5) - (rank[y.a.level] ?? 5) || y.a.on.localeCompare(x.a.on)),
      quiet: own.filter(f => !f.status && (visitedOn(f) || "") < quiet).sort((a, b) => level(a) - level(b) || (visitedOn(a) || "").localeCompare(visitedOn(b) || "")),
    };
  }
  window.qijie.carried = {
    load, refresh, overlay, search, near, today, last, visitedOn, on: f => listeners.add(f),
    all: () => held?.firms || [], head: () => held, firm: id => held?.firms.find(f => f.id === id) || null, clear: () => { held = null; },
    form: pack => Object.entries(held?.forms || {}).find(([key]) => key.split(":")[0] === pack)?.[1] || null,
  };
})();

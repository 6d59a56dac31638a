// The queue of visits that wait for signal. Each has the client's UUID, so that sending it twice changes nothing; they are sent one after the
// other in the order they were saved, the visit first, then its files one by one. Read by the page and by the service worker.
//
// state: waiting (待上传) · sending (上传中) · sent (已存) · stuck (需处理: `code` and `message` say what, the page says what to do)
(() => {
  "use strict";
  const q = self.qijie, { store } = q;
  const KEEP_DAYS = 7, FIRST_WAIT = 5000, LONGEST_WAIT = 15 * 60000, GIVE_UP = 90000;
  const said = self.BroadcastChannel ? new BroadcastChannel("qijie") : null, listeners = new Set();
  const tell = what => { listeners.forEach(f => f(what)); said?.postMessage(what); };
  if (said) said.onmessage = e => listeners.forEach(f => f(e.data));

  // A visit with everything it needs, in one transaction: it is in the queue whole, or not at all and still a draft.
  async function add(visit, blobs, draftKey) {
    const { uuid, entries, firm, kind, startedAt, files } = visit, me = await store.who();
    const body = await store.seal({ entries, firm, kind, startedAt, files: files.length });
    const sealed = await Promise.all(blobs.map(async b => ({ uuid: b.uuid, visit: uuid, role: b.role, name: b.name, type: b.type, size: b.data.byteLength, data: await store.seal(b.data), sent: false, at: Date.now() })));
    await store.tx(["outbox", "files", "drafts"], "readwrite", async (outbox, files_, drafts) => {
      const known = await store.result(outbox.index("uuid").get(uuid));
      if (known && (known.accepted || known.state === "sent")) return; // already on the server: saved again by a second tap
      const item = { uuid, owner: me?.id ?? null, state: "waiting", made: known?.made || Date.now(), tries: 0, next: 0, code: null, message: null, errors: null, accepted: null, replace: visit.replace || null, body, files };
      if (known) item.seq = known.seq;
      outbox.put(item);
      sealed.forEach(f => files_.put(f));
      if (draftKey) drafts.delete(draftKey);
    });
    tell({ type: "outbox" });
    ask();
  }

  async function list() {
    const items = await store.all("outbox"), me = await store.who();
    return Promise.all(items.map(async item => {
      const mine = me && item.owner === me.id;
      let body = null;
      try { body = mine ? await store.unseal(item.body) : null; } catch { /* sealed by somebody else, or signed out */ }
      return { ...item, mine, body };
    }));
  }
  async function change(uuid, values) {
    await store.tx("outbox", "readwrite", async s => { const item = await store.result(s.index("uuid").get(uuid)); if (item) s.put({ ...item, ...values }); });
    tell({ type: "outbox" });
  }
  // out of the queue, to be changed; its photos stay
  async function takeBack(uuid) {
    await store.tx("outbox", "readwrite", async s => { const key = await store.result(s.index("uuid").getKey(uuid)); if (key !== undefined) s.delete(key); });
    tell({ type: "outbox" });
  }
  async function drop(uuid) {
    await store.tx(["outbox", "files"], "readwrite", async (outbox, files) => {
      const item = await store.result(outbox.index("uuid").get(uuid));
      if (item) outbox.delete(item.seq);
      for (const key of await store.result(files.index("visit").getAllKeys(uuid))) files.delete(key);
    });
    tell({ type: "outbox" });
  }
  const again = uuid => change(uuid, { state: "waiting", tries: 0, next: 0, code: null, message: null }).then(() => send({ now: true }));
  async function counts() {
    const me = await store.who(), items = (await store.all("outbox")).filter(i => i.owner === null || i.owner === me?.id);
    return { waiting: items.filter(i => i.state !== "sent" && i.state !== "stuck").length, stuck: items.filter(i => i.state === "stuck").length };
  }

  // ── talking to the server ────────────────────────────────────────────
  class Later extends Error {} // no signal, or the server cannot just now: try again
  class SignIn extends Error {} // the session is over: the queue waits until somebody signs in
  class Refused extends Error { constructor(data, status) { super(data.message || `服务器没有收下（${status}）。`); this.data = data; this.status = status; } }
  async function call(url, options = {}) {
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), GIVE_UP);
    let answer, data = null;
    try {
      answer = await fetch(url, { credentials: "same-origin", cache: "no-store", redirect: "manual", ...options, headers: { Accept: "application/json", ...options.headers }, signal: stop.signal });
      data = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : null;
    } catch { throw new Later(); } finally { clearTimeout(timer); }
    if (answer.status === 401 || answer.type === "opaqueredirect") throw new SignIn();
    if (!data || answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new Later(); // also the page a café's network puts in between
    if (!answer.ok) throw new Refused(data, answer.status);
    return data;
  }
  let csrf = null;
  async function session() {
    let found;
    try { found = await call("/m/session"); } catch (error) { throw error instanceof Refused ? new SignIn() : error; } // a first password to change, a role without a phone
    if (!found.user) throw new Later();
    csrf = found.csrf;
    await store.adopt(found);
    return found;
  }
  async function write(url, options) {
    const once = () => call(url, { ...options, headers: { ...options.headers, "X-CSRFToken": csrf } });
    try { return await once(); } catch (error) {
      if (!(error instanceof Refused) || error.data.code !== "Csrf") throw error;
      await session(); // the token belonged to an older session
      return once();
    }
  }

  async function sendVisit(item) {
    const { entries } = await store.unseal(item.body), body = new FormData();
    entries.forEach(([name, value]) => body.append(name, value));
    if (item.replace) body.append("version", item.replace);
    const found = await write(item.replace ? `/visits/${item.uuid}/edit` : "/visits/", { method: "POST", body });
    if (found.uuid !== item.uuid) throw new Later();
    return { url: found.url, version: found.version, mine: found.mine };
  }
  async function sendFile(item, file) {
    const query = new URLSearchParams({ role: file.role, name: file.name });
    if (file.caption) query.set("caption", await store.unseal(file.caption));
    const found = await write(`/visits/${item.uuid}/files/${file.uuid}?${query}`, { method: "PUT", body: new Blob([await store.unseal(file.data)], { type: file.type }), headers: { "Content-Type": file.type } });
    if (found.uuid !== file.uuid) throw new Later();
  }
  async function sendOne(item) {
    await change(item.uuid, { state: "sending" });
    if (!item.accepted) {
      item.accepted = await sendVisit(item);
      await change(item.uuid, { accepted: item.accepted, replace: null });
    }
    for (const uuid of item.files) {
      const file = await store.get("files", uuid);
      if (!file || file.sent) continue;
      await sendFile(item, file);
      await store.put("files", { ...file, data: null, sent: true });
      tell({ type: "outbox" });
    }
    await store.tx(["outbox", "files"], "readwrite", (outbox, files) => { outbox.put({ ...item, state: "sent", code: null, message: null, errors: null, sentAt: Date.now() }); item.files.forEach(uuid => files.delete(uuid)); });
    tell({ type: "sent", uuid: item.uuid });
  }

  // In order: the first that cannot be sent now stops the run; one the server refuses is set aside for the person and the next goes on.
  async function run({ now = false } = {}) {
    store.forget(); // somebody may have signed in or out since
    const waiting = (await store.all("outbox")).filter(i => i.state === "waiting" || i.state === "sending");
    await sweep();
    if (!waiting.length) return { sent: 0 };
    let sent = 0, me;
    try {
      me = await session();
      await setSignIn(false);
      for (const item of waiting.filter(i => i.owner === me.user.id || i.owner === null)) {
        if (!now && item.next > Date.now()) break;
        try { await sendOne(item); sent++; } catch (error) {
          if (error instanceof Refused) { await change(item.uuid, { state: "stuck", code: error.data.code || String(error.status), message: error.message, errors: error.data.errors || null, theirs: error.data.theirs || null, version: error.data.version || null, signed: error.data.signed || false, accepted: item.accepted }); continue; }
          await change(item.uuid, { state: "waiting", tries: item.tries + 1, next: Date.now() + Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** item.tries) * (.8 + Math.random() * .4), accepted: item.accepted });
          throw error;
        }
      }
    } catch (error) {
      if (error instanceof SignIn) await setSignIn(true);
      else if (!(error instanceof Later) && !(error instanceof store.Locked)) throw error;
      return { sent, later: true, signIn: error instanceof SignIn };
    }
    return { sent };
  }
  async function setSignIn(needed) {
    const before = await store.get("meta", "state");
    if (Boolean(before?.signIn) !== needed) { await store.put("meta", { k: "state", signIn: needed }); tell({ type: "session", needed }); }
  }
  async function sweep() {
    const old = Date.now() - KEEP_DAYS * 86400000;
    const gone = (await store.all("outbox")).filter(i => i.state === "sent" && i.sentAt < old);
    if (gone.length) await store.tx("outbox", "readwrite", s => gone.forEach(i => s.delete(i.seq)));
    await store.tx(["outbox", "drafts", "files"], "readwrite", async (outbox, drafts, files) => { // photos of drafts that are no more
      const needed = new Set([...await store.result(outbox.getAll()), ...await store.result(drafts.getAll())].map(x => x.uuid || x.visit)), yesterday = Date.now() - 86400000;
      for (const f of await store.result(files.getAll())) if (!needed.has(f.visit) && f.at < yesterday) files.delete(f.uuid);
    });
  }

  // one sender at a time, over all pages and the worker; asked while one runs, it runs once more
  let running = null, more = null;
  function send(options = {}) {
    if (running) { more = options; return running; }
    const locked = self.navigator.locks ? () => navigator.locks.request("qijie-outbox", () => run(options)) : () => run(options);
    return running = locked().finally(() => { running = null; if (more) { const next = more; more = null; send(next); } else plan(); });
  }
  let timer = 0;
  async function plan() {
    clearTimeout(timer);
    const waiting = (await store.all("outbox")).filter(i => i.state === "waiting" || i.state === "sending");
    const me = await store.who();
    if (self.document && waiting.some(i => i.owner === null || i.owner === me?.id)) timer = setTimeout(() => send(), Math.max(2000, Math.min(...waiting.map(i => i.next)) - Date.now()));
  }
  // try now, and have the browser try later when the page is gone
  async function ask() {
    try { const worker = await navigator.serviceWorker?.getRegistration?.(); await worker?.sync?.register("outbox"); } catch { /* not there: the page tries by itself */ }
    return send({ now: true });
  }
  // something said to the server at once, or not at all
  async function post(url, body = {}) {
    await session();
    return write(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }
  q.outbox = { post, add, list, change, drop, takeBack, again, counts, send, ask, session, call, on: f => listeners.add(f), Later, SignIn, Refused };
})();

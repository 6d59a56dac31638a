// What this phone keeps: one IndexedDB database. Everything that names a firm or a person is sealed (AES-GCM) with a key the
// server gives to whoever is signed in; signing out throws the key away. Without a secure context there is no sealing, and no worker.
// Read by the page and by the service worker.
(() => {
  "use strict";
  const q = self.qijie = self.qijie || {};
  const NAME = "qijie", VERSION = 1;
  let opened = null;

  function open() {
    return opened ||= new Promise((done, fail) => {
      const ask = indexedDB.open(NAME, VERSION);
      ask.onupgradeneeded = () => {
        const db = ask.result;
        db.createObjectStore("meta", { keyPath: "k" });
        db.createObjectStore("drafts", { keyPath: "k" });
        db.createObjectStore("files", { keyPath: "uuid" }).createIndex("visit", "visit");
        db.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true }).createIndex("uuid", "uuid", { unique: true });
      };
      ask.onsuccess = () => { ask.result.onversionchange = () => { ask.result.close(); opened = null; }; ask.result.onclose = () => { opened = null; }; done(ask.result); };
      ask.onerror = () => { opened = null; fail(ask.error); };
    });
  }
  const result = request => new Promise((done, fail) => { request.onsuccess = () => done(request.result); request.onerror = () => fail(request.error); });

  // one transaction; resolves when it is on disk. `work(store…)` must only use requests of this transaction.
  async function tx(names, mode, work) {
    const db = await open();
    return new Promise((done, fail) => {
      let t;
      try { t = db.transaction(names, mode, { durability: mode === "readwrite" ? "strict" : "default" }); } catch (error) { fail(error); return; }
      let value;
      t.oncomplete = () => done(value);
      t.onabort = t.onerror = () => fail(t.error || new DOMException("中断", "AbortError"));
      Promise.resolve(work(...[].concat(names).map(n => t.objectStore(n)))).then(v => { value = v; }, error => { try { t.abort(); } catch { /* already over */ } fail(error); });
    });
  }
  const get = (name, key) => tx(name, "readonly", s => result(s.get(key)));
  const all = name => tx(name, "readonly", s => result(s.getAll()));
  const put = (name, value) => tx(name, "readwrite", s => result(s.put(value)));
  const drop = (name, key) => tx(name, "readwrite", s => result(s.delete(key)));
  const filesOf = visit => tx("files", "readonly", s => result(s.index("visit").getAll(visit)));

  // ── who is signed in, and the key ────────────────────────────────────
  let me = null;
  async function who() { return me ||= (await get("meta", "who")) || null; }
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  // the answer of /m/session: another person's firms and drafts leave the phone, unsent visits stay, sealed with their key
  async function adopt(session) {
    const before = await who();
    const key = self.crypto?.subtle && session.key ? await crypto.subtle.importKey("raw", bytes(session.key), "AES-GCM", false, ["encrypt", "decrypt"]) : null;
    if (before && before.id !== session.user.id) await tx(["meta", "drafts"], "readwrite", (meta, drafts) => { meta.delete("bundle"); drafts.clear(); });
    me = { k: "who", id: session.user.id, name: session.user.name, unit: session.user.unit, title: session.user.title, key, signOut: session.sign_out, out: false };
    await put("meta", me);
    return me;
  }
  // after signing out: the key is gone; what is kept sealed can be opened only after the same person signs in again
  async function leave(keepUnsent) {
    const now = await who();
    if (!now) return;
    const encrypt = now.signOut === "encrypt" && now.key;
    await tx(["meta", "drafts", "outbox", "files"], "readwrite", async (meta, drafts, outbox, files) => {
      if (!encrypt) {
        meta.delete("bundle"); drafts.clear();
        const kept = new Set(); // somebody else's visits on this phone are not mine to delete
        for (const item of await result(outbox.getAll())) if (item.owner === now.id && (item.state === "sent" || !keepUnsent)) outbox.delete(item.seq); else kept.add(item.uuid);
        for (const file of await result(files.getAll())) if (!kept.has(file.visit)) files.delete(file.uuid);
      }
      meta.put({ ...now, key: null, out: true });
    });
    me = null;
  }
  function forget() { me = null; }

  // ── sealing ──────────────────────────────────────────────────────────
  class Locked extends Error { constructor() { super("本机内容已加密，请先登录。"); this.name = "Locked"; } }
  async function seal(value) {
    const now = await who(), raw = value instanceof ArrayBuffer;
    if (now?.out) throw new Locked();
    if (!now?.key) return { plain: value };
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, raw, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, now.key, raw ? value : new TextEncoder().encode(JSON.stringify(value))) };
  }
  async function unseal(sealed) {
    if (!sealed) return null;
    if ("plain" in sealed) return sealed.plain;
    const now = await who();
    if (!now?.key) throw new Locked();
    let data;
    try { data = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, now.key, sealed.data); } catch { throw new Locked(); }
    return sealed.raw ? data : JSON.parse(new TextDecoder().decode(data));
  }

  // ── room ─────────────────────────────────────────────────────────────
  const isFull = error => error?.name === "QuotaExceededError" || error?.inner?.name === "QuotaExceededError";
  async function room() {
    const found = await self.navigator.storage?.estimate?.().catch(() => null);
    return found ? { used: found.usage || 0, all: found.quota || 0, left: Math.max(0, (found.quota || 0) - (found.usage || 0)) } : null;
  }
  async function persist() { try { return (await navigator.storage?.persisted?.()) || (await navigator.storage?.persist?.()) || false; } catch { return false; } }

  const uuid = () => self.crypto.randomUUID ? crypto.randomUUID() : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, c => (+c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> +c / 4).toString(16));
  q.store = { get, put, drop, all, tx, result, filesOf, who, adopt, leave, forget, seal, unseal, Locked, isFull, room, persist, uuid };
})();

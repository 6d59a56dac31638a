// Keeps the shell on the phone, answers when there is no signal, and sends what waits when there is. Written anew for every version of the files.
"use strict";
importScripts({% for name in shared %}{{ name|tojson }}{{ ', ' if not loop.last }}{% endfor %});
const CACHE = {{ ("qijie-" ~ version)|tojson }}, SHELL = {{ shell|tojson }};
const KEPT = {{ kept|tojson }};

self.addEventListener("install", e => e.waitUntil((async () => {
  const cache = await caches.open(CACHE);
  await cache.addAll([...KEPT.map(url => new Request(url)), new Request(SHELL, { cache: "reload", credentials: "omit" })]);
  await self.skipWaiting();
})()));

self.addEventListener("activate", e => e.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("qijie-") && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
})()));

// the shell comes from the phone at once; assets too, by their digest; any other page from the network, and without one the shell
async function shell() { return (await (await caches.open(CACHE)).match(SHELL)) || fetch(SHELL); }
async function kept(request) { return (await (await caches.open(CACHE)).match(request)) || fetch(request); }
async function page(request) {
  try { return await fetch(request); } catch {
    const url = new URL(request.url), firm = url.pathname === "/visits/new" && url.searchParams.get("enterprise");
    return Response.redirect(SHELL + (firm ? "#/visit/" + firm : "#/"), 302);
  }
}
self.addEventListener("fetch", e => {
  const { request } = e, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") e.respondWith(url.pathname === SHELL ? shell() : page(request));
  else if (url.pathname.startsWith("/assets/")) e.respondWith(kept(request));
});

// failing tells the browser to ask again later; a session that ended is not waited for
async function send() {
  const done = await qijie.outbox.send({ now: true });
  if (done?.later && !done.signIn) throw new Error("later");
}
self.addEventListener("sync", e => { if (e.tag === "outbox") e.waitUntil(send()); });
self.addEventListener("periodicsync", e => { if (e.tag === "outbox") e.waitUntil(send().catch(() => {})); });

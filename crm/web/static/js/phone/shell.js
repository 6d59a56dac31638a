// The shell: which page the address after # asks for, what is said above every page, when to send and to fetch.
(() => {
  "use strict";
  const { $, $$, store, outbox, carried, draw, firmPages, visitPages, queuePages } = window.qijie;
  const { h, strip, head, moment } = draw;
  const main = $("[data-main]"), box = $("[data-phone]");
  const PAGES = [
    [/^\/$/, "今日", firmPages.today], [/^\/firms$/, "我的企业", firmPages.firms], [/^\/firm\/(\d+)$/, "企业卡", firmPages.firm], [/^\/visit$/, "记走访", visitPages.choose],
    [/^\/visit\/(\d+)$/, "记走访", visitPages.visit], [/^\/queue$/, "待上传", queuePages.queue], [/^\/me$/, "我的", queuePages.me],
  ];
  const NEEDS_FIRMS = new Set([firmPages.today, firmPages.firms, firmPages.firm, visitPages.choose, visitPages.visit]);
  let at = null, drawn = 0, drawnAs = null, shownFirms = false;

  function asked() {
    const [path, query] = (location.hash.slice(1) || "/").split("?");
    for (const [pattern, title, page] of PAGES) { const found = pattern.exec(path); if (found) return { path, title, page, values: { id: found[1], ...Object.fromEntries(new URLSearchParams(query)) } }; }
    return { path: "/", title: "今日", page: firmPages.today, values: {} };
  }
  async function show({ keep = false } = {}) {
    const next = asked(), same = at === next.path;
    // never under somebody's fingers, nor in the way of a page that is being opened
    if (keep && (!same || next.page === visitPages.visit || next.page === visitPages.choose || next.page === firmPages.firms)) { if (at) strips(); return; }
    const looks = next.page === queuePages.queue ? await queuePages.looks() : null;
    if (keep && (at !== next.path || looks && looks === drawnAs)) { strips(); return; }
    const turn = ++drawn;
    drawnAs = looks;
    shownFirms = Boolean(carried.head());
    visitPages.leave();
    let parts;
    try { parts = NEEDS_FIRMS.has(next.page) && !carried.head() ? await gate() : await next.page(next.values); } catch (error) { if (!(error instanceof store.Locked)) throw error; parts = await gate(); }
    if (turn !== drawn) return;
    main.replaceChildren(...[parts].flat(3).filter(Boolean));
    at = next.path;
    $("[data-title]").textContent = next.title;
    document.title = next.title + " · 企阶";
    const inForm = next.page === visitPages.visit;
    $("[data-back]").hidden = next.path === "/" || ["/firms", "/queue", "/me"].includes(next.path);
    $("[data-bottom]").hidden = inForm && Boolean($("#visit"));
    const section = "#/" + next.path.split("/")[1].replace("firm", "firms").replace("firmss", "firms");
    $$("[data-nav]").forEach(a => a.dataset.nav === section ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current"));
    if (next.page === firmPages.today) firmPages.jump(main);
    if (!same) { scrollTo(0, 0); if (turn > 1) main.focus({ preventScroll: true }); }
    if (offered) showInstall();
    await strips();
    box.dataset.shown = next.path;
  }
  // nothing carried along yet: why, and what to do
  async function gate() {
    const who = await store.who(), told = await store.get("meta", "state");
    const answered = first !== null || !navigator.onLine; // nobody is told to sign in before the server was asked
    if (first === "signin" || told?.signIn || (answered && (!who || who.out))) return [head("请先登录"), h("section", { class: "panel" }, h("div", { class: "empty" }, draw.svg("i-mark", "0 0 22 22"), h("b", {}, "登录后，您联系的企业会存到这台手机"), h("p", {}, "之后没有信号也能查、能记，有信号自动上传。"), h("a", { class: "btn btn--main", href: "/login/?next=/m/" }, "登录")))];
    return [head(navigator.onLine ? "正在取名单" : "还没有名单"), h("section", { class: "panel" }, h("div", { class: "empty" }, h("p", {}, navigator.onLine ? "第一次打开，正在把您联系的企业存到本机。" : "这台手机上还没有您的企业名单。请在有信号的地方打开一次。")))];
  }
  async function strips() {
    const place = $("[data-strips]", main), { waiting, stuck } = await outbox.counts(), told = await store.get("meta", "state"), about = carried.head();
    $("[data-offline]").hidden = navigator.onLine;
    $$("[data-waiting]").forEach(n => { n.textContent = waiting + stuck || ""; });
    $$("[data-waiting-mark]").forEach(n => { n.hidden = !(waiting + stuck); n.textContent = waiting + stuck; });
    $("[data-fresh]").textContent = about ? "本机名单更新于 " + moment(Date.parse(about.at)) : "";
    if (!place) return;
    const found = [];
    if (told?.signIn || first === "signin") found.push(strip("warn", "i-info", h("b", {}, "登录已过期。"), waiting ? `${waiting} 条走访在本机等着，` : "本机内容照常可用，", h("a", { href: "/login/?next=/m/" + encodeURIComponent(location.hash) }, "重新登录"), waiting ? "后自动上传。" : "后更新。"));
    if (stuck && at !== "/queue") found.push(strip("warn", "i-alert", h("b", {}, `需处理 ${stuck} `), h("a", { href: "#/queue" }, "看看怎么办")));
    if (waiting && at !== "/queue" && !told?.signIn) found.push(strip("", "i-up", h("b", {}, `待上传 ${waiting} `), "走访已存本机，有信号即传　", h("a", { href: "#/queue" }, "查看")));
    if (about && !carried.all().length && at !== "/queue" && at !== "/me") found.push(strip("", "i-info", about.user.officer ? "还没有企业归您联系。请管理者在企业名单里指定给您。" : "没有企业归您本人联系。手机上只带自己联系的企业，其余请用", h("a", { href: "/today/" }, "完整网页"), "。"));
    place.replaceChildren(...found);
  }

  // ── when there is signal: send first, then fetch what is new ─────────
  let first = null, going = null;
  function sync() {
    return going ||= (async () => {
      await outbox.send({ now: true });
      const before = first;
      first = await carried.refresh();
      if (first === "signin") await store.put("meta", { k: "state", signIn: true });
      else if (first !== "offline") await store.put("meta", { k: "state", signIn: false });
      if (first === "new" || before !== first) await show({ keep: shownFirms });
    })().finally(() => { going = null; strips(); });
  }
  let offered = null;
  const showInstall = () => $$("[data-install]").forEach(b => { b.hidden = false; b.onclick = async () => { const event = offered; offered = null; event.prompt(); await event.userChoice; b.hidden = true; }; });
  addEventListener("beforeinstallprompt", e => { e.preventDefault(); offered = e; showInstall(); });
  addEventListener("hashchange", () => show());
  addEventListener("phone:again", () => show());
  addEventListener("online", () => { strips(); sync(); });
  addEventListener("offline", () => strips());
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") { store.forget(); sync(); } });
  outbox.on(async what => {
    if (what.type === "session") store.forget();
    if (what.type === "sent" || what.type === "outbox") { if (carried.head()) await carried.overlay().catch(() => {}); }
    if (what.type === "sent") carried.refresh().then(() => show({ keep: true }));
    show({ keep: true });
  });

  (async () => {
    try { if (!(await store.who())?.out) await carried.load(); } catch (error) { if (!(error instanceof store.Locked)) throw error; }
    await show();
    performance.mark("qijie-ready");
    box.dataset.ready = "1";
    if (navigator.serviceWorker) navigator.serviceWorker.register(box.dataset.worker).then(async r => { try { await r.periodicSync?.register("outbox", { minInterval: 3600000 }); } catch { /* not allowed here */ } }).catch(() => {});
    await sync();
    await show({ keep: true });
    box.dataset.synced = "1";
  })();
})();

// What waits on this phone, what became of it and what to do about what the server refused; and my own page with signing out.
(() => {
  "use strict";
  const { store, outbox, carried, draw, visitPages, toast, $ } = window.qijie;
  const { h, icon, strip, head, size, moment } = draw;
  const STATES = { waiting: ["待上传", ""], sending: ["上传中", "tag--brand"], sent: ["已存", "tag--brand"], stuck: ["需处理", "tag--warn"] };
  const button = (text, click, css = "btn") => h("button", { class: css, type: "button", onclick: async e => { e.currentTarget.setAttribute("aria-busy", "true"); try { await click(); } finally { e.target.removeAttribute?.("aria-busy"); } } }, text);

  function ask(title, text, choices) {
    return new Promise(done => {
      const dialog = h("dialog", { class: "dlg", "aria-labelledby": "h-ask" }, h("div", { class: "dlg__h" }, h("h2", { id: "h-ask" }, title)), h("div", { class: "dlg__b" }, text),
        h("div", { class: "dlg__f" }, choices.map(([label, value, css]) => h("button", { class: "btn" + (css ? " " + css : ""), type: "button", onclick: () => { dialog.close(value); } }, label))));
      dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue || ""); });
      document.body.append(dialog);
      dialog.showModal();
    });
  }
  async function discard(item) {
    if (await ask("丢弃这次走访？", h("p", {}, "本机上的内容和照片会删掉，找不回来。服务器上已经存的不受影响。"), [["再想想", ""], ["丢弃", "yes", "btn--danger"]]) === "yes") await outbox.drop(item.uuid);
  }
  async function copy(item) {
    const named = { summary: "记录", place: "地点", suggestions: "意见建议", next_step: "下一步", next_on: "日期", problem_title: "问题" };
    const text = [`${item.body.firm.name} ${item.body.startedAt.replace("T", " ")}`, ...item.body.entries.filter(([n, v]) => named[n] && v).map(([n, v]) => `${named[n]}：${v}`)].join("\n");
    try { await navigator.clipboard.writeText(text); toast("内容已复制"); } catch { await ask("内容", h("textarea", { class: "in", rows: 8, "aria-label": "走访内容" }, text), [["关闭", ""]]); }
  }
  // what the server refused, in what the person can do about it
  function remedies(item) {
    const again = button("再试一次", () => outbox.again(item.uuid)), drop = button("丢弃", () => discard(item), "btn btn--quiet");
    if (item.code === "Frozen" || item.signed) return ["这次走访已经签发，没传完的照片不能再加进去。可以打开记录补充说明。", [h("a", { class: "btn", href: `/visits/${item.uuid}#supplements` }, "打开记录"), button("知道了，删掉本机的", () => outbox.drop(item.uuid))]];
    if (item.code === "Differs" || item.code === "Changed") return [item.message + theirs(item), [h("a", { class: "btn", href: `/visits/${item.uuid}` }, "看服务器上的"), button("用我的替换", async () => { await outbox.change(item.uuid, { replace: item.version }); await outbox.again(item.uuid); }), button("保留服务器的", () => outbox.drop(item.uuid), "btn btn--quiet")]];
    if (item.code === "NotFound" || item.code === "NoSuchVisit") return ["这家企业已不在您的辖区，或已并入别的企业、已注销。可以改记到别的企业名下，或把内容复制给接手的同事。", [button("改记到别家", () => move(item)), button("复制内容", () => copy(item)), drop]];
    if (item.code === "UuidTaken") return [item.message, [button("换个编号再传", () => renumber(item)), drop]];
    if (item.accepted) return [item.message + " 走访本身已存，剩下的附件没传上。", [again, h("a", { class: "btn", href: item.accepted.url }, "打开记录"), button("不要剩下的附件", () => outbox.drop(item.uuid), "btn btn--quiet")]];
    return [item.message || "服务器没有收下。", [button("打开修改", () => visitPages.reopen(item)), again, button("复制内容", () => copy(item), "btn btn--quiet"), drop]];
  }
  const theirs = item => item.theirs && Object.keys(item.theirs).length ? " 服务器上的" + Object.entries(item.theirs).map(([k, v]) => `${k}：“${v}”`).join("；") : "";
  async function rewrite(item, changes) {
    const body = { ...item.body, ...changes };
    await outbox.change(item.uuid, { body: await store.seal(body) });
    await outbox.again(item.uuid);
  }
  async function move(item) {
    const box = h("select", { class: "in", id: "move-to" }, carried.all().filter(f => f.id !== item.body.firm.id).map(f => h("option", { value: f.id }, f.name)));
    if (await ask("改记到哪一家", h("div", { class: "field" }, h("label", { for: "move-to" }, "我的企业"), box), [["取消", ""], ["改记", "yes", "btn--main"]]) !== "yes") return;
    const firm = carried.firm(+box.value);
    if (!firm) { toast("名单刚变过，请再选一次"); return; }
    await rewrite(item, { firm: { id: firm.id, name: firm.name }, entries: item.body.entries.map(([n, v]) => [n, n === "enterprise" ? String(firm.id) : v]) });
  }
  async function renumber(item) {
    const uuid = store.uuid(), files = await store.filesOf(item.uuid), body = { ...item.body, entries: item.body.entries.map(([n, v]) => [n, n === "uuid" ? uuid : v]) };
    const sealed = await store.seal(body);
    await store.tx(["outbox", "files"], "readwrite", async (o, f) => { const kept = await store.result(o.index("uuid").get(item.uuid)); o.put({ ...kept, uuid, body: sealed, state: "waiting", code: null, message: null, tries: 0, next: 0 }); files.forEach(x => f.put({ ...x, visit: uuid })); });
    await outbox.send({ now: true });
  }

  function row(item, files) {
    const [text, css] = STATES[item.state], mine = files.filter(f => f.visit === item.uuid), done = mine.filter(f => f.sent).length, total = item.files.length;
    const parts = total ? `${total} 个附件` + (item.state === "sending" || done && item.state !== "sent" ? `，已传 ${done}` : "") : "";
    if (!item.body) return h("li", {}, h("span", { class: "wl__n" }, "一次走访"), h("p", { class: "wl__d" }, item.mine ? "内容已加密，登录后可看。" : "是别人在这台手机上记的，用他的账号登录后会上传。"), h("span", { class: "wl__e" }, h("span", { class: "tag " + css }, text)));
    const fix = item.state === "stuck" ? remedies(item) : null;
    return h("li", { "data-item": item.uuid, "data-state": item.state }, item.accepted ? h("a", { class: "wl__n", href: item.accepted.url }, item.body.firm.name) : h("span", { class: "wl__n" }, item.body.firm.name),
      h("p", { class: "wl__d" }, [item.body.startedAt.replace("T", " "), carried.head()?.kinds[item.body.kind], parts].filter(Boolean).join(" · ")),
      item.state === "waiting" && item.tries ? h("p", { class: "wl__d" }, item.next > Date.now() ? `上次没传成，${moment(item.next)} 再试` : "上次没传成，正在等网络") : null,
      item.accepted && item.accepted.mine === false ? h("p", { class: "wl__d" }, "这家企业现在由别人联系，走访已存。") : null,
      fix ? h("div", { class: "fix" }, h("p", { class: "fix__t" }, fix[0]), h("p", { class: "row" }, fix[1])) : null,
      h("span", { class: "wl__e" }, item.state === "sent" && item.accepted ? h("a", { class: "btn", href: item.accepted.url }, "签发") : h("span", { class: "tag " + css }, text)));
  }
  // what the page would show: drawn again only when it differs, never under a finger
  async function looks() {
    const items = await store.all("outbox"), files = await store.all("files");
    return JSON.stringify([items.map(i => [i.uuid, i.state, i.tries, i.code, i.message, Boolean(i.accepted)]), files.map(f => [f.uuid, f.sent])]);
  }
  async function queue() {
    const items = (await outbox.list()).reverse(), files = (await store.all("files")).map(({ uuid, visit, sent, size: bytes }) => ({ uuid, visit, sent, size: bytes })), open = items.filter(i => i.state !== "sent");
    const room = await store.room(), waiting = open.reduce((sum, i) => sum + files.filter(f => f.visit === i.uuid && !f.sent).reduce((n, f) => n + f.size, 0), 0);
    const bar = open.length ? h("div", { class: "row row--apart" }, h("p", { class: "sub" }, `${open.length} 次走访等着上传` + (waiting ? `，照片等 ${size(waiting)}` : "")), button("现在上传", () => outbox.send({ now: true }), "btn btn--main")) : null;
    return [head("待上传"), h("div", { class: "stack" }, h("div", { "data-strips": true, class: "stack" }), bar,
      room && room.all && room.left < 60 * 1048576 ? strip("warn", "i-info", `手机给本应用的空间只剩 ${size(room.left)}。请尽快联网上传，或删掉手机里不用的东西。`) : null,
      h("section", { class: "panel", "aria-label": "本机的走访" }, items.length ? h("ul", { class: "wl" }, items.map(i => row(i, files))) : h("div", { class: "empty" }, draw.svg("i-mark", "0 0 22 22"), h("b", {}, "都传完了"), h("p", {}, "记下的走访先存在本机，有信号自动上传，这里看得到每一条走到哪一步。"))),
      h("p", { class: "cap" }, "已存的保留 7 天。签发在记录页做。"))];
  }

  async function me() {
    const who = await store.who(), room = await store.room(), kept = await navigator.storage?.persisted?.().catch(() => false), about = carried.head(), count = await outbox.counts();
    const facts = [["姓名", who?.name || "没有登录"], ["辖区", about?.user.place || "—"], ["本机企业", about ? `${carried.all().length} 家` : "0 家"], ["更新于", about ? moment(Date.parse(about.at)) : "—"], ["待上传", `${count.waiting} 条` + (count.stuck ? `，需处理 ${count.stuck} 条` : "")],
      ["本机占用", room ? `${size(room.used)}，还可用 ${size(room.left)}` : "浏览器不告知"], ["长期保存", kept ? "已获准，系统不会自动清理" : "未获准，空间紧张时系统可能清理，请及时上传"], ["加密", who?.key ? "已加密" : self.isSecureContext ? "登录后加密" : "网址不是 https，不能加密"], ["退出后", who?.signOut === "encrypt" ? "本机内容加密保留，您再登录才能打开" : "本机内容清除"]];
    return [head("我的"), h("div", { class: "stack narrow" }, h("div", { "data-strips": true, class: "stack" }),
      h("section", { class: "panel", "aria-labelledby": "h-dev" }, h("div", { class: "panel__h" }, h("h2", { id: "h-dev" }, "这台手机")), h("div", { class: "panel__b stack" }, h("dl", { class: "kv kv--left" }, facts.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])),
        h("p", { class: "row" }, button("更新名单", async () => { const found = await carried.refresh(); toast({ new: "名单已更新", same: "已是最新", offline: "没有网络，用的是本机的", signin: "请先登录" }[found]); dispatchEvent(new CustomEvent("phone:again")); }), h("button", { class: "btn", type: "button", "data-install": true, hidden: true }, "装到桌面"), h("a", { class: "btn", href: "/account/" }, "账户和密码"), button("退出登录", signOut)))))];
  }
  // nothing unsent is lost by signing out unless the person says so
  async function signOut() {
    const { waiting, stuck } = await outbox.counts(), left = waiting + stuck, who = await store.who();
    let keep = true;
    if (left) {
      const sealed = Boolean(who?.key);
      const chosen = await ask(`还有 ${left} 条走访没传`, h("p", {}, sealed ? "可以先上传再退出；也可以加密留在本机，您下次登录后继续上传。" : "可以先上传再退出；也可以留在本机，您下次登录后继续上传。"), [["取消", ""], ["留在本机", "keep"], ["先上传", "send", "btn--main"]]);
      if (!chosen) return;
      if (chosen === "send") {
        await outbox.send({ now: true });
        const now = await outbox.counts();
        if (now.waiting + now.stuck) { toast("没有全部传完，没有退出。请到“待上传”看看。"); location.hash = "#/queue"; return; }
      }
    } else keep = false;
    let token;
    try { token = (await outbox.session()).csrf; } catch (error) {
      if (error instanceof outbox.Later) { toast("没有网络，不能在服务器上退出。请有信号时再退出。"); return; }
      await store.leave(keep); carried.clear(); location.assign("/login/?next=/m/"); return; // the session was over already
    }
    await store.leave(keep);
    carried.clear();
    const form = h("form", { method: "post", action: "/logout/" }, h("input", { type: "hidden", name: "csrf_token", value: token }));
    document.body.append(form);
    form.submit();
  }
  window.qijie.queuePages = { queue, me, looks };
})();

// Today, my firms, and the card of one: all from what the phone carries along.
(() => {
  "use strict";
  const { carried, outbox, draw, iso, far, toast } = window.qijie;
  const { h, icon, place, level, state, money, day, daysFrom, panel, tile, strip, head, call } = draw;
  const WEEK = "日一二三四五六", SHOWN = 8;
  const cap = text => text ? h("p", { class: "wl__d" }, text) : null;
  const card = f => "#/firm/" + f.id;
  const tags = (f, ...more) => h("p", { class: "wl__tags" }, level(f.level), place(f.rung), more);
  const log = f => h("a", { class: "icobtn icobtn--edge", href: "#/visit/" + f.id, "aria-label": "给 " + f.name + " 记走访" }, icon("i-plus"));
  const list = (rows, none) => rows.length ? h("ul", { class: "wl" }, rows) : h("p", { class: "panel__b cap" }, none);
  function folded(all, draw_, none, unit) {
    const rows = all.slice(0, SHOWN).map(draw_), rest = all.length - rows.length;
    if (!rest) return list(rows, none);
    const ul = h("ul", { class: "wl" }, rows), more = h("p", { class: "panel__f" }, h("button", { class: "btn btn--quiet", type: "button", onclick: () => { ul.append(...all.slice(SHOWN).map(draw_)); more.remove(); } }, `还有 ${rest} ${unit}`));
    return [ul, more];
  }

  // the day's firms in the order of the way; from where one stands once that is known
  let stand = null;
  function routed(plan, draw_) {
    const box = h("div", {}), said = h("p", { class: "hint", role: "status" });
    function show() {
      const legs = window.qijie.route(plan.map(({ f }) => ({ lat: f.lat, lon: f.lon, place: f.region })), stand), sum = legs.reduce((s, [, m]) => s + (m || 0), 0);
      said.textContent = (stand ? "从您现在的位置出发" : "从最急的一家开始") + "，按顺路排好" + (sum ? `，直线共 ${far(sum)}` : "");
      box.replaceChildren(...[folded(legs.map(([i, away], n) => ({ ...plan[i], away: n || !stand ? away : null, from: n ? null : away })), draw_, "", "家")].flat());
    }
    const here = h("button", { class: "btn", type: "button", onclick: () => {
      if (!navigator.geolocation || !isSecureContext) { said.textContent = "这个浏览器或网址不能定位，按最急的一家开始排。"; return; }
      said.textContent = "正在定位…";
      navigator.geolocation.getCurrentPosition(({ coords }) => { stand = coords; show(); }, () => { said.textContent = "没有定位成功，按最急的一家开始排。"; }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 });
    } }, "从我这里排");
    show();
    return [h("div", { class: "panel__b row row--apart" }, said, here), box];
  }

  // taking an alert on says it is mine: that needs the server's word, so it waits for signal
  async function take(button, alert) {
    button.setAttribute("aria-busy", "true");
    try {
      await outbox.post("/alerts/" + alert.id + "/acknowledge");
      alert.open = false;
      toast("已认领");
      dispatchEvent(new CustomEvent("phone:again"));
      carried.refresh();
    } catch (error) { button.removeAttribute("aria-busy"); toast(error instanceof outbox.Later ? "没有网络，认领要等有信号" : error instanceof outbox.SignIn ? "登录已过期，请重新登录再认领" : error.message); }
  }

  function today() {
    const now = new Date(), on = iso(now), t = carried.today(now), about = carried.head();
    const due = ({ f, v }) => h("li", {}, h("a", { class: "wl__n", href: card(f) }, f.name), tags(f, h("span", { class: "due" + (v.next_on < on ? " due--late" : "") }, v.next_on < on ? `超 ${daysFrom(v.next_on, on)} 天` : v.next_on === on ? "今天" : day(v.next_on)), f.handed ? h("span", { class: "tag tag--warn" }, "代" + f.handed[2]) : null, f.address ? h("span", { class: "cap" }, f.address.replace(/^.*?[市县区](?=.{4})/, "")) : null),
      cap(v.next && "上次说好：" + v.next), cap(f.near), h("span", { class: "wl__e acts" }, call(f, f.contacts?.[0]), log(f)));
    const late = ({ f, c }) => h("li", {}, h("a", { class: "wl__n", href: card(f) }, c.title), cap(f.name + (c.unit ? " · 已交办" + c.unit : "")), h("span", { class: "wl__e" }, h("span", { class: "due due--late" }, `超 ${daysFrom(c.due, on)} 天`)));
    const fresh = ({ f, a }) => h("li", {}, h("a", { class: "wl__n", href: card(f) }, f.name), h("p", { class: "wl__tags" }, level(a.level), place(f.rung)), cap(a.text), h("span", { class: "wl__e" }, h("button", { class: "btn", type: "button", onclick: e => take(e.currentTarget, a) }, "认领", h("span", { class: "sr" }, f.name + " 的预警"))));
    const quiet = f => { const seen = carried.visitedOn(f); return h("li", {}, h("a", { class: "wl__n", href: card(f) }, f.name), tags(f), cap(seen ? "上次 " + seen : "没有走访记录"), h("span", { class: "wl__e" }, seen ? h("span", { class: "due" }, daysFrom(seen, on) + " 天") : log(f))); };
    // [campaign, day, whom one stands in for, turn, turns]
    const planned = ({ f, p, away, from }) => h("li", {}, h("a", { class: "wl__n", href: card(f) }, f.name), tags(f, h("span", { class: "due" + (p[1] < on ? " due--late" : "") }, p[1] < on ? `超 ${daysFrom(p[1], on)} 天` : "今天"), p[2] ? h("span", { class: "tag tag--warn" }, "代" + p[2]) : null),
      cap(p[0] + (p[4] > 1 ? ` · 第 ${p[3]} / ${p[4]} 次` : "")), cap(away != null ? "距上一家 " + far(away) : from != null ? "离您 " + far(from) : f.lat == null ? "没有坐标，" + (f.address || f.region) : null),
      h("span", { class: "wl__e acts" }, f.lat != null ? h("a", { class: "icobtn icobtn--edge", href: `geo:${f.lat},${f.lon}?q=${f.lat},${f.lon}(${encodeURIComponent(f.name)})`, "aria-label": "导航到 " + f.name }, icon("i-visit")) : null, call(f, f.contacts?.[0]), log(f)));
    return [
      head(`${now.getMonth() + 1}月${now.getDate()}日 周${WEEK[now.getDay()]}`, about.user.place, `我联系 ${carried.all().filter(f => !f.other).length} 家`, about.month && "数据截至 " + about.month),
      h("div", { class: "stack" }, searchBox(text => { location.hash = "#/firms?q=" + encodeURIComponent(text); }), h("div", { "data-strips": true, class: "stack" }),
        h("div", { class: "tiles tiles--tight" }, tile("#/", "该去走访", t.due.length, "家", "7 天内和过期的"), tile("#/", "超期诉求", t.late.length, "件", `在办 ${t.open} 件`), tile("#/", "新预警", t.alerts.length, "条", "还没有认领"), tile("#/", "久未走访", t.quiet.length, "家", `超过 ${about.quiet_days} 天`)),
        t.plan.length ? panel("plan", "走访计划", `今天该去 ${t.plan.length} 家`, routed(t.plan, planned)) : null,
        h("div", { class: "cols cols--today" },
          h("div", { class: "stack" }, panel("due", "该去走访", t.due.length + " 家", folded(t.due, due, "七天内没有说好要去的。走访时填“下一步”和日期，到时会出现在这里。", "家")), panel("quiet", "久未走访", `${t.quiet.length} 家，超过 ${about.quiet_days} 天`, folded(t.quiet, quiet, `都在 ${about.quiet_days} 天内去过。`, "家"))),
          h("div", { class: "stack" }, panel("cases", "超期诉求", t.late.length + " 件", folded(t.late, late, "没有超期的诉求。", "件")), panel("new", "新预警", t.alerts.length + " 条", folded(t.alerts, fresh, "没有待认领的预警。", "条"))))),
    ];
  }
  // the tiles jump within the page; the address after # belongs to the shell
  function jump(main) {
    const to = ["due", "cases", "new", "quiet"];
    main.querySelectorAll(".tiles--tight .tile").forEach((a, i) => a.addEventListener("click", e => { e.preventDefault(); const at = document.getElementById(to[i]); at.scrollIntoView({ behavior: "smooth", block: "start" }); at.setAttribute("tabindex", "-1"); at.focus({ preventScroll: true }); }));
  }
  function searchBox(go, value = "") {
    const input = h("input", { id: "firm-q", type: "search", autocomplete: "off", placeholder: "搜我的企业：两字、拼音首字母、电话", value });
    const form = h("form", { class: "find find--own", role: "search", "aria-label": "找我的企业" }, h("label", { class: "sr", for: "firm-q" }, "找我的企业"), icon("i-search"), input);
    form.addEventListener("submit", e => { e.preventDefault(); go(input.value); });
    return form;
  }

  const where = f => f.address && f.region && f.address.includes(f.region) ? f.address : [f.region, f.address].filter(Boolean).join(" · ");
  const row = (f, href) => h("li", {}, h("a", { class: "wl__n", href: href(f) }, f.name), tags(f, f.made && f.made.state !== "sent" ? h("span", { class: "tag" }, "待上传") : null, f.away !== undefined ? h("span", { class: "due" }, far(f.away)) : null), cap(where(f)), cap(f.near));
  // the list with its search and "near me"; used for my firms and for choosing whom to visit
  function picker({ q = "", href, below = null }) {
    const ul = h("ul", { class: "wl" }), said = h("p", { class: "hint", role: "status" }), box = searchBox(show, q), input = box.querySelector("input");
    let by = null;
    function show() {
      const found = by || carried.search(input.value);
      ul.replaceChildren(...found.slice(0, 60).map(f => row(f, href)));
      said.textContent = by ? (found.length ? "按离我远近" : "我的企业都没有登记坐标，请先在企业页补上地址坐标。") : input.value ? (found.length ? `${found.length} 家` : "我的企业里没有匹配的。换两个字试试。") : `${found.length} 家${found.length > 60 ? "，先列 60 家，可以搜" : ""}`;
      if (below) below(input.value, found.length);
    }
    let timer = 0;
    input.addEventListener("input", () => { by = null; clearTimeout(timer); timer = setTimeout(show, 60); });
    const nearby = h("button", { class: "btn", type: "button", onclick: () => {
      if (!navigator.geolocation || !isSecureContext) { said.textContent = "这个浏览器或网址不能定位，请按名称找。"; return; }
      said.textContent = "正在定位…";
      navigator.geolocation.getCurrentPosition(({ coords }) => { by = carried.near(coords); show(); }, () => { said.textContent = "没有定位成功，请按名称找。"; }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 });
    } }, icon("i-visit"), "离我近的");
    show();
    return [box, h("div", { class: "row row--apart" }, said, nearby), h("section", { class: "panel", "aria-label": "我的企业" }, ul)];
  }
  function firms({ q = "" }) {
    return [head("我的企业"), h("div", { class: "stack" }, h("div", { "data-strips": true, class: "stack" }), picker({ q, href: card }))];
  }

  function figures(f) {
    const rows = [];
    if (f.revenue !== undefined) rows.push([`${f.year} 年营业收入`, money(f.revenue)]);
    if (f.ytd !== undefined) rows.push([`${f.ytd_period} 累计`, money(f.ytd)]);
    if (f.ytd !== undefined && f.ytd_before > 0) { const p = (f.ytd - f.ytd_before) * 100 / f.ytd_before; rows.push(["比上年同期", h("span", { class: "num" }, (p > 0 ? "+" : "") + p.toFixed(1).replace("-", "−") + "%")]); }
    if (f.projected !== undefined) rows.push(["全年预计", [money(f.projected), f.low !== undefined && f.high !== undefined ? h("span", { class: "cap d-b" }, "80% 区间 ", money(f.low), "–", money(f.high)) : null]]);
    return rows.length ? h("dl", { class: "kv" }, rows.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])) : h("p", { class: "sub" }, "还没有经营数据。");
  }
  function test(t) {
    const line = ([label, code, required, actual, gap]) => h("li", {}, h("span", { class: "wl__n" }, label), cap([required && "要求 " + required, actual && "现状 " + actual].filter(Boolean).join("，")), h("span", { class: "wl__e" }, gap ? h("span", { class: "gap" }, gap) : state(code)));
    return h("div", { class: "panel__b" }, h("h3", {}, t.name, t.draft ? [" ", h("span", { class: "tag tag--draft" }, "草案")] : null), t.lines.length ? h("ul", { class: "wl wl--in" }, t.lines.map(line)) : h("p", { class: "sub" }, "没有差的条件。"), h("p", { class: "cap" }, `已符合 ${t.met} 条　${t.source}`));
  }
  function firm({ id }) {
    const f = carried.firm(+id), on = iso(new Date());
    if (!f) return [head("不在本机的企业"), strip("warn", "i-info", "这家企业不在您联系的名单里，或名单刚变过。", h("a", { href: "/enterprises/" + id }, "联网打开企业页"))];
    const v = carried.last(f), server = f.last;
    const promised = v && v.next ? h("div", {}, h("p", { class: "strong" }, v.next), h("p", { class: "cap" }, `${day(v.on)}说的`, v.next_on ? `，${day(v.next_on)}前` : "", v.next_on && v.next_on < on ? h("span", { class: "due due--late" }, ` 超 ${daysFrom(v.next_on, on)} 天`) : "")) : h("p", { class: "sub" }, v ? "上次没有留下约定。" : "还没有走访过。");
    const contact = c => h("li", {}, h("span", { class: "wl__n" }, c[0]), cap([c[1], c[2]].filter(Boolean).join(" · ")), h("span", { class: "wl__e" }, call(f, c)));
    return [
      h("header", { class: "ph" }, h("div", { class: "ph__t" }, h("h1", {}, f.name), h("p", { class: "row row--id" }, level(f.level), place(f.rung), f.status ? h("span", { class: "tag" }, f.status) : null, h("span", { class: "cap" }, [f.region, f.industry].filter(Boolean).join(" · "))), f.address ? h("p", { class: "sub" }, f.address) : null),
        h("div", { class: "ph__a" }, h("a", { class: "btn btn--main", href: "#/visit/" + f.id }, icon("i-plus"), "记走访"))),
      h("div", { class: "stack" }, h("div", { "data-strips": true, class: "stack" }),
        f.made && f.made.state !== "sent" ? strip("", "i-up", h("b", {}, "待上传 "), `${day(f.made.on)}的走访已存本机`) : null,
        f.plan && !f.made ? strip("", "i-clock", "走访计划：", f.plan.map(p => `${p[0]}（${day(p[1])}前${p[2] ? "，代" + p[2] : ""}）`).join("、"), "。记一次走访就算完成。") : null,
        h("div", { class: "cols cols--today" },
          h("div", { class: "stack" },
            panel("promise", "上次说好的", null, h("div", { class: "panel__b stack" }, promised, server?.text ? h("p", { class: "sub" }, `${day(server.on)} ${carried.head().kinds[server.kind] || ""}：${server.text}`) : null)),
            panel("open", "没办结的诉求", (f.cases || []).length + " 件", list((f.cases || []).map(c => h("li", {}, h("a", { class: "wl__n", href: "/cases/" + c.uuid }, c.title), cap([c.kind, c.unit || "待交办", c.due && day(c.due) + "前", c.urgent && "紧急"].filter(Boolean).join(" · ")), h("span", { class: "wl__e" }, c.due && c.due < on ? h("span", { class: "due due--late" }, `超 ${daysFrom(c.due, on)} 天`) : ""))), "没有。")),
            f.alerts?.length ? panel("alerts", "预警", f.alerts.length + " 条", list(f.alerts.map(a => h("li", {}, h("a", { class: "wl__n", href: "/alerts/" + a.id }, a.text), h("p", { class: "wl__tags" }, level(a.level), h("span", { class: "cap" }, a.open ? "待认领" : "已认领")))), "")) : null,
            panel("who", "联系人", null, list((f.contacts || []).map(contact), "还没有登记联系人。"))),
          h("div", { class: "stack" },
            panel("step", f.step ? "下一步：" + f.step : "梯度", null, f.tests?.length ? [f.tests.map(test), h("p", { class: "panel__f" }, "按 " + f.as_of + " 的评估")] : h("p", { class: "panel__b sub" }, f.as_of ? "按现有数据，没有差着的条件。" : "这家企业还没有评估过。")),
            panel("say", "可以讲的政策", null, f.policies?.length ? h("ul", { class: "wl" }, f.policies.map(([, title, why, draft]) => h("li", {}, h("span", { class: "wl__n" }, title, draft ? [" ", h("span", { class: "tag tag--draft" }, "草案")] : null), cap(why)))) : h("p", { class: "panel__b sub" }, "按现有数据，暂时没有临近的称号和奖补。")),
            panel("money", "经营", null, h("div", { class: "panel__b" }, figures(f))),
            h("p", { class: "cap" }, "信用代码 ", h("span", { class: "code" }, f.uscc)), h("p", {}, h("a", { class: "btn", href: "/enterprises/" + f.id }, "企业全貌（要联网）"))))),
    ];
  }
  // beside the form on a desk: what one looks at before going in
  const beside = f => h("aside", { class: "panel only-desk card-before", "aria-labelledby": "h-card" }, h("div", { class: "panel__h" }, h("h2", { id: "h-card" }, "进门前看一眼")), h("div", { class: "panel__b stack" }, figures(f), f.near ? h("p", { class: "sub" }, "最近的一条：" + f.near) : null,
    h("div", {}, h("h3", {}, "未了结的事"), f.cases?.length ? h("ul", { class: "tl tl--tight" }, f.cases.map(c => h("li", {}, h("p", { class: "tl__t" }, c.title), h("p", { class: "tl__d" }, [c.kind, c.unit, c.due && c.due + " 前"].filter(Boolean).join(" · "))))) : h("p", { class: "sub" }, "没有。")), h("p", {}, h("a", { href: card(f) }, "企业卡"))));
  window.qijie.firmPages = { beside, today, jump, firms, firm, picker, searchBox };
})();

// Drawing with the same pieces as the pages: elements, icons, levels, places, figures. Text is always text, never HTML.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  function h(tag, attributes, ...children) {
    const svg = ["svg", "use", "rect", "path"].includes(tag), el = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
      else el.setAttribute(name, value === true ? "" : value);
    }
    el.append(...children.flat(3).filter(c => c !== null && c !== undefined && c !== false && c !== ""));
    return el;
  }
  const svg = (name, box, css) => h("svg", { class: css, viewBox: box, "aria-hidden": "true" }, h("use", { href: "#" + name }));
  const icon = name => svg(name, "0 0 20 20", "ico");
  // [how far up, of how many places, the character of the place]
  function place(rung) {
    if (!rung) return null;
    const [at, many, glyph] = rung, rise = 10 / Math.max(many - 1, 1);
    return h("span", { class: "place" }, h("svg", { viewBox: `0 0 ${many * 3.75 - .75} 14`, "aria-hidden": "true" }, [...Array(many).keys()].map(i => h("rect", { class: i <= at ? "on" : "off", x: i * 3.75, y: 10 - i * rise, width: 2.75, height: 4 + i * rise, rx: ".6" }))),
      h("span", {}, h("span", { class: "sr" }, "梯度位置："), glyph));
  }
  const LEVELS = { red: "红", orange: "橙", yellow: "黄", green: "绿", grey: "灰" };
  const level = code => LEVELS[code] ? h("span", { class: "lv lv--" + code }, svg("lv-" + code, "0 0 14 14"), "预警 " + LEVELS[code]) : null;
  const STATES = { met: ["met", "符合"], unmet: ["unmet", "未达"], unknown: ["unknown", "缺数据"] };
  const state = code => h("span", { class: "st st--" + STATES[code][0] }, svg("st-" + STATES[code][0], "0 0 18 18"), STATES[code][1]);
  // 万元 under 1 亿, 亿元 above; the exact 元 in the title
  function money(yuan) {
    if (yuan === null || yuan === undefined) return h("span", { class: "cap" }, "无");
    const big = Math.abs(yuan) >= 1e8, number = yuan / (big ? 1e8 : 1e4), digits = big ? 2 : Math.abs(number) >= 1000 ? 0 : 1;
    return h("span", { class: "num", title: yuan.toLocaleString("zh-CN") + " 元" }, number.toLocaleString("zh-CN", { maximumFractionDigits: digits }).replace("-", "−"), h("span", { class: "unit" }, big ? "亿元" : "万元"));
  }
  const day = text => { const [y, m, d] = text.split("-").map(Number); return y === new Date().getFullYear() ? `${m}月${d}日` : text; };
  const daysFrom = (a, b) => Math.round((Date.parse(b + "T00:00") - Date.parse(a + "T00:00")) / 86400000);
  const panel = (id, title, count, body, link) => h("section", { class: "panel", id, "aria-labelledby": "h-" + id }, h("div", { class: "panel__h" }, h("h2", { id: "h-" + id }, title, count !== null && count !== undefined ? h("span", { class: "count" }, count) : null), link), body);
  const tile = (href, key, value, unit, note) => h("a", { class: "tile", href }, h("span", { class: "tile__k" }, key), h("span", { class: "tile__v" }, String(value), h("span", { class: "unit" }, unit)), h("span", { class: "tile__n" }, note));
  const strip = (kind, name, ...children) => h("div", { class: "strip" + (kind ? " strip--" + kind : ""), role: "status" }, icon(name), h("span", {}, children));
  const head = (title, ...meta) => h("header", { class: "ph" }, h("div", { class: "ph__t" }, h("h1", {}, title), meta.length ? h("p", { class: "ph__m" }, meta.filter(Boolean).map(m => h("span", {}, m))) : null));
  const call = (f, contact) => contact?.[2] && !contact[2].includes("*") ? h("a", { class: "icobtn icobtn--edge", href: "tel:" + contact[2], "aria-label": `给 ${f.name} ${contact[0]} 打电话` }, icon("i-tel")) : null;
  const size = bytes => bytes < 1048576 ? Math.max(1, Math.round(bytes / 1024)) + " KB" : (bytes / 1048576).toFixed(1) + " MB";
  const moment = ms => { const d = new Date(ms); return `${d.getMonth() + 1}月${d.getDate()}日 ${d.toTimeString().slice(0, 5)}`; };
  window.qijie.draw = { h, svg, icon, place, level, state, money, day, daysFrom, panel, tile, strip, head, call, size, moment };
})();

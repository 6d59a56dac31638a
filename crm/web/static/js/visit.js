// The visit form: draft on every change, photos made small before they travel, signature, position, one message with one id.
(() => {
  "use strict";
  const { $, $$, csrf } = window.qijie;
  const form = $("#visit");
  if (!form) return;
  const key = "visit-draft:" + form.dataset.draft;
  const uuid = () => crypto.randomUUID ? crypto.randomUUID() : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, c => (+c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> +c / 4).toString(16));
  const clock = () => new Date().toTimeString().slice(0, 5);
  const store = { get() { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } }, put(v) { localStorage.setItem(key, JSON.stringify(v)); }, drop() { try { localStorage.removeItem(key); } catch { /* private mode */ } } };
  const said = text => { $("[data-saved]").textContent = text; };

  // ── rows: people and problems ─────────────────────────────────────────
  function addRow(name, values) {
    const row = $(`[data-template="${name}"]`).content.firstElementChild.cloneNode(true);
    const id = $("[name=problem_uuid]", row);
    if (id) id.value = uuid();
    for (const [field, value] of Object.entries(values || {})) { const input = $(`[name="${field}"]`, row); if (input) input.value = value; }
    $(`[data-rows="${name}"]`).append(row);
    return row;
  }
  form.addEventListener("click", e => {
    const add = e.target.closest("[data-row-add]"), drop = e.target.closest("[data-row-drop]");
    if (add) { addRow(add.dataset.rowAdd).querySelector("input:not([type=hidden])").focus(); keep(); }
    if (drop) { drop.closest("[data-row]").remove(); keep(); }
  });

  // ── draft ────────────────────────────────────────────────────────────
  const skip = new Set(["csrf_token", "version", "enterprise", "remove", "photos", "files"]);
  function contents() {
    const plain = {}, rows = {};
    for (const [name, value] of new FormData(form)) if (!skip.has(name) && !/^(person|problem)_/.test(name) && typeof value === "string") (plain[name] ||= []).push(value);
    $$("[data-rows]", form).forEach(box => { rows[box.dataset.rows] = $$("[data-row]", box).map(r => Object.fromEntries($$("[name]", r).map(i => [i.name, i.value]))); });
    return { plain, rows, ink: strokes, phrases: $$("[data-phrase][aria-pressed=true]").map(b => b.dataset.phrase), firm: form.dataset.firm, url: location.pathname + location.search, at: new Date().toISOString() };
  }
  let timer = 0, changed = false;
  function keep() { changed = true; clearTimeout(timer); timer = setTimeout(save, 250); }
  function save() { try { store.put(contents()); said("草稿已存本机 " + clock()); } catch { said("本机存不下草稿，请尽快保存"); } }
  function restore(draft) {
    for (const input of form.elements) {
      if (!input.name || skip.has(input.name) || /^(person|problem)_/.test(input.name) || input.type === "file") continue;
      const values = draft.plain[input.name] || [];
      if (input.type === "radio" || input.type === "checkbox") input.checked = values.includes(input.value);
      else if (values.length) input.value = values[0];
    }
    for (const [name, list] of Object.entries(draft.rows)) { const box = $(`[data-rows="${name}"]`); if (box) { box.replaceChildren(); list.forEach(v => addRow(name, v)); } }
    $$("[data-phrase]").forEach(b => b.setAttribute("aria-pressed", String((draft.phrases || []).includes(b.dataset.phrase))));
    strokes = draft.ink || []; draw();
    $$("details.more", form).forEach(d => { if ($$("input:not([type=hidden]), textarea", d).some(i => i.type === "checkbox" ? i.checked : i.value)) d.open = d.open || d.classList.contains("panel"); });
  }
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);
  addEventListener("pagehide", () => { if (changed) save(); });
  $("[data-draft-drop]").addEventListener("click", () => { store.drop(); changed = false; form.dataset.leaving = "1"; location.reload(); });

  // ── phrases ──────────────────────────────────────────────────────────
  const summary = $("#summary");
  $$("[data-phrase]").forEach(b => b.addEventListener("click", () => {
    const on = b.getAttribute("aria-pressed") !== "true", phrase = b.dataset.phrase + "。";
    b.setAttribute("aria-pressed", String(on));
    if (on) summary.value += (summary.value && !/[。！？\n]$/.test(summary.value) ? "。" : "") + phrase;
    else summary.value = summary.value.replace(phrase, "");
    keep();
  }));

  // ── next step ────────────────────────────────────────────────────────
  const nextOn = $("#next_on");
  $$("[name=nx]").forEach(r => r.addEventListener("change", () => { if (r.value === "date") nextOn.focus(); else nextOn.value = r.value; }));
  nextOn.addEventListener("change", () => { $("#n-d").checked = Boolean(nextOn.value); $("#n-0").checked = !nextOn.value; });

  // ── photos: at most 1,600 px and JPEG before they leave the phone ─────
  const photos = [], shots = $("[data-shots]"), shotsError = $("[data-shots-error]");
  async function shrink(file) {
    try {
      const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, 1600 / Math.max(bitmap.width, bitmap.height));
      const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise(done => canvas.toBlob(done, "image/jpeg", .82));
      return blob && blob.size < file.size ? blob : file;
    } catch { return file; }
  }
  async function take(input) {
    shotsError.hidden = true;
    for (const file of [...input.files]) {
      if (photos.length + $$("[data-kept]").length >= 12) { shotsError.textContent = "照片最多 12 张，请先删掉不用的。"; shotsError.hidden = false; break; }
      const photo = { blob: await shrink(file), name: file.name.replace(/\.\w+$/, "") + ".jpg" };
      photos.push(photo);
      const box = document.createElement("span"), image = new Image(), drop = document.createElement("button");
      box.className = "shot"; image.src = URL.createObjectURL(photo.blob); image.alt = `照片 ${photos.length}`;
      drop.type = "button"; drop.className = "shot__st"; drop.textContent = "去掉";
      drop.addEventListener("click", () => { photos.splice(photos.indexOf(photo), 1); URL.revokeObjectURL(image.src); box.remove(); });
      box.append(image, drop);
      shots.insertBefore(box, $(".shot--add", shots));
    }
    input.value = "";
  }
  [$("[data-shoot]"), $("[data-album]")].forEach(i => i.addEventListener("change", () => take(i)));

  // ── signature: strokes on a 340 × 136 sheet ──────────────────────────
  let strokes = [], pen = null;
  const sheet = $("[data-sign]"), ink = $(".sign__ink", sheet);
  const point = e => { const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(sheet.getScreenCTM().inverse()); return [Math.round(p.x * 10) / 10, Math.round(p.y * 10) / 10]; };
  function draw() { ink.setAttribute("d", strokes.map(s => "M" + s.map(p => p.join(" ")).join("L")).join("")); }
  sheet.addEventListener("pointerdown", e => { sheet.setPointerCapture(e.pointerId); pen = [point(e)]; strokes.push(pen); e.preventDefault(); });
  sheet.addEventListener("pointermove", e => { if (pen) { pen.push(point(e)); draw(); } });
  ["pointerup", "pointercancel"].forEach(n => sheet.addEventListener(n, () => { if (pen) { pen = null; keep(); } }));
  $("[data-sign-clear]").addEventListener("click", () => { strokes = []; draw(); keep(); });
  function signature() {
    if (!strokes.some(s => s.length > 1)) return Promise.resolve(null);
    const xs = strokes.flat().map(p => p[0]), left = Math.min(0, ...xs), wide = Math.max(340, ...xs) - left;
    const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(wide * 3), height: 408 }), g = canvas.getContext("2d");
    g.lineWidth = 8; g.lineCap = g.lineJoin = "round"; g.strokeStyle = "rgb(23,32,43)"; // ink on paper, whatever the theme
    strokes.forEach(s => { g.beginPath(); s.forEach(([x, y], i) => i ? g.lineTo((x - left) * 3, y * 3) : g.moveTo((x - left) * 3, y * 3)); g.stroke(); });
    return new Promise(done => canvas.toBlob(done, "image/png"));
  }

  // ── position: says how exact and how far; never blocks ───────────────
  const located = $("[data-located]");
  const rad = d => d * Math.PI / 180;
  function metres(a, b, c, d) { const h = Math.sin(rad(c - a) / 2) ** 2 + Math.cos(rad(a)) * Math.cos(rad(c)) * Math.sin(rad(d - b) / 2) ** 2; return 12742000 * Math.asin(Math.sqrt(h)); }
  const far = m => m < 1000 ? `${Math.round(m)} 米` : `${(m / 1000).toFixed(1)} 公里`;
  function locate() {
    if (!navigator.geolocation || !isSecureContext) { located.textContent = "这个浏览器或网址不能定位，不影响保存"; return; }
    located.textContent = "正在定位…";
    navigator.geolocation.getCurrentPosition(({ coords: c }) => {
      $("#latitude").value = c.latitude.toFixed(6); $("#longitude").value = c.longitude.toFixed(6); $("#accuracy_m").value = Math.round(c.accuracy);
      let text = `已定位 ±${Math.round(c.accuracy)} 米`;
      const { lat, lon } = form.dataset;
      if (lat && lon) { const m = metres(c.latitude, c.longitude, +lat, +lon); text += `，距登记地址 ${far(m)}${m > 500 + c.accuracy ? "，离得较远，仍可保存" : ""}`; }
      else if (c.accuracy > 200) text += "，不太准，仍可保存";
      located.textContent = text; keep();
    }, () => { located.textContent = "没有定位成功，不影响保存"; }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 });
  }
  $("[data-locate]").addEventListener("click", locate);
  if (navigator.permissions?.query && form.dataset.draft.startsWith("new:")) navigator.permissions.query({ name: "geolocation" }).then(p => { if (p.state === "granted") locate(); }).catch(() => {});

  // ── send ─────────────────────────────────────────────────────────────
  const top = $("[data-top-error]");
  function refuse(message, errors) {
    $("[data-top-text]").textContent = message; top.hidden = false;
    $$(".err[data-sent]").forEach(e => e.remove());
    $$("[aria-invalid]", form).forEach(i => i.removeAttribute("aria-invalid"));
    let first = null;
    for (const [name, text] of Object.entries(errors || {})) {
      const input = form.elements[name]; const at = input instanceof RadioNodeList ? input[0] : input;
      if (!at || at.type === "hidden") continue;
      const line = Object.assign(document.createElement("p"), { className: "err", textContent: text, id: name + "-sent" });
      line.dataset.sent = ""; at.setAttribute("aria-invalid", "true"); at.setAttribute("aria-describedby", line.id);
      at.closest("details")?.setAttribute("open", ""); (at.closest(".field") || at).append(line); first ||= at;
    }
    (first || top).scrollIntoView({ block: "center" }); first?.focus({ preventScroll: true });
  }
  form.addEventListener("submit", async e => {
    e.preventDefault(); e.stopImmediatePropagation();
    const button = $("[data-save]");
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true"); button.textContent = photos.length ? `正在保存（${photos.length} 张照片）` : "正在保存"; save();
    const body = new FormData(form);
    body.delete("photos"); photos.forEach(p => body.append("photos", p.blob, p.name));
    const signed = await signature(); if (signed) body.append("signature_firm", signed, "签名.png");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": csrf() } });
      const data = await answer.json().catch(() => ({}));
      if (answer.ok) { changed = false; store.drop(); location.assign(data.url); return; }
      if (answer.status === 409 && data.version) { form.elements.version.value = data.version; refuse(`${data.message} ${Object.entries(data.theirs || {}).map(([k, v]) => `对方的${k}：“${v}”`).join("；")}`); }
      else refuse(data.message || `没存上（${answer.status}）。草稿在本机，请稍后再按保存。`, data.errors || (data.field ? { [data.field]: data.message } : null));
    } catch { refuse("没存上：现在没有网络。草稿在本机，有信号时再按保存；照片请先不要离开这一页。"); }
    button.removeAttribute("aria-busy"); button.textContent = "保存走访";
  }, true);

  const draft = store.get();
  if (draft && draft.plain) {
    restore(draft);
    const at = new Date(draft.at);
    $("[data-draft-said]").textContent = `已恢复 ${at.getMonth() + 1}月${at.getDate()}日 ${at.toTimeString().slice(0, 5)} 的草稿（照片需重新选）。`;
    $("[data-draft-strip]").hidden = false;
  }
})();

// The visit form, on a page and on the phone alike: draft on every change, photos made small and kept at once, signature, position.
// A new visit goes into the phone's queue (phone/outbox.js) and from there to the server; a change of one goes to the server directly.
(() => {
  "use strict";
  const { $, $$, store, outbox } = window.qijie;
  const MOST_PHOTOS = 12, EDGE = 1280, QUALITY = .72, FAR = 500;
  const clock = at => at.toTimeString().slice(0, 5);
  const iso = d => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`;
  const rad = d => d * Math.PI / 180;
  const metres = (a, b, c, d) => 12742000 * Math.asin(Math.sqrt(Math.sin(rad(c - a) / 2) ** 2 + Math.cos(rad(a)) * Math.cos(rad(c)) * Math.sin(rad(d - b) / 2) ** 2));
  const far = m => m < 1000 ? `${Math.round(m)} 米` : `${(m / 1000).toFixed(1)} 公里`;

  // at most 1,280 px (sharp at a hand's breadth on paper), WebP where the browser can; drawn anew, so that neither place nor camera travels along
  async function shrink(file) {
    try {
      const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, EDGE / Math.max(bitmap.width, bitmap.height));
      const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close?.();
      const drawn = type => new Promise(done => canvas.toBlob(done, type, QUALITY));
      let blob = await drawn("image/webp");
      if (blob?.type !== "image/webp") blob = await drawn("image/jpeg");
      if (blob) return blob;
    } catch { /* the server will look at it as it is */ }
    return file;
  }

  function visitForm(form, { saved }) {
    const key = form.dataset.draft, isNew = key.startsWith("new:");
    const say = text => { $("[data-saved]", form).textContent = text; };
    const field = name => form.elements[name];
    const photos = [], shots = $("[data-shots]", form), shotsError = $("[data-shots-error]", form);
    let strokes = [], pen = null, timer = 0, changed = false, over = false, saving = Promise.resolve();
    if (!field("uuid").value) field("uuid").value = store.uuid();
    const uuid = () => field("uuid").value;

    // ── rows: people and problems ───────────────────────────────────────
    function addRow(name, values) {
      const row = $(`[data-template="${name}"]`, form).content.firstElementChild.cloneNode(true);
      const id = $("[name=problem_uuid]", row);
      if (id) id.value = store.uuid();
      for (const [n, value] of Object.entries(values || {})) { const input = $(`[name="${n}"]`, row); if (input) input.value = value; }
      $(`[data-rows="${name}"]`, form).append(row);
      return row;
    }
    form.addEventListener("click", e => {
      const add = e.target.closest("[data-row-add]"), drop = e.target.closest("[data-row-drop]");
      if (add) { addRow(add.dataset.rowAdd).querySelector("input:not([type=hidden])").focus(); keep(); }
      if (drop) { drop.closest("[data-row]").remove(); keep(); }
    });

    // ── draft ──────────────────────────────────────────────────────────
    const skip = new Set(["csrf_token", "version", "enterprise", "remove", "photos", "files", "nx"]);
    function contents() {
      const plain = {}, rows = {};
      for (const [name, value] of new FormData(form)) if (!skip.has(name) && !/^(person|problem)_/.test(name) && typeof value === "string") (plain[name] ||= []).push(value);
      $$("[data-rows]", form).forEach(box => { rows[box.dataset.rows] = $$("[data-row]", box).map(r => Object.fromEntries($$("[name]", r).map(i => [i.name, i.value]))); });
      return { plain, rows, ink: strokes, phrases: $$("[data-phrase][aria-pressed=true]", form).map(b => b.dataset.phrase), firm: form.dataset.firm, firmId: +form.dataset.firmId || null, url: location.pathname + location.search + location.hash, at: new Date().toISOString() };
    }
    function keep() { changed = true; clearTimeout(timer); timer = setTimeout(save, 250); }
    function save() {
      if (over) return saving;
      const now = contents();
      return saving = saving.then(async () => {
        try { const sealed = await store.seal(now); if (!over) { await store.put("drafts", { k: key, visit: uuid(), sealed }); say("草稿已存本机 " + clock(new Date())); } }
        catch (error) { say(store.isFull(error) ? "手机空间不够，草稿存不下，请尽快保存" : "本机存不下草稿，请尽快保存"); }
      });
    }
    function restore(draft) {
      for (const input of form.elements) {
        if (!input.name || skip.has(input.name) || /^(person|problem)_/.test(input.name) || input.type === "file") continue;
        const values = draft.plain[input.name] || [];
        if (input.type === "radio" || input.type === "checkbox") input.checked = values.includes(input.value);
        else if (values.length) input.value = values[0];
      }
      for (const [name, list] of Object.entries(draft.rows)) { const box = $(`[data-rows="${name}"]`, form); if (box) { box.replaceChildren(); list.forEach(v => addRow(name, v)); } }
      $$("[data-phrase]", form).forEach(b => b.setAttribute("aria-pressed", String((draft.phrases || []).includes(b.dataset.phrase))));
      strokes = draft.ink || []; draw(); showNext(); showWhen();
      $$("details.more", form).forEach(d => { if ($$("input:not([type=hidden]), textarea", d).some(i => i.type === "checkbox" ? i.checked : i.value)) d.open = d.open || d.classList.contains("panel"); });
    }
    async function forgetDraft() {
      over = true; changed = false; clearTimeout(timer);
      await saving;
      await store.drop("drafts", key);
    }
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
    const leaving = () => { if (changed && !over && document.visibilityState === "hidden") save(); };
    document.addEventListener("visibilitychange", leaving);
    addEventListener("pagehide", () => { if (changed && !over) save(); });
    $("[data-draft-drop]", form).addEventListener("click", async () => {
      const gone = photos.map(p => p.uuid);
      await forgetDraft();
      await store.tx("files", "readwrite", s => gone.forEach(k => s.delete(k)));
      (form.dataset.again ? dispatchEvent(new CustomEvent("phone:again")) : location.reload());
    });

    // ── phrases, time, next step ───────────────────────────────────────
    const summary = field("summary");
    $$("[data-phrase]", form).forEach(b => b.addEventListener("click", () => {
      const on = b.getAttribute("aria-pressed") !== "true", phrase = b.dataset.phrase + "。";
      b.setAttribute("aria-pressed", String(on));
      if (on) summary.value += (summary.value && !/[。！？\n]$/.test(summary.value) ? "。" : "") + phrase;
      else summary.value = summary.value.replace(phrase, "");
      keep();
    }));
    const when = $("[data-when]", form), where = $("[data-where]", form);
    function showWhen() {
      const at = field("started_at").value ? new Date(field("started_at").value) : null;
      when.textContent = at ? `${at.getMonth() + 1}月${at.getDate()}日 ${clock(at)}` : ""; where.textContent = field("place").value;
    }
    ["started_at", "place"].forEach(n => field(n).addEventListener("input", showWhen));
    const nextOn = field("next_on");
    const inDays = n => { const d = new Date(); d.setDate(d.getDate() + n); return iso(d); };
    function showNext() { const v = nextOn.value; $$("[name=nx]", form).forEach(r => { r.checked = v ? (r.value.startsWith("+") ? inDays(+r.value) === v : r.value === "date" && v !== inDays(7) && v !== inDays(30)) : r.value === ""; }); }
    $$("[name=nx]", form).forEach(r => r.addEventListener("change", () => { if (r.value === "date") nextOn.focus(); else nextOn.value = r.value ? inDays(+r.value) : ""; keep(); }));
    nextOn.addEventListener("change", showNext);

    // ── photos: small, and on the phone's disk before anything else ────
    function refusePhoto(text) { shotsError.textContent = text; shotsError.hidden = false; }
    function showPhoto(photo) {
      const box = document.createElement("span"), image = new Image(), drop = document.createElement("button");
      box.className = "shot"; image.src = URL.createObjectURL(photo.blob); image.alt = `照片 ${photos.length}`;
      drop.type = "button"; drop.className = "shot__st"; drop.textContent = "去掉";
      drop.addEventListener("click", async () => { photos.splice(photos.indexOf(photo), 1); URL.revokeObjectURL(image.src); box.remove(); await store.drop("files", photo.uuid).catch(() => {}); keep(); });
      box.append(image, drop);
      shots.insertBefore(box, $(".shot--add", shots));
    }
    // the picture itself is drawn anew and carries no place; who wants it has it written under the picture
    function placeNow() {
      if (!$("[data-photo-place]", form).checked || !field("latitude").value) return null;
      return `拍摄位置 ${(+field("latitude").value).toFixed(5)}, ${(+field("longitude").value).toFixed(5)} ±${field("accuracy_m").value} 米`;
    }
    $("[data-photo-place]", form).addEventListener("change", e => { if (e.target.checked && !field("latitude").value) locate(); });
    async function take(input) {
      shotsError.hidden = true;
      const files = [...input.files];
      input.value = "";
      for (const file of files) {
        if (photos.length + $$("[data-kept]", form).length >= MOST_PHOTOS) { refusePhoto(`照片最多 ${MOST_PHOTOS} 张，请先删掉不用的。`); break; }
        const blob = await shrink(file), photo = { uuid: store.uuid(), role: "photo", name: (file.name || "照片").replace(/\.\w+$/, "") + ".jpg", type: blob.type || "image/jpeg", blob, caption: placeNow() };
        if (isNew) {
          try { const data = await blob.arrayBuffer(); await store.put("files", { uuid: photo.uuid, visit: uuid(), role: "photo", name: photo.name, type: photo.type, size: data.byteLength, data: await store.seal(data), caption: photo.caption && await store.seal(photo.caption), sent: false, at: Date.now() }); }
          catch (error) { if (store.isFull(error)) { refusePhoto("手机空间不够，这张照片没存下，前面的都在。请先到“待上传”把旧的传完，或删掉手机里不用的东西。"); break; } refusePhoto("这张照片没存下，请再拍一次。"); continue; }
        }
        photos.push(photo);
        showPhoto(photo);
        keep();
      }
    }
    $$("[data-shoot], [data-album]", form).forEach(i => i.addEventListener("change", () => take(i)));
    async function restorePhotos() {
      if (!isNew) return;
      for (const f of (await store.filesOf(uuid())).filter(f => f.role === "photo" && !f.sent && f.data).sort((a, b) => a.at - b.at)) {
        const photo = { uuid: f.uuid, role: "photo", name: f.name, type: f.type, caption: await store.unseal(f.caption), blob: new Blob([await store.unseal(f.data)], { type: f.type }) };
        photos.push(photo); showPhoto(photo);
      }
    }

    // ── signature: strokes on a 340 × 136 sheet ─────────────────────────
    const sheet = $("[data-sign]", form), ink = $(".sign__ink", sheet);
    const point = e => { const p = new DOMPoint(e.clientX, e.clientY).matrixTransform(sheet.getScreenCTM().inverse()); return [Math.round(p.x * 10) / 10, Math.round(p.y * 10) / 10]; };
    function draw() { ink.setAttribute("d", strokes.map(s => "M" + s.map(p => p.join(" ")).join("L")).join("")); }
    sheet.addEventListener("pointerdown", e => { sheet.setPointerCapture(e.pointerId); pen = [point(e)]; strokes.push(pen); e.preventDefault(); });
    sheet.addEventListener("pointermove", e => { if (pen) { pen.push(point(e)); draw(); } });
    ["pointerup", "pointercancel"].forEach(n => sheet.addEventListener(n, () => { if (pen) { pen = null; keep(); } }));
    $("[data-sign-clear]", form).addEventListener("click", () => { strokes = []; draw(); keep(); });
    function signature() {
      if (!strokes.some(s => s.length > 1)) return Promise.resolve(null);
      const xs = strokes.flat().map(p => p[0]), left = Math.min(0, ...xs), wide = Math.max(340, ...xs) - left;
      const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(wide * 3), height: 408 }), g = canvas.getContext("2d");
      g.lineWidth = 8; g.lineCap = g.lineJoin = "round"; g.strokeStyle = "rgb(23,32,43)"; // ink on paper, whatever the theme
      strokes.forEach(s => { g.beginPath(); s.forEach(([x, y], i) => i ? g.lineTo((x - left) * 3, y * 3) : g.moveTo((x - left) * 3, y * 3)); g.stroke(); });
      return new Promise(done => canvas.toBlob(done, "image/png"));
    }

    // ── position: says how exact and how far; never blocks ─────────────
    const located = $("[data-located]", form);
    function locate() {
      if (!navigator.geolocation || !isSecureContext) { located.textContent = "这个浏览器或网址不能定位，不影响保存"; return; }
      located.textContent = "正在定位…";
      navigator.geolocation.getCurrentPosition(({ coords: c }) => {
        if (over) return;
        field("latitude").value = c.latitude.toFixed(6); field("longitude").value = c.longitude.toFixed(6); field("accuracy_m").value = Math.round(c.accuracy);
        let text = `已定位 ±${Math.round(c.accuracy)} 米`;
        const { lat, lon } = form.dataset;
        if (lat && lon) { const m = metres(c.latitude, c.longitude, +lat, +lon); text += `，距${form.dataset.known || "登记地址"} ${far(m)}${m > FAR + c.accuracy ? "，离得较远，仍可保存" : ""}`; }
        else if (c.accuracy > 200) text += "，不太准，仍可保存";
        located.textContent = text; keep();
      }, () => { located.textContent = "没有定位成功，不影响保存"; }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 });
    }
    $("[data-locate]", form).addEventListener("click", locate);
    if (isNew) navigator.permissions?.query?.({ name: "geolocation" }).then(p => { if (p.state === "granted") locate(); }).catch(() => {});

    // ── refusals ───────────────────────────────────────────────────────
    const top = $("[data-top-error]", form);
    function refuse(message, errors) {
      $("[data-top-text]", form).textContent = message; top.hidden = false;
      $$(".err[data-sent]", form).forEach(e => e.remove());
      $$("[aria-invalid]", form).forEach(i => i.removeAttribute("aria-invalid"));
      let first = null;
      for (const [name, text] of Object.entries(errors || {})) {
        const input = field(name), at = input instanceof RadioNodeList ? input[0] : input;
        if (!at || at.type === "hidden") continue;
        const line = Object.assign(document.createElement("p"), { className: "err", textContent: text, id: name + "-sent" });
        line.dataset.sent = ""; at.setAttribute("aria-invalid", "true"); at.setAttribute("aria-describedby", line.id);
        at.closest("details")?.setAttribute("open", ""); (at.closest(".field") || at).append(line); first ||= at;
      }
      (first || top).scrollIntoView({ block: "center" }); first?.focus({ preventScroll: true });
    }

    // ── save ───────────────────────────────────────────────────────────
    const button = $("[data-save]", form);
    const busy = text => { if (text) { button.setAttribute("aria-busy", "true"); button.textContent = text; } else { button.removeAttribute("aria-busy"); button.textContent = "保存走访"; } };
    async function pdfs() { return [...(field("files").files || [])].map(f => ({ uuid: store.uuid(), role: "file", name: f.name, type: "application/pdf", blob: f })); }
    const unsendable = new Set(["csrf_token", "photos", "files", "nx"]);
    async function queue() {
      const signed = await signature(), extra = [...(signed ? [{ uuid: store.uuid(), role: "signature_firm", name: "签名.png", type: "image/png", blob: signed }] : []), ...await pdfs()];
      const kept = isNew ? (await store.filesOf(uuid())).filter(f => f.role !== "photo" && !f.sent && !(signed && f.role === "signature_firm")) : []; // of a visit taken back from the queue
      const entries = [...new FormData(form)].filter(([n, v]) => typeof v === "string" && !unsendable.has(n) && v !== "" || /^(person|problem)_/.test(n));
      const blobs = await Promise.all(extra.map(async b => ({ ...b, data: await b.blob.arrayBuffer() })));
      over = true; clearTimeout(timer); await saving;
      await outbox.add({ uuid: uuid(), entries, firm: { id: +form.dataset.firmId, name: form.dataset.firm }, kind: field("kind").value, startedAt: field("started_at").value, files: [...photos, ...kept, ...extra].map(f => f.uuid) }, blobs, key);
    }
    async function send() {
      const body = new FormData(form);
      body.delete("photos"); photos.forEach(p => { body.append("photos", p.blob, p.name); body.append("photos_caption", p.caption || ""); });
      const signed = await signature(); if (signed) body.append("signature_firm", signed, "签名.png");
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": window.qijie.csrf() } });
      const data = await answer.json().catch(() => ({}));
      if (answer.ok) { await forgetDraft(); location.assign(data.url); return; }
      if (answer.status === 409 && data.version) { field("version").value = data.version; refuse(`${data.message} ${Object.entries(data.theirs || {}).map(([k, v]) => `对方的${k}：“${v}”`).join("；")}`); }
      else refuse(data.message || `没存上（${answer.status}）。草稿在本机，请稍后再按保存。`, data.errors || (data.field ? { [data.field]: data.message } : null));
    }
    form.addEventListener("submit", async e => {
      e.preventDefault(); e.stopImmediatePropagation();
      if (button.getAttribute("aria-busy") === "true") return;
      if (!form.querySelector("[name=kind]:checked")) { refuse("请选择走访方式。", { kind: "请选择走访方式。" }); return; }
      busy(photos.length ? `正在保存（${photos.length} 张照片）` : "正在保存");
      try {
        if (isNew) { await queue(); store.persist(); await saved({ uuid: uuid(), refuse, reopen: () => { over = false; keep(); } }); }
        else await send();
      } catch (error) {
        over = false;
        refuse(store.isFull(error) ? "手机空间不够，这次走访还没存上，内容都还在这一页。请删掉几张照片，或先到“待上传”把旧的传完，再按保存。"
          : error instanceof store.Locked ? "登录已退出，请先登录再保存；草稿在本机。" : "没存上：现在没有网络，或手机存不下。内容还在这一页，请再按保存。");
      }
      busy(null);
    }, true);

    return { restore, restorePhotos, addRow, refuse, showNext, showWhen, keep, isChanged: () => changed, close: () => { if (changed && !over) save(); over = true; document.removeEventListener("visibilitychange", leaving); } };
  }

  async function offerDraft(form, made) {
    const kept = await store.get("drafts", form.dataset.draft).catch(() => null);
    const draft = kept && await store.unseal(kept.sealed).catch(() => null);
    if (!draft?.plain) return false;
    made.restore(draft);
    await made.restorePhotos();
    const at = new Date(draft.at);
    $("[data-draft-said]", form).textContent = `已恢复 ${at.getMonth() + 1}月${at.getDate()}日 ${clock(at)} 的草稿。`;
    $("[data-draft-strip]", form).hidden = false;
    if (draft.message) made.refuse(draft.message, draft.errors);
    return true;
  }
  Object.assign(window.qijie, { visitForm, offerDraft, metres, far, iso });

  // ── on a page of its own ─────────────────────────────────────────────
  const form = $("#visit");
  if (!form) return;
  (async () => {
    // saved on this device first; when the server answers at once its page is opened, else the queue says what happens next
    async function saved({ uuid, refuse, reopen }) {
      await outbox.send({ now: true });
      const item = (await outbox.list()).find(i => i.uuid === uuid);
      if (!item || item.state === "sent") { location.assign(item?.accepted?.url || `/visits/${uuid}`); return; }
      if (item.state === "stuck" && item.errors) { await outbox.takeBack(uuid); reopen(); refuse(item.message, item.errors); return; }
      location.assign("/m/#/queue");
    }
    const made = visitForm(form, { saved });
    made.showNext();
    if (form.dataset.draft.startsWith("new:")) await outbox.session().catch(() => {}); // the key of what this device keeps
    await offerDraft(form, made);
    form.dataset.ready = "1";
  })();
})();

// Imports: drop a file, re-guess when the kind changes, follow a step. Each works without this file by button and refresh.
(() => {
  "use strict";
  const { $, $$ } = window.qijie;

  const drop = $("[data-drop]");
  if (drop) {
    const input = $("input[type=file]", drop);
    const name = $("[data-drop-name]", drop);
    const send = $("[data-drop-send]");
    const size = n => n > 1048576 ? `${(n / 1048576).toFixed(1)} MB` : `${Math.max(1, Math.round(n / 1024))} KB`;
    const show = () => {
      const file = input.files[0];
      if (!file) return;
      name.textContent = `${file.name}，${size(file.size)}`;
      drop.classList.add("is-full");
      send.focus();
    };
    input.addEventListener("change", show);
    ["dragenter", "dragover"].forEach(kind => drop.addEventListener(kind, e => { e.preventDefault(); drop.classList.add("is-over"); }));
    ["dragleave", "drop"].forEach(kind => drop.addEventListener(kind, () => drop.classList.remove("is-over")));
    drop.addEventListener("drop", e => {
      e.preventDefault();
      if (!e.dataTransfer.files.length) return;
      input.files = e.dataTransfer.files;
      show();
    });
    // a file that misses the box must not replace the page
    ["dragover", "drop"].forEach(kind => addEventListener(kind, e => { if (!drop.contains(e.target)) e.preventDefault(); }));
  }

  $("[data-kind]")?.addEventListener("change", e => {
    const url = new URL(location.href);
    url.searchParams.set("kind", e.target.value);
    location.assign(url);
  });

  // a unit is asked only of columns that hold figures
  $$("select[data-field]").forEach(select => {
    const unit = $(".in--unit", select.closest("tr"));
    const show = () => { unit.hidden = select.value !== "" && !select.selectedOptions[0].hasAttribute("data-unit"); };
    select.addEventListener("change", show);
    show();
  });

  const box = $("[data-live]");
  const url = box?.dataset.live;
  if (!url) return;
  const figure = n => n.toLocaleString("en-US");
  const spoken = $("[data-run-spoken]");
  let said = -1;

  function draw({ state, done, total }) {
    $("[data-run-state]", box).textContent = state;
    $("[data-progress-done]", box).textContent = figure(done);
    $("[data-progress-total]", box).textContent = total ? figure(total) : "未知";
    const percent = total ? Math.min(100, done * 100 / total) : 0;
    $("[data-progress-fill]", box).setAttribute("width", percent);
    const quarter = Math.floor(percent / 25);
    if (quarter !== said) { said = quarter; spoken.textContent = `${figure(done)} / ${figure(total)}`; }
  }

  async function tick() {
    if (document.hidden) { setTimeout(tick, 1000); return; }
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) { setTimeout(tick, 5000); return; }
    const { waiting } = await answer.json();
    if (!waiting) { location.reload(); return; }
    draw(waiting);
    setTimeout(tick, 1000);
  }
  setTimeout(tick, 500);
})();

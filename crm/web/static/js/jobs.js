// Moves the figures of unfinished runs; when one ends the page is read again. Without this file, refreshing does the same.
(() => {
  "use strict";
  const { $, $$ } = window.qijie;
  const box = $("[data-live]");
  const url = box?.dataset.live;
  if (!url) return;
  const figure = n => n.toLocaleString("en-US");

  function draw(li, run) {
    $("[data-run-state]", li).textContent = run.state;
    const step = $("[data-run-step]", li);
    if (step) step.textContent = run.step;
    const bar = $("[data-progress]", li);
    if (!bar) return;
    $("[data-progress-done]", bar).textContent = figure(run.done);
    $("[data-progress-total]", bar).textContent = run.total ? figure(run.total) : "未知";
    $("[data-progress-fill]", bar).setAttribute("width", run.total ? Math.min(100, run.done * 100 / run.total) : 0);
  }

  async function tick() {
    if (document.hidden) { setTimeout(tick, 2000); return; }
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) { setTimeout(tick, 10000); return; }
    const { runs } = await answer.json();
    const byId = new Map(runs.map(r => [String(r.id), r]));
    const ended = $$("[data-run]", box).some(li => !byId.has(li.dataset.run));
    if (ended) { location.reload(); return; }
    $$("[data-run]", box).forEach(li => draw(li, byId.get(li.dataset.run)));
    setTimeout(tick, 2000);
  }
  setTimeout(tick, 1000);
})();

// While the PDF is being made: ask now and then, reload when it is there or failed.
(() => {
  "use strict";
  const { $ } = window.qijie, strip = $("[data-record]");
  if (!strip) return;
  let wait = 1000;
  async function ask() {
    try {
      const answer = await fetch(strip.dataset.record, { headers: { Accept: "application/json" } });
      const { state, text } = await answer.json();
      if (state === "ready" || state === "failed") { location.reload(); return; }
      if (text) $("[data-record-text]", strip).textContent = text;
    } catch { /* no network: ask again later */ }
    wait = Math.min(wait * 1.4, 15000);
    setTimeout(ask, wait);
  }
  setTimeout(ask, wait);
})();

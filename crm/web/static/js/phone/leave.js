// Signing out from the account page: what this device keeps is cleared or locked first; visits that were not sent are not lost in passing.
(() => {
  "use strict";
  const { $, store, outbox } = window.qijie, form = $("form[data-leave]");
  form?.addEventListener("submit", async e => {
    if (form.dataset.left) return;
    e.preventDefault(); e.stopImmediatePropagation();
    try {
      const { waiting, stuck } = await outbox.counts();
      if (waiting + stuck) { location.assign(form.dataset.leave + "#/me"); return; } // asks what to do with them
      await store.leave(false);
    } catch { /* nothing is kept on this device */ }
    form.dataset.left = "1";
    form.requestSubmit();
  }, true);
})();

// Copy what a field holds: the calendar's address, shown once.
(() => {
  "use strict";
  document.querySelectorAll("[data-copy-from]").forEach(button => button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copyFrom), said = document.querySelector("[data-copied]");
    field.select();
    try { await navigator.clipboard.writeText(field.value); said.textContent = "已复制"; } catch { said.textContent = "浏览器不让复制，地址已选中，请按 Ctrl+C 或长按复制"; }
  }));
})();

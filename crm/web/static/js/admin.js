// Asks before an act that cannot be taken back. Without script the act is done at once; the trail has it either way.
(() => {
  "use strict";
  document.querySelectorAll("form[data-ask]").forEach(form => form.addEventListener("submit", event => {
    if (form.dataset.sure) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const box = document.createElement("dialog");
    box.className = "dlg";
    box.setAttribute("aria-label", "请确认");
    const body = Object.assign(document.createElement("div"), { className: "dlg__b" });
    body.append(Object.assign(document.createElement("p"), { textContent: form.dataset.ask }));
    const foot = Object.assign(document.createElement("div"), { className: "dlg__f" });
    const no = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: "取消" });
    const yes = Object.assign(document.createElement("button"), { type: "button", className: "btn btn--main", textContent: form.querySelector("button").firstChild.textContent });
    no.addEventListener("click", () => box.close());
    yes.addEventListener("click", () => { form.dataset.sure = "1"; box.close(); form.requestSubmit(); });
    box.addEventListener("close", () => box.remove());
    foot.append(no, yes);
    box.append(body, foot);
    document.body.append(box);
    box.showModal();
  }, true));
})();

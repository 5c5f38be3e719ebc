// A file that is too large is refused before it is sent.
(function () {
  "use strict";

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form || event.target.type !== "file") return;
    const file = event.target.files[0];
    const line = form.querySelector("[data-upload-error]");
    const tooBig = Boolean(file) && file.size > Number(form.dataset.maxBytes);
    line.hidden = !tooBig;
    line.querySelector("span").textContent = tooBig ? form.dataset.tooBig : "";
    event.target.setCustomValidity(tooBig ? form.dataset.tooBig : "");
    event.target.toggleAttribute("aria-invalid", tooBig);
    form.querySelector("button[type=submit]").disabled = tooBig;
  });
})();

// 审批: ↓ and ↑ go through the queue, Enter on a claim opens it, Enter elsewhere approves, Space ticks, N opens the
// refusal and 1 to 9 send one of its ready reasons.
(function () {
  "use strict";

  const root = document.querySelector("[data-approvals]");
  if (!root) return;
  const claims = Array.from(root.querySelectorAll("[data-claim]"));
  const current = () => claims.findIndex((link) => link.hasAttribute("aria-current"));
  const approve = root.querySelector("[data-approve]");
  const refusal = root.querySelector("#refuse");
  function openRefusal() {
    refusal.open = true;
    refusal.querySelector("button").focus();
    refusal.scrollIntoView({ block: "nearest" });
  }
  const opener = root.querySelector("[data-open-refuse]");
  if (opener) opener.addEventListener("click", (event) => { event.preventDefault(); openRefusal(); });

  const together = root.querySelector("[data-together]");
  const count = root.querySelector("[data-together-count]");
  function tally() {
    if (!together) return;
    const n = together.querySelectorAll('input[name="id"]:checked').length;
    count.textContent = count.dataset.text.replace("{n}", n);
    count.closest("button").disabled = n === 0;
  }
  if (together) together.addEventListener("change", tally);
  tally();

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const ready = refusal && refusal.open ? refusal.querySelectorAll('button[name="ready"]') : [];
    const onReady = event.target.closest('button[name="ready"]');
    if (!onReady && event.target.closest("input:not([type=checkbox]), textarea, select, button, summary, dialog")) return;
    if (/^[1-9]$/.test(event.key) && ready[event.key - 1]) {
      event.preventDefault();
      ready[event.key - 1].click();
      return;
    }
    if (onReady) return;
    const onLink = event.target.closest("a");
    if (onLink && !onLink.hasAttribute("data-claim")) return;
    const at = onLink ? claims.indexOf(onLink) : current();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = claims[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.click();
    } else if (event.key === "Enter" && approve && (!onLink || onLink.hasAttribute("aria-current"))) {
      const reason = approve.querySelector("textarea");
      if (reason && !reason.value.trim()) reason.focus();
      else approve.requestSubmit();
    } else if (event.key.toLowerCase() === "n" && refusal) {
      openRefusal();
    } else if (event.key === " " && at >= 0) {
      const box = claims[at].parentElement.querySelector('input[type="checkbox"]');
      if (!box || event.target === box) return;
      box.checked = !box.checked;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    } else return;
    event.preventDefault();
  });
})();

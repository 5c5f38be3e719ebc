// The day plan: choosing a visit opens it beside the lanes, dragging it asks the checker before anything is saved.
// Without this file every visit is a link to the same panel, and "移到…" is a plain form.
(function () {
  "use strict";

  const lanes = document.querySelector("[data-lanes]");
  const panel = document.getElementById("panel");
  const answer = document.getElementById("drag-answer");
  let dragged = null;
  let asked = 0;

  // How far a route reaches within its lane: custom properties, because style attributes are not allowed.
  document.querySelectorAll(".tf-lane__track[data-from]").forEach((track) => {
    track.style.setProperty("--a", Math.max(0, parseFloat(track.dataset.from)) + "%");
    track.style.setProperty("--b", Math.max(0, parseFloat(track.dataset.to)) + "%");
  });

  function address(link, extra) {
    const url = new URL(link.href, window.location.href);
    Object.entries(extra || {}).forEach(([key, value]) => url.searchParams.set(key, value));
    return url;
  }

  function open(link, extra) {
    if (!panel || !window.htmx) return false;
    const id = link.dataset.mapId || "s" + address(link).searchParams.get("stop");
    document.querySelectorAll("[data-map-id].is-sel, .tf-stop.is-sel").forEach((node) => node.classList.remove("is-sel"));
    document.querySelectorAll('[data-map-id="' + CSS.escape(id) + '"]').forEach((node) => node.classList.add("is-sel"));
    const url = address(link, extra);
    window.history.replaceState(window.history.state, "", address(link));
    window.htmx.ajax("GET", url.pathname + url.search, { target: panel, swap: "innerHTML" }).then(() => {
      const title = panel.querySelector("[data-panel-title]");
      if (title) title.focus({ preventScroll: true });
      if (extra) look();
    });
    return true;
  }

  // After a drop the form is filled in; ask at once so that the answer stands beside the button.
  function look() {
    const form = panel.querySelector("[data-move]");
    const place = panel.querySelector("#move-answer");
    if (!form || !place) return;
    const query = new URLSearchParams();
    ["worker", "day", "position", "second"].forEach((name) => query.set(name, form.elements[name].value));
    window.htmx.ajax("GET", form.dataset.move + "?" + query, { target: place, swap: "innerHTML" });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest(".tf-stop, a[data-stop]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (open(link)) event.preventDefault();
  });

  // A mark on the map shows its lane; the panel follows.
  document.addEventListener("map:select", (event) => {
    const id = event.detail && event.detail.id;
    const link = id && document.querySelector('.tf-stop[data-map-id="' + CSS.escape(String(id)) + '"], [data-map-id="' + CSS.escape(String(id)) + '"] a[data-stop]');
    if (link) open(link);
  });

  if (!lanes || !answer) return;

  function say(text, bad) {
    answer.textContent = text || answer.dataset.idle;
    answer.classList.toggle("st--overdue", Boolean(bad));
  }

  function clear() {
    lanes.querySelectorAll(".is-over, .is-bad").forEach((lane) => lane.classList.remove("is-over", "is-bad"));
  }

  lanes.addEventListener("dragstart", (event) => {
    dragged = event.target.closest(".tf-stop");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.getAttribute("aria-label") || "");
  });
  lanes.addEventListener("dragover", (event) => {
    if (dragged && event.target.closest(".tf-lane[data-worker]")) event.preventDefault();
  });
  lanes.addEventListener("dragenter", (event) => {
    const lane = event.target.closest(".tf-lane[data-worker]");
    if (!dragged || !lane || lane.classList.contains("is-over")) return;
    clear();
    lane.classList.add("is-over");
    const turn = ++asked;
    const stop = address(dragged).searchParams.get("stop");
    const base = new URL(dragged.href).pathname.replace(/\/days\/.*$/, "");
    const query = new URLSearchParams({ worker: lane.dataset.worker, day: lanes.dataset.day });
    fetch(base + "/stops/" + stop + "/preview?" + query, { credentials: "same-origin", headers: { "HX-Request": "true" } })
      .then((reply) => reply.text())
      .then((html) => {
        if (turn !== asked) return;
        const page = new DOMParser().parseFromString(html, "text/html");
        const bad = Boolean(page.querySelector(".is-no"));
        lane.classList.toggle("is-bad", bad);
        say(lane.dataset.workerName + "：" + page.body.textContent.replace(/\s+/g, " ").trim(), bad);
      });
  });
  lanes.addEventListener("drop", (event) => {
    const lane = event.target.closest(".tf-lane[data-worker]");
    if (!dragged || !lane) return;
    event.preventDefault();
    open(dragged, { worker: lane.dataset.worker, day: lanes.dataset.day });
  });
  lanes.addEventListener("dragend", () => {
    dragged = null;
    asked += 1;
    clear();
    say("");
  });
})();

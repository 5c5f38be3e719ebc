// Small behaviours shared by all pages. Everything here improves a page that already works as links and forms.
(function () {
  "use strict";

  const root = document.documentElement;
  const $ = (selector, from) => (from || document).querySelector(selector);
  const $$ = (selector, from) => Array.from((from || document).querySelectorAll(selector));
  const narrow = window.matchMedia("(max-width: 1199.98px)");
  const isElder = () => root.dataset.mode === "elder";
  const csrf = () => ($('meta[name="csrf-token"]') || {}).content || "";

  // ── requests ────────────────────────────────────────────────────────
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrf();
  });
  // A refused form comes back as 4xx with its errors and everything typed: show it like any other answer.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const status = event.detail.xhr.status;
    if (status >= 400 && event.detail.xhr.responseText) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      if (event.detail.target.id === "messages") event.detail.target.scrollIntoView({ block: "nearest" });
    } else {
      // Answered again: what was said about the connection is over.
      if ($("#messages [data-passing]")) $("#messages").replaceChildren();
    }
  });
  document.addEventListener("htmx:sendError", () => {
    const place = document.getElementById("messages");
    const note = document.createElement("div");
    note.className = "tf-strip tf-strip--box st--soon";
    note.dataset.passing = "";
    note.append(icon("nowifi"), document.getElementById("toasts").dataset.offline);
    place.replaceChildren(note);
    note.scrollIntoView({ block: "nearest" });
  });

  // ── positions that CSS cannot know (lanes, axes): data-left and data-width in percent ──
  function place(from) {
    $$("[data-left], [data-width]", from).forEach((node) => {
      if (node.dataset.left) node.style.left = node.dataset.left + "%";
      if (node.dataset.width) node.style.width = node.dataset.width + "%";
    });
    fit(from);
  }
  // A name is shown whole or not at all; the number stays, and the label says the rest.
  function fit(from) {
    $$(".tf-stop", from).forEach((stop) => {
      stop.classList.remove("is-narrow");
      if (stop.scrollWidth > stop.clientWidth + 1) stop.classList.add("is-narrow");
    });
  }
  let fitting = 0;
  window.addEventListener("resize", () => {
    window.cancelAnimationFrame(fitting);
    fitting = window.requestAnimationFrame(() => fit(document));
  });

  // ── tables on phones: each cell carries its heading ─────────────────
  function label(from) {
    const tables = $$("table.tf-table--cards", from);
    const around = from.closest && from.closest("table.tf-table--cards");
    if (around) tables.push(around);
    tables.forEach((table) => {
      const heads = $$("thead th", table).map((th) => (th.dataset.short || th.innerText || "").split("，")[0].trim());
      table.setAttribute("role", "table");
      $$("tbody", table).forEach((body) => body.setAttribute("role", "rowgroup"));
      $$("tbody tr", table).forEach((tr) => {
        tr.setAttribute("role", "row");
        Array.from(tr.children).forEach((td, i) => {
          td.setAttribute("role", td.tagName === "TH" ? "rowheader" : "cell");
          if (td.colSpan === 1 && !td.classList.contains("check") && td.dataset.label === undefined) td.dataset.label = heads[i] || "";
        });
      });
    });
  }

  // ── menus: <details>; Esc and a click outside close them ────────────
  function closeMenus(except) {
    $$("details.tf-menu[open]").forEach((menu) => {
      if (menu !== except && !(except && menu.contains(except))) menu.open = false;
    });
  }
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.tf-menu")));

  function toggleRail(button, open) {
    const rail = document.getElementById(button.getAttribute("aria-controls"));
    button.setAttribute("aria-expanded", String(open));
    rail.classList.toggle("is-open", open);
    if (open) (rail.querySelector("[aria-current]") || rail.querySelector("a")).focus();
  }

  // ── side panel: a row opens it, the list stays, Esc closes ──────────
  let opener = null;
  function panelOf(row) {
    const id = (row.closest("[data-panel]") || document.body).dataset.panel || "panel";
    return document.getElementById(id);
  }
  function remember(key) {
    const url = new URL(window.location.href);
    if (key) url.searchParams.set("open", key);
    else url.searchParams.delete("open");
    window.history.replaceState(window.history.state, "", url);
  }
  function openPanel(row, focusInside) {
    const panel = panelOf(row);
    if (!panel || !window.htmx) return false;
    opener = row.querySelector("a.name") || row;
    $$(".is-open[data-panel-href]").forEach((other) => other.classList.remove("is-open"));
    row.classList.add("is-open");
    if (row.dataset.panelKey) remember(row.dataset.panelKey);
    window.htmx.ajax("GET", row.dataset.panelHref, { target: panel, swap: "innerHTML" }).then(() => {
      panel.scrollTop = 0;
      const title = $("[data-panel-title]", panel);
      if (title && (focusInside || narrow.matches)) title.focus({ preventScroll: true });
    });
    return true;
  }
  function closePanel(panel) {
    panel.textContent = "";
    $$(".is-open[data-panel-href]").forEach((row) => row.classList.remove("is-open"));
    remember("");
    if (opener && opener.isConnected) opener.focus({ preventScroll: true });
  }
  function openedPanel() {
    return $$(".tf-side").find((panel) => panel.childElementCount > 0 && $("[data-panel-close]", panel));
  }

  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-panel-close]");
    if (close) return closePanel(close.closest(".tf-side") || close.closest("aside"));
    const rail = event.target.closest("[data-toggle-rail]");
    if (rail) return toggleRail(rail, rail.getAttribute("aria-expanded") !== "true");
    const gone = event.target.closest("[data-close]");
    if (gone) return gone.closest(".tf-toast").remove();
    if (event.target.closest("[data-print]")) return window.print();

    const row = event.target.closest("[data-panel-href]");
    if (!row || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return undefined;
    const control = event.target.closest("a, button, input, label, select, textarea, summary");
    if (control && !control.matches("a.name")) return undefined;
    if (!control && String(window.getSelection())) return undefined; // text is being marked, not a row chosen
    if (openPanel(row, Boolean(control) && event.detail === 0)) event.preventDefault();
    return undefined;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const menu = $("details.tf-menu[open]");
    if (menu) {
      menu.open = false;
      $("summary", menu).focus();
      return;
    }
    const rail = $('[data-toggle-rail][aria-expanded="true"]');
    if (rail) {
      toggleRail(rail, false);
      rail.focus();
      return;
    }
    const panel = openedPanel();
    if (panel) closePanel(panel);
  });

  // ── selecting rows: the bar says how many and how much work ─────────
  function duration(minutes, bar) {
    const h = Math.floor(minutes / 60);
    const m = Math.round(minutes % 60);
    const parts = [];
    if (h) parts.push(h + " " + bar.dataset.hours);
    if (m || !h) parts.push(m + " " + (h ? bar.dataset.minutes : bar.dataset.onlyMinutes));
    return parts.join(" ");
  }
  function countSelection(form) {
    const bar = $("[data-bulk-bar]", form);
    if (!bar) return;
    const boxes = $$('tbody .check input[type="checkbox"], .tf-queue .check input[type="checkbox"]', form).filter((box) => !box.disabled);
    const chosen = boxes.filter((box) => box.checked);
    bar.classList.toggle("is-on", chosen.length > 0);
    const whole = $("[data-bulk-whole]", bar);
    const every = boxes.length > 0 && chosen.length === boxes.length;
    if (whole) {
      whole.hidden = !every;
      if (!every) $("input", whole).checked = false;
    }
    const all = whole && $("input", whole).checked;
    const count = $("[data-bulk-count]", bar);
    // Rows of one person (data-who) count once: one visit serves them all.
    const byPerson = new Map();
    chosen.forEach((box) => {
      const who = box.dataset.who || box.value;
      byPerson.set(who, [...(byPerson.get(who) || []), box]);
    });
    count.textContent = all ? count.dataset.textAll : count.dataset.text.replace("{n}", byPerson.size);
    $$("[data-bulk-sum]", bar).forEach((node) => {
      const figure = (box) => parseFloat(box.dataset[node.dataset.bulkSum]) || 0;
      const sum = [...byPerson.values()].reduce((total, rows) => total + Math.max(...rows.map(figure)), 0);
      const text = node.dataset.format === "duration" ? duration(sum, node) : String(Math.round(sum * 10) / 10);
      node.textContent = all ? "" : node.dataset.before + text + node.dataset.after;
    });
    const head = $("[data-bulk-all]", form);
    if (head) {
      head.checked = every;
      head.indeterminate = chosen.length > 0 && !every;
    }
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-bulk]");
    if (!form) return;
    if (event.target.matches("[data-bulk-all]")) {
      $$("tbody .check input", form).forEach((box) => {
        if (!box.disabled) box.checked = event.target.checked;
      });
    }
    countSelection(form);
  });
  document.addEventListener("reset", (event) => {
    if (!event.target.matches("form[data-bulk]")) return;
    event.preventDefault(); // a reset would bring back what the server had pre-selected
    $$('.check input, [name="all"]', event.target).forEach((box) => { box.checked = false; });
    countSelection(event.target);
  });

  // ── filters apply at once ───────────────────────────────────────────
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto-submit]");
    if (form && event.target.matches("select, input[type=date], input[type=checkbox], input[type=radio]")) form.requestSubmit ? form.requestSubmit() : form.submit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("form[data-auto-submit]")) {
      $$("input, select", form).forEach((input) => {
        if (input.name && input.value === "" && !input.disabled) input.disabled = true; // keep the address short
      });
    }
    // one press, one request; the button that was pressed must still be sent, so it is stopped a moment later
    if (form.method === "post" && !event.defaultPrevented && !form.hasAttribute("hx-post")) {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "1";
      window.setTimeout(() => delete form.dataset.sent, 5000);
    }
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    $$("form").forEach((form) => delete form.dataset.sent);
    $$("form[data-auto-submit] :disabled").forEach((input) => { input.disabled = false; });
  });

  // ── a revealed value hides again ────────────────────────────────────
  function armReveals(from) {
    const masks = $$("[data-hide-after]", from);
    if (from.matches && from.matches("[data-hide-after]")) masks.push(from);
    masks.forEach((mask) => {
      const seconds = parseInt(mask.dataset.hideAfter, 10);
      if (!seconds || mask.dataset.armed) return;
      mask.dataset.armed = "1";
      const full = $("[data-full]", mask);
      full.focus({ preventScroll: true });
      window.setTimeout(() => {
        const template = $("template", mask);
        if (!mask.isConnected || !template) return;
        const held = mask.contains(document.activeElement);
        const again = template.content.firstElementChild.cloneNode(true);
        mask.replaceWith(again);
        if (window.htmx) window.htmx.process(again);
        if (held && $("button", again)) $("button", again).focus({ preventScroll: true });
      }, seconds * 1000);
    });
  }

  // ── leaving a form with unsent changes ──────────────────────────────
  // Nothing typed is kept in the browser's storage: it may name persons.
  const dirty = new Set();
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-guard]");
    if (form) dirty.add(form);
  });
  document.addEventListener("submit", (event) => dirty.delete(event.target));
  window.addEventListener("beforeunload", (event) => {
    if (Array.from(dirty).some((form) => form.isConnected)) event.preventDefault();
  });

  // ── toasts ──────────────────────────────────────────────────────────
  function arm(toast) {
    if (toast.hasAttribute("data-keep") || isElder()) return;
    window.setTimeout(() => toast.remove(), 8000);
  }
  function icon(name) {
    const sprite = ($(".ic use") || { getAttribute: () => "" }).getAttribute("href").split("#")[0];
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "ic");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", sprite + "#i-" + name);
    svg.append(use);
    return svg;
  }
  // Server side: HX-Trigger: {"toast": {"text": "…", "undo": "/…", "undoLabel": "…"}}
  document.addEventListener("toast", (event) => {
    const place = document.getElementById("toasts");
    const detail = event.detail || {};
    const toast = document.createElement("div");
    toast.className = "tf-toast";
    const body = document.createElement("div");
    body.append(detail.text || "");
    if (detail.undo) {
      toast.setAttribute("data-keep", "");
      const form = document.createElement("form");
      form.method = "post";
      form.action = detail.undo;
      const token = document.createElement("input");
      token.type = "hidden";
      token.name = "csrf_token";
      token.value = csrf();
      const undo = document.createElement("button");
      undo.className = "tf-toast__undo";
      undo.textContent = detail.undoLabel || place.dataset.undoLabel;
      form.append(token, undo);
      body.append(form);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "tf-toast__close";
    close.setAttribute("data-close", "");
    close.setAttribute("aria-label", place.dataset.closeLabel);
    close.append(icon("x"));
    toast.append(icon("ok"), body, close);
    place.append(toast);
    arm(toast);
  });

  // ── progress is read aloud at most every ten seconds ────────────────
  let saidAt = 0;
  let said = "";
  function announce(from) {
    const node = from.matches && from.matches("[data-announce]") ? from : $("[data-announce]", from);
    const live = document.getElementById("live");
    if (!node || !live || node.dataset.announce === said) return;
    const over = !node.hasAttribute("hx-get");
    if (Date.now() - saidAt < 10000 && !over) return;
    saidAt = Date.now();
    said = node.dataset.announce;
    live.textContent = said;
  }

  // ── files dropped on an area: the native input takes them, the area shows that it will ──
  ["dragenter", "dragover", "dragleave", "drop"].forEach((kind) => {
    document.addEventListener(kind, (event) => {
      const area = event.target.closest && event.target.closest("[data-drop]");
      if (!area) return;
      area.classList.toggle("is-over", kind === "dragenter" || kind === "dragover");
      if (kind === "dragover") event.preventDefault();
      if (kind === "drop") {
        event.preventDefault();
        const input = $("input[type=file]", area);
        if (event.dataTransfer.files.length) {
          input.files = event.dataTransfer.files;
          input.dispatchEvent(new Event("change", { bubbles: true }));
        }
      }
    });
  });

  function settle(from) {
    place(from);
    label(from);
    armReveals(from);
    announce(from);
    $$("form[data-bulk]", from).forEach(countSelection);
    const around = from.closest && from.closest("form[data-bulk]");
    if (around) countSelection(around);
  }

  function start() {
    settle(document);
    $$(".tf-toasts__one > .tf-toast").forEach((toast) => {
      toast.parentElement.remove();
      document.getElementById("toasts").append(toast);
      arm(toast);
    });
    const wrong = $('[data-error-summary]') && $('[aria-invalid="true"]');
    const first = wrong && (wrong.matches("fieldset") ? $("input", wrong) : wrong);
    const aim = first || $("[data-error-summary]") || $("[data-focus]");
    if (aim) aim.focus();
  }

  document.addEventListener("htmx:afterSettle", (event) => settle(event.detail.elt));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

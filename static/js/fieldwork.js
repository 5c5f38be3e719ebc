// Visits under way: where the telephone is when a button is pressed, the record step by step, the draft kept on the
// server. Nothing is put into the browser's storage. Without this script the pages are plain forms.
(function () {
  "use strict";

  const $ = (selector, from) => (from || document).querySelector(selector);
  const $$ = (selector, from) => Array.from((from || document).querySelectorAll(selector));
  const csrf = () => ($('meta[name="csrf-token"]') || {}).content || "";
  const PATIENCE = 8000;

  // ── the place, once, when somebody presses the button ───────────────
  function locate() {
    return new Promise((resolve) => {
      if (!navigator.geolocation || !window.isSecureContext) return resolve(null);
      let answered = false;
      const answer = (value) => {
        if (!answered) {
          answered = true;
          resolve(value);
        }
      };
      window.setTimeout(() => answer(null), PATIENCE + 500); // a browser may never answer its own question
      navigator.geolocation.getCurrentPosition(
        (found) => answer(found.coords),
        () => answer(null),
        { enableHighAccuracy: true, timeout: PATIENCE, maximumAge: 15000 },
      );
      return undefined;
    });
  }
  function fill(form, coords) {
    form.elements.phone_at.value = new Date().toISOString();
    if (!coords) return;
    form.elements.latitude.value = coords.latitude;
    form.elements.longitude.value = coords.longitude;
    form.elements.accuracy.value = Math.round(coords.accuracy);
  }
  function wait(button, text) {
    const before = button.innerHTML;
    button.disabled = true;
    button.textContent = text;
    return () => {
      button.disabled = false;
      button.innerHTML = before;
    };
  }
  // HTMLFormElement.submit() sends without asking the handlers again, which is what is wanted after the place is in.
  function send(form, submitter) {
    if (submitter && submitter.name) {
      const carried = document.createElement("input");
      carried.type = "hidden";
      carried.name = submitter.name;
      carried.value = submitter.value;
      form.append(carried);
    }
    form.submit();
  }

  $$("form[data-locate]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const ready = wait($("button[type=submit]", form), form.dataset.waiting);
      locate().then((coords) => {
        fill(form, coords);
        if (!coords && form.dataset.fallback) {
          window.location.assign(form.dataset.fallback);
          return;
        }
        ready();
        form.submit();
      });
    });
  });
  $$("form[data-locate-form]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      const by = event.submitter;
      if (!by || by.dataset.by !== "place") return; // the code and one's word need no place
      event.preventDefault();
      const ready = wait(by, form.dataset.waiting);
      locate().then((coords) => {
        ready();
        fill(form, coords);
        const failed = $("[data-locate-failed]", form);
        if (!coords && failed) {
          failed.hidden = false;
          failed.scrollIntoView({ block: "nearest" });
          delete form.dataset.sent;
          return;
        }
        send(form, by);
      });
    });
  });

  // ── the record ──────────────────────────────────────────────────────
  const record = $("form[data-record], form[data-follows]");
  if (!record) return;

  // A question that follows from an answer shows with it; what was typed in a hidden one is not sent as an answer.
  function follow() {
    $$("[data-follow]", record).forEach((box) => {
      const chosen = $('input[name="' + box.dataset.follow + '"]:checked', record);
      box.hidden = !(chosen && box.dataset.on.split(" ").includes(chosen.value));
    });
  }
  record.addEventListener("change", follow);
  follow();
  if (!record.matches("[data-record]")) return;

  // one topic at a time
  const steps = $$("[data-step]", record);
  const nav = $("[data-step-nav]");
  const submit = $("[data-submit]");
  let now = 0;
  function unmark(question) {
    question.classList.remove("is-missing");
    const note = $(".tf-err[data-client]", question);
    if (note) note.remove();
  }
  function missing(step) {
    return $$("fieldset.tf-q", step).filter((question) => {
      const radios = $$('input[type="radio"]', question);
      return radios.length > 0 && !radios.some((radio) => radio.checked);
    });
  }
  function complain(questions) {
    questions.forEach((question) => {
      if (question.classList.contains("is-missing")) return;
      question.classList.add("is-missing");
      const note = document.createElement("p");
      note.className = "tf-err";
      note.dataset.client = "1";
      note.textContent = record.dataset.choose;
      question.insertBefore(note, $(".tf-seg", question));
    });
    const first = $("input", questions[0]);
    first.focus({ preventScroll: true });
    questions[0].scrollIntoView({ block: "start" });
  }
  record.addEventListener("change", (event) => {
    const question = event.target.closest(".tf-q.is-missing");
    if (question && $(".tf-err[data-client]", question)) unmark(question);
  });
  function show(index, byHand) {
    now = Math.max(0, Math.min(steps.length - 1, index));
    steps.forEach((step, i) => { step.hidden = i !== now; });
    const last = now === steps.length - 1;
    $("[data-next]", nav).hidden = last;
    submit.hidden = !last;
    $("[data-prev]", nav).disabled = now === 0;
    if (!byHand) return;
    window.scrollTo(0, 0);
    const title = $("h2", steps[now]);
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }
  nav.classList.remove("tf-two--one");
  $("[data-prev]", nav).hidden = false;
  $("[data-prev]", nav).addEventListener("click", () => show(now - 1, true));
  $("[data-next]", nav).addEventListener("click", () => {
    const open = missing(steps[now]);
    if (open.length) complain(open);
    else {
      show(now + 1, true);
      keep();
    }
  });
  const wrong = steps.findIndex((step) => $(".is-missing", step));
  show(wrong < 0 ? 0 : wrong, false);
  // The summary's links lead to fields in other steps.
  $$("[data-error-summary] a").forEach((link) => {
    link.addEventListener("click", (event) => {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      const step = target && target.closest("[data-step]");
      if (!step) return;
      event.preventDefault();
      show(steps.indexOf(step), false);
      target.scrollIntoView({ block: "center" });
      target.focus({ preventScroll: true });
    });
  });

  // ── the draft, kept on the server while it is typed ─────────────────
  const state = $("[data-draft-state]");
  let timer = 0;
  let dirty = false;
  let busy = false;
  let sent = false;
  function say(text, good) {
    state.hidden = false;
    $("span", state).textContent = text;
    state.classList.toggle("st--met", good);
    state.classList.toggle("st--soon", !good);
  }
  function keep() {
    window.clearTimeout(timer);
    if (!dirty || busy || sent) return;
    dirty = false;
    busy = true;
    fetch(record.dataset.draftUrl, {
      method: "POST",
      body: new URLSearchParams(new FormData(record)),
      headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
      credentials: "same-origin",
      keepalive: true,
    })
      .then((answer) => {
        if (answer.status === 401 || answer.status === 409) {
          say(state.dataset.signedOut, false);
          return null;
        }
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.json();
      })
      .then((kept) => { if (kept) say(state.dataset.saved.replace("{t}", kept.saved), true); })
      .catch(() => {
        dirty = true;
        say(state.dataset.failed, false);
        timer = window.setTimeout(keep, 10000);
      })
      .finally(() => {
        busy = false;
        if (dirty && !timer) timer = window.setTimeout(keep, 1200);
      });
  }
  function soon() {
    dirty = true;
    window.clearTimeout(timer);
    timer = window.setTimeout(keep, 1200);
  }
  record.addEventListener("input", soon);
  record.addEventListener("change", soon);
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });
  window.addEventListener("online", keep);
  window.addEventListener("pagehide", keep);

  record.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.hasAttribute("data-keep-draft")) return;
    if (sent) return;
    event.preventDefault();
    const open = steps.map((step) => missing(step));
    const at = open.findIndex((questions) => questions.length);
    if (at >= 0) {
      delete record.dataset.sent;
      show(at, true);
      complain(open[at]);
      return;
    }
    const ready = wait(submit, submit.dataset.waiting);
    const place = record.hasAttribute("data-locate-last") ? locate() : Promise.resolve(null);
    place.then((coords) => {
      fill(record, coords);
      sent = true;
      ready();
      record.submit();
    });
  });
})();

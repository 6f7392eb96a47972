// The outcome of a conversation: what the agent chooses and writes, kept through reloads until the server has it.

import { byId, clock, el, setText, show } from "./dom.js";
import { duration } from "./format.js";
import { language, t, word } from "./text.js";

const KEPT = "ringwise.draft.";
const SOON_S = 10;
const DRAFT_MS = 800; // after the last change; what was entered is then safe from a browser that dies
const NOT_CHOSEN = "not_stated"; // stored when there is a note and no choice; not offered as a choice

export class Outcome {
  constructor(send) {
    this.send = send;
    this.offerId = null;
    this.draft = blank();
    this.drawn = "";
    this.sentLate = new Set();
    this.draftTimer = null;
    byId("note").addEventListener("input", () => this.#change({ note: byId("note").value }));
  }

  /** Draw the panel for the call on the screen. */
  draw(state, live) {
    const offer = state.offer;
    if (offer.offer_id !== this.offerId) this.#begin(offer);
    if (offer.answered_at !== null && !this.draft.answered) this.#change({ answered: true });
    this.#drawChoices(state.dispositions);
    const wrapUp = state.wrap_up;
    byId("save-ready").disabled = byId("save-pause").disabled = !live || wrapUp === null;
    this.#drawExtend(wrapUp, live);
    this.#drawTimeLeft(wrapUp);
  }

  /** Called each second while the panel is on the screen. */
  tick(secondsLeft) {
    const soon = secondsLeft !== null && secondsLeft <= SOON_S;
    byId("outcome").classList.toggle("soon", soon);
    show(byId("outcome-soon"), soon);
  }

  /** Whether the agent has entered anything that is not stored yet. */
  get filled() {
    return this.draft.disposition !== null || this.draft.note.trim() !== "";
  }

  /** The message that stores what was entered. */
  message(then, reason = null) {
    return wrapUpMessage(this.offerId, this.draft, then, reason);
  }

  /** What was written for calls that are over is sent even when the wrap-up ran out first; each once per page. */
  sendLate(currentOfferId) {
    for (const name of Object.keys(sessionStorage).filter((one) => one.startsWith(KEPT))) {
      const offerId = Number(name.slice(KEPT.length));
      if (offerId === currentOfferId || this.sentLate.has(offerId)) continue;
      const draft = JSON.parse(sessionStorage.getItem(name));
      if (!draft.answered || (draft.disposition === null && draft.note.trim() === "")) sessionStorage.removeItem(name);
      else if (this.send(wrapUpMessage(offerId, draft, null, null))) this.sentLate.add(offerId);
    }
  }

  /** More time, as long as there is some to extend. */
  extend() {
    if (!byId("extend").hidden && !byId("extend").disabled) this.send({ type: "extend", offer_id: this.offerId });
  }

  /** The server has stored it. */
  saved(offerId) {
    clearTimeout(this.draftTimer);
    sessionStorage.removeItem(KEPT + offerId);
    if (offerId === this.offerId) this.draft = { ...this.draft, disposition: null, note: "" };
  }

  choose(disposition) {
    this.#change({ disposition });
    for (const choice of byId("dispositions").children) {
      const on = choice.dataset.value === disposition;
      choice.setAttribute("aria-checked", String(on));
      choice.tabIndex = on ? 0 : -1;
    }
  }

  #begin(offer) {
    this.#sendDraft();
    this.offerId = offer.offer_id;
    const kept = sessionStorage.getItem(KEPT + offer.offer_id);
    const chosen = offer.disposition === NOT_CHOSEN ? null : offer.disposition;
    this.draft = kept ? JSON.parse(kept) : { ...blank(), note: offer.note, disposition: chosen };
    this.drawn = "";
    byId("note").value = this.draft.note;
  }

  #change(part) {
    this.draft = { ...this.draft, ...part };
    if (this.offerId === null) return;
    sessionStorage.setItem(KEPT + this.offerId, JSON.stringify(this.draft));
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => this.#sendDraft(), DRAFT_MS);
  }

  /** Let the server keep what was entered, so that it outlives this browser. */
  #sendDraft() {
    clearTimeout(this.draftTimer);
    const { answered, disposition, note } = this.draft;
    if (this.offerId !== null && answered && this.filled) {
      this.send({ type: "draft", offer_id: this.offerId, disposition, note });
    }
  }

  #drawExtend(wrapUp, live) {
    const left = wrapUp?.until == null ? 0 : wrapUp.extensions_left;
    show(byId("extend"), left > 0);
    byId("extend").disabled = !live;
    if (left > 0) setText(byId("extend-label"), t("extend", { time: duration(wrapUp.extend_s), left }));
  }

  #drawChoices(dispositions) {
    const drawn = `${language()} ${this.offerId} ${dispositions.join()}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    byId("note").placeholder = t("note_hint");
    byId("dispositions").replaceChildren(...dispositions.filter((one) => one !== NOT_CHOSEN).map((one, index) => {
      const choice = el("button", { type: "button", role: "radio", class: "choice", "data-value": one },
        el("kbd", {}, String(index + 1)), el("span", {}, word("disposition", one)));
      choice.addEventListener("click", () => this.choose(this.draft.disposition === one ? null : one));
      choice.addEventListener("keydown", (event) => {
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const all = [...byId("dispositions").children];
        const next = all[(index + step + all.length) % all.length];
        next.focus();
        this.choose(next.dataset.value);
      });
      return choice;
    }));
    this.choose(this.draft.disposition);
    if (this.draft.disposition === null) byId("dispositions").firstChild.tabIndex = 0;
  }

  #drawTimeLeft(wrapUp) {
    const place = byId("outcome-left");
    show(place, wrapUp?.until != null);
    if (wrapUp?.until == null || place.dataset.until === String(wrapUp.until)) return;
    place.dataset.until = wrapUp.until;
    place.replaceChildren(clock({ "data-until": wrapUp.until }));
  }
}

const blank = () => ({ disposition: null, note: "", answered: false });

function wrapUpMessage(offerId, draft, then, reason) {
  const note = draft.note.trim();
  return { type: "wrap_up", offer_id: offerId, disposition: draft.disposition ?? NOT_CHOSEN, note, then, reason };
}

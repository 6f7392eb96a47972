// What the agent does with the conversation: hold, transfer, consult, conference; by buttons and by keys.

import { byId, el, foreign, setText, show } from "./dom.js";
import { language, siteWord, t, word } from "./text.js";

/** Key of each act; hold and retrieve share one, as one of them is possible at a time. */
const KEYS = { hold: "H", retrieve: "H", transfer: "T", consult: "C", complete: "M", conference: "J", cancel: "X", end: "E" };
const CHOOSING = new Set(["transfer", "consult"]);
const LONGEST_NOTE = 500;

export class Talk {
  constructor(send) {
    this.send = send;
    this.offer = null;
    this.drawn = "";
    this.asked = ""; // the conversation as it was when something was asked for: nothing twice
    this.choosing = ""; // what a target is chosen for
    byId("hand-number-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#hand("number", byId("hand-number").value.trim());
    });
  }

  /** Draw the buttons for the call on the screen. */
  draw(offer, live) {
    this.offer = offer;
    const talk = offer?.talk ?? null;
    const state = JSON.stringify([offer?.offer_id, talk]);
    if (this.asked !== state) this.asked = "";
    if (talk === null && byId("hand").open) byId("hand").close();
    const drawn = language() + state + live + this.asked;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    show(byId("talk"), talk !== null || offer?.kind === "second");
    setText(byId("talk-state"), talk === null ? secondText(offer) : stateText(talk));
    byId("talk").dataset.talk = talk?.state ?? "";
    byId("talk-acts").replaceChildren(...(talk?.acts ?? []).map((act) => this.#button(act, live)));
  }

  /** Something that was asked for was not done: it may be asked again. */
  refused() {
    this.asked = this.drawn = "";
  }

  /** An act by its key; whether it meant anything. */
  onKey(key) {
    const act = (this.offer?.talk?.acts ?? []).find((one) => KEYS[one] === key.toUpperCase());
    if (act === undefined) return false;
    this.#act(act);
    return true;
  }

  #button(act, live) {
    const button = el("button", { type: "button", "data-act": act, disabled: !live || this.asked !== "" },
      el("span", {}, t(`act_${act}`)), el("kbd", {}, KEYS[act]));
    button.addEventListener("click", () => this.#act(act));
    return button;
  }

  #act(act) {
    if (this.asked !== "") return;
    if (!CHOOSING.has(act)) return this.#say({ do: act });
    this.choosing = act;
    this.send({ type: "choose" });
  }

  #say(more) {
    if (!this.send({ type: "handle", offer_id: this.offer.offer_id, ...more })) return;
    this.asked = JSON.stringify([this.offer.offer_id, this.offer.talk]);
    for (const button of byId("talk-acts").children) button.disabled = true;
  }

  /** The server has said to whom the caller may be handed. */
  choose({ queues, skills, agents, numbers, tier }) {
    if (this.choosing === "" || !this.offer?.talk?.acts.includes(this.choosing)) return;
    setText(byId("hand-title"), t(`hand_${this.choosing}`));
    byId("hand-note").value = byId("hand-number").value = "";
    byId("hand-note").maxLength = LONGEST_NOTE;
    byId("hand-list").replaceChildren(
      ...(tier === null ? [] : [this.#choice("tier", "", t("hand_tier", { tier }), t("hand_tier_more"))]),
      ...queues.map((one) => this.#choice("queue", one.queue, foreign(word("task", one.queue)),
        t("hand_queue_more", { waiting: one.waiting, ready: one.ready }))),
      ...skills.map((one) => this.#choice("skill", one.skill, foreign(siteWord("skill", one.skill)),
        t("hand_skill_more", { at_work: one.at_work, ready: one.ready }))),
      ...agents.map((one) => this.#choice("agent", one.name, foreign(one.full_name), word("state", one.state), one.state)),
    );
    show(byId("hand-number-form"), numbers);
    if (!byId("hand").open) byId("hand").showModal();
  }

  #choice(kind, name, label, more, state = "") {
    const choice = el("button", { type: "button", class: "big choice", "data-kind": kind, "data-name": name, "data-agent": state || null },
      el("span", {}, label), el("span", { class: "muted small" }, more));
    choice.addEventListener("click", () => this.#hand(kind, name));
    return choice;
  }

  #hand(kind, name) {
    if (kind === "number" && name === "") return;
    byId("hand").close();
    this.#say({ do: this.choosing, target: { kind, name }, note: byId("hand-note").value.trim() });
    this.choosing = "";
  }
}

function stateText(talk) {
  const second = talk.second === null ? "" : targetText(talk.second);
  const said = t(`talk_${talk.state}`, { second });
  return talk.failed ? `${t(`failed_${talk.failed}`)} ${said}` : said;
}

function targetText({ kind, name }) {
  const words = { queue: () => word("task", name), tier: () => t("next_tier"), skill: () => siteWord("skill", name) };
  return words[kind]?.() ?? name;
}

const secondText = (offer) => (offer?.kind === "second" ? t("talk_second", { by: offer.sent?.by ?? "" }) : "");

/** Who handed the caller on, and what they said: a card of the pop. */
export function sentCard(sent) {
  return el("section", { class: "card sent" },
    el("h2", {}, t(`sent_${sent.how}`)),
    el("div", { class: "sent-by" }, foreign(sent.by), ` · ${t("queue")} `, foreign(word("task", sent.queue))),
    sent.skill ? el("div", { class: "sent-for" }, `${t("sent_for")} `, foreign(siteWord("skill", sent.skill))) : null,
    sent.note ? el("p", { class: "sent-note" }, foreign(sent.note)) : null);
}

// What the server has said: the one picture that the screen is drawn from, and the server's time.

import { inOurLanguage, setSiteWords, word } from "./text.js";

const OPEN_OFFERS = new Set(["offered", "ringing", "answered"]);

export class Picture {
  constructor() {
    this.state = null; // the newest full state, with pops and queues worked in
    this.told = { now: 0, at: 0 };
  }

  /** Work a message in. */
  take(message) {
    if (message.now !== undefined) this.told = { now: message.now, at: performance.now() };
    if (message.type === "state") {
      this.state = message;
      setSiteWords(message.words);
    }
    if (this.state === null) return;
    if (message.type === "pop") {
      const agent = { ...this.state.agent, state: "offered", since: message.offer.made_at };
      this.state = { ...this.state, agent, offer: message.offer, pop: message.pop, wrap_up: null };
    } else if (message.type === "pop_withdrawn" && this.state.offer?.offer_id === message.offer_id) {
      this.state = { ...this.state, offer: null, pop: null };
    } else if (message.type === "queues") {
      this.state = { ...this.state, queues: message.queues };
    }
  }

  /** The server's time in seconds; this computer's own clock has no say in it. */
  now() {
    return this.told.now + (performance.now() - this.told.at) / 1000;
  }

  /** What a reason of a pause is called: by the site, else by this page (the engine's own reasons). */
  pauseWord(reason) {
    return inOurLanguage(this.state?.pauses.find((one) => one.reason === reason)?.words ?? []) ?? word("pause", reason);
  }

  isPaid(reason) {
    return this.state?.pauses.find((one) => one.reason === reason)?.paid ?? true;
  }

  /** How many minutes the pause that the agent is in may last; null without a limit. */
  get pauseLimit() {
    const { agent, pauses } = this.state;
    return agent.state === "paused" ? pauses.find((one) => one.reason === agent.pause_reason)?.most_minutes ?? null : null;
  }

  get offer() {
    return this.state?.offer ?? null;
  }

  get agentState() {
    return this.state?.agent.state ?? "";
  }

  /** A call is offered or talked to: pausing waits until it is over, signing out is not possible. */
  get inCall() {
    return this.offer !== null && OPEN_OFFERS.has(this.offer.state);
  }
}

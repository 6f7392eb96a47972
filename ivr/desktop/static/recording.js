// The recording of the conversation: a red sign while it is recorded, a grey one in a pause, and the button between them.

import { byId, clock, setText, show } from "./dom.js";
import { t } from "./text.js";

const SILENT = new Set(["pausing", "paused"]); // what the agent has asked for
const THEIRS = new Set(["asking", "refused"]); // the customer decides

export class Recording {
  constructor(send) {
    this.send = send;
    this.offer = null;
    byId("recording-act").addEventListener("click", () => this.press());
  }

  /** Show how the recording stands; nothing while nothing is recorded. */
  draw(offer, live) {
    this.offer = offer?.recording ? offer : null;
    const box = byId("recording");
    show(box, this.offer !== null);
    if (this.offer === null) return;
    const { state, until } = offer.recording;
    box.dataset.recording = state;
    setText(byId("recording-word"), t(`recording_${state}`));
    setText(byId("recording-label"), t(SILENT.has(state) ? "recording_resume" : "recording_pause"));
    byId("recording-act").disabled = !live || THEIRS.has(state);
    const left = byId("recording-left");
    const shape = state === "paused" ? String(until) : "";
    if (left.dataset.shape === shape) return;
    left.dataset.shape = shape;
    left.replaceChildren(...(shape ? [`${t("recording_goes_on")} `, clock({ "data-until": until })] : []));
  }

  /** Pause, or go on. */
  press() {
    if (this.offer === null || byId("recording-act").disabled) return;
    this.send({ type: "recording", offer_id: this.offer.offer_id, paused: !SILENT.has(this.offer.recording.state) });
  }
}

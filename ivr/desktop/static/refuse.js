// Refusing the call that is offered: the button while it may be refused, and the reasons to choose from.

import { byId, el, setText, show } from "./dom.js";
import { inOurLanguage, t } from "./text.js";

let asked = null; // the offer that the open list of reasons is about

/** Whether the call on the screen may be refused now. */
const refusable = (picture) =>
  picture.inCall && picture.offer.answered_at === null && (picture.state.refusals ?? []).length > 0;

/** The button; a list that is open is closed when its call was answered or is gone. */
export function drawRefuse(picture, live) {
  const may = picture.state !== null && refusable(picture);
  show(byId("refuse"), may);
  byId("refuse").disabled = !live;
  if (asked !== null && (!may || picture.offer.offer_id !== asked)) closeReasons();
}

/** Ask for the reason, then send the refusal. */
export function askRefusal(picture, send) {
  if (byId("refuse").hidden || byId("refuse").disabled || byId("reasons").open) return;
  const { offer_id: offerId, fence } = picture.offer;
  asked = offerId;
  setText(byId("reasons-title"), t("refuse_why"));
  byId("reason-list").replaceChildren(...picture.state.refusals.map(({ reason, words }, index) => {
    const choice = el("button", { type: "button", class: "big choice", "data-reason": reason },
      el("kbd", {}, String(index + 1)), el("span", {}, inOurLanguage(words) ?? reason));
    choice.addEventListener("click", () => {
      closeReasons();
      send({ type: "refuse", offer_id: offerId, fence, reason });
    });
    return choice;
  }));
  byId("reasons").showModal();
}

function closeReasons() {
  asked = null;
  byId("reasons").close();
}

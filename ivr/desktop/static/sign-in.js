// The sign-in form: says in the agent's language why it was refused, and counts a lock down.

import { byId, show } from "./dom.js";
import { apply, onLanguage, t } from "./text.js";

const refused = document.body.dataset.refused;
let wait = Number(document.body.dataset.wait ?? 0);

function tell() {
  const locked = refused === "locked" && wait > 0;
  byId("go").disabled = locked;
  const lines = { wrong: () => t("refused_wrong"), busy: () => t("refused_busy"), locked: () => (locked ? t("refused_locked", { wait }) : "") };
  const line = lines[refused]?.() ?? "";
  byId("refused").textContent = line;
  show(byId("refused"), line !== "");
}

apply();
onLanguage(tell);
tell();
if (refused === "locked") {
  const counting = setInterval(() => {
    wait -= 1;
    tell();
    if (wait <= 0) clearInterval(counting);
  }, 1000);
}

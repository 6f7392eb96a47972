// Teams on the wall: agents under the name of their team and who leads it, and which team is shown.

import { byId, el, foreign, show } from "./dom.js";
import { inOurLanguage, t } from "./text.js";

const KEPT = "ringwise.wall.team";
const ALL = "", NONE = "-";
let chosen = localStorage.getItem(KEPT) ?? ALL;

/** Of words by language those of the page, else the first. */
export const ours = (words, name) => inOurLanguage(Object.entries(words ?? {})) ?? name.replaceAll("_", " ");

/** The choice of a team; `redraw` is called when another one is chosen. Not there while no team is declared. */
export function teamChoice(teams, redraw) {
  const select = byId("team-choice"), names = Object.keys(teams);
  show(select, names.length > 0);
  if (chosen !== NONE && !names.includes(chosen)) chosen = ALL;
  select.replaceChildren(
    ...[[ALL, t("wall_all_teams")], ...names.map((name) => [name, ours(teams[name].words, name)]), [NONE, t("wall_no_team")]]
      .map(([value, text]) => el("option", { value }, text)));
  select.value = chosen;
  select.setAttribute("aria-label", t("wall_team"));
  select.onchange = () => {
    chosen = select.value;
    localStorage.setItem(KEPT, chosen);
    redraw();
  };
}

/** The rows of agents, each team under a line of its own; without teams only the agents. */
export function teamRows(agents, teams, columns, agentRow) {
  const names = Object.keys(teams);
  if (!names.length) return agents.map(agentRow);
  return [...names, NONE].filter((name) => chosen === ALL || chosen === name).flatMap((name) => {
    const mine = agents.filter((agent) => (agent.team in teams ? agent.team : NONE) === name);
    return mine.length ? [head(name, teams[name], mine.length, columns), ...mine.map(agentRow)] : [];
  });
}

function head(name, team, count, columns) {
  const title = team ? foreign(ours(team.words, name)) : t("wall_no_team");
  const led = team?.leader ? [" · ", t("wall_led_by"), " ", foreign(team.leader)] : [];
  return el("tr", { class: "team", "data-team": name }, el("th", { scope: "rowgroup", colspan: columns }, title, ...led, ` · ${count}`));
}

// What is known of how a picture was made, in the order in which people ask for it.

import * as api from "./api.js";
import { formatDate, formatNumber, has, t } from "./i18n.js";
import { turnFrom } from "./kept.js";
import { page } from "./state.js";

/** A picture's item and its turn: from the open chat, else from the server, where responseId tells. */
export async function findPicture(id, responseId) {
  const among = (turn) => turn.run.items.find((item) => item?.id === id);
  const turn = page.get().turns.find(among) ?? (responseId && turnFrom(await api.getJson(`/v1/responses/${responseId}`)));
  return turn ? { turn, item: among(turn) } : null;
}

/** @returns {Array<[string, string]>} what each is called, by a name of ours, and what it is */
export function factsOf(item, turn) {
  const { facts = {} } = item;
  const { createdAt, completedAt, model, id } = turn.run;
  const known = [
    ["fact-prompt", item.prompt],
    ["fact-asked", turn.input.text === item.prompt ? null : turn.input.text],
    ["fact-size", item.size?.replace("x", " × ")],
    ["fact-seed", facts.seed],
    ["fact-model", facts.model],
    ["fact-steps", facts.steps],
    ["fact-guidance", facts.guidance],
    ["fact-strength", facts.strength],
    ["fact-action", has(`fact-${item.action}`) ? t(`fact-${item.action}`) : item.action],
    ["fact-took", completedAt && seconds(completedAt - createdAt)],
    ["fact-made", createdAt && formatDate(createdAt)],
    ["fact-adjusted", (facts.adjustments ?? []).join("\n")],
    ["fact-language-model", model],
    ["fact-format", item.format?.toUpperCase()],
    ["fact-response", id],
  ];
  return known.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => [name, String(value)]);
}

const seconds = (value) => formatNumber(Math.max(value, 1), { style: "unit", unit: "second", unitDisplay: "long" });

// What the page knows: one value, which the parts show and the actions of `page.js` change.

import { path } from "./chat.js";
import { TERMINAL } from "./run.js";
import { loadSettings, saveSettings, sizeOf } from "./settings.js";
import { makeStore } from "./store.js";

export const page = makeStore({
  ready: null, // {status, message, progress} as /readyz says, null before the first answer
  models: [],
  painter: {}, // what /v1/models tells of the image model
  needsKey: false,
  chats: [],
  chatId: null,
  title: "",
  turns: [],
  chosen: new Map(), // the version picked, by what the versions rest on
  arriving: false, // a kept chat is being fetched
  aim: null, // id of the turn to bring into sight once
  view: "chat", // chat | gallery
  drawer: null, // null | queue | details
  dialog: null, // null | keys
  selected: null, // id of the picture whose details are shown
  attached: [], // pictures of the message that is being written: {name, url, preview} or {id}
  problem: "", // why a file was not attached
  draft: null, // words for the composer to take over once
  comparing: null, // ids of two pictures
  editing: null, // what the mask editor has open: {id, turn}
  settings: loadSettings(),
  stars: new Set(), // ids of pictures
  removed: new Map(), // what is deleted, by id: "waiting" while it can be undone, then "gone"
  spoken: "", // what the live region says
  notice: null, // {text, undo?} at the foot of the page
  language: "en",
});

/** The turns shown, from the first to the last. */
export const shownTurns = ({ turns, chosen } = page.get()) => path(turns, chosen);

export const turnOf = (id) => page.get().turns.find((turn) => turn.id === id);

export const isOver = ({ run }) => TERMINAL.has(run.status);

export const runningTurns = ({ turns } = page.get()) => turns.filter((turn) => !isOver(turn));

export const isBusy = (state = page.get()) => runningTurns(state).length > 0;

/** The language model that answers: whatever the server lists first that does not paint. */
export const talker = ({ models } = page.get()) => models.find(({ limner }) => limner?.kind !== "image");

export function setSettings(change) {
  page.set(({ settings }) => ({ settings: { ...settings, ...change } }));
  saveSettings(page.get().settings);
}

/** What the person has chosen, as fields of the image tool. */
export function chosenTool({ settings, painter } = page.get()) {
  const size = sizeOf(settings.ratio, painter);
  return { ...(size && { size }), ...(settings.seed !== null && { seed: settings.seed }) };
}

export function putTurn(id, change) {
  page.set(({ turns, chosen }) => ({
    turns: turns.map((turn) => (turn.id === id ? { ...turn, ...change } : turn)),
    chosen: change.id && change.id !== id ? renamed(chosen, id, change.id) : chosen,
  }));
}

const renamed = (chosen, from, to) =>
  new Map([...chosen].map(([key, id]) => [key === from ? to : key, id === from ? to : id]));

/** Add a turn and show it, whatever version was shown in its place. */
export function addTurn(turn) {
  page.set(({ turns, chosen }) => ({
    turns: [...turns, turn],
    chosen: new Map(chosen).set(turn.previousId ?? "", turn.id),
  }));
}

/** Leave the chat that is open: what its own pictures hold in memory is given back. */
export function leaveTurns() {
  for (const { input } of page.get().turns) for (const { preview } of input.pictures) if (preview) URL.revokeObjectURL(preview);
  page.set({ turns: [], chosen: new Map() });
}

export function dropTurn(id) {
  page.set(({ turns, chosen }) => ({
    turns: turns.filter((turn) => turn.id !== id),
    chosen: new Map([...chosen].filter(([, picked]) => picked !== id)),
  }));
}

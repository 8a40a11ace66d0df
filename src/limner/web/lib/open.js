// Opening what is there: the page itself, a kept chat, the gallery; and staying abreast of others.

import * as api from "./api.js";
import { loadChats, newChat, others, titleOf } from "./chats.js";
import { fetchInput, fetchTurns, isBare } from "./kept.js";
import { readPlace, writePlace } from "./place.js";
import { isOver, leaveTurns, page, putTurn, turnOf } from "./state.js";
import { follow } from "./talk.js";

const LOOK_EVERY_MS = 5000;

/** Ask what is there: models, chats, whether a key is needed; then open what the address names. */
export async function start() {
  try {
    await Promise.all([loadModels(), loadChats()]);
  } catch (error) {
    if (error.status === 401) return page.set({ needsKey: true });
    return page.set({ notice: { text: error.message } });
  }
  page.set({ needsKey: false });
  loadStars().catch(() => {}); // a star that is not shown is no reason to stop
  await goTo(readPlace());
}

/** From now on, notice what other pages say, here and elsewhere, and where the address leads. */
export function keepLooking() {
  others.onmessage = () => Promise.all([loadChats(), look()]).catch(() => {});
  addEventListener("popstate", () => goTo(readPlace()));
  setInterval(() => look().catch(() => {}), LOOK_EVERY_MS);
}

export async function loadModels() {
  const models = await api.getJson("/v1/models");
  const painter = models.data.find(({ limner }) => limner?.kind === "image");
  page.set({ models: models.data, painter: painter ? { name: painter.id, ...painter.limner } : {} });
}

async function loadStars() {
  const { data } = await api.getJson("/v1/images?starred=true&limit=100");
  page.set({ stars: new Set(data.map(({ id }) => id)) });
}

async function goTo({ view, chatId, turnId }) {
  if (view === "gallery") page.set({ view });
  else if (chatId) await openChat(chatId, turnId);
  else newChat({ write: false });
}

export function openGallery() {
  page.set({ view: "gallery" });
  writePlace({ view: "gallery" });
}

/** Back to the chat that is open, or to a new one. */
export function showChat() {
  page.set({ view: "chat" });
  writePlace({ chatId: page.get().chatId });
}

/** Show a kept chat, at this turn of it; what is still going on in it goes on here. */
export async function openChat(id, turnId = null) {
  const isOpen = page.get().chatId === id;
  if (!isOpen) leaveTurns();
  page.set({ chatId: id, title: titleOf(id), view: "chat", arriving: !isOpen });
  writePlace({ chatId: id });
  try {
    await look();
    if (turnId) showTurn(turnId);
  } catch (error) {
    page.set({ notice: { text: error.message } });
  } finally {
    if (page.get().chatId === id) page.set({ arriving: false });
  }
}

/** Pick the versions on the way to a turn, so that it is among those shown, and bring it into sight. */
function showTurn(id) {
  const chosen = new Map(page.get().chosen);
  for (let turn = turnOf(id); turn; turn = turnOf(turn.previousId)) chosen.set(turn.previousId ?? "", turn.id);
  page.set({ chosen, aim: id });
}

/** Fetch the turns of the open chat that are not here yet, and follow those that go on. */
async function look() {
  const { chatId, turns } = page.get();
  if (!chatId || document.hidden || isAsking()) return;
  const found = await fetchTurns(chatId, turns.findLast(({ run }) => run.id)?.id);
  if (page.get().chatId !== chatId || isAsking()) return;
  const fresh = found.filter(({ id }) => !turnOf(id));
  if (!fresh.length) return;
  page.set((state) => ({ turns: [...state.turns, ...fresh] }));
  for (const turn of fresh) if (!isOver(turn)) follow(turn.id);
  for (const turn of fresh.filter(isBare)) fill(turn).catch(() => {}); // it can be read without
}

async function fill(turn) {
  putTurn(turn.id, { input: await fetchInput(turn) });
}

/** A turn of ours that the server has not named yet would be found as another's. */
const isAsking = () => page.get().turns.some((turn) => !turn.run.id && !isOver(turn));

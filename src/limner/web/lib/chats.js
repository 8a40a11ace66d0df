// The list of chats: beginning one, naming, deleting, and telling other pages of this browser.

import * as api from "./api.js";
import { fetchTurns } from "./kept.js";
import { writePlace } from "./place.js";
import { removeLater } from "./removal.js";
import { leaveTurns, page } from "./state.js";

const TITLE = 80;

/** Other pages of this browser hear at once when something was said. */
export const others = new BroadcastChannel("limner");

export const tellOthers = () => others.postMessage("said");

export async function loadChats() {
  const chats = await api.getJson("/v1/conversations?limit=100");
  page.set({ chats: chats.data });
}

export const titleOf = (id) => page.get().chats.find((chat) => chat.id === id)?.metadata?.title ?? "";

export function newChat({ write = true } = {}) {
  leaveTurns();
  page.set({ chatId: null, title: "", view: "chat", attached: [], arriving: false });
  if (write) writePlace({});
}

export async function beginChat(text) {
  const title = text.replace(/\s+/g, " ").slice(0, TITLE);
  const chat = await api.postJson("/v1/conversations", { metadata: { title } });
  page.set(({ chats }) => ({ chatId: chat.id, title, chats: [chat, ...chats.filter(({ id }) => id !== chat.id)] }));
  writePlace({ chatId: chat.id });
}

/** Take back a chat in which nothing could be said. */
export function dropEmptyChat() {
  const { chatId, turns } = page.get();
  if (!chatId || turns.length) return;
  api.remove(`/v1/conversations/${chatId}`).catch(() => {});
  page.set(({ chats }) => ({ chats: chats.filter(({ id }) => id !== chatId) }));
  newChat();
}

/** A chat looks like its newest picture. */
export async function touchChat(run) {
  const picture = run.items.findLast((item) => item?.kind === "picture" && item.phase === "done");
  const chat = page.get().chats.find(({ id }) => id === run.metadata?.chat);
  if (chat && picture) await change(chat, { picture: picture.id }).catch(() => {});
}

export async function renameChat(chat, title) {
  await change(chat, { title: title.slice(0, TITLE) });
  if (page.get().chatId === chat.id) page.set({ title: titleOf(chat.id) });
}

async function change(chat, metadata) {
  const asked = { metadata: { ...chat.metadata, ...metadata } };
  const changed = await api.postJson(`/v1/conversations/${chat.id}`, asked);
  page.set(({ chats }) => ({ chats: chats.map((each) => (each.id === chat.id ? { ...each, ...changed } : each)) }));
  tellOthers();
}

/** Delete a chat with all that was said in it; for ten seconds it can be taken back. */
export function removeChat(chat, text) {
  if (page.get().chatId === chat.id) newChat();
  removeLater(chat.id, text, async () => {
    const turns = await fetchTurns(chat.id);
    await Promise.all(turns.map(({ id }) => api.remove(`/v1/responses/${id}`)));
    await api.remove(`/v1/conversations/${chat.id}`);
    page.set(({ chats }) => ({ chats: chats.filter(({ id }) => id !== chat.id) }));
    tellOthers();
  });
}

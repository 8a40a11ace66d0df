// All pictures of all chats: which are wanted, and what came of them.

import * as api from "./api.js";
import { openChat } from "./open.js";
import { makeStore } from "./store.js";
import { page } from "./state.js";

const PAGE = 100;
const DAY_S = 86_400;

export const PERIODS = { day: DAY_S, week: 7 * DAY_S, month: 30 * DAY_S, year: 365 * DAY_S };
export const NO_FILTER = { q: "", ratio: "", period: "", starred: false };

export const gallery = makeStore({
  filter: NO_FILTER,
  pictures: [],
  hasMore: true,
  isLoading: false,
  problem: "",
  at: 0, // the picture that has the focus, by its place
  held: null, // id of the first of two to compare
  shown: null, // id of the one in the preview
});

let asked = 0;

/** Look for other pictures than before. */
export function setFilter(change) {
  gallery.set(({ filter }) => ({ filter: { ...filter, ...change }, pictures: [], hasMore: true, at: 0, isLoading: false }));
  asked++;
  return loadMore();
}

/** The next pictures, older than those that are there. */
export async function loadMore() {
  const { isLoading, hasMore, pictures } = gallery.get();
  if (isLoading || !hasMore) return;
  await load(pictures.at(-1)?.id, (found) => [...gallery.get().pictures, ...found]);
}

/** What was painted since the gallery was last seen. */
export async function refresh() {
  const before = gallery.get().pictures;
  if (!before.length) return loadMore();
  const known = new Set(before.map(({ id }) => id));
  return load(undefined, (found) => {
    const fresh = found.filter(({ id }) => !known.has(id));
    return fresh.length === found.length ? found : [...fresh, ...before];
  });
}

/** join: makes the whole list of what was found. What was asked before another filter is dropped. */
async function load(after, join) {
  const ask = ++asked;
  gallery.set({ isLoading: true, problem: "" });
  try {
    const { data, has_more } = await api.getJson(`/v1/images?${query(gallery.get().filter, after)}`);
    if (ask !== asked) return;
    noteStars(data);
    const isFirst = !after;
    gallery.set((state) => ({ pictures: join(data), hasMore: isFirst && state.pictures.length ? state.hasMore : has_more }));
  } catch (error) {
    if (ask === asked) gallery.set({ problem: error.message, hasMore: false });
  } finally {
    if (ask === asked) gallery.set({ isLoading: false });
  }
}

function query({ q, ratio, period, starred }, after, now = Date.now() / 1000) {
  return new URLSearchParams({
    limit: PAGE,
    ...(q && { q }),
    ...(ratio && { ratio }),
    ...(starred && { starred: "true" }),
    ...(period && { since: Math.floor(now - PERIODS[period]) }),
    ...(after && { after }),
  });
}

function noteStars(pictures) {
  const { stars } = page.get();
  const found = pictures.filter(({ id, starred }) => starred && !stars.has(id));
  if (found.length) page.set({ stars: new Set([...stars, ...found.map(({ id }) => id)]) });
}

/** The pictures that are still there. */
export const atHand = ({ pictures } = gallery.get(), { removed } = page.get()) => (removed.size ? pictures.filter(({ id }) => !removed.has(id)) : pictures);

/** Remember a picture, and with the second one compare the two. @returns {boolean} whether one is held */
export function holdToCompare(id) {
  const { held } = gallery.get();
  if (held && held !== id) page.set({ comparing: [held, id] });
  gallery.set({ held: held ? null : id });
  return !held;
}

/** Where a picture was talked about. */
export async function showInChat({ response_id: responseId }) {
  try {
    const { metadata } = await api.getJson(`/v1/responses/${responseId}`);
    if (metadata?.chat) await openChat(metadata.chat, responseId);
    return Boolean(metadata?.chat);
  } catch (error) {
    page.set({ notice: { text: error.message } });
    return true;
  }
}

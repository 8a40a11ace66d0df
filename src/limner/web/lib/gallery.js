// All pictures of all chats: which are wanted, what came of them, and where each lies on the wall.

import * as api from "./api.js";
import { openChat } from "./open.js";
import { makeStore } from "./store.js";
import { page } from "./state.js";

const PAGE = 100;
const SHAPES = [0.4, 3]; // no picture becomes a mere line
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

/**
 * A wall of rows as wide as there is room, each as high as its pictures ask for. Pure.
 * wanted: a row's height; @returns {{places: Array<{x, y, width, height}>, height: number}}
 */
export function wall(pictures, room, wanted, gap) {
  const places = [];
  let y = 0;
  for (let from = 0; from < pictures.length; ) {
    const row = [];
    let width = -gap;
    while (from + row.length < pictures.length && width < room) {
      row.push(shapeOf(pictures[from + row.length]));
      width += row.at(-1) * wanted + gap;
    }
    const all = row.reduce((sum, shape) => sum + shape, 0);
    const height = Math.min((room - gap * (row.length - 1)) / all, wanted);
    let x = 0;
    for (const shape of row) {
      places.push({ x, y, width: shape * height, height });
      x += shape * height + gap;
    }
    from += row.length;
    y += height + gap;
  }
  return { places, height: Math.max(y - gap, 0) };
}

function shapeOf({ size }) {
  const [width, height] = (size ?? "").split("x").map(Number);
  const shape = width && height ? width / height : 1;
  return Math.min(Math.max(shape, SHAPES[0]), SHAPES[1]);
}

/** From which to which place a window from `top` to `bottom` shows the wall. Pure. */
export function inSight(places, top, bottom) {
  const first = lowest(places, (place) => place.y + place.height > top);
  return [first, Math.max(lowest(places, (place) => place.y > bottom), first)];
}

/** The first place for which this holds, as it does for all after it. */
function lowest(places, holds) {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(places[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The place above (-1) or below (1) one, whose middle is nearest; the same where there is none. Pure. */
export function neighbour(places, at, step) {
  const middle = ({ x, width }) => x + width / 2;
  let row = at + step;
  while (places[row] && places[row].y === places[at].y) row += step;
  if (!places[row]) return at;
  let best = row;
  for (let next = row; places[next]?.y === places[row].y; next += step)
    if (Math.abs(middle(places[next]) - middle(places[at])) < Math.abs(middle(places[best]) - middle(places[at]))) best = next;
  return best;
}

// Deleting with a way back: the server is asked only after nobody has wanted it back for a while.

import { page } from "./state.js";

const GRACE_MS = 10_000;
const waiting = new Map();

/** Delete `id` by calling `remove` in ten seconds, unless it is taken back. text: what the notice says. */
export function removeLater(id, text, remove) {
  mark(id, "waiting");
  waiting.set(id, { remove, timer: setTimeout(() => finish(id), GRACE_MS) });
  page.set({ notice: text ? { text, undo: () => takeBack(id) } : page.get().notice });
}

export function takeBack(id) {
  clearTimeout(waiting.get(id)?.timer);
  waiting.delete(id);
  mark(id, null);
}

async function finish(id) {
  const { remove } = waiting.get(id) ?? {};
  if (!remove) return;
  waiting.delete(id);
  mark(id, "gone");
  try {
    await remove();
  } catch (error) {
    if (error.status === 404) return; // another page was faster
    mark(id, null);
    page.set({ notice: { text: error.message } });
  }
}

function mark(id, state) {
  page.set(({ removed }) => {
    const changed = new Map(removed);
    if (state) changed.set(id, state);
    else changed.delete(id);
    return { removed: changed };
  });
}

/** Who leaves the page has made up their mind. */
addEventListener("pagehide", () => [...waiting.keys()].forEach(finish));

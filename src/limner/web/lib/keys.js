// Every key of the page, in one table: what the parts act upon and what `?` shows.
//
// where: `box` while writing, `page` anywhere but in a field, `card` on a focused picture.

/** @type {Array<{where: string, key: string, does: string, shift?: boolean, ctrl?: boolean}>} */
export const KEYS = [
  { where: "box", key: "Enter", does: "send" },
  { where: "box", key: "Enter", ctrl: true, does: "send" },
  { where: "box", key: "Enter", shift: true, does: "new-line" },
  { where: "box", key: "ArrowUp", does: "recall" },
  { where: "page", key: "Escape", does: "stop" },
  { where: "page", key: "/", does: "write" },
  { where: "page", key: "k", ctrl: true, does: "new-chat" },
  { where: "page", key: "g", does: "gallery" },
  { where: "page", key: "q", does: "queue" },
  { where: "page", key: "?", does: "keys" },
  { where: "card", key: "r", does: "retry" },
  { where: "card", key: "r", shift: true, does: "retry-same" },
  { where: "card", key: "e", does: "edit-prompt" },
  { where: "card", key: "m", does: "edit-picture" },
  { where: "card", key: "d", does: "download" },
  { where: "card", key: "s", does: "star" },
  { where: "card", key: "c", does: "compare" },
  { where: "card", key: ",", does: "earlier" },
  { where: "card", key: ".", does: "later" },
  { where: "card", key: "i", does: "details" },
  { where: "card", key: "Delete", does: "delete" },
];

/** What a key does there, or undefined. `?` and `/` need Shift on some keyboards: it is not asked for. */
export function deedOf(event, where) {
  if (event.isComposing || event.altKey) return undefined;
  const ctrl = event.ctrlKey || event.metaKey;
  const named = (entry) => entry.where === where && entry.key.toLowerCase() === event.key.toLowerCase();
  const matches = KEYS.filter((entry) => named(entry) && Boolean(entry.ctrl) === ctrl);
  const exact = matches.find((entry) => Boolean(entry.shift) === event.shiftKey);
  return (exact ?? matches.find(({ key }) => !/^[a-z]/i.test(key)))?.does;
}

/** Whether the event comes from where letters are written, not commanded. */
export const isWriting = ({ target }) => Boolean(target.closest?.("input, textarea, select, [contenteditable], dialog"));

const SIGNS = { ArrowUp: "↑", Escape: "Esc", Delete: "Del", Enter: "Enter" };

/** The keys of an entry as they are printed. */
export const printed = ({ key, ctrl, shift }) => [
  ...(ctrl ? ["Ctrl"] : []),
  ...(shift ? ["Shift"] : []),
  SIGNS[key] ?? key.toUpperCase(),
];

// A chat is a tree of responses: each rests on the one before it, and versions of an answer are
// siblings. What is shown is one path through it. Pure.

/**
 * @typedef {{id: string, previousId: string | null, input: object, run: object}} Turn
 * input: what the person said: `{text, pictures: [{id?, url?}], tool}`.
 */

/** Turns by what they rest on, each list in the order of making. */
export function children(turns) {
  const below = new Map();
  for (const turn of turns) {
    const key = turn.previousId ?? "";
    if (!below.has(key)) below.set(key, []);
    below.get(key).push(turn);
  }
  return below;
}

/**
 * The turns to show, from the first to the last.
 * chosen: the version picked where there are several, by what they rest on ("" at the root).
 */
export function path(turns, chosen) {
  const below = children(turns);
  const shown = [];
  for (let key = ""; below.has(key); key = shown.at(-1).id) {
    const versions = below.get(key);
    const turn = versions.find(({ id }) => id === chosen.get(key)) ?? versions.at(-1);
    shown.push({ ...turn, version: versions.indexOf(turn) + 1, versions: versions.length });
    if (!turn.id) break;
  }
  return shown;
}

/** All versions of a turn, in the order of making. */
export const versionsOf = (turns, turn) => children(turns).get(turn.previousId ?? "") ?? [turn];

/** The version before or after this one, by `step` -1 or 1; the same at the ends. */
export function sibling(turns, turn, step) {
  const versions = versionsOf(turns, turn);
  const at = versions.findIndex(({ id }) => id === turn.id);
  return versions[Math.min(Math.max(at + step, 0), versions.length - 1)];
}

// Which state of a picture's card is shown, from all that is known. Pure.

/**
 * One of: planning, queued, loading, painting, saving, done, cancelling, cancelled, failed, lost,
 * removed.
 */
export function stateOf(item, turn, { ready, removed }) {
  if (removed.has(item.id) || item.facts?.deleted) return "removed";
  if (["done", "failed", "cancelled"].includes(item.phase)) return item.phase;
  if (turn.lost) return "lost";
  if (turn.cancelling) return "cancelling";
  const waits = item.phase === "planning" || item.phase === "queued" || !item.steps;
  return waits && ready?.status === "loading" ? "loading" : item.phase;
}

const BUSY = new Set(["planning", "queued", "loading", "painting", "saving", "cancelling", "lost"]);

export const isBusyState = (state) => BUSY.has(state);

/** Width and height of the place that a picture takes, known or expected: [w, h]. */
export function shapeOf(item, turn) {
  const size = item.size ?? turn.input.tool?.size ?? "1x1";
  const [width, height] = size.split("x").map(Number);
  return width && height ? [width, height] : [1, 1];
}

/** How far a picture is from clear, from 1 to 0. */
export const left = ({ step = 0, steps }) => (steps ? 1 - step / steps : 1);

const FINAL = new Set(["content_policy_violation", "moderation_blocked", "edits_not_supported", "image_generation_disabled"]);

/** Whether asking once more may end otherwise. */
export const isRetryable = (error) => !FINAL.has(error?.code);

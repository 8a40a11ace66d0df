// Where one's pictures stand: what the server tells as it changes, or, failing that, when asked.

import * as api from "./api.js";
import { readEvents } from "./sse.js";
import { cancel, page } from "./page.js";

const ASK_EVERY_MS = 5000;

/** Tell every state of the queue until the signal ends it. A state: as `GET /v1/queue` answers. */
export async function watchQueue(tell, signal) {
  while (!signal.aborted) {
    try {
      await listen(tell, signal);
      tell(await api.getJson("/v1/queue", { signal }));
    } catch (error) {
      if (!signal.aborted) tell(null, error);
    }
    await new Promise((wake) => setTimeout(wake, ASK_EVERY_MS));
  }
}

/** Follow the stream as long as it lasts. */
async function listen(tell, signal) {
  try {
    const reply = await api.request("GET", "/v1/queue?stream=true", { signal });
    for await (const { event, data } of readEvents(reply)) if (event === "queue") tell(JSON.parse(data));
  } catch (error) {
    if (error instanceof api.ApiError) throw error;
  }
}

/**
 * The whole line, first what is painted: places of ours with what is known of them, and of others'
 * only that they are there. most: of those that wait.
 */
export function wholeLine({ mine, running, waiting }, most = 50) {
  const ours = mine.filter(({ status }) => status === "in_progress");
  const painted = [...ours, ...Array(Math.max(running - ours.length, 0)).fill(null)];
  const line = Array.from({ length: Math.min(waiting, most) }, (_, at) => mine.find(({ position }) => position === at + 1) ?? null);
  return [...painted, ...line];
}

/** Whether a place can be given up from here: an image request ends with its own connection. */
export const canCancel = (place) => Boolean(place.response_id || place.job_id);

export async function giveUp(place) {
  const turn = page.get().turns.find(({ run }) => run.id === place.response_id);
  if (turn) return cancel(turn);
  const asked = place.response_id
    ? api.postJson(`/v1/responses/${place.response_id}/cancel`, {})
    : api.remove(`/job/${place.job_id}`);
  return asked.catch((error) => page.set({ notice: { text: error.message } }));
}

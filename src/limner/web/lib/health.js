// How the server is, asked again and again: seldom while all is well, often while it is not.

import { followLost } from "./talk.js";
import { loadModels } from "./open.js";
import { page } from "./state.js";

const EVERY_MS = { ready: 10_000, loading: 1000, failed: 5000, offline: 2000, stopping: 2000 };

/** Ask for ever. */
export async function watchHealth() {
  for (;;) {
    const ready = await ask();
    const before = page.get().ready;
    if (JSON.stringify(before) !== JSON.stringify(ready)) page.set({ ready });
    if (before && before.status !== "ready" && ready.status === "ready") recover();
    await new Promise((wake) => setTimeout(wake, EVERY_MS[ready.status] ?? 5000));
  }
}

async function ask() {
  try {
    return summary(await (await fetch("/readyz")).json());
  } catch {
    return { status: "offline", message: "", progress: null };
  }
}

/** The part that is to blame, or all of them well. */
export function summary({ status, parts = {} }) {
  const [, part] = Object.entries(parts).find(([, { state }]) => state === status && state !== "ready") ?? [];
  return { status, message: part?.message ?? "", progress: part?.progress ?? null };
}

function recover() {
  followLost();
  loadModels().catch(() => {});
}

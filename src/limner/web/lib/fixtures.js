// Every state of a picture's card, made up, for tests and screenshots: `/?card=painting`, or `all`.
// Loaded only then; nothing here asks the server for anything.

import { emptyRun } from "./run.js";
import { page } from "./state.js";

const PROMPT = "a sunset over mountains with a red house";
const SIZE = "512x384";

/** What a picture's item is in each state, and what of its turn or of the page differs. */
const STATES = {
  planning: { item: { phase: "planning" } },
  queued: { item: { phase: "queued", position: 3, etaS: 14 } },
  loading: { item: { phase: "planning" }, ready: { status: "loading", message: "loading tiny", progress: 0.63 } },
  painting: { item: { phase: "painting", step: 5, steps: 9, etaS: 1, partial: true } },
  saving: { item: { phase: "saving", step: 9, steps: 9, partial: true } },
  done: { item: { phase: "done", action: "generate", facts: { seed: 42, steps: 9, model: "tiny" } } },
  edited: { item: { phase: "done", action: "edit", facts: { seed: 43, adjustments: ["Painted at 512x384 instead of 500x380."] } } },
  cancelling: { item: { phase: "painting", step: 5, steps: 9, partial: true }, turn: { cancelling: true } },
  cancelled: { item: { phase: "cancelled", step: 5, steps: 9, partial: true } },
  failed: {
    item: { phase: "failed", error: { code: "out_of_memory", message: "Out of GPU memory at 1280x720." }, size: "1280x720" },
    run: { requestId: "req_0123456789abcdef" },
  },
  refused: { item: { phase: "failed", error: { code: "content_policy_violation", message: "The picture service refused the prompt." } } },
  reconnecting: { item: { phase: "painting", step: 5, steps: 9, partial: true }, turn: { lost: "reconnecting" } },
  lost: { item: { phase: "painting", step: 5, steps: 9, partial: true }, turn: { lost: "gone" } },
  removed: { item: { phase: "done" }, removed: "waiting" },
};

const OVER = { done: "completed", cancelled: "cancelled", failed: "failed" };

/** name: of one state, or `all`. An unknown one shows all. */
export async function showCard(name) {
  const shown = name in STATES ? [name] : Object.keys(STATES);
  const picture = await paintedPicture();
  const turns = shown.map((state, at) => turnIn(state, at ? `resp_${shown[at - 1]}` : null, picture));
  page.set({
    chatId: "conv_fixture",
    title: PROMPT,
    turns,
    ready: STATES[shown[0]].ready ?? { status: "ready", message: "", progress: null },
    models: [{ id: "limner", limner: { kind: "language", served_by: "intent" } }],
    painter: { name: "tiny", native_px: 512 },
    removed: new Map(shown.filter((state) => STATES[state].removed).map((state) => [`ig_${state}`, "waiting"])),
  });
}

function turnIn(state, previousId, picture) {
  const { item, turn, run } = STATES[state];
  const bytes = { base64: picture, format: "png" };
  const shown = {
    kind: "picture",
    id: `ig_${state}`,
    size: SIZE,
    prompt: PROMPT,
    ...item,
    ...(item.partial && { partial: bytes }),
    ...(item.phase === "done" && { result: picture, format: "png" }),
  };
  return {
    id: `resp_${state}`,
    previousId,
    input: { text: PROMPT, pictures: [], tool: { size: SIZE } },
    run: { ...emptyRun(), id: `resp_${state}`, status: OVER[item.phase] ?? "in_progress", items: [shown], ...run },
    ...turn,
  };
}

/** A picture drawn here, as base64. */
async function paintedPicture() {
  const canvas = new OffscreenCanvas(512, 384);
  const brush = canvas.getContext("2d");
  const sky = brush.createLinearGradient(0, 0, 0, 300);
  for (const [at, colour] of [[0, "#3b2c5a"], [0.5, "#e0664a"], [1, "#f8c471"]]) sky.addColorStop(at, colour);
  const fill = (colour, points) => {
    brush.fillStyle = colour;
    brush.beginPath();
    for (const [x, y] of points) brush.lineTo(x, y);
    brush.fill();
  };
  fill(sky, [[0, 0], [512, 0], [512, 384], [0, 384]]);
  fill("#4a3a5e", [[0, 290], [120, 150], [220, 260], [330, 120], [512, 300], [512, 384], [0, 384]]);
  fill("#2f4a3a", [[0, 310], [512, 300], [512, 384], [0, 384]]);
  fill("#c0392b", [[110, 260], [210, 260], [210, 340], [110, 340]]);
  fill("#6e1f18", [[95, 265], [160, 210], [225, 265]]);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

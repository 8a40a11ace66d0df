// A response as the page shows it, made from its events. Pure: state and event in, new state out.
//
// A picture's `phase` is one of: planning, queued, painting, saving, done, cancelled, failed. Its
// bytes stay in the state only until the response is over; after that they are fetched by its id.

export const TERMINAL = new Set(["completed", "failed", "incomplete", "cancelled"]);

/** @returns a response of which nothing is known yet */
export function emptyRun() {
  return { id: null, requestId: null, status: "queued", after: -1, items: [], error: null, adjustments: [] };
}

/** The state after one more event; events that were seen already change nothing. */
export function receive(run, event) {
  if (event.type === "opened") return { ...run, requestId: event.requestId ?? run.requestId };
  if (event.type === "progress") return progress(run, event);
  if (event.type === "error") {
    return { ...run, error: event.error ?? { code: event.code, message: event.message } };
  }
  if (event.sequence_number <= run.after) return run;
  const next = { ...run, after: event.sequence_number };
  if (event.response) return settle(next, event.response);
  const at = event.output_index;
  switch (event.type) {
    case "response.output_item.added":
      return put(next, at, shown(event.item));
    case "response.output_item.done":
      return put(next, at, { ...next.items[at], ...shown(event.item) });
    case "response.output_text.delta":
    case "response.refusal.delta":
    case "response.reasoning_text.delta":
      return change(next, at, (item) => ({ text: item.text + event.delta }));
    case "response.image_generation_call.generating":
      return change(next, at, ({ phase }) => ({ phase: phase === "planning" ? "painting" : phase }));
    case "response.image_generation_call.completed":
      return change(next, at, () => ({ phase: "saving" }));
    case "response.image_generation_call.partial_image":
      return change(next, at, ({ size }) => ({
        phase: "painting",
        size: event.size ?? size,
        partial: {
          base64: event.partial_image_b64,
          format: event.output_format,
          index: event.partial_image_index,
        },
      }));
    default:
      return next;
  }
}

/** A kept response, as `GET /v1/responses/{id}` tells it. */
export function fromResponse(response) {
  const run = { ...emptyRun(), items: response.output.map(shown) };
  return settle(run, response);
}

function settle(run, response) {
  const isOver = TERMINAL.has(response.status);
  const count = Math.max(run.items.length, response.output?.length ?? 0);
  const items = isOver ? Array.from({ length: count }, (_, at) => last(run.items[at], response, at)) : run.items;
  return {
    ...run,
    id: response.id,
    status: response.status,
    error: response.error ?? run.error,
    adjustments: response.limner?.adjustments ?? run.adjustments,
    model: response.model,
    metadata: response.metadata ?? {},
    createdAt: response.created_at,
    completedAt: response.completed_at,
    items,
  };
}

/** An item as the end of its response leaves it. */
function last(item, response, at) {
  const told = response.output?.[at] ? { ...item, ...shown(response.output[at]) } : item;
  if (told?.kind !== "picture") return told;
  return { ...ended(told, response), result: null, partial: told.phase === "done" ? null : told.partial };
}

/** No picture goes on after its response. */
function ended(item, { status, error }) {
  if (item.phase === "done" || item.phase === "cancelled") return item;
  if (status === "cancelled" && item.phase !== "failed") return { ...item, phase: "cancelled" };
  return { ...item, phase: "failed", error: item.error ?? error };
}

function progress(run, { output_index: at, step, steps, queue_position, eta_s }) {
  if (run.items[at]?.kind !== "picture" || TERMINAL.has(run.status)) return run;
  return change(run, at, () => ({
    phase: queue_position ? "queued" : "painting",
    step,
    steps,
    position: queue_position ?? null,
    etaS: eta_s ?? null,
  }));
}

function shown(item) {
  switch (item.type) {
    case "message":
      return { kind: "words", id: item.id, text: joined(item.content), done: item.status !== "in_progress" };
    case "reasoning":
      return { kind: "thought", id: item.id, text: joined(item.content ?? item.summary), done: item.status !== "in_progress" };
    case "image_generation_call":
      return picture(item);
    default:
      return { kind: "other", id: item.id, text: item.type, done: true };
  }
}

function picture(item) {
  const phase = { completed: "done", failed: "failed" }[item.status] ?? "planning";
  const cancelled = item.error?.code === "cancelled";
  return {
    kind: "picture",
    id: item.id,
    phase: cancelled ? "cancelled" : phase,
    ...(phase !== "planning" && {
      prompt: item.revised_prompt ?? "",
      action: item.action ?? "generate",
      ...(item.size && { size: item.size }),
      format: item.output_format ?? null,
      error: item.error ?? null,
      facts: item.limner ?? {},
      result: item.result ?? null,
    }),
  };
}

const joined = (parts) => (parts ?? []).map((part) => part.text ?? part.refusal ?? "").join("");

function put(run, at, item) {
  const items = [...run.items];
  items[at] = item;
  return { ...run, items };
}

function change(run, at, make) {
  const item = run.items[at];
  return item ? put(run, at, { ...item, ...make(item) }) : run;
}

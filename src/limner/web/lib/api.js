// The server's public API, as any other client would use it.

import { t } from "./i18n.js";
import { readEvents } from "./sse.js";

const KEY = "limner.key";

/** What the server said instead of what was asked for. */
export class ApiError extends Error {
  constructor(status, body, requestId) {
    const error = body?.error ?? {};
    super(error.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = error.code ?? null;
    this.param = error.param ?? null;
    this.requestId = requestId;
  }
}

export const getKey = () => localStorage.getItem(KEY) ?? "";
export const setKey = (key) => (key ? localStorage.setItem(KEY, key) : localStorage.removeItem(KEY));

function headers(extra) {
  const key = getKey();
  return { ...(key && { Authorization: `Bearer ${key}` }), ...extra };
}

/** Raises ApiError for any status but 2xx, TypeError when the server cannot be reached. */
export async function request(method, path, { json, form, signal, headers: extra } = {}) {
  const response = await fetch(path, {
    method,
    signal,
    headers: headers({ ...(json && { "Content-Type": "application/json" }), ...extra }),
    body: json ? JSON.stringify(json) : form,
  }).catch(inWords);
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(response.status, body, response.headers.get("x-request-id"));
}

/** Every browser says in other words, none of them a person's, that nobody answers. */
function inWords(error) {
  throw error instanceof TypeError ? new TypeError(t("offline"), { cause: error }) : error;
}

export const getJson = async (path, options) => (await request("GET", path, options)).json();
export const postJson = async (path, json, options) =>
  (await request("POST", path, { ...options, json })).json();
export const remove = (path) => request("DELETE", path);

/**
 * Start a response that goes on without us: background, streamed, kept.
 * Yields `{type: "opened", requestId}` once the server has accepted it, then `{type, ...}` for every
 * event and `{type: "progress", ...}` for steps.
 */
export async function* startResponse(body, { signal, idempotencyKey } = {}) {
  const response = await request("POST", "/v1/responses", {
    json: { ...body, background: true, stream: true, store: true },
    signal,
    headers: idempotencyKey && { "Idempotency-Key": idempotencyKey },
  });
  yield* typed(response);
}

/** The events of a response after number `after`, replayed and then as they come. */
export async function* followResponse(id, after, { signal } = {}) {
  const from = after >= 0 ? `&starting_after=${after}` : "";
  yield* typed(await request("GET", `/v1/responses/${id}?stream=true${from}`, { signal }));
}

async function* typed(response) {
  yield { type: "opened", requestId: response.headers.get("x-request-id") };
  for await (const { data, comment } of readEvents(response)) {
    if (comment?.startsWith("progress ")) {
      yield { type: "progress", ...JSON.parse(comment.slice("progress ".length)) };
    } else if (data && data !== "[DONE]") {
      yield JSON.parse(data);
    }
  }
}

/** Where a kept picture is; `loadPicture` fetches it where a key is needed. */
export const pictureUrl = (id, width) =>
  `/v1/images/${encodeURIComponent(id)}${width ? `?width=${width}` : ""}`;

/** An address for `<img>`: the picture's own, or that of a copy where a key must be sent. */
export async function loadPicture(id, width) {
  if (!getKey()) return pictureUrl(id, width);
  const blob = await (await request("GET", pictureUrl(id, width))).blob();
  return URL.createObjectURL(blob);
}

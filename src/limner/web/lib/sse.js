// Server-sent events as the server writes them: https://html.spec.whatwg.org/multipage/server-sent-events.html
// `EventSource` can neither POST nor send a key, hence this reader over `fetch`.

/**
 * Feed it text as it comes; it hands over whole events and comments.
 * @returns {(chunk: string) => Array<{event: string, data: string} | {comment: string}>}
 */
export function makeParser() {
  let rest = "";
  let event = "";
  let data = [];
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    const found = [];
    for (const line of lines) {
      if (line === "") {
        if (data.length) found.push({ event: event || "message", data: data.join("\n") });
        event = "";
        data = [];
      } else if (line.startsWith(":")) {
        found.push({ comment: line.slice(1).trim() });
      } else {
        const at = line.indexOf(":");
        const field = at < 0 ? line : line.slice(0, at);
        const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
        if (field === "event") event = value;
        else if (field === "data") data.push(value);
      }
    }
    return found;
  };
}

/** The events of a reply's body, until it ends. */
export async function* readEvents(response) {
  const parse = makeParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parse(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

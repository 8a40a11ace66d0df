// What picture files say of how they were made: read from their bytes, without decoding a pixel.
//
// Ours say it in JSON (`limner`); what AUTOMATIC1111's web UI and its kin have painted says it in a
// text of theirs (`parameters`), which is understood as well.

const MADE_BY_AI = "lgorithmicMedia";
const XMP = "XML:com.adobe.xmp";
const LATIN1 = new TextDecoder("latin1");
const UTF8 = new TextDecoder();

/**
 * @typedef {{prompt: string, revised_prompt?: string, seed?: number, size?: string, model?: string,
 *   steps?: number, guidance?: number, strength?: number, action?: string, version?: string,
 *   created?: string}} Facts
 *
 * @param {Blob | ArrayBuffer | Uint8Array} file
 * @returns {Promise<{facts: Facts | null, isOurs: boolean, madeByAi: boolean}>} facts: null where
 *   the file says nothing, is broken, or is no PNG, JPEG or WebP.
 */
export async function readMetadata(file) {
  const buffer = file instanceof Blob ? await file.arrayBuffer() : file;
  let texts = {};
  try {
    texts = textsOf(new Uint8Array(buffer));
  } catch (error) {
    // What is cut ends beyond the last byte; of such a file nothing is believed.
    if (!(error instanceof RangeError)) throw error;
  }
  const ours = ourFacts(texts);
  const facts = ours ?? (texts.parameters ? readParameters(texts.parameters) : null);
  return { facts, isOurs: ours !== null, madeByAi: (texts.xmp ?? "").includes(MADE_BY_AI) };
}

/** The text of AUTOMATIC1111's web UI: a prompt, maybe a negative one, and a line of settings. */
export function readParameters(text) {
  const lines = text.split("\n");
  const last = /^\s*Steps: \d|, Seed: \d/.test(lines.at(-1)) ? lines.pop() : "";
  const negative = lines.findIndex((line) => line.startsWith("Negative prompt:"));
  const prompt = (negative < 0 ? lines : lines.slice(0, negative)).join("\n").trim();
  const said = {};
  for (const [, name, value] of last.matchAll(/\s*([^:,]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/g)) {
    said[name] = value.startsWith('"') ? (parsed(value) ?? value) : value.trim();
  }
  const number = (name) => (/^-?\d/.test(said[name] ?? "") ? Number(said[name]) : undefined);
  return known({
    prompt,
    seed: number("Seed"),
    size: said.Size,
    model: said.Model,
    steps: number("Steps"),
    guidance: number("CFG scale"),
    strength: number("Denoising strength"),
  });
}

function ourFacts({ limner, xmp }) {
  const inXmp = /\slimner:facts=("[^"]*"|'[^']*')/.exec(xmp ?? "");
  const facts = parsed(limner ?? (inXmp ? unescaped(inXmp[1].slice(1, -1)) : ""));
  return typeof facts?.prompt === "string" ? facts : null;
}

/** `limner`, `parameters` and `xmp`, as far as the file has them. */
function textsOf(bytes) {
  const head = LATIN1.decode(bytes.subarray(0, 12));
  if (head.slice(1, 4) === "PNG") return pngTexts(bytes);
  if (head.startsWith("\xff\xd8")) return blockTexts(jpegBlocks(bytes));
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return blockTexts(webpBlocks(bytes));
  return {};
}

function pngTexts(bytes) {
  const texts = {};
  const view = viewOf(bytes);
  for (let at = 8, kind = ""; kind !== "IEND"; at += 12 + view.getUint32(at)) {
    const data = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    kind = LATIN1.decode(bytes.subarray(at + 4, at + 8));
    if (kind !== "tEXt" && kind !== "iTXt") continue;
    const end = data.indexOf(0);
    const keyword = LATIN1.decode(data.subarray(0, end));
    const text = kind === "tEXt" ? LATIN1.decode(data.subarray(end + 1)) : international(data.subarray(end + 1));
    texts[keyword === XMP ? "xmp" : keyword] ??= text;
  }
  return texts;
}

/** Of an iTXt chunk behind its keyword: compression, its method, language, translation, text. */
function international(data) {
  if (data[0] === 1) return "";
  const language = data.indexOf(0, 2);
  return UTF8.decode(data.subarray(data.indexOf(0, language + 1) + 1));
}

function* jpegBlocks(bytes) {
  const view = viewOf(bytes);
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1;
    else if (marker === 0xda) return;
    else {
      const data = bytes.subarray(at + 4, at + 2 + view.getUint16(at + 2));
      const head = LATIN1.decode(data.subarray(0, 29));
      if (marker === 0xe1 && head.startsWith("Exif\0\0")) yield ["exif", data.subarray(6)];
      if (marker === 0xe1 && head === "http://ns.adobe.com/xap/1.0/\0") yield ["xmp", data.subarray(29)];
      at += 2 + Math.max(2, view.getUint16(at + 2));
    }
  }
}

function* webpBlocks(bytes) {
  const view = viewOf(bytes);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const kind = LATIN1.decode(bytes.subarray(at, at + 4));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "XMP ") yield ["xmp", data];
    if (kind === "EXIF") yield ["exif", LATIN1.decode(data.subarray(0, 6)) === "Exif\0\0" ? data.subarray(6) : data];
    at += 8 + length + (length % 2);
  }
}

function blockTexts(blocks) {
  const texts = {};
  for (const [kind, data] of blocks) {
    if (kind === "xmp") texts.xmp ??= UTF8.decode(data);
    else texts.parameters ??= userComment(data);
  }
  return texts;
}

/** The user's comment of an Exif block; undefined where it has none. */
function userComment(exif) {
  const view = viewOf(exif);
  const isLittle = view.getUint16(0) === 0x4949;
  const found = (directory, tag) => {
    for (let left = view.getUint16(directory, isLittle), at = directory + 2; left--; at += 12) {
      if (view.getUint16(at, isLittle) === tag) return at;
    }
    return 0;
  };
  const inner = found(view.getUint32(4, isLittle), 0x8769);
  const entry = inner && found(view.getUint32(inner + 8, isLittle), 0x9286);
  if (!entry) return undefined;
  const start = view.getUint32(entry + 8, isLittle);
  const data = exif.subarray(start, start + view.getUint32(entry + 4, isLittle));
  const code = LATIN1.decode(data.subarray(0, 8));
  const text = data.subarray(8);
  if (!code.startsWith("UNICODE")) return UTF8.decode(text).replaceAll("\0", "");
  // Which of the two orders is meant the standard leaves open: zeros tell, in what people write.
  return new TextDecoder(text[0] === 0 || !isLittle ? "utf-16be" : "utf-16le").decode(text);
}

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const NAMES = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

const unescaped = (text) =>
  text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, name) =>
    name ? (NAMES[name] ?? whole) : String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16)),
  );

const known = (facts) => Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

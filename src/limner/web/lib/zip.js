// Several files in one, uncompressed, since pictures are compressed already.
// Source: PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (its end).

const UTF8_NAMES = 0x0800;
const ENCODER = new TextEncoder();

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function checksum(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** files: `{name, bytes}`; two of one name are told apart. @returns {Blob} */
export function zip(files) {
  const parts = [];
  const directory = [];
  let at = 0;
  for (const { name, bytes } of named(files)) {
    const label = ENCODER.encode(name);
    const about = [[2, UTF8_NAMES], [2, 0], [2, 0], [2, 0x21], [4, checksum(bytes)], [4, bytes.length], [4, bytes.length], [2, label.length], [2, 0]];
    const head = record([[4, 0x04034b50], [2, 20], ...about]);
    parts.push(head, label, bytes);
    directory.push(record([[4, 0x02014b50], [2, 20], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]]), label);
    at += head.length + label.length + bytes.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = record([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, at], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** fields: `[width in bytes, value]`, little-endian. */
function record(fields) {
  const bytes = [];
  for (const [width, value] of fields) for (let byte = 0; byte < width; byte++) bytes.push((value >>> (8 * byte)) & 255);
  return Uint8Array.from(bytes);
}

function* named(files) {
  const seen = new Map();
  for (const { name, bytes } of files) {
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    yield { name: before ? name.replace(/(\.\w+)?$/, ` (${before + 1})$1`) : name, bytes };
  }
}

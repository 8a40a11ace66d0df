// Pictures that a person brings: read, checked, and made ready to be sent.

const MAX_BYTES = 20 * 1024 * 1024;
const SHOWN = new Set(["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"]);
const KINDS = new Set([...SHOWN, "image/tiff"]);

/**
 * @returns {Promise<{pictures: Array<{name, url, preview}>, problems: Array<{name, why}>}>}
 * url: a data URL; preview: an address for `<img>`; why: `kind` or `size`.
 */
export async function readPictures(files) {
  const pictures = [];
  const problems = [];
  for (const file of files) {
    if (!KINDS.has(file.type) || (await isBroken(file))) problems.push({ name: file.name, why: "kind" });
    else if (file.size > MAX_BYTES) problems.push({ name: file.name, why: "size" });
    else pictures.push({ name: file.name, url: await dataUrl(file), preview: URL.createObjectURL(file) });
  }
  return { pictures, problems };
}

/** Whether the browser cannot read a file of a kind that it knows; the server reads TIFF as well. */
async function isBroken(file) {
  if (!SHOWN.has(file.type)) return false;
  const bitmap = await createImageBitmap(file).catch(() => null);
  bitmap?.close();
  return !bitmap;
}

export function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Bytes of base64, as a Blob. */
export function fromBase64(text, format = "png") {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: `image/${format}` });
}

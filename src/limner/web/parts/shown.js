// What a card shows of its picture: the newest there is, without a gap, and nothing kept behind.

import { loadPicture } from "../lib/api.js";
import { fromBase64 } from "../lib/pictures.js";
import { sightOf } from "../lib/seen.js";

export class Shown {
  /** host: the part that shows `source`, and is drawn anew when that changes. */
  constructor(host) {
    this.host = host;
    this.source = "";
    this.wanted = "";
  }

  /** The picture itself, else the last partial image, else nothing. before: the item as it was. */
  async update(item, before) {
    const isOther = before?.id !== item.id;
    if (item.phase === "done") {
      if (before?.phase !== "done" || isOther) await this.finish(item);
    } else if (item.partial) {
      if (item.partial !== before?.partial) await this.put(addressOf(item.partial.base64, item.partial.format));
    } else if (isOther) this.drop();
  }

  /** A kept picture is fetched once someone may see it: a long chat has many. */
  async finish({ id, result, format }) {
    if (result) return this.put(addressOf(result, format));
    this.wanted = id;
    this.sight?.stop();
    this.sight = sightOf(this.host);
    await this.sight.promise;
    const source = await loadPicture(id).catch(() => "");
    return this.wanted === id ? this.put(source) : forget(source);
  }

  /** Take the place of what is shown, once it can be drawn, unless something newer has come. */
  async put(source) {
    this.wanted = source;
    const picture = new Image();
    picture.src = source;
    await picture.decode().catch(() => {});
    if (this.wanted !== source) return forget(source);
    forget(this.source);
    this.source = source;
    return this.host.requestUpdate();
  }

  drop() {
    this.sight?.stop();
    forget(this.source);
    this.source = this.wanted = "";
  }
}

const addressOf = (base64, format) => URL.createObjectURL(fromBase64(base64, format));

const forget = (source) => source.startsWith("blob:") && URL.revokeObjectURL(source);

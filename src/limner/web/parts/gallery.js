// All pictures on one wall. Only those in sight are in the document, however many there are.

import { atHand, gallery, holdToCompare, loadMore, NO_FILTER, PERIODS, refresh, setFilter, showInChat } from "../lib/gallery.js";
import { download } from "../lib/download.js";
import { t } from "../lib/i18n.js";
import { deedOf } from "../lib/keys.js";
import { page, removePicture, runningTurns, star } from "../lib/page.js";
import { inSight, neighbour, wall } from "../lib/wall.js";
import { html, nothing, Part, repeat } from "./part.js";
import { icon } from "./icons.js";
import "./picture.js";
import "./preview.js";

const GAP_PX = 6;
const AHEAD_PX = 900;
const TYPING_MS = 250;
const THUMBNAIL = devicePixelRatio > 1.4 ? 640 : 320;
let scrolled = 0;

class Gallery extends Part {
  static properties = { room: { state: true }, top: { state: true }, low: { state: true } };

  constructor() {
    super();
    this.room = 0;
    this.top = 0;
    this.low = 800;
    this.addEventListener("scroll", () => this.look(), { passive: true });
    this.addEventListener("keydown", (event) => this.key(event));
  }

  connectedCallback() {
    super.connectedCallback();
    this.unfollow = gallery.listen(() => this.requestUpdate());
    this.resized = new ResizeObserver(() => this.look());
    this.resized.observe(this);
    refresh();
  }

  disconnectedCallback() {
    clearTimeout(this.typing);
    this.unfollow();
    this.resized.disconnect();
    scrolled = this.top;
    gallery.set({ shown: null, held: null });
    super.disconnectedCallback();
  }

  look() {
    this.low = this.clientHeight;
    this.top = this.scrollTop;
    this.room = this.querySelector(".wall")?.clientWidth ?? 0;
  }

  /** What was painted meanwhile comes to hang here, too. */
  willUpdate() {
    const running = runningTurns().length;
    if (running < this.running) refresh();
    this.running = running;
  }

  render() {
    const { problem, isLoading, shown } = gallery.get();
    this.pictures = atHand();
    this.wall = wall(this.pictures, this.room, this.room < 600 ? 150 : 250, GAP_PX);
    return html`<div class="gallery">
      ${this.filters()} ${problem ? html`<p class="problem" role="alert">${problem}</p>` : nothing}
      ${this.pictures.length || isLoading || problem ? nothing : html`<p class="quiet nobody">${t(this.isFiltered() ? "gallery-none" : "gallery-empty")}</p>`}
      <ul class="wall" aria-label=${t("gallery")} aria-busy=${isLoading} .style=${`height: ${this.wall.height}px`}>
        ${repeat(this.seen(), ([{ id }]) => id, ([picture, at]) => this.tile(picture, at))}
      </ul>
      ${shown ? html`<lm-preview></lm-preview>` : nothing}
    </div>`;
  }

  /** The pictures in sight, and the one with the focus: it must not vanish. Each with its place. */
  seen() {
    const [from, to] = inSight(this.wall.places, this.top - AHEAD_PX, this.top + this.low + AHEAD_PX);
    const { at } = gallery.get();
    const all = this.pictures.slice(from, to).map((picture, place) => [picture, from + place]);
    return this.pictures[at] && (at < from || at >= to) ? [...all, [this.pictures[at], at]] : all;
  }

  tile({ id, prompt }, at) {
    const { x, y, width, height } = this.wall.places[at];
    const { hasMore, held, at: focused } = gallery.get();
    return html`<li aria-posinset=${at + 1} aria-setsize=${hasMore ? -1 : this.pictures.length} .style=${`left:${x}px;top:${y}px;width:${width}px;height:${height}px`}>
      <button
        class="tile ${held === id ? "held" : ""}"
        tabindex=${at === focused ? 0 : -1}
        data-at=${at}
        title=${prompt ?? ""}
        aria-label=${t("picture-of", { prompt: prompt || t("untitled") })}
        @focus=${() => gallery.get().at === at || gallery.set({ at })}
        @click=${() => gallery.set({ shown: id, at })}
      >
        <lm-picture .picture=${id} width=${THUMBNAIL}></lm-picture>
        ${page.get().stars.has(id) ? html`<span class="badge">${icon("star")}</span>` : nothing}
        ${held === id ? html`<span class="badge start">${icon("compare")}</span>` : nothing}
      </button>
    </li>`;
  }

  filters() {
    const { filter } = gallery.get();
    const change = (name) => ({ target }) => setFilter({ [name]: target.value });
    const picked = (name, values, label) => html`<select aria-label=${label} .value=${filter[name]} @change=${change(name)}>
      <option value="">${label}</option>
      ${values.map((value) => html`<option value=${value} ?selected=${filter[name] === value}>${t(`gallery-${value}`)}</option>`)}
    </select>`;
    return html`<form class="filters" role="search" @submit=${(event) => event.preventDefault()}>
      <input type="search" dir="auto" aria-label=${t("gallery-search")} placeholder=${t("gallery-search")} .value=${filter.q} @input=${this.typed} />
      ${picked("ratio", ["landscape", "portrait", "square"], t("gallery-shape"))} ${picked("period", Object.keys(PERIODS), t("gallery-time"))}
      <button type="button" class="chip-button ${filter.starred ? "starred" : ""}" aria-pressed=${filter.starred} @click=${() => setFilter({ starred: !filter.starred })}>
        ${icon("star")} ${t("gallery-starred")}
      </button>
      ${this.isFiltered() ? html`<button type="button" class="plain" @click=${() => setFilter(NO_FILTER)}>${t("gallery-all")}</button>` : nothing}
    </form>`;
  }

  isFiltered() {
    const { filter } = gallery.get();
    return Object.keys(NO_FILTER).some((name) => filter[name] !== NO_FILTER[name]);
  }

  typed({ target }) {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => setFilter({ q: target.value.trim() }), TYPING_MS);
  }

  firstUpdated() {
    this.look();
    this.restored = false;
  }

  updated() {
    if (!this.restored && this.wall.height) {
      this.restored = true;
      this.scrollTop = scrolled;
    }
    if (this.room && this.top + this.low + AHEAD_PX > this.wall.height) loadMore();
  }

  key(event) {
    const tile = event.target.closest(".tile");
    if (!tile || event.defaultPrevented) return;
    const deed = this.moves[event.key] ?? this.deeds[deedOf(event, "gallery")];
    if (!deed) return;
    event.preventDefault();
    event.stopPropagation();
    deed(this.pictures[Number(tile.dataset.at)]);
  }

  moves = {
    ArrowUp: () => this.go(neighbour(this.wall.places, gallery.get().at, -1)),
    ArrowDown: () => this.go(neighbour(this.wall.places, gallery.get().at, 1)),
    Home: () => this.go(0),
    End: () => this.go(this.pictures.length - 1),
  };

  deeds = {
    before: () => this.go(gallery.get().at - 1),
    after: () => this.go(gallery.get().at + 1),
    preview: ({ id }) => gallery.set({ shown: id }),
    "compare-two": ({ id }) => holdToCompare(id) && page.set({ notice: { text: t("compare-other") } }),
    download: ({ id }) => download(id),
    star: ({ id }) => star(id),
    details: ({ id }) => gallery.set({ shown: id, hasDetails: true }),
    "to-chat": (picture) => showInChat(picture),
    delete: ({ id }) => this.takeAway(id),
  };

  async takeAway(id) {
    removePicture(id);
    await this.updateComplete;
    this.go(Math.min(gallery.get().at, this.pictures.length - 1));
  }

  async go(at) {
    if (!this.wall.places[at]) return;
    gallery.set({ at });
    await this.updateComplete;
    const tile = this.querySelector(`[data-at="${at}"]`);
    tile?.focus({ preventScroll: true });
    tile?.scrollIntoView({ block: "nearest" });
  }
}

customElements.define("lm-gallery", Gallery);
